/** How many distinct offsets are remembered; beyond it accesses are only counted. */
const OFFSETS_KEPT = 256;

/** What happened at an offset that no register row describes. */
export interface UnclaimedOffset {
  /** Byte offset in the register half of BAR0. */
  readonly offset: number;
  reads: number;
  writes: number;
  /** The value written last, int32; 0 before the first write. */
  last: number;
}

/** Accesses that no row claims: counted all, remembered by offset up to a bound. */
export class UnclaimedLog {
  /** Accesses in all. */
  count = 0;
  readonly #byOffset: Map<number, UnclaimedOffset> = new Map();

  read(offset: number): void {
    const at = this.#at(offset);
    if (at !== undefined) at.reads++;
  }

  write(offset: number, value: number): void {
    const at = this.#at(offset);
    if (at === undefined) return;
    at.writes++;
    at.last = value;
  }

  #at(offset: number): UnclaimedOffset | undefined {
    this.count++;
    let at = this.#byOffset.get(offset);
    if (at === undefined && this.#byOffset.size < OFFSETS_KEPT) {
      at = { offset, reads: 0, writes: 0, last: 0 };
      this.#byOffset.set(offset, at);
    }
    return at;
  }

  /** What is remembered, in the order of the offsets. */
  get offsets(): readonly UnclaimedOffset[] {
    return [...this.#byOffset.values()].sort((a, b) => a.offset - b.offset);
  }
}

/** One line an offset: `0x183000  3 reads, 1 write, last 0x12`. */
export function unclaimedText(offsets: readonly UnclaimedOffset[]): string {
  return offsets.map((at) => `${unclaimedLine(at)}\n`).join('');
}

function unclaimedLine(at: UnclaimedOffset): string {
  const counts = [
    ...(at.reads > 0 ? [`${at.reads} ${at.reads === 1 ? 'read' : 'reads'}`] : []),
    ...(at.writes > 0
      ? [
          `${at.writes} ${at.writes === 1 ? 'write' : 'writes'}, last 0x${(at.last >>> 0).toString(16)}`,
        ]
      : []),
  ];
  return `0x${at.offset.toString(16)}  ${counts.join(', ')}`;
}
