import { makeMonitor, type PortName } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { Bench, DATA_GFN, type TestGuest } from '../testing/bench.ts';
import { dark, light, plane } from '../testing/light.ts';

const MS = 1_000_000;
const CHANGES = 3000;
const PORTS: readonly PortName[] = ['A', 'B', 'C', 'D', 'E'];
const SIZES: readonly (readonly [number, number])[] = [
  [96, 64],
  [160, 100],
  [128, 128],
];
const STRIDE = 1024;
const FB = 0x200000;
const FB_PAGES = 64;
const GAMMA = 0x40000000;

/** A pipe as its driver has set it. */
interface Lit {
  readonly port: PortName;
  readonly size: readonly [number, number];
  readonly source: readonly [number, number];
  surface: number;
  /** 0: colours as they are. */
  palette: number;
}
interface Actor {
  readonly guest: TestGuest;
  readonly pipes: (Lit | null)[];
}

let seed = 1;
function pick(n: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % n;
}
const one = <T>(from: readonly T[]): T => from[pick(from.length)] as T;

const through = (palette: number, i: number): number =>
  palette === 0 ? i : (i * 5 + palette * 17) & 255;

/** A pixel of an actor's pipe, red in the low byte, straight from its memory. */
function pixel({ guest }: Actor, lit: Lit, x: number, y: number): number {
  const at = lit.surface - guest.low - FB + y * STRIDE + x * 4;
  const word = guest.ram[DATA_GFN * 1024 + at / 4] as number;
  const [r, g, b] = [(word >>> 16) & 255, (word >>> 8) & 255, word & 255];
  const p = lit.palette;
  return through(p, r) | (through(p, g) << 8) | (through(p, b) << 16) | 0xff000000;
}

/** Which pipe of an actor a physical pipe shows: the rule as a person would say it. */
function shownOn(ours: readonly (Lit | null)[], theirs: readonly (Lit | null)[]): (Lit | null)[] {
  const free = new Set(theirs.filter((t) => t !== null));
  const shown = ours.map((o) => {
    const same = o === null ? undefined : [...free].find((t) => t.port === o.port);
    if (same !== undefined) free.delete(same);
    return same ?? null;
  });
  const first = theirs.find((t) => t !== null) ?? null;
  return ours.map((o, i) => {
    if (o === null || shown[i] !== null) return shown[i] ?? null;
    const next = [...free][0];
    if (next !== undefined) free.delete(next);
    return next ?? first;
  });
}

test(`${CHANGES} changes of pipes, sizes, colours, plugs and foreground of four VMs: every screen is right, pixel for pixel`, () => {
  const b = new Bench({ propagateMonitors: false, anyMonitor: true });
  const actors: Actor[] = [b.guest0(), b.hvm(1), b.hvm(2), b.hvm(3)].map((guest) => ({
    guest,
    pipes: [null, null, null],
  }));
  for (const { guest } of actors) {
    for (let p = 0; p < FB_PAGES; p++) guest.map(guest.low + FB + p * 4096, DATA_GFN + p);
    for (let i = 0; i < FB_PAGES * 1024; i++) {
      guest.ram[DATA_GFN * 1024 + i] = (i * 0x9e3779b1 + guest.vgpu.domid * 0x1234567) | 0;
    }
    guest.write(0x78804, 1);
  }
  const dom0 = actors[0] as Actor;
  const pixels = new Uint32Array(256 * 256);

  const setPipe = (actor: Actor, pipe: number): void => {
    const old = actor.pipes[pipe];
    if (old !== null && old !== undefined) dark(actor.guest, pipe, old.port);
    actor.pipes[pipe] = null;
    const port = one(PORTS);
    if (pick(4) === 0 || actor.pipes.some((l) => l?.port === port)) return;
    const size = one(SIZES);
    // Domain-0's source is its mode's size, as its driver has it without a fitter.
    const source = actor === dom0 ? size : one(SIZES);
    const lit = { port, size, source, surface: actor.guest.low + FB, palette: 0 };
    actor.pipes[pipe] = lit;
    light(actor.guest, pipe, size[0], size[1], source, port);
    flip(actor, pipe);
  };
  const flip = (actor: Actor, pipe: number): void => {
    const lit = actor.pipes[pipe];
    if (lit === null || lit === undefined) return;
    lit.surface = actor.guest.low + FB + pick(16) * 4096;
    lit.palette = pick(3);
    const at = pipe * 0x800;
    for (let i = 0; i < 256; i++) {
      actor.guest.write(0x4a000 + at + i * 4, through(lit.palette, i) * 0x10101);
    }
    plane(actor.guest, pipe, lit.surface, STRIDE);
    actor.guest.write(0x70180 + pipe * 0x1000, 0x98000000 | (lit.palette > 0 ? GAMMA : 0) | 0);
    actor.guest.write(0x7019c + pipe * 0x1000, lit.surface);
  };
  const plug = (actor: Actor): void => {
    const port = one(PORTS);
    const kind =
      ({ A: 'edp', E: 'vga' } as const)[port as 'A' | 'E'] ?? one(['hdmi', 'dp'] as const);
    const { ports } = actor.guest.vgpu;
    const display = actor === dom0 ? b.device.display : null;
    const monitor = makeMonitor({ kind });
    if (pick(2) === 0) display === null ? ports.unplug(port) : display.disconnect(port);
    else if (display === null) ports.plug(port, monitor);
    else display.connect(port, monitor);
  };

  const counts = { pipe: 0, flip: 0, plug: 0, foreground: 0 };
  for (let i = 0; i < CHANGES; i++) {
    const actor = one(actors);
    const what = one(['pipe', 'flip', 'flip', 'plug', 'foreground', 'foreground'] as const);
    counts[what]++;
    if (what === 'pipe') setPipe(actor, pick(3));
    else if (what === 'flip') flip(actor, pick(3));
    else if (what === 'plug') plug(actor);
    else expect(b.vgt.setForeground(actor.guest.vgpu.domid)).toBeNull();
    b.clock.advance(40 * MS);
    const front = actors.find((a) => a.guest.vgpu === b.vgt.foreground.vm) as Actor;
    const shown = front === dom0 ? dom0.pipes : shownOn(dom0.pipes, front.pipes);
    for (let pipe = 0; pipe < 3; pipe++) {
      const own = dom0.pipes[pipe];
      const drew = b.device.display.scanOut(pipe, pixels);
      expect([i, what, drew]).toEqual([i, what, own !== null]);
      if (own === null || own === undefined) continue;
      const [width, height] = own.size;
      const lit = shown[pipe] ?? null;
      let wrong = -1;
      for (let k = 0; k < width * height && wrong < 0; k++) {
        const [x, y] = [k % width, Math.floor(k / width)];
        const want =
          lit === null
            ? 0xff000000
            : pixel(
                front,
                lit,
                Math.floor((x * lit.source[0]) / width),
                Math.floor((y * lit.source[1]) / height),
              );
        if (pixels[k] !== want >>> 0) wrong = k;
      }
      const { scanWidth, scanHeight } = b.device.display;
      const said = `change ${i}, ${what} of VM ${actor.guest.vgpu.domid}, pipe ${pipe}`;
      expect([said, wrong, scanWidth, scanHeight]).toEqual([said, -1, width, height]);
    }
  }
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(CHANGES / 10);
  expect(b.vgt.foreground.refusedSurfaces).toBe(0);
  expect(b.mpt.crashes).toEqual([]);
});
