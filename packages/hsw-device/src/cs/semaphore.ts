import { type EngineId, RING_BASE, RING_SYNC_0 } from '../gt/engine.regs.ts';
import type { Engine } from './engine.ts';
import { WAIT_SEMAPHORE } from './engine-contract.ts';

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
