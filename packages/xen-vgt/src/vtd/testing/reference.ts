import type { Capabilities } from '../capabilities.ts';

/** Outcome of a request: a machine frame, or the reason why not, and whether it is recorded. */
export type Outcome =
  | { readonly mfn: number }
  | { readonly reason: number; readonly read: boolean; readonly recorded: boolean };

const bits = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

/**
 * Translation as the specification tells it, bit by bit on whole numbers: slow, without a cache, and
 * with nothing of the unit's own code.
 *
 * @param qword reads 8 bytes of machine memory; null where there is none
 */
export function translate(
  qword: (address: bigint) => bigint | null,
  caps: Capabilities,
  root: bigint,
  sid: number,
  frame: number,
  access: { readonly read: boolean; readonly write: boolean },
): Outcome {
  const fault = (reason: number, silent = false, read = access.read): Outcome => ({
    reason,
    read,
    recorded: !silent,
  });
  const busLow = qword(root + BigInt(sid >> 8) * 16n);
  if (busLow === null) return fault(8);
  if (bits(busLow, 0, 0) === 0n) return fault(1);
  const busHigh = qword(root + BigInt(sid >> 8) * 16n + 8n);
  if (bits(busLow, 11, 1) !== 0n || bits(busLow, 63, 39) !== 0n || busHigh !== 0n) {
    return fault(0xa);
  }
  const at = bits(busLow, 38, 12) * 4096n + BigInt(sid & 0xff) * 16n;
  const low = qword(at);
  const high = qword(at + 8n);
  if (low === null || high === null) return fault(9);
  const silent = bits(low, 1, 1) === 1n;
  if (bits(low, 0, 0) === 0n) return fault(2, silent);
  const reserved = bits(low, 11, 4) | bits(low, 63, 39) | bits(high, 7, 7) | bits(high, 63, 24);
  if (reserved !== 0n) return fault(0xb, silent);
  const kind = bits(low, 3, 2);
  const passes = kind === 2n && caps.passThrough;
  const width = Number(bits(high, 2, 0));
  if ((kind !== 0n && !passes) || ((caps.levels >> width) & 1) === 0) return fault(3, silent);
  const levels = width + 2;
  const address = BigInt(frame) << 12n;
  const reach = Math.min(caps.width, 12 + 9 * levels);
  if (address >= 1n << BigInt(reach)) return fault(4, silent);
  if (passes) return { mfn: frame };
  let table = bits(low, 38, 12) << 12n;
  for (let level = levels; level > 0; level--) {
    const shift = 12 + 9 * (level - 1);
    const entry = qword(table + bits(address, shift + 8, shift) * 8n);
    if (entry === null) return fault(7, silent);
    if (access.read && bits(entry, 0, 0) === 0n) return fault(6, silent, true);
    if (access.write && bits(entry, 1, 1) === 0n) return fault(5, silent, false);
    const large = level > 1 && bits(entry, 7, 7) === 1n;
    const leaf = level === 1 || large;
    let wrong = bits(entry, 51, 39) | bits(entry, 62, 62);
    if (!(leaf && caps.snoop)) wrong |= bits(entry, 11, 11);
    if (large) {
      if (level > 3 || ((caps.largePages >> (level - 2)) & 1) === 0) wrong = 1n;
      wrong |= bits(entry, shift - 1, 12);
    }
    if (wrong !== 0n) return fault(0xc, silent);
    const target = bits(entry, 38, 12) << 12n;
    if (leaf) return { mfn: Number((target + bits(address, shift - 1, 0)) >> 12n) };
    table = target;
  }
  throw new Error('tables of no levels');
}
