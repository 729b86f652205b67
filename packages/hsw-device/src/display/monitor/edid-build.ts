import {
  ESTABLISHED,
  MODES,
  type ModeName,
  refreshHz,
  STANDARD,
  type Timing,
  VIC,
} from './timings.ts';

/** How a monitor is plugged in. */
export type MonitorKind = 'vga' | 'hdmi' | 'dp' | 'edp';

/** What an EDID says of a monitor. */
export interface EdidSpec {
  readonly kind: MonitorKind;
  /** Up to 13 characters. */
  readonly name: string;
  /** Three capital letters. */
  readonly vendor: string;
  readonly product: number;
  readonly serial: number;
  /** Modes, the preferred one first. */
  readonly modes: readonly ModeName[];
  /** Picture size, cm. */
  readonly sizeCm: readonly [number, number];
  /** HDMI only: it takes two channels of sound. */
  readonly audio: boolean;
}

const BLOCK = 128;
/** Widest mode of a detailed timing, which has 12 bits for it; a wider one is told by its code only. */
const DETAILED_WIDTH_MAX = 4095;
/** sRGB chromaticity. VESA E-EDID 1.4, 3.7. */
const SRGB = [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54] as const;
/** Byte 20 by kind: 0.7 V analogue with separate sync; digital; digital DP with 8 bits a colour. */
const INPUT: Readonly<Record<MonitorKind, number>> = { vga: 0x08, hdmi: 0x80, dp: 0xa5, edp: 0xa5 };
/** EDID revision by kind: HDMI asks for 1.3. */
const REVISION: Readonly<Record<MonitorKind, number>> = { vga: 4, hdmi: 3, dp: 4, edp: 4 };
/** Tag of a descriptor that says nothing. */
const DUMMY_DESCRIPTOR = 0x10;

function checksum(block: Uint8Array): void {
  let sum = 0;
  for (let i = 0; i < BLOCK - 1; i++) sum += block[i] as number;
  block[BLOCK - 1] = -sum & 0xff;
}

/** Writes an 18-byte detailed timing descriptor. VESA E-EDID 1.4, 3.10.2. */
function detailed(out: Uint8Array, at: number, t: Timing, sizeCm: readonly [number, number]): void {
  const clock = Math.round(t.pixelKhz / 10);
  const hblank = t.htotal - t.width;
  const vblank = t.vtotal - t.height;
  const hfront = t.hsyncStart - t.width;
  const hsync = t.hsyncEnd - t.hsyncStart;
  const vfront = t.vsyncStart - t.height;
  const vsync = t.vsyncEnd - t.vsyncStart;
  const [wide, high] = [sizeCm[0] * 10, sizeCm[1] * 10];
  out.set(
    [
      clock & 0xff,
      clock >>> 8,
      t.width & 0xff,
      hblank & 0xff,
      ((t.width >>> 8) << 4) | (hblank >>> 8),
      t.height & 0xff,
      vblank & 0xff,
      ((t.height >>> 8) << 4) | (vblank >>> 8),
      hfront & 0xff,
      hsync & 0xff,
      ((vfront & 15) << 4) | (vsync & 15),
      ((hfront >>> 8) << 6) | ((hsync >>> 8) << 4) | ((vfront >>> 4) << 2) | (vsync >>> 4),
      wide & 0xff,
      high & 0xff,
      ((wide >>> 8) << 4) | (high >>> 8),
      0,
      0,
      0x18 | (t.vsyncPositive ? 4 : 0) | (t.hsyncPositive ? 2 : 0),
    ],
    at,
  );
}

/** Writes a display descriptor that holds text. */
function text(out: Uint8Array, at: number, tag: number, value: string): void {
  out.set([0, 0, 0, tag, 0], at);
  for (let i = 0; i < 13; i++) {
    const code = i < value.length ? value.charCodeAt(i) & 0x7f : i === value.length ? 10 : 32;
    out[at + 5 + i] = code;
  }
}

/** Writes the display range limits. VESA E-EDID 1.4, 3.10.3.3. */
function range(out: Uint8Array, at: number, modes: readonly Timing[], revision: number): void {
  const line = modes.map((t) => t.pixelKhz / t.htotal);
  const frame = modes.map(refreshHz);
  const clock = Math.max(...modes.map((t) => t.pixelKhz));
  out.set(
    [
      ...[0, 0, 0, 0xfd, 0],
      Math.floor(Math.min(...frame)) - 1,
      Math.ceil(Math.max(...frame)) + 1,
      Math.floor(Math.min(...line)) - 1,
      Math.ceil(Math.max(...line)) + 1,
      Math.ceil(clock / 10000),
      ...[revision >= 4 ? 1 : 0, 10, 32, 32, 32, 32, 32, 32],
    ],
    at,
  );
}

/** The modes with one first that a detailed timing can tell. */
function preferTold(modes: readonly ModeName[]): ModeName[] {
  const told = modes.filter((mode) => MODES[mode].width <= DETAILED_WIDTH_MAX);
  if (told[0] === modes[0]) return [...modes];
  const size = (mode: ModeName): number => MODES[mode].width * MODES[mode].height;
  const largest = told.reduce((a, b) => (size(b) > size(a) ? b : a), '640x480');
  return [largest, ...modes.filter((mode) => mode !== largest)];
}

/** Modes that need a detailed timing of their own, besides the preferred one. */
function needDetailed(spec: EdidSpec): ModeName[] {
  return spec.modes.slice(1).filter((mode) => {
    if (MODES[mode].width > DETAILED_WIDTH_MAX) return false;
    if (ESTABLISHED[mode] !== undefined) return false;
    if (spec.kind === 'hdmi' && VIC[mode] !== undefined) return false;
    return STANDARD[mode] === undefined;
  });
}

function baseBlock(spec: EdidSpec, extensions: number, extra: readonly ModeName[]): Uint8Array {
  const b = new Uint8Array(BLOCK);
  const preferred = MODES[spec.modes[0] as ModeName];
  b.set([0, 255, 255, 255, 255, 255, 255, 0]);
  const [p, q, r] = [0, 1, 2].map((i) => spec.vendor.charCodeAt(i) & 31) as [
    number,
    number,
    number,
  ];
  b.set([(p << 2) | (q >>> 3), ((q & 7) << 5) | r, spec.product & 0xff, spec.product >>> 8], 8);
  for (let i = 0; i < 4; i++) b[12 + i] = spec.serial >>> (i * 8);
  b.set([1, 23, 1, REVISION[spec.kind], INPUT[spec.kind], spec.sizeCm[0], spec.sizeCm[1], 120], 16);
  b[24] = (spec.kind === 'vga' ? 0x08 : 0x00) | 0x06;
  b.set(SRGB, 25);
  for (const mode of spec.modes) {
    const bit = ESTABLISHED[mode];
    if (bit !== undefined) b[bit[0]] = (b[bit[0]] as number) | bit[1];
  }
  b.fill(1, 38, 54);
  let at = 38;
  for (const mode of spec.modes) {
    const pair = STANDARD[mode];
    if (pair === undefined || at >= 54) continue;
    b.set(pair, at);
    at += 2;
  }
  detailed(b, 54, preferred, spec.sizeCm);
  // Detailed timings come before the other descriptors.
  const second = extra[0] !== undefined;
  if (extra[0] !== undefined) detailed(b, 72, MODES[extra[0]], spec.sizeCm);
  const limits = spec.modes.map((mode) => MODES[mode]);
  range(b, second ? 90 : 72, limits, REVISION[spec.kind]);
  text(b, second ? 108 : 90, 0xfc, spec.name);
  if (!second) b[108 + 3] = DUMMY_DESCRIPTOR;
  b[126] = extensions;
  checksum(b);
  return b;
}

/** Data blocks that make an HDMI sink of a monitor: video codes, sound, HDMI's vendor block. */
function hdmiData(spec: EdidSpec): number[] {
  const codes = spec.modes.map((mode) => VIC[mode]).filter((vic) => vic !== undefined);
  const vics = [...new Set([...codes, 1])];
  const data = [0x40 | vics.length, ...vics];
  if (spec.audio) data.push(0x23, 0x09, 0x04, 0x01, 0x83, 0x01, 0, 0);
  const clock = Math.max(...spec.modes.map((mode) => MODES[mode].pixelKhz), 165000);
  // HDMI Licensing's identifier, address 1.0.0.0, flags, highest TMDS clock in 5 MHz.
  data.push(0x67, 0x03, 0x0c, 0x00, 0x10, 0x00, 0x00, Math.ceil(clock / 5000));
  return data;
}

/** CTA-861 extension: what HDMI needs, and detailed timings that the base block has no room for. */
function ctaBlock(spec: EdidSpec, extra: readonly ModeName[]): Uint8Array {
  const b = new Uint8Array(BLOCK);
  const hdmi = spec.kind === 'hdmi';
  // Last, video capabilities: RGB range selectable, IT and CE formats underscanned.
  const data = [...(hdmi ? hdmiData(spec) : []), 0xe2, 0x00, 0x4a];
  const timings = 4 + data.length;
  b.set([2, 3, timings, hdmi && spec.audio ? 0xc1 : 0x81, ...data]);
  let at = timings;
  for (const mode of extra) {
    if (at + 18 > BLOCK - 1) break;
    detailed(b, at, MODES[mode], spec.sizeCm);
    at += 18;
  }
  checksum(b);
  return b;
}

/**
 * Makes the EDID of a monitor: one block, and a CTA-861 extension for HDMI, and for DP where detailed
 * timings ask for it. Modes that still do not fit are left out. The preferred mode is the first
 * given, or the largest that a detailed timing can tell.
 */
export function buildEdid(given: EdidSpec): Uint8Array {
  const spec = { ...given, modes: preferTold(given.modes) };
  const extra = needDetailed(spec);
  const base = spec.kind === 'vga' || (spec.kind !== 'hdmi' && extra.length < 2);
  if (base) return baseBlock(spec, 0, extra);
  const edid = new Uint8Array(2 * BLOCK);
  edid.set(baseBlock(spec, 1, extra));
  edid.set(ctaBlock(spec, extra.slice(1)), BLOCK);
  return edid;
}
