import type { MachineMemory, RegRow, RegSpace } from '@xengt/hsw-device';
import { frameOf, IRTA, REASON } from './vtd.regs.ts';

// Message address, remappable:  31:20 0xfee | 19:5 index 14:0 | 4 remappable | 3 add data | 2 index 15
const MESSAGE_BASE = 0xfee;
const REMAPPABLE = 0x10;
const ADD_DATA = 8;
// Interrupt entry, 16 bytes:
//   0 present | 1 FPD | 2 logical | 3 redirection | 4 level | 7:5 delivery | 23:16 vector
//   63:32 destination (47:40 unless EIME) | 79:64 source | 81:80 bits of it that do not count
//   83:82 what of the source is verified: 0 nothing, 1 all of it, 2 a range of buses
const PRESENT = 1;
const FPD = 2;
const RESERVED_LOW = 0xff007000 | 0;
const RESERVED_HIGH = 0xfff00000 | 0;
const VERIFY_SOURCE = 1,
  VERIFY_BUSES = 2;
/** Function bits that do not count, by 81:80. */
const OPEN: readonly number[] = [0, 4, 6, 7];
/** IRTA: destinations have 32 bits. */
const EIME = 0x800;

/** What an interrupt message becomes. Reused: valid until the next one. */
export interface RemappedInterrupt {
  vector: number;
  destination: number;
  /** 0 fixed, 1 lowest priority, 4 NMI, ... */
  delivery: number;
  level: boolean;
}

/** The table of interrupts, and the look-up of one message in it. VT-d 1.3, chapter 5. */
export class InterruptRemapping {
  readonly rows: readonly RegRow[];
  readonly found: RemappedInterrupt = { vector: 0, destination: 0, delivery: 0, level: false };
  /** Of the message looked up last: its index, and that its entry's faults are not recorded. */
  index = 0;
  silent = false;
  readonly #regs: RegSpace;
  readonly #memory: MachineMemory;
  #table = 0;
  #entries = 0;
  #wide = false;

  constructor(regs: RegSpace, memory: MachineMemory) {
    this.#regs = regs;
    this.#memory = memory;
    const src = 'VT-d 1.3, 10.4.29';
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'IRTA', offset: IRTA, rw: ~0x7f0, src },
      { name: 'IRTA_HIGH', offset: IRTA + 4, src },
    ];
  }

  /** GCMD has the table pointer taken. */
  latch(): void {
    const low = this.#regs.peek(IRTA);
    this.#table = frameOf(low, this.#regs.peek(IRTA + 4));
    this.#entries = 2 ** ((low & 0xf) + 1);
    this.#wide = (low & EIME) !== 0;
  }

  /** Whether messages of the old format never pass. */
  get strict(): boolean {
    return this.#wide;
  }

  /** Whether a message is one that names an entry. */
  remappable(address: number): boolean {
    return address >>> 20 === MESSAGE_BASE && (address & REMAPPABLE) !== 0;
  }

  /** @param sid who sent it @returns 0, with {@link found} filled, or the reason of a fault */
  look(sid: number, address: number, data: number): number {
    this.silent = false;
    const handle = ((address >>> 5) & 0x7fff) | ((address & 4) << 13);
    const added = (address & ADD_DATA) !== 0;
    this.index = (handle + (added ? data & 0xffff : 0)) & 0xffff;
    if (added && data >>> 16 !== 0) return REASON.IRQ_RESERVED;
    const index = handle + (added ? data & 0xffff : 0);
    if (index >= this.#entries) return REASON.IRQ_BEYOND_TABLE;
    const mfn = this.#table + (index >>> 8);
    const region = this.#table < 0 ? 0 : this.#memory.regionOf(mfn);
    if (region === 0) return REASON.IRTE_UNREACHABLE;
    const words = this.#memory.words[region] as Int32Array;
    const at = this.#memory.wordOf(mfn, region) + (index & 0xff) * 4;
    const a = words[at] as number;
    const c = words[at + 2] as number;
    this.silent = (a & FPD) !== 0;
    if ((a & PRESENT) === 0) return REASON.IRTE_ABSENT;
    const verify = (c >>> 18) & 3;
    if ((a & RESERVED_LOW) !== 0 || (c & RESERVED_HIGH) !== 0 || verify === 3) {
      return REASON.IRTE_RESERVED;
    }
    if (words[at + 3] !== 0) return REASON.IRTE_RESERVED;
    if (!verified(verify, c, sid)) return REASON.IRQ_SOURCE;
    const destination = words[at + 1] as number;
    const { found } = this;
    found.vector = (a >>> 16) & 0xff;
    found.delivery = (a >>> 5) & 7;
    found.level = (a & 0x10) !== 0;
    found.destination = this.#wide ? destination : (destination >>> 8) & 0xff;
    return 0;
  }
}

function verified(verify: number, source: number, sid: number): boolean {
  if (verify === VERIFY_SOURCE) {
    const counts = ~(OPEN[(source >>> 16) & 3] as number);
    return (source & 0xffff & counts) === (sid & counts);
  }
  if (verify !== VERIFY_BUSES) return true;
  const bus = sid >>> 8;
  return bus >= ((source >>> 8) & 0xff) && bus <= (source & 0xff);
}
