import type { AccessSize, TrapTarget } from '../port/trap.ts';

/** Bytes of conventional configuration space. PCI Local Bus 3.0, 6.1. */
export const CONFIG_BYTES = 256;

/** Computes what a read of a row returns. `value` is what is stored, zero-extended. */
export type ConfigReadHook = (value: number) => number;
/** Runs after a write stored a row's new value; both are the whole row, zero-extended, int32. */
export type ConfigWriteHook = (value: number, old: number) => void;

/** One configuration register, as data. */
export interface ConfigRow {
  /** Name as the datasheet or `pci_regs.h` spells it. */
  readonly name: string;
  /** Byte offset, 0 to 255. */
  readonly offset: number;
  /** Width, bytes; the row lies inside one dword. */
  readonly width: AccessSize;
  /** Value after reset. Default 0. */
  readonly reset?: number;
  /** Bits a write may change. Default none: most of configuration space is read-only. */
  readonly rw?: number;
  /** Bits that writing 1 clears. */
  readonly w1c?: number;
  readonly onRead?: ConfigReadHook;
  /** Runs for every write that touches the row, after all its bytes are stored. */
  readonly onWrite?: ConfigWriteHook;
  /** Where the layout is stated: PCI specification, datasheet, or driver file and symbol. */
  readonly src: string;
}

/** Our own mistake in a table of configuration registers; thrown when a function is made. */
export class ConfigMapError extends Error {
  readonly code: 'CONFIG_OVERLAP' | 'CONFIG_OUTSIDE';
  readonly offset: number;
  constructor(code: ConfigMapError['code'], offset: number, message: string) {
    super(message);
    this.name = 'ConfigMapError';
    this.code = code;
    this.offset = offset;
  }
}

/** Everything a guest can have changed in one function's configuration space. */
export interface ConfigStateV1 {
  readonly version: 1;
  /** The 256 bytes. */
  readonly bytes: readonly number[];
}

/**
 * The configuration space of one PCI function, made of rows. Accesses of 1, 2 or 4 bytes at any
 * offset; bytes that no row describes read 0 and keep nothing. What a guest does never throws.
 */
export class ConfigSpace implements TrapTarget {
  readonly name: string;
  readonly rows: ConfigRow[] = [];
  /** Bytes written that no row describes: dropped. */
  unclaimed = 0;
  readonly #bytes = new Uint8Array(CONFIG_BYTES);
  readonly #rw = new Uint8Array(CONFIG_BYTES);
  readonly #w1c = new Uint8Array(CONFIG_BYTES);
  /** Row index + 1 by byte; 0 is "no row". */
  readonly #rowOf = new Uint16Array(CONFIG_BYTES);

  /** @throws ConfigMapError */
  constructor(name: string, rows: readonly ConfigRow[] = []) {
    this.name = name;
    this.add(rows);
  }

  /** Adds rows and gives their registers their reset values. @throws ConfigMapError */
  add(rows: readonly ConfigRow[]): void {
    for (const row of rows) {
      const id = this.rows.push(row);
      const hex = `0x${row.offset.toString(16)}`;
      if (
        row.offset < 0 ||
        row.offset + row.width > CONFIG_BYTES ||
        (row.offset & 3) + row.width > 4
      ) {
        throw new ConfigMapError(
          'CONFIG_OUTSIDE',
          row.offset,
          `${this.name}: ${row.name} at ${hex} does not lie inside one dword of 256 bytes`,
        );
      }
      for (let i = row.offset; i < row.offset + row.width; i++) {
        const taken = this.#rowOf[i] as number;
        if (taken !== 0) {
          const other = (this.rows[taken - 1] as ConfigRow).name;
          throw new ConfigMapError(
            'CONFIG_OVERLAP',
            row.offset,
            `${this.name}: ${row.name} and ${other} both claim 0x${i.toString(16)}`,
          );
        }
        this.#rowOf[i] = id;
        const shift = (i - row.offset) * 8;
        this.#rw[i] = (row.rw ?? 0) >>> shift;
        this.#w1c[i] = (row.w1c ?? 0) >>> shift;
      }
      this.poke(row.offset, row.width, row.reset ?? 0);
    }
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) {
      value |= this.#readByte(offset + i) << (i * 8);
    }
    return value;
  }

  #readByte(at: number): number {
    const id = this.#rowOf[at] ?? 0;
    if (id === 0) return 0;
    const row = this.rows[id - 1] as ConfigRow;
    const stored = this.#bytes[at] as number;
    if (row.onRead === undefined) return stored;
    return (row.onRead(this.peek(row.offset, row.width)) >>> ((at - row.offset) * 8)) & 0xff;
  }

  write(offset: number, size: AccessSize, value: number): void {
    // At most four rows are touched; they are told afterwards, each with the value it had before.
    const end = Math.min(offset + size, CONFIG_BYTES);
    const before = this.#dwordAt(offset);
    const beforeNext = this.#dwordAt(offset + 4);
    for (let at = offset; at < end; at++) {
      if (this.#rowOf[at] === 0) {
        this.unclaimed++;
        continue;
      }
      const v = (value >>> ((at - offset) * 8)) & 0xff;
      const rw = this.#rw[at] as number;
      const old = this.#bytes[at] as number;
      this.#bytes[at] = ((old & ~rw) | (v & rw)) & ~(v & (this.#w1c[at] as number));
    }
    let told = 0;
    for (let at = offset; at < end; at++) {
      const id = this.#rowOf[at] as number;
      if (id === 0 || id === told) continue;
      told = id;
      const row = this.rows[id - 1] as ConfigRow;
      if (row.onWrite === undefined) continue;
      const dword = row.offset >>> 2 === offset >>> 2 ? before : beforeNext;
      row.onWrite(
        this.peek(row.offset, row.width),
        part(dword >>> ((row.offset & 3) * 8), row.width),
      );
    }
  }

  #dwordAt(offset: number): number {
    return offset < CONFIG_BYTES ? this.peek(offset & ~3, 4) : 0;
  }

  /** The stored bytes, zero-extended to int32: no hook runs. */
  peek(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= (this.#bytes[offset + i] ?? 0) << (i * 8);
    return value;
  }

  /** Stores as the hardware itself would: no masks, no hook. */
  poke(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) this.#bytes[offset + i] = value >>> (i * 8);
  }

  /** The row that describes a byte; undefined when there is none. */
  rowAt(offset: number): ConfigRow | undefined {
    return this.rows[(this.#rowOf[offset] ?? 0) - 1];
  }

  /** Every register gets its reset value; hooks do not run. */
  reset(): void {
    for (const row of this.rows) this.poke(row.offset, row.width, row.reset ?? 0);
  }

  exportState(): ConfigStateV1 {
    return { version: 1, bytes: [...this.#bytes] };
  }

  /** Takes a state back; hooks do not run. @returns why it was refused, or null */
  importState(state: ConfigStateV1): string | null {
    if (state.version !== 1) return `${this.name}: state version ${state.version}, expected 1`;
    if (state.bytes.length !== CONFIG_BYTES) {
      return `${this.name}: ${state.bytes.length} bytes of state, expected ${CONFIG_BYTES}`;
    }
    this.#bytes.set(state.bytes);
    return null;
  }
}

function part(value: number, width: AccessSize): number {
  return width === 4 ? value | 0 : value & ((1 << (width * 8)) - 1);
}
