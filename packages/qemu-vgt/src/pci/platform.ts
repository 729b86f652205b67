/** Which family of Haswell a graphics id belongs to: it decides the ids of its bridges. */
export type PlatformKind = 'desktop' | 'mobile' | 'server' | 'ult' | 'crystalwell';

/** Ids of the bridges around one Haswell GPU. */
export interface PlatformIds {
  readonly kind: PlatformKind;
  /** Device id of the host bridge, 00:00.0. */
  readonly hostBridge: number;
  /** Revision of the host bridge. */
  readonly hostRevision: number;
  /** Device id of the PCH's LPC bridge, 00:1f.0. */
  readonly pch: number;
  readonly pchRevision: number;
  readonly pchName: string;
}

// Host bridges: 4th gen. Core datasheet vol.2 "DID" of device 0. LPC bridges: 8 series PCH
// datasheet, and i915 intel_pch.h: LPT is 8c00/ff80, LPT-LP is 9c00/ff80.
// biome-ignore format: one platform a line
const PLATFORMS: readonly PlatformIds[] = [
  { kind: 'desktop',     hostBridge: 0x0c00, hostRevision: 6, pch: 0x8c4e, pchRevision: 5, pchName: 'Lynx Point Q87' },
  { kind: 'mobile',      hostBridge: 0x0c04, hostRevision: 6, pch: 0x8c4f, pchRevision: 5, pchName: 'Lynx Point QM87' },
  { kind: 'server',      hostBridge: 0x0c08, hostRevision: 6, pch: 0x8c54, pchRevision: 5, pchName: 'Lynx Point C224' },
  { kind: 'ult',         hostBridge: 0x0a04, hostRevision: 9, pch: 0x9c43, pchRevision: 4, pchName: 'Lynx Point-LP' },
  { kind: 'crystalwell', hostBridge: 0x0d04, hostRevision: 8, pch: 0x8c4f, pchRevision: 5, pchName: 'Lynx Point QM87' },
];

function kindOf(graphicsId: number): PlatformKind | null {
  // i915_pciids.h: 04xx and 0Cxx are Haswell, 0Axx ULT, 0Dxx Crystal Well; of the low nibble
  // 2 is desktop, 6 mobile, A server, B and E "reserved" parts that count as mobile.
  switch (graphicsId >>> 8) {
    case 0x0a:
      return 'ult';
    case 0x0d:
      return 'crystalwell';
    case 0x04:
    case 0x0c:
      break;
    default:
      return null;
  }
  switch (graphicsId & 0xf) {
    case 0x2:
      return 'desktop';
    case 0xa:
      return 'server';
    default:
      return 'mobile';
  }
}

/**
 * The bridges that go with a Haswell graphics id.
 *
 * @param graphicsId PCI device id of 00:02.0, e.g. 0x0412
 * @throws QemuVgtError when it is no Haswell id
 */
export function platformOf(graphicsId: number): PlatformIds {
  const kind = kindOf(graphicsId);
  const found = PLATFORMS.find((p) => p.kind === kind);
  if (found === undefined) {
    throw new QemuVgtError(
      'NOT_HASWELL',
      `graphics device 8086:${graphicsId.toString(16).padStart(4, '0')} is not a Haswell part`,
    );
  }
  return found;
}

/** A guest's machine was described wrongly; thrown before the guest runs. */
export class QemuVgtError extends Error {
  readonly code: 'NOT_HASWELL' | 'PCH_NOT_INTEL' | 'VBT_PORTS';
  constructor(code: QemuVgtError['code'], message: string) {
    super(message);
    this.name = 'QemuVgtError';
    this.code = code;
  }
}
