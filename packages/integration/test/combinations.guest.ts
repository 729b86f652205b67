import { type ModeName, makeMonitor, PANEL_WIRING, type PortName } from '@xengt/hsw-device';
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
  type Looked,
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
/** What all four show as clones: the panel has no other mode. */
const COMMON: ModeName = '1024x768';

interface Output {
  readonly port: PortName;
  readonly kind: 'vga' | 'hdmi' | 'dp' | 'edp';
  /** As the guest calls it. */
  readonly name: string;
  /** Mode when screens are side by side. */
  readonly extended: ModeName;
}
const OUTPUTS: readonly Output[] = [
  { port: 'E', kind: 'vga', name: 'VGA-1', extended: '800x600' },
  { port: 'B', kind: 'hdmi', name: 'HDMI-A-1', extended: '1280x720' },
  { port: 'D', kind: 'dp', name: 'DP-2', extended: '1280x1024' },
  { port: 'A', kind: 'edp', name: 'eDP-1', extended: COMMON },
];
const MONITORS = Object.fromEntries(
  OUTPUTS.map(({ port, kind, extended }) => [
    port,
    makeMonitor({ kind, mode: COMMON, modes: [COMMON, extended] }),
  ]),
);

/** Every choice of `count` outputs. */
function choices(count: number, from: readonly Output[] = OUTPUTS): readonly Output[][] {
  if (count === 0) return [[]];
  return from.flatMap((first, i) =>
    choices(count - 1, from.slice(i + 1)).map((rest) => [first, ...rest]),
  );
}
const COMBINATIONS = [...choices(2), ...choices(3)].map(
  (outputs) => [outputs.map((o) => o.name).join(' + '), outputs] as const,
);

const lab = useHost({ monitors: [MONITORS, MONITORS], wiring: PANEL_WIRING });

let listing: Listing;
let modetest: Modetest;
let gpu: Gpu;
let display: Display & { screens(): readonly { port: PortName; pipe: number }[] };
let consoleSurface: number;

beforeAll(async () => {
  const { host, domains } = lab.current;
  const guest = domains[1] as (typeof domains)[number];
  if (guest.vgpu?.display === null || guest.vgpu?.display === undefined) throw new Error('no vGPU');
  gpu = virtualGpuOf(host.device, guest.vgpu);
  display = guest.vgpu.display;
  consoleSurface = surfaceOf(gpu, 0);
  modetest = new Modetest(guest);
  listing = await modetest.prepare();
  // The console leaves all pipes.
  const three = OUTPUTS.slice(0, 3);
  await modetest.start(three.map((o, pipe) => set(pipe, o, COMMON)).join(' '));
  for (const [pipe, o] of three.entries()) await shown(pipe, o, COMMON);
});

function connector(name: string): ListedConnector {
  const found = listing.connectors.find((c) => c.name === name);
  if (found === undefined) throw new Error(`the guest has no ${name}`);
  return found;
}

function modeOf(output: Output, name: ModeName): ListedMode {
  const found = connector(output.name).modes.find((m) => m.name === name);
  if (found === undefined) throw new Error(`${output.name} does not list ${name}`);
  return found;
}

function set(pipe: number, output: Output, name: ModeName): string {
  const mode = modeOf(output, name);
  return `-s ${connector(output.name).id}@${listing.crtcs[pipe]}:#${mode.index}`;
}

async function shown(pipe: number, output: Output, name: ModeName): Promise<Looked> {
  const mode = modeOf(output, name);
  await until(`${name} on ${output.name}`, () => showsMode(gpu, pipe, mode, consoleSurface));
  return look(display, gpu, pipe);
}

/** Ports that show a picture. A driver leaves a pipe on, without planes, when its picture went away. */
const lit = (): string[] =>
  display
    .screens()
    .filter((s) => planeControls(gpu, s.pipe).some((control) => control < 0))
    .map((s) => s.port)
    .sort();

test('VGA, HDMI, DP and the built-in panel are connected in the guest, each with its modes', () => {
  for (const output of OUTPUTS) {
    const { connected, modes } = connector(output.name);
    expect([output.name, connected]).toEqual([output.name, true]);
    expect(modes.map((m) => m.name)).toContain(output.extended);
  }
});

test.each(COMBINATIONS)(
  '%s extended: each screen shows its part of one framebuffer, pixel for pixel',
  async (_name, outputs) => {
    await modetest.start(outputs.map((o, pipe) => set(pipe, o, o.extended)).join(' '));
    const widths = outputs.map((o) => modeOf(o, o.extended).h[0] as number);
    const all = widths.reduce((sum, w) => sum + w, 0);
    let left = 0;
    for (const [pipe, output] of outputs.entries()) {
      const picture = await shown(pipe, output, output.extended);
      expect(picture.difference).toEqual(SAME);
      const width = widths[pipe] as number;
      expect(`${picture.width}x${picture.height}`).toBe(output.extended);
      const bar = BARS[Math.floor(((left + width / 2) * 7) / all)] as string;
      expect(near(colourAt(picture, width / 2, 50), bar)).toBe(true);
      left += width;
    }
    expect(lit()).toEqual(outputs.map((o) => o.port).sort());
  },
);

test.each(COMBINATIONS)(
  '%s cloned: every screen shows the same; in the foreground so do the physical ones',
  async (_name, outputs) => {
    const { host } = lab.current;
    for (const [pipe, output] of outputs.entries()) {
      await modetest.start(`-d ${set(pipe, output, COMMON)}`, pipe === 0);
      await shown(pipe, output, COMMON);
      await modetest.untilNoMaster();
    }
    const pictures = outputs.map((_, pipe) => {
      const picture = look(display, gpu, pipe);
      expect(picture.difference).toEqual(SAME);
      return picture.rgba.slice();
    });
    for (const picture of pictures) expect(picture).toEqual(pictures[0]);
    expect(bars(look(display, gpu, 0)).filter((c, i) => !near(c, BARS[i] as string))).toEqual([]);
    expect(lit()).toEqual(outputs.map((o) => o.port).sort());
    expect(host.vgt?.setForeground(1) ?? null).toBeNull();
    const hardware = host.device.display;
    expect(hardware.screens().length).toBe(3);
    const mine = new Set(lit());
    for (const screen of hardware.screens()) {
      // A screen without a counterpart may show a pipe that the guest left on without a picture.
      if (!mine.has(screen.port) && display.screens().length > outputs.length) continue;
      const seen = await atVblank(hardware, screen.pipe, () =>
        look(hardware, gpuOf(host.device), screen.pipe),
      );
      expect(seen.difference).toEqual(SAME);
      expect(seen.rgba.findIndex((p, i) => p !== pictures[0]?.[i])).toBe(-1);
    }
    expect(host.vgt?.setForeground(0) ?? null).toBeNull();
  },
);

test('no kernel log complains of any of it', async () => {
  await modetest.stop();
  for (const domain of lab.current.domains) expect(await complaints(domain)).toEqual([]);
});
