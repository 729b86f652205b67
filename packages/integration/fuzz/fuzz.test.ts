import { engineRegs as R } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { runCampaign } from './lib/campaign.ts';
import { DeviceTarget } from './lib/device-target.ts';
import { Driver } from './lib/driver.ts';
import { type LifeOptions, runLife } from './lib/life.ts';
import { minimise, parseSteps, stepsText } from './lib/minimise.ts';
import { parseOptions } from './lib/options.ts';
import { Random } from './lib/random.ts';
import { VgpuTarget } from './lib/vgpu-target.ts';

const LIFE: LifeOptions = {
  target: 'device',
  every: false,
  seed: 20,
  life: 0,
  steps: 300,
  slowMs: 20_000,
  measure: true,
};
const LONG_MS = 120_000;
/** XY_COLOR_BLT of 16 by 16 pixels, 64 bytes a row. HSW PRM vol.2a. */
const fill = (gma: number): number[] => [0x54300004, 0x03f00040, 0, 0x100010, gma, -1];

describe('whatever a driver does', () => {
  test('the device goes on, keeps to its budgets and reaches what its tables map', {
    timeout: LONG_MS,
  }, () => {
    const result = runLife({ ...LIFE, steps: 1500 });
    expect(result.failure).toBeNull();
    expect(result.commands).toBeGreaterThan(5_000);
    expect(result.accesses).toBeGreaterThan(200_000);
  });

  test('each single access to memory follows a translation', { timeout: LONG_MS }, () => {
    const result = runLife({ ...LIFE, life: 1, every: true });
    expect(result.failure).toBeNull();
    expect(result.seen).toBeGreaterThan(1_000);
  });

  test('a VM reaches nobody else', { timeout: LONG_MS }, () => {
    const result = runLife({ ...LIFE, target: 'vgpu', steps: 500 });
    expect(result.failure).toBeNull();
    expect(result.stops.size).toBeGreaterThan(3);
  });

  test('the same seed does the same', { timeout: LONG_MS }, () => {
    const [first, second] = [runLife(LIFE), runLife(LIFE)];
    const same = ({ accesses, commands, translations }: typeof first) => [
      accesses,
      commands,
      translations,
    ];
    expect(same(second)).toEqual(same(first));
  });
});

describe('what watches', () => {
  function drawn(at: (d: Driver) => number, every: boolean): DeviceTarget {
    const target = new DeviceTarget(every);
    const d = new Driver(target, new Random());
    d.repair(2, false);
    d.mapData();
    for (const dword of fill(at(d))) d.push(2, dword);
    d.ring(2);
    for (let i = 0; i < 8; i++) d.step(0x10000);
    return target;
  }

  test.each([false, true])(
    'control case: a fill of mapped pages is right (each access: %s)',
    (every) => {
      const target = drawn((d) => d.dataGma, every);
      expect(target.memory.raw(target.region)[0x80 * 1024]).toBe(-1);
      expect(target.check()).toBeNull();
    },
  );

  test('a store that goes beyond what was mapped is seen', () => {
    const target = drawn((d) => d.dataGma, false);
    target.memory.raw(target.region)[0x300 * 1024 + 5] = 1;
    expect(target.check()).toMatch('word 5 of frame 0x300 changed, but nothing mapped the frame');
    expect(target.check()).toBeNull();
  });

  test('a load beyond what was mapped is seen', () => {
    const target = drawn((d) => d.dataGma, true);
    target.memory.words[target.region]?.[0x300 * 1024];
    expect(target.check()).toBe('frame 0x300 was touched without a translation');
  });

  test('a translation to what no valid entry maps is seen', () => {
    const target = drawn((d) => d.dataGma, true);
    target.memory.judgeOneIn = 1;
    target.memory.regionOf(0x300);
    expect(target.check()).toBe('frame 0x300 was reached, but no valid entry maps it');
    target.mmio.write(0x200000, 4, (0x300 << 12) | 1);
    target.memory.regionOf(0x300);
    expect(target.check()).toBeNull();
  });

  test("another machine's memory that changes is seen", () => {
    const target = new VgpuTarget();
    expect(target.check()).toBeNull();
    (target.memory.words[target.memory.regionOf(target.foreign[0] as number)] as Int32Array)[9] = 0;
    expect(target.check()).toBe("word 0x9 of dom0's memory changed");
  });

  test('a slice that does not end is seen', () => {
    const target = new DeviceTarget();
    const d = new Driver(target, new Random());
    target.step = () => {
      for (const engine of target.device.gt.engines) engine.counters.commands += 1000;
    };
    d.step(0x1000);
    expect(d.trouble).toBe('4000 commands in a slice of 4096 bytes');
  });
});

describe('a failure', () => {
  test('is told with the steps that suffice for it', () => {
    const options = parseOptions(['--seed', '3', '--steps', '40', '--accesses', '1'], 0);
    if (options === 'help') throw new Error('help');
    const original = Driver.prototype.repair;
    Driver.prototype.repair = function (engine: number): void {
      if (engine === R.ENGINE_IDS.indexOf('BCS')) throw new Error('planted');
      original.call(this, engine, false);
    };
    try {
      const { failure } = runCampaign(
        options,
        () => {},
        () => {},
      );
      expect(failure).toMatch(/planted/);
      expect(failure).toMatch(
        /1 steps suffice: npm run fuzz -- --target device --seed 3 --steps \d+ --life 0 --only \d+$/,
      );
    } finally {
      Driver.prototype.repair = original;
    }
  });

  test('keeps the steps that it needs, and no other', () => {
    const all = Array.from({ length: 100 }, (_, k) => k);
    const needs = (steps: readonly number[]): boolean => [7, 8, 93].every((k) => steps.includes(k));
    const fewest = minimise(all, needs);
    expect(fewest).toEqual([7, 8, 93]);
    expect(stepsText(fewest)).toBe('7-8,93');
    expect([...parseSteps('7-8,93')]).toEqual([7, 8, 93]);
  });
});

test.each([
  ['--target', 'nobody'],
  ['--commands', 'many'],
  ['--only', '3,x'],
])('%s %s is refused', (...args) => {
  expect(() => parseOptions(args, 0)).toThrow(/nobody|many|x/);
});
