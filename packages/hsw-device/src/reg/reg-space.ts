import { type ReadHook, RegMapError, type RegRow, type WriteHook } from './row.ts';

/** The register half of BAR0, bytes. PRM vol.1 "GTTMMADR": 2 MiB of registers, then the GTT. */
export const MMIO_BYTES = 0x200000;
/** How many distinct unclaimed offsets are remembered; beyond it they are only counted. */
const UNCLAIMED_KEPT = 256;

const PLAIN = 0;
const MASKED = 1;

/**
 * A register file made of rows. Accesses are 32 bits wide; the trap layer widens bytes and words.
 * Rows are compiled into flat arrays: row id by dword, masks and hooks by row id.
 */
export class RegSpace {
  /** Stored values by dword. Blocks read and change them directly: no hook runs. */
  readonly dw: Int32Array;
  /** Accesses that no row claims: they read 0 and change nothing. */
  unclaimed = 0;
  /** The first distinct unclaimed offsets, with how often each was touched. */
  readonly unclaimedAt: Map<number, number> = new Map();
  readonly rows: RegRow[] = [];
  readonly #rowOf: Uint16Array;
  readonly #rw: number[] = [0];
  readonly #w1c: number[] = [0];
  readonly #kind: number[] = [PLAIN];
  readonly #onRead: (ReadHook | null)[] = [null];
  readonly #onWrite: (WriteHook | null)[] = [null];

  constructor(bytes: number = MMIO_BYTES) {
    this.dw = new Int32Array(bytes >>> 2);
    this.#rowOf = new Uint16Array(bytes >>> 2);
  }

  /** Adds rows and gives their registers their reset values. @throws RegMapError */
  add(rows: readonly RegRow[]): void {
    for (const row of rows) {
      const id = this.rows.push(row);
      this.#rw[id] = row.rw ?? -1;
      this.#w1c[id] = row.w1c ?? 0;
      this.#kind[id] = row.masked === true ? MASKED : PLAIN;
      this.#onRead[id] = row.onRead ?? null;
      this.#onWrite[id] = row.onWrite ?? null;
      const count = row.count ?? 1;
      const stride = row.stride ?? 4;
      for (let k = 0; k < count; k++) this.#claim(row, id, row.offset + k * stride);
    }
  }

  #claim(row: RegRow, id: number, offset: number): void {
    const hex = `0x${offset.toString(16)}`;
    if ((offset & 3) !== 0) {
      throw new RegMapError('REG_MISALIGNED', offset, `${row.name} at ${hex} is not on a dword`);
    }
    if (offset < 0 || offset >= this.dw.length * 4) {
      throw new RegMapError('REG_OUTSIDE', offset, `${row.name} at ${hex} is outside the space`);
    }
    const taken = this.#rowOf[offset >>> 2] as number;
    if (taken !== 0) {
      const other = (this.rows[taken - 1] as RegRow).name;
      throw new RegMapError('REG_OVERLAP', offset, `${row.name} and ${other} both claim ${hex}`);
    }
    this.#rowOf[offset >>> 2] = id;
    this.dw[offset >>> 2] = row.reset ?? 0;
  }

  /** @param offset byte offset, multiple of 4, inside the space @returns the value, int32 */
  read32(offset: number): number {
    const i = offset >>> 2;
    const id = this.#rowOf[i] as number;
    if (id === 0) return this.#miss(offset);
    const hook = this.#onRead[id] as ReadHook | null;
    const value = this.dw[i] as number;
    return hook === null ? value : hook(offset, value) | 0;
  }

  write32(offset: number, value: number): void {
    const i = offset >>> 2;
    const id = this.#rowOf[i] as number;
    if (id === 0) {
      this.#miss(offset);
      return;
    }
    const old = this.dw[i] as number;
    let rw = this.#rw[id] as number;
    if (this.#kind[id] === MASKED) rw &= value >>> 16;
    const next = ((old & ~rw) | (value & rw)) & ~(value & (this.#w1c[id] as number));
    this.dw[i] = next;
    const hook = this.#onWrite[id] as WriteHook | null;
    if (hook !== null) hook(offset, next, old);
  }

  /** The stored value: no hook runs, nothing is counted. */
  peek(offset: number): number {
    return this.dw[offset >>> 2] as number;
  }

  /** Stores a value as the hardware itself would: no masks, no hook. */
  poke(offset: number, value: number): void {
    this.dw[offset >>> 2] = value;
  }

  /** Whether a row describes the offset. */
  claims(offset: number): boolean {
    return this.#rowOf[offset >>> 2] !== 0;
  }

  /** The row at an offset; undefined when there is none. */
  rowAt(offset: number): RegRow | undefined {
    return this.rows[(this.#rowOf[offset >>> 2] ?? 0) - 1];
  }

  /** Name for traces: `RING_TAIL`, `PALETTE_A[3]`, or the offset in hex when no row has it. */
  nameOf(offset: number): string {
    const row = this.rowAt(offset);
    if (row === undefined) return `0x${offset.toString(16)}`;
    if ((row.count ?? 1) === 1) return row.name;
    return `${row.name}[${(offset - row.offset) / (row.stride ?? 4)}]`;
  }

  /** Every register gets its reset value; hooks do not run. */
  reset(): void {
    for (const row of this.rows) {
      for (let k = 0; k < (row.count ?? 1); k++) {
        this.dw[(row.offset + k * (row.stride ?? 4)) >>> 2] = row.reset ?? 0;
      }
    }
  }

  #miss(offset: number): number {
    this.unclaimed++;
    const times = this.unclaimedAt.get(offset);
    if (times !== undefined) this.unclaimedAt.set(offset, times + 1);
    else if (this.unclaimedAt.size < UNCLAIMED_KEPT) this.unclaimedAt.set(offset, 1);
    return 0;
  }
}
