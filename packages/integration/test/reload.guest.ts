import { setTimeout } from 'node:timers/promises';
import { makeMonitor } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { loadDriver, unloadDriver } from '../src/host/guest-driver.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import {
  addDomain,
  complaints,
  drawPattern,
  gpuWork,
  litPixels,
  monitor,
  SHORT_MS,
  useHost,
} from './fixture.ts';

const RELOADS = 5;
/** About a minute on an idle machine of two cores. */
const RELOADS_MS = 600_000;
const VGA = monitor('E', 'vga', '1024x768');
const HDMI = monitor('B', 'hdmi', '800x600');
const DP = makeMonitor({ kind: 'dp', mode: '1280x800' });
const lab = useHost({ monitors: [VGA], driver: false });
const RESOURCE = 'control/available_resource';

async function unload(domain: HostDomain): Promise<void> {
  await unloadDriver(domain);
  expect(await domain.console.check('ls /dev | grep -c -e dri -e fb0 || true', SHORT_MS)).toBe('0');
}

/** What is free for new vGPUs, as the control tree tells it. */
function available(): string {
  const read = lab.current.host.vgt?.control.read(RESOURCE);
  if (read === undefined || !read.ok) throw new Error(`${RESOURCE} cannot be read`);
  return String(read.data);
}

/** dom0 renders, checks and renders again until told to stop. */
class Rendering {
  batches = 0;
  readonly #done: Promise<void>;
  #going = true;

  constructor(domain: HostDomain) {
    this.#done = this.#run(domain);
    this.#done.catch(() => {});
  }

  async #run(domain: HostDomain): Promise<void> {
    for (let seed = 1; this.#going; seed++) {
      const done = await gpuWork(domain, seed % 2 === 0 ? 'bcs' : 'rcs', 200, seed, '-q 32');
      expect(done).toMatchObject({ ok: true, errors: 0, checksum: done.wanted });
      this.batches += done.batches;
    }
  }

  /** Waits for results that come after now. @throws what the rendering threw */
  async more(): Promise<void> {
    const from = this.batches;
    let failed = false;
    this.#done.catch(() => {
      failed = true;
    });
    while (this.#going && !failed && this.batches < from + 400) await setTimeout(50);
    if (failed) await this.#done;
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }
}

test('rmmod and modprobe of i915 five times while dom0 renders; then the HVM goes', {
  timeout: RELOADS_MS,
}, async () => {
  const { host, domains } = lab.current;
  const dom0 = domains[0] as HostDomain;
  await loadDriver(dom0);
  const before = available();
  const hvm = await addDomain(host, 1, HDMI);
  expect(available()).not.toBe(before);
  await loadDriver(hvm);

  const rendering = new Rendering(dom0);
  for (let i = 0; i < RELOADS; i++) {
    await unload(hvm);
    await loadDriver(hvm);
    expect(litPixels(lab.current, hvm, 'B')).toBeGreaterThan(0);
    expect(await gpuWork(hvm, 'rcs', 50, i)).toMatchObject({ ok: true, errors: 0 });
    await rendering.more();
  }
  for (const domain of [hvm]) expect(await complaints(domain)).toEqual([]);

  // Another monitor, of the third kind: the driver that comes next finds it.
  await unload(hvm);
  hvm.vgpu?.ports.connection('B', 'disconnect');
  expect(hvm.vgpu?.ports.plug('D', DP)).toBe(true);
  await loadDriver(hvm);
  const drawn = await drawPattern(lab.current, hvm, 'D', 21);
  expect([drawn.width, drawn.height]).toEqual([1280, 800]);
  expect(drawn.difference).toEqual({ pixels: 0, first: null });
  expect(await complaints(hvm)).toEqual([]);

  host.destroyDomain(1);
  expect(available()).toBe(before);
  await rendering.more();
  await rendering.stop();
  expect(await complaints(dom0)).toEqual([]);
});

test('dom0 reloads too, on another monitor', async () => {
  const { host, domains } = lab.current;
  const dom0 = domains[0] as HostDomain;
  await unload(dom0);
  host.device.display.disconnect('E');
  host.device.display.connect('C', makeMonitor({ kind: 'hdmi', mode: '1280x1024' }));
  await loadDriver(dom0);
  const drawn = await drawPattern(lab.current, dom0, 'C', 22);
  expect([drawn.width, drawn.height]).toEqual([1280, 1024]);
  expect(drawn.difference).toEqual({ pixels: 0, first: null });
  expect(await complaints(dom0)).toEqual([]);
});
