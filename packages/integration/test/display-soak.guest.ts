import { setTimeout } from 'node:timers/promises';
import { type ModeName, makeMonitor, type PortName } from '@xengt/hsw-device';
import { beforeAll, expect, test } from 'vitest';
import { complaints, LONG_MS, SHORT_MS, useHost } from './fixture.ts';
import { type Display, look, Modetest, surfaceOf, until } from './modetest.ts';
import type { Gpu } from './reference/gpu.ts';
import { gpuOf, virtualGpuOf } from './reference/probe.ts';

/** Changes. `XENGT_DISPLAY_CHANGES=1000` is the whole soak. */
const CHANGES = Number(process.env['XENGT_DISPLAY_CHANGES'] ?? 15);
const SEED = Number(process.env['XENGT_SEED'] ?? 1);
const DEADLINE_MS = 120_000;
const TOLD_EVERY = 20;
/** Vertical blanks, one after another, at which a picture may be wrong: one fewer than a fault. */
const LOOKS = 3;
/** How often it is asked whether a pipe is still lit. */
const DARK_MS = 20;
/** Nobody unplugs a monitor that his driver has not read yet. */
const READ_MS = 500;
/**
 * What i915 says on any machine of a DP monitor that is gone when it is read or lit again: a console
 * that comes back lights what it lit before, and hears of plugs afterwards (`delayed_hotplug`).
 */
const GONE =
  /\*ERROR\* (Failed to read DPCD register 0x92|\[ENCODER:\d+:DDI D\/PHY D\]\[DPRX\] Failed to enable link training|Link Training Unsuccessful)$/;
/** Drivers have answered all plugs after so long. */
const CALM_MS = 5_000;

const PORTS = ['E', 'B', 'D'] as const;
const KINDS = { E: 'vga', B: 'hdmi', D: 'dp' } as const;
const MODES: readonly ModeName[] = ['640x480', '800x600', '1024x768'];

const monitorOf = (port: (typeof PORTS)[number], mode: ModeName) =>
  makeMonitor({ kind: KINDS[port], mode, modes: MODES });
const MONITORS = Object.fromEntries(PORTS.map((port) => [port, monitorOf(port, '1024x768')]));

const lab = useHost({ monitors: [MONITORS, MONITORS] });

/** A screen's engine with what the reference needs of it. */
interface Side {
  readonly display: Display & {
    onVblank: (pipe: number) => void;
    screens(): readonly { readonly port: PortName; readonly pipe: number }[];
    monitorOn(port: PortName): unknown;
  };
  readonly gpu: Gpu;
}

let guest: Side;
let hardware: Side;
let modetest: Modetest;
let connectors: Readonly<Record<string, number>>;
let crtcs: readonly number[];
/** Where the guest's console is drawn. */
let consoleSurface: number;
let random = SEED;
/** How the guest's screens are used now. */
let layout: 'console' | 'extended' | 'clone' = 'console';
/** Ports that modetest set. */
let chosen: readonly PortName[] = [];
const done: Record<string, number> = {};
/** Pictures that were looked at again. */
let again = 0;

/** A number below `n`: a xorshift generator, so that a seed is a run. */
function pick(n: number): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return (random >>> 0) % n;
}
const one = <T>(from: readonly T[]): T => from[pick(from.length)] as T;

function domain(domid: number): (typeof lab.current.domains)[number] {
  return lab.current.domains[domid] as (typeof lab.current.domains)[number];
}

const plugged = (side: Side): PortName[] => PORTS.filter((p) => side.display.monitorOn(p) !== null);
const lit = (side: Side): PortName[] =>
  side.display
    .screens()
    .map((s) => s.port)
    .sort();

beforeAll(async () => {
  const { host } = lab.current;
  const { vgpu } = domain(1);
  if (vgpu?.display === null || vgpu?.display === undefined) throw new Error('no virtual display');
  guest = { display: vgpu.display, gpu: virtualGpuOf(host.device, vgpu) };
  hardware = { display: host.device.display, gpu: gpuOf(host.device) };
  modetest = new Modetest(domain(1));
  const listing = await modetest.list();
  const id = (name: string): number => listing.connectors.find((c) => c.name === name)?.id ?? 0;
  connectors = { E: id('VGA-1'), B: id('HDMI-A-1'), D: id('DP-2') };
  crtcs = listing.crtcs;
  consoleSurface = surfaceOf(guest.gpu, 0);
  // A child of a child, so that the shell does not wait for it.
  const draw = 'n=0; while :; do n=$((n+1)); fbpattern -n -s $n; sleep 0.1; done';
  for (const d of lab.current.domains) {
    await d.console.check(`(sh -c '${draw}' >/dev/null 2>&1 &)`, SHORT_MS);
  }
});

function write(path: string, data: string | Uint8Array): void {
  expect([path, lab.current.host.vgt?.control.write(path, data)]).toEqual([path, null]);
}

/** What may change, by name. Each is one change for somebody who sits in front of it. */
const KINDS_OF_CHANGE: Readonly<Record<string, () => Promise<void> | void>> = {
  foreground: () => {
    const { vgt } = lab.current.host;
    const next = vgt?.foreground.vm?.domid === 1 ? 0 : 1;
    write('control/foreground_vm', String(next));
  },
  plug: () => {
    const port = one(PORTS);
    const there = guest.display.monitorOn(port) !== null;
    if (there) return write(`vm1/PORT_${port}/connection`, 'disconnect');
    give(port, '1024x768');
  },
  'plug of the machine': () => {
    const port = one(PORTS);
    const { display } = lab.current.host.device;
    if (display.monitorOn(port) === null) display.connect(port, monitorOf(port, '1024x768'));
    else display.disconnect(port);
  },
  resolution: () => give(one(PORTS), one(MODES)),
  layout: async () => {
    const ports = plugged(guest);
    const next = one(['console', 'extended', 'clone'] as const);
    if (layout !== 'console') await modetest.stop();
    layout = ports.length < 2 ? 'console' : next;
    chosen = layout === 'console' ? [] : ports.slice(0, 2);
    if (layout === 'console') return;
    const sets = chosen.map((port, pipe) => {
      const mode = layout === 'clone' ? '800x600' : one(MODES);
      return `-s ${connectors[port]}@${crtcs[pipe]}:${mode}`;
    });
    if (layout === 'extended') {
      await modetest.start(sets.join(' '));
      // What the console lit is no sign of it; and a monitor that goes before it has set them fails it.
      const set = (_: unknown, pipe: number): boolean =>
        surfaceOf(guest.gpu, pipe) !== consoleSurface;
      await until(`other surfaces than the console's`, () => sets.every(set), DEADLINE_MS);
    } else {
      for (const [i, set] of sets.entries()) {
        await modetest.start(`-d ${set}`, i === 0);
        await modetest.untilNoMaster();
      }
    }
  },
};

/** Another monitor on a port of the guest. */
function give(port: (typeof PORTS)[number], mode: ModeName): void {
  write(`vm1/PORT_${port}/type`, { E: '0', B: '5', D: '4' }[port]);
  write(`vm1/PORT_${port}/edid`, monitorOf(port, mode).edid.slice(0, 128));
  write(`vm1/PORT_${port}/connection`, 'connect');
}

/**
 * A pipe's picture at its next vertical blank, when all that was written so far has taken effect.
 *
 * @returns what is wrong with it; null when nothing is, or when a driver has switched the pipe off
 */
function faultOf({ display, gpu }: Side, pipe: number): Promise<string | null> {
  const told = display.onVblank;
  return new Promise((resolve) => {
    const end = (fault: string | null): void => {
      clearInterval(timer);
      display.onVblank = told;
      resolve(fault);
    };
    const timer = setInterval(() => {
      if (!display.screens().some((s) => s.pipe === pipe)) end(null);
    }, DARK_MS);
    display.onVblank = (which) => {
      told(which);
      if (which !== pipe) return;
      try {
        end(look(display, gpu, pipe).difference.first);
      } catch (error) {
        // Its last vertical blank: it stands already. Nothing may be thrown into the device.
        end((error as Error).message);
      }
    };
  });
}

/**
 * What is wrong with the pictures of lit pipes. A driver may be between a plane's control and the
 * surface that arms it, which the reference cannot see: such a picture is looked at again.
 */
async function wrong(side: Side, who: string): Promise<string[]> {
  const faults: string[] = [];
  for (const { pipe, port } of side.display.screens()) {
    let fault = await faultOf(side, pipe);
    for (let i = 1; i < LOOKS && fault !== null; i++) {
      again++;
      fault = await faultOf(side, pipe);
    }
    if (fault !== null) faults.push(`${who} ${port}: ${fault}`);
  }
  return faults;
}

/** A driver's console lights every monitor that is there, and no other. */
async function settled(): Promise<void> {
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    [...a].sort().join() === [...b].sort().join();
  await until(
    `dom0's screens: ${plugged(hardware)} plugged, ${lit(hardware)} lit`,
    () => same(lit(hardware), plugged(hardware)),
    DEADLINE_MS,
  );
  if (layout !== 'console') {
    // Of clones that nobody is the master of, the console takes one away whose monitor goes.
    const held = (port: PortName): boolean =>
      layout === 'extended' || guest.display.monitorOn(port) !== null;
    const shown = (): boolean => chosen.filter(held).every((port) => lit(guest).includes(port));
    await until(`${chosen} lit`, shown, DEADLINE_MS);
    return;
  }
  await until(
    `the guest's screens: ${plugged(guest)} plugged`,
    () => same(lit(guest), plugged(guest)),
    DEADLINE_MS,
  );
}

/** What the guest shows is what the machine's screens show while it is in the foreground. */
function foreign(): string[] {
  const { host } = lab.current;
  if (host.vgt?.foreground.vm?.domid !== 1) return [];
  const faults: string[] = [];
  for (const { pipe, port } of hardware.display.screens()) {
    const from = host.vgt.foreground.pipeOf(pipe);
    if (from < 0) continue;
    const surface = (side: Side, p: number, at: number): number =>
      side.gpu.register(at + p * 0x1000);
    for (const at of [0x7019c, 0x70188, 0x6001c]) {
      const [theirs, ours] = [surface(guest, from, at), surface(hardware, pipe, at)];
      if (theirs !== ours) faults.push(`${port}: ${at.toString(16)} is ${ours}, not ${theirs}`);
    }
  }
  return faults;
}

async function allFaults(): Promise<string[]> {
  return [...(await wrong(guest, 'guest')), ...(await wrong(hardware, 'machine')), ...foreign()];
}

function tell(changes: number, start: number): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const kinds = JSON.stringify(done);
  console.log(`${changes} changes in ${seconds} s: ${kinds}; ${again} pictures looked at again`);
}

test(
  `${CHANGES} changes of plugs, resolutions, foreground and layout while guests draw: screens right after each`,
  async () => {
    const names = Object.keys(KINDS_OF_CHANGE);
    const start = performance.now();
    for (let i = 0; i < CHANGES; i++) {
      const name = one(names);
      done[name] = (done[name] ?? 0) + 1;
      await KINDS_OF_CHANGE[name]?.();
      if (name === 'plug' || name === 'resolution') await setTimeout(READ_MS);
      try {
        await settled();
      } catch (error) {
        throw new Error(`change ${i}, ${name}, ${layout}: ${(error as Error).message}`);
      }
      expect([`change ${i}, ${name}`, await allFaults()]).toEqual([`change ${i}, ${name}`, []]);
      if (i % TOLD_EVERY === TOLD_EVERY - 1) tell(i + 1, start);
    }
    tell(CHANGES, start);
    await setTimeout(CALM_MS);
    await settled();
    expect(await allFaults()).toEqual([]);
  },
  LONG_MS + CHANGES * 10_000,
);

test('no kernel log complains of any of it', async () => {
  if (layout !== 'console') await modetest.stop();
  for (const d of lab.current.domains) {
    expect((await complaints(d)).filter((line) => !GONE.test(line))).toEqual([]);
  }
});
