import { engineRegs as R } from '@xengt/hsw-device';
import type { Driver } from '../lib/driver.ts';

const BAR0_BYTES = 0x400000;
const MMIO_BYTES = 0x200000;
/** Blocks that do something when they are written: first byte and length. */
// biome-ignore format: one block a line
const HOT: readonly (readonly [number, number])[] = [
  [0x2000, 0x400], [0x12000, 0x400], [0x22000, 0x400], [0x1a000, 0x400],  // command streamers
  [0x44000, 0x40], [0xc4000, 0x40],                                       // interrupts
  [0x60000, 0x60], [0x61000, 0x60], [0x62000, 0x60], [0x6f000, 0x60],     // transcoders
  [0x60400, 4], [0x61400, 4], [0x62400, 4], [0x6f400, 4],                 // TRANS_DDI_FUNC_CTL
  [0x70000, 0x300], [0x71000, 0x300], [0x72000, 0x300], [0x7f008, 4],     // pipes and planes
  [0x64000, 0x500], [0x46000, 0x200], [0x45400, 0x20],                    // DDI, clocks, wells
  [0x4a000, 0x900],                                                       // palettes
  [0xc5100, 0x24], [0xc5010, 0x20],                                       // GMBUS, GPIO
  [0x64010, 0x18], [0xe4110, 0x18], [0xe4210, 0x18], [0xe4310, 0x18],     // AUX
  [0xc7200, 0x20], [0xc4030, 0x10], [0xe1100, 4],                         // panel power, hotplug, ADPA
  [0xa000, 0x200], [0x138100, 0x40], [0x9400, 0x40],                      // power, PCODE, GDRST
  [0x100000, 0x100], [0x101000, 0x10],                                    // fences
  [0x68080, 0x20], [0x70068, 4], [0x78000, 0x100],                        // fitter, scan lines, PVINFO
];

/** An offset in BAR0: a row's, near something that acts, unclaimed, or of the GTT. */
function offset(d: Driver): number {
  const r = d.random;
  switch (r.below(8)) {
    case 0:
      return r.below(MMIO_BYTES);
    case 1:
      return MMIO_BYTES + r.below(MMIO_BYTES);
    case 2:
    case 3:
    case 4: {
      const [first, bytes] = r.pick(HOT);
      return first + r.below(bytes);
    }
    default:
      return d.register();
  }
}

/** A burst of accesses of any width. @param count accesses */
function burst(d: Driver, count: number, at: (d: Driver) => number): void {
  const r = d.random;
  const end = d.accesses + count;
  while (d.accesses < end) {
    const place = at(d);
    const kind = r.u32();
    if ((kind & 7) < 3) {
      d.read(place & ~3, 4);
      continue;
    }
    const value = r.value();
    if ((kind & 7) < 6) d.write(place & ~3, 4, value);
    else if ((kind & 8) !== 0) d.write(place, 1, value);
    else if ((kind & 16) !== 0) d.write(Math.min(place, BAR0_BYTES - 2), 2, value);
    else if ((kind & 32) !== 0) d.read(place, 1);
    else if ((kind & 64) !== 0) d.read(Math.min(place, BAR0_BYTES - 2), 2);
    else {
      // Eight bytes arrive as two accesses, the lower first.
      const low = Math.min(place & ~3, BAR0_BYTES - 8);
      d.write(low, 4, value);
      d.write(low + 4, 4, r.value());
    }
  }
}

/** Registers of every kind. */
export function registers(d: Driver): void {
  burst(d, 2000, offset);
}

/** One block, over and over. */
export function oneBlock(d: Driver): void {
  const [first, bytes] = d.random.pick(HOT);
  burst(d, 1000, () => first + d.random.below(bytes));
}

/** One register: read, one bit turned over, written back. */
export function flipBits(d: Driver): void {
  const r = d.random;
  for (let i = 0; i < 400; i++) {
    const at = d.register();
    d.write(at, 4, d.read(at, 4) ^ (1 << r.below(32)));
  }
}

/** Transactions of the slow buses as a driver begins them, with operands of any kind. */
export function buses(d: Driver): void {
  const r = d.random;
  const aux = r.pick([0x64010, 0xe4110, 0xe4210, 0xe4310]);
  for (let i = 0; i < 8; i++) {
    const gmbus = 0xc5100;
    d.write(gmbus, 4, r.below(8));
    d.write(
      gmbus + 4,
      4,
      0x40000000 | (r.u32() & 0xe1ff0000) | (r.once(2) ? 0xa0 : r.u32() & 0xff) | (r.u32() & 1),
    );
    for (let k = r.below(12); k > 0; k--) {
      if (r.once(3)) d.write(gmbus + 12, 4, r.u32());
      else d.read(gmbus + (r.once(2) ? 12 : 8), 4);
    }
    for (let k = 0; k < 5; k++)
      d.write(aux + 4 + k * 4, 4, k === 0 ? (r.below(16) << 28) | (r.u32() & 0xfffffff) : r.u32());
    d.write(aux, 4, 0x80000000 | (r.below(32) << 20) | (r.u32() & 0x6c0fffff));
    d.read(aux, 4);
    d.write(0xc5010 + r.below(6) * 4, 4, r.u32() & 0xffff);
  }
}

/** A pipe that runs with timings of any kind: the display's share of what time sets off. */
export function modeset(d: Driver): void {
  const r = d.random;
  const pipe = r.below(3);
  const at = pipe * 0x1000;
  const size = (): number =>
    r.once(4) ? r.u32() & 0x1fff1fff : (r.below(300) << 16) | r.below(200);
  for (let i = 0; i < 6; i++) d.write(0x60000 + at + i * 4, 4, size());
  d.write(0x6001c + at, 4, r.once(64) ? r.u32() & 0xfff0fff : (r.below(128) << 16) | r.below(96));
  d.write(0x46040, 4, r.value() | 0x80000000);
  d.write(0x46100 + r.below(5) * 4, 4, r.below(8) << 29);
  d.write(0x60400 + at, 4, 0x80000000 | (r.below(8) << 28) | r.below(0x7000000));
  d.write(0x70008 + at, 4, r.once(4) ? 0 : 0x80000000 | (r.u32() & 0x600000));
  for (const plane of [0x70180, 0x70280, 0x70080]) {
    d.write(plane + at, 4, r.value() | 0x80000000);
    d.write(plane + at + 8, 4, r.below(64) << 6);
    d.write(plane + at + 0x1c, 4, d.gma() & ~0xfff);
  }
  d.write(0x60050 + at, 4, r.once(32) ? 0x80000000 : 0);
  d.write(0x68080 + pipe * 0x800, 4, r.once(8) ? r.u32() : 0);
}

/** The GTT by BAR0: entries of any kind, and the bits around them. */
export function gtt(d: Driver): void {
  const r = d.random;
  for (let i = r.below(100); i >= 0; i--) {
    const page = r.once(4) ? r.below(0x80000) : d.gma() >>> 12;
    if (page >= 0x80000) continue;
    d.write(MMIO_BYTES + page * 4, r.once(16) ? 1 : 4, d.entry());
  }
  d.write(0x101008, 4, r.u32());
}

/** Page directories and tables of the engines: in the GTT, in memory, and where they are said to be. */
export function tables(d: Driver): void {
  const r = d.random;
  const e = r.below(4);
  const b = d.base(e);
  const high = d.target.ranges.high >>> 12;
  for (let i = r.below(40); i >= 0; i--) {
    if (r.once(4)) d.write(MMIO_BYTES + (high + r.below(512)) * 4, 4, d.entry());
    else d.store(0x40 + r.below(8), r.below(1024), d.entry());
  }
  if (r.once(2)) d.write(b + R.RING_PP_DIR_BASE, 4, r.once(4) ? r.u32() : d.directory);
  if (r.once(2)) d.write(b + R.RING_PP_DIR_DCLV, 4, r.value());
  if (r.once(2)) d.write(b + R.RING_GFX_MODE, 4, r.value());
  if (r.once(4)) d.write(b + R.RING_INSTPM, 4, r.value());
}
