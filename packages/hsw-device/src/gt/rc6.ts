import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import type { Activity } from './activity.ts';

const RC_CONTROL = 0xa090;
const RC_STATE = 0xa094;
const RC6_THRESHOLD = 0xa0b8;
const GT_GFX_RC6_LOCKED = 0x138104;
/** RC_CONTROL 31 hardware decides, 18 RC6. i915: `GEN6_RC_CTL_HW_ENABLE`, `GEN6_RC_CTL_RC6_ENABLE`. */
const HW_ENABLE = 0x80000000;
const RC6_ENABLE = 0x40000;
/** RC_STATE 18:16, the state software asks for: 4 is RC6. i915: `RC_SW_TARGET_STATE_SHIFT`. */
const TARGET_SHIFT = 16;
const TARGET_RC6 = 4;
/** GT_CORE_STATUS 2:0. i915: `GEN6_RC0`, `GEN6_RC6`. */
const CORE_RC0 = 0;
const CORE_RC6 = 3;
/** GT_THREAD_STATUS 2:0, 0 when awake. i915: `GEN6_GT_THREAD_STATUS_CORE_MASK`. */
const THREAD_ASLEEP = 7;
/** Power management counts in 1.28 us. i915: `intel_gt_ns_to_pm_interval`, `intel_rc6_residency_ns`. */
export const PM_UNIT_NS = 1280;

const SRC = 'HSW PRM vol.2c RC6; i915 gt/intel_rc6.c gen6_rc6_enable, intel_rc6_park';

/**
 * The GT's sleep. It sleeps when it is idle and nobody keeps it awake: at once where the driver
 * asks for it, else after RC6_THRESHOLD of idleness where hardware decides. RC6+ and RC6++ are
 * states that Haswell does not have.
 */
export class Rc6 implements RegBlock {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #activity: Activity;
  /** When sleep begins or began; Infinity while it may not. Nanoseconds. */
  #from: number = Number.POSITIVE_INFINITY;
  #asleepNs = 0;

  /** @param changed called when what the driver allows has changed */
  constructor(regs: RegSpace, activity: Activity, changed: () => void) {
    this.#regs = regs;
    this.#activity = activity;
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'GEN6_RC_CONTROL', offset: RC_CONTROL, onWrite: changed, src: SRC },
      { name: 'GEN6_RC_STATE', offset: RC_STATE, onWrite: changed, src: SRC },
      { name: 'GEN6_RC1_WAKE_RATE_LIMIT', offset: 0xa098, src: SRC },
      { name: 'GEN6_RC6_WAKE_RATE_LIMIT', offset: 0xa09c, src: SRC },
      { name: 'GEN6_RC6pp_WAKE_RATE_LIMIT', offset: 0xa0a0, src: SRC },
      { name: 'GEN6_RC_EVALUATION_INTERVAL', offset: 0xa0a8, src: SRC },
      { name: 'GEN6_RC_IDLE_HYSTERSIS', offset: 0xa0ac, src: SRC },
      { name: 'GEN6_RC_SLEEP', offset: 0xa0b0, src: SRC },
      { name: 'GEN6_RC1e_THRESHOLD', offset: 0xa0b4, src: SRC },
      { name: 'GEN6_RC6_THRESHOLD', offset: RC6_THRESHOLD, onWrite: changed, src: SRC },
      { name: 'GEN6_RC6p_THRESHOLD', offset: 0xa0bc, src: SRC },
      { name: 'GEN6_RC6pp_THRESHOLD', offset: 0xa0c0, src: SRC },
      { name: 'GEN6_GT_THREAD_STATUS', offset: 0x13805c, rw: 0, onRead: () => (this.asleep ? THREAD_ASLEEP : 0), src: 'i915 GEN6_GT_THREAD_STATUS_REG: 0 is awake' },
      { name: 'GEN6_GT_CORE_STATUS', offset: 0x138060, rw: 0, onRead: () => (this.asleep ? CORE_RC6 : CORE_RC0), src: 'i915 GEN6_GT_CORE_STATUS' },
      { name: 'GEN6_GT_GFX_RC6_LOCKED', offset: GT_GFX_RC6_LOCKED, rw: 0, src: SRC },
      { name: 'GEN6_GT_GFX_RC6', offset: GT_GFX_RC6_LOCKED + 4, rw: 0, onRead: () => this.residency(), src: SRC },
      { name: 'GEN6_GT_GFX_RC6p', offset: GT_GFX_RC6_LOCKED + 8, rw: 0, src: SRC },
      { name: 'GEN6_GT_GFX_RC6pp', offset: GT_GFX_RC6_LOCKED + 12, rw: 0, src: SRC },
    ];
  }

  /** Whether the GT's power well is off now. */
  get asleep(): boolean {
    return this.#activity.now >= this.#from;
  }

  /** Settles up to now and decides anew. @param held whether somebody keeps the GT awake */
  update(held: boolean): void {
    const { now, busy } = this.#activity;
    const asleep = now >= this.#from;
    if (asleep) this.#asleepNs += now - this.#from;
    const control = this.#regs.peek(RC_CONTROL);
    if (busy || held || (control & RC6_ENABLE) === 0) {
      this.#from = Number.POSITIVE_INFINITY;
    } else if (asleep || this.#asked(control)) {
      this.#from = now;
    } else if ((control & HW_ENABLE) !== 0) {
      const threshold = (this.#regs.peek(RC6_THRESHOLD) >>> 0) * PM_UNIT_NS;
      this.#from = Math.min(this.#from, now + threshold);
    } else {
      this.#from = Number.POSITIVE_INFINITY;
    }
  }

  /** Whether software itself asks for RC6. */
  #asked(control: number): boolean {
    if ((control & HW_ENABLE) !== 0) return false;
    return ((this.#regs.peek(RC_STATE) >>> TARGET_SHIFT) & 7) >= TARGET_RC6;
  }

  /** Time asleep since power-on in units of 1.28 us, the low 32 bits. */
  residency(): number {
    const { now } = this.#activity;
    const present = now >= this.#from ? now - this.#from : 0;
    return Math.floor((this.#asleepNs + present) / PM_UNIT_NS) | 0;
  }

  /** When sleep begins or began, -1 for never; time asleep before. */
  exportState(): number[] {
    return [this.#from === Number.POSITIVE_INFINITY ? -1 : this.#from, this.#asleepNs];
  }

  /** @param shiftNs what the clock here is ahead of the one that the state's times are of */
  importState(s: readonly number[], shiftNs = 0): void {
    this.#from = (s[0] as number) < 0 ? Number.POSITIVE_INFINITY : (s[0] as number) + shiftNs;
    this.#asleepNs = s[1] as number;
  }

  /** Power-on: nothing is counted yet. */
  reset(): void {
    this.#from = Number.POSITIVE_INFINITY;
    this.#asleepNs = 0;
  }
}
