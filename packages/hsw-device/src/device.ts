import { Aperture } from './aperture/aperture.ts';
import { FENCE_COUNT, FenceRegisters } from './aperture/fences.ts';
import { Blitter } from './blt/blitter.ts';
import type { FlipPort } from './cs/engine-contract.ts';
import { type DeviceStateV1, exportDevice, importDevice } from './device-state.ts';
import { DisplayEngine } from './display/display-engine.ts';
import type { PortName, PortWiring } from './display/ports.ts';
import { Gt } from './gt/gt.ts';
import type { Power } from './gt/power.ts';
import { GM_PAGES } from './gtt/address-space.ts';
import type { MemoryChannels } from './gtt/board.regs.ts';
import { Ggtt } from './gtt/ggtt.ts';
import { Interrupts } from './irq/interrupts.ts';
import { type HaswellModel, haswellModel } from './pci/igd.ts';
import type { Clock } from './port/clock.ts';
import type { DmaPort } from './port/dma.ts';
import { DwordTarget } from './port/dword-target.ts';
import type { MachineMemory } from './port/memory.ts';
import type { TrapTarget } from './port/trap.ts';
import { RegSpace } from './reg/reg-space.ts';

/** BAR0: 2 MiB of registers, then the GTT. PRM vol.1 "GTTMMADR". */
export const GTT_WINDOW = 0x200000;

export interface HaswellOptions {
  /** PCI device id of any Haswell GT1, GT2 or GT3. Default 0x0412. */
  readonly deviceId?: number;
  readonly memory: MachineMemory;
  readonly clock: Clock;
  /** What lies between the device and memory. Default: nothing. */
  readonly dma?: DmaPort;
  /** BAR2's size, MiB. Default 256. */
  readonly apertureMiB?: number;
  /** Which ports the board has. Default `DESKTOP_WIRING`. */
  readonly wiring?: Readonly<Record<PortName, PortWiring>>;
  /** How the machine's DIMMs lie; two channels make the driver swizzle tiles. Default `single`. */
  readonly memoryChannels?: MemoryChannels;
  /** Called when engines have work: the host then calls `step` until it returns false. */
  readonly wake?: () => void;
}

/**
 * `d3`: D3hot and back, over which the GT's state is kept as over RC6 and the fences are lost (i915
 * `i915_gem_runtime_suspend`); `function`: a function-level reset; `power`: the machine slept (S3)
 * or was switched on.
 */
export type ResetKind = 'd3' | 'function' | 'power';

/** Our own mistake or a bad configuration; never caused by a guest. */
export class HaswellConfigError extends Error {
  readonly code = 'NOT_A_HASWELL';
}

/**
 * A Haswell GPU at register level: what answers behind BAR0 and BAR2 of 00:02.0, and the engines
 * behind it. It knows no VM: addresses in its GTT are machine addresses.
 */
export class HaswellDevice {
  readonly model: HaswellModel;
  readonly memory: MachineMemory;
  readonly clock: Clock;
  readonly regs: RegSpace = new RegSpace();
  readonly ggtt: Ggtt;
  readonly irq: Interrupts;
  readonly fences: FenceRegisters;
  readonly blitter: Blitter;
  readonly display: DisplayEngine;
  /** Called before each step: a mediator hands over what has come since the one before. */
  onStep: () => void = () => {};
  /** Who carries out commands that name the display. A mediator puts itself in between. */
  commandDisplay: FlipPort;
  readonly gt: Gt;
  /** The whole aperture, as the CPU of an unshared machine sees it. */
  readonly aperture: Aperture;
  readonly apertureBytes: number;
  /** BAR0 of an unshared machine. */
  readonly mmio: TrapTarget;
  /** {@link HaswellOptions.wake}. */
  readonly wake: () => void;

  /** @throws HaswellConfigError when the device id is not a Haswell's */
  constructor(o: HaswellOptions) {
    const id = o.deviceId ?? 0x0412;
    const model = haswellModel(id);
    if (model === undefined) {
      throw new HaswellConfigError(`0x${id.toString(16)} is not the device id of a Haswell GPU`);
    }
    this.model = model;
    this.memory = o.memory;
    this.clock = o.clock;
    this.wake = o.wake ?? ((): void => {});
    this.apertureBytes = (o.apertureMiB ?? 256) << 20;
    this.ggtt = new Ggtt(o.memory, o.dma);
    this.irq = new Interrupts(this.regs);
    this.fences = new FenceRegisters(this.regs);
    this.blitter = new Blitter(o.memory, this.regs);
    this.regs.add(this.irq.rows);
    this.regs.add(this.fences.rows);
    this.display = new DisplayEngine({
      regs: this.regs,
      clock: o.clock,
      irq: this.irq,
      space: this.ggtt.space,
      ...(o.wiring === undefined ? {} : { wiring: o.wiring }),
    });
    this.regs.add(this.display.rows);
    this.commandDisplay = this.display;
    this.gt = new Gt({
      regs: this.regs,
      memory: o.memory,
      ggtt: this.ggtt,
      irq: this.irq,
      clock: o.clock,
      blitter: this.blitter,
      flips: {
        displayFlip: (cmd, length) => this.commandDisplay.displayFlip(cmd, length),
        eventPending: (header) => this.commandDisplay.eventPending(header),
        loadScanLines: (pipe, window) => this.commandDisplay.loadScanLines(pipe, window),
      },
      board: {
        channels: o.memoryChannels ?? 'single',
        edram: model.part === 'crw' && model.gt === 3,
      },
      wake: this.wake,
    });
    this.aperture = new Aperture('aperture', this.ggtt.space, this.fences, 0, this.apertureBytes);
    this.mmio = new GttMmio('gttmmio', this.regs, this.ggtt, this.gt.power);
  }

  /**
   * Takes the state that a reset takes. Monitors stay plugged in, and system memory is nobody's
   * here. The GTT lies in memory of the GPU's own, which only `power` is taken to lose; its driver
   * writes it again in any case (i915 `i915_ggtt_resume`).
   */
  reset(kind: ResetKind): void {
    if (kind !== 'd3') {
      this.regs.reset();
      this.gt.powerOn();
      this.display.reset();
    }
    if (kind === 'power') this.ggtt.clear();
    for (const row of this.fences.rows) {
      for (let i = 0; i < FENCE_COUNT; i++) this.regs.poke(row.offset + i * 8, 0);
    }
    this.fences.updateAll();
    this.irq.update();
  }

  /** {@link exportDevice}. */
  exportState(): DeviceStateV1 {
    return exportDevice(this);
  }

  /** {@link importDevice}. @returns null, or why the state was refused */
  importState(state: unknown): string | null {
    return importDevice(this, state);
  }

  /** {@link Gt.step}. */
  step(budget: number): boolean {
    this.onStep();
    return this.gt.step(budget);
  }
}

/** BAR0 of the device: the registers, then the GTT. */
export class GttMmio extends DwordTarget {
  readonly name: string;
  readonly #regs: RegSpace;
  readonly #ggtt: Ggtt;
  readonly #power: Power;

  constructor(name: string, regs: RegSpace, ggtt: Ggtt, power: Power) {
    super();
    this.name = name;
    this.#regs = regs;
    this.#ggtt = ggtt;
    this.#power = power;
  }

  read32(offset: number): number {
    if (offset >= GTT_WINDOW) return this.#ggtt.read((offset - GTT_WINDOW) >>> 2);
    return this.#power.readLost(offset) ? 0 : this.#regs.read32(offset);
  }

  write32(offset: number, value: number): void {
    if (offset < GTT_WINDOW) this.#regs.write32(offset, value);
    else if ((offset - GTT_WINDOW) >>> 2 < GM_PAGES) {
      this.#ggtt.write((offset - GTT_WINDOW) >>> 2, value);
    }
  }

  protected stored(offset: number): number {
    return offset < GTT_WINDOW
      ? this.#regs.unwritten(offset)
      : this.#ggtt.read((offset - GTT_WINDOW) >>> 2);
  }
}
