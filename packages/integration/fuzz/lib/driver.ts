import { engineRegs as R } from '@xengt/hsw-device';
import type { Random } from './random.ts';
import type { Target } from './target.ts';

const GTT = 0x200000;
const GDRST = 0x941c;
/** Frames of its RAM: rings of four pages, status pages, batches, page tables, data. */
const RING_FRAME = 0x10;
const STATUS_FRAME = 0x20;
export const BATCH_FRAME = 0x30;
export const BATCH_PAGES = 16;
const TABLE_FRAME = 0x40;
const TABLES = 8;
export const DATA_FRAME = 0x80;
const DATA_PAGES = 64;
const RING_PAGES = 4;
const RING_BYTES: number = RING_PAGES * 4096;
/** LLC, valid. */
const PTE_BITS = 7;
export const ENGINES = 4;
/** What a command costs of a slice at least, bytes; see `Engine.step`. */
const COMMAND_COST = 256;
/** Nothing that a guest sets up comes more often than this, nanoseconds, on so many timers. */
const SHORTEST_NS = 1_000_000;
const EVENTS = 32;

/** The driver under test: rings and tables as a sane one sets them up, and counted accesses. */
export class Driver {
  readonly target: Target;
  readonly random: Random;
  /** Register, GTT, aperture and configuration accesses so far; one of 8 bytes is two. */
  accesses = 0;
  /** Commands that the engines executed. */
  commands = 0;
  readonly tail: Int32Array = new Int32Array(ENGINES);
  /** The first thing that did more work than it may; null while there is none. */
  trouble: string | null = null;

  constructor(target: Target, random: Random) {
    this.target = target;
    this.random = random;
  }

  #executed(): number {
    let sum = 0;
    for (const engine of this.target.device.gt.engines) sum += engine.counters.commands;
    return sum;
  }

  /** A slice of the engines, which must keep to its budget. */
  step(budget: number): void {
    const before = this.#executed();
    this.target.step(budget);
    const done = this.#executed() - before;
    this.commands += done;
    if (done > budget / COMMAND_COST + ENGINES + this.target.ownCommands) {
      this.trouble ??= `${done} commands in a slice of ${budget} bytes`;
    }
  }

  /** Lets time pass; what it sets off must keep to the shortest period there is. */
  advance(ns: number): void {
    const { clock } = this.target;
    const before = clock.scheduled;
    clock.advance(ns);
    const done = clock.scheduled - before;
    if (done > (ns / SHORTEST_NS + 1) * EVENTS) {
      this.trouble ??= `${done} events in ${ns} ns`;
    }
  }

  read(offset: number, size: 1 | 2 | 4): number {
    this.accesses++;
    return this.target.mmio.read(offset, size);
  }

  write(offset: number, size: 1 | 2 | 4, value: number): void {
    this.accesses++;
    this.target.mmio.write(offset, size, value);
  }

  get batchGma(): number {
    return this.target.ranges.low + 0x100000;
  }
  get dataGma(): number {
    return this.target.ranges.low + 0x200000;
  }
  ringGma(engine: number): number {
    return this.target.ranges.low + 0x10000 + engine * RING_BYTES;
  }
  statusGma(engine: number): number {
    return this.target.ranges.low + 0x1000 + engine * 0x1000;
  }
  base(engine: number): number {
    return R.RING_BASE[R.ENGINE_IDS[engine] as R.EngineId];
  }
  /** PP_DIR_BASE of a directory at the high range's first page. */
  get directory(): number {
    return ((this.target.ranges.high >>> 12) >>> 4) << 16;
  }

  /** A GTT entry. @param frame of its RAM */
  map(page: number, frame: number): void {
    this.write(GTT + page * 4, 4, (frame << 12) | PTE_BITS);
  }

  /** Stores a dword in its RAM. */
  store(frame: number, dword: number, value: number): void {
    const { memory, region, frames } = this.target;
    memory.store(region, ((frame % frames) << 10) + dword, value);
  }

  load(frame: number, dword: number): number {
    return this.target.memory.raw(this.target.region)[(frame << 10) + dword] as number;
  }

  /** Makes an engine work again, whatever was done to it. @param ppgtt batches and data go through it */
  repair(engine: number, ppgtt: boolean): void {
    const b = this.base(engine);
    const id = R.ENGINE_IDS[engine] as R.EngineId;
    this.write(GDRST, 4, R.GRDOM[id]);
    const ring = this.ringGma(engine) >>> 12;
    for (let p = 0; p < RING_PAGES; p++) this.map(ring + p, RING_FRAME + engine * RING_PAGES + p);
    this.map(this.statusGma(engine) >>> 12, STATUS_FRAME + engine);
    for (let p = 0; p < BATCH_PAGES; p++) this.map((this.batchGma >>> 12) + p, BATCH_FRAME + p);
    this.write(R.HWS_PGA[id], 4, this.statusGma(engine));
    this.write(b + R.RING_MI_MODE, 4, R.STOP_RING << 16);
    this.write(b + R.RING_IMR, 4, 0);
    this.write(b + R.RING_CTL, 4, 0);
    this.write(b + R.RING_HEAD, 4, 0);
    this.write(b + R.RING_TAIL, 4, 0);
    this.write(b + R.RING_START, 4, this.ringGma(engine));
    if (ppgtt) this.usePpgtt(engine);
    else this.write(b + R.RING_GFX_MODE, 4, R.GFX_PPGTT_ENABLE << 16);
    this.write(b + R.RING_CTL, 4, (RING_BYTES - 4096) | R.RING_VALID);
    this.tail[engine] = 0;
  }

  /** Eight tables: batches at 1 MiB, data at 2 MiB, the rest here and there. */
  usePpgtt(engine: number): void {
    const b = this.base(engine);
    const high = this.target.ranges.high >>> 12;
    for (let t = 0; t < TABLES; t++) this.map(high + t, TABLE_FRAME + t);
    for (let p = 0; p < BATCH_PAGES; p++)
      this.store(TABLE_FRAME, 0x100 + p, this.pte(BATCH_FRAME + p));
    for (let p = 0; p < DATA_PAGES; p++)
      this.store(TABLE_FRAME, 0x200 + p, this.pte(DATA_FRAME + p));
    this.write(b + R.RING_PP_DIR_DCLV, 4, -1);
    this.write(b + R.RING_PP_DIR_BASE, 4, this.directory);
    this.write(b + R.RING_GFX_MODE, 4, (R.GFX_PPGTT_ENABLE << 16) | R.GFX_PPGTT_ENABLE);
  }

  pte(frame: number): number {
    return (frame << 12) | PTE_BITS;
  }

  mapData(): void {
    for (let p = 0; p < DATA_PAGES; p++) this.map((this.dataGma >>> 12) + p, DATA_FRAME + p);
  }

  /** Puts a dword into the ring; {@link ring} tells the engine. */
  push(engine: number, dword: number): void {
    const at = this.tail[engine] as number;
    this.store(RING_FRAME + engine * RING_PAGES + (at >>> 12), (at & 0xfff) >>> 2, dword);
    this.tail[engine] = (at + 4) & (RING_BYTES - 1);
  }

  ring(engine: number): void {
    if (((this.tail[engine] as number) & 4) !== 0) this.push(engine, 0);
    this.write(this.base(engine) + R.RING_TAIL, 4, this.tail[engine] as number);
  }

  /** A graphics address that means something, or anything. */
  gma(): number {
    const { random: r, target } = this;
    const { low, lowBytes, high, highBytes } = target.ranges;
    const within = r.below(16) < 2 ? 0xffc : r.u32() & 0xffc;
    switch (r.below(10)) {
      case 0:
      case 1:
        return this.batchGma + (r.below(BATCH_PAGES) << 12) + within;
      case 2:
      case 3:
      case 4:
        return this.dataGma + (r.below(DATA_PAGES) << 12) + within;
      case 5:
        return this.ringGma(r.below(ENGINES)) + (r.below(RING_PAGES) << 12) + within;
      case 6:
        return low + r.below(lowBytes >>> 12) * 4096 + within;
      case 7:
        return (high + r.below(highBytes >>> 12) * 4096 + within) | 0;
      case 8:
        return (r.below(0x400) << 12) | within;
      default:
        return r.u32();
    }
  }

  /** A page table entry: of its RAM, of somebody else's, or anything. */
  entry(): number {
    const { random: r, target } = this;
    switch (r.below(8)) {
      case 0:
        return r.u32();
      case 1:
        return 0;
      case 2: {
        const mfn = r.pick(target.foreign);
        return (mfn << 12) | ((mfn >>> 16) & 0x7f0) | (r.u32() & 0xf);
      }
      case 3:
        return this.pte(r.below(target.frames)) ^ (1 << r.below(32));
      default:
        return this.pte(r.below(target.frames));
    }
  }

  /** Offset of a register that a row describes. */
  register(): number {
    const { random: r, target } = this;
    const row = r.pick(target.regs.rows);
    return row.offset + r.below(row.count ?? 1) * (row.stride ?? 4);
  }
}
