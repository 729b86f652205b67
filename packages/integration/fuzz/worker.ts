import { parentPort, workerData } from 'node:worker_threads';
import { runCampaign } from './lib/campaign.ts';
import type { FuzzOptions } from './lib/options.ts';

/** What the thread is given: what to do, and where it says how far it is. */
export interface WorkerInput {
  readonly options: FuzzOptions;
  /** Life, step. */
  readonly at: Int32Array;
}

const { options, at } = workerData as WorkerInput;
const report = runCampaign(
  options,
  (life, step) => {
    at[0] = life;
    at[1] = step;
  },
  (totals) => parentPort?.postMessage({ totals }),
);
parentPort?.postMessage({ report });
