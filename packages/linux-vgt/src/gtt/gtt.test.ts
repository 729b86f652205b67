import { PTE_VALID, pteMfn } from '@xengt/hsw-device';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  lri,
  NON_PRIVILEGED_PPGTT,
  ppDir,
  store,
  storeGgtt,
  TABLE_GFN,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';

const BCS = 2;
const RCS = 0;
let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
});
const window = (gma: number): number => 0x200000 + (gma >>> 12) * 4;

describe('global GTT', () => {
  test('[F1] [F2] [F8] the guest reads its own entry; hardware has the machine frame and its bits', () => {
    const entry = (0x123 << 12) | 0x806 | 1;
    g.write(window(g.low), entry);
    expect(g.read(window(g.low))).toBe(entry);
    const hardware = b.device.ggtt.read(g.low >>> 12);
    expect(pteMfn(hardware)).toBe(2 ** 20 + 0x123);
    expect(hardware & 0x80f).toBe(0x807);
    expect(hardware & 0x7f0).toBe(0x10);
  });

  test('[F3] a write outside the slice succeeds and reaches no hardware', () => {
    const before = b.device.ggtt.read(0);
    g.write(window(0), (5 << 12) | 1);
    expect(g.read(window(0))).toBe((5 << 12) | 1);
    expect(b.device.ggtt.read(0)).toBe(before);
    expect(g.vgpu.ggtt.counters.outside).toBe(1);
  });

  test('[F4] a frame the domain does not have is refused and counted; nothing is mapped', () => {
    g.write(window(g.low), (0xfffff << 12) | 1);
    expect(b.device.ggtt.read(g.low >>> 12) & PTE_VALID).toBe(0);
    expect(g.vgpu.ggtt.counters.refused).toBe(1);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[F6] dom0 reads what hardware has of its own part, and of no other', () => {
    const zero = b.guest0();
    zero.map(zero.low, DATA_GFN);
    g.map(g.low, DATA_GFN);
    expect(zero.read(window(zero.low))).toBe(b.device.ggtt.read(zero.low >>> 12));
    expect([zero.read(window(g.low)), zero.read(window(g.high))]).toEqual([0, 0]);
  });

  test('[A19] an address is the same for guest and hardware, in commands and in the GTT', () => {
    g.startRing(BCS);
    g.submit(BCS, [...storeGgtt(g.dataGma, 5), USER_INTERRUPT, 0]);
    b.run();
    const { space } = b.device.ggtt;
    expect(space.read32(b.device.regs.peek(0x22038) + 8)).toBe(g.dataGma);
    expect(space.read32(g.dataGma)).toBe(5);
    expect(g.peek(DATA_GFN)).toBe(5);
  });

  test('[F5] a 64-bit write is two entries', () => {
    g.write(window(g.low), (1 << 12) | 1);
    g.write(window(g.low) + 4, (2 << 12) | 1);
    expect(pteMfn(b.device.ggtt.read((g.low >>> 12) + 1))).toBe(2 ** 20 + 2);
  });

  test('[F7] beyond the table reads 0 and drops writes', () => {
    g.write(0x400000, 1);
    expect(g.read(0x400000)).toBe(0);
    expect(g.vgpu.mmio.counters.outside).toBe(2);
  });

  test('[F9] accesses are counted', () => {
    g.write(window(g.low), 0);
    g.read(window(g.low));
    expect(g.vgpu.ggtt.counters).toMatchObject({ reads: 1, writes: 1 });
  });

  test('[F11] [A18] what nobody uses, or leaves behind, points at the dummy page', () => {
    const { slice } = g.vgpu;
    const dummy = b.vgt.reserved.dummyPte;
    g.map(g.low, DATA_GFN);
    b.vgt.destroyVgpu(1);
    for (const gma of [slice.lowBase, slice.highBase, slice.highBase + slice.highBytes - 4096]) {
      expect(b.device.ggtt.read(gma >>> 12)).toBe(dummy);
    }
    expect(b.device.ggtt.space.read32(slice.lowBase) >>> 0).toBe(0x77777777);
  });

  test('what a VM writes where it has mapped nothing is seen by no other, then or later', () => {
    const other = b.hvm(2);
    const at = g.low + 0x500000;
    expect(g.vgpu.aperture.read32(at) >>> 0).toBe(0x77777777);
    g.vgpu.aperture.write32(at, 0x5ec2e7);
    g.startRing(BCS);
    g.submit(BCS, [...storeGgtt(g.high, 0x5ec2e7), USER_INTERRUPT, 0]);
    b.run();
    expect([g.vgpu.aperture.read32(at), b.mpt.crashes]).toEqual([0x5ec2e7, []]);
    expect(other.vgpu.aperture.read32(other.low) >>> 0).toBe(0x77777777);
    expect(b.device.ggtt.space.read32(other.high) >>> 0).toBe(0x77777777);
    b.vgt.destroyVgpu(1);
    b.mpt.ram.delete(1);
    const made = b.vgt.createVgpu(1, { lowMiB: 16, highMiB: 64, fences: 4 }) as Vgpu;
    expect(made.aperture.read32(at) >>> 0).toBe(0x77777777);
  });

  test('[F10] after S3 the whole GTT and all fences are as before', () => {
    const fences = (): number[] =>
      Array.from({ length: 64 }, (_, i) => b.device.regs.peek(0x100000 + i * 4));
    g.startRing(BCS);
    g.submit(BCS, [...storeGgtt(g.dataGma, 5), USER_INTERRUPT, 0]);
    b.run();
    g.write(0x100004, (g.low + 0xf000) | 3);
    g.write(0x100000, g.low | 1);
    // dom0 has the engines when the machine sleeps: the directories in the GTT are its own.
    expect(b.vgt.lifecycle.suspend()).toBeNull();
    const before = [Int32Array.from(b.device.ggtt.pte), fences()];
    b.device.reset('power');
    expect([b.device.ggtt.read(g.dataGma >>> 12), fences().some((v) => v !== 0)]).toEqual([
      0,
      false,
    ]);
    b.vgt.lifecycle.resume();
    expect([b.device.ggtt.pte, fences()]).toEqual(before);
    expect(before[1]).toContain(g.low | 1);
  });

  test('when frames move, the entries follow', () => {
    g.map(g.low, DATA_GFN);
    b.mpt.holes.add(`1:${DATA_GFN}`);
    b.vgt.framesChanged(1);
    expect(b.device.ggtt.read(g.low >>> 12)).toBe(0);
    b.mpt.holes.clear();
    b.vgt.framesChanged(1);
    expect(pteMfn(b.device.ggtt.read(g.low >>> 12))).toBe(2 ** 20 + DATA_GFN);
  });
});

describe('per-process GTT', () => {
  /** Runs stores through a batch at page 5 of the VM's own space. */
  const run = (guest: TestGuest, engine: number, commands: readonly number[]): void => {
    guest.poke(BATCH_GFN, [...commands, BATCH_END]);
    guest.submit(engine, [...batch(0x5000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
    b.run();
    expect(b.mpt.crashes).toEqual([]);
  };
  beforeEach(() => {
    g.startRing(BCS);
    g.startPpgtt(BCS);
    g.mapPpgtt(5, BATCH_GFN);
  });

  test("[G3] hardware walks tables of the mediator's, never the guest's", () => {
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 1));
    const base = b.device.regs.peek(0x22228);
    expect(base).not.toBe(g.read(0x22228));
    const pde = b.device.ggtt.read((base >>> 16) * 16);
    expect(b.vgt.tables.taken).toBeGreaterThan(0);
    expect(pteMfn(pde)).not.toBe(g.vgpu.ggtt.mfn(TABLE_GFN));
    expect(g.peek(DATA_GFN)).toBe(1);
  });

  test('[G1] [H11] one engine alone has its shadow at once, whatever the others do', () => {
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 1));
    expect([g.peek(DATA_GFN), g.vgpu.ppgtt.directories]).toEqual([1, 1]);
    g.write(0x1a030, 0);
    run(g, BCS, store(0x6000, 2));
    expect(g.peek(DATA_GFN)).toBe(2);
  });

  test('[G2] engines with directories of their own each walk theirs', () => {
    g.startRing(RCS);
    const other = g.high + 0x600000;
    g.map(other, TABLE_GFN + 1);
    g.poke(TABLE_GFN + 1, [(BATCH_GFN << 12) | 7, ((DATA_GFN + 1) << 12) | 7], 5);
    g.write(0x2228, ppDir(other));
    g.write(0x229c, 0x02000200);
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 11));
    run(g, RCS, store(0x6000, 12));
    expect([g.peek(DATA_GFN), g.peek(DATA_GFN + 1)]).toEqual([11, 12]);
  });

  test('[G4] [G5] entries are translated when they are first used, and tables are left writable', () => {
    g.mapPpgtt(6, DATA_GFN);
    g.mapPpgtt(7, DATA_GFN + 1);
    run(g, BCS, [...store(0x6000, 1), ...store(0x7000, 2)]);
    expect([g.peek(DATA_GFN), g.peek(DATA_GFN + 1)]).toEqual([1, 2]);
    expect(g.vgpu.ppgtt.counters.fills).toBe(3);
  });

  test('[W4] an entry changed by a plain store is found before the next submission', () => {
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 1));
    g.mapPpgtt(6, DATA_GFN + 1);
    run(g, BCS, store(0x6000, 2));
    expect([g.peek(DATA_GFN), g.peek(DATA_GFN + 1)]).toEqual([1, 2]);
    expect(g.vgpu.ppgtt.counters.resynced).toBe(1);
  });

  test('pages that went out of use leave the shadow; those in use fill again', () => {
    const pages = Array.from({ length: 32 }, (_, i) => 6 + i);
    for (const page of pages) g.mapPpgtt(page, DATA_GFN + page);
    run(
      g,
      BCS,
      pages.flatMap((page) => store(page << 12, page)),
    );
    const shadow = g.vgpu.ppgtt.find(b.device.regs.peek(0x22228))!;
    expect(shadow.pages).toBe(33);
    for (let i = 0; i < 1100; i++) run(g, BCS, store(0x6000, i));
    expect(shadow.pages).toBe(2);
    expect(g.peek(DATA_GFN + 6)).toBe(1099);
    g.mapPpgtt(7, DATA_GFN + 6);
    run(g, BCS, store(0x7000, 5));
    expect(g.peek(DATA_GFN + 6)).toBe(5);
  });

  test('a change shows whatever number two entries make together', () => {
    // As one number of 64 bits: not a number, and the two zeros.
    const odd = [0x7ff00007, 0xfff80007, 0x80000000, 0];
    for (const other of odd) {
      g.poke(TABLE_GFN, [((DATA_GFN + 1) << 12) | 7, other], 6);
      run(g, BCS, store(0x6000, 1));
      for (const next of odd) {
        g.poke(TABLE_GFN, [next], 7);
        const frame = DATA_GFN + 2 + (odd.indexOf(next) & 1);
        g.mapPpgtt(6, frame);
        run(g, BCS, store(0x6000, 0x55 + next));
        expect(g.peek(frame)).toBe((0x55 + next) | 0);
      }
      g.poke(TABLE_GFN, [0, 0x80000000], 6);
      const before = g.ram.slice(DATA_GFN * 1024, (DATA_GFN + 8) * 1024);
      run(g, BCS, store(0x6000, 3));
      expect(g.ram.slice(DATA_GFN * 1024, (DATA_GFN + 8) * 1024)).toEqual(before);
    }
  });

  test('[G6] an entry taken out maps nothing, and works again when it is put back', () => {
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 1));
    g.poke(TABLE_GFN, [0], 6);
    run(g, BCS, store(0x6000, 2));
    expect(g.peek(DATA_GFN)).toBe(1);
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 3));
    expect(g.peek(DATA_GFN)).toBe(3);
  });

  test('[G8] a directory entry of large pages is walked as one of small ones', () => {
    g.mapPpgtt(6, DATA_GFN);
    g.write(window(g.high + 0x400000), (TABLE_GFN << 12) | 7 | 2);
    run(g, BCS, store(0x6000, 9));
    expect(g.peek(DATA_GFN)).toBe(9);
    const first = (b.device.regs.peek(0x22228) >>> 16) * 16;
    for (let i = 0; i < 512; i++) expect(b.device.ggtt.read(first + i) & 2).toBe(0);
  });

  test('[G7] a directory entry that moves to another table takes effect, and the old one counts no more', () => {
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 1));
    g.poke(TABLE_GFN + 1, [(BATCH_GFN << 12) | 7, ((DATA_GFN + 2) << 12) | 7], 5);
    g.map(g.high + 0x400000, TABLE_GFN + 1);
    run(g, BCS, store(0x6000, 5));
    expect([g.peek(DATA_GFN), g.peek(DATA_GFN + 2)]).toEqual([1, 5]);
    const { resynced } = g.vgpu.ppgtt.counters;
    g.mapPpgtt(6, DATA_GFN + 3);
    run(g, BCS, store(0x6000, 6));
    expect([g.peek(DATA_GFN + 2), g.peek(DATA_GFN + 3)]).toEqual([6, 0]);
    expect(g.vgpu.ppgtt.counters.resynced).toBe(resynced);
  });

  test('[G9] DCLV reads all ones', () => {
    g.write(0x22220, 0);
    expect(g.read(0x22220)).toBe(-1);
  });

  test('[G10] [G11] [G12] tables and mode are in hardware while the VM owns the engines', () => {
    const h = b.hvm(2);
    h.startRing(BCS);
    run(g, BCS, []);
    const mine = b.device.regs.peek(0x22228);
    expect(g.read(0x2229c) & 0x200).toBe(0x200);
    h.submit(BCS, [USER_INTERRUPT]);
    b.run();
    expect(b.vgt.renderOwner).toBe(h.vgpu);
    expect(b.device.regs.peek(0x22228)).not.toBe(mine);
    expect(b.device.regs.peek(0x2229c) & 0x200).toBe(0x200);
    expect(h.read(0x2229c) & 0x200).toBe(0);
    g.mapPpgtt(6, DATA_GFN);
    run(g, BCS, store(0x6000, 7));
    expect(g.peek(DATA_GFN)).toBe(7);
    expect(b.device.regs.peek(0x22228)).toBe(mine);
  });

  test("[G13] a privileged batch in the per-process space is found through the guest's tables", () => {
    // Only the render engine has such: elsewhere the bit of the address space takes privilege.
    g.startRing(RCS);
    g.startPpgtt(RCS);
    g.mapPpgtt(6, DATA_GFN);
    g.poke(BATCH_GFN, [...store(0x6000, 4), BATCH_END]);
    g.submit(RCS, [...batch(0x5000, 0x100), USER_INTERRUPT]);
    b.run();
    expect(g.peek(DATA_GFN)).toBe(4);
    expect(g.vgpu.counters.batchCommands).toBe(2);
  });

  test('the ring loads the directory by command, as i915 does before each request', () => {
    g.startRing(RCS);
    g.write(0x229c, 0x02000200);
    g.write(0x2228, ppDir(g.high + 0x400000));
    g.mapPpgtt(6, DATA_GFN);
    g.poke(BATCH_GFN, [...store(0x6000, 8), BATCH_END]);
    g.submit(RCS, [
      ...lri(0x2220, -1),
      ...lri(0x2228, ppDir(g.high + 0x400000)),
      ...batch(0x5000, NON_PRIVILEGED_PPGTT),
      USER_INTERRUPT,
    ]);
    b.run();
    expect(b.mpt.crashes).toEqual([]);
    expect(g.peek(DATA_GFN)).toBe(8);
  });

  test('[G14] a full guest reset drops the shadows', () => {
    run(g, BCS, []);
    expect(g.vgpu.ppgtt.directories).toBe(1);
    g.write(0x941c, 1);
    expect(g.vgpu.ppgtt.directories).toBe(0);
    expect(g.read(0x2229c) & 0x200).toBe(0);
  });

  test('many directories: more than hardware slots are used one after the other', () => {
    for (let i = 0; i < 6; i++) {
      const at = g.high + 0x400000 + i * 0x200000;
      g.map(at, TABLE_GFN + i);
      g.poke(TABLE_GFN + i, [(BATCH_GFN << 12) | 7, ((DATA_GFN + i) << 12) | 7], 5);
      g.poke(BATCH_GFN, [...store(0x6000, i + 1), BATCH_END]);
      g.submit(BCS, [...lri(0x22228, ppDir(at)), ...batch(0x5000, NON_PRIVILEGED_PPGTT)]);
      b.run();
    }
    expect(b.mpt.crashes).toEqual([]);
    expect([0, 1, 2, 3, 4, 5].map((i) => g.peek(DATA_GFN + i))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('destroying the VM gives all table memory back', () => {
    run(g, BCS, []);
    expect(b.vgt.tables.taken).toBeGreaterThan(0);
    b.vgt.destroyVgpu(1);
    // dom0, which has the engines now, has a directory of its slice.
    expect(b.vgt.renderOwner?.domid).toBe(0);
    expect(b.vgt.tables.taken).toBe(1);
  });

  test("any sequence of table changes and stores agrees with a walk of the guest's own tables", () => {
    g.startRing(RCS);
    const page = fc.integer({ min: 6, max: 9 });
    const frame = fc.integer({ min: 0, max: 5 });
    const op = fc.oneof(
      fc.record({ kind: fc.constant('map' as const), page, frame }),
      fc.record({ kind: fc.constant('unmap' as const), page, frame }),
      fc.record({ kind: fc.constant('store' as const), page, frame }),
    );
    let stamp = 1;
    fc.assert(
      fc.property(fc.array(op, { maxLength: 30 }), (ops) => {
        const map = new Map<number, number>();
        const model = new Map<number, number>();
        for (let p = 6; p < 10; p++) g.poke(TABLE_GFN, [0], p);
        for (const o of ops) {
          if (o.kind === 'map') {
            g.mapPpgtt(o.page, DATA_GFN + o.frame);
            map.set(o.page, o.frame);
          } else if (o.kind === 'unmap') {
            g.poke(TABLE_GFN, [0], o.page);
            map.delete(o.page);
          } else {
            const value = ++stamp;
            run(g, BCS, store(o.page * 4096, value));
            const to = map.get(o.page);
            if (to !== undefined) model.set(to, value);
          }
        }
        for (const [to, value] of model) expect(g.peek(DATA_GFN + to)).toBe(value);
      }),
      { numRuns: 25 },
    );
  });
});
