import { afterEach, describe, expect, test, vi } from 'vitest';
import { addScripted, scriptedHost } from '../life/testing/lab.ts';
import type { Host } from './host.ts';
import type { HostDomain } from './host-domain.ts';
import { HostError } from './host-error.ts';

const CREATE = 'control/create_vgt_instance';
let host: Host;
afterEach(() => host.close());

/** What is written to the control tree from now on. */
function writes(): [string, unknown][] {
  const control = host.vgt?.control as NonNullable<Host['vgt']>['control'];
  const log: [string, unknown][] = [];
  const write = control.write.bind(control);
  vi.spyOn(control, 'write').mockImplementation((path, data) => {
    log.push([path, data]);
    return write(path, data);
  });
  return log;
}

describe("a domain's device model and the mediator", () => {
  test('[U1] a domain that starts writes the control string once', async () => {
    host = scriptedHost();
    const log = writes();
    await addScripted(host, 3);
    expect(log).toEqual([[CREATE, '3,16,64,4,1']]);
    expect(host.vgt?.vm(3)?.slice).toMatchObject({ lowBytes: 16 << 20, fences: 4 });
  });

  test('[S6] a domain that is destroyed writes its number with a minus', async () => {
    host = scriptedHost();
    const free = host.vgt?.partition.describe();
    await addScripted(host, 3);
    const log = writes();
    host.destroyDomain(3);
    expect(log).toEqual([[CREATE, '-3']]);
    expect(host.vgt?.vm(3)).toBeUndefined();
    expect(host.vgt?.partition.describe()).toBe(free);
  });

  test('[U3] a create that is refused ends it: no domain, no vGPU, nothing taken', async () => {
    host = scriptedHost();
    await addScripted(host, 1);
    const before = [host.vgt?.partition.describe(), host.hypervisor.domains.length];
    const control = host.vgt?.control as NonNullable<Host['vgt']>['control'];
    const write = control.write.bind(control);
    for (const refused of [CREATE, 'vm2/weight']) {
      vi.spyOn(control, 'write').mockImplementation((path, data) =>
        path === refused && data !== '-2' ? 'ENOMEM' : write(path, data),
      );
      const create = host.createDomain({
        domid: 2,
        name: 'g',
        memoryMiB: 32,
        files: await engine(),
        vgpu: { lowMiB: 16, highMiB: 64, fences: 4, weight: 300 },
      });
      await expect(create).rejects.toThrow(HostError);
      await expect(create).rejects.toThrow('g: no vGPU (ENOMEM): ');
      expect([host.vgt?.partition.describe(), host.hypervisor.domains.length]).toEqual(before);
      expect([host.vgt?.vm(2), host.domains.get(2)]).toEqual([undefined, undefined]);
    }
  });

  test('[S3] firmware finds a vGPU by its page, and the GPU itself without one', async () => {
    host = scriptedHost();
    await addScripted(host, 1);
    const hvm = host.domains.get(1) as HostDomain;
    hvm.boot();
    expect(hvm.machine.igdMode).toBe('vgt');
    // Where its page says nothing it is taken for hardware.
    hvm.machine.placeOpRegion(hvm.domain, host.device.display, host.device.mmio);
    expect(hvm.machine.igdMode).toBe('passthrough');
  });

  test('a vGPU that is there already is left alone', async () => {
    host = scriptedHost();
    host.vgt?.control.write(CREATE, '2,16,64,4');
    const mine = host.vgt?.vm(2);
    await expect(addScripted(host, 2)).rejects.toThrow('no vGPU (EINVAL)');
    expect(host.vgt?.vm(2)).toBe(mine);
  });
});

async function engine() {
  const { ScriptedEngine } = await import('@xengt/xen-vgt');
  return { engine: new ScriptedEngine(32), emulator: 'scripted 1', image: 'none' };
}
