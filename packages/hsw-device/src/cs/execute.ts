import { miRsContext, miSetContext } from './context.ts';
import { COMMANDS } from './decode.ts';
import type { Engine } from './engine.ts';
import type { Execute } from './engine-contract.ts';
import { miMath } from './math.ts';
import {
  miArbCheck,
  miArbOnOff,
  miBatchBufferEnd,
  miBatchBufferStart,
  miConditionalBatchBufferEnd,
  miDisplayFlip,
  miFlushDw,
  miLoadScanLines,
  miLoadUrbMem,
  miNoop,
  miReportHead,
  miStoreDataImm,
  miStoreDataIndex,
  miStoreUrbMem,
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
import { miReportPerfCount } from './oa.ts';
import { pipeControl } from './pipe-control.ts';
import { miPredicate, miSetPredicate } from './predicate.ts';
import { PIPELINE, PRIVILEGED, RESOURCE_STREAMER, STARTS_WORK } from './row.ts';
import { miSemaphoreMbox } from './semaphore.ts';
import { keepState } from './state.ts';

function nothing(): void {}

function notExecuted(e: Engine, index: number): void {
  e.skip(index);
}

function blit(e: Engine): void {
  e.blit();
}

/** A privileged command is a no-op in a batch without privilege. PRM vol.2a. */
function privileged(execute: Execute): Execute {
  return (e, index) => {
    if (e.privileged) execute(e, index);
    else e.counters.refusedWrites++;
  };
}

const BY_NAME: Readonly<Record<string, Execute>> = {
  MI_NOOP: miNoop,
  MI_USER_INTERRUPT: miUserInterrupt,
  MI_WAIT_FOR_EVENT: miWaitForEvent,
  MI_REPORT_HEAD: miReportHead,
  MI_BATCH_BUFFER_END: miBatchBufferEnd,
  MI_BATCH_BUFFER_START: miBatchBufferStart,
  MI_CONDITIONAL_BATCH_BUFFER_END: miConditionalBatchBufferEnd,
  MI_PREDICATE: miPredicate,
  MI_SET_PREDICATE: miSetPredicate,
  MI_MATH: miMath,
  MI_ARB_CHECK: miArbCheck,
  MI_ARB_ON_OFF: miArbOnOff,
  MI_DISPLAY_FLIP: miDisplayFlip,
  MI_LOAD_SCAN_LINES_INCL: miLoadScanLines,
  MI_LOAD_SCAN_LINES_EXCL: miLoadScanLines,
  MI_SEMAPHORE_MBOX: miSemaphoreMbox,
  MI_SET_CONTEXT: miSetContext,
  MI_RS_CONTEXT: miRsContext,
  MI_STORE_DATA_IMM: miStoreDataImm,
  MI_STORE_DATA_INDEX: miStoreDataIndex,
  MI_LOAD_REGISTER_IMM: miLoadRegisterImm,
  MI_LOAD_REGISTER_MEM: miLoadRegisterMem,
  MI_LOAD_REGISTER_REG: miLoadRegisterReg,
  MI_STORE_REGISTER_MEM: miStoreRegisterMem,
  MI_UPDATE_GTT: miUpdateGtt,
  MI_FLUSH_DW: miFlushDw,
  MI_REPORT_PERF_COUNT: miReportPerfCount,
  MI_LOAD_URB_MEM: miLoadUrbMem,
  MI_STORE_URB_MEM: miStoreUrbMem,
  PIPE_CONTROL: pipeControl,
  // Ordering and caches: the model executes in order and has no caches to flush.
  MI_FLUSH: nothing,
  MI_SUSPEND_FLUSH: nothing,
  MI_SET_APPID: nothing,
  MI_CLFLUSH: nothing,
  // What shaders read: nothing here does.
  MI_URB_CLEAR: notExecuted,
  // The resource streamer's own store; the command streamer takes it for a no-op. PRM vol.2a.
  MI_RS_STORE_DATA_IMM: notExecuted,
};

function execution(name: string, flags: number, bits: number): Execute {
  const named = BY_NAME[name];
  if (named !== undefined) return named;
  if ((flags & STARTS_WORK) !== 0) return notExecuted;
  if ((flags & (PIPELINE | RESOURCE_STREAMER)) !== 0) return keepState;
  if (bits === 10) return blit;
  throw new Error(`${name} has no execution`);
}

/** What to do for each row of COMMANDS. A row without one is a mistake that fails at load. */
export const EXECUTE: readonly Execute[] = COMMANDS.map((row) => {
  const flags = row.flags ?? 0;
  const execute = execution(row.name, flags, row.bits);
  return (flags & PRIVILEGED) !== 0 ? privileged(execute) : execute;
});
