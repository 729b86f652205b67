import { BLT_DWORDS_MAX } from './job.ts';
import { SETUP_WORDS } from './setup.ts';

/** What a blitter holds between two steps. All numbers are int32. */
export interface BlitterStateV1 {
  readonly version: 1;
  /** Set-up registers: kind, BR00, BR01, BR24, BR25, BR09, BR05, BR06, BR07 or BR20, BR21. */
  readonly setup: readonly number[];
  /** The operation being drawn. */
  readonly job: {
    readonly command: readonly number[];
    /** BCS_SWCTRL when it was taken. */
    readonly swctrl: number;
    /** Whether tiles were swizzled when it was taken: ARB_MODE. */
    readonly swizzled: boolean;
    /** Rows drawn. */
    readonly row: number;
    /** The 8 x 8 pattern as it was read. */
    readonly pattern: readonly number[];
    readonly opaque: readonly number[];
  } | null;
}

/** @returns the state, or what is wrong with it */
export function checkState(state: unknown): BlitterStateV1 | string {
  if (!isRecord(state)) return 'state is no object';
  if (state['version'] !== 1) return `version ${String(state['version'])}, expected 1`;
  if (!isInts(state['setup'], SETUP_WORDS, SETUP_WORDS)) return 'setup is malformed';
  const job = state['job'];
  if (job !== null) {
    if (!isRecord(job)) return 'job is malformed';
    if (!isInts(job['command'], 1, BLT_DWORDS_MAX)) return 'job.command is malformed';
    if (!isInts([job['swctrl'], job['row']], 2, 2)) return 'job.row or job.swctrl is malformed';
    if (typeof job['swizzled'] !== 'boolean') return 'job.swizzled is malformed';
    if ((job['row'] as number) < 0) return 'job.row is negative';
    if (!isInts(job['pattern'], 64, 64)) return 'job.pattern is malformed';
    if (!isInts(job['opaque'], 64, 64)) return 'job.opaque is malformed';
  }
  return state as unknown as BlitterStateV1;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isInts(value: unknown, least: number, most: number): value is number[] {
  return (
    Array.isArray(value) &&
    value.length >= least &&
    value.length <= most &&
    value.every((n) => n === (n | 0))
  );
}
