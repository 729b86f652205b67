import { PIPELINE } from './commands.ts';
import { miSetContext } from './context.ts';
import { COMMANDS } from './decode.ts';
import type { Engine, Execute } from './engine.ts';
import { miMath, miPredicate } from './math.ts';
import {
  miBatchBufferEnd,
  miBatchBufferStart,
  miConditionalBatchBufferEnd,
  miDisplayFlip,
  miFlushDw,
  miNoop,
  miReportHead,
  miSemaphoreMbox,
  miStoreDataImm,
  miStoreDataIndex,
  miUpdateGtt,
  miUserInterrupt,
  miWaitForEvent,
} from './mi.ts';
import {
  miLoadRegisterImm,
  miLoadRegisterMem,
  miLoadRegisterReg,
  miStoreRegisterMem,
} from './mi-registers.ts';
import { pipeControl } from './pipe-control.ts';
import { keepState } from './state.ts';

/** Pipeline commands that start threads: what a shader or media kernel would do is not done. */
const STARTS_THREADS: ReadonlySet<string> = new Set([
  '3DPRIMITIVE',
  'MEDIA_OBJECT',
  'MEDIA_OBJECT_PRT',
  'MEDIA_OBJECT_WALKER',
  'GPGPU_OBJECT',
  'GPGPU_WALKER',
]);

function nothing(): void {}

function notExecuted(e: Engine): void {
  e.counters.notExecuted++;
}

function blit(e: Engine): void {
  e.blit();
}

// biome-ignore format: one command a line
const BY_NAME: Readonly<Record<string, Execute>> = {
  MI_NOOP: miNoop,
  MI_USER_INTERRUPT: miUserInterrupt,
  MI_WAIT_FOR_EVENT: miWaitForEvent,
  MI_REPORT_HEAD: miReportHead,
  MI_BATCH_BUFFER_END: miBatchBufferEnd,
  MI_BATCH_BUFFER_START: miBatchBufferStart,
  MI_CONDITIONAL_BATCH_BUFFER_END: miConditionalBatchBufferEnd,
  MI_PREDICATE: miPredicate,
  MI_MATH: miMath,
  MI_DISPLAY_FLIP: miDisplayFlip,
  MI_SEMAPHORE_MBOX: miSemaphoreMbox,
  MI_SET_CONTEXT: miSetContext,
  MI_STORE_DATA_IMM: miStoreDataImm,
  MI_STORE_DATA_INDEX: miStoreDataIndex,
  MI_LOAD_REGISTER_IMM: miLoadRegisterImm,
  MI_LOAD_REGISTER_MEM: miLoadRegisterMem,
  MI_LOAD_REGISTER_REG: miLoadRegisterReg,
  MI_STORE_REGISTER_MEM: miStoreRegisterMem,
  MI_UPDATE_GTT: miUpdateGtt,
  MI_FLUSH_DW: miFlushDw,
  PIPE_CONTROL: pipeControl,
  // Ordering and caches: the model executes in order and has no caches to flush.
  MI_FLUSH: nothing,
  MI_ARB_CHECK: nothing,
  MI_ARB_ON_OFF: nothing,
  MI_SUSPEND_FLUSH: nothing,
  MI_SET_APPID: nothing,
  MI_TOPOLOGY_FILTER: nothing,
  MI_CLFLUSH: nothing,
  // Scan line windows hold MI_WAIT_FOR_EVENT, which reads the display itself.
  MI_LOAD_SCAN_LINES_INCL: keepState,
  MI_LOAD_SCAN_LINES_EXCL: keepState,
  // The resource streamer and URB commands belong to the 3D pipeline.
  MI_RS_CONTROL: keepState,
  MI_RS_CONTEXT: keepState,
  MI_URB_ATOMIC_ALLOC: keepState,
  MI_URB_CLEAR: notExecuted,
  MI_RS_STORE_DATA_IMM: notExecuted,
  MI_LOAD_URB_MEM: notExecuted,
  MI_STORE_URB_MEM: notExecuted,
  MI_REPORT_PERF_COUNT: notExecuted,
};

/** What to do for each row of COMMANDS. A row without one is a mistake that fails at load. */
export const EXECUTE: readonly Execute[] = COMMANDS.map((row) => {
  const named = BY_NAME[row.name];
  if (named !== undefined) return named;
  if (STARTS_THREADS.has(row.name)) return notExecuted;
  if (((row.flags ?? 0) & PIPELINE) !== 0) return keepState;
  if (row.bits === 10) return blit;
  throw new Error(`${row.name} has no execution`);
});
