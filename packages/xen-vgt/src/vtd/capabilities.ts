/** A unit's capability registers, as dwords: low and high half of each. */
export interface CapabilityWords {
  readonly cap: readonly [number, number];
  readonly ecap: readonly [number, number];
}

/**
 * The unit in front of Haswell's graphics, 00:02.0 alone: four levels, 39 bits, no large pages, no
 * invalidation by page, one fault record, queue and interrupt remapping. Xen and Linux print it as
 * `cap c0000020660462 ecap f0101a`; the bits of protected memory regions (5 and 6) are not set here,
 * since nothing implements those.
 */
export const HASWELL_GRAPHICS_UNIT: CapabilityWords = {
  cap: [0x20660402, 0x00c00000],
  ecap: [0x00f0101a, 0],
};

/** A unit that can all that is modelled: 39 and 48 bits, 2 MiB and 1 GiB pages, by page, 8 records. */
export const FULL_UNIT: CapabilityWords = {
  cap: [0x206f0602, 0x00d2078c],
  ecap: [0x00f0105a, 0],
};

/** What the words say. VT-d 1.3, 10.4.2 and 10.4.3. */
export interface Capabilities {
  /** Bit n: tables of n + 2 levels may be used. */
  readonly levels: number;
  /** Width of addresses that devices may use, bits. */
  readonly width: number;
  /** Bit 0: pages of 2 MiB; bit 1: of 1 GiB. */
  readonly largePages: number;
  /** Invalidation by page, and the largest run of pages as a power of two. */
  readonly byPage: boolean;
  readonly maxMask: number;
  readonly faultRecords: number;
  /** Offset of the fault records, and of IVA, which IOTLB follows; bytes. */
  readonly faultsAt: number;
  readonly ivaAt: number;
  readonly queue: boolean;
  readonly interrupts: boolean;
  /** Requests may pass untranslated where a context entry says so. */
  readonly passThrough: boolean;
  /** Bit 11 of page entries, snooping, may be set. */
  readonly snoop: boolean;
}

export function capabilitiesOf({ cap, ecap }: CapabilityWords): Capabilities {
  const [low, high] = cap;
  return {
    levels: (low >>> 8) & 0x1f,
    width: ((low >>> 16) & 0x3f) + 1,
    largePages: (high >>> 2) & 0xf,
    byPage: (high & 0x80) !== 0,
    maxMask: (high >>> 16) & 0x3f,
    faultRecords: ((high >>> 8) & 0xff) + 1,
    faultsAt: ((low >>> 24) | ((high & 3) << 8)) * 16,
    ivaAt: ((ecap[0] >>> 8) & 0x3ff) * 16,
    queue: (ecap[0] & 2) !== 0,
    interrupts: (ecap[0] & 8) !== 0,
    passThrough: (ecap[0] & 0x40) !== 0,
    snoop: (ecap[0] & 0x80) !== 0,
  };
}
