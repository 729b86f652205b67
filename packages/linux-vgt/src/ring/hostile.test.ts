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
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';

const RCS = 0;
const BCS = 2;
const SECRET = 0x5ec2e7;
/** XY_COLOR_BLT, 32 bits, ROP F0: 16 x 1 pixels at an address. */
const fill = (gma: number, value: number): number[] => [
  (2 << 29) | (0x50 << 22) | (3 << 20) | 4,
  (3 << 24) | (0xf0 << 16) | 64,
  0,
  (1 << 16) | 16,
  gma,
  value,
];

let b: Bench;
/** The victim, whose memory must neither change nor be read, and the attacker. */
let victim: TestGuest;
let evil: TestGuest;
let before: Int32Array;

beforeEach(() => {
  b = new Bench();
  victim = b.hvm(1);
  evil = b.hvm(2);
  for (const g of [victim, evil]) for (const e of [RCS, BCS]) g.startRing(e);
  victim.submit(RCS, [...storeGgtt(victim.dataGma, SECRET), USER_INTERRUPT]);
  b.run();
  for (let i = 0; i < 1024; i++) victim.ram[DATA_GFN * 1024 + i] = SECRET;
  before = victim.ram.slice();
});

/** The victim's memory is as it was, and its secret is nowhere in the attacker's. */
function untouched(): void {
  b.run();
  expect(victim.ram.every((w, i) => w === before[i])).toBe(true);
  expect(evil.ram.includes(SECRET)).toBe(false);
  expect((b.mpt.ram.get(0) as Int32Array).every((w) => w === 0)).toBe(true);
}

function stopped(): void {
  untouched();
  expect(b.mpt.crashes.map((c) => c.domid)).toEqual([2]);
  expect(victim.vgpu.alive).toBe(true);
  victim.submit(BCS, [...storeGgtt(victim.dataGma + 4096, 1), USER_INTERRUPT]);
  b.run();
  expect(victim.peek(DATA_GFN + 1)).toBe(1);
}

test("control case: the same commands on the attacker's own memory work", () => {
  evil.poke(BATCH_GFN, [...storeGgtt(evil.dataGma, 3), BATCH_END]);
  evil.submit(BCS, [...batch(evil.batchGma), ...fill(evil.dataGma + 4096, 4), USER_INTERRUPT]);
  b.run();
  expect([evil.peek(DATA_GFN), evil.peek(DATA_GFN + 1)]).toEqual([3, 4]);
  expect(b.mpt.crashes).toEqual([]);
});

describe('commands that would leave the VM stop it', () => {
  // biome-ignore format: one attack a line
  const attacks: [string, number, (v: TestGuest) => number[]][] = [
    ['[K1] unknown command', BCS, () => [(0x15 << 23)]],
    ['[K2] MI_UPDATE_GTT', BCS, (v) => [(0x23 << 23), v.dataGma, 0]],
    ['a command of another engine', BCS, () => [0x7a000002, 0, 0, 0]],
    ['MI_STORE_DATA_IMM', BCS, (v) => storeGgtt(v.dataGma, 1)],
    ['MI_STORE_DATA_IMM over the end of the slice', BCS, () => storeGgtt(evil.low + (16 << 20) - 4, 1)],
    ['MI_FLUSH_DW', BCS, (v) => [(0x26 << 23) | 0x4000 | 2, v.dataGma | 4, 1, 0]],
    ['PIPE_CONTROL', RCS, (v) => [0x7a000003, 0x1004000, v.dataGma, 1, 0]],
    ['MI_STORE_REGISTER_MEM', RCS, (v) => [(0x24 << 23) | 0x400000 | 1, 0x2600, v.dataGma, 0]],
    ['MI_LOAD_REGISTER_MEM', RCS, (v) => [(0x29 << 23) | 0x400000 | 1, 0x2600, v.dataGma, 0]],
    ['MI_SET_CONTEXT', RCS, (v) => [(0x18 << 23), v.dataGma | 0x100]],
    ['MI_SET_CONTEXT over the end', RCS, () => [(0x18 << 23), (evil.low + (16 << 20) - 0x1000) | 0x100]],
    ['MI_CONDITIONAL_BATCH_BUFFER_END', BCS, (v) => [(0x36 << 23) | 0x400000 | 1, 0, v.dataGma, 0]],
    ['a privileged batch', BCS, (v) => batch(v.dataGma)],
    ['LRI of the page directory', BCS, (v) => lri(0x22228, ppDir(v.high))],
    ['LRI of another engine\'s page directory', BCS, () => lri(0x2228, ppDir(evil.high))],
    ['LRI of GFX_MODE', BCS, () => lri(0x2229c, 0x02000000)],
    ['LRI of RING_START', BCS, () => lri(0x22038, 0)],
    ['LRI of the status page', BCS, () => lri(0x4280, 0)],
    ['LRI of a fence', BCS, () => lri(0x100000, 1)],
    ['LRI of a display register', BCS, () => lri(0x7019c, 0)],
    ['LRI of GDRST', BCS, () => lri(0x941c, 1)],
    ['LRI of a GTT entry', BCS, () => lri(0x200000, 1)],
    ['LRI whose second pair is forbidden', RCS, () => [(0x22 << 23) | 3, 0x2600, 1, 0x941c, 1]],
    ['MI_LOAD_REGISTER_REG to a forbidden register', RCS, () => [(0x2a << 23) | 1, 0x2600, 0x941c]],
    ['a command cut off by TAIL', BCS, () => [(0x20 << 23) | 0x400000 | 2, 0]],
    ['MI_BATCH_BUFFER_END in a ring', BCS, () => [BATCH_END]],
    ['PIPE_CONTROL that writes a forbidden register', RCS, () => [0x7a000003, 0x800000, 0x941c, 1, 0]],
    ['LRI of some bytes of a register', BCS, () => [(0x22 << 23) | 0x100 | 1, 0x22200, 1]],
    ['a privileged batch at an offset', BCS, () => batch(evil.batchGma, 0x10000)],
    ['a store too short for its address', BCS, () => [(0x20 << 23) | 0x400000, 0, 0, 0]],
    ['MI_STORE_URB_MEM', RCS, (v) => [(0x2d << 23) | 1, 0, v.dataGma, 0]],
    ['[K5] a second level batch from a ring', BCS, () => batch(evil.batchGma, 0x400000)],
  ];
  test.each(attacks)('%s', (_name, engine, commands) => {
    const tail = b.device.regs.peek(evil.base(engine) + 0x30);
    evil.submit(engine, commands(victim));
    if (evil.vgpu.loaded) expect(b.device.regs.peek(evil.base(engine) + 0x30)).toBe(tail);
    stopped();
  });

  test('[K4] the same inside a privileged batch, also behind a chain', () => {
    evil.poke(BATCH_GFN, batch(evil.batchGma + 0x2000));
    evil.poke(BATCH_GFN + 2, [...storeGgtt(victim.dataGma, 1), BATCH_END]);
    evil.submit(BCS, batch(evil.batchGma));
    stopped();
  });

  test('registers: ring, CCID and page directory outside the slice', () => {
    for (const [offset, value] of [
      [0x2180, 0x1001],
      [0x2228, ppDir(b.guest0().high)],
    ] as const) {
      const c = new Bench();
      const g = c.hvm(2);
      g.write(offset, value);
      expect(c.mpt.crashes).toHaveLength(1);
    }
    evil.write(0x12038, victim.low);
    evil.write(0x1203c, 0x3001);
    stopped();
  });
});

describe('what is not checked cannot leave the VM either', () => {
  test('[K3] a batch without privilege: GGTT bits and registers are refused by hardware', () => {
    evil.startPpgtt(BCS);
    evil.mapPpgtt(5, BATCH_GFN);
    evil.poke(BATCH_GFN, [
      ...storeGgtt(victim.dataGma, 1),
      ...lri(0x22228, ppDir(victim.high)),
      ...lri(0x2229c, 0x02000000),
      ...fill(victim.dataGma, 1),
      BATCH_END,
    ]);
    evil.submit(BCS, [...batch(0x5000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
    untouched();
    expect(b.mpt.crashes).toEqual([]);
    expect(evil.vgpu.batchesSkipped.count).toBe(1);
  });

  test("a batch without privilege cannot run another VM's memory as commands", () => {
    evil.startPpgtt(BCS);
    evil.mapPpgtt(5, BATCH_GFN);
    evil.mapPpgtt(6, DATA_GFN);
    victim.poke(DATA_GFN, [...store(0x6000, SECRET), BATCH_END]);
    before = victim.ram.slice();
    evil.poke(BATCH_GFN, [...batch(victim.dataGma), BATCH_END]);
    evil.submit(BCS, [...batch(0x5000, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
    untouched();
  });

  test("without a PPGTT, addresses of commands are of the VM's slice only", () => {
    evil.submit(BCS, [
      ...store(victim.dataGma, 1),
      ...fill(victim.dataGma, 1),
      ...fill(evil.dataGma, 9),
      USER_INTERRUPT,
    ]);
    untouched();
    expect(evil.peek(DATA_GFN)).toBe(9);
  });

  test('page tables that name frames the VM does not have map nothing', () => {
    evil.startPpgtt(BCS);
    // 1 << 20 frames further on lies the next domain's memory.
    evil.poke(0x80, [(DATA_GFN << 12) | 7 | 0x10, (0xfffff << 12) | 0x7f7], 6);
    evil.submit(BCS, [...fill(0x6000, 1), ...fill(0x7000, 1), USER_INTERRUPT]);
    untouched();
    expect(evil.vgpu.ppgtt.counters.misses).toBeGreaterThan(0);
  });

  test("a directory made of ordinary GTT entries is walked as tables of the VM's own", () => {
    // The attacker's "table" page holds machine addresses of the victim's data.
    const mfn = victim.vgpu.ggtt.mfn(DATA_GFN);
    evil.startPpgtt(BCS);
    evil.poke(0x80, [(mfn << 12) | ((mfn >>> 16) & 0x7f0) | 7], 6);
    evil.submit(BCS, [...fill(0x6000, 1), USER_INTERRUPT]);
    untouched();
  });

  test('a ring and a batch changed after TAIL run as they were checked', () => {
    evil.poke(BATCH_GFN, [...storeGgtt(evil.dataGma, 3), BATCH_END]);
    evil.submit(BCS, [...batch(evil.batchGma), ...storeGgtt(evil.dataGma + 8, 4), USER_INTERRUPT]);
    expect(evil.vgpu.loaded).toBe(true);
    evil.poke(BATCH_GFN, [...storeGgtt(victim.dataGma, 1), BATCH_END]);
    evil.poke(0x18, [...batch(evil.batchGma), ...storeGgtt(victim.dataGma, 1), USER_INTERRUPT]);
    untouched();
    expect([evil.peek(DATA_GFN), evil.peek(DATA_GFN, 2)]).toEqual([3, 4]);
  });

  test('GTT entries outside the slice change nothing in hardware', () => {
    const index = victim.dataGma >>> 12;
    const entry = b.device.ggtt.read(index);
    evil.map(victim.dataGma, DATA_GFN);
    expect(b.device.ggtt.read(index)).toBe(entry);
    expect(evil.read(0x200000 + index * 4)).toBe((DATA_GFN << 12) | 7);
  });

  test('the aperture outside the slice reads all ones and drops writes', () => {
    expect(evil.vgpu.aperture.read(victim.dataGma, 4)).toBe(-1);
    evil.vgpu.aperture.write(victim.dataGma, 4, 1);
    for (const reserved of [b.vgt.reserved.ring(0), b.vgt.reserved.base]) {
      expect(evil.vgpu.aperture.read(reserved, 4)).toBe(-1);
    }
    untouched();
  });

  test('its display engine sees nothing of another VM', () => {
    expect(evil.vgpu.ggtt.space.read32(victim.dataGma)).toBe(0);
    expect(victim.vgpu.ggtt.space.read32(victim.dataGma)).toBe(SECRET);
  });
});

// Fifteen whole machines are made: generous, for busy ones.
test('whatever a ring holds, nothing is thrown and no other VM changes', {
  timeout: 60_000,
}, () => {
  const dword = fc.oneof(
    fc.integer(),
    fc.constantFrom(
      ...[0x20, 0x22, 0x24, 0x26, 0x29, 0x2a, 0x31, 0x18, 0x23].map((op) => (op << 23) | 0x400001),
    ),
    fc.constantFrom(0x2228, 0x2229c, 0x941c, 0x4080),
    fc.nat(1 << 28),
  );
  fc.assert(
    fc.property(
      fc.array(dword, { minLength: 2, maxLength: 64 }),
      fc.constantFrom(RCS, BCS),
      (list, engine) => {
        const c = new Bench();
        const [v, e] = [c.hvm(1), c.hvm(2)];
        v.poke(DATA_GFN, [SECRET]);
        v.startRing(engine);
        e.startRing(engine);
        e.poke(BATCH_GFN, list);
        e.submit(engine, [...batch(e.batchGma), ...list]);
        c.run(20);
        expect(v.peek(DATA_GFN)).toBe(SECRET);
        expect(v.ram.filter((w) => w !== 0)).toHaveLength(1);
      },
    ),
    { numRuns: 15 },
  );
});
