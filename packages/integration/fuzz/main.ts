// npm run fuzz: what a hostile driver may do to the GPU, at random, until it breaks or time is up.
// See lib/options.ts for the options. The work runs in a thread of its own: if that hangs, this one
// can still say where.

import { Worker } from 'node:worker_threads';
import { type SoakReport, soakFigures } from './hangs/soak.ts';
import type { HostileReport } from './hostile/campaign.ts';
import { hostileFigures, hostileReplay } from './hostile/report.ts';
import { medianKept, type Report, replay, type Totals } from './lib/campaign.ts';
import { type FuzzOptions, parseOptions, USAGE } from './lib/options.ts';
import { type ModelReport, modelFigures } from './models/campaign.ts';
import type { WorkerInput } from './worker.ts';
import { type XlReport, xlFigures } from './xl/campaign.ts';

/** A step that takes longer than this hangs. */
const HANG_MS = 60_000;
const LOOK_MS = 1_000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;

function figures(t: Totals, seconds: number): string {
  const n = (value: number): string => value.toLocaleString('en-US');
  const lines = [
    `${n(t.commands)} commands and ${n(t.accesses)} accesses in ${n(t.steps)} steps of ${t.lives} lives, ${seconds.toFixed(1)} s`,
    `${n(t.translations)} translations watched, ${n(t.seen)} memory accesses looked at one by one`,
    `slowest step ${t.slowestMs.toFixed(0)} ms (${t.slowest})`,
    `kept more in a life's second half: ${(medianKept(t) / KIB).toFixed(0)} KiB of objects (median of warm lives), at most ${(t.buffers / MIB).toFixed(1)} MiB of buffers`,
  ];
  const stops = [...t.stops].sort((a, b) => b[1] - a[1]);
  for (const [why, times] of stops) lines.push(`stopped ${n(times)} times: ${why}`);
  return lines.join('\n');
}

/** What the thread says. */
interface Message {
  readonly totals?: Totals;
  readonly report?: Report;
  readonly hostile?: HostileReport;
  readonly soak?: SoakReport;
  readonly model?: ModelReport;
  readonly xl?: XlReport;
}

function start(options: FuzzOptions): Promise<number> {
  const began = performance.now();
  const at = new Int32Array(new SharedArrayBuffer(8));
  const input: WorkerInput = { options, at };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: input });
  return new Promise((resolve, reject) => {
    let seen = '';
    let since = performance.now();
    const look = setInterval(() => {
      const now = `${at[0]} ${at[1]}`;
      if (now !== seen) {
        seen = now;
        since = performance.now();
      } else if (performance.now() - since > HANG_MS) {
        clearInterval(look);
        const life = at[0] as number;
        process.stdout.write(
          `life ${life}, step ${at[1]} hangs\nagain: ${replay(options, life, null)}\n`,
        );
        worker.terminate().then(() => resolve(1), reject);
      }
    }, LOOK_MS);
    worker.on('error', (error) => {
      clearInterval(look);
      reject(error);
    });
    const ended = (figuresOf: (seconds: number) => string, failure: string | null): void => {
      clearInterval(look);
      process.stdout.write(`${figuresOf((performance.now() - began) / 1000)}\n`);
      process.stdout.write(failure === null ? 'nothing failed\n' : `${failure}\n`);
      resolve(failure === null ? 0 : 1);
    };
    worker.on('message', (message: Message) => {
      const { totals, report, hostile, soak, model, xl } = message;
      if (model !== undefined) ended((seconds) => modelFigures(model, seconds), model.failure);
      if (xl !== undefined) ended((seconds) => xlFigures(xl, seconds), xl.failure);
      if (soak !== undefined) ended((seconds) => soakFigures(soak, seconds), soak.failure);
      if (hostile !== undefined) {
        const again = hostileReplay(options, hostile);
        const failure = hostile.failure === null ? null : `${hostile.failure}\nagain: ${again}`;
        ended((seconds) => hostileFigures(hostile, seconds), failure);
      }
      if (totals !== undefined && process.stderr.isTTY) {
        process.stderr.write(`\x1b[2K  ${totals.commands} commands, ${totals.accesses} accesses\r`);
      }
      if (report !== undefined) ended((s) => figures(report.totals, s), report.failure);
    });
  });
}

async function main(): Promise<number> {
  let options: FuzzOptions | 'help';
  try {
    options = parseOptions(process.argv.slice(2), Math.floor(Date.now() / 86_400_000));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (options.xl !== null) {
    process.stdout.write(`domain files, seed ${options.seed}\n`);
    return await start(options);
  }
  const mediated = options.hangs === null ? 'hostile VM' : 'guests that hang';
  const gpu =
    options.hostile === null && options.hangs === null ? `target ${options.target}` : mediated;
  const what = options.model === null ? gpu : `model ${options.model}`;
  process.stdout.write(`${what}, seed ${options.seed}\n`);
  return await start(options);
}

process.exit(await main());
