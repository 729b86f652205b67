/** Bytes of an EDID block. */
const BLOCK = 128;

/**
 * An HDMI EDID whose CTA-861 extension has more video codes and another highest TMDS clock.
 *
 * @param codes CTA-861 video identification codes
 */
export function withVideoCodes(
  edid: Uint8Array,
  codes: readonly number[],
  mhz: number,
): Uint8Array {
  const old = edid.subarray(BLOCK, 2 * BLOCK);
  const end = old[2] as number;
  const data: number[] = [];
  for (let at = 4; at < end; at += 1 + ((old[at] as number) & 31)) {
    const block = [...old.subarray(at, at + 1 + ((old[at] as number) & 31))];
    const tag = (block[0] as number) >>> 5;
    if (tag === 2) block.splice(0, 1, (2 << 5) | (block.length - 1 + codes.length), ...codes);
    // HDMI's vendor block: 7 is the highest clock in 5 MHz.
    if (tag === 3) block[7] = Math.ceil(mhz / 5);
    data.push(...block);
  }
  const cta = new Uint8Array(BLOCK);
  cta.set([2, 3, 4 + data.length, old[3] as number, ...data]);
  cta.set(old.subarray(end, BLOCK - 1 - data.length - 4 + end), 4 + data.length);
  cta[BLOCK - 1] = 0;
  cta[BLOCK - 1] = -cta.reduce((sum, byte) => sum + byte, 0);
  const out = edid.slice();
  out.set(cta, BLOCK);
  return out;
}
