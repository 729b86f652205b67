import type { Timing } from './timings.ts';

/** What was found in an EDID. */
export interface EdidInfo {
  /** Everything that is wrong with it; empty for a good one. */
  readonly errors: readonly string[];
  readonly vendor: string;
  readonly product: number;
  readonly serial: number;
  /** e.g. `1.4`. */
  readonly version: string;
  readonly digital: boolean;
  readonly name: string;
  readonly sizeCm: readonly [number, number];
  /** Detailed timings, the preferred one first. */
  readonly timings: readonly Timing[];
  /** Video identification codes of the CTA extension, in its order. */
  readonly vics: readonly number[];
  /** The CTA extension says that it is an HDMI sink; that it takes sound. */
  readonly hdmi: boolean;
  readonly audio: boolean;
}

const BLOCK = 128;
const HEADER = [0, 255, 255, 255, 255, 255, 255, 0] as const;

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function sumOf(bytes: Uint8Array, block: number): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += at(bytes, block * BLOCK + i);
  return sum & 0xff;
}

/** Reads an 18-byte detailed timing; null when it is some other descriptor. */
function detailed(b: Uint8Array, o: number): Timing | null {
  const pixelKhz = (at(b, o) | (at(b, o + 1) << 8)) * 10;
  if (pixelKhz === 0) return null;
  const width = at(b, o + 2) | ((at(b, o + 4) & 0xf0) << 4);
  const height = at(b, o + 5) | ((at(b, o + 7) & 0xf0) << 4);
  const high = at(b, o + 11);
  const hsyncStart = width + (at(b, o + 8) | ((high & 0xc0) << 2));
  const vsyncStart = height + ((at(b, o + 10) >>> 4) | ((high & 0x0c) << 2));
  return {
    width,
    height,
    pixelKhz,
    hsyncStart,
    hsyncEnd: hsyncStart + (at(b, o + 9) | ((high & 0x30) << 4)),
    htotal: width + (at(b, o + 3) | ((at(b, o + 4) & 15) << 8)),
    vsyncStart,
    vsyncEnd: vsyncStart + ((at(b, o + 10) & 15) | ((high & 3) << 4)),
    vtotal: height + (at(b, o + 6) | ((at(b, o + 7) & 15) << 8)),
    hsyncPositive: (at(b, o + 17) & 2) !== 0,
    vsyncPositive: (at(b, o + 17) & 4) !== 0,
  };
}

function nameOf(b: Uint8Array): string {
  for (let o = 54; o < 126; o += 18) {
    if (at(b, o) !== 0 || at(b, o + 1) !== 0 || at(b, o + 3) !== 0xfc) continue;
    const text = String.fromCharCode(...b.subarray(o + 5, o + 18));
    return (text.split('\n')[0] as string).trimEnd();
  }
  return '';
}

/** Faults of one timing, with its place. */
function faults(t: Timing, where: string): string[] {
  const list: string[] = [];
  if (t.width === 0 || t.height === 0) list.push(`${where}: no active pixels`);
  if (t.hsyncEnd > t.htotal) list.push(`${where}: horizontal sync ends after the line`);
  if (t.vsyncEnd > t.vtotal) list.push(`${where}: vertical sync ends after the frame`);
  return list;
}

/** Tags of extension blocks. VESA E-EDID 1.4, 2.2. */
const CTA_EXTENSION = 2;
const EXTENSION_NAMES: Readonly<Record<number, string>> = {
  0x10: 'a video timing block',
  0x40: 'display information',
  0x50: 'localized strings',
  0x60: 'a digital packet video link',
  0x70: 'DisplayID',
  0xf0: 'a block map',
};

/** Reads the data blocks of a CTA-861 extension. */
function ctaData(b: Uint8Array, o: number, vics: number[]): { hdmi: boolean; audio: boolean } {
  const end = o + Math.min(at(b, o + 2), BLOCK - 1);
  let hdmi = false;
  for (let i = o + 4; i < end; i += (at(b, i) & 31) + 1) {
    const tag = at(b, i) >>> 5;
    const vendor = tag === 3;
    if (vendor && at(b, i + 1) === 3 && at(b, i + 2) === 12 && at(b, i + 3) === 0) hdmi = true;
    if (tag !== 2) continue;
    for (let k = 1; k <= (at(b, i) & 31) && i + k < end; k++) vics.push(at(b, i + k) & 0x7f);
  }
  return { hdmi, audio: (at(b, o + 3) & 0x40) !== 0 };
}

/** Reads an EDID of any length and any contents; what is wrong is listed, nothing is thrown. */
export function parseEdid(bytes: Uint8Array): EdidInfo {
  const errors: string[] = [];
  if (bytes.length === 0 || bytes.length % BLOCK !== 0) {
    errors.push(`${bytes.length} bytes are not whole blocks of 128`);
  }
  if (HEADER.some((byte, i) => at(bytes, i) !== byte))
    errors.push('the header is not 00 ff..ff 00');
  if (at(bytes, 18) !== 1) errors.push(`version ${at(bytes, 18)}, expected 1`);
  const blocks = Math.floor(bytes.length / BLOCK);
  for (let i = 0; i < blocks; i++) {
    if (sumOf(bytes, i) !== 0) errors.push(`block ${i}: bytes add up to ${sumOf(bytes, i)}, not 0`);
  }
  if (blocks > 0 && at(bytes, 126) !== blocks - 1) {
    errors.push(`byte 126 says ${at(bytes, 126)} extensions, there are ${blocks - 1}`);
  }
  const timings: Timing[] = [];
  const vics: number[] = [];
  const take = (o: number, where: string): boolean => {
    const t = detailed(bytes, o);
    if (t === null) return false;
    timings.push(t);
    errors.push(...faults(t, where));
    return true;
  };
  for (let i = 0; i < 4; i++) take(54 + i * 18, `detailed timing ${i}`);
  if (timings.length === 0) errors.push('no detailed timing');
  let flags = { hdmi: false, audio: false };
  for (let i = 1; i < blocks; i++) {
    const o = i * BLOCK;
    if (at(bytes, o) !== CTA_EXTENSION) {
      const tag = at(bytes, o);
      const name = EXTENSION_NAMES[tag] ?? `extension 0x${tag.toString(16)}`;
      errors.push(`block ${i}: ${name} is not supported, only CTA-861 is`);
      continue;
    }
    flags = ctaData(bytes, o, vics);
    const first = at(bytes, o + 2);
    for (let d = o + first; first >= 4 && d + 18 < o + BLOCK; d += 18) {
      if (!take(d, `block ${i} at ${d - o}`)) break;
    }
  }
  const id = (at(bytes, 8) << 8) | at(bytes, 9);
  return {
    errors,
    vendor: String.fromCharCode(64 + ((id >>> 10) & 31), 64 + ((id >>> 5) & 31), 64 + (id & 31)),
    product: at(bytes, 10) | (at(bytes, 11) << 8),
    serial: at(bytes, 12) | (at(bytes, 13) << 8) | (at(bytes, 14) << 16) | (at(bytes, 15) << 24),
    version: `${at(bytes, 18)}.${at(bytes, 19)}`,
    digital: (at(bytes, 20) & 0x80) !== 0,
    name: nameOf(bytes),
    sizeCm: [at(bytes, 21), at(bytes, 22)],
    timings,
    vics,
    ...flags,
  };
}
