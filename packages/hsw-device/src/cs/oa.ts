import type { AddressSpace } from '../gtt/address-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import type { Engine } from './engine.ts';
import { coreClockPlace, OA_FORMATS, type OaFormat } from './oa-format.ts';

/** What the unit holds besides its registers: clocks, nanoseconds, ticks. */
export interface OaStateV1 {
  readonly overflows: number;
  readonly clocks: number;
  readonly busyClocks: number;
  readonly sinceNs: number;
  readonly busyNs: number;
  readonly counting: boolean;
  readonly next: number;
}

/** PRM vol.2c "Observability"; i915 i915_perf_oa_regs.h `GEN7_OA*`. */
const OACONTROL = 0x2360;
const OASTATUS1 = 0x2364;
const OASTATUS2 = 0x2368;
const OABUFFER = 0x23b0;
/** OACONTROL 31:12 context, 11:6 timer exponent, 5 timer, 4:2 format, 1 that context only, 0 on. */
const CONTEXT_MASK: number = ~0xfff;
const TIMER_ENABLE = 0x20;
const PER_CONTEXT = 0x2;
const ENABLE = 0x1;
/** OASTATUS1 31:6 tail, 5:3 size (128 KiB shifted), 1 buffer overflow. OASTATUS2 31:6 head, 0 GGTT. */
const POINTER: number = ~0x3f;
const OVERFLOW = 0x2;
const GGTT = 0x1;
/** OABUFFER 3: stop at an unread report instead of writing over it. */
const OVERRUN_DISABLE = 0x8;
/** What i915 takes for a report is one whose first dword is not 0. Bit 10 goes with the timer. IGT tests/intel/perf.c. */
const REPORT_TIMER = 0x400;
/** Time stamps count 80 ns. */
const TICK_NS = 80;
/** RPSTAT1 13:7, in units of 50 MHz. i915 `HSW_CAGF_MASK`. */
const RPSTAT1 = 0xa01c;
const UNIT_MHZ = 50;
/** Frequency while RPSTAT1 names none: RP1. */
const DEFAULT_UNITS = 7;
const A_BUSY = 41;

/**
 * The observation unit of the render engine: reports of time stamp and counters, by a timer into a
 * ring of up to 16 MiB, or by MI_REPORT_PERF_COUNT. Counted are core clocks and the clocks in which
 * the render engine had work; what shaders and samplers would count stays 0.
 *
 * Timer reports are written when somebody looks (a read of the tail) and before what decides about
 * them changes (the set-up, the context): each with the time at which it was due, when the time
 * stamp's bit of the exponent goes to 1. Nothing runs for them in between. Of more than a ring holds
 * the latest are written.
 */
export class OaUnit implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Times that the tail met the head: the buffer was full of what nobody had read. */
  overflows = 0;
  readonly #engine: Engine;
  /** Clocks counted up to #sinceNs. */
  #clocks = 0;
  #busyClocks = 0;
  #sinceNs = 0;
  #busyNs = 0;
  #counting = false;
  /** TIMESTAMP of the next timer report. */
  #next = 0;

  constructor(e: Engine) {
    this.#engine = e;
    const src = 'HSW PRM vol.2c observability; i915 i915_perf.c gen7_oa_*, hsw_oa_mux_regs';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'OACONTROL',          offset: OACONTROL, onWrite: (_, value, old) => this.#control(value, old), src },
      { name: 'OASTATUS1',          offset: OASTATUS1, onRead: () => this.#status(), src },
      { name: 'OASTATUS2',          offset: OASTATUS2, src },
      { name: 'OA_CONTEXT_STATE',   offset: 0x236c, count: 3, src },
      { name: 'OABUFFER',           offset: OABUFFER, src },
      { name: 'OA_CONTEXT',         offset: 0x23b4, count: 3, src },
      { name: 'OASTARTTRIG',        offset: 0x2710, count: 12, src },
      { name: 'OAREPORTTRIG',       offset: 0x2740, count: 12, src },
      { name: 'OACEC',              offset: 0x2770, count: 36, src },
      { name: 'OA_COUNTERS',        offset: 0x2800, count: 0x100, src },
      { name: 'OA_PERFCNT',         offset: 0x91b8, count: 6, src },
      { name: 'MICRO_BP_NOA_WRITE', offset: 0x9800, count: 35, src },
      { name: 'HSW_MBVID2_NOA',     offset: 0x9e80, count: 10, src },
      { name: 'HSW_MBVID2_MISR0',   offset: 0x9ec0, src },
      { name: 'HSW_NOA_MUX',        offset: 0x25100, count: (0x2ff90 - 0x25100) / 4 + 1, src },
    ];
  }

  exportState(): OaStateV1 {
    return {
      overflows: this.overflows,
      clocks: this.#clocks,
      busyClocks: this.#busyClocks,
      sinceNs: this.#sinceNs,
      busyNs: this.#busyNs,
      counting: this.#counting,
      next: this.#next,
    };
  }

  importState(s: OaStateV1): void {
    this.overflows = s.overflows;
    this.#clocks = s.clocks;
    this.#busyClocks = s.busyClocks;
    this.#sinceNs = s.sinceNs;
    this.#busyNs = s.busyNs;
    this.#counting = s.counting;
    this.#next = s.next;
  }

  get #now(): number {
    return this.#engine.ctx.clock.now;
  }

  /** Core clocks in one tick of the time stamp. */
  get #clocksPerTick(): number {
    const units = (this.#engine.regs.peek(RPSTAT1) >>> 7) & 0x7f;
    return ((units === 0 ? DEFAULT_UNITS : units) * UNIT_MHZ * TICK_NS) / 1000;
  }

  /** Counts and reports up to now; to be called before what decides about it changes, and after. */
  settle(): void {
    this.#settle(this.#engine.regs.peek(OACONTROL));
  }

  /** @param control OACONTROL until now */
  #settle(control: number): void {
    const now = this.#now;
    const busy = this.#engine.activity.busyNs;
    if (this.#counting) {
      const rate = this.#clocksPerTick / TICK_NS;
      this.#clocks += (now - this.#sinceNs) * rate;
      this.#busyClocks += (busy - this.#busyNs) * rate;
    }
    this.#sinceNs = now;
    this.#busyNs = busy;
    if ((control & (ENABLE | TIMER_ENABLE)) === (ENABLE | TIMER_ENABLE)) this.#reportDue(control);
    this.#counting = this.#wanted();
  }

  #wanted(): boolean {
    const control = this.#engine.regs.peek(OACONTROL);
    if ((control & ENABLE) === 0) return false;
    if ((control & PER_CONTEXT) === 0) return true;
    return this.#engine.contextAt === (control & CONTEXT_MASK);
  }

  #control(value: number, old: number): void {
    this.#settle(old);
    if ((value & TIMER_ENABLE) === 0) return;
    const period = periodTicks(value);
    this.#next = (Math.floor(this.#engine.timestamp() / period + 0.5) + 0.5) * period;
  }

  /** OASTATUS1 after what was due has been written. */
  #status(): number {
    this.settle();
    return this.#engine.regs.peek(OASTATUS1);
  }

  /** Appends the reports whose time has come. */
  #reportDue(control: number): void {
    const now = this.#engine.timestamp();
    if (this.#next > now) return;
    const period = periodTicks(control);
    const due = Math.floor((now - this.#next) / period) + 1;
    const end = this.#next + due * period;
    if (this.#counting) {
      const format = OA_FORMATS[(control >>> 2) & 7] as OaFormat;
      const holds = Math.ceil(this.#ringBytes / format.bytes);
      if ((this.#engine.regs.peek(OABUFFER) & OVERRUN_DISABLE) === 0 && due > holds) {
        this.#skip(format, due - holds);
        this.#next = end - holds * period;
      }
      while (this.#next < end && this.#append(format, this.#next, now - this.#next)) {
        this.#next += period;
      }
    }
    this.#next = end;
  }

  get #ringBytes(): number {
    return 0x20000 << ((this.#engine.regs.peek(OASTATUS1) >>> 3) & 7);
  }

  /** Reports that later ones would be written over: more than the ring holds are due. */
  #skip(format: OaFormat, count: number): void {
    const { regs } = this.#engine;
    const status = regs.peek(OASTATUS1);
    const base = regs.peek(OABUFFER) & POINTER;
    const last = this.#ringBytes - 1;
    const to = ((status & POINTER) - base + ((count * format.bytes) % (last + 1))) & last;
    regs.poke(OASTATUS1, (status & ~POINTER) | OVERFLOW | (base + to));
  }

  /** @returns whether there was room */
  #append(format: OaFormat, tick: number, ticksAgo: number): boolean {
    const { regs } = this.#engine;
    const status = regs.peek(OASTATUS1);
    const head = regs.peek(OASTATUS2);
    const base = regs.peek(OABUFFER) & POINTER;
    const last = this.#ringBytes - 1;
    const from = ((status & POINTER) - base) & last;
    const to = (from + format.bytes) & last;
    if (to === (((head & POINTER) - base) & last)) {
      this.overflows++;
      regs.poke(OASTATUS1, status | OVERFLOW);
      if ((regs.peek(OABUFFER) & OVERRUN_DISABLE) !== 0) return false;
    }
    const space = (head & GGTT) !== 0 ? this.#engine.ggtt : this.#engine.dataSpace;
    this.#write(space, format, base, from, last, REPORT_TIMER, tick, ticksAgo);
    regs.poke(OASTATUS1, (regs.peek(OASTATUS1) & ~POINTER) | (base + to));
    return true;
  }

  /** Writes a report at `from` in a ring of `last` + 1 bytes from `base` on. */
  #write(
    space: AddressSpace,
    f: OaFormat,
    base: number,
    from: number,
    last: number,
    id: number,
    tick: number,
    ticksAgo: number,
  ): void {
    clear(space, base + from, Math.min(f.bytes, last + 1 - from));
    if (from + f.bytes > last + 1) clear(space, base, from + f.bytes - last - 1);
    space.write32(base + (from & last), id);
    space.write32(base + ((from + 4) & last), tick | 0);
    space.write32(base + ((from + 8) & last), this.#engine.contextAt & CONTEXT_MASK);
    const clocks = Math.floor(this.#clocks - ticksAgo * this.#clocksPerTick);
    const place = coreClockPlace(this.#engine.regs, f);
    if (place !== 0) space.write32(base + ((from + place) & last), clocks | 0);
    if (f.a !== 0 && A_BUSY >= f.firstA && A_BUSY < f.firstA + f.aCount) {
      const at = f.a + (A_BUSY - f.firstA) * 4;
      space.write32(base + ((from + at) & last), Math.floor(this.#busyClocks) | 0);
    }
  }

  /** A report as MI_REPORT_PERF_COUNT wants it. @param at graphics address, 64 bytes aligned */
  report(space: AddressSpace, at: number, id: number): void {
    this.settle();
    const format = OA_FORMATS[(this.#engine.regs.peek(OACONTROL) >>> 2) & 7] as OaFormat;
    this.#write(space, format, at, 0, 0xfff, id, this.#engine.timestamp(), 0);
  }
}

/** @param at graphics address, multiple of 64 @param bytes up to 256, multiple of 64 */
function clear(space: AddressSpace, at: number, bytes: number): void {
  const here = Math.min(bytes, 0x1000 - (at & 0xfff));
  const page = at >>> 12;
  const region = space.region(page);
  if (region !== 0) {
    const word = space.word(page) + ((at & 0xfff) >>> 2);
    (space.memory.words[region] as Int32Array).fill(0, word, word + (here >>> 2));
  }
  if (here < bytes) clear(space, at + here, bytes - here);
}

/** Ticks of the time stamp between timer reports. */
function periodTicks(control: number): number {
  return 2 ** (((control >>> 6) & 0x3f) + 1);
}

/** MI_REPORT_PERF_COUNT: dword 1 31:6 address, 0 GGTT; 2 report id. PRM vol.2a. */
export function miReportPerfCount(e: Engine): void {
  const operand = e.cmd[1] as number;
  const space = e.space((operand & 1) !== 0);
  if (space !== null) e.oa?.report(space, operand & ~0x3f, e.cmd[2] as number);
}
