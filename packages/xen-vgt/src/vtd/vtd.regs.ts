// Registers of a DMA remapping unit. Intel VT-d specification 1.3 and 2.x, chapter 10; Linux
// include/linux/intel-iommu.h DMAR_*. Registers of 64 bits are two dwords, low one first.

export const VER = 0x00,
  CAP = 0x08,
  ECAP = 0x10,
  GCMD = 0x18,
  GSTS = 0x1c,
  RTADDR = 0x20,
  CCMD = 0x28,
  FSTS = 0x34,
  FECTL = 0x38,
  FEDATA = 0x3c,
  FEADDR = 0x40,
  FEUADDR = 0x44,
  IQH = 0x80,
  IQT = 0x88,
  IQA = 0x90,
  ICS = 0x9c,
  IECTL = 0xa0,
  IEDATA = 0xa4,
  IEADDR = 0xa8,
  IEUADDR = 0xac,
  IRTA = 0xb8;
/** Address bits 38:32 in a high dword. Haswell client parts address 39 bits. */
export const ADDRESS_HIGH = 0x7f;

/** Frame of a 64-bit address in two dwords; -1 where the machine has no such address. */
export function frameOf(low: number, high: number): number {
  return (high & ~ADDRESS_HIGH) === 0 ? (low >>> 12) | (high << 20) : -1;
}

/** A unit's registers, bytes. */
export const UNIT_BYTES = 0x1000;

/** GCMD and GSTS, the same bits: translation, root table pointer, queue, interrupt remapping. */
export const TE: number = 1 << 31,
  SRTP: number = 1 << 30,
  QIE: number = 1 << 26,
  IRE: number = 1 << 25,
  SIRTP: number = 1 << 24,
  CFI: number = 1 << 23;
/** What stays as it was written last; the others are done once. */
export const GSTS_LASTING: number = TE | QIE | IRE | CFI;

/** FSTS: fault overflow, fault pending, error of the invalidation queue; 15:8 the first record. */
export const PFO = 1,
  PPF = 2,
  IQE = 0x10,
  FRI_SHIFT = 8;
/** FECTL and IECTL: interrupt masked, interrupt pending. */
export const EVENT_MASKED: number = 1 << 31,
  EVENT_PENDING: number = 1 << 30;
/** ICS 0: a wait descriptor is done. */
export const IWC = 1;

/** High dword of CCMD: begin; 30:29 asked, 28:27 done. 1 global, 2 a domain's, 3 a device's. */
export const ICC: number = 1 << 31,
  CIRG_SHIFT = 29,
  CAIG_SHIFT = 27;
/** High dword of IOTLB: begin; 29:28 asked, 26:25 done. 1 global, 2 a domain's, 3 pages. */
export const IVT: number = 1 << 31,
  IIRG_SHIFT = 28,
  IAIG_SHIFT = 25;
export const GLOBAL = 1,
  OF_DOMAIN = 2,
  SELECTIVE = 3;

// A fault recording register, 16 bytes:
//   0  31:12 address 31:12      4  address 63:32 (an interrupt's index in 31:16)
//   8  15:0 source id           c  31 recorded | 30 a read | 7:0 reason
export const FRCD_BYTES = 16,
  FRCD_SOURCE = 8,
  FRCD_REASON = 12;
export const FRCD_F: number = 1 << 31,
  FRCD_READ: number = 1 << 30;

/** Why a request was refused. VT-d 1.3, appendix A "Fault reason encodings". */
export const REASON = {
  ROOT_ABSENT: 0x1,
  CONTEXT_ABSENT: 0x2,
  CONTEXT_INVALID: 0x3,
  BEYOND_WIDTH: 0x4,
  NOT_WRITABLE: 0x5,
  NOT_READABLE: 0x6,
  TABLE_UNREACHABLE: 0x7,
  ROOT_UNREACHABLE: 0x8,
  CONTEXT_UNREACHABLE: 0x9,
  ROOT_RESERVED: 0xa,
  CONTEXT_RESERVED: 0xb,
  ENTRY_RESERVED: 0xc,
  IRQ_RESERVED: 0x20,
  IRQ_BEYOND_TABLE: 0x21,
  IRTE_ABSENT: 0x22,
  IRTE_UNREACHABLE: 0x23,
  IRTE_RESERVED: 0x24,
  IRQ_COMPATIBLE: 0x25,
  IRQ_SOURCE: 0x26,
} as const;

/** What each reason means, for a log line. */
export const REASON_TEXT: ReadonlyMap<number, string> = new Map([
  [REASON.ROOT_ABSENT, 'root entry is not present'],
  [REASON.CONTEXT_ABSENT, 'context entry is not present'],
  [REASON.CONTEXT_INVALID, 'context entry asks for what the unit cannot do'],
  [REASON.BEYOND_WIDTH, 'address is beyond the width of the tables'],
  [REASON.NOT_WRITABLE, 'page may not be written'],
  [REASON.NOT_READABLE, 'page may not be read'],
  [REASON.TABLE_UNREACHABLE, 'page table lies in no memory'],
  [REASON.ROOT_UNREACHABLE, 'root table lies in no memory'],
  [REASON.CONTEXT_UNREACHABLE, 'context table lies in no memory'],
  [REASON.ROOT_RESERVED, 'reserved bits are set in the root entry'],
  [REASON.CONTEXT_RESERVED, 'reserved bits are set in the context entry'],
  [REASON.ENTRY_RESERVED, 'reserved bits are set in a page table entry'],
  [REASON.IRQ_RESERVED, 'reserved bits are set in the interrupt message'],
  [REASON.IRQ_BEYOND_TABLE, 'interrupt index is beyond the table'],
  [REASON.IRTE_ABSENT, 'interrupt entry is not present'],
  [REASON.IRTE_UNREACHABLE, 'interrupt table lies in no memory'],
  [REASON.IRTE_RESERVED, 'reserved bits are set in the interrupt entry'],
  [REASON.IRQ_COMPATIBLE, 'interrupt message of the old format is blocked'],
  [REASON.IRQ_SOURCE, "interrupt entry is not this device's"],
]);

/** Reasons that a context entry's, or an interrupt entry's, FPD bit keeps silent. The same appendix. */
export const SILENCED: ReadonlySet<number> = new Set([
  REASON.CONTEXT_ABSENT,
  REASON.CONTEXT_INVALID,
  REASON.BEYOND_WIDTH,
  REASON.NOT_WRITABLE,
  REASON.NOT_READABLE,
  REASON.TABLE_UNREACHABLE,
  REASON.CONTEXT_RESERVED,
  REASON.ENTRY_RESERVED,
  REASON.IRTE_ABSENT,
  REASON.IRTE_RESERVED,
  REASON.IRQ_SOURCE,
]);
