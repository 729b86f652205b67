import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CapabilityWords, FULL_UNIT, HASWELL_GRAPHICS_UNIT } from './capabilities.ts';
import { translate } from './testing/reference.ts';
import { Rig } from './testing/rig.ts';
import { FSTS, IVT, PFO, PPF, REASON, TE } from './vtd.regs.ts';
import { READ, WRITE } from './walk.ts';

/** Cases of the comparison with the slow walk. */
const RUNS = Number(process.env['XENGT_VTD'] ?? 60);
const REQUESTS = 60;
/** The GPU, 00:02.0. */
const SID = 0x10;
const ROOT = 1,
  CONTEXTS = 2,
  TOP = 3;

/** Tables for one device, three levels below the topmost; gfn n is machine frame n + 0x50. */
function oneDevice(rig: Rig, levels = 4): void {
  rig.put(ROOT, 0, (CONTEXTS << 12) | 1);
  rig.put(CONTEXTS, SID * 2, (TOP << 12) | 1);
  rig.put(CONTEXTS, SID * 2 + 1, (levels - 2) | (7 << 8));
  for (let i = 0; i < levels - 1; i++) rig.put(TOP + i, 0, ((TOP + i + 1) << 12) | READ | WRITE);
  for (let gfn = 0; gfn < 16; gfn++) {
    rig.put(TOP + levels - 1, gfn, ((gfn + 0x50) << 12) | READ | WRITE);
  }
  rig.root(ROOT);
  rig.command(TE);
}

const BOTH = READ | WRITE;

describe('against a slow walk of its own', () => {
  /** A random qword of a table: mostly a pointer to one of 256 frames, now and then anything. */
  function entry(random: () => number): [number, number] {
    const kind = random() % 16;
    if (kind === 0) return [random(), random()];
    let low = ((random() % 256) << 12) | 3;
    let high = 0;
    if (kind < 4) low |= 0x80;
    if (kind === 4) low &= ~(random() % 4);
    if (kind === 5) low |= 0x800;
    if (kind === 6) high = 1 << (random() % 31);
    if (kind === 7) high = random() & 0x7f;
    if (kind === 2) low &= ~0x1ff000;
    return [low, high];
  }

  function fill(rig: Rig, seed: number): () => number {
    let state = seed | 1;
    const random = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    };
    for (let i = 0; i < rig.words.length; i += 2) {
      const [low, high] = entry(random);
      rig.words[i] = low;
      rig.words[i + 1] = high;
    }
    // Root and context entries that lead somewhere, most of the time.
    for (let bus = 0; bus < 2; bus++) {
      const broken = random() % 6;
      const low = broken === 0 ? random() : ((broken === 1 ? 0x12345 : CONTEXTS) << 12) | 1;
      rig.put(ROOT, bus * 2, low);
      rig.put(ROOT, bus * 2 + 1, random() % 12 === 0 ? 1 : 0);
    }
    for (let i = 0; i < 256; i++) {
      const extra = random() % 8 === 0 ? random() & 0xfff : 0;
      rig.put(CONTEXTS, i * 2, ((random() % 260) << 12) | extra | (random() % 16 === 0 ? 0 : 1));
      const odd = random() % 16 === 0 ? random() : 0;
      rig.put(CONTEXTS, i * 2 + 1, (1 + (random() % 3)) | ((i + 1) << 8) | odd);
    }
    return random;
  }

  /** How often each outcome came: none of them may be missing. */
  const seen = new Map<number, number>();

  function run(caps: CapabilityWords, seed: number): void {
    const rig = new Rig(caps);
    const { unit } = rig;
    const random = fill(rig, seed);
    rig.root(ROOT);
    rig.command(TE);
    for (let i = 0; i < REQUESTS; i++) {
      const sid = random() % 512;
      const frame = random() % (i % 4 === 0 ? 2 ** 31 : 2 ** (9 * (1 + (random() % 3))));
      const access = 1 + (random() % 3);
      const wanted = translate(
        (address) => rig.qword(address),
        unit.caps,
        BigInt(ROOT) << 12n,
        sid,
        frame,
        { read: (access & READ) !== 0, write: (access & WRITE) !== 0 },
      );
      const kind = 'mfn' in wanted ? 0 : wanted.reason;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const special = frame >= 0xfee00 && frame < 0xfef00;
      // The second time it may come from what was kept; nothing changed meanwhile.
      for (let again = 0; again < 2; again++) {
        const got = unit.translate(sid, frame, access);
        const faults = rig.faults();
        if (special) expect([got, faults]).toEqual([-1, []]);
        else if ('mfn' in wanted) expect([got, faults]).toEqual([wanted.mfn, []]);
        else {
          const { reason, read, recorded } = wanted;
          expect([got, faults]).toEqual([-1, recorded ? [{ sid, reason, read, frame }] : []]);
        }
      }
      const looked = unit.look(sid, frame);
      expect(rig.faults()).toEqual([]);
      if ('mfn' in wanted && !special && (access & READ) !== 0) expect(looked).toBe(wanted.mfn);
    }
  }

  test.each([
    ["Haswell's unit", HASWELL_GRAPHICS_UNIT],
    ['a unit with everything', FULL_UNIT],
  ])('%s: random tables, malformed and looping ones among them', (_, caps) => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (seed) => run(caps, seed)),
      { numRuns: RUNS },
    );
  });

  test('the cases above have each outcome', () => {
    const all = [...seen.keys()].sort((a, b) => a - b);
    // The root table and the context table always lie in memory there.
    expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12]);
  });
});

describe('translation', () => {
  test('with translation off a frame is itself', () => {
    const rig = new Rig();
    expect(rig.unit.translate(SID, 0x12345, BOTH)).toBe(0x12345);
    expect(rig.unit.counters.requests).toBe(0);
  });

  test('control case: four levels of 4 KiB pages', () => {
    const rig = new Rig();
    oneDevice(rig);
    for (let gfn = 0; gfn < 16; gfn++) {
      expect(rig.unit.translate(SID, gfn, BOTH)).toBe(gfn + 0x50);
    }
    expect(rig.faults()).toEqual([]);
  });

  test('tables of 39 bits where the unit has them; Haswell has 48 bits only', () => {
    const rig = new Rig(FULL_UNIT);
    oneDevice(rig, 3);
    expect(rig.unit.translate(SID, 2, BOTH)).toBe(0x52);
    const haswell = new Rig();
    oneDevice(haswell, 3);
    expect(haswell.unit.translate(SID, 2, BOTH)).toBe(-1);
    expect(haswell.faults()[0]?.reason).toBe(REASON.CONTEXT_INVALID);
  });

  test.each([
    ['2 MiB', 2, 0x200, 0x0e000 * 16],
    ['1 GiB', 1, 0x40000, 0x40000],
  ])('a page of %s, where the unit has them', (_, depth, pages, at) => {
    for (const caps of [FULL_UNIT, HASWELL_GRAPHICS_UNIT]) {
      const rig = new Rig(caps);
      oneDevice(rig);
      rig.put(TOP + depth, 1, (at << 12) | 0x83, at >>> 20);
      const got = rig.unit.translate(SID, pages + 0x17, BOTH);
      if (caps === FULL_UNIT) expect(got).toBe(at + 0x17);
      else {
        expect(got).toBe(-1);
        expect(rig.faults()[0]?.reason).toBe(REASON.ENTRY_RESERVED);
      }
    }
  });

  test('rights are those of all levels together', () => {
    const rig = new Rig();
    oneDevice(rig);
    rig.put(TOP + 1, 0, ((TOP + 2) << 12) | READ);
    expect(rig.unit.translate(SID, 1, READ)).toBe(0x51);
    expect(rig.unit.translate(SID, 1, WRITE)).toBe(-1);
    expect(rig.faults()).toEqual([
      { sid: SID, reason: REASON.NOT_WRITABLE, read: false, frame: 1 },
    ]);
    expect(rig.unit.translate(SID, 1, BOTH)).toBe(-1);
  });

  test('tables that name themselves end after as many reads as there are levels', () => {
    const rig = new Rig();
    oneDevice(rig);
    for (let i = 0; i < 512; i++) rig.put(TOP, i, (TOP << 12) | READ | WRITE);
    for (let i = 0; i < 1000; i++) expect(rig.unit.translate(SID, i * 7919, BOTH)).toBe(TOP);
  });

  test("the interrupt range is nobody's memory, and no fault", () => {
    const rig = new Rig();
    oneDevice(rig);
    expect(rig.unit.translate(SID, 0xfee00, BOTH)).toBe(-1);
    expect(rig.unit.translate(SID, 0xfeeff, BOTH)).toBe(-1);
    expect(rig.faults()).toEqual([]);
    expect(rig.unit.counters.interruptRange).toBe(2);
    expect(rig.unit.translate(SID, 0xfef00, BOTH)).toBe(-1);
    expect(rig.faults()).toHaveLength(1);
  });

  test('two devices of one domain share its translations; another domain has its own', () => {
    const rig = new Rig();
    oneDevice(rig);
    rig.put(CONTEXTS, 0x18 * 2, (TOP << 12) | 1);
    rig.put(CONTEXTS, 0x18 * 2 + 1, 2 | (7 << 8));
    rig.put(CONTEXTS, 0x20 * 2, (0x20 << 12) | 1);
    rig.put(CONTEXTS, 0x20 * 2 + 1, 2 | (8 << 8));
    rig.unit.translate(SID, 3, BOTH);
    const { walks } = rig.unit.counters;
    expect(rig.unit.translate(0x18, 3, BOTH)).toBe(0x53);
    expect(rig.unit.counters.walks).toBe(walks);
    expect(rig.unit.translate(0x20, 3, BOTH)).toBe(-1);
  });
});

describe('what is kept', () => {
  test('a page changed without invalidation stays as it was; each kind of invalidation ends that', () => {
    const flushes: [string, (rig: Rig) => void][] = [
      ['global', (rig) => rig.invalidate()],
      ['the domain', (rig) => rig.write(rig.unit.caps.ivaAt + 12, IVT | (2 << 28) | 7)],
      [
        'the page',
        (rig) => {
          rig.write(rig.unit.caps.ivaAt, 5 << 12);
          rig.write(rig.unit.caps.ivaAt + 4, 0);
          rig.write(rig.unit.caps.ivaAt + 12, IVT | (3 << 28) | 7);
        },
      ],
    ];
    for (const caps of [HASWELL_GRAPHICS_UNIT, FULL_UNIT]) {
      for (const [, flush] of flushes) {
        const rig = new Rig(caps);
        oneDevice(rig);
        expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x55);
        rig.put(TOP + 3, 5, 0);
        expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x55);
        flush(rig);
        expect(rig.unit.translate(SID, 5, BOTH)).toBe(-1);
      }
    }
  });

  test('invalidation by page leaves others; a unit without it takes the whole domain, and says so', () => {
    for (const [caps, done, kept] of [
      [FULL_UNIT, 3, true],
      [HASWELL_GRAPHICS_UNIT, 2, false],
    ] as const) {
      const rig = new Rig(caps);
      oneDevice(rig);
      rig.unit.translate(SID, 5, BOTH);
      rig.unit.translate(SID, 9, BOTH);
      const { ivaAt } = rig.unit.caps;
      rig.write(ivaAt, (4 << 12) | 1);
      rig.write(ivaAt + 12, IVT | (3 << 28) | 7);
      expect((rig.read(ivaAt + 12) >>> 25) & 3).toBe(done);
      expect(rig.read(ivaAt + 12) < 0).toBe(false);
      const { walks } = rig.unit.counters;
      rig.unit.translate(SID, 9, BOTH);
      expect(rig.unit.counters.walks).toBe(kept ? walks : walks + 1);
      rig.unit.translate(SID, 5, BOTH);
      expect(rig.unit.counters.walks).toBe(kept ? walks + 1 : walks + 2);
    }
  });

  test('a context entry stays until contexts are invalidated', () => {
    const rig = new Rig();
    oneDevice(rig);
    expect(rig.unit.translate(SID, 1, BOTH)).toBe(0x51);
    rig.put(CONTEXTS, SID * 2, 0);
    expect(rig.unit.translate(SID, 2, BOTH)).toBe(0x52);
    rig.write(0x28, (SID << 16) | 7);
    rig.write(0x2c, (1 << 31) | (3 << 29));
    expect(rig.read(0x2c) >>> 27).toBe((3 << 2) | 3);
    expect(rig.unit.translate(SID, 2, BOTH)).toBe(-1);
    expect(rig.faults()[0]?.reason).toBe(REASON.CONTEXT_ABSENT);
  });

  test('devices hear of every invalidation, and of translation being switched', () => {
    const rig = new Rig();
    let heard = 0;
    const stop = rig.unit.port(SID).onInvalidate(() => heard++);
    oneDevice(rig);
    expect(heard).toBe(1);
    rig.invalidate();
    expect(heard).toBe(3);
    rig.command(0, TE);
    expect(heard).toBe(4);
    stop();
    rig.invalidate();
    expect(heard).toBe(4);
  });

  test('pages of large frames far apart do not stand in for each other', () => {
    const rig = new Rig(FULL_UNIT);
    oneDevice(rig);
    expect(rig.unit.translate(SID, 1, BOTH)).toBe(0x51);
    expect(rig.unit.translate(SID, 1 + 2 ** 32, BOTH)).toBe(-1);
  });
});

describe('faults', () => {
  test('one record: what comes before it is taken is an overflow, and counted', () => {
    const rig = new Rig();
    oneDevice(rig);
    for (let i = 0; i < 1000; i++) rig.unit.translate(SID, 0x100 + i, BOTH);
    expect(rig.read(FSTS) & 0xff).toBe(PPF | PFO);
    expect(rig.faults()).toEqual([
      { sid: SID, reason: REASON.NOT_READABLE, read: true, frame: 0x100 },
    ]);
    expect(rig.unit.faults.counters).toEqual({ faults: 1000, overflowed: 999, silenced: 0 });
    expect(rig.read(FSTS) & 0xff).toBe(0);
    rig.unit.translate(SID, 0x200, BOTH);
    expect(rig.faults()).toHaveLength(1);
  });

  test('eight records fill in turn; FSTS names the first', () => {
    const rig = new Rig(FULL_UNIT);
    oneDevice(rig);
    for (let i = 0; i < 3; i++) rig.unit.translate(SID, 0x100, BOTH);
    expect(rig.faults()).toHaveLength(3);
    for (let i = 0; i < 9; i++) rig.unit.translate(SID, 0x100 + i, BOTH);
    expect((rig.read(FSTS) >>> 8) & 0xff).toBe(3);
    expect(
      rig
        .faults()
        .map((f) => f.frame)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => 0x100 + i));
  });

  test('the event is sent once until it is handled; masked, it waits', () => {
    const rig = new Rig();
    oneDevice(rig);
    rig.write(0x40, 0xfee00000);
    rig.write(0x3c, 0x31);
    rig.unit.translate(SID, 0x100, BOTH);
    expect(rig.messages).toEqual([]);
    expect(rig.read(0x38) >>> 30).toBe(3);
    rig.write(0x38, 0);
    expect(rig.messages).toEqual([[0xfee00000 | 0, 0x31]]);
    rig.unit.translate(SID, 0x100, BOTH);
    expect(rig.messages).toHaveLength(1);
    rig.faults();
    rig.unit.translate(SID, 0x100, BOTH);
    expect(rig.messages).toHaveLength(2);
  });

  test('an entry that keeps its faults silent is counted only', () => {
    const rig = new Rig();
    oneDevice(rig);
    rig.put(CONTEXTS, SID * 2, (TOP << 12) | 3);
    rig.unit.translate(SID, 0x100, BOTH);
    expect(rig.faults()).toEqual([]);
    expect(rig.unit.faults.counters.silenced).toBe(1);
  });

  test('narrow writes and registers that are not there change nothing', () => {
    const rig = new Rig();
    rig.unit.mmio.write(0x18, 1, -1);
    rig.unit.mmio.write(0x1b, 2, -1);
    for (let at = 0; at < 0x1000; at += 4) if (at < 0x18 || at > 0x200) rig.write(at, -1);
    expect(rig.read(8)).toBe(HASWELL_GRAPHICS_UNIT.cap[0]);
    expect(rig.unit.mmio.read(9, 1)).toBe((HASWELL_GRAPHICS_UNIT.cap[0] >>> 8) & 0xff);
    expect(rig.unit.translate(SID, 5, BOTH)).toBe(5);
  });
});
