// node --conditions=source packages/hsw-device/src/blt/blt.bench.ts
// Guest memory is shared: the budgets hold there. Prints each path beside the plain typed-array call that moves the same bytes, and their ratio.
import { bench, run } from 'mitata';
import { Aperture } from '../aperture/aperture.ts';
import { FenceRegisters } from '../aperture/fences.ts';
import { AddressSpace, pteAddress } from '../gtt/address-space.ts';
import { MachineMemory } from '../port/memory.ts';
import { RegSpace } from '../reg/reg-space.ts';
import { ARB_MODE, ARB_MODE_SWIZZLE } from '../tiling/swizzle.ts';
import { Blitter } from './blitter.ts';

const { console, performance } = globalThis as unknown as {
  console: { log(text: string): void };
  performance: { now(): number };
};
const MIB = 1 << 20;
const REGION = 64 * MIB;
/** Pitch of a 1024-pixel row; the pictures are 1024 x 1024 x 32 bits, 4 MiB. */
const PITCH = 4096;
const BYTES = 4 * MIB;

interface Case {
  readonly name: string;
  /** What the same bytes cost as one typed-array call. */
  readonly baseline: () => void;
  readonly blit: () => void;
  /** Least ratio of the baseline's time to the blit's. */
  readonly budget: number;
}

const cases: Case[] = [];

function machine(
  shared: boolean,
  torn: boolean,
): { space: AddressSpace; words: Int32Array; regs: RegSpace; blitter: Blitter } {
  const memory = new MachineMemory();
  const words = new Int32Array(shared ? new SharedArrayBuffer(REGION) : new ArrayBuffer(REGION));
  memory.addRegion(0x10000000, words);
  const first = 0x10000;
  // Torn: no two graphics pages that follow each other do so in memory.
  const frame = (page: number): number => (torn ? (page * 5 + 3) & 0x3fff : page & 0x3fff);
  const space = new AddressSpace('bench', memory, (page) => pteAddress(first + frame(page)) | 1);
  const regs = new RegSpace(0x5000);
  return { space, words, regs, blitter: new Blitter(memory, regs) };
}

const br13 = (rop: number, pitch: number): number => (3 << 24) | (rop << 16) | pitch;
const RGBA = 3 << 20;

/** Nanoseconds that a call takes. */
function time(call: () => void): number {
  const start = performance.now();
  call();
  return (performance.now() - start) * 1e6;
}

function colorBlt(base: number, tiled: boolean): Int32Array {
  const bits = RGBA | (tiled ? 1 << 11 : 0);
  const pitch = tiled ? PITCH / 4 : PITCH;
  const head = (2 << 29) | (0x50 << 22) | 4 | bits;
  return Int32Array.of(head, br13(0xf0, pitch), 0, (1024 << 16) | 1024, base, 0x12345678);
}

function copyBlt(to: number, from: number, dst: boolean, src: boolean, rop = 0xcc): Int32Array {
  const bits = RGBA | (dst ? 1 << 11 : 0) | (src ? 1 << 15 : 0);
  const pitch = (tiled: boolean): number => (tiled ? PITCH / 4 : PITCH);
  const head = (2 << 29) | (0x53 << 22) | 6 | bits;
  const size = (1024 << 16) | 1024;
  return Int32Array.of(head, br13(rop, pitch(dst)), 0, size, to, 0, pitch(src), from);
}

for (const shared of [true, false]) {
  const kind = shared ? 'shared' : 'unshared';
  const flat = machine(shared, false);
  const torn = machine(shared, true);
  const to = 16 * MIB;
  const count = BYTES / 4;
  const fill = (): void => {
    flat.words.fill(0x12345678, to / 4, to / 4 + count);
  };
  const copy = (): void => {
    flat.words.copyWithin(to / 4, 0, count);
  };
  const add = (
    name: string,
    on: typeof flat,
    dw: Int32Array,
    swctrl: number,
    baseline: () => void,
    budget: number,
    swizzled = false,
  ): void => {
    const blit = (): void => {
      on.regs.poke(ARB_MODE, swizzled ? ARB_MODE_SWIZZLE : 0);
      on.blitter.start(dw, dw.length, on.space, swctrl);
      while (!on.blitter.step(MIB));
    };
    cases.push({ name: `${kind} ${name}`, baseline, blit, budget: shared ? budget : 0 });
  };
  add('XY_COLOR_BLT linear', flat, colorBlt(to, false), 0, fill, 0.7);
  add('XY_COLOR_BLT linear, torn pages', torn, colorBlt(to, false), 0, fill, 0.7);
  add('XY_COLOR_BLT X-tiled', flat, colorBlt(to, true), 0, fill, 0.25);
  add('XY_COLOR_BLT Y-tiled', flat, colorBlt(to, true), 2, fill, 0.25);
  add('XY_SRC_COPY_BLT linear', flat, copyBlt(to, 0, false, false), 0, copy, 0.5);
  add('XY_SRC_COPY_BLT linear, torn pages', torn, copyBlt(to, 0, false, false), 0, copy, 0.5);
  add('XY_SRC_COPY_BLT linear to X', flat, copyBlt(to, 0, true, false), 0, copy, 0.25);
  add('XY_SRC_COPY_BLT X to X', flat, copyBlt(to, 0, true, true), 0, copy, 0.25);
  add('XY_SRC_COPY_BLT linear to Y', flat, copyBlt(to, 0, true, false), 2, copy, 0.25);
  add('XY_SRC_COPY_BLT Y to linear', flat, copyBlt(to, 0, false, true), 1, copy, 0.25);
  add('XY_SRC_COPY_BLT Y to Y', flat, copyBlt(to, 0, true, true), 3, copy, 0.25);
  add('XY_COLOR_BLT X-tiled, swizzled', flat, colorBlt(to, true), 0, fill, 0.25, true);
  add('XY_SRC_COPY_BLT linear to X, swizzled', flat, copyBlt(to, 0, true, false), 0, copy, 0, true);
  add('XY_SRC_COPY_BLT X to X, swizzled', flat, copyBlt(to, 0, true, true), 0, copy, 0.25, true);
  add('XY_SRC_COPY_BLT linear to Y, swizzled', flat, copyBlt(to, 0, true, false), 2, copy, 0, true);
  add('XY_SRC_COPY_BLT Y to linear, swizzled', flat, copyBlt(to, 0, false, true), 1, copy, 0, true);
  add('XY_SRC_COPY_BLT Y to Y, swizzled', flat, copyBlt(to, 0, true, true), 3, copy, 0.25, true);
  add('XY_SRC_COPY_BLT xor X-tiled', flat, copyBlt(to, 0, true, true, 0x66), 0, copy, 0);
  add(
    'XY_SRC_COPY_BLT xor X-tiled, swizzled',
    flat,
    copyBlt(to, 0, true, true, 0x66),
    0,
    copy,
    0,
    true,
  );
  add('XY_SRC_COPY_BLT xor', flat, copyBlt(to, 0, false, false, 0x66), 0, copy, 0);
}

const { space, words } = machine(true, true);
const aperture = new Aperture('bench', space, new FenceRegisters(new RegSpace()), 0, 64 * MIB);
/** Steps through 16 MiB: every page, in and out of the cache as a guest would. */
const OPS = 4096;
let at = 0;
const next = (): number => (at = (at + 4100) & 0xfffffc);
bench('array read x4096', () => {
  let sum = 0;
  for (let i = 0; i < OPS; i++) sum = (sum + (words[next() >>> 2] as number)) | 0;
  return sum;
});
bench('translated read x4096', () => {
  let sum = 0;
  for (let i = 0; i < OPS; i++) sum = (sum + space.read32(next())) | 0;
  return sum;
});
bench('aperture read32 x4096', () => {
  let sum = 0;
  for (let i = 0; i < OPS; i++) sum = (sum + aperture.read32(next())) | 0;
  return sum;
});
bench('aperture write32 x4096', () => {
  for (let i = 0; i < OPS; i++) aperture.write32(next(), i);
});

const result = await run({ format: 'quiet' });
const lines: string[] = [];
for (const { name, baseline, blit, budget } of cases) {
  // Interleaved, and the best of each: another program on the machine slows both or neither.
  let [plain, ns] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 200; i++) {
    plain = Math.min(plain, time(baseline));
    ns = Math.min(ns, time(blit));
  }
  const ratio = plain / ns;
  const verdict = budget === 0 ? '' : ratio >= budget ? `(${budget}) ok` : `(${budget}) MISSED`;
  const speed = (BYTES / ns).toFixed(1).padStart(6);
  lines.push(`${name.padEnd(44)} ${speed} GB/s  ratio ${ratio.toFixed(2)} ${verdict}`);
}
for (const trial of result.benchmarks) {
  for (const { name, stats } of trial.runs) {
    lines.push(`${name.padEnd(44)} ${((stats?.p50 ?? Number.NaN) / OPS).toFixed(2)} ns`);
  }
}
console.log(lines.join('\n'));
