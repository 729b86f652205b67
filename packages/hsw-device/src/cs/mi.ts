import {
  HEAD_ADDR,
  RING_BB_OFFSET,
  RING_HEAD,
  RING_NOPID,
  RING_UHPTR,
  TAIL_ADDR,
  UHPTR_VALID,
} from '../gt/engine.regs.ts';
import type { AddressSpace } from '../gtt/address-space.ts';
import type { Engine } from './engine.ts';
import { WAIT_EVENT } from './engine-contract.ts';
import { PREDICATE_RESULT_1 } from './predicate.ts';

/** MI_STORE_DATA_IMM 22, MI_STORE_REGISTER_MEM 22: address is in the GGTT. i915: `MI_USE_GGTT`. */
export const USE_GGTT = 0x400000;

/** MI_NOOP 22 writes bits 21:0 to NOPID. PRM vol.2a MI_NOOP. */
export function miNoop(e: Engine): void {
  const header = e.cmd[0] as number;
  if ((header & 0x400000) !== 0) e.setReg(RING_NOPID, header & 0x3fffff);
}

export function miUserInterrupt(e: Engine): void {
  e.interrupt(e.row.userBit);
}

export function miReportHead(e: Engine): void {
  e.ggtt.write32(e.statusPage + 0x10, e.reg(RING_HEAD));
}

/** MI_STORE_DATA_IMM: dword 2 address, 3 data, 4 upper data. PRM vol.2a. */
export function miStoreDataImm(e: Engine): void {
  const cmd = e.cmd;
  const space = e.space(((cmd[0] as number) & USE_GGTT) !== 0);
  if (space === null) return;
  const at = cmd[2] as number;
  space.write32(at & ~3, cmd[3] as number);
  if (e.length >= 5) space.write32((at & ~3) + 4, cmd[4] as number);
}

/** MI_STORE_DATA_INDEX: offset 11:2 in the status page. Privileged. PRM vol.2a. */
export function miStoreDataIndex(e: Engine): void {
  const at = e.statusPage + ((e.cmd[1] as number) & 0xffc);
  e.ggtt.write32(at, e.cmd[2] as number);
  if (e.length >= 4) e.ggtt.write32(at + 4, e.cmd[3] as number);
}

/**
 * MI_BATCH_BUFFER_START, HSW: 22 second level, 16 add BB_OFFSET, 15 predicate, 13 no privilege, 8
 * PPGTT. PRM vol.2a; i915 `hsw_emit_bb_start`, `MI_BATCH_PREDICATE`.
 */
export function miBatchBufferStart(e: Engine): void {
  const header = e.cmd[0] as number;
  if ((header & 0x8000) !== 0 && (e.regs.peek(PREDICATE_RESULT_1) & 1) === 0) return;
  const second = (header & 0x400000) !== 0;
  // Only the render engine has a bit of its own for privilege; for the others bit 8 says both.
  const asked = (header & (e.id === 'RCS' ? 0x2000 : 0x2100)) !== 0;
  // A batch cannot give itself privilege: what it starts has at most its own.
  const user = asked || !e.privileged;
  // Nor can it leave the per-process space: the address space bit counts only with privilege.
  const ppgtt = (header & 0x100) !== 0 || !e.privileged;
  const offset = (header & 0x10000) !== 0 ? e.reg(RING_BB_OFFSET) & ~3 : 0;
  e.startBatch((((e.cmd[1] as number) & ~3) + offset) | 0, second, ppgtt, user);
}

export function miBatchBufferEnd(e: Engine): void {
  e.endBatch();
}

/**
 * MI_CONDITIONAL_BATCH_BUFFER_END: 21 compares: the batch goes on while the dword in memory is above
 * the operand. Without a comparison it goes on. PRM vol.2a; IGT `MI_DO_COMPARE`.
 */
export function miConditionalBatchBufferEnd(e: Engine): void {
  const header = e.cmd[0] as number;
  if ((header & 0x200000) === 0) return;
  const space = e.space((header & USE_GGTT) !== 0);
  if (space === null) return;
  const value = space.read32((e.cmd[2] as number) & ~7);
  if (value >>> 0 <= (e.cmd[1] as number) >>> 0) e.endBatch();
}

/** MI_DISPLAY_FLIP, privileged. One that names no plane does nothing. */
export function miDisplayFlip(e: Engine): void {
  if (!e.ctx.flips.displayFlip(e.cmd, e.length)) e.counters.refusedWrites++;
}

export function miWaitForEvent(e: Engine): void {
  const header = e.cmd[0] as number;
  if (!e.eventPending(header)) return;
  e.wait = WAIT_EVENT;
  e.waitValue = header;
}

const INCLUSIVE: number = 1 << 31;
/** Pipe by DWord 0 21:19. */
const SCAN_PIPE: readonly number[] = [0, 1, -1, -1, 2];

/** MI_LOAD_SCAN_LINES_INCL and EXCL: dword 1 28:16 first, 12:0 last line. Privileged. PRM vol.2a. */
export function miLoadScanLines(e: Engine): void {
  const header = e.cmd[0] as number;
  const pipe = SCAN_PIPE[(header >>> 19) & 7] ?? -1;
  if (pipe < 0) return;
  const inclusive = ((header >>> 23) & 1) === 0 ? INCLUSIVE : 0;
  e.ctx.flips.loadScanLines(pipe, inclusive | ((e.cmd[1] as number) & 0x1fff1fff));
}

/**
 * MI_ARB_CHECK: where arbitration is on and UHPTR is valid, a ring goes on at the head that UHPTR
 * names. Batches are not left. PRM vol.2a, vol.2c "UHPTR".
 */
export function miArbCheck(e: Engine): void {
  const pending = e.reg(RING_UHPTR);
  if ((pending & UHPTR_VALID) === 0 || !e.arbitration || e.level !== 0) return;
  e.setReg(RING_UHPTR, pending & ~UHPTR_VALID);
  e.setReg(RING_HEAD, (e.reg(RING_HEAD) & ~HEAD_ADDR) | (pending & TAIL_ADDR));
}

/** MI_ARB_ON_OFF 0. Privileged. */
export function miArbOnOff(e: Engine): void {
  e.arbitration = ((e.cmd[0] as number) & 1) !== 0;
}

/** MI_UPDATE_GTT: dword 1 first entry's graphics address, then entries. Privileged. PRM vol.2a. */
export function miUpdateGtt(e: Engine): void {
  const first = (e.cmd[1] as number) >>> 12;
  for (let i = 2; i < e.length; i++) e.ctx.ggtt.write(first + i - 2, e.cmd[i] as number);
}

/** Bits 14:2 of dword 1 address the URB that MI_LOAD_URB_MEM and MI_STORE_URB_MEM reach. */
const URB_MASK = 0x7ffc;

/** MI_LOAD_URB_MEM: dword 1 place in the URB, 2 address of the dword, 64 bytes aligned. PRM vol.2a. */
export function miLoadUrbMem(e: Engine): void {
  const at = ((e.cmd[1] as number) & URB_MASK) >>> 2;
  e.urb[at] = e.dataSpace.read32((e.cmd[2] as number) & ~0x3f);
}

export function miStoreUrbMem(e: Engine): void {
  const at = ((e.cmd[1] as number) & URB_MASK) >>> 2;
  e.dataSpace.write32((e.cmd[2] as number) & ~0x3f, e.urb[at] as number);
}

const POST_SYNC_NONE = 0;
const POST_SYNC_TIMESTAMP = 3;

/**
 * MI_FLUSH_DW: 21 store to the status page, 18 TLB invalidate, 15:14 post-sync, 8 notify;
 * address 2: GGTT. The status page and the GGTT take privilege. PRM vol.2a; i915 `MI_FLUSH_DW_*`.
 */
export function miFlushDw(e: Engine): void {
  const cmd = e.cmd;
  const header = cmd[0] as number;
  const op = (header >>> 14) & 3;
  if ((header & 0x40000) !== 0) e.ppgtt.space.invalidate();
  if (op !== POST_SYNC_NONE) {
    const index = (header & 0x200000) !== 0;
    const address = cmd[1] as number;
    const space = e.space(index || (address & 4) !== 0);
    const at = index ? e.statusPage + (address & 0xff8) : address & ~7;
    if (space !== null) storePostSync(e, space, at, op === POST_SYNC_TIMESTAMP, 2, 3);
  }
  if ((header & 0x100) !== 0) e.interrupt(e.row.flushBit);
}

/** Writes a timestamp, or the immediate dwords of the command: two where it has both, else one. */
export function storePostSync(
  e: Engine,
  space: AddressSpace,
  at: number,
  timestamp: boolean,
  low: number,
  high: number,
): void {
  if (timestamp) {
    const now = e.timestamp();
    space.write32(at, now | 0);
    space.write32(at + 4, (now / 2 ** 32) & 0xf);
    return;
  }
  space.write32(at, e.cmd[low] as number);
  if (e.length > high) space.write32(at + 4, e.cmd[high] as number);
}
