import { capabilityRows, PCI_CAP_ID_AF, PCI_CAP_ID_PM } from './config-rows.ts';
import type { ConfigRow, ConfigSpace } from './config-space.ts';

/** PMCSR 1:0, power states of a function. PCI Power Management 1.2, 3.2.4; `pci_regs.h` PCI_PM_CTRL. */
export const PM_STATE_MASK = 3,
  PM_D0 = 0,
  PM_D3HOT = 3;
/** Offset of PMCSR in the capability. */
export const PM_CONTROL = 4;
/** PMC: version 2, device-specific initialisation, no D1, D2 nor PME. */
const PM_CAPABILITIES = 0x22;
/** AF capability: transactions-pending bit and function-level reset. PCI Advanced Capabilities ECN. */
const AF_CAPABILITIES = 3;
const AF_INITIATE_FLR = 1;

/**
 * The power management capability: 6 bytes at `offset`. Only D0 and D3hot exist; a write of another
 * state leaves the present one.
 *
 * @param space of the function, once it is made
 * @param moved runs after the function went to D3hot, or back to D0
 */
export function pmRows(
  offset: number,
  next: number,
  space: () => ConfigSpace,
  moved: (d3hot: boolean) => void,
): ConfigRow[] {
  const src = 'PCI Power Management 1.2, 3.2';
  const onWrite = (value: number, old: number): void => {
    const state = value & PM_STATE_MASK;
    if (state !== PM_D0 && state !== PM_D3HOT) {
      space().poke(offset + PM_CONTROL, 2, (value & ~PM_STATE_MASK) | (old & PM_STATE_MASK));
    } else if (state !== (old & PM_STATE_MASK)) {
      moved(state === PM_D3HOT);
    }
  };
  return [
    ...capabilityRows(offset, PCI_CAP_ID_PM, next),
    { name: 'PMC', offset: offset + 2, width: 2, reset: PM_CAPABILITIES, src },
    { name: 'PMCSR', offset: offset + PM_CONTROL, width: 2, rw: PM_STATE_MASK, onWrite, src },
  ];
}

/** The advanced features capability: 6 bytes at `offset`. @param flr runs a function-level reset */
export function afRows(offset: number, next: number, flr: () => void): ConfigRow[] {
  const src = 'PCI Advanced Capabilities ECN; pci_regs.h PCI_AF_*';
  const onWrite = (value: number): void => {
    if ((value & AF_INITIATE_FLR) !== 0) flr();
  };
  return [
    ...capabilityRows(offset, PCI_CAP_ID_AF, next),
    { name: 'AF_LENGTH', offset: offset + 2, width: 1, reset: 6, src },
    { name: 'AF_CAP', offset: offset + 3, width: 1, reset: AF_CAPABILITIES, src },
    {
      name: 'AF_CTRL',
      offset: offset + 4,
      width: 1,
      rw: AF_INITIATE_FLR,
      onRead: () => 0,
      onWrite,
      src,
    },
    { name: 'AF_STATUS', offset: offset + 5, width: 1, src },
  ];
}
