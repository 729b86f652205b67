import { REASON, REASON_TEXT } from '../vtd/vtd.regs.ts';
import type { RawFault } from './unit-control.ts';

const FIRST_INTERRUPT_REASON = 0x20;

/** What a device asked for. */
export type DmaAccess = 'read' | 'write' | 'interrupt';

/** A fault that the unit recorded, as the hypervisor tells it. */
export interface DmaFault {
  readonly sid: number;
  /** Who asked: `0000:00:02.0`. */
  readonly device: string;
  readonly access: DmaAccess;
  /** Address of the request, page bounds; of an interrupt, its index in the table. */
  readonly address: number;
  /** VT-d specification, appendix A: its number, and in words. */
  readonly reason: number;
  readonly why: string;
  /**
   * As Xen logs it, on one line: `[VT-D]DMAR:[DMA Write] Request device [0000:00:02.0] fault addr
   * 12345000, reason 05 - page may not be written`. Xen: `iommu_page_fault_do_one`.
   */
  readonly text: string;
}

/** `0000:00:02.0`: the unit is of the first segment. @param sid bus << 8 | device << 3 | function */
export function deviceName(sid: number): string {
  return `0000:${hex2(sid >>> 8)}:${hex2((sid >>> 3) & 0x1f)}.${sid & 7}`;
}

/** What a record of the unit says. */
export function faultOf({ sid, reason, read, low, high }: RawFault): DmaFault {
  const interrupt = reason >= FIRST_INTERRUPT_REASON && reason <= REASON.IRQ_SOURCE;
  const access = interrupt ? 'interrupt' : read ? 'read' : 'write';
  const address = interrupt ? high >>> 16 : (high >>> 0) * 2 ** 32 + ((low & ~0xfff) >>> 0);
  const device = deviceName(sid);
  const why = REASON_TEXT.get(reason) ?? 'unknown';
  const from = `Request device [${device}] fault`;
  const what = interrupt
    ? `INTR-REMAP: ${from} index ${address.toString(16)}`
    : `DMAR:[DMA ${read ? 'Read' : 'Write'}] ${from} addr ${address.toString(16)}`;
  const text = `[VT-D]${what}, reason ${hex2(reason)} - ${why}`;
  return { sid, device, access, address, reason, why, text };
}

function hex2(n: number): string {
  return n.toString(16).padStart(2, '0');
}
