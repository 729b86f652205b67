import type { MachineMemory } from '../port/memory.ts';
import { TILE_Y } from '../tiling/tiling.ts';
import { SRC_COLOR } from './commands.ts';
import type { BltJob } from './job.ts';
import { moveRow } from './move.ts';
import { ROP_SRC_COPY } from './rop.ts';

/** Whether rows can be moved as they are, left to right. */
export function isCopy(job: BltJob): boolean {
  if (job.rop !== ROP_SRC_COPY || job.source !== SRC_COLOR) return false;
  if (job.chroma !== 0 || job.writeMask !== -1 || job.pattern.transparent) return false;
  const { dst, color } = job;
  const tiledY = dst.tiling === TILE_Y || color.tiling === TILE_Y;
  return (!tiledY || wordAligned(job)) && leftToRight(job);
}

/** Whether each row begins and ends on dwords, in the destination and in a colour source. */
export function wordAligned(job: BltJob): boolean {
  const { dst, color } = job;
  let x = job.left | job.right;
  if (job.source === SRC_COLOR) {
    if (!color.aligned) return false;
    x |= job.srcX - job.originX;
  }
  return dst.aligned && ((x << job.shift) & 3) === 0;
}

/**
 * Whether rows may be gone through from left to right though the engine goes from the right: it
 * matters only where a row meets itself.
 */
export function leftToRight(job: BltJob): boolean {
  if (!job.fromRight) return true;
  const { dst, color } = job;
  const sameRows = dst.pitch === color.pitch && dst.tiling === color.tiling;
  const wide = (job.right - job.originX) << job.shift;
  if (!sameRows || Math.abs(dst.pitch) < wide) return false;
  return job.srcY !== job.originY || job.originX - job.srcX >= job.right - job.left;
}

/** Copies one row of a job for which {@link isCopy} holds. */
export function copyRow(job: BltJob, memory: MachineMemory, y: number): void {
  const { dst, color } = job;
  const ys = y - job.originY + job.srcY;
  const xd = job.left << job.shift;
  const xs = (job.left - job.originX + job.srcX) << job.shift;
  moveRow(memory, dst, color, xd, y, xs, ys, job.rowBytes);
}
