import type { Blitter } from '../blt/blitter.ts';
import { Engine, type EngineContext, type FlipPort } from '../cs/engine.ts';
import { EXECUTE } from '../cs/execute.ts';
import type { Ggtt } from '../gtt/ggtt.ts';
import type { Interrupts } from '../irq/interrupts.ts';
import type { Clock } from '../port/clock.ts';
import type { MachineMemory } from '../port/memory.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { ENGINE_IDS, type EngineId, GRDOM } from './engine.regs.ts';
import { GT_STORED_ROWS, MCHBAR_ROWS } from './gt.regs.ts';
import { Power } from './power.ts';

const GDRST = 0x941c;
/** GDRST 0: everything. i915: `GEN6_GRDOM_FULL`. */
const GRDOM_FULL = 0x1;

export interface GtOptions {
  readonly regs: RegSpace;
  readonly memory: MachineMemory;
  readonly ggtt: Ggtt;
  readonly irq: Interrupts;
  readonly clock: Clock;
  readonly blitter: Blitter;
  readonly flips: FlipPort;
  /** Called when work arrived: the host calls {@link Gt.step} soon. */
  readonly wake: () => void;
}

/** The GT: four engines that take turns, power, reset. */
export class Gt {
  readonly engines: readonly Engine[];
  readonly power: Power;
  /** Engine resets and full resets that GDRST asked for. */
  resets = 0;
  #turn = 0;

  constructor(o: GtOptions) {
    const ctx: EngineContext = { ...o, execute: EXECUTE };
    this.engines = ENGINE_IDS.map((id) => new Engine(id, ctx));
    this.power = new Power({ regs: o.regs, clock: o.clock, idle: () => this.idle });
    for (const engine of this.engines) o.regs.add(engine.rows);
    o.regs.add(this.power.rows);
    o.regs.add(GT_STORED_ROWS);
    o.regs.add(MCHBAR_ROWS);
    // biome-ignore format: one register a line
    o.regs.add([
      { name: 'GEN6_GDRST', offset: GDRST, onWrite: (offset, value) => { this.#reset(value); o.regs.poke(offset, 0); }, src: 'HSW PRM vol.2c GDRST; i915 gen6_hw_domain_reset' },
      { name: 'GFX_FLSH_CNTL_GEN6', offset: 0x101008, rw: 0, src: 'i915 gen6_ggtt_invalidate: entries take effect when written' },
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
    const wasIdle = this.idle;
    const count = this.engines.length;
    for (let i = 0; i < count; i++) {
      const engine = this.engines[(this.#turn + i) % count] as Engine;
      if (engine.enabled && !engine.idle) engine.step(budget / count);
    }
    this.#turn = (this.#turn + 1) % count;
    if (wasIdle !== this.idle) this.power.accrue();
    return this.runnable;
  }

  #reset(domains: number): void {
    this.resets++;
    for (const engine of this.engines) {
      if ((domains & (GRDOM_FULL | GRDOM[engine.id])) !== 0) engine.reset();
    }
    this.power.accrue();
  }
}
