import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  NON_PRIVILEGED_PPGTT,
  store,
  storeGgtt,
  TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { VgtConfig } from '../vgt.ts';
import { packVgpu, unpackVgpu } from './image.ts';
import { isRefusal } from './take-state.ts';
import type { VgpuStateV1 } from './vgpu-state.ts';

const RCS = 0;
const BCS = 2;
const MS = 1_000_000;
/** Of the domain on either machine: its frames lie at different machine addresses. */
const DOMIDS = [1, 5];
/** XY_COLOR_BLT of 16 by 16 pixels, 64 bytes a row, PATINVERT: done twice it is as not done. */
const invert = (gma: number, value: number): number[] => [
  0x54300004,
  0x035a0040,
  0,
  0x100010,
  gma,
  value,
];

/** A guest on one of two machines, whose clocks and machine frames have nothing in common. */
class Traveller {
  readonly benches: readonly [Bench, Bench];
  at = 0;
  guest: TestGuest;

  constructor(there: VgtConfig = {}) {
    this.benches = [new Bench(), new Bench(there)];
    this.benches[1].clock.advance(1e12);
    this.guest = this.benches[0].hvm(1);
  }

  get bench(): Bench {
    return this.benches[this.at] as Bench;
  }

  /** Stops, saves, moves memory and state to the other machine, and goes on there. */
  move(): void {
    const from = this.bench;
    const { lifecycle } = from.vgt;
    const { vgpu, ram, tail } = this.guest;
    expect(lifecycle.stop(vgpu)).toBeNull();
    const state = lifecycle.save(vgpu);
    if (typeof state === 'string') throw new Error(state);
    const image = packVgpu(state);
    from.vgt.destroyVgpu(vgpu.domid);
    from.mpt.removeDomain(vgpu.domid);
    this.at = 1 - this.at;
    const to = this.bench;
    const domid = DOMIDS[this.at] as number;
    to.mpt.addDomain(domid, 16).set(ram);
    const made = to.vgt.lifecycle.restore(domid, unpackVgpu(image));
    if (isRefusal(made)) throw new Error(made.message);
    this.guest = new TestGuest(to, made as Vgpu);
    tail.forEach((value, i) => {
      this.guest.tail[i] = value;
    });
    to.vgt.lifecycle.start(made as Vgpu);
  }
}

let t: Traveller;
beforeEach(() => {
  t = new Traveller();
});

describe('a guest that is moved while it works', () => {
  test('100 times: what it submitted before is done after, once, and in order', () => {
    for (const e of [RCS, BCS]) t.guest.startRing(e);
    for (let round = 0; round < 100; round++) {
      const { guest } = t;
      const value = round * 16 + 1;
      // A batch with a private page table on one engine, stores and an increment chain on the other.
      guest.poke(BATCH_GFN, [
        ...storeGgtt(guest.dataGma + 4, value + 1),
        ...storeGgtt(guest.dataGma + 8, value + 2),
        BATCH_END,
      ]);
      guest.submit(RCS, [...storeGgtt(guest.dataGma, value), ...batch(guest.batchGma)]);
      guest.poke(DATA_GFN + 2, [0]);
      for (let i = 0; i < 20; i++) {
        const at = guest.dataGma + 0x1000;
        guest.submit(BCS, [
          ...storeGgtt(at + i * 4, value + i),
          ...invert(at + 0x1000, 1 << i),
          USER_INTERRUPT,
          0,
        ]);
      }
      // Somewhere in the middle of all that.
      for (let i = 0; i < round % 7; i++) {
        t.bench.device.step(64 * (round % 5));
        t.bench.vgt.tick();
        t.bench.clock.advance(round * 1000);
      }
      t.move();
      t.bench.run();
      const moved = t.guest;
      expect([0, 1, 2].map((i) => moved.peek(DATA_GFN, i))).toEqual([value, value + 1, value + 2]);
      for (let i = 0; i < 20; i++) expect(moved.peek(DATA_GFN + 1, i)).toBe(value + i);
      expect(moved.peek(DATA_GFN + 2)).toBe(0xfffff);
      expect(moved.vgpu.engines.map((e) => e.pending)).toEqual([false, false, false, false]);
    }
    expect(t.benches.map((b) => b.mpt.crashes)).toEqual([[], []]);
    t.move();
    const empty = new Bench().vgt.partition.describe();
    expect(t.benches[1].vgt.partition.describe()).not.toBe(empty);
    expect(t.benches[0].vgt.partition.describe()).toBe(empty);
  });

  test('page tables of its own lead to its memory, wherever that lies now', () => {
    const { guest } = t;
    guest.startRing(BCS);
    guest.startPpgtt(BCS);
    guest.mapPpgtt(5, BATCH_GFN);
    guest.mapPpgtt(6, DATA_GFN);
    guest.poke(BATCH_GFN, [...store(0x6000, 77), BATCH_END]);
    t.move();
    t.guest.submit(BCS, batch(0x5000, NON_PRIVILEGED_PPGTT));
    t.bench.run();
    expect(t.guest.peek(DATA_GFN)).toBe(77);
    // Its tables change there, too.
    t.guest.mapPpgtt(6, DATA_GFN + 1);
    t.move();
    t.guest.submit(BCS, batch(0x5000, NON_PRIVILEGED_PPGTT));
    t.bench.run();
    expect(t.guest.peek(DATA_GFN + 1)).toBe(77);
  });

  test('where VMs share graphics addresses it fits beside one that has the same', () => {
    t = new Traveller({ partition: 'shared' });
    const [, there] = t.benches;
    const other = there.hvm(1);
    for (const g of [t.guest, other]) g.startRing(BCS);
    expect(other.vgpu.slice).toMatchObject({ lowBase: t.guest.low, highBase: t.guest.high });
    for (let round = 0; round < 6; round++) {
      t.guest.submit(BCS, storeGgtt(t.guest.dataGma, round));
      other.submit(BCS, storeGgtt(other.dataGma, 100 + round));
      t.move();
      for (const b of t.benches) b.run();
      expect([t.guest.peek(DATA_GFN), other.peek(DATA_GFN)]).toEqual([round, 100 + round]);
    }
    expect(there.mpt.crashes).toEqual([]);
  });

  test('registers, fences, contexts, interrupts and screens are as they were', () => {
    const { guest } = t;
    const monitor = makeMonitor({ kind: 'hdmi', mode: '1024x768' });
    guest.vgpu.ports.plug('B', monitor);
    guest.startRing(RCS);
    guest.write(0x2600, 0x1234);
    guest.write(0x7000, 0xffff0021);
    guest.write(0x100000, guest.low | 1);
    guest.write(0x100004, guest.low + 0x1000);
    guest.write(0x44014, 0x1);
    guest.write(0x4401c, 0x1);
    guest.write(0xc4000 + 4, 0);
    guest.write(0x78804, 1);
    guest.submit(RCS, [USER_INTERRUPT, 0]);
    t.bench.run();
    const offsets = [
      0x2600, 0x7000, 0x100000, 0x100004, 0x44014, 0x44018, 0x4401c, 0x78804, 0xa188,
    ];
    const was = offsets.map((o) => guest.read(o));
    const irq = [guest.vgpu.irq.asserted, guest.vgpu.irq.edges];
    const config = guest.vgpu.config.space.exportState();
    t.move();
    const now = t.guest;
    expect(offsets.map((o) => now.read(o))).toEqual(was);
    expect([now.vgpu.irq.asserted, now.vgpu.irq.edges]).toEqual(irq);
    expect(now.vgpu.config.space.exportState()).toEqual(config);
    expect(now.vgpu.ports.port('B')).toEqual(guest.vgpu.ports.port('B'));
    expect(now.vgpu.display?.monitorOn('B')?.edid).toEqual(monitor.edid);
    // The fence is in hardware, wherever the VM's fences begin there.
    const fence = 0x100000 + now.vgpu.slice.fenceBase * 8;
    expect(t.bench.device.regs.peek(fence)).toBe(now.low | 1);
    expect(t.bench.device.regs.peek(0x2600)).not.toBe(0x1234);
    now.submit(RCS, [USER_INTERRUPT, 0]);
    t.bench.run();
    expect(t.bench.device.regs.peek(0x2600)).toBe(0x1234);
  });

  test('what it is given is what was taken, part for part', () => {
    const { guest } = t;
    guest.startRing(RCS);
    guest.submit(RCS, storeGgtt(guest.dataGma, 1));
    t.bench.run();
    const { lifecycle } = t.bench.vgt;
    lifecycle.stop(guest.vgpu);
    const state = lifecycle.save(guest.vgpu) as VgpuStateV1;
    expect(unpackVgpu(packVgpu(state))).toEqual(state);
    t.bench.vgt.destroyVgpu(1);
    const made = lifecycle.restore(1, state) as Vgpu;
    expect(lifecycle.save(made)).toEqual(state);
    lifecycle.start(made);
    t.bench.clock.advance(MS);
    expect(lifecycle.save(made)).toBe('EBUSY');
  });
});
