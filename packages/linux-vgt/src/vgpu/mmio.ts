import { DwordTarget, GM_PAGES, GTT_WINDOW, type RegSpace } from '@xengt/hsw-device';
import {
  DISPLAY,
  DOM0,
  F_ACCESSED,
  F_STATUS,
  LIVE,
  PLANE,
  RENDER,
  RENDER_ADDRESS,
  RENDER_MODE,
} from '../attr/attribute.ts';
import { type AttributeTable, engineBit } from '../attr/attribute-table.ts';
import type { ShadowGgtt } from '../gtt/shadow-ggtt.ts';
import type { HostForcewake } from './host-forcewake.ts';

/** Accesses of one vGPU; they only grow. */
export interface MmioCounters {
  reads: number;
  writes: number;
  /** Accesses to registers that neither the table nor the device knows, once per register. */
  untracked: number;
  /** Accesses beyond BAR0. */
  outside: number;
}

/** What an access may depend on beside the register. */
export interface MmioHost {
  readonly isDom0: boolean;
  /** The VM's render state is in hardware. */
  readonly loaded: boolean;
  /** Engines whose status registers show a hang that is over in hardware, a bit each. */
  readonly heldEngines: number;
  /** What the VM draws is on the physical screen. */
  readonly foreground: boolean;
  /** The VM still runs; a stopped one reads what it wrote and changes nothing. */
  readonly alive: boolean;
  /** A plane register of the VM changed while it is not, or is, in the foreground. */
  planeWritten(offset: number): void;
  /** An address register was written. @returns the value for hardware; -1 when it is refused */
  checkAddress(offset: number, value: number): boolean;
  /** Replaces an address register's null address. */
  fixAddress(value: number): number;
}

/**
 * BAR0 of one vGPU: registers by their attribute, then the GTT. One look-up per access; nothing is
 * allocated. Accesses of any alignment are taken: 16-bit accesses of some engines arrive as bytes.
 */
export class VgpuMmio extends DwordTarget {
  readonly name: string;
  readonly counters: MmioCounters = { reads: 0, writes: 0, untracked: 0, outside: 0 };
  readonly #policy: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #vreg: RegSpace;
  readonly #sreg: Int32Array;
  readonly #hw: RegSpace;
  readonly #wake: HostForcewake;
  readonly #gtt: ShadowGgtt;
  readonly #host: MmioHost;

  constructor(o: {
    name: string;
    attr: AttributeTable;
    vreg: RegSpace;
    sreg: Int32Array;
    hw: RegSpace;
    wake: HostForcewake;
    gtt: ShadowGgtt;
    host: MmioHost;
  }) {
    super();
    this.name = o.name;
    this.#policy = o.attr.policy;
    this.#flags = o.attr.flags;
    this.#vreg = o.vreg;
    this.#sreg = o.sreg;
    this.#hw = o.hw;
    this.#wake = o.wake;
    this.#gtt = o.gtt;
    this.#host = o.host;
  }

  protected stored(offset: number): number {
    if (offset >= GTT_WINDOW) return this.#gtt.entries[(offset - GTT_WINDOW) >>> 2] ?? 0;
    const policy = this.#policy[offset >>> 2] as number;
    const physical = this.#host.isDom0 && (policy === DOM0 || policy === DISPLAY);
    const regs = physical ? this.#hw : this.#vreg;
    return regs.unwritten(offset);
  }

  /** @param offset multiple of 4 */
  read32(offset: number): number {
    if (offset >= GTT_WINDOW) {
      const index = (offset - GTT_WINDOW) >>> 2;
      if (index >= GM_PAGES) this.counters.outside++;
      return this.#gtt.read(index);
    }
    this.counters.reads++;
    if (offset < 0) return this.#outside();
    const i = offset >>> 2;
    this.#touch(i);
    const host = this.#host;
    switch (this.#policy[i] as number) {
      case RENDER:
      case RENDER_MODE:
      case RENDER_ADDRESS:
        if (host.loaded && !this.#latched(offset, i)) this.#vreg.dw[i] = this.#wake.read32(offset);
        return this.#vreg.dw[i] as number;
      case DOM0:
      case DISPLAY:
        return host.isDom0 ? this.#wake.read32(offset) : this.#virtual(offset, i);
      case PLANE:
        if (host.isDom0 && host.foreground) return this.#wake.read32(offset);
        return this.#virtual(offset, i);
      case LIVE:
        return this.#wake.read32(offset);
      default:
        return this.#virtual(offset, i);
    }
  }

  #isStatus(i: number): boolean {
    return ((this.#flags[i] as number) & F_STATUS) !== 0;
  }

  /** What a status register, most of which take no value or go off by writing 1, makes of a write. */
  #masked(offset: number, i: number, value: number): number {
    const row = this.#hw.rowAt(offset);
    const rw = row?.rw ?? -1;
    const next = ((this.#vreg.dw[i] as number) & ~rw) | (value & rw);
    return next & ~(value & (row?.w1c ?? 0));
  }

  /** Whether a status register still shows how its engine hung. */
  #latched(offset: number, i: number): boolean {
    if (!this.#isStatus(i)) return false;
    return (this.#host.heldEngines & engineBit(offset)) !== 0;
  }

  #virtual(offset: number, i: number): number {
    const vreg = this.#vreg;
    if (vreg.claims(offset)) return vreg.read32(offset);
    if (!this.#hw.claims(offset)) vreg.misses.read(offset);
    return vreg.dw[i] as number;
  }

  /** @param offset multiple of 4 */
  write32(offset: number, value: number): void {
    const host = this.#host;
    if (!host.alive) return;
    if (offset >= GTT_WINDOW) {
      const index = (offset - GTT_WINDOW) >>> 2;
      if (index >= GM_PAGES) this.counters.outside++;
      this.#gtt.write(index, value);
      return;
    }
    this.counters.writes++;
    if (offset < 0) {
      this.#outside();
      return;
    }
    const i = offset >>> 2;
    this.#touch(i);
    switch (this.#policy[i] as number) {
      case RENDER:
        this.#vreg.dw[i] = this.#isStatus(i) ? this.#masked(offset, i, value) : value;
        this.#sreg[i] = value;
        if (host.loaded) this.#hw.write32(offset, value);
        return;
      case RENDER_MODE:
        this.#writeMode(offset, i, value);
        return;
      case RENDER_ADDRESS:
        this.#vreg.dw[i] = value;
        if (!host.checkAddress(offset, value)) return;
        this.#sreg[i] = host.fixAddress(value);
        if (host.loaded) this.#hw.write32(offset, this.#sreg[i] as number);
        return;
      case DOM0:
      case DISPLAY:
        if (host.isDom0) this.#hw.write32(offset, value);
        else this.#virtualWrite(offset, i, value);
        return;
      case PLANE:
        if (host.isDom0 && host.foreground) {
          this.#vreg.dw[i] = value;
          this.#hw.write32(offset, value);
          return;
        }
        this.#virtualWrite(offset, i, value);
        host.planeWritten(offset);
        return;
      case LIVE:
        if (host.isDom0) this.#hw.write32(offset, value);
        return;
      default:
        this.#virtualWrite(offset, i, value);
    }
  }

  #virtualWrite(offset: number, i: number, value: number): void {
    const vreg = this.#vreg;
    if (vreg.claims(offset)) {
      vreg.write32(offset, value);
      return;
    }
    if (!this.#hw.claims(offset)) vreg.misses.write(offset, value);
    vreg.dw[i] = value;
  }

  #writeMode(offset: number, i: number, value: number): void {
    const mask = value >>> 16;
    const next = ((this.#vreg.dw[i] as number) & ~mask) | (value & mask);
    this.#vreg.dw[i] = next;
    this.#sreg[i] = next;
    if (this.#host.loaded) this.#hw.write32(offset, value);
  }

  #touch(i: number): void {
    const flags = this.#flags;
    const flag = flags[i] as number;
    if ((flag & F_ACCESSED) !== 0) return;
    flags[i] = flag | F_ACCESSED;
    if (this.#policy[i] === 0) this.counters.untracked++;
  }

  #outside(): number {
    this.counters.outside++;
    return 0;
  }
}
