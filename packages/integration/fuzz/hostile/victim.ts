import type { Vgpu } from '@xengt/linux-vgt';
import type { Domain, ScriptedEngine } from '@xengt/xen-vgt';
import { BCS, DATA_GFN, RCS, ScriptedGuest } from '../../src/host/testing/scripted-guest.ts';

/** Upper half of each word of a victim's memory that it does not draw to. */
export const MARK = 0x5ec2;
/** Jobs that are with the GPU at once: more than it does in a slice; pages that each draws. */
const QUEUED = 15;
const PAGES = 3;
const PAGE_DWORDS = 1024;
const SLOTS = 16;
/** Where a job's number is stored when it is done: a page behind what jobs draw. */
const SEQUENCE_PAGE: number = SLOTS * PAGES;
/** XY_COLOR_BLT, 32 bits a pixel, ROP F0, 4096 bytes a row. HSW PRM vol.2a. */
const FILL: readonly number[] = [0x54300004, 0x03f01000, 0];
const STORE: number = (0x20 << 23) | 0x400002;
const USER_INTERRUPT: number = 0x02 << 23;

/** A VM that works all the time, and looks at everything it gets. */
export class Victim {
  readonly name: string;
  readonly guest: ScriptedGuest;
  readonly domain: Domain;
  readonly vgpu: Vgpu;
  /** Jobs that were done, and done right. */
  jobs = 0;
  /** What was wrong first; null while nothing was. */
  trouble: string | null = null;
  readonly #ram: Int32Array;
  readonly #copy: Int32Array;
  /** 1: the frame is one that the VM itself draws to or queues in. */
  readonly #own: Uint8Array;
  #queued = 0;

  /** @param more ranges of frames, first and end, that the VM writes to beside */
  constructor(
    name: string,
    domain: Domain,
    engine: ScriptedEngine,
    vgpu: Vgpu,
    more: readonly (readonly [number, number])[] = [],
  ) {
    this.name = name;
    this.domain = domain;
    this.vgpu = vgpu;
    const ram = engine.ram.words;
    for (let i = 0; i < ram.length; i++) ram[i] = (MARK << 16) | (i & 0xffff);
    this.guest = new ScriptedGuest(domain, engine, vgpu);
    for (const e of [RCS, BCS]) this.guest.startRing(e);
    this.guest.poke(DATA_GFN + SEQUENCE_PAGE, [0]);
    this.#ram = ram;
    this.#copy = ram.slice();
    this.#own = new Uint8Array(ram.length / PAGE_DWORDS);
    this.#own.fill(1, 0x10, 0x20 + 4);
    this.#own.fill(1, DATA_GFN, DATA_GFN + SEQUENCE_PAGE + 1);
    for (const [frame, end] of more) this.#own.fill(1, frame, end);
  }

  /** Takes what is done and queues more. Cheap when nothing has changed. */
  feed(): void {
    const done = this.guest.peek(DATA_GFN + SEQUENCE_PAGE);
    while (this.jobs < done) this.#take(this.jobs + 1);
    if (done > this.#queued) this.trouble ??= `job ${done} was done before it was asked for`;
    while (this.#queued < this.jobs + QUEUED) this.#queue(++this.#queued);
  }

  /** Its driver reset the engine: what was queued and not done is queued again. */
  resubmit(): void {
    this.feed();
    this.#queued = this.jobs;
    this.feed();
  }

  #queue(job: number): void {
    const { guest } = this;
    const slot = job % SLOTS;
    const commands: number[] = [];
    for (let p = 0; p < PAGES; p++) {
      const gma = guest.dataGma + (slot * PAGES + p) * 4096;
      commands.push(...FILL, (1 << 16) | PAGE_DWORDS, gma, job * PAGES + p);
    }
    const sequence = guest.dataGma + SEQUENCE_PAGE * 4096;
    guest.submit(BCS, [...commands, STORE, 0, sequence, job, USER_INTERRUPT, 0]);
  }

  #take(job: number): void {
    const slot = job % SLOTS;
    for (let p = 0; p < PAGES; p++) {
      const first = (DATA_GFN + slot * PAGES + p) * PAGE_DWORDS;
      const want = job * PAGES + p;
      for (let i = first; i < first + PAGE_DWORDS; i++) {
        if (this.#ram[i] === want) continue;
        this.trouble ??= `job ${job} drew 0x${((this.#ram[i] as number) >>> 0).toString(16)}, not 0x${want.toString(16)}`;
        break;
      }
    }
    this.jobs = job;
  }

  /** Looks over everything that must be as it was. @returns what is wrong; null when nothing is */
  check(): string | null {
    if (this.trouble !== null) return `${this.name}: ${this.trouble}`;
    if (!this.vgpu.alive) return `${this.name} was stopped: ${this.vgpu.crashReason}`;
    if (this.vgpu.heldEngines !== 0) return `${this.name} was told to reset its engines`;
    if (this.domain.state !== 'running') return `${this.name} is ${this.domain.state}`;
    const [ram, copy, own] = [this.#ram, this.#copy, this.#own];
    for (let frame = 0; frame < own.length; frame++) {
      if (own[frame] === 1) continue;
      const end = (frame + 1) * PAGE_DWORDS;
      for (let i = frame * PAGE_DWORDS; i < end; i++) {
        if (ram[i] !== copy[i]) return `word 0x${i.toString(16)} of ${this.name}'s memory changed`;
      }
    }
    return null;
  }

  /** Machine frames that an attacker would like to reach. */
  get frames(): number[] {
    return [0x10, 0x24, DATA_GFN, DATA_GFN + 0x40].map((gfn) => this.domain.gfnToMfn(gfn));
  }
}
