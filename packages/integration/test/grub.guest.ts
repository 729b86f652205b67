import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeMonitor } from '@xengt/hsw-device';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildBootDisk } from '../src/guest/disk/boot-disk.ts';
import { buildGuestImage } from '../src/guest/image.ts';
import { ScreenShot } from '../src/host/domain-view.ts';
import { readGuestFiles } from '../src/host/guest-files.ts';
import { Host } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { VGA_PIPE } from '../src/host/vga-screen.ts';
import { encodePng } from '../src/lab/png.ts';
import { complaints, LONG_MS, SHORT_MS } from './fixture.ts';

/** Where the menus' pictures go; nowhere unless it is set. */
const PICTURES = process.env['XENGT_PICTURES'];
/** Scan codes of set 1, pressed and released. */
const UP = [0xe0, 0x48, 0xe0, 0xc8],
  DOWN = [0xe0, 0x50, 0xe0, 0xd0],
  HOME = [0xe0, 0x47, 0xe0, 0xc7],
  ENTER = [0x1c, 0x9c];
const LOOK_MS = 100;
/** A picture that was the same so many times stands still. */
const STILL = 10;

let host: Host;
let domain: HostDomain;
const shot = new ScreenShot();
/** Sizes that the monitor showed, in turn, and by whom. */
const seen: string[] = [];

beforeAll(async () => {
  const image = await buildGuestImage();
  const disk = await buildBootDisk(image, { timeout: -1 });
  host = new Host({ monitors: { E: makeMonitor({ kind: 'vga', mode: '1920x1080' }) } });
  domain = await host.createDomain({
    domid: 1,
    name: 'grub',
    memoryMiB: 512,
    files: await readGuestFiles(image),
    boot: 'disk',
    hardware: { disks: [{ path: disk, device: 'hda', readOnly: true }], vgaMemoryMiB: null },
  });
  domain.boot();
}, LONG_MS);

afterAll(() => host?.close());

function press(...codes: number[]): void {
  domain.domain.engine.sendScancodes(Uint8Array.from(codes));
}

/** What the monitor shows now: size, and `vga` or `pipe`. */
function shown(): string {
  const screen = domain.screens(host.device.display).find((s) => s.port === 'E');
  if (screen === undefined) return 'nothing';
  return `${screen.width}x${screen.height} ${screen.pipe === VGA_PIPE ? 'vga' : 'pipe'}`;
}

async function until(true_: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !true_(); waited += LOOK_MS) {
    const now = shown();
    if (seen.at(-1) !== now) seen.push(now);
    if (waited > LONG_MS || domain.domain.over) {
      throw new Error(
        `${what}: ${domain.domain.state} ${domain.domain.reason}; ${seen.join(', ')}`,
      );
    }
    await sleep(LOOK_MS);
  }
  if (seen.at(-1) !== shown()) seen.push(shown());
}

function picture(): Uint8Array {
  const frame = shot.take(host, domain, 'E');
  if (frame === null) throw new Error(`nothing on the monitor: ${seen.join(', ')}`);
  return frame.rgba.slice();
}

/** Pixels of the menu's text, which is white; the picture behind it has none. */
const TEXT_PIXELS = 2000;
const WHITE = 0xf0;

function textPixels(rgba: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < rgba.length; at += 4) {
    const [r, g, b] = [rgba[at] as number, rgba[at + 1] as number, rgba[at + 2] as number];
    if (r > WHITE && g > WHITE && b > WHITE) count++;
  }
  return count;
}

/** Waits until the menu is painted and stands still. */
async function menuAt(size: string): Promise<Uint8Array> {
  await until(
    () => shown() === `${size} vga` && textPixels(picture()) > TEXT_PIXELS,
    `the menu at ${size}`,
  );
  const menu = await settled();
  expect(colours(menu)).toBeGreaterThan(50);
  return menu;
}

/** Waits until the picture stands still. */
async function settled(): Promise<Uint8Array> {
  let before = picture();
  for (let same = 0; same < STILL; ) {
    await sleep(LOOK_MS);
    const now = picture();
    same = Buffer.compare(before, now) === 0 ? same + 1 : 0;
    before = now;
  }
  return before;
}

function colours(rgba: Uint8Array): number {
  return new Set(new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length >>> 2)).size;
}

async function keep(name: string): Promise<void> {
  const frame = shot.take(host, domain, 'E');
  if (PICTURES === undefined || frame === null) return;
  await mkdir(PICTURES, { recursive: true });
  await writeFile(join(PICTURES, `${name}.png`), encodePng(frame));
}

test(
  'GRUB shows its menu, with a picture behind it, at each size; keys choose',
  async () => {
    const first = await menuAt('1024x768');
    // Firmware's text was on the same monitor.
    expect(seen).toContain('720x400 vga');
    await keep('grub-1024x768');
    press(...DOWN);
    const second = await settled();
    expect(Buffer.compare(first, second)).not.toBe(0);
    press(...UP);
    expect(Buffer.compare(first, await settled())).toBe(0);
    press(...HOME, ...DOWN, ...DOWN, ...ENTER);
    await menuAt('640x480');
    await keep('grub-640x480');
    press(...HOME, ...DOWN, ...DOWN, ...DOWN, ...DOWN, ...ENTER);
    await menuAt('1920x1080');
    await keep('grub-1920x1080');
  },
  LONG_MS,
);

test(
  'the kernel keeps the mode for its console until i915 sets its own',
  async () => {
    press(...HOME, ...ENTER);
    await until(() => Buffer.from(domain.history).includes('XENGT-INIT'), 'the kernel');
    expect(shown()).toBe('1920x1080 vga');
    await keep('kernel-console');
    await domain.console.waitForShell(LONG_MS);
    await until(() => shown().endsWith('pipe'), 'i915');
    expect(shown()).toBe('1920x1080 pipe');
    const sh = (command: string): Promise<string> => domain.console.check(command, SHORT_MS);
    expect(await sh('cat /proc/fb')).toBe('0 i915drmfb');
    expect(await sh('dmesg | grep -c "vesafb: framebuffer at 0xe0000000"')).toBe('1');
    // Its cursor blinks: it never stands still.
    await keep('i915-console');
    expect(await complaints(domain)).toEqual([]);
    expect(host.events.some((e) => e.startsWith('VGT_ENABLE_VGA=0'))).toBe(true);
  },
  2 * LONG_MS,
);
