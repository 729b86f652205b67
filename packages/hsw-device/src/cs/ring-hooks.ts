import {
  INSTPM_SYNC_FLUSH,
  INSTPM_TLB_INVALIDATE,
  MODE_IDLE,
  RING_PP_DIR_BASE,
  RING_PP_DIR_BASE_READ,
  RING_PP_DIR_DCLV,
  type RingHooks,
} from '../gt/engine.regs.ts';
import type { Engine } from './engine.ts';

/** What an engine's registers do beside remembering. */
export function ringHooks(e: Engine): RingHooks {
  return {
    doorbell: () => e.doorbell(),
    modeRead: (_, value) => (e.idle ? value | MODE_IDLE : value & ~MODE_IDLE),
    instpm: (offset, value) => instpm(e, offset, value),
    mm: (offset, value) => mm(e, offset, value),
    timestamp: () => e.timestamp() | 0,
    timestampHigh: () => (e.timestamp() / 2 ** 32) & 0xf,
    contextTime: () => e.contextTime,
    setContextTime: (_, value) => e.setContextTime(value),
    acthd: () => e.acthd,
    fetch: () => e.at,
    batch: (_, value) => (e.level > 0 ? (e.batches.at[1] as number) | 1 : value),
    secondBatch: (_, value) => (e.level > 1 ? (e.batches.at[2] as number) | 1 : value),
    instdone: () => (e.idle ? -1 : ~1),
    context: () => e.oa?.settle(),
  };
}

function instpm(e: Engine, offset: number, value: number): void {
  if ((value & INSTPM_TLB_INVALIDATE) !== 0) {
    e.ppgtt.space.invalidate();
    e.regs.poke(offset, value & ~(INSTPM_TLB_INVALIDATE | INSTPM_SYNC_FLUSH));
  } else if ((value & INSTPM_SYNC_FLUSH) !== 0) {
    e.regs.poke(offset, value & ~INSTPM_SYNC_FLUSH);
  }
}

function mm(e: Engine, offset: number, value: number): void {
  if (offset === e.base + RING_PP_DIR_BASE) {
    e.ppgtt.load(value, e.reg(RING_PP_DIR_DCLV));
    e.setReg(RING_PP_DIR_BASE_READ, value);
  } else e.ppgtt.space.invalidate();
}
