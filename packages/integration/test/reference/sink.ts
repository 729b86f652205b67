import type { Gpu } from './gpu.ts';
import { transcoderOf, type Wire } from './wire.ts';

const BASES: readonly number[] = [0x60000, 0x61000, 0x62000, 0x6f000];
/** TRANS_DDI_FUNC_CTL 26:24. */
const HDMI = 0;
const DP_SST = 2;
const DP_MST = 3;

/**
 * Whether a monitor takes the wire for limited range. HDMI: by the AVI infoframe, whose byte 3 says so
 * in bits 3:2 or leaves it to the video code in byte 4 (CTA-861 6.4). DisplayPort: by MISC0 bit 3.
 */
function isLimited(gpu: Gpu, transcoder: number): boolean {
  const base = BASES[transcoder] as number;
  const mode = (gpu.register(base + 0x400) >>> 24) & 7;
  if (mode === DP_SST || mode === DP_MST) return (gpu.register(base + 0x410) & 8) !== 0;
  if (mode !== HDMI || (gpu.register(base + 0x200) & (1 << 12)) === 0) return false;
  // Three bytes of header and one for its code, the checksum, byte 1, 2, 3; then byte 4.
  const range = (gpu.register(base + 0x224) >>> 26) & 3;
  const code = gpu.register(base + 0x228) & 0x7f;
  return range === 1 || (range === 0 && code > 1);
}

/** What a monitor shows of what is on its wire: 16 to 235 stretched to 0 to 255 where it has to be. */
export function shownOf(gpu: Gpu, pipe: number, wire: Wire): Wire {
  if (!isLimited(gpu, transcoderOf(gpu, pipe))) return wire;
  const stretch = (rounded: (value: number) => number): Uint8Array =>
    Uint8Array.from({ length: 256 }, (_, value) =>
      Math.min(Math.max(rounded(((value - 16) * 255) / 219), 0), 255),
    );
  const [floor, ceil] = [stretch(Math.floor), stretch((value) => Math.ceil(value) + 1)];
  return { ...wire, low: mapped(wire.low, floor), high: mapped(wire.high, ceil) };
}

function mapped(pixels: Uint32Array, table: Uint8Array): Uint32Array {
  return pixels.map((p) => {
    const r = table[p & 255] as number;
    const g = table[(p >>> 8) & 255] as number;
    const b = table[(p >>> 16) & 255] as number;
    return (r | (g << 8) | (b << 16) | (p & 0xff000000)) >>> 0;
  });
}
