import { type EngineId, RING_BASE, RING_HEAD, RING_NOPID, RING_SYNC_0 } from '../gt/engine.regs.ts';
import { type Engine, WAIT_EVENT, WAIT_SEMAPHORE } from './engine.ts';

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
  const at = cmd[2] as number;
  space.write32(at & ~3, cmd[3] as number);
  if (e.length >= 5) space.write32((at & ~3) + 4, cmd[4] as number);
}

/** MI_STORE_DATA_INDEX: offset 11:2 in the status page. PRM vol.2a. */
export function miStoreDataIndex(e: Engine): void {
  const at = e.statusPage + ((e.cmd[1] as number) & 0xffc);
  e.ggtt.write32(at, e.cmd[2] as number);
  if (e.length >= 4) e.ggtt.write32(at + 4, e.cmd[3] as number);
}

/** MI_BATCH_BUFFER_START, HSW: 22 second level, 13 no privilege, 8 PPGTT. i915: `hsw_emit_bb_start`. */
export function miBatchBufferStart(e: Engine): void {
  const header = e.cmd[0] as number;
  const predicated = (header & 0x8000) !== 0;
  // HSW: a predicated start is skipped while MI_PREDICATE_RESULT_2 is clear... bit 0 of 0x2214.
  if (predicated && (e.regs.peek(0x2214) & 1) === 0) return;
  const second = (header & 0x400000) !== 0;
  // A batch cannot give itself privilege: what it starts has at most its own.
  const user = (header & 0x2000) !== 0 || !e.privileged;
  // Nor can it leave the per-process space: the address space bit counts only with privilege.
  const ppgtt = (header & 0x100) !== 0 || !e.privileged;
  e.startBatch((e.cmd[1] as number) & ~3, second, ppgtt, user);
}

export function miBatchBufferEnd(e: Engine): void {
  e.endBatch();
}

/** MI_CONDITIONAL_BATCH_BUFFER_END: ends when the dword in memory is not above the operand. */
export function miConditionalBatchBufferEnd(e: Engine): void {
  const space = e.space(((e.cmd[0] as number) & USE_GGTT) !== 0);
  const value = space.read32((e.cmd[2] as number) & ~7);
  if (value >>> 0 <= (e.cmd[1] as number) >>> 0) e.endBatch();
}

/** MI_DISPLAY_FLIP is privileged; from a batch without privilege it does nothing. */
export function miDisplayFlip(e: Engine): void {
  if (!e.privileged || !e.ctx.flips.displayFlip(e.cmd, e.length)) e.counters.refusedWrites++;
}

export function miWaitForEvent(e: Engine): void {
  const header = e.cmd[0] as number;
  if (!e.ctx.flips.eventPending(header)) return;
  e.wait = WAIT_EVENT;
  e.waitValue = header;
}

/** Engine whose signals each sync register of an engine takes. i915 `GEN6_RVSYNC` and siblings. */
const SYNC_SOURCE: Readonly<Record<EngineId, readonly EngineId[]>> = {
  RCS: ['VCS', 'BCS', 'VECS'],
  VCS: ['BCS', 'RCS', 'VECS'],
  BCS: ['RCS', 'VCS', 'VECS'],
  VECS: ['BCS', 'RCS', 'VCS'],
};
/** Sync register by DWord 0 17:16; 3 names none. i915 `MI_SEMAPHORE_SYNC_*`. */
const SYNC_SELECT: readonly number[] = [0, 2, 1];

/** MI_SEMAPHORE_MBOX in register form: 21 update, 20 compare, 17:16 register. PRM vol.2a. */
export function miSemaphoreMbox(e: Engine): void {
  const header = e.cmd[0] as number;
  const register = SYNC_SELECT[(header >>> 16) & 3];
  if (register === undefined) return;
  if ((header & 0x200000) !== 0) {
    const target = SYNC_SOURCE[e.id][register] as EngineId;
    const from = SYNC_SOURCE[target].indexOf(e.id);
    e.regs.poke(RING_BASE[target] + RING_SYNC_0 + from * 4, e.cmd[1] as number);
    e.ctx.wake();
    return;
  }
  if ((header & 0x100000) === 0) return;
  e.wait = WAIT_SEMAPHORE;
  e.waitRegister = e.base + RING_SYNC_0 + register * 4;
  e.waitValue = e.cmd[1] as number;
}

/** MI_UPDATE_GTT: dword 1 first entry's graphics address, then entries. Privileged. PRM vol.2a. */
export function miUpdateGtt(e: Engine): void {
  if (!e.privileged) {
    e.counters.refusedWrites++;
    return;
  }
  const first = (e.cmd[1] as number) >>> 12;
  for (let i = 2; i < e.length; i++) e.ctx.ggtt.write(first + i - 2, e.cmd[i] as number);
}

const POST_SYNC_NONE = 0;
const POST_SYNC_TIMESTAMP = 3;

/**
 * MI_FLUSH_DW: 21 store to the status page, 18 TLB invalidate, 15:14 post-sync, 8 notify;
 * address 2: GGTT. PRM vol.2a; i915 `MI_FLUSH_DW_*`.
 */
export function miFlushDw(e: Engine): void {
  const cmd = e.cmd;
  const header = cmd[0] as number;
  const op = (header >>> 14) & 3;
  if ((header & 0x40000) !== 0) e.ppgtt.space.invalidate();
  if (op !== POST_SYNC_NONE && e.length >= 3) {
    const index = (header & 0x200000) !== 0;
    const address = cmd[1] as number;
    const space = index ? e.ggtt : e.space((address & 4) !== 0);
    const at = index ? e.statusPage + (address & 0xff8) : address & ~7;
    storePostSync(e, space, at, op === POST_SYNC_TIMESTAMP, 2, 3);
  }
  if ((header & 0x100) !== 0) e.interrupt(e.row.flushBit);
}

/** Writes a timestamp, or the immediate dwords of the command: two where it has both, else one. */
export function storePostSync(
  e: Engine,
  space: Engine['ggtt'],
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
