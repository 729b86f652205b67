/** Tables of the CRC-32 of IEEE 802.3, for four bytes at a time. */
const TABLES: readonly Int32Array[] = makeTables();

function makeTables(): Int32Array[] {
  const tables = [0, 1, 2, 3].map(() => new Int32Array(256));
  const [t0, t1, t2, t3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = (c & 1) !== 0 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    t0[i] = c;
  }
  for (let i = 0; i < 256; i++) {
    t1[i] = (t0[(t0[i] as number) & 255] as number) ^ ((t0[i] as number) >>> 8);
    t2[i] = (t0[(t1[i] as number) & 255] as number) ^ ((t1[i] as number) >>> 8);
    t3[i] = (t0[(t2[i] as number) & 255] as number) ^ ((t2[i] as number) >>> 8);
  }
  return tables;
}

/**
 * CRC-32 of 32-bit pixels, low byte first. The hardware's own polynomial is not documented; what
 * drivers rely on is that equal pictures have equal CRCs and different ones have not.
 *
 * @returns int32
 */
export function crc32(pixels: Uint32Array, count: number): number {
  const [t0, t1, t2, t3] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];
  let c = -1;
  for (let i = 0; i < count; i++) {
    c ^= pixels[i] as number;
    c =
      (t3[c & 255] as number) ^
      (t2[(c >>> 8) & 255] as number) ^
      (t1[(c >>> 16) & 255] as number) ^
      (t0[c >>> 24] as number);
  }
  return ~c;
}
