import type { RegBlock, RegRow, RegSpace } from '@xengt/hsw-device';
import type { Slice } from '../partition/partition.ts';

/** Where the page lies among the registers. i915 i915_pvinfo.h `VGT_PVINFO_PAGE`. */
export const PVINFO_PAGE = 0x78000;
/** Offsets in the page. i915 `struct vgt_if`; upstream vgt-if.h. */
export const PV_MAGIC = 0x000,
  PV_VERSION = 0x008,
  PV_ID = 0x00c,
  PV_CAPS = 0x010,
  PV_LOW_BASE = 0x040,
  PV_LOW_SIZE = 0x044,
  PV_HIGH_BASE = 0x048,
  PV_HIGH_SIZE = 0x04c,
  PV_FENCES = 0x050,
  PV_GUEST_HALF = 0x800,
  PV_DISPLAY_READY = 0x804,
  PV_MIN_LOW = 0x80c,
  PV_MIN_HIGH = 0x810,
  PV_MIN_FENCES = 0x814,
  PV_G2V = 0x818,
  PV_V2G = 0x81c,
  PV_CURSOR_X_HOT = 0x830,
  PV_CURSOR_Y_HOT = 0x834;
/** The magic's two dwords are alike: 0x4776544776544776. */
export const PV_MAGIC_LOW = 0x76544776,
  PV_MAGIC_HIGH = 0x47765447;
/** Capability that i915 6.1 insists on before it binds. i915 `VGT_CAPS_FULL_PPGTT`. */
export const PV_CAPS_FULL_PPGTT = 0x4;
/** display_ready: driver gone, ready, legacy VGA. */
export const DISPLAY_NOT_READY = 0,
  DISPLAY_READY = 1,
  DISPLAY_LEGACY_VGA = 2;
/** Highest notification that means something: 0 display refresh, 1 pointer shape. */
const G2V_KNOWN = 2;

/** What the page tells its vGPU. */
export interface PvEvents {
  displayReady(value: number): void;
  /** The guest asks for more than it was given: it cannot run. @returns nothing; the VM is stopped */
  demandTooBig(what: string, asked: number, given: number): void;
  /** g2v 0: the guest drew to its screen. */
  refresh(): void;
  /** g2v 1 or a hot spot: the pointer's shape changed. */
  pointer(): void;
}

/** The paravirtual page: what a driver must know to keep to its part of the graphics memory. */
export class PvInfo implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Reads of parts of the page that mean nothing; answered with what is stored. */
  invalidReads = 0;
  /** Writes that mean nothing; stored. */
  invalidWrites = 0;
  readonly #regs: RegSpace;
  readonly #slice: Slice;
  readonly #events: PvEvents;

  constructor(regs: RegSpace, id: number, slice: Slice, events: PvEvents) {
    this.#regs = regs;
    this.#slice = slice;
    this.#events = events;
    const src = 'i915 i915_pvinfo.h struct vgt_if';
    const onRead = (offset: number, value: number): number => this.#read(offset, value);
    const onWrite = (offset: number, value: number): void => this.#write(offset, value);
    this.rows = [
      { name: 'VGT_PVINFO', offset: PVINFO_PAGE, count: 0x200, rw: 0, onRead, src },
      {
        name: 'VGT_PVINFO_GUEST',
        offset: PVINFO_PAGE + PV_GUEST_HALF,
        count: 0x200,
        onRead,
        onWrite,
        src,
      },
    ];
    this.#id = id;
  }

  readonly #id: number;

  /** Writes the host's half. Called once the rows are part of the register file. */
  publish(): void {
    const s = this.#slice;
    const put = (at: number, value: number): void => this.#regs.poke(PVINFO_PAGE + at, value);
    put(PV_MAGIC, PV_MAGIC_LOW);
    put(PV_MAGIC + 4, PV_MAGIC_HIGH);
    put(PV_VERSION, 1);
    put(PV_ID, this.#id);
    put(PV_CAPS, PV_CAPS_FULL_PPGTT);
    put(PV_LOW_BASE, s.lowBase);
    put(PV_LOW_SIZE, s.lowBytes);
    put(PV_HIGH_BASE, s.highBase);
    put(PV_HIGH_SIZE, s.highBytes);
    put(PV_FENCES, s.fences);
  }

  get displayReady(): number {
    return this.#regs.peek(PVINFO_PAGE + PV_DISPLAY_READY);
  }

  #read(offset: number, value: number): number {
    const at = offset - PVINFO_PAGE;
    const valid =
      at < 0x14 ||
      (at >= PV_LOW_BASE && at <= PV_FENCES) ||
      (at >= PV_GUEST_HALF && at <= PV_MIN_FENCES) ||
      at === PV_V2G;
    if (!valid) this.invalidReads++;
    return value;
  }

  #write(offset: number, value: number): void {
    const s = this.#slice;
    const events = this.#events;
    switch (offset - PVINFO_PAGE) {
      case PV_GUEST_HALF: // driver version: kept, nothing follows from it
        return;
      case PV_DISPLAY_READY:
        if (value >>> 0 > DISPLAY_LEGACY_VGA) this.invalidWrites++;
        else events.displayReady(value);
        return;
      case PV_MIN_LOW:
        if (value >>> 0 > s.lowBytes) events.demandTooBig('low memory', value >>> 0, s.lowBytes);
        return;
      case PV_MIN_HIGH:
        if (value >>> 0 > s.highBytes) events.demandTooBig('high memory', value >>> 0, s.highBytes);
        return;
      case PV_MIN_FENCES:
        if (value >>> 0 > s.fences) events.demandTooBig('fences', value >>> 0, s.fences);
        return;
      case PV_G2V:
        if (value === 0) events.refresh();
        else if (value === 1) events.pointer();
        else if (value >>> 0 >= G2V_KNOWN) this.invalidWrites++;
        return;
      case PV_CURSOR_X_HOT:
      case PV_CURSOR_Y_HOT:
        events.pointer();
        return;
      default:
        this.invalidWrites++;
    }
  }
}
