import { parseTraceFilter, type TraceFilter, TraceFilterError } from '@xengt/hsw-device';
import { UsageError } from '../cli/context.ts';

/** Reads `--trace-filter`. @throws UsageError saying what may be in one */
export function traceFilterOf(text: string): TraceFilter {
  try {
    return parseTraceFilter(text);
  } catch (error) {
    if (!(error instanceof TraceFilterError)) throw error;
    throw new UsageError('BAD_TRACE_FILTER', `trace filter: ${error.message}`);
  }
}
