import { expect, test } from 'vitest';
import { BY_WEIGHT, STEPS } from './gen/steps.ts';
import { DeviceTarget } from './lib/device-target.ts';
import { Driver } from './lib/driver.ts';
import { mix, Random } from './lib/random.ts';

const LONG_MS = 120_000;
const BEFORE = 250;
const AFTER = 120;
/** Monitors are plugged by the host, not by a driver: they are no part of what goes on. */
const NOT_BY_DRIVERS: ReadonlySet<string> = new Set(['plug']);

function bytes(target: DeviceTarget): Buffer {
  const { buffer, byteOffset, byteLength } = target.memory.raw(target.region);
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function go(d: Driver, random: Random, seed: number, from: number, to: number): void {
  for (let k = from; k < to; k++) {
    const s = mix(seed, k);
    const step = STEPS[BY_WEIGHT[(s >>> 0) % BY_WEIGHT.length] as number];
    if (step === undefined || NOT_BY_DRIVERS.has(step.name)) continue;
    random.seed(s);
    step.run(d);
  }
}

test.each([1, 2, 3])(
  'whatever state a driver gets the device into goes out, comes back and goes on alike (%i)',
  { timeout: LONG_MS },
  (seed) => {
    const random = new Random();
    const first = new DeviceTarget();
    const d = new Driver(first, random);
    go(d, random, seed, 0, BEFORE);

    const state: unknown = JSON.parse(JSON.stringify(first.device.exportState()));
    const second = new DeviceTarget();
    second.clock.advanceTo(first.clock.now);
    for (let region = 1; region <= 3; region++) {
      second.memory.raw(region).set(first.memory.raw(region));
    }
    expect(second.device.importState(state)).toBeNull();
    expect(second.device.exportState()).toEqual(first.device.exportState());

    const e = new Driver(second, random);
    e.tail.set(d.tail);
    go(d, random, seed, BEFORE, BEFORE + AFTER);
    go(e, random, seed, BEFORE, BEFORE + AFTER);
    expect(second.device.exportState()).toEqual(first.device.exportState());
    expect(bytes(second).equals(bytes(first))).toBe(true);
  },
);
