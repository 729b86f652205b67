import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { HSW_PWR_WELL_CTL1, LCPLL_CTL, SPLL_CTL, WRPLL_CTL1, WRPLL_CTL2 } from './display.regs.ts';

/** HSW_PWR_WELL_CTL 31 request, 30 state. i915: `HSW_PWR_WELL_CTL_REQ`, `HSW_PWR_WELL_CTL_STATE`. */
const WELL_REQUEST = 0x80000000;
const WELL_STATE = 0x40000000;
/** BIOS, driver, KVMR and debug each have a request register; the well is on while one asks. */
const WELL_REQUESTERS = 4;

/** LCPLL_CTL 31 disable, 30 lock, 27:26 CDCLK, 21 CDCLK from FCLK, 19 that switch is done. */
const LCPLL_DISABLE = 0x80000000;
const LCPLL_LOCK = 0x40000000;
const LCPLL_540 = 0x4000000;
const LCPLL_FCLK = 0x200000;
const LCPLL_FCLK_DONE = 0x80000;

const SRC = 'HSW PRM vol.2c power wells, LCPLL_CTL; i915 hsw_power_well_enable, hsw_disable_lcpll';

/**
 * The display power well and the clocks all others come from. State follows request at once: a
 * driver cannot tell, it polls. Registers keep their values while the well is off.
 */
export function powerRows(regs: RegSpace): RegRow[] {
  const followRequests = (): void => {
    let on = 0;
    for (let i = 0; i < WELL_REQUESTERS; i++) on |= regs.peek(HSW_PWR_WELL_CTL1 + i * 4);
    const state = (on & WELL_REQUEST) !== 0 ? WELL_STATE : 0;
    for (let i = 0; i < WELL_REQUESTERS; i++) {
      const at = HSW_PWR_WELL_CTL1 + i * 4;
      regs.poke(at, (regs.peek(at) & ~WELL_STATE) | state);
    }
  };
  const followLcpll = (offset: number, value: number): void => {
    let next = value & ~(LCPLL_LOCK | LCPLL_FCLK_DONE);
    if ((value & LCPLL_DISABLE) === 0) next |= LCPLL_LOCK;
    if ((value & LCPLL_FCLK) !== 0) next |= LCPLL_FCLK_DONE;
    regs.poke(offset, next);
  };
  // biome-ignore format: one register a line
  return [
    { name: 'HSW_PWR_WELL_CTL', offset: HSW_PWR_WELL_CTL1, count: WELL_REQUESTERS, rw: ~WELL_STATE, onWrite: followRequests, src: SRC },
    { name: 'HSW_PWR_WELL_CTL5', offset: HSW_PWR_WELL_CTL1 + 16, count: 2, src: SRC },
    { name: 'LCPLL_CTL', offset: LCPLL_CTL, reset: LCPLL_LOCK | LCPLL_540, onWrite: followLcpll, src: SRC },
    { name: 'SPLL_CTL', offset: SPLL_CTL, src: 'i915 hsw_ddi_spll_enable' },
    { name: 'WRPLL_CTL1', offset: WRPLL_CTL1, src: 'i915 hsw_ddi_wrpll_enable' },
    { name: 'WRPLL_CTL2', offset: WRPLL_CTL2, src: 'i915 hsw_ddi_wrpll_enable' },
  ];
}
