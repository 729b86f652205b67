import type { Driver } from '../lib/driver.ts';

const MS = 1_000_000;
const SECOND = 1_000 * MS;

/** The aperture, with and without fences over it, in every width and alignment. */
export function aperture(d: Driver): void {
  const r = d.random;
  const { aperture: bar2, ranges } = d.target;
  if (r.once(3)) {
    const fence = r.below(32);
    d.write(0x100000 + fence * 8, 4, (d.gma() & ~0xfff) | (r.u32() & 3));
    d.write(0x100004 + fence * 8, 4, ((d.gma() | 0xff000) & ~0xfff) | r.below(64));
  }
  for (let i = 0; i < 600; i++) {
    d.accesses++;
    const near = ranges.low + r.below(0x400000);
    const at = r.once(8) ? r.below(256 << 20) : near;
    const size = r.pick([1, 2, 4, 4, 4] as const);
    if (r.once(2)) bar2.read(at, size);
    else bar2.write(at, size, r.u32());
  }
}

/** Configuration space: every byte, every width. */
export function config(d: Driver): void {
  const r = d.random;
  const space = d.target.config;
  for (let i = 0; i < 32; i++) {
    d.accesses++;
    const size = r.pick([1, 2, 4] as const);
    const at = r.below(256 / size) * size;
    if (r.once(2)) space.read(at, size);
    else space.write(at, size, r.value());
  }
}

/** Time goes on: a little, a frame, and now and then seconds. */
export function time(d: Driver): void {
  const r = d.random;
  const kind = r.below(64);
  const ns = kind === 0 ? r.below(5) * SECOND : kind < 24 ? r.below(20 * MS) : r.below(MS);
  d.advance(ns);
  d.step(0x1000);
}

/** Somebody looks at the screens. */
export function look(d: Driver): void {
  const { display } = d.target.device;
  display.screens();
  const pipe = d.random.below(3);
  display.scanOut(pipe, PICTURE);
  display.scanline(pipe);
}
const PICTURE = new Uint32Array(1 << 18);

/** Monitors come and go. */
export function plug(d: Driver): void {
  const { display } = d.target.device;
  const port = d.random.pick(['B', 'C', 'D', 'E'] as const);
  const monitor = display.monitorOn(port);
  if (monitor !== null) {
    display.disconnect(port);
    display.connect(port, monitor);
  }
  display.shortPulse(port);
}
