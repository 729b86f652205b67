import { GM_PAGES, PTE_VALID, pteMfn } from '@xengt/hsw-device';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { CONTEXT_AREAS } from '../partition/reserved.ts';
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
import { CHUNK_PAGES } from './residency.ts';

const RCS = 0;
const BCS = 2;
/** All that there is beside dom0: the VMs' addresses are the same. */
const LOW = 128;
const HIGH = 1132;
const CONTEXT_PAGES = 17;

let b: Bench;
let guests: TestGuest[];
beforeEach(() => {
  b = new Bench({ partition: 'shared' });
  guests = [1, 2, 3].map((domid) => b.hvm(domid, LOW, HIGH));
  for (const g of guests) for (const e of [RCS, BCS]) g.startRing(e);
});
const guest = (i: number): TestGuest => guests[i] as TestGuest;
const window = (gma: number): number => 0x200000 + (gma >>> 12) * 4;

/** Domain of the RAM that an entry of hardware's GTT names; -1 when it is no domain's. */
function domainOf(entry: number): number {
  if ((entry & PTE_VALID) === 0) return -1;
  const domain = pteMfn(entry) / 2 ** 20;
  return domain < 64 ? Math.floor(domain) : -1;
}

/** Every MiB of hardware's GTT has entries of one domain at most: its own, as its copy has them. */
function checkHardware(): void {
  const { pte } = b.device.ggtt;
  const vms = new Map(b.vgt.vms.map((vm) => [vm.domid, vm]));
  for (let first = 0; first < GM_PAGES; first += CHUNK_PAGES) {
    const found = new Set<number>();
    for (let i = first; i < first + CHUNK_PAGES; i++) {
      const domid = domainOf(pte[i] as number);
      if (domid < 0) continue;
      found.add(domid);
      const { residency } = b.vgt;
      const vm = vms.get(domid);
      if (vm === undefined)
        throw new Error(`entry ${i} names memory of VM ${domid}, which is gone`);
      if (pte[i] !== vm.ggtt.machine[i] || !residency.has(vm.ggtt.tag, i)) {
        throw new Error(`entry ${i} is not VM ${domid}'s`);
      }
    }
    if (found.size > 1) throw new Error(`VMs ${[...found]} are mapped side by side`);
  }
}

describe('VMs with the same graphics addresses', () => {
  test('control case: their parts meet', () => {
    const [a, c] = [guest(0).vgpu.slice, guest(1).vgpu.slice];
    expect([a.lowBase, a.highBase]).toEqual([c.lowBase, c.highBase]);
    expect(b.vgt.partition.crowd).toBe(3);
  });

  test('commands, batches, status pages and interrupts of each reach its own memory', () => {
    for (const [i, g] of guests.entries()) {
      g.poke(BATCH_GFN, [...storeGgtt(g.dataGma + 4, 200 + i), BATCH_END]);
      g.submit(BCS, [
        ...storeGgtt(g.dataGma, 100 + i),
        ...batch(g.batchGma),
        // MI_STORE_DATA_INDEX to dword 0x40 of the status page.
        (0x21 << 23) | 1,
        0x100,
        300 + i,
        USER_INTERRUPT,
      ]);
    }
    b.run();
    for (const [i, g] of guests.entries()) {
      expect([g.peek(DATA_GFN), g.peek(DATA_GFN, 1)]).toEqual([100 + i, 200 + i]);
      expect(g.peek(0x20 + BCS, 0x40)).toBe(300 + i);
    }
    expect(b.mpt.crashes).toEqual([]);
    checkHardware();
  });

  test('a status page that was never set, or is null, is the VM its own', () => {
    const [a, c] = [guest(0), guest(1)];
    for (const [g, gfn] of [
      [a, 0x300],
      [c, 0x301],
    ] as const) {
      g.map(g.low, gfn);
      g.submit(BCS, storeGgtt(g.dataGma, 1));
      b.run();
      g.write(0x4280, 0);
      g.submit(BCS, [(0x21 << 23) | 1, 0x100, 7, USER_INTERRUPT]);
      b.run();
    }
    expect([a.peek(0x300, 0x40), c.peek(0x301, 0x40)]).toEqual([7, 7]);
    // While another VM has the engines, and had that MiB.
    a.write(0x4280, 0);
    a.submit(BCS, [(0x21 << 23) | 1, 0x100, 9, USER_INTERRUPT]);
    b.run();
    expect([a.peek(0x300, 0x40), c.peek(0x301, 0x40)]).toEqual([9, 7]);
  });

  test('an address register that becomes null while its VM runs names memory of that VM', () => {
    const [a, c] = [guest(0), guest(1)];
    for (const [g, gfn] of [
      [a, 0x300],
      [c, 0x301],
    ] as const) {
      g.map(g.low, gfn);
      g.map(g.low + 0x300000, 0x310);
      // Every register that holds an address, of each engine: none is null, so none needs MiB 0.
      for (let e = 0; e < 4; e++) {
        g.write(0x4080 + e * 0x100, g.low + 0x300000);
        g.write(g.base(e) + 0x148, g.low + 0x300000);
      }
    }
    // c's entries are in hardware, then a has the engines and needs other MiB only.
    c.submit(BCS, storeGgtt(c.low, 1));
    b.run();
    a.submit(BCS, storeGgtt(a.dataGma, 1));
    b.run();
    expect(b.vgt.residency.has(c.vgpu.ggtt.tag, a.low >>> 12)).toBe(true);
    a.write(0x4280, 0);
    a.submit(BCS, [(0x21 << 23) | 1, 0x100, 7, USER_INTERRUPT]);
    b.run();
    expect([a.peek(0x300, 0x40), c.peek(0x301, 0x40)]).toEqual([7, 0]);
  });

  test("a render context of each one's own is restored from its own memory", () => {
    const image = 0x400;
    for (const [i, g] of guests.entries()) {
      const at = g.low + 0x600000;
      for (let p = 0; p < CONTEXT_PAGES; p++) g.map(at + p * 4096, image + p);
      // CS_GPR0 is part of the context.
      g.submit(RCS, [0x18 << 23, at | 0x101, (0x22 << 23) | 1, 0x2600, 500 + i, USER_INTERRUPT]);
      b.run();
    }
    for (const g of guests) {
      g.submit(RCS, [(0x24 << 23) | 0x400001, 0x2600, g.dataGma, USER_INTERRUPT]);
      b.run();
    }
    expect(guests.map((g) => g.peek(DATA_GFN))).toEqual([500, 501, 502]);
    // Saved when the next context is set: each image is in its own VM's memory.
    for (const g of guests) {
      g.submit(RCS, [0x18 << 23, (g.low + 0x700000) | 0x101]);
      for (let p = 0; p < CONTEXT_PAGES; p++) g.map(g.low + 0x700000 + p * 4096, 0x420 + p);
      b.run();
    }
    const has = (g: TestGuest, value: number): boolean =>
      g.ram.subarray(image * 1024, (image + CONTEXT_PAGES) * 1024).includes(value);
    expect(guests.map((g) => [500, 501, 502].map((v) => has(g, v)))).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ]);
    expect(b.mpt.crashes).toEqual([]);
  });

  test("a processor's aperture shows the VM its own memory, whoever has the engines", () => {
    for (const g of guests) g.submit(BCS, storeGgtt(g.dataGma + 8, 1));
    b.run();
    for (const [i, g] of guests.entries()) g.vgpu.aperture.write32(g.dataGma, 700 + i);
    for (const [i, g] of guests.entries()) {
      expect(g.vgpu.aperture.read32(g.dataGma)).toBe(700 + i);
      expect(g.peek(DATA_GFN)).toBe(700 + i);
    }
  });

  test('a GTT write of one takes effect at once, and for it alone', () => {
    const [a, c] = [guest(0), guest(1)];
    for (const g of [a, c, a]) {
      g.submit(BCS, storeGgtt(g.dataGma, 1));
      b.run();
    }
    const page = a.dataGma >>> 12;
    const before = b.device.ggtt.read(page);
    c.map(c.dataGma, DATA_GFN + 5);
    expect(b.device.ggtt.read(page)).toBe(before);
    c.submit(BCS, storeGgtt(c.dataGma, 2));
    b.run();
    expect([c.peek(DATA_GFN + 5), a.peek(DATA_GFN)]).toEqual([2, 1]);
    // Its owner's go to hardware directly.
    c.map(c.dataGma, DATA_GFN + 6);
    expect(pteMfn(b.device.ggtt.read(page))).toBe(2 * 2 ** 20 + DATA_GFN + 6);
  });

  test('fences are registers of each VM: all 32 for everyone, and none of hardware', () => {
    const [a, c] = [guest(0), guest(1)];
    const tiled = (g: TestGuest): void => {
      g.write(0x100004 + 24, ((g.dataGma + 0xf000) & ~0xfff) | 7);
      g.write(0x100000 + 24, g.dataGma | 1);
    };
    tiled(a);
    a.vgpu.aperture.write32(a.dataGma + 512, 11);
    c.vgpu.aperture.write32(c.dataGma + 512, 22);
    // X tiles are 512 bytes wide: what follows in a row is in the next tile for the VM with the fence.
    expect([a.peek(DATA_GFN + 1), a.peek(DATA_GFN, 128)]).toEqual([11, 0]);
    expect([c.peek(DATA_GFN + 1), c.peek(DATA_GFN, 128)]).toEqual([0, 22]);
    for (let i = 0; i < 32; i++) expect(b.device.regs.peek(0x100000 + i * 8)).toBe(0);
  });

  test('only what is used is exchanged, and nothing while one VM has the engines', () => {
    for (const g of guests) {
      g.submit(BCS, storeGgtt(g.dataGma, 1));
      b.run();
    }
    const { counters } = b.vgt.residency;
    const before = counters.swaps;
    for (let i = 0; i < 10; i++) {
      for (const g of guests) {
        g.submit(BCS, storeGgtt(g.dataGma, i));
        b.run();
      }
    }
    // MiB 0 has the status pages, MiB 2 the data; a slice has 1260.
    expect(counters.swaps - before).toBe(10 * 3 * 2);
    const alone = counters.swaps;
    for (let i = 0; i < 10; i++) {
      guest(2).submit(BCS, storeGgtt(guest(2).dataGma, i));
      b.run();
    }
    expect(counters.swaps).toBe(alone);
  });

  test('VMs that do not meet exchange nothing', () => {
    const two = new Bench({ partition: 'shared' });
    const pair = [1, 2].map((domid) => two.hvm(domid, 64, 448));
    for (let i = 0; i < 5; i++) {
      for (const g of pair) {
        if (i === 0) g.startRing(BCS);
        g.submit(BCS, storeGgtt(g.dataGma, i));
        two.run();
      }
    }
    expect(two.vgt.residency.counters.swaps).toBe(0);
  });

  test('[A18] nothing of a VM that was destroyed stays in the GTT', () => {
    for (const g of guests) {
      g.submit(BCS, storeGgtt(g.dataGma, 1));
      b.run();
    }
    b.vgt.destroyVgpu(3);
    checkHardware();
    expect(b.device.ggtt.read(guest(2).dataGma >>> 12)).toBe(b.vgt.reserved.dummyPte);
    b.vgt.destroyVgpu(1);
    b.vgt.destroyVgpu(2);
    expect(b.device.ggtt.pte.some((entry) => domainOf(entry) > 0)).toBe(false);
  });

  test('a scan that is bypassed has the whole part in hardware', () => {
    const [a, c] = [guest(0), guest(1)];
    for (const g of [a, c]) {
      g.submit(BCS, storeGgtt(g.dataGma, 1));
      b.run();
    }
    b.vgt.submitter.bypassScan = 1 << BCS;
    a.submit(BCS, storeGgtt(a.dataGma, 2));
    b.run();
    expect([a.peek(DATA_GFN), c.peek(DATA_GFN)]).toEqual([2, 1]);
  });
});

test('[A8] fifteen guests and dom0 run at once; a seventeenth is for whoever configures it', () => {
  const many = new Bench({ partition: 'shared', maxVms: 16 });
  const all = Array.from({ length: 15 }, (_, i) => many.hvm(i + 1, 64, 448));
  for (const g of all) for (const e of [RCS, BCS]) g.startRing(e);
  for (const [i, g] of all.entries()) {
    g.submit(BCS, [...storeGgtt(g.dataGma, i + 1), USER_INTERRUPT]);
    g.submit(RCS, [...storeGgtt(g.dataGma + 4, i + 101), USER_INTERRUPT]);
  }
  many.run(2000);
  expect(all.map((g) => [g.peek(DATA_GFN), g.peek(DATA_GFN, 1)])).toEqual(
    all.map((_, i) => [i + 1, i + 101]),
  );
  many.mpt.addDomain(16, 16);
  expect(many.vgt.createVgpu(16, { lowMiB: 64, highMiB: 448, fences: 4 })).toBe('ENOSPC');
});

test('as many VMs as there are save areas run, each with page tables of its own', () => {
  const many = new Bench({ partition: 'shared' });
  const all = Array.from({ length: CONTEXT_AREAS - 1 }, (_, i) => many.hvm(i + 1, 64, 448));
  for (const [i, g] of all.entries()) {
    g.startRing(BCS);
    g.startPpgtt(BCS);
    g.mapPpgtt(5, BATCH_GFN);
    g.mapPpgtt(6, DATA_GFN);
    g.poke(BATCH_GFN, [...store(0x6000, i + 1), BATCH_END]);
    g.submit(BCS, [...batch(0x5000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
  }
  many.run(4000);
  expect(all.map((g) => g.peek(DATA_GFN))).toEqual(all.map((_, i) => i + 1));
  expect(many.vgt.tables.taken).toBeGreaterThanOrEqual(all.length);
  many.mpt.addDomain(CONTEXT_AREAS, 16);
  expect(many.vgt.createVgpu(CONTEXT_AREAS, { lowMiB: 1, highMiB: 0, fences: 1 })).toBe('ENOSPC');
  for (const g of all) expect(many.vgt.destroyVgpu(g.vgpu.domid)).toBeNull();
  // dom0 has the engines now, and the table of its own part with them.
  expect(many.vgt.tables.taken).toBe(1);
});

test('any interleaving of maps, stores and processor accesses agrees with memory of each own', () => {
  const vm = fc.nat(2);
  const page = fc.nat(5);
  const frame = fc.nat(5);
  const op = fc.record({
    kind: fc.constantFrom('map', 'unmap', 'store', 'cpu', 'batch'),
    vm,
    page,
    frame,
  });
  let stamp = 1;
  fc.assert(
    fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
      const maps = guests.map(() => new Map<number, number>());
      const memory = guests.map(() => new Map<number, number>());
      for (const g of guests) {
        for (let p = 0; p < 6; p++) g.write(window(g.dataGma + p * 4096), 0);
        for (let f = 0; f < 6; f++) g.poke(DATA_GFN + f, [0]);
      }
      for (const o of ops) {
        const g = guest(o.vm);
        const map = maps[o.vm] as Map<number, number>;
        const gma = g.dataGma + o.page * 4096;
        const value = ++stamp;
        if (o.kind === 'map') {
          g.map(gma, DATA_GFN + o.frame);
          map.set(o.page, o.frame);
        } else if (o.kind === 'unmap') {
          g.write(window(gma), 0);
          map.delete(o.page);
        } else {
          if (o.kind === 'cpu') g.vgpu.aperture.write32(gma, value);
          else if (o.kind === 'store') g.submit(BCS, storeGgtt(gma, value));
          else {
            g.poke(BATCH_GFN, [...storeGgtt(gma, value), BATCH_END]);
            g.submit(RCS, batch(g.batchGma));
          }
          b.run();
          const to = map.get(o.page);
          if (to !== undefined) (memory[o.vm] as Map<number, number>).set(to, value);
        }
        checkHardware();
      }
      for (const [i, g] of guests.entries()) {
        const want = memory[i] as Map<number, number>;
        for (let f = 0; f < 6; f++) expect(g.peek(DATA_GFN + f)).toBe(want.get(f) ?? 0);
      }
      expect(b.mpt.crashes).toEqual([]);
    }),
    { numRuns: 20 },
  );
});

test('dom0 has a part of its own, which its display can be shown from at any time', () => {
  const dom0 = new TestGuest(b, b.vgt.dom0);
  dom0.map(dom0.dataGma, DATA_GFN);
  for (const g of guests) {
    g.submit(BCS, storeGgtt(g.dataGma, 1));
    b.run();
    expect(pteMfn(b.device.ggtt.read(dom0.dataGma >>> 12))).toBe(DATA_GFN);
  }
});
