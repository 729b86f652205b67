import { setTimeout } from 'node:timers/promises';
import { igdInD0 } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { loadDriver, unloadDriver } from '../src/host/guest-driver.ts';
import { DEFAULT_MONITORS } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import {
  complaints,
  drawPattern,
  gpuWork,
  LONG_MS,
  litPixels,
  SHORT_MS,
  useHost,
} from './fixture.ts';

const RELOADS = 5;
const PCI = '/sys/bus/pci/devices/0000:00:02.0';
/** A key on the serial line: what wakes the guest. */
const KEY = Uint8Array.of(10);
/** Debian's driver on the bare device. */
const lab = useHost({ mode: 'direct', monitors: [DEFAULT_MONITORS] });

function guest(): HostDomain {
  return lab.current.domains[0] as HostDomain;
}

function sh(command: string): Promise<string> {
  return guest().console.check(command, LONG_MS);
}

/** Whether the graphics function has power, seen from outside. */
function inD0(): boolean {
  const { direct } = lab.current.host;
  if (direct === null) throw new Error('nobody has the GPU directly');
  return igdInD0(direct.config);
}

/** @returns whether it came about within a minute */
async function comes(true_: () => boolean): Promise<boolean> {
  for (let i = 0; i < 1200 && !true_(); i++) await setTimeout(50);
  return true_();
}

/** Engines compute, the console shows what is drawn, and the kernel has nothing to say. */
async function allIsWell(seed: number): Promise<void> {
  for (const engine of ['rcs', 'bcs', 'vcs', 'vecs'] as const) {
    const done = await gpuWork(guest(), engine, 100, seed);
    expect(done).toMatchObject({ engine, ok: true, errors: 0, checksum: done.wanted });
  }
  const drawn = await drawPattern(lab.current, guest(), 'E', seed);
  expect([drawn.width, drawn.height]).toEqual([1024, 768]);
  expect(drawn.difference).toEqual({ pixels: 0, first: null });
  expect(await complaints(guest())).toEqual([]);
}

describe('system suspend', () => {
  test('to idle: the function is in D3hot until a key wakes the guest; then all is as before', async () => {
    await sh('echo enabled > /sys/class/tty/ttyS0/power/wakeup');
    await drawPattern(lab.current, guest(), 'E', 40);
    let awake = false;
    const slept = sh('echo freeze > /sys/power/state').finally(() => {
      awake = true;
    });
    expect(await comes(() => !inD0())).toBe(true);
    await setTimeout(2000);
    expect([awake, inD0()]).toEqual([false, false]);
    while (!awake) {
      guest().domain.engine.sendSerial(KEY);
      await setTimeout(1000);
    }
    await slept;
    expect(inD0()).toBe(true);
    expect(await sh('dmesg | grep -c "PM: suspend exit"')).toBe('1');
    expect(litPixels(lab.current, guest(), 'E')).toBeGreaterThan(0);
    await allIsWell(41);
  });

  test.each(['devices', 'platform'])(
    'of the %s only, which come back by themselves',
    async (level) => {
      const seen = await sh(`echo ${level} > /sys/power/pm_test && cat /sys/power/pm_test`);
      expect(seen).toContain(`[${level}]`);
      await sh('echo freeze > /sys/power/state; echo none > /sys/power/pm_test');
      await allIsWell(42);
    },
  );
});

describe('runtime suspend', () => {
  test('with no monitor the function goes to D3hot, wakes for work and for a monitor', async () => {
    const { display } = lab.current.host.device;
    await sh(`echo auto > ${PCI}/power/control; echo 200 > ${PCI}/power/autosuspend_delay_ms`);
    expect(await sh(`cat ${PCI}/power/runtime_status`)).toBe('active');
    display.disconnect('E');
    await sh('echo 4 > /sys/class/graphics/fb0/blank');
    expect(await comes(() => !inD0())).toBe(true);
    expect(await sh(`cat ${PCI}/power/runtime_status ${PCI}/power_state`)).toBe('suspended\nD3hot');
    for (let seed = 1; seed <= 3; seed++) {
      const done = await gpuWork(guest(), seed === 2 ? 'bcs' : 'rcs', 100, seed);
      expect(done).toMatchObject({ ok: true, errors: 0, checksum: done.wanted });
      expect(await comes(() => !inD0())).toBe(true);
    }
    display.connect('E', DEFAULT_MONITORS.E as NonNullable<typeof DEFAULT_MONITORS.E>);
    // No interrupt comes from a function in D3hot: somebody has to ask for a look.
    const status = '/sys/class/drm/card0-VGA-1/status';
    expect(await sh(`cat ${status}; echo detect > ${status}; cat ${status}`)).toBe(
      'disconnected\nconnected',
    );
    await sh('echo 0 > /sys/class/graphics/fb0/blank');
    expect(inD0()).toBe(true);
    await sh(`echo 10000 > ${PCI}/power/autosuspend_delay_ms`);
    await allIsWell(43);
  });

  test('RC6 residency grows while the GPU rests, and only then', async () => {
    const rests = 'sleep 2; cat $f';
    const works = 'gpuhang -e bcs > /tmp/h & sleep 1; a=$(cat $f); sleep 2; echo $(($(cat $f)-a))';
    const read = (what: string): Promise<string> =>
      sh(`f=/sys/class/drm/card0/power/rc6_residency_ms; ${what}`);
    const before = Number(await read('cat $f'));
    expect(Number(await read(rests)) - before).toBeGreaterThan(1000);
    expect(Number((await read(works)).trim())).toBeLessThan(200);
    await sh('wait; echo > /sys/class/drm/card0/error; dmesg -c > /dev/null');
  });
});

describe('from the beginning', () => {
  test('rmmod and modprobe five times', { timeout: 600_000 }, async () => {
    for (let i = 0; i < RELOADS; i++) {
      await unloadDriver(guest());
      await loadDriver(guest());
      const done = await gpuWork(guest(), i % 2 === 0 ? 'rcs' : 'bcs', 50, i);
      expect(done).toMatchObject({ ok: true, errors: 0 });
    }
    await allIsWell(44);
  });

  test.each(['af_flr', 'pm'])(
    'a reset of the function by %s, which the next driver does not mind',
    async (way) => {
      await unloadDriver(guest());
      expect(await sh(`echo ${way} > ${PCI}/reset_method; cat ${PCI}/reset_method`)).toBe(way);
      await sh(`echo 1 > ${PCI}/reset`);
      expect(inD0()).toBe(true);
      await loadDriver(guest());
      await allIsWell(45);
      expect(await guest().console.check('cat /proc/fb', SHORT_MS)).toBe('0 i915drmfb');
    },
  );
});
