import { parentPort, workerData } from 'node:worker_threads';
import { runSoak } from './hangs/soak.ts';
import { runHostile } from './hostile/campaign.ts';
import { runCampaign } from './lib/campaign.ts';
import type { FuzzOptions } from './lib/options.ts';
import { runModel } from './models/campaign.ts';
import { runXl } from './xl/campaign.ts';

/** What the thread is given: what to do, and where it says how far it is. */
export interface WorkerInput {
  readonly options: FuzzOptions;
  /** Life, step or case; of a hostile campaign 0 and the round, of a soak 0 and the hangs. */
  readonly at: Int32Array;
}

const { options, at } = workerData as WorkerInput;
if (options.model !== null) {
  const { model } = options;
  parentPort?.postMessage({ model: runModel({ ...options, model }, at) });
} else if (options.xl !== null) {
  const xl = runXl({
    seed: options.seed,
    files: options.xl,
    from: options.life ?? 0,
    onFile: (files) => {
      at[1] = files;
    },
  });
  parentPort?.postMessage({ xl });
} else if (options.hangs !== null) {
  const soak = runSoak({
    seed: options.seed,
    hangs: options.hangs,
    onHang: (hangs) => {
      at[1] = hangs;
    },
  });
  parentPort?.postMessage({ soak });
} else if (options.hostile === null) {
  const report = runCampaign(
    options,
    (life, step) => {
      at[0] = life;
      at[1] = step;
    },
    (totals) => parentPort?.postMessage({ totals }),
  );
  parentPort?.postMessage({ report });
} else {
  const hostile = runHostile({
    seed: options.seed,
    operations: options.hostile,
    only: options.attack,
    rounds: options.rounds,
    partition: options.partition,
    onRound: (round) => {
      at[1] = round;
    },
  });
  parentPort?.postMessage({ hostile });
}
