import type { AddressSpace } from '../gtt/address-space.ts';
import type { MachineMemory } from '../port/memory.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { enginesSwizzle } from '../tiling/swizzle.ts';
import { Combiner } from './combine.ts';
import { BLT_BY_OPCODE, type BltRow, PAT_MONO, SETUP, SETUP_CLIP } from './commands.ts';
import { copyRow, isCopy } from './copy.ts';
import { bandRows, copyBand } from './copy-tiles.ts';
import { DirectRows } from './direct.ts';
import { fillRows, isFill } from './fill.ts';
import { BltJob } from './job.ts';
import { BltSetup, SETUP_COLOR, SETUP_MONO } from './setup.ts';
import { type BlitterStateV1, checkState } from './state.ts';
import { WideViews } from './wide.ts';

/** Why a command was not taken. */
export type BltRefusal =
  | 'busy'
  | 'unknown-command'
  | 'too-short'
  /** The hardware would wait for the missing dwords forever. */
  | 'immediate-too-short';

/** What each row costs beside its bytes: keeps a tall, empty-ish operation within its budget. */
const ROW_COST = 64;

const IDLE = 0;
const FILL = 1;
const COPY = 2;
const DIRECT = 3;
const GENERAL = 4;

/**
 * The 2D engine behind the blitter's command streamer (BCS). One operation at a time, drawn in
 * slices: {@link start} decodes it, {@link step} draws until it is done.
 *
 * PRM vol.2a "Blitter". The set-up registers outlive a command, and no context saves them on
 * gen7.5: whoever shares the engine exchanges them between two operations with `setup.save` and
 * `setup.restore`; {@link exportState} holds them too.
 */
export class Blitter {
  readonly counters = {
    /** Operations taken. */
    operations: 0,
    /** Of them, those drawn by each way. */
    fills: 0,
    copies: 0,
    direct: 0,
    general: 0,
    /** Set-up commands taken. */
    setups: 0,
    /** Destination bytes gone through. */
    bytes: 0,
    /** Commands refused. */
    refused: 0,
  };
  /** Why the latest refused command was. */
  refusal: BltRefusal | null = null;
  /** What the latest {@link step} used of its budget. */
  lastStepBytes = 0;
  readonly setup: BltSetup = new BltSetup();
  readonly #memory: MachineMemory;
  readonly #job: BltJob;
  readonly #combiner: Combiner = new Combiner();
  readonly #direct: DirectRows;
  readonly #wide: WideViews;
  readonly #regs: RegSpace | null;
  #how: number = IDLE;

  /** @param regs where ARB_MODE says whether tiles are swizzled; without one they are not */
  constructor(memory: MachineMemory, regs: RegSpace | null = null) {
    this.#memory = memory;
    this.#regs = regs;
    this.#job = new BltJob(memory);
    this.#direct = new DirectRows(memory);
    this.#wide = new WideViews(memory);
  }

  /** Whether an operation is unfinished. */
  get busy(): boolean {
    return this.#how !== IDLE;
  }

  /**
   * Takes a 2D command.
   *
   * @param dw the command; DWord 0 is element 0
   * @param length its dwords, all present
   * @param space what its addresses mean
   * @param swctrl BCS_SWCTRL (0x22200): bits 0 and 1 make tiled sources and destinations Y-tiled
   * @returns whether it was taken; if not, {@link refusal} says why and nothing changed
   */
  start(dw: Int32Array, length: number, space: AddressSpace, swctrl: number): boolean {
    if (this.busy) return this.#refuse('busy');
    const header = dw[0] as number;
    const row = header >>> 29 === 2 ? BLT_BY_OPCODE[(header >>> 22) & 0x7f] : undefined;
    if (row === undefined) return this.#refuse('unknown-command');
    if (length < row.dwords) return this.#refuse('too-short');
    if (row.dst === SETUP || row.dst === SETUP_CLIP) {
      this.counters.setups++;
      if (row.dst === SETUP_CLIP) this.setup.loadClip(dw);
      else this.setup.load(row.pattern === PAT_MONO ? SETUP_MONO : SETUP_COLOR, dw);
      return true;
    }
    const swizzled = this.#regs !== null && enginesSwizzle(this.#regs);
    if (!this.#begin(row, dw, length, space, swctrl, swizzled, null))
      return this.#refuse('immediate-too-short');
    this.counters.operations++;
    if (this.#how === FILL) this.counters.fills++;
    else if (this.#how === COPY) this.counters.copies++;
    else if (this.#how === DIRECT) this.counters.direct++;
    else if (this.#how === GENERAL) this.counters.general++;
    return true;
  }

  #begin(
    row: BltRow,
    dw: Int32Array,
    length: number,
    space: AddressSpace,
    swctrl: number,
    swizzled: boolean,
    saved: BlitterStateV1['job'],
  ): boolean {
    const job = this.#job;
    if (!job.decode(row, dw, length, space, swctrl, swizzled, this.setup)) {
      job.release();
      return false;
    }
    if (saved !== null) {
      job.pattern.restore(saved.pattern, saved.opaque);
      job.row = saved.row;
    }
    if (job.rows <= 0 || job.rowBytes <= 0 || job.writeMask === 0) {
      job.release();
      this.#how = IDLE;
    } else if (isFill(job)) this.#how = FILL;
    else if (isCopy(job)) this.#how = COPY;
    else this.#how = this.#direct.takes(job) ? DIRECT : GENERAL;
    return true;
  }

  #refuse(why: BltRefusal): boolean {
    this.refusal = why;
    this.counters.refused++;
    return false;
  }

  /**
   * Draws on.
   *
   * @param budgetBytes destination bytes to stop after; at least one row is drawn (of tiled
   *   surfaces, one row of tiles), so a step may use up to 8 MiB more
   * @returns true when nothing is left to draw
   */
  step(budgetBytes: number): boolean {
    this.lastStepBytes = 0;
    if (this.#how === IDLE) return true;
    const job = this.#job;
    const rowBytes = job.rowBytes;
    const total = job.rows;
    let used = 0;
    while (job.row < total && used < budgetBytes) {
      let rows = 1;
      if (this.#how === FILL) rows = fillRows(job, this.#memory, budgetBytes - used);
      else if (this.#how === COPY) rows = this.#copy(job);
      else if (this.#how === DIRECT) this.#direct.row(job, job.y);
      else this.#combiner.row(job, job.y);
      job.row += rows;
      used += rows * (rowBytes + ROW_COST);
    }
    this.lastStepBytes = used;
    this.counters.bytes += used - (used / (rowBytes + ROW_COST)) * ROW_COST;
    if (job.row < total) return false;
    job.release();
    this.#how = IDLE;
    return true;
  }

  #copy(job: BltJob): number {
    const rows = bandRows(job);
    if (rows > 0) {
      copyBand(job, this.#memory, this.#wide, rows);
      return rows;
    }
    copyRow(job, this.#memory, job.y);
    return 1;
  }

  /** Engine reset: what is being drawn is dropped and the set-up registers are cleared. */
  reset(): void {
    this.#job.release();
    this.#how = IDLE;
    this.setup.reset();
  }

  exportState(): BlitterStateV1 {
    const job = this.#job;
    return {
      version: 1,
      setup: [...this.setup.words],
      job: this.busy
        ? {
            command: [...job.command.subarray(0, job.length)],
            swctrl: job.swctrl,
            swizzled: job.swizzled,
            row: job.row,
            pattern: [...job.pattern.pixels],
            opaque: [...job.pattern.opaque],
          }
        : null,
    };
  }

  /**
   * Takes a state that {@link exportState} gave.
   *
   * @param space what the addresses of an unfinished operation mean
   * @returns null, or why it was refused; then nothing changed
   */
  importState(state: unknown, space: AddressSpace): string | null {
    const checked = checkState(state);
    if (typeof checked === 'string') return checked;
    this.reset();
    this.setup.words.set(checked.setup);
    const saved = checked.job;
    if (saved === null) return null;
    const command = Int32Array.from(saved.command);
    const row = BLT_BY_OPCODE[((command[0] as number) >>> 22) & 0x7f];
    if (row === undefined || row.dst === SETUP || row.dst === SETUP_CLIP) {
      return 'job.command draws nothing';
    }
    if (command.length < row.dwords) return 'job.command is too short';
    const { swctrl, swizzled } = saved;
    if (!this.#begin(row, command, command.length, space, swctrl, swizzled, saved)) {
      return 'job.command lacks immediate data';
    }
    return null;
  }
}
