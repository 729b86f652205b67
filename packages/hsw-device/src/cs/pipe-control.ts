import type { Engine } from './engine.ts';
import { storePostSync } from './mi.ts';

/** PIPE_CONTROL DWord 1. PRM vol.2a PIPE_CONTROL; i915 `PIPE_CONTROL_*`. */
export const PC_GLOBAL_GTT = 0x1000000;
export const PC_STORE_INDEX = 0x200000;
export const PC_TLB_INVALIDATE = 0x40000;
export const PC_NOTIFY = 0x100;
/** Post-sync operation 15:14: 1 immediate data, 2 PS depth count, 3 timestamp. */
const OP_IMMEDIATE = 1;
const OP_DEPTH_COUNT = 2;
const OP_TIMESTAMP = 3;
/** PS_DEPTH_COUNT, 64 bits. i915: `PS_DEPTH_COUNT`. */
const PS_DEPTH_COUNT = 0x2350;

/**
 * PIPE_CONTROL: every stall and flush is met, since commands finish before the next one starts;
 * what is left is TLB invalidation, the post-sync write and the notify interrupt.
 */
export function pipeControl(e: Engine): void {
  const flags = e.cmd[1] as number;
  if ((flags & PC_TLB_INVALIDATE) !== 0) e.ppgtt.space.invalidate();
  const op = (flags >>> 14) & 3;
  if (op !== 0 && e.length >= 4) {
    const index = (flags & PC_STORE_INDEX) !== 0;
    const address = e.cmd[2] as number;
    const space = index ? e.ggtt : e.space((flags & PC_GLOBAL_GTT) !== 0);
    const at = index ? e.statusPage + (address & 0xff8) : address & ~3;
    if (op === OP_DEPTH_COUNT) {
      space.write32(at, e.regs.peek(PS_DEPTH_COUNT));
      space.write32(at + 4, e.regs.peek(PS_DEPTH_COUNT + 4));
    } else if (op === OP_IMMEDIATE || op === OP_TIMESTAMP) {
      storePostSync(e, space, at, op === OP_TIMESTAMP, 3, 4);
    }
  }
  if ((flags & PC_NOTIFY) !== 0) e.interrupt(e.row.flushBit);
}
