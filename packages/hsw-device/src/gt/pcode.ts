import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import { Settling } from './settling.ts';

const PCODE_MAILBOX = 0x138124;
const PCODE_DATA = 0x138128;
const D_COMP_HSW = 0x145f0c;
const RP_STATE_CAP = 0x145998;

/** MAILBOX 31: run, and busy until it is done; 7:0 command, then error. i915: `GEN6_PCODE_READY`. */
const READY = 0x80000000;
/** Errors. i915: `GEN6_PCODE_ERROR_MASK` and the codes of gen7. */
const SUCCESS = 0x0;
const ILLEGAL_CMD = 0x1;
const GT_RATIO_OUT_OF_RANGE = 0x10;
/** How long the power controller takes for a command, nanoseconds, or in polls of the mailbox. */
const COMMAND_NS = 10_000;
const COMMAND_POLLS = 2;
/** One entry for each ratio of 50 MHz that 8 bits can name. */
const RATIOS = 256;

/** What a command leaves in PCODE_DATA, and its error. */
interface Reply {
  data: number;
  error: number;
}

/**
 * The mailbox of the power controller. A command takes a few microseconds; until then the mailbox
 * reads busy. i915 intel_pcode.c `__snb_pcode_rw`; the commands are `GEN6_PCODE_*` in i915_reg.h.
 */
export class Pcode implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Commands refused: unknown ones, and ratios the GT does not have. */
  refused = 0;
  readonly #regs: RegSpace;
  readonly #busy: Settling;
  readonly #reply: Reply = { data: 0, error: SUCCESS };
  /** By GT ratio: 7:0 CPU's ratio, 15:8 the ring's. -1 until somebody has written one. */
  readonly #minFrequency = new Int32Array(RATIOS).fill(-1);
  #rc6Vids = 0;

  constructor(regs: RegSpace, clock: Clock) {
    this.#regs = regs;
    this.#busy = new Settling(clock, COMMAND_NS, COMMAND_POLLS);
    const src = 'i915 i915_reg.h GEN6_PCODE_MAILBOX; HSW PRM vol.2c';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'GEN6_PCODE_MAILBOX', offset: PCODE_MAILBOX, onWrite: (_, v, old) => this.#run(v, old), onRead: () => this.#poll(), src },
      { name: 'GEN6_PCODE_DATA', offset: PCODE_DATA, src },
      { name: 'GEN6_PCODE_DATA1', offset: PCODE_DATA + 4, src },
      { name: 'D_COMP_HSW', offset: D_COMP_HSW, rw: 0, reset: 0x100, src: 'i915 hsw_read_dcomp' },
    ];
  }

  /** Takes a command. A write while one runs is lost, as the interface says it must not happen. */
  #run(value: number, old: number): void {
    const regs = this.#regs;
    if ((old & READY) !== 0 && !this.#busy.over) {
      regs.poke(PCODE_MAILBOX, old);
      return;
    }
    if ((value & READY) === 0) return;
    const reply = this.#reply;
    reply.data = regs.peek(PCODE_DATA);
    reply.error = SUCCESS;
    this.#command(value & 0xff, reply);
    if (reply.error !== SUCCESS) this.refused++;
    else regs.poke(PCODE_DATA, reply.data);
    this.#busy.start();
  }

  #poll(): number {
    const regs = this.#regs;
    const value = regs.peek(PCODE_MAILBOX);
    if ((value & READY) === 0 || !this.#busy.poll()) return value;
    regs.poke(PCODE_MAILBOX, this.#reply.error);
    return this.#reply.error;
  }

  #command(command: number, reply: Reply): void {
    const regs = this.#regs;
    switch (command) {
      case 0x04: // WRITE_RC6VIDS
        this.#rc6Vids = reply.data;
        break;
      case 0x05: // READ_RC6VIDS
        reply.data = this.#rc6Vids;
        break;
      case 0x08: // WRITE_MIN_FREQ_TABLE: 7:0 GT ratio, 15:8 CPU, 23:16 ring
        if (this.#ratioKnown(reply))
          this.#minFrequency[reply.data & 0xff] = (reply.data >>> 8) & 0xffff;
        break;
      case 0x09: // READ_MIN_FREQ_TABLE: 7:0 CPU, 15:8 ring
        if (this.#ratioKnown(reply)) reply.data = this.#minimum(reply.data & 0xff);
        break;
      case 0x0c: // READ_OC_PARAMS: no overclocking
        reply.data = 0;
        break;
      case 0x10: // READ_D_COMP
        reply.data = regs.peek(D_COMP_HSW);
        break;
      case 0x11: // WRITE_D_COMP
        regs.poke(D_COMP_HSW, reply.data);
        break;
      case 0x17: // DE_WRITE_FREQ_REQ: the display clock's voltage is always there
      case 0x19: // DISPLAY_IPS_CONTROL
        break;
      case 0x1a: // DYNAMIC_DUTY_CYCLE_CONTROL: 15:8 efficient ratio, 400 MHz
        reply.data = 0x0804;
        break;
      default:
        reply.error = ILLEGAL_CMD;
    }
  }

  #ratioKnown(reply: Reply): boolean {
    const cap = this.#regs.peek(RP_STATE_CAP);
    const ratio = reply.data & 0xff;
    const known = cap === 0 || (ratio >= ((cap >>> 16) & 0xff) && ratio <= (cap & 0xff));
    if (!known) reply.error = GT_RATIO_OUT_OF_RANGE;
    return known;
  }

  /** Ratios of CPU and ring are of 100 MHz: before anybody writes, both run twice as fast as the GT. */
  #minimum(ratio: number): number {
    const written = this.#minFrequency[ratio] as number;
    return written < 0 ? (ratio << 8) | ratio : written;
  }

  /** Refusals, RC6 voltages, the reply, its settling, the frequency table. */
  exportState(): number[] {
    const { data, error } = this.#reply;
    const head = [this.refused, this.#rc6Vids, data, error];
    return [...head, ...this.#busy.exportState(), ...this.#minFrequency];
  }

  /** @param shiftNs what the clock here is ahead of the one that the state's times are of */
  importState(s: readonly number[], shiftNs = 0): void {
    this.refused = s[0] as number;
    this.#rc6Vids = s[1] as number;
    this.#reply.data = s[2] as number;
    this.#reply.error = s[3] as number;
    this.#busy.importState(s.slice(4, 6), shiftNs);
    this.#minFrequency.set(s.slice(6, 6 + RATIOS));
  }

  /** Power-on: what was written is lost. */
  reset(): void {
    this.#minFrequency.fill(-1);
    this.#rc6Vids = 0;
    this.#busy.stop();
  }
}
