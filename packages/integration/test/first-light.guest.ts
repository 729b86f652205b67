import { GM_PAGES } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { classifyKernelLog } from '../src/guest/kernel-log.ts';
import { complaints, drawPattern, litPixels, monitor, SHORT_MS, useHost } from './fixture.ts';

const PORTS = ['E', 'B'] as const;
const lab = useHost({
  monitors: [monitor('E', 'vga', '1024x768'), monitor('B', 'hdmi', '800x600')],
});

test('both consoles are lit within a minute', () => {
  const { bootSeconds } = lab.current;
  console.log(
    `from start to i915 bound and consoles lit in 2 domains: ${bootSeconds.toFixed(1)} s`,
  );
  expect(bootSeconds).toBeLessThan(60);
});

test("Debian's own i915 is bound to 8086:0412 at 00:02.0 in both domains", async () => {
  for (const domain of lab.current.domains) {
    const sh = (command: string): Promise<string> => domain.console.check(command, SHORT_MS);
    expect(await sh('cd /sys/bus/pci/devices/0000:00:02.0; cat vendor device')).toBe(
      '0x8086\n0x0412',
    );
    expect(await sh('basename $(readlink /sys/bus/pci/devices/0000:00:02.0/driver)')).toBe('i915');
    expect((await sh('ls /dev/dri')).split(/\s+/)).toEqual(
      expect.arrayContaining(['card0', 'renderD128']),
    );
    expect(await sh('cat /proc/fb')).toBe('0 i915drmfb');
    expect(await sh('dd if=/proc/modules 2>/dev/null | grep -c "^i915 .*Live"')).toBe('1');
  }
});

test('the PCH is found: an ISA bridge 8086:8c4e that i915 takes for a Lynx Point', async () => {
  for (const domain of lab.current.domains) {
    const sh = (command: string): Promise<string> => domain.console.check(command, SHORT_MS);
    const found = 'grep -l PCI_ID=8086:8C4E /sys/bus/pci/devices/*/uevent';
    const bridge = (await sh(found)).replace(/uevent$/, '');
    expect(await sh(`cat ${bridge}class`)).toBe('0x060100');
    // What the kernel noted at its boot, and what configuration space says now.
    expect(await sh(`hexdump -n 4 -e '"%08x"' ${bridge}config`)).toBe('8c4e8086');
  }
});

test('the HVM knows that its GPU is virtual, and no kernel log complains', async () => {
  const [dom0, hvm] = lab.current.domains;
  if (dom0 === undefined || hvm === undefined) throw new Error('two domains were asked for');
  const log = classifyKernelLog(await hvm.console.check('dmesg', SHORT_MS));
  expect(log.vgpuDetected).toBe(true);
  expect(log.drmDriver).toBe('i915');
  expect(await complaints(dom0)).toEqual([]);
  expect(await complaints(hvm)).toEqual([]);
});

test('[B17] [B18] the drivers keep to the slices and the fences that the PV page names', () => {
  for (const { vgpu } of lab.current.domains) {
    if (vgpu === null) throw new Error('every domain has a vGPU');
    const { entries, counters } = vgpu.ggtt;
    expect(counters.writes).toBeGreaterThan(1000);
    // The guard page at the end of the GGTT is all that i915 clears beyond its own. i915 `init_ggtt`.
    const outside = [...entries.keys()].filter((i) => entries[i] !== 0 && !vgpu.ggtt.owns(i));
    expect(outside.filter((i) => i !== GM_PAGES - 1)).toEqual([]);
    expect([counters.outside, counters.refused]).toEqual([1, 0]);
    expect([vgpu.fences.beyond, vgpu.fences.refused]).toEqual([0, 0]);
  }
});

test('each screen shows its console: text, not a picture of one colour', async () => {
  for (const [i, domain] of lab.current.domains.entries()) {
    const port = PORTS[i] as (typeof PORTS)[number];
    await domain.console.check('printf "\\033[2J\\033[H" >/dev/tty1', SHORT_MS);
    await domain.console.check('sleep 0.2', SHORT_MS);
    const empty = litPixels(lab.current, domain, port);
    await domain.console.check('echo MMMMMMMMMMMMMMMMMMMM >/dev/tty1', SHORT_MS);
    await domain.console.check('sleep 0.2', SHORT_MS);
    // 20 letters of 8x16 pixels.
    const drawn = litPixels(lab.current, domain, port) - empty;
    expect(drawn).toBeGreaterThan(20 * 20);
    expect(drawn).toBeLessThan(20 * 8 * 16);
  }
});

test('a pattern written to /dev/fb0 comes out of VGA and HDMI pixel for pixel', async () => {
  const sizes = [
    [1024, 768],
    [800, 600],
  ];
  for (const [i, domain] of lab.current.domains.entries()) {
    const port = PORTS[i] as (typeof PORTS)[number];
    const { report, width, height, difference } = await drawPattern(
      lab.current,
      domain,
      port,
      3 + i,
    );
    expect([width, height]).toEqual(sizes[i]);
    expect(report).toMatchObject({ width, height, driver: 'i915drmfb' });
    expect(difference).toEqual({ pixels: 0, first: null });
  }
});
