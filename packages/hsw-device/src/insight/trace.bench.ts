// node --conditions=source packages/hsw-device/src/insight/trace.bench.ts
// What watching costs: register accesses through BAR0 and commands of a batch, without a trace and
// with one, in turns in one process.

import { DeviceDriver } from '../testing/device-driver.ts';
import { DeviceTrace } from './device-trace.ts';

const { console, performance } = globalThis as unknown as {
  console: { log(text: string): void };
  performance: { now(): number };
};

const ROUNDS = 400;
const WARM_UP = 200;
const ACCESSES = 8000;
const COMMANDS = 3000;
const CS_GPR0 = 0x2600;
const BATCH = 0x100000;
const MI_BATCH_BUFFER_START = (0x31 << 23) | 0x100;
const MI_BATCH_BUFFER_END = 0x0a << 23;
const MI_STORE_DATA_IMM = (0x20 << 23) | 2;

/** A device with a batch of stores. */
function device(): DeviceDriver {
  const d = new DeviceDriver();
  const batch: number[] = [];
  for (let i = 0; i < COMMANDS; i++) batch.push(MI_STORE_DATA_IMM, 0, 0x300000 + (i % 512) * 4, i);
  d.poke(BATCH, ...batch, MI_BATCH_BUFFER_END);
  return d;
}

function timed(work: () => void, times: number): number {
  const start = performance.now();
  work();
  return ((performance.now() - start) * 1e6) / times;
}

function accesses(d: DeviceDriver): number {
  return timed(() => {
    for (let i = 0; i < ACCESSES / 2; i++) {
      d.write(CS_GPR0, i);
      d.read(CS_GPR0);
    }
  }, ACCESSES);
}

function commands(d: DeviceDriver): number {
  d.submit('RCS', MI_BATCH_BUFFER_START, BATCH);
  return timed(() => d.run(), COMMANDS);
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[samples.length >>> 1] as number;
}

const plain = device();
const watched = device();
new DeviceTrace(watched.device);
for (const [name, run] of Object.entries({ access: accesses, command: commands })) {
  const off: number[] = [];
  const on: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    off.push(run(plain));
    on.push(run(watched));
  }
  const [a, b] = [off, on].map((samples) => median(samples.slice(WARM_UP)));
  const ratio = ((b as number) / (a as number)).toFixed(2);
  console.log(
    `${name}: ${(a as number).toFixed(1)} ns, with a trace ${(b as number).toFixed(1)} ns, ratio ${ratio}`,
  );
}
