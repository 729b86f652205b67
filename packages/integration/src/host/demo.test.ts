import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Vgt } from '@xengt/linux-vgt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandIo, DemoOptions } from '../cli/context.ts';
import { type GuestConfig, parseGuestConfig } from '../config/guest-config.ts';
import { runDemo } from './demo.ts';
import { type DomainPlan, planDomains } from './domain-plan.ts';
import { Host } from './host.ts';
import { fitPlans } from './room.ts';

const io: CommandIo = {
  out: () => {},
  bytes: () => {},
  err: () => {},
  signal: new AbortController().signal,
};

function options(rest: Partial<DemoOptions>): DemoOptions {
  return {
    domains: 2,
    configs: [],
    headless: true,
    exit: true,
    json: true,
    port: 0,
    screens: 'unused',
    partition: 'static',
    memoryMiB: 512,
    boot: 'state',
    scheduler: 'timer',
    dom0: 'deprivileged',
    packages: null,
    trace: null,
    aub: null,
    ...rest,
  };
}

function config(text: string): GuestConfig {
  const got = parseGuestConfig(text, 'guest.cfg');
  if (!got.ok) throw new Error(JSON.stringify(got.issues));
  return got.config;
}

async function messageOf(running: Promise<unknown>): Promise<string> {
  return running.then(
    () => 'nothing was wrong',
    (error: Error) => error.message,
  );
}

const SMALLER = 'smaller vgt_low_gm_sz, vgt_high_gm_sz, vgt_fence_sz';
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-demo-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('what a demo is asked for is checked before anything is built', () => {
  test('control case: Domain-0 and two guests fit', async () => {
    const plans = await planDomains(3, []);
    expect(plans.map((p) => p.name)).toEqual(['Domain-0', 'guest1', 'guest2']);
  });

  test('too many domains name each resource that is short, and what is free', async () => {
    expect(await messageOf(runDemo(options({ domains: 16 }), io))).toBe(
      '15 guests ask for 960 MiB of aperture; 128 are free beside Domain-0\n' +
        `use fewer --domains, ${SMALLER}, or --partition shared`,
    );
  });

  test('guests that ask for nothing get equal shares of what is free, if those are large enough', async () => {
    const { partition } = new Host().vgt as Vgt;
    const sizes = async (domains: number): Promise<readonly number[]> => {
      const plans = fitPlans(partition, await planDomains(domains, []));
      const { lowMiB, highMiB, fences } = (plans[1] as DomainPlan).vgpu;
      return [lowMiB, highMiB, fences];
    };
    expect(await sizes(2)).toEqual([64, 448, 4]);
    expect(await sizes(4)).toEqual([42, 448, 4]);
    expect(await sizes(9)).toEqual([16, 173, 3]);
    const sized = config('name = "g"\nvgt = 1\nvgt_low_gm_sz = 100\nvgt_high_gm_sz = 1000');
    const plans = fitPlans(partition, await planDomains(3, [sized]));
    expect(plans.map((p) => p.vgpu.lowMiB)).toEqual([64, 100, 28]);
  });

  test('in a shared partition each guest has the usual sizes; one that is too large is short', async () => {
    const { partition } = new Host({ vgt: { partition: 'shared' } }).vgt as Vgt;
    const plans = fitPlans(partition, await planDomains(16, []));
    expect(plans.slice(1).every((p) => p.vgpu.lowMiB === 64 && p.vgpu.highMiB === 448)).toBe(true);
    const greedy = config('name = "g"\nvgt = 1\nvgt_low_gm_sz = 200');
    expect(await messageOf(runDemo(options({ configs: [greedy], partition: 'shared' }), io))).toBe(
      `g: 200 MiB of aperture asked for; 128 are free\nuse fewer --domains, ${SMALLER}`,
    );
  });

  test('[A11] fences that do not suffice are named too', async () => {
    const greedy = config('name = "g"\nvgt = 1\nvgt_fence_sz = 30\n');
    expect(await messageOf(runDemo(options({ configs: [greedy] }), io))).toBe(
      '1 guests ask for 30 fences; 28 are free beside Domain-0\n' +
        `use fewer --domains, ${SMALLER}, or --partition shared`,
    );
  });

  test('everything that files ask for and that cannot be done is told at once', async () => {
    const file = join(directory, 'monitors');
    await writeFile(file, 'not hex\n');
    const first = config(
      `name = "a"\nkernel = "${directory}/absent"\ndisk = [ "x.img,hda" ]\nmonitors = [ "B:1234x567" ]`,
    );
    const second = config(`name = "b"\nvgt_monitor_config_file = "${file}"`);
    const lines = (await messageOf(planDomains(3, [first, second]))).split('\n');
    expect(lines).toEqual([
      `guest.cfg:2:10: kernel: "${directory}/absent" cannot be read (ENOENT)`,
      'guest.cfg:3:8: disk: "x.img" cannot be read (ENOENT)',
      expect.stringMatching(
        /^guest.cfg:4:12: monitors: 1234x567@60 is not a mode of ours; there are /,
      ),
      'guest.cfg:3:8: disk: a demo starts from its own; use xengt create',
      expect.stringContaining(`guest.cfg:2:27: vgt_monitor_config_file: "${file}": `),
    ]);
  });
});

test('a monitor in a domain file becomes a monitor on the virtual port', async () => {
  const [, plan] = await planDomains(2, [
    config('name = "m"\nvgt = 1\nmonitors = [ "B:800x600", "E:1024x768" ]'),
  ]);
  expect(Object.keys(plan?.monitors ?? {}).sort()).toEqual(['B', 'E']);
  expect(plan?.monitors?.B?.kind).toBe('hdmi');
  expect(plan?.monitors?.E?.kind).toBe('vga');
});

test('a host that is closed leaves no domain and no timer', () => {
  const host = new Host();
  host.close();
  expect(host.domains.size).toBe(0);
});
