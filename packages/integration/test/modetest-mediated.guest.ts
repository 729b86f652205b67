import { makeMonitor } from '@xengt/hsw-device';
import { beforeAll, expect, test } from 'vitest';
import { complaints, useHost } from './fixture.ts';
import {
  atVblank,
  BARS,
  bars,
  colourAt,
  type Display,
  type ListedConnector,
  type ListedMode,
  type Listing,
  look,
  Modetest,
  near,
  planeControls,
  showsMode,
  surfaceOf,
  until,
} from './modetest.ts';
import type { Gpu } from './reference/gpu.ts';
import { gpuOf, virtualGpuOf } from './reference/probe.ts';

const SAME = { pixels: 0, first: null };
const MONITORS = {
  E: makeMonitor({ kind: 'vga', mode: '1280x1024' }),
  B: makeMonitor({ kind: 'hdmi', mode: '1920x1080' }),
  D: makeMonitor({ kind: 'dp', mode: '1920x1200' }),
};
const NAMES = ['VGA-1', 'HDMI-A-1', 'DP-2'] as const;

const lab = useHost({ monitors: [MONITORS, MONITORS] });

let listing: Listing;
let modetest: Modetest;
/** The guest's virtual GPU and its display. */
let gpu: Gpu;
let display: Display;
let consoleSurface: number;

beforeAll(async () => {
  const { host, domains } = lab.current;
  const guest = domains[1] as (typeof domains)[number];
  const { vgpu } = guest;
  if (vgpu === null || vgpu.display === null) throw new Error('the guest has no virtual display');
  gpu = virtualGpuOf(host.device, vgpu);
  display = vgpu.display;
  consoleSurface = surfaceOf(gpu, 0);
  modetest = new Modetest(guest);
  listing = await modetest.prepare();
});

function connector(name: string): ListedConnector {
  return listing.connectors.find((c) => c.name === name) as ListedConnector;
}

function modeOf(name: string, mode: string): ListedMode {
  return connector(name).modes.find((m) => m.name === mode) as ListedMode;
}

function set(pipe: number, mode: ListedMode): string {
  return `-s ${connector(NAMES[pipe] as string).id}@${listing.crtcs[pipe]}:#${mode.index}`;
}

async function shown(pipe: number, mode: ListedMode): Promise<void> {
  await until(`${mode.name} on pipe ${'ABC'[pipe]}`, () =>
    showsMode(gpu, pipe, mode, consoleSurface),
  );
}

test.each(NAMES.map((name, pipe) => [name, 'ABC'[pipe], pipe] as const))(
  'a guest’s virtual %s on pipe %s: largest, middle and smallest mode, pixel for pixel',
  async (name, _letter, pipe) => {
    const { modes } = connector(name);
    for (const mode of [modes[0], modes[modes.length >> 1], modes.at(-1)]) {
      if (mode === undefined) throw new Error(`${name} has no modes`);
      await modetest.start(set(pipe, mode));
      await shown(pipe, mode);
      const picture = look(display, gpu, pipe);
      expect(picture.difference).toEqual(SAME);
      expect([picture.width, picture.height]).toEqual([mode.h[0], mode.v[0]]);
      expect(bars(picture).filter((c, i) => !near(c, BARS[i] as string))).toEqual([]);
    }
  },
);

test('in the foreground a guest’s three screens are the physical ones: primary planes and overlays', async () => {
  const { host } = lab.current;
  const physical = gpuOf(host.device);
  // What Domain-0 runs on the physical ports.
  const modes = NAMES.map((name) => connector(name).modes[0] as ListedMode);
  const overlays = [0, 1, 2].map((pipe) => {
    const plane = listing.planes.find((p) => p.type === 0 && p.pipes === 1 << pipe);
    return `-P ${plane?.id}@${listing.crtcs[pipe]}:${200 + 30 * pipe}x150+${400 + 500 * pipe}+90@YUYV`;
  });
  await modetest.start([...modes.map((mode, pipe) => set(pipe, mode)), ...overlays].join(' '));
  for (const [pipe, mode] of modes.entries()) {
    await shown(pipe, mode);
    await until('overlay', () => (planeControls(gpu, pipe)[1] as number) < 0);
    await shown(pipe, mode);
  }
  expect(host.vgt?.setForeground(1) ?? null).toBeNull();
  const { device } = host;
  for (const screen of device.display.screens()) {
    await atVblank(device.display, screen.pipe, () => {});
    const theirs = lab.current.domains[1]
      ?.screens(device.display)
      .find((s) => s.port === screen.port);
    if (theirs === undefined) throw new Error(`the guest lights no ${screen.port}`);
    const own = look(display, gpu, theirs.pipe);
    expect(own.difference).toEqual(SAME);
    const pixels = own.rgba.slice();
    // Registers of hardware explain the picture, and it is the guest's.
    const seen = look(device.display, physical, screen.pipe);
    expect(seen.difference).toEqual(SAME);
    expect([seen.width, seen.height]).toEqual([own.width, own.height]);
    const differ = seen.rgba.findIndex((p, i) => p !== pixels[i]);
    expect(differ).toBe(-1);
    expect(colourAt(seen, 5, 5)).not.toBe('000000');
  }
  expect(device.display.screens()).toHaveLength(3);
  expect(host.vgt?.setForeground(0) ?? null).toBeNull();
});

test('a smaller mode of the guest in the foreground goes through the panel fitter of the physical screen', async () => {
  const { host } = lab.current;
  const mode = modeOf('DP-2', '1280x800');
  await modetest.start(set(2, mode));
  await shown(2, mode);
  expect(host.vgt?.setForeground(1) ?? null).toBeNull();
  const { display: hardware } = host.device;
  const screen = hardware.screens().find((s) => s.port === 'D');
  if (screen === undefined) throw new Error('Domain-0 does not light port D');
  await atVblank(hardware, screen.pipe, () => {});
  const picture = look(hardware, gpuOf(host.device), screen.pipe);
  expect(picture.difference).toEqual(SAME);
  expect([picture.width, picture.height]).toEqual([1920, 1200]);
  expect(bars(picture).filter((c, i) => !near(c, BARS[i] as string))).toEqual([]);
  expect(host.vgt?.setForeground(0) ?? null).toBeNull();
});

test('a guest’s cursor moves over its screen; no kernel log complains', async () => {
  const mode = modeOf('DP-2', '1280x800');
  await modetest.start(`-C ${set(2, mode)}`);
  await shown(2, mode);
  await until('cursor', () => ((planeControls(gpu, 2)[2] as number) & 0x27) !== 0);
  const virtual = lab.current.domains[1]?.vgpu?.display;
  if (virtual === undefined || virtual === null) throw new Error('no virtual display');
  const told = virtual.onVblank;
  const picture = await new Promise<ReturnType<typeof look>>((resolve) => {
    virtual.onVblank = (pipe) => {
      told(pipe);
      if (pipe !== 2) return;
      virtual.onVblank = told;
      resolve(look(display, gpu, 2));
    };
  });
  expect(picture.difference).toEqual(SAME);
  await modetest.stop();
  for (const domain of lab.current.domains) {
    expect(await complaints(domain)).toEqual([]);
  }
});
