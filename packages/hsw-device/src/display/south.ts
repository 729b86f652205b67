import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import * as R from './display.regs.ts';

/** SOUTH_CHICKEN2 12 asks for the FDI mPHY reset, 13 says that it is. i915: `lpt_fdi_reset_mphy`. */
const MPHY_RESET_CTL = 0x1000;
const MPHY_RESET_STATUS = 0x2000;
/** LPT_TRANSCONF 31 enable, 30 state. */
const TRANS_STATE = 0x40000000;
/** SBI_CTL_STAT 16 destination, 15:8 opcode, 1 failed, 0 busy. i915: `intel_sbi_rw`. */
const SBI_MPHY = 0x10000;
const SBI_WRITE = 0x100;
/** SBI registers kept, both destinations together; a driver uses about forty. */
const SBI_KEPT = 1024;

/** Reset values of the sideband, by destination << 16 | offset: iCLKIP and CLKOUT_DP are off. */
const SBI_RESET: readonly (readonly [number, number])[] = [
  [0x020c, 1],
  [0x060c, 1],
];

const SRC = 'HSW PRM vol.2c south display; i915 intel_sbi.c, intel_pch_refclk.c';

/** The PCH's sideband to its clock and PHY units, its only transcoder, and reset handshakes. */
export class South {
  readonly rows: readonly RegRow[];
  /** Sideband registers by destination << 16 | offset. */
  readonly sbi: Map<number, number> = new Map(SBI_RESET);
  /** Sideband writes dropped because too many registers were written. */
  sbiDropped = 0;
  readonly #regs: RegSpace;

  constructor(regs: RegSpace) {
    this.#regs = regs;
    const chicken2 = (offset: number, value: number): void => {
      const on = (value & MPHY_RESET_CTL) !== 0;
      regs.poke(offset, on ? value | MPHY_RESET_STATUS : value & ~MPHY_RESET_STATUS);
    };
    const transconf = (offset: number, value: number): void => {
      const on = (value & R.PIPECONF_ENABLE) !== 0;
      regs.poke(offset, on ? value | TRANS_STATE : value & ~TRANS_STATE);
    };
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'SOUTH_CHICKEN2', offset: R.SOUTH_CHICKEN2, onWrite: chicken2, src: SRC },
      { name: 'LPT_TRANSCONF', offset: R.LPT_TRANSCONF, onWrite: transconf, src: SRC },
      { name: 'SBI_ADDR', offset: R.SBI_ADDR, src: SRC },
      { name: 'SBI_DATA', offset: R.SBI_DATA, src: SRC },
      { name: 'SBI_CTL_STAT', offset: R.SBI_CTL_STAT, onWrite: (_o, v) => this.#transact(v), src: SRC },
      { name: 'PIXCLK_GATE', offset: R.PIXCLK_GATE, src: SRC },
    ];
  }

  #transact(control: number): void {
    const regs = this.#regs;
    const key = (control & SBI_MPHY) | (regs.peek(R.SBI_ADDR) >>> 16);
    if ((control & SBI_WRITE) !== 0) {
      if (this.sbi.has(key) || this.sbi.size < SBI_KEPT) this.sbi.set(key, regs.peek(R.SBI_DATA));
      else this.sbiDropped++;
    } else {
      regs.poke(R.SBI_DATA, this.sbi.get(key) ?? 0);
    }
    regs.poke(R.SBI_CTL_STAT, control & ~3);
  }

  reset(): void {
    this.sbi.clear();
    for (const [key, value] of SBI_RESET) this.sbi.set(key, value);
  }
}
