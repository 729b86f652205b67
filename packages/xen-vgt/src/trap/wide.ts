import type { TrapTarget } from '@xengt/hsw-device';
import { CountingTarget } from './counting.ts';
import { isWide } from './widths.ts';

/** Tells whoever counts that the next accesses are one instruction's. @param bytes 8, 16 or 32 */
export function chainAccesses(target: TrapTarget, bytes: number): void {
  if (target instanceof CountingTarget) target.chain(bytes);
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
  chainAccesses(target, bytes);
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
  chainAccesses(target, bytes);
  for (let i = 0; i < bytes; i += 4) target.write(offset + i, 4, from[i >>> 2] as number);
  return true;
}
