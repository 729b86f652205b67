import type { TrapTarget } from '@xengt/hsw-device';

/** The widest access that is emulated, bytes: one AVX register. Upstream: `hvmemul` up to 32. */
export const WIDE_MAX = 32;

/** Whether an access of this width is emulated: powers of two from 8 to 32 bytes. */
export function isWide(bytes: number): boolean {
  return bytes === 8 || bytes === 16 || bytes === WIDE_MAX;
}

/**
 * A load of 8, 16 or 32 bytes, as dwords in ascending order.
 *
 * @returns false, with nothing read, for any other width
 */
export function wideRead(
  target: TrapTarget,
  offset: number,
  bytes: number,
  into: Int32Array,
): boolean {
  if (!isWide(bytes)) return false;
  for (let i = 0; i < bytes; i += 4) into[i >>> 2] = target.read(offset + i, 4);
  return true;
}

/** A store of 8, 16 or 32 bytes, as dwords in ascending order. @returns false for other widths */
export function wideWrite(
  target: TrapTarget,
  offset: number,
  bytes: number,
  from: Int32Array,
): boolean {
  if (!isWide(bytes)) return false;
  for (let i = 0; i < bytes; i += 4) target.write(offset + i, 4, from[i >>> 2] as number);
  return true;
}
