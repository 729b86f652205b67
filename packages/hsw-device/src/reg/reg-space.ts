import { type ReadHook, RegMapError, type RegRow, type WriteHook } from './row.ts';
import { UnclaimedLog } from './unclaimed.ts';

/** The register half of BAR0, bytes. PRM vol.1 "GTTMMADR": 2 MiB of registers, then the GTT. */
export const MMIO_BYTES = 0x200000;

const PLAIN = 0;
const MASKED = 1;

/**
 * Set in the row id of a register that somebody watches. No row (0) and a watched row are then one
 * unsigned comparison away from a plain one, so watching costs nothing while nobody watches.
 */
const WATCHED = 0x8000;
const ROW_ID = 0x7fff;

/** Hears of every access to the registers it watches, before the access has consequences. */
export interface RegWatcher {
  /** @param value what the guest gets */
  registerRead(offset: number, value: number): void;
  /** @param value what the guest wrote */
  registerWritten(offset: number, value: number): void;
}

/**
 * A register file made of rows. Accesses are 32 bits wide; the trap layer widens bytes and words.
 * Rows are compiled into flat arrays: row id by dword, masks and hooks by row id.
 */
export class RegSpace {
  /** Stored values by dword. Blocks read and change them directly: no hook runs. */
  readonly dw: Int32Array;
  /** Accesses that no row claims: they read 0 and change nothing. */
  readonly misses: UnclaimedLog = new UnclaimedLog();
  readonly rows: RegRow[] = [];
  readonly #rowOf: Uint16Array;
  readonly #rw: number[] = [0];
  readonly #w1c: number[] = [0];
  readonly #kind: number[] = [PLAIN];
  readonly #onRead: (ReadHook | null)[] = [null];
  readonly #onWrite: (WriteHook | null)[] = [null];
  #watcher: RegWatcher | null = null;

  constructor(bytes: number = MMIO_BYTES) {
    this.dw = new Int32Array(bytes >>> 2);
    this.#rowOf = new Uint16Array(bytes >>> 2);
  }

  /** How often {@link misses} grew. */
  get unclaimed(): number {
    return this.misses.count;
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
    const taken = (this.#rowOf[offset >>> 2] as number) & ROW_ID;
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
    if ((id - 1) >>> 0 >= ROW_ID) return this.#watchedRead(offset, i, id & ROW_ID);
    return this.#read(offset, i, id);
  }

  write32(offset: number, value: number): void {
    const i = offset >>> 2;
    const id = this.#rowOf[i] as number;
    if ((id - 1) >>> 0 >= ROW_ID) this.#watchedWrite(offset, i, id & ROW_ID, value);
    else this.#write(offset, i, id, value);
  }

  #read(offset: number, i: number, id: number): number {
    const hook = this.#onRead[id] as ReadHook | null;
    const value = this.dw[i] as number;
    return hook === null ? value : hook(offset, value) | 0;
  }

  #write(offset: number, i: number, id: number, value: number): void {
    const old = this.dw[i] as number;
    let rw = this.#rw[id] as number;
    if (this.#kind[id] === MASKED) rw &= value >>> 16;
    const next = ((old & ~rw) | (value & rw)) & ~(value & (this.#w1c[id] as number));
    this.dw[i] = next;
    const hook = this.#onWrite[id] as WriteHook | null;
    if (hook !== null) hook(offset, next, old);
  }

  #watchedRead(offset: number, i: number, id: number): number {
    if (id === 0) this.misses.read(offset);
    const value = id === 0 ? 0 : this.#read(offset, i, id);
    this.#watcher?.registerRead(offset, value);
    return value;
  }

  #watchedWrite(offset: number, i: number, id: number, value: number): void {
    if (id === 0) this.misses.write(offset, value);
    this.#watcher?.registerWritten(offset, value);
    if (id !== 0) this.#write(offset, i, id, value);
  }

  /**
   * Tells one watcher of accesses to registers, and of every unclaimed access. Registers that are
   * not watched cost nothing.
   *
   * @param watcher null ends the watch
   * @param wanted which offsets with a row; default all
   */
  watch(watcher: RegWatcher | null, wanted: (offset: number) => boolean = () => true): void {
    this.#watcher = watcher;
    const rowOf = this.#rowOf;
    for (let i = 0; i < rowOf.length; i++) {
      const id = (rowOf[i] as number) & ROW_ID;
      rowOf[i] = id !== 0 && watcher !== null && wanted(i << 2) ? id | WATCHED : id;
    }
  }

  /** What a read would give, without a watcher hearing of it. For registers that a read leaves alone. */
  sample(offset: number): number {
    const i = offset >>> 2;
    const id = (this.#rowOf[i] as number) & ROW_ID;
    return id === 0 ? 0 : this.#read(offset, i, id);
  }

  /** The stored value: no hook runs, nothing is counted. */
  peek(offset: number): number {
    return this.dw[offset >>> 2] as number;
  }

  /** The stored value without the bits that clear by writing 1: what may be written back. */
  unwritten(offset: number): number {
    return this.peek(offset) & ~(this.rowAt(offset)?.w1c ?? 0);
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
    return this.rows[((this.#rowOf[offset >>> 2] ?? 0) & ROW_ID) - 1];
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
}
