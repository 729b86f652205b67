import type { Engine } from '@xengt/hsw-device';
import { beforeEach, expect, test } from 'vitest';
import { F_SAVED } from '../attr/attribute.ts';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  lri,
  NON_PRIVILEGED_PPGTT,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const RCS = 0;
const BCS = 2;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
beforeEach(() => {
  b = new Bench();
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
});

function run(guest: TestGuest, engine: number, commands: readonly number[]): void {
  guest.submit(engine, [...commands, USER_INTERRUPT]);
  b.run();
  expect(b.vgt.renderOwner).toBe(guest.vgpu);
}
/** The same from a batch without privilege. */
function runUser(guest: TestGuest, engine: number, commands: readonly number[]): void {
  guest.poke(BATCH_GFN, [...commands, BATCH_END]);
  run(guest, engine, batch(guest.batchGma, NON_PRIVILEGED_PPGTT));
}

/** XY_SETUP_BLT: 32 bits, pattern copy, pitch 64, no clipping; and XY_PIXEL_BLT of pixel 1, 0. */
const setup = (gma: number, color: number): number[] => {
  return [
    (2 << 29) | (1 << 22) | (3 << 20) | 6,
    (3 << 24) | (0xf0 << 16) | 64,
    0,
    0,
    gma,
    color,
    0,
    0,
  ];
};
const PIXEL = [(2 << 29) | (0x24 << 22), 1];

test("a VM's blits go by its own set-up, not by the last VM's", () => {
  run(g, BCS, setup(g.dataGma, 0x11));
  run(h, BCS, setup(h.dataGma, 0x22));
  run(g, BCS, PIXEL);
  run(h, BCS, PIXEL);
  expect([g.peek(DATA_GFN, 1), h.peek(DATA_GFN, 1)]).toEqual([0x11, 0x22]);
});

test('a VM that set nothing up draws nothing', () => {
  // Where the other draws, in its own address space, this one has memory too.
  runUser(g, BCS, setup(h.dataGma, 0x11));
  run(h, BCS, PIXEL);
  expect(h.peek(DATA_GFN, 1)).toBe(0);
});

test("the URB's data are the VM's that loaded them", () => {
  const at = 0x40;
  const load = (guest: TestGuest): number[] => [(0x2c << 23) | 1, at, guest.dataGma];
  const store = (guest: TestGuest): number[] => [(0x2d << 23) | 1, at, guest.dataGma + 0x40];
  g.poke(DATA_GFN, [0x5ec2e7]);
  h.poke(DATA_GFN, [1], 16);
  runUser(g, RCS, load(g));
  runUser(h, RCS, store(h));
  runUser(g, RCS, store(g));
  expect([g.peek(DATA_GFN, 16), h.peek(DATA_GFN, 16)]).toEqual([0x5ec2e7, 0]);
});

test('a VM that forbids preemption forbids it for itself', () => {
  const engine = b.device.gt.engine('BCS');
  run(g, BCS, [0x08 << 23]);
  expect(engine.arbitration).toBe(false);
  run(h, BCS, storeGgtt(h.dataGma, 1));
  expect(engine.arbitration).toBe(true);
  run(g, BCS, storeGgtt(g.dataGma, 1));
  expect(engine.arbitration).toBe(false);
});

test('a VM that resets its engines while another has them finds them reset', () => {
  run(g, BCS, [0x08 << 23, ...setup(g.dataGma, 0x11)]);
  run(h, BCS, storeGgtt(h.dataGma, 1));
  g.write(0x941c, 8);
  g.startRing(BCS);
  run(g, BCS, PIXEL);
  expect(g.peek(DATA_GFN, 1)).toBe(0);
  expect(b.device.gt.engine('BCS').arbitration).toBe(true);
});

test('every register that a batch without privilege can change is exchanged', () => {
  const { regs } = b.device;
  const { flags } = b.vgt.attr;
  const leaks: string[] = [];
  for (const engine of [RCS, BCS]) {
    run(g, engine, storeGgtt(g.dataGma, 1));
    const before = regs.dw.slice();
    const offsets = [...before.keys()].map((i) => i * 4).filter((o) => regs.claims(o));
    for (let first = 0; first < offsets.length; first += 300) {
      const part = offsets.slice(first, first + 300);
      const values = part.flatMap((o) => lri(o, ~(before[o / 4] as number)));
      runUser(g, engine, values);
    }
    expect(regs.dw[0x2600 / 4]).toBe(~(before[0x2600 / 4] as number));
    const { base, id } = b.device.gt.engines[engine] as Engine;
    for (const o of offsets) {
      // What the ring itself and its batches move is the virtual engine's.
      if (o >= base && o < base + 0x200) continue;
      if (regs.dw[o / 4] === before[o / 4] || ((flags[o / 4] as number) & F_SAVED) !== 0) continue;
      leaks.push(`${id} 0x${o.toString(16)}`);
    }
  }
  expect(leaks).toEqual([]);
});
