import { Activity } from '../gt/activity.ts';
import {
  BCS_SWCTRL,
  BLITTER_ROWS,
  CCID_VALID,
  type EngineId,
  GFX_PPGTT_ENABLE,
  HEAD_ADDR,
  HEAD_WRAP_ONE,
  HWS_PGA,
  RING_ACTHD,
  RING_BASE,
  RING_BBADDR,
  RING_BBSTATE,
  RING_CCID,
  RING_CTL,
  RING_EIR,
  RING_EMR,
  RING_ESR,
  RING_EXCC,
  RING_GFX_MODE,
  RING_HEAD,
  RING_IMR,
  RING_INSTPM,
  RING_IPEHR,
  RING_IPEIR,
  RING_MI_MODE,
  RING_SBBADDR,
  RING_START,
  RING_TAIL,
  RING_VALID,
  renderRows,
  ringBytes,
  ringRows,
  STOP_RING,
  TAIL_ADDR,
} from '../gt/engine.regs.ts';
import type { AddressSpace } from '../gtt/address-space.ts';
import { Ppgtt } from '../gtt/ppgtt.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import { BatchLevels, batchState } from './batch-levels.ts';
import {
  COMMAND_DWORDS,
  COMMAND_ENGINES,
  COMMAND_EXACT,
  COMMANDS,
  commandLength,
  commandTable,
  rowOf,
} from './decode.ts';
import {
  COMMAND_MAX,
  type EngineContext,
  type EngineCounters,
  type Execute,
  type HangReason,
  noCounts,
  WAIT_NONE,
  WAIT_SEMAPHORE,
} from './engine-contract.ts';
import { ENGINE_TABLE, type EngineRow } from './engine-table.ts';
import { OaUnit } from './oa.ts';
import { predicatedAway } from './predicate.ts';
import { ringHooks } from './ring-hooks.ts';
import { Watchdog } from './watchdog.ts';

/** TIMESTAMP ticks every 80 ns. PRM vol.2c "TIMESTAMP"; i915 `read_clock_frequency`: 12.5 MHz. */
const TIMESTAMP_NS = 80;
/** What one command costs beside the bytes it moves, in bytes of blit work. */
const COMMAND_COST = 256;
const URB_DWORDS = 0x2000;
/**
 * One command streamer: ring, first and second level batch, and where its memory accesses go.
 * It runs in slices; nothing here waits.
 */
export class Engine implements RegBlock {
  readonly id: EngineId;
  readonly base: number;
  readonly row: EngineRow;
  readonly rows: readonly RegRow[];
  readonly ctx: EngineContext;
  readonly regs: RegSpace;
  readonly ggtt: AddressSpace;
  readonly ppgtt: Ppgtt;
  readonly counters: EngineCounters = noCounts();
  /** Dwords of the command at hand. */
  readonly cmd: Int32Array = new Int32Array(COMMAND_MAX);
  length = 0;
  /** Where the command at hand was fetched from, graphics address. */
  at = 0;
  /** Batch nesting: 0 ring, 1 first level, 2 second level. */
  level = 0;
  readonly batches: BatchLevels = new BatchLevels();
  hang: HangReason | null = null;
  wait: number = WAIT_NONE;
  waitRegister = 0;
  waitValue = 0;
  /** Latest kept state command by row of COMMANDS; the render context saves them. */
  readonly kept: (Int32Array | null)[] = COMMANDS.map(() => null);
  /** Commands that were parsed and not executed, by row of COMMANDS. */
  readonly skipped: Uint32Array = new Uint32Array(COMMANDS.length);
  /** What MI_SET_PREDICATE said: 0 all commands are executed. It ends with the batch. */
  predicate = 0;
  /** Whether MI_ARB_ON_OFF lets other rings in. One ring an engine is all there is. */
  arbitration = true;
  /** TIMESTAMP at which the running context's own time stamp was 0; see {@link contextTime}. */
  contextBegan = 0;
  /** What MI_LOAD_URB_MEM and MI_STORE_URB_MEM reach of the URB: 32 KiB, on the render engine. */
  readonly urb: Int32Array;
  readonly watchdog: Watchdog | null;
  readonly oa: OaUnit | null;
  /** How long the engine has had work. */
  readonly activity: Activity;
  /** What each row of COMMANDS does; who watches commands puts a table of its own around it. */
  execute: readonly Execute[];
  /** Hears why the engine stopped. */
  onHang: ((e: Engine, reason: HangReason) => void) | null = null;
  readonly #mask: number;
  readonly #table: Uint16Array;

  constructor(id: EngineId, ctx: EngineContext) {
    this.id = id;
    this.base = RING_BASE[id];
    this.row = ENGINE_TABLE[id];
    this.ctx = ctx;
    this.regs = ctx.regs;
    this.ggtt = ctx.ggtt.space;
    this.ppgtt = new Ppgtt(`${id} PPGTT`, ctx.memory, ctx.ggtt);
    this.#mask = this.row.on;
    this.#table = commandTable(this.#mask);
    this.execute = ctx.execute;
    this.activity = new Activity(ctx.clock, () => this.idle);
    this.urb = new Int32Array(id === 'RCS' ? URB_DWORDS : 0);
    this.watchdog = this.row.watchdogBit === 0 ? null : new Watchdog(this);
    this.oa = id === 'RCS' ? new OaUnit(this) : null;
    this.rows = [
      ...ringRows(id, ringHooks(this)),
      ...(this.watchdog?.rows ?? []),
      ...(this.oa === null ? [] : [...renderRows(), ...this.oa.rows]),
      ...(id === 'BCS' ? BLITTER_ROWS : []),
    ];
  }

  /** TIMESTAMP, ticks of 80 ns; the register shows 36 bits of it. */
  timestamp(): number {
    return Math.floor(this.ctx.clock.now / TIMESTAMP_NS);
  }

  /** CTX_TIMESTAMP: ticks of 80 ns that the running context has had the engine, int32. */
  get contextTime(): number {
    return (this.timestamp() - this.contextBegan) | 0;
  }

  setContextTime(value: number): void {
    this.contextBegan = this.timestamp() - (value >>> 0);
  }

  reg(offset: number): number {
    return this.regs.peek(this.base + offset);
  }

  setReg(offset: number, value: number): void {
    this.regs.poke(this.base + offset, value);
  }

  get usesPpgtt(): boolean {
    return (this.reg(RING_GFX_MODE) & GFX_PPGTT_ENABLE) !== 0;
  }

  /** Address space of data accesses that do not ask for the GGTT. */
  get dataSpace(): AddressSpace {
    return this.usesPpgtt ? this.ppgtt.space : this.ggtt;
  }

  get privileged(): boolean {
    return this.level === 0 || this.batches.user[this.level] === 0;
  }

  /**
   * Where a command's memory operand is. The GGTT takes privilege: a batch without it gets null, and
   * its command becomes a no-op. PRM vol.2a "User Mode Privileged Commands".
   */
  space(useGgtt: boolean): AddressSpace | null {
    if (!useGgtt) return this.dataSpace;
    if (this.privileged) return this.ggtt;
    this.counters.refusedWrites++;
    return null;
  }

  /** Counts the command at hand as parsed and not executed. */
  skip(index: number): void {
    this.counters.notExecuted++;
    this.skipped[index] = (this.skipped[index] as number) + 1;
  }

  get statusPage(): number {
    return this.regs.peek(HWS_PGA[this.id]) & ~0xfff;
  }

  get enabled(): boolean {
    return (this.reg(RING_CTL) & RING_VALID) !== 0;
  }

  get stopped(): boolean {
    return (this.reg(RING_MI_MODE) & STOP_RING) !== 0;
  }

  get ringEmpty(): boolean {
    return (this.reg(RING_HEAD) & HEAD_ADDR) === (this.reg(RING_TAIL) & TAIL_ADDR);
  }

  /** Nothing to execute: no ring, an empty one, or one that was told to stop between commands. */
  get idle(): boolean {
    if (!this.enabled) return true;
    if (this.blitting) return false;
    return (this.level === 0 && this.ringEmpty) || (this.stopped && this.wait === WAIT_NONE);
  }

  get blitting(): boolean {
    return this.row.blits && this.ctx.blitter.busy;
  }

  /** Whether a step would do something now. */
  get runnable(): boolean {
    return this.enabled && this.hang === null && !this.idle && this.wait === WAIT_NONE;
  }

  get acthd(): number {
    if (this.level > 0) return this.batches.at[this.level] as number;
    return (this.reg(RING_START) + (this.reg(RING_HEAD) & HEAD_ADDR)) | 0;
  }

  /** The ring, or what the engine waits for, changed. */
  doorbell(): void {
    this.activity.update();
    this.ctx.wake();
  }

  /**
   * Executes until the budget is used or nothing can go on.
   *
   * @param budget bytes of work; a command costs 256 beside what it moves
   * @returns what is left of the budget
   */
  step(budget: number): number {
    let left = budget;
    while (left > 0 && this.hang === null) {
      if (this.blitting) {
        const done = this.ctx.blitter.step(left);
        left -= this.ctx.blitter.lastStepBytes;
        if (!done) break;
        continue;
      }
      if (this.wait !== WAIT_NONE && this.#stillWaiting()) break;
      if (this.idle || this.stopped) break;
      this.#command();
      left -= COMMAND_COST;
    }
    this.activity.update();
    return left;
  }

  #stillWaiting(): boolean {
    if (this.wait === WAIT_SEMAPHORE) {
      // A semaphore lets go once the register exceeds the value. PRM vol.2a MI_SEMAPHORE_MBOX.
      if (((this.waitValue - this.regs.peek(this.waitRegister)) | 0) >= 0) return true;
    } else if (this.eventPending(this.waitValue)) return true;
    this.wait = WAIT_NONE;
    return false;
  }

  /** Whether what MI_WAIT_FOR_EVENT names still holds the engine. @param header DWord 0 */
  eventPending(header: number): boolean {
    // 19:16 select condition code 0 to 4 of EXCC, plus one: it holds while it is set.
    const code = (header >>> 16) & 0xf;
    if (code > 0 && code <= 5 && ((this.reg(RING_EXCC) >>> (code - 1)) & 1) !== 0) return true;
    return this.ctx.flips.eventPending(header);
  }

  #command(): void {
    const inRing = this.level === 0;
    const header = inRing ? this.#ringDword(0) : this.#batchDword(0);
    const index = rowOf(this.#table, header);
    this.setReg(RING_IPEHR, header);
    if (index < 0) return this.fail('unknown-command');
    if (((COMMAND_ENGINES[index] as number) & this.#mask) === 0) return this.fail('wrong-engine');
    const length = commandLength(index, header);
    if (length > COMMAND_MAX) return this.fail('too-long');
    this.length = length;
    const cmd = this.cmd;
    cmd[0] = header;
    if (inRing) {
      for (let i = 1; i < length; i++) cmd[i] = this.#ringDword(i);
      this.#advanceRing(length);
    } else {
      this.#fetchBatch(length);
      this.batches.at[this.level] = ((this.batches.at[this.level] as number) + length * 4) | 0;
    }
    this.counters.commands++;
    if (length !== (COMMAND_DWORDS[index] as number)) this.#oddLength(index, length);
    if (this.predicate !== 0 && predicatedAway(this, index)) {
      this.counters.predicated++;
      return;
    }
    (this.execute[index] as Execute)(this, index);
  }

  /** Fields that a command is too short for read 0: never what an earlier command left behind. */
  #oddLength(index: number, length: number): void {
    const dwords = COMMAND_DWORDS[index] as number;
    if (length < dwords) this.cmd.fill(0, length, dwords);
    if (length < dwords || COMMAND_EXACT[index] !== 0) this.counters.oddLengths++;
  }

  #ringDword(i: number): number {
    const size = ringBytes(this.reg(RING_CTL));
    const offset = ((this.reg(RING_HEAD) & HEAD_ADDR) + i * 4) & (size - 1);
    this.at = this.reg(RING_START) + offset;
    return this.ggtt.read32(this.at);
  }

  #advanceRing(length: number): void {
    const head = this.reg(RING_HEAD);
    const size = ringBytes(this.reg(RING_CTL));
    let offset = (head & HEAD_ADDR) + length * 4;
    let wraps = head & ~HEAD_ADDR & ~3;
    while (offset >= size) {
      offset -= size;
      wraps = (wraps + HEAD_WRAP_ONE) | 0;
    }
    this.setReg(RING_HEAD, wraps | offset);
  }

  #batchDword(i: number): number {
    const level = this.level;
    const space = this.batches.ppgtt[level] !== 0 ? this.dataSpace : this.ggtt;
    this.at = ((this.batches.at[level] as number) + i * 4) | 0;
    return space.read32(this.at);
  }

  /** The rest of a batch command, page run by page run. */
  #fetchBatch(length: number): void {
    const level = this.level;
    const space = this.batches.ppgtt[level] !== 0 ? this.dataSpace : this.ggtt;
    const start = this.batches.at[level] as number;
    const cmd = this.cmd;
    let i = 1;
    while (i < length) {
      const gma = (start + i * 4) | 0;
      const end = Math.min(length, i + ((0x1000 - (gma & 0xfff)) >>> 2));
      const region = space.region(gma >>> 12);
      if (region === 0) {
        while (i < end) cmd[i++] = 0;
        continue;
      }
      const words = space.memory.words[region] as Int32Array;
      let from = space.word(gma >>> 12) + ((gma & 0xfff) >>> 2);
      while (i < end) cmd[i++] = words[from++] as number;
    }
  }

  /** Stops the engine with the error registers as a capture reads them; a reset clears it. */
  fail(reason: HangReason): void {
    this.hang = reason;
    this.counters.hangs++;
    this.onHang?.(this, reason);
    this.setReg(RING_IPEIR, 1);
    this.setReg(RING_ESR, this.reg(RING_ESR) | 1);
    if ((this.reg(RING_EMR) & 1) === 0) {
      this.setReg(RING_EIR, this.reg(RING_EIR) | 1);
      this.interrupt(this.row.errorBit);
    }
  }

  /** Raises one of the engine's interrupts if its own mask lets it out. */
  interrupt(bit: number): void {
    if ((this.reg(RING_IMR) & bit) !== 0) return;
    this.counters.interrupts++;
    if (this.row.pm) this.ctx.irq.raisePm(bit);
    else this.ctx.irq.raiseGt(bit);
  }

  /** Enters a batch. @param second whether it nests below the present one */
  startBatch(gma: number, second: boolean, ppgtt: boolean, user: boolean): void {
    const level = second && this.level === 1 ? 2 : Math.max(1, this.level);
    this.level = level;
    this.batches.enter(level, gma, ppgtt, user);
    this.counters.batches++;
    this.setReg(level === 2 ? RING_SBBADDR : RING_BBADDR, gma);
    this.setReg(RING_BBSTATE, batchState(ppgtt, user));
  }

  endBatch(): void {
    if (this.level === 0) return this.fail('batch-end-in-ring');
    this.level--;
    if (this.level === 0) this.predicate = 0;
  }

  /** Starts the 2D command at hand. */
  blit(): void {
    const started = this.ctx.blitter.start(
      this.cmd,
      this.length,
      this.dataSpace,
      this.regs.peek(BCS_SWCTRL),
    );
    this.counters.blits++;
    if (!started) this.fail('blit-refused');
  }

  /** Engine reset: ring off, position and errors cleared. PRM vol.2c GDRST. */
  reset(): void {
    for (const offset of [RING_HEAD, RING_TAIL, RING_START, RING_CTL, RING_IPEIR, RING_IPEHR]) {
      this.setReg(offset, 0);
    }
    for (const offset of [RING_EIR, RING_ESR, RING_ACTHD, RING_BBADDR, RING_BBSTATE, RING_CCID]) {
      this.setReg(offset, 0);
    }
    for (const offset of [RING_MI_MODE, RING_INSTPM, RING_GFX_MODE]) this.setReg(offset, 0);
    this.level = 0;
    this.hang = null;
    this.wait = WAIT_NONE;
    this.predicate = 0;
    this.arbitration = true;
    this.watchdog?.reset();
    this.oa?.settle();
    this.kept.fill(null);
    if (this.row.blits) this.ctx.blitter.reset();
    this.ppgtt.space.invalidate();
    this.activity.update();
  }

  /** The active context's image, graphics address; -1 when there is none. */
  get contextAt(): number {
    const ccid = this.reg(RING_CCID);
    return (ccid & CCID_VALID) !== 0 ? ccid & ~0xfff : -1;
  }
}
