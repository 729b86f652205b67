import type { RegRow, RegSpace } from '@xengt/hsw-device';
import type { Capabilities, CapabilityWords } from './capabilities.ts';
import type { Invalidations } from './invalidation-queue.ts';
import {
  CAIG_SHIFT,
  CAP,
  CCMD,
  CFI,
  CIRG_SHIFT,
  ECAP,
  frameOf,
  GCMD,
  GSTS,
  GSTS_LASTING,
  IAIG_SHIFT,
  ICC,
  IIRG_SHIFT,
  IRE,
  IVT,
  OF_DOMAIN,
  QIE,
  RTADDR,
  SELECTIVE,
  SIRTP,
  SRTP,
  TE,
  VER,
} from './vtd.regs.ts';

/** Version 1.0. */
const VERSION = 0x10;

/** What the command registers ask of their unit. */
export interface Commanded extends Pick<Invalidations, 'contexts' | 'pages'> {
  readonly regs: RegSpace;
  readonly caps: Capabilities;
  /** The root table lies in this frame from now on; -1: in none that there is. */
  setRoot(frame: number): void;
  latchInterrupts(): void;
  /** @param status GSTS as it is now */
  switched(status: number): void;
}

/** The registers that say what a unit can, switch it, and invalidate without a queue. */
export class CommandRegisters {
  readonly rows: readonly RegRow[];
  readonly #unit: Commanded;

  constructor(unit: Commanded, words: CapabilityWords) {
    this.#unit = unit;
    this.rows = this.#rows(words);
  }

  #rows({ cap, ecap }: CapabilityWords): RegRow[] {
    const { ivaAt } = this.#unit.caps;
    const src = 'VT-d 1.3, 10.4';
    // biome-ignore format: one register a line
    return [
      { name: 'VER',         offset: VER, reset: VERSION, rw: 0, src },
      { name: 'CAP',         offset: CAP, reset: cap[0], rw: 0, src },
      { name: 'CAP_HIGH',    offset: CAP + 4, reset: cap[1], rw: 0, src },
      { name: 'ECAP',        offset: ECAP, reset: ecap[0], rw: 0, src },
      { name: 'ECAP_HIGH',   offset: ECAP + 4, reset: ecap[1], rw: 0, src },
      { name: 'GCMD',        offset: GCMD, onWrite: (_, value) => this.#command(value), onRead: () => 0, src },
      { name: 'GSTS',        offset: GSTS, rw: 0, src },
      { name: 'RTADDR',      offset: RTADDR, rw: ~0xfff, src },
      { name: 'RTADDR_HIGH', offset: RTADDR + 4, src },
      { name: 'CCMD',        offset: CCMD, src },
      { name: 'CCMD_HIGH',   offset: CCMD + 4, onWrite: (_, value) => this.#contextCommand(value), src },
      { name: 'IVA',         offset: ivaAt, src },
      { name: 'IVA_HIGH',    offset: ivaAt + 4, src },
      { name: 'IOTLB',       offset: ivaAt + 8, rw: 0, src },
      { name: 'IOTLB_HIGH',  offset: ivaAt + 12, onWrite: (_, value) => this.#pageCommand(value), src },
    ];
  }

  #command(value: number): void {
    const { regs, caps } = this.#unit;
    let status = regs.peek(GSTS) & ~GSTS_LASTING;
    const can = TE | (caps.queue ? QIE : 0) | (caps.interrupts ? IRE | CFI : 0);
    status |= value & can;
    if ((value & SRTP) !== 0) {
      this.#unit.setRoot(frameOf(regs.peek(RTADDR), regs.peek(RTADDR + 4)));
      status |= SRTP;
    }
    if ((value & SIRTP) !== 0 && caps.interrupts) {
      this.#unit.latchInterrupts();
      status |= SIRTP;
    }
    regs.poke(GSTS, status);
    this.#unit.switched(status);
  }

  #contextCommand(value: number): void {
    if ((value & ICC) === 0) return;
    const { regs } = this.#unit;
    const by = (value >>> CIRG_SHIFT) & 3;
    const low = regs.peek(CCMD);
    if (by !== 0) this.#unit.contexts(by, low & 0xffff, low >>> 16, value & 3);
    const kept = value & ~(ICC | (3 << CAIG_SHIFT));
    regs.poke(CCMD + 4, kept | (by << CAIG_SHIFT));
  }

  #pageCommand(value: number): void {
    if ((value & IVT) === 0) return;
    const { regs, caps } = this.#unit;
    const asked = (value >>> IIRG_SHIFT) & 3;
    const iva = regs.peek(caps.ivaAt);
    const frame = (iva >>> 12) + (regs.peek(caps.ivaAt + 4) >>> 0) * 2 ** 20;
    const mask = iva & 0x3f;
    const by = asked === SELECTIVE && !(caps.byPage && mask <= caps.maxMask) ? OF_DOMAIN : asked;
    if (by !== 0) this.#unit.pages(by, value & 0xffff, frame, mask);
    const kept = value & ~(IVT | (3 << IAIG_SHIFT));
    regs.poke(caps.ivaAt + 12, kept | (by << IAIG_SHIFT));
  }
}
