import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { FPGA_DBG } from './display.regs.ts';

/** FPGA_DBG 31: an access that no display register claimed. i915: `FPGA_DBG_RM_NOCLAIM`. */
const RM_NOCLAIM = 0x80000000;
/** Where display registers lie, bytes. */
const DISPLAY_FIRST = 0x40000;
const DISPLAY_END = 0x100000;

/**
 * The flag by which a driver learns that it reached for a display register that is none: set by any
 * such access, cleared by writing 1. Accesses beyond the offsets that the register file remembers do
 * not set it.
 */
export function unclaimedRows(regs: RegSpace): readonly RegRow[] {
  let seen = 0;
  const count = (): number =>
    regs.misses.offsets
      .filter(({ offset }) => offset >= DISPLAY_FIRST && offset < DISPLAY_END)
      .reduce((sum, { reads, writes }) => sum + reads + writes, 0);
  const onWrite = (offset: number, value: number): void => {
    if ((value & RM_NOCLAIM) !== 0) seen = count();
    regs.poke(offset, 0);
  };
  const onRead = (): number => (count() > seen ? RM_NOCLAIM : 0);
  const src = 'HSW PRM vol.2c FPGA_DBG; i915 fpga_check_for_unclaimed_mmio';
  return [{ name: 'FPGA_DBG', offset: FPGA_DBG, onRead, onWrite, src }];
}
