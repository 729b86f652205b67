import type { RegSpace } from '../../reg/reg-space.ts';
import { transcoderMode } from '../clocks.ts';
import * as R from '../display.regs.ts';

/** How colours are coded on a port's wires. */
export const WIRE_FULL = 0;
export const WIRE_LIMITED = 1;
export const WIRE_YCBCR = 2;

/** VIDEO_DIP_CTL 12: the AVI infoframe is sent. i915: `VIDEO_DIP_ENABLE_AVI_HSW`. */
const AVI_ENABLE = 0x1000;
/** TRANS_MSA_MISC 2:1 colour format, 3 range of consumer electronics. drm `DP_MSA_MISC_COLOR_*`. */
const MSA_FORMAT = 6;
const MSA_LIMITED = 8;
/** RGB range in the AVI infoframe's byte 3. CTA-861, 6.4. */
const QUANT_LIMITED = 4;
const QUANT_FULL = 8;

/**
 * What a sink takes the colours of its wires for: an HDMI one reads the AVI infoframe, a DisplayPort
 * one the main stream attributes. Without either, and on DVI and VGA, it is RGB of full range.
 */
export function wireCoding(regs: RegSpace, transcoder: number): number {
  const base = R.TRANSCODER_BASE[transcoder] as number;
  const mode = transcoderMode(regs, transcoder);
  if (mode === R.TRANS_DDI_MODE_DP_SST || mode === R.TRANS_DDI_MODE_DP_MST) {
    const msa = regs.peek(base + R.TRANS_MSA_MISC);
    if ((msa & MSA_FORMAT) !== 0) return WIRE_YCBCR;
    return (msa & MSA_LIMITED) !== 0 ? WIRE_LIMITED : WIRE_FULL;
  }
  if (mode !== R.TRANS_DDI_MODE_HDMI) return WIRE_FULL;
  if ((regs.peek(base + R.VIDEO_DIP_CTL) & AVI_ENABLE) === 0) return WIRE_FULL;
  // Three header bytes and one for their code, then the checksum: byte n of the frame is at n + 4.
  const first = regs.peek(base + R.VIDEO_DIP_AVI + 4);
  if (((first >>> 13) & 3) !== 0) return WIRE_YCBCR;
  const range = (first >>> 24) & (QUANT_LIMITED | QUANT_FULL);
  if (range === QUANT_LIMITED) return WIRE_LIMITED;
  if (range === QUANT_FULL) return WIRE_FULL;
  const vic = regs.peek(base + R.VIDEO_DIP_AVI + 8) & 0x7f;
  return vic > 1 ? WIRE_LIMITED : WIRE_FULL;
}
