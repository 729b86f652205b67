import { parseGpuWork } from '../../src/guest/gpuwork.ts';
import type { Budget } from './measure.ts';

const BUDGET = { limit: 0.95, sense: 'least', goal: 0.98 } as const;
const IGT = '/usr/libexec/igt-gpu-tools/benchmarks';
/** What a guest changes in page tables is looked at by somebody. */
const CHURN = { limit: 0.85, sense: 'least' } as const;

/** A program that a guest runs to be measured. */
export interface Workload {
  readonly name: string;
  readonly command: string;
  /** What mediation may cost it. */
  readonly budget: Budget | null;
  /** Operations a second, from what the program printed; null where that is something else. */
  readonly rate: ((output: string) => number) | null;
}

/** Batches whose results are checked. */
export const gpuwork = (engine: string, batches: number): Workload => ({
  name: `gpuwork, ${engine}`,
  command: `gpuwork -e ${engine} -n ${batches} -q 48`,
  budget: BUDGET,
  rate: (output) => {
    const report = parseGpuWork(output);
    if (report?.ok !== true) throw new Error(`gpuwork failed: ${output}`);
    return report.rate;
  },
});
/** Empty batches as fast as they can be submitted. */
export const nop = (engine: string): Workload => ({
  name: `gem_exec_nop, ${engine}`,
  command: `${IGT}/gem_exec_nop -e ${engine}`,
  budget: BUDGET,
  rate: (output) => {
    // Microseconds of one submission.
    const us = Number(/^\s*([\d.]+)\s*$/m.exec(output)?.[1] ?? Number.NaN);
    return 1e6 / us;
  },
});

/** Copies by the blitter; the program prints MiB a second. */
export const blit: Workload = {
  name: 'gem_blt, 1 MiB',
  command: `${IGT}/gem_blt -s 1048576 -r 1`,
  budget: BUDGET,
  rate: (output) => Number(/^\s*([\d.]+)\s*$/m.exec(output)?.[1] ?? Number.NaN),
};
/** Objects that come into the page tables and leave them again, batch by batch. */
export const churn: Workload = {
  name: 'page tables (gem_exec_fault)',
  command: `${IGT}/gem_exec_fault`,
  budget: CHURN,
  rate: null,
};
/** Flips at the screen's pace, for some seconds; modetest prints how many came in one. */
export const flips: Workload = {
  name: 'flips (modetest -v)',
  command: `C=$(modetest -M i915 -c | awk '$3 == "connected" { print $1; exit }'); (sleep 6; echo) | modetest -M i915 -s $C:1024x768 -v 2>&1`,
  budget: BUDGET,
  rate: (output) => {
    const hz = [...output.matchAll(/freq: ([\d.]+)Hz/g)].map((m) => Number(m[1]));
    return hz.reduce((x, y) => x + y, 0) / hz.length;
  },
};
