// node --conditions=source --expose-gc packages/linux-vgt/src/vgt.bench.ts
// What the mediator adds: to an access of a register or GTT entry, against the same access of the
// unshared device; and to work, per dword that is checked before it runs.

import type { TrapTarget } from '@xengt/hsw-device';
import {
  BATCH_END,
  Bench,
  batch,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from './testing/bench.ts';

const N = 4096;
const SAMPLES = 31;
const BCS = 2;

/** Median nanoseconds of one of the `n` operations of a call. */
function median(n: number, call: () => void): number {
  for (let i = 0; i < 200; i++) call();
  const times = Array.from({ length: SAMPLES }, () => {
    const start = performance.now();
    for (let i = 0; i < 8; i++) call();
    return ((performance.now() - start) * 1e6) / (8 * n);
  });
  return times.sort((a, b) => a - b)[SAMPLES >> 1] as number;
}

let sum = 0;
const reads = (target: TrapTarget, offset: number): number =>
  median(N, () => {
    for (let i = 0; i < N; i++) sum = (sum + target.read(offset, 4)) | 0;
  });
const writes = (target: TrapTarget, offset: number): number =>
  median(N, () => {
    for (let i = 0; i < N; i++) target.write(offset, 4, i << 12);
  });
const entries = (target: TrapTarget, first: number): number =>
  median(1024, () => {
    for (let i = 0; i < 1024; i++) target.write(0x200000 + (first + i) * 4, 4, (i << 12) | 7);
  });

const b = new Bench();
const g = b.hvm(1);
g.startRing(0);
g.startRing(BCS);
g.submit(0, [USER_INTERRUPT]);
b.run();
const print = (what: string, mediated: number, bare: number): void => {
  const ratio = `${(mediated / bare).toFixed(2)}x`;
  process.stdout.write(
    `${what.padEnd(38)} ${mediated.toFixed(1).padStart(7)} ns  bare ${bare.toFixed(1).padStart(6)} ns  ${ratio}\n`,
  );
};
const { mmio } = g.vgpu;
const bare = b.device.mmio;
print('read, render owner', reads(mmio, 0x4040), reads(bare, 0x4040));
print('read, own display engine', reads(mmio, 0x70180), reads(bare, 0x70180));
print('write, render owner', writes(mmio, 0x4040), writes(bare, 0x4040));
print('write, own display engine', writes(mmio, 0x60000), writes(bare, 0x60000));
print('GTT entry', entries(mmio, g.high >>> 12), entries(bare, g.high >>> 12));

/** Time of a submission whose commands hardware then skips, per dword. */
function submission(guest: TestGuest, commands: readonly number[], dwords: number): number {
  return median(dwords, () => {
    guest.submit(BCS, commands);
    b.device.regs.poke(0x22034, b.device.regs.peek(0x22030));
  });
}
const stores = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => storeGgtt(g.dataGma, i)).flat();
g.poke(0x30, [...stores(1000), BATCH_END]);
const ring = [...stores(40), USER_INTERRUPT, 0];
process.stdout.write(
  `check and copy, ring of ${ring.length} dwords: ${submission(g, ring, ring.length).toFixed(1)} ns a dword\n`,
);
process.stdout.write(
  `check and copy, batch of 4001 dwords: ${submission(g, batch(g.batchGma), 4001).toFixed(1)} ns a dword\n`,
);
if (sum === 1 || b.mpt.crashes.length > 0) process.exitCode = 1;
