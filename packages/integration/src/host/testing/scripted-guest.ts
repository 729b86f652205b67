import { engineRegs as R } from '@xengt/hsw-device';
import type { Vgpu } from '@xengt/linux-vgt';
import type { Domain, ScriptedEngine } from '@xengt/xen-vgt';
import { IGD_DEVFN } from '../machine.ts';

/** Where the guest's firmware put the BARs. */
const BAR0 = 0xf0000000;
const BAR2 = 0xc0000000;
const GTT = 0x200000;
const COMMAND_MEMORY_MASTER = 6;
/** LLC, valid. */
const PTE = 7;

/** Frames of its RAM, 4 MiB. */
const RING_GFN = 0x10;
const HWSP_GFN = 0x20;
export const BATCH_GFN = 0x30;
export const TABLE_GFN = 0x80;
export const DATA_GFN = 0x100;
const PAGES = 64;
const RING_PAGES = 4;

export const RCS = 0;
export const BCS = 2;

/**
 * A guest whose driver is this program: it makes the accesses to 00:02.0 that a real driver would,
 * through configuration space and BARs that the hypervisor traps.
 */
export class ScriptedGuest {
  readonly engine: ScriptedEngine;
  readonly domain: Domain;
  readonly vgpu: Vgpu;
  readonly #tails: number[] = [0, 0, 0, 0];

  /** @param before what it was on another machine, or before it was saved: its BARs are set up */
  constructor(domain: Domain, engine: ScriptedEngine, vgpu: Vgpu, before?: ScriptedGuest) {
    this.domain = domain;
    this.engine = engine;
    this.vgpu = vgpu;
    if (before !== undefined) {
      this.#tails.splice(0, this.#tails.length, ...before.#tails);
      return;
    }
    domain.attachPci(IGD_DEVFN, vgpu.config.space);
    engine.configWrite(IGD_DEVFN, 0x10, 4, BAR0 | 0);
    engine.configWrite(IGD_DEVFN, 0x18, 4, BAR2 | 0);
    engine.configWrite(IGD_DEVFN, 0x04, 2, COMMAND_MEMORY_MASTER);
    domain.resume();
  }

  read(register: number): number {
    return this.engine.read32(BAR0 + register);
  }
  write(register: number, value: number): void {
    this.engine.write32(BAR0 + register, value);
  }
  /** A dword of the aperture, by graphics address. */
  apertureRead(gma: number): number {
    return this.engine.read32(BAR2 + gma);
  }
  apertureWrite(gma: number, value: number): void {
    this.engine.write32(BAR2 + gma, value);
  }

  /** Writes the GTT entry of a graphics address. @param gfn up to 27 bits */
  map(gma: number, gfn: number): void {
    this.write(GTT + (gma >>> 12) * 4, pte(gfn));
  }

  get low(): number {
    return this.vgpu.slice.lowBase;
  }
  get high(): number {
    return this.vgpu.slice.highBase;
  }
  get batchGma(): number {
    return this.low + 0x100000;
  }
  get dataGma(): number {
    return this.low + 0x200000;
  }

  base(engine: number): number {
    return R.RING_BASE[R.ENGINE_IDS[engine] as 'RCS'];
  }

  /** Data and batches mapped; ring and status page of an engine set up as i915 does. */
  startRing(engine: number): void {
    const ring = this.low + 0x10000 + engine * 0x8000;
    const status = this.low + 0x1000 + engine * 0x1000;
    for (let p = 0; p < RING_PAGES; p++) this.map(ring + p * 4096, RING_GFN + engine * 4 + p);
    this.map(status, HWSP_GFN + engine);
    for (let p = 0; p < PAGES; p++) this.map(this.batchGma + p * 4096, BATCH_GFN + p);
    for (let p = 0; p < PAGES; p++) this.map(this.dataGma + p * 4096, DATA_GFN + p);
    const b = this.base(engine);
    this.write(R.HWS_PGA[R.ENGINE_IDS[engine] as 'RCS'], status);
    this.write(b + R.RING_START, ring);
    this.write(b + R.RING_HEAD, 0);
    this.write(b + R.RING_TAIL, 0);
    this.write(b + R.RING_CTL, ((RING_PAGES - 1) << 12) | R.RING_VALID);
    this.#tails[engine] = 0;
  }

  /** Appends commands to the ring, padded to a qword, and moves TAIL. */
  submit(engine: number, commands: readonly number[]): void {
    const list = commands.length % 2 === 0 ? commands : [...commands, 0];
    let tail = this.#tails[engine] as number;
    for (const dword of list) {
      this.engine.write32((RING_GFN + engine * 4) * 4096 + tail, dword);
      tail = (tail + 4) % (RING_PAGES * 4096);
    }
    this.#tails[engine] = tail;
    this.write(this.base(engine) + R.RING_TAIL, tail);
  }

  /** Writes dwords to its memory. */
  poke(gfn: number, dwords: readonly number[], offset = 0): void {
    dwords.forEach((d, i) => {
      this.engine.write32(gfn * 4096 + (offset + i) * 4, d);
    });
  }
  peek(gfn: number, offset = 0): number {
    return this.engine.read32(gfn * 4096 + offset * 4);
  }

  /** Turns the PPGTT on for an engine: a directory in the high slice, one table of its own. */
  startPpgtt(engine: number): void {
    const directory = this.high + 0x400000;
    this.map(directory, TABLE_GFN);
    this.write(this.base(engine) + R.RING_PP_DIR_DCLV, -1);
    this.write(this.base(engine) + R.RING_PP_DIR_BASE, ppDir(directory));
    this.write(this.base(engine) + R.RING_GFX_MODE, (0x200 << 16) | 0x200);
  }
}

/** A gen7 PTE of a frame below 2^27: bits 39:32 of the address in 10:4. */
export function pte(gfn: number): number {
  return (gfn << 12) | ((gfn >>> 16) & 0x7f0) | PTE;
}

/** PP_DIR_BASE of a directory at a graphics address's GTT entries. */
export function ppDir(gma: number): number {
  return ((gma >>> 12) >>> 4) << 16;
}
