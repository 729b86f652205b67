import type { Blitter } from '../blt/blitter.ts';
import { Engine } from '../cs/engine.ts';
import type { EngineContext, FlipPort } from '../cs/engine-contract.ts';
import { EXECUTE } from '../cs/execute.ts';
import { type Board, boardRows } from '../gtt/board.regs.ts';
import { Gam } from '../gtt/gam.ts';
import type { Ggtt } from '../gtt/ggtt.ts';
import type { Interrupts } from '../irq/interrupts.ts';
import type { Clock } from '../port/clock.ts';
import type { MachineMemory } from '../port/memory.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { ENGINE_IDS, type EngineId, GRDOM } from './engine.regs.ts';
import { GT_STORED_ROWS, MCHBAR_ROWS } from './gt.regs.ts';
import { Power } from './power.ts';
import { Settling } from './settling.ts';

const GDRST = 0x941c;
/** GDRST 0: everything. i915: `GEN6_GRDOM_FULL`. */
const GRDOM_FULL = 0x1;
const GRDOM_ALL: number = GRDOM_FULL | GRDOM.RCS | GRDOM.VCS | GRDOM.BCS | GRDOM.VECS;
/** How long GDRST's bits stay set, nanoseconds, or reads of it. */
const RESET_NS = 5000;
const RESET_POLLS = 2;
/**
 * Registers that lose what was written with the render engine, and those that only a full reset
 * clears, byte ranges. i915 writes them again: `rcs_engine_wa_init`, `hsw_gt_workarounds_init`,
 * `gen7_ppgtt_enable`. Power management, fuses and memory controller keep theirs.
 */
const WITH_RENDER: readonly (readonly [number, number])[] = [
  [0x2000, 0x2fff],
  [0x5200, 0x52ff],
  [0x7000, 0x7fff],
  [0xe000, 0xefff],
];
const WITH_ALL: readonly (readonly [number, number])[] = [
  [0x4000, 0x4fff],
  [0xb000, 0xbfff],
  [0x14000, 0x14fff],
];

/** Offsets and reset values of the GT's registers in some ranges. */
function* stored(ranges: readonly (readonly [number, number])[]): Generator<[number, number]> {
  for (const row of GT_STORED_ROWS) {
    if (!ranges.some(([first, last]) => row.offset >= first && row.offset <= last)) continue;
    for (let k = 0; k < (row.count ?? 1); k++) {
      yield [row.offset + k * (row.stride ?? 4), row.reset ?? 0];
    }
  }
}

/** Registers beside the engines' own that a reset of the render engine, or of the whole GT, clears. */
export function clearedByReset(full: boolean): number[] {
  return Array.from(stored(full ? [...WITH_RENDER, ...WITH_ALL] : WITH_RENDER), ([at]) => at);
}

export interface GtOptions {
  readonly regs: RegSpace;
  readonly memory: MachineMemory;
  readonly ggtt: Ggtt;
  readonly irq: Interrupts;
  readonly clock: Clock;
  readonly blitter: Blitter;
  readonly flips: FlipPort;
  /** Default: one memory channel, no eLLC. */
  readonly board?: Board;
  /** Called when work arrived: the host calls {@link Gt.step} soon. */
  readonly wake: () => void;
}

/** The GT: four engines that take turns, power, reset. */
export class Gt {
  readonly engines: readonly Engine[];
  readonly power: Power;
  readonly gam: Gam;
  /** Engine resets and full resets that GDRST asked for. */
  resets = 0;
  readonly #regs: RegSpace;
  /** Whose turn it is. */
  turn = 0;
  /** GDRST takes a while. */
  readonly settling: Settling;

  constructor(o: GtOptions) {
    this.#regs = o.regs;
    const wake = (): void => {
      this.power.engineActivity();
      o.wake();
    };
    const ctx: EngineContext = { ...o, wake, execute: EXECUTE };
    this.engines = ENGINE_IDS.map((id) => new Engine(id, ctx));
    this.power = new Power({
      regs: o.regs,
      clock: o.clock,
      idle: () => this.idle,
      raisePm: (bits) => o.irq.raisePm(bits),
    });
    const settling = new Settling(o.clock, RESET_NS, RESET_POLLS);
    this.settling = settling;
    for (const engine of this.engines) o.regs.add(engine.rows);
    o.regs.add(this.power.rows);
    o.regs.add(GT_STORED_ROWS);
    o.regs.add(MCHBAR_ROWS);
    o.regs.add(boardRows(o.board ?? { channels: 'single', edram: false }));
    this.gam = new Gam(o.regs, o.ggtt, this.engines);
    o.regs.add(this.gam.rows);
    // biome-ignore format: one register a line
    o.regs.add([
      { name: 'GEN6_GDRST', offset: GDRST, rw: GRDOM_ALL, onWrite: (_, value) => { this.#reset(value); settling.start(); }, onRead: (_, value) => (settling.poll() ? 0 : value), src: 'HSW PRM vol.2c GDRST; i915 gen6_hw_domain_reset' },
    ]);
  }

  engine(id: EngineId): Engine {
    return this.engines[ENGINE_IDS.indexOf(id)] as Engine;
  }

  /** Whether no engine has anything to execute. */
  get idle(): boolean {
    for (const engine of this.engines) if (!engine.idle) return false;
    return true;
  }

  /** Whether a step would do something. A hung or waiting engine is busy but not runnable. */
  get runnable(): boolean {
    for (const engine of this.engines) if (engine.runnable) return true;
    return false;
  }

  /**
   * Gives the engines one slice, in turns.
   *
   * @param budget bytes of work in all; see Engine.step
   * @returns whether anything is left to run. What waits for another engine is stepped again after
   * that one's signal wakes the device; what waits for the display after the host's next event.
   */
  step(budget: number): boolean {
    const count = this.engines.length;
    for (let i = 0; i < count; i++) {
      const index = (this.turn + i) % count;
      const engine = this.engines[index] as Engine;
      if (!engine.enabled || engine.idle) continue;
      this.gam.client = index;
      engine.step(budget / count);
    }
    this.gam.client = -1;
    this.turn = (this.turn + 1) % count;
    this.power.engineActivity();
    return this.runnable;
  }

  #reset(domains: number): void {
    const full = (domains & GRDOM_FULL) !== 0;
    if ((domains & GRDOM_ALL) === 0) return;
    this.resets++;
    for (const engine of this.engines) {
      if (full || (domains & GRDOM[engine.id]) !== 0) engine.reset();
    }
    if (full || (domains & GRDOM.RCS) !== 0) this.#forget(WITH_RENDER);
    if (full) this.#forget(WITH_ALL);
    this.power.engineActivity();
  }

  /** Gives the GT's registers in some ranges their reset values. */
  #forget(ranges: readonly (readonly [number, number])[]): void {
    for (const [offset, value] of stored(ranges)) this.#regs.poke(offset, value);
  }

  /** Power-on of everything but the registers, which the device's register file resets. */
  powerOn(): void {
    for (const engine of this.engines) engine.reset();
    this.power.reset();
  }
}
