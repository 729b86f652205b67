import type { Engine } from './engine.ts';
import { storePostSync } from './mi.ts';
import { registerOf, writeRegister } from './mi-registers.ts';

/** PIPE_CONTROL DWord 1. PRM vol.2a PIPE_CONTROL; i915 `PIPE_CONTROL_*`. */
export const PC_GLOBAL_GTT = 0x1000000;
/** The post-sync operation writes dword 3 to the register that dword 2 names. i915 `PIPE_CONTROL_MMIO_WRITE`. */
export const PC_LOAD_REGISTER = 0x800000;
export const PC_STORE_INDEX = 0x200000;
export const PC_TLB_INVALIDATE = 0x40000;
export const PC_NOTIFY = 0x100;
/** Post-sync operation 15:14: 1 immediate data, 2 PS depth count, 3 timestamp. */
const OP_NONE = 0;
const OP_DEPTH_COUNT = 2;
const OP_TIMESTAMP = 3;
/** PS_DEPTH_COUNT, 64 bits. i915: `PS_DEPTH_COUNT`. */
const PS_DEPTH_COUNT = 0x2350;

/** PIPE_CONTROL 19: PS_DEPTH_COUNT and the snapshot counters begin again. */
const PC_SNAPSHOT_RESET = 0x80000;

/**
 * The write of 15:14, in the GGTT or the status page only with privilege. It is of a qword: bit 2 of
 * the address does not count, in which drivers of gen6 named the GGTT.
 */
function postSync(e: Engine, flags: number, op: number): void {
  const index = (flags & PC_STORE_INDEX) !== 0;
  const address = e.cmd[2] as number;
  const space = e.space(index || (flags & PC_GLOBAL_GTT) !== 0);
  if (space === null) return;
  const at = index ? e.statusPage + (address & 0xff8) : address & ~7;
  if (op === OP_DEPTH_COUNT) {
    space.write32(at, e.regs.peek(PS_DEPTH_COUNT));
    space.write32(at + 4, e.regs.peek(PS_DEPTH_COUNT + 4));
  } else storePostSync(e, space, at, op === OP_TIMESTAMP, 3, 4);
}

/**
 * PIPE_CONTROL: every stall and flush is met, since commands finish before the next one starts;
 * what is left is TLB invalidation, the post-sync operation and the notify interrupt.
 */
export function pipeControl(e: Engine): void {
  const flags = e.cmd[1] as number;
  if ((flags & PC_TLB_INVALIDATE) !== 0) e.ppgtt.space.invalidate();
  const op = (flags >>> 14) & 3;
  if ((flags & PC_LOAD_REGISTER) !== 0) {
    writeRegister(e, registerOf(e.cmd[2] as number), e.cmd[3] as number);
  } else if (op !== OP_NONE) postSync(e, flags, op);
  if ((flags & PC_SNAPSHOT_RESET) !== 0) {
    e.regs.poke(PS_DEPTH_COUNT, 0);
    e.regs.poke(PS_DEPTH_COUNT + 4, 0);
  }
  if ((flags & PC_NOTIFY) !== 0) e.interrupt(e.row.flushBit);
}
