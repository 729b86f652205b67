import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';

export const FORCEWAKE_MT = 0xa188;
export const FORCEWAKE = 0xa18c;
export const FORCEWAKE_ACK_HSW = 0x130044;
const FORCEWAKE_ACK = 0x130090;
const RPNSWREQ = 0xa008;
const RPSTAT1 = 0xa01c;
const RC_CONTROL = 0xa090;
/** RC_CONTROL 31 hardware control, 18 RC6. i915: `GEN6_RC_CTL_HW_ENABLE`, `GEN6_RC_CTL_RC6_ENABLE`. */
const RC6_ON: number = (1 << 31) | (1 << 18);
const GT_GFX_RC6_LOCKED = 0x138104;
const PCODE_MAILBOX = 0x138124;
const PCODE_DATA = 0x138128;
const D_COMP_HSW = 0x145f0c;
/** Residency counts in 1.28 us. i915: `intel_rc6_residency_ns`. */
const RESIDENCY_NS = 1280;

const PCODE_READY: number = 1 << 31;
const PCODE_ILLEGAL_CMD = 1;

/** What a mailbox command does: value of PCODE_DATA in and out. i915: `GEN6_PCODE_*`. */
type Pcode = (data: number, regs: RegSpace) => number;
// biome-ignore format: one command a line
const PCODE_COMMANDS: Readonly<Record<number, Pcode>> = {
  0x04: (data) => data,                                               // WRITE_RC6VIDS
  0x05: () => 0,                                                      // READ_RC6VIDS
  0x08: (data) => data,                                               // WRITE_MIN_FREQ_TABLE
  0x09: (data) => (((data & 0xff) << 8) | (((data & 0xff) * 2) << 16) | (data & 0xff)), // READ_MIN_FREQ_TABLE
  0x0c: () => 0,                                                      // READ_OC_PARAMS: no overclocking
  0x10: (_, regs) => regs.peek(D_COMP_HSW),                           // READ_D_COMP
  0x11: (data, regs) => { regs.poke(D_COMP_HSW, data); return data; }, // WRITE_D_COMP
  0x17: (data) => data,                                               // DE_WRITE_FREQ_REQ
  0x19: (data) => data,                                               // DISPLAY_IPS_CONTROL
  0x1a: () => 0x0804,                                                 // DYNAMIC_DUTY_CYCLE_CONTROL: efficient frequency 400 MHz
};

/** What the power block must know of the rest of the GPU. */
export interface PowerContext {
  readonly regs: RegSpace;
  readonly clock: Clock;
  /** Whether every engine is idle. */
  readonly idle: () => boolean;
}

/**
 * Forcewake, render frequency, RC6 residency and the PCODE mailbox. PRM vol.2c "Power management";
 * i915 intel_uncore.c, intel_rps.c, intel_rc6.c, intel_pcode.c.
 */
export class Power implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Mailbox commands that were refused as illegal. */
  refusedCommands = 0;
  readonly #ctx: PowerContext;
  #residencyNs = 0;
  #since = 0;
  #resting = false;

  constructor(ctx: PowerContext) {
    this.#ctx = ctx;
    const { regs } = ctx;
    const src = 'i915 gt/intel_gt_regs.h, i915_reg.h; HSW PRM vol.2c';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'FORCEWAKE_MT', offset: FORCEWAKE_MT, masked: true, rw: 0xffff, onWrite: (_, v) => this.#wake(FORCEWAKE_ACK_HSW, v), src },
      { name: 'FORCEWAKE', offset: FORCEWAKE, rw: 1, onWrite: (_, v) => this.#wake(FORCEWAKE_ACK, v), src },
      { name: 'FORCEWAKE_ACK_HSW', offset: FORCEWAKE_ACK_HSW, rw: 0, src },
      { name: 'FORCEWAKE_ACK', offset: FORCEWAKE_ACK, rw: 0, src },
      { name: 'GEN6_RPNSWREQ', offset: RPNSWREQ, onWrite: (_, v) => regs.poke(RPSTAT1, ((v >>> 24) & 0x7f) << 7), src },
      { name: 'GEN6_RPSTAT1', offset: RPSTAT1, rw: 0, src },
      { name: 'GEN6_RC_CONTROL', offset: RC_CONTROL, onWrite: () => this.accrue(), src },
      { name: 'GEN6_GT_GFX_RC6_LOCKED', offset: GT_GFX_RC6_LOCKED, rw: 0, src },
      { name: 'GEN6_GT_GFX_RC6', offset: GT_GFX_RC6_LOCKED + 4, rw: 0, onRead: () => this.#residency(), src },
      { name: 'GEN6_GT_GFX_RC6p', offset: GT_GFX_RC6_LOCKED + 8, count: 2, rw: 0, src },
      { name: 'GEN6_PCODE_MAILBOX', offset: PCODE_MAILBOX, onWrite: (_, v) => this.#mailbox(v), src },
      { name: 'GEN6_PCODE_DATA', offset: PCODE_DATA, count: 2, src },
      { name: 'D_COMP_HSW', offset: D_COMP_HSW, rw: 0, reset: 0x100, src },
    ];
  }

  get awake(): boolean {
    const { regs } = this.#ctx;
    return (regs.peek(FORCEWAKE_ACK_HSW) | regs.peek(FORCEWAKE_ACK)) !== 0;
  }

  #wake(ack: number, value: number): void {
    this.#ctx.regs.poke(ack, value & 0xffff);
    this.accrue();
  }

  /** Settles the RC6 residency up to now; called whenever what it depends on may have changed. */
  accrue(): void {
    const { regs, clock, idle } = this.#ctx;
    const now = clock.now;
    if (this.#resting) this.#residencyNs += now - this.#since;
    this.#since = now;
    const allowed = (regs.peek(RC_CONTROL) & RC6_ON) === RC6_ON;
    this.#resting = allowed && !this.awake && idle();
  }

  #residency(): number {
    this.accrue();
    return Math.floor(this.#residencyNs / RESIDENCY_NS) | 0;
  }

  #mailbox(value: number): void {
    if ((value & PCODE_READY) === 0) return;
    const { regs } = this.#ctx;
    const command = PCODE_COMMANDS[value & 0xff];
    if (command === undefined) {
      this.refusedCommands++;
      regs.poke(PCODE_MAILBOX, PCODE_ILLEGAL_CMD);
      return;
    }
    regs.poke(PCODE_DATA, command(regs.peek(PCODE_DATA), regs));
    regs.poke(PCODE_MAILBOX, 0);
  }
}
