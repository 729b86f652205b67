import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { BltBench, header, xy } from '../testing/blt-bench.ts';
import { Blitter } from './blitter.ts';
import { BLT_COMMANDS } from './commands.ts';
import { rop3, ropMasks } from './rop.ts';
import { SETUP_WORDS } from './setup.ts';

// Hundreds of blits by a slow model: seconds where the machine is busy.

const RGBA = 3 << 20;
const BR13 = (3 << 24) | (0xf0 << 16) | 256;
/** Fills 16 x 8 pixels of a surface at 0x4000. */
const FILL = [header(0x50, 6, RGBA), BR13, xy(0, 0), xy(16, 8), 0x4000, 0x11223344];

let b: BltBench;
beforeEach(() => {
  b = new BltBench('straight', 1);
});

const start = (dw: readonly number[], length: number = dw.length): boolean =>
  b.blitter.start(Int32Array.from(dw), length, b.space, 0);

describe('taking commands', () => {
  test('control case: a fill is taken and drawn', () => {
    expect(b.run(FILL)).toBe(true);
    b.check();
    expect(b.blitter.counters).toMatchObject({ operations: 1, fills: 1, refused: 0, bytes: 512 });
  });

  test('the same command one dword short is refused', () => {
    expect(start(FILL, 5)).toBe(false);
    expect(b.blitter.refusal).toBe('too-short');
  });

  test('a second command is refused while the first is drawn', () => {
    expect(start(FILL)).toBe(true);
    expect(start(FILL)).toBe(false);
    expect(b.blitter.refusal).toBe('busy');
    b.blitter.step(1e9);
    expect(start(FILL)).toBe(true);
  });

  test('every opcode that the table lacks is refused, and each that it has is not unknown', () => {
    const known = new Set(BLT_COMMANDS.map((row) => (row.opcode >>> 22) & 0x7f));
    for (let op = 0; op < 128; op++) {
      const blitter = new Blitter(b.memory);
      const taken = blitter.start(new Int32Array(257).fill(header(op, 2), 0, 1), 257, b.space, 0);
      expect([op, taken, blitter.refusal]).toEqual(
        known.has(op) ? [op, true, null] : [op, false, 'unknown-command'],
      );
    }
  });

  test('a header of another client is refused', () => {
    expect(start([(3 << 29) | (0x50 << 22) | 4, ...FILL.slice(1)])).toBe(false);
  });

  const IMM = [header(0x71, 9, RGBA), BR13 ^ (0x3c << 16), xy(0, 0), xy(16, 4), 0x4000, 0, -1];
  test('control case: immediate bits for four rows of 16 suffice', () => {
    expect(start([...IMM, 1, 2])).toBe(true);
  });

  test('one row more and they do not: the hardware would wait for the rest', () => {
    const dw = [...IMM, 1, 2];
    dw[3] = xy(16, 5);
    expect(start(dw)).toBe(false);
    expect(b.blitter.refusal).toBe('immediate-too-short');
    expect(b.blitter.busy).toBe(false);
  });

  test('an immediate pattern that is cut short is refused', () => {
    const dw = [header(0x72, 5 + 63, RGBA), BR13, xy(0, 0), xy(8, 8), 0x4000, ...Array(63).fill(1)];
    expect(start(dw)).toBe(false);
    expect(b.blitter.refusal).toBe('immediate-too-short');
  });

  test('an empty rectangle and an empty write mask draw nothing', () => {
    const before = b.memory.words.map((w) => w.slice());
    expect(start([...FILL.slice(0, 3), xy(0, 8), ...FILL.slice(4)])).toBe(true);
    expect(b.blitter.busy).toBe(false);
    expect(start([header(0x50, 6, 0), ...FILL.slice(1)])).toBe(true);
    expect(b.blitter.busy).toBe(false);
    expect(b.memory.words).toEqual(before);
  });
});

describe('slices', () => {
  test('the largest operation starts at once and takes as many steps as its budget asks', () => {
    // 65535 x 65535 pixels, nearly all of it where nothing is mapped.
    const dw = [header(0x50, 6, RGBA), (3 << 24) | (0xf0 << 16) | 0x7ffc, xy(-0x8000, -0x8000)];
    dw.push(xy(0x7fff, 0x7fff), 0, 1);
    expect(start(dw)).toBe(true);
    for (let i = 0; i < 5; i++) expect(b.blitter.step(1 << 20)).toBe(false);
    expect(b.blitter.lastStepBytes).toBeGreaterThanOrEqual(1 << 20);
    expect(b.blitter.lastStepBytes).toBeLessThan(2 << 20);
    b.blitter.reset();
    expect(b.blitter.busy).toBe(false);
    expect(b.blitter.step(1)).toBe(true);
  });

  test('a state taken between two slices goes on in another blitter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 255 }), (rows, rop) => {
        const bench = new BltBench('torn', rop);
        const color = Array.from({ length: 64 }, (_, i) => i * 0x01020304);
        const br13 = (3 << 24) | (rop << 16) | 256 | (1 << 30);
        bench.run([header(0x03, 3), xy(1, 1), xy(40, 40)]);
        const dw = [header(0x72, 69, RGBA), br13, xy(0, 0), xy(16, 12), 0x4000, ...color];
        const command = Int32Array.from(dw);
        expect(bench.blitter.start(command, dw.length, bench.space, 0)).toBe(true);
        for (let i = 0; i < rows; i++) bench.blitter.step(1);
        const state = JSON.parse(JSON.stringify(bench.blitter.exportState()));
        const other = new Blitter(bench.memory);
        expect(other.importState(state, bench.space)).toBe(null);
        expect(other.exportState()).toEqual(state);
        while (!other.step(1));
        const model = new BltBench('torn', rop);
        model.run([header(0x03, 3), xy(1, 1), xy(40, 40)]);
        model.run(dw);
        model.check();
        const got = bench.memory.words[bench.regions[0] as number] as Int32Array;
        const want = model.memory.words[model.regions[0] as number] as Int32Array;
        expect(got.every((word, i) => word === want[i])).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  test.each([
    [null, 'state is no object'],
    [{ version: 2 }, 'version 2, expected 1'],
    [{ version: 1, setup: [1] }, 'setup is malformed'],
    [{ version: 1, setup: Array(10).fill(0), job: 3 }, 'job is malformed'],
    [
      {
        version: 1,
        setup: Array(10).fill(0),
        job: {
          command: [0],
          swctrl: 0,
          swizzled: false,
          row: 0,
          pattern: Array(64).fill(0),
          opaque: Array(64).fill(1),
        },
      },
      'job.command draws nothing',
    ],
  ])('a state that is not one is refused: %j', (state, why) => {
    expect(b.blitter.importState(state, b.space)).toBe(why);
  });
});

describe('set-up', () => {
  test('it outlives other commands, and a reset clears it', () => {
    const setup = [header(0x01, 8, RGBA), BR13, 0, 0, 0x8000, 0x55, 0x66, 0];
    b.run(setup);
    b.run(FILL);
    b.run([header(0x24, 2), xy(3, 2)]);
    b.check();
    b.blitter.reset();
    expect(b.blitter.exportState().setup.every((n) => n === 0)).toBe(true);
  });
});

describe('two users of one engine', () => {
  const setup = (base: number, color: number): number[] => {
    return [header(0x01, 8, RGBA), BR13, 0, 0, base, color, 0x66, 0];
  };
  const pixel = [header(0x24, 2), xy(3, 2)];
  const drawn = (base: number): number => {
    const words = b.memory.words[b.regions[0] as number] as Int32Array;
    return words[(base + 2 * 256 + 12) / 4] as number;
  };

  test('each finds its own set-up again', () => {
    const [first, second] = [new Int32Array(SETUP_WORDS), new Int32Array(SETUP_WORDS)];
    b.run(setup(0x8000, 0x55));
    b.blitter.setup.save(first);
    b.blitter.setup.restore(second);
    b.run(setup(0xc000, 0x77));
    b.blitter.setup.save(second);
    b.blitter.setup.restore(first);
    expect(start(pixel)).toBe(true);
    b.blitter.step(1e9);
    b.blitter.setup.restore(second);
    expect(start(pixel)).toBe(true);
    b.blitter.step(1e9);
    expect([drawn(0x8000), drawn(0xc000)]).toEqual([0x55, 0x77]);
  });

  test('one that never set it up has what a reset leaves', () => {
    b.run(setup(0x8000, 0x55));
    b.blitter.setup.restore(new Int32Array(SETUP_WORDS));
    const fresh = new Blitter(b.memory);
    expect(b.blitter.exportState().setup).toEqual(fresh.exportState().setup);
  });
});

describe('XY_MONO_PAT_FIXED_BLT', () => {
  const hatch = (n: number): string[] => {
    const dw = [header(0x59, 7, RGBA | (n << 15)), BR13, xy(0, 0), xy(8, 8), 0x4000, 0, 1];
    expect(start(dw)).toBe(true);
    b.blitter.step(1e9);
    const words = b.memory.words[b.regions[0] as number] as Int32Array;
    const rows = Array.from({ length: 8 }, (_, y) =>
      words.subarray(0x1000 + y * 64, 0x1000 + y * 64 + 8),
    );
    return rows.map((row) => [...row].map((v) => (v === 0 ? '.' : '#')).join(''));
  };
  test.each([
    [
      0,
      [
        '........',
        '........',
        '........',
        '########',
        '........',
        '........',
        '........',
        '........',
      ],
    ],
    [1, Array(8).fill('....#...')],
    [
      2,
      [
        '#.......',
        '.#......',
        '..#.....',
        '...#....',
        '....#...',
        '.....#..',
        '......#.',
        '.......#',
      ],
    ],
    [
      3,
      [
        '.......#',
        '......#.',
        '.....#..',
        '....#...',
        '...#....',
        '..#.....',
        '.#......',
        '#.......',
      ],
    ],
    [6, Array(8).fill('........')],
    [15, Array(8).fill('........')],
  ])('hatch %i', (n, rows) => {
    expect(hatch(n)).toEqual(rows);
  });
});

test('all 256 raster operations are their truth tables', () => {
  const m = new Int32Array(8);
  // Bit b of p, s, d spells out the table's index b.
  const [p, s, d] = [0b11110000, 0b11001100, 0b10101010];
  for (let rop = 0; rop < 256; rop++) {
    ropMasks(rop, m);
    expect(rop3(m, p, s, d) & 0xff).toBe(rop);
  }
});

test('no sequence of dwords throws, hangs or writes outside its pages', () => {
  const word = fc.oneof(
    fc.integer(),
    fc.constantFrom(0, 1, -1, 0x7fff_ffff, xy(0, 0), xy(64, 64), 0x4000),
  );
  const op = fc.constantFrom(...BLT_COMMANDS.map((row) => row.opcode));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(op, fc.nat(0x3fffff), fc.array(word, { minLength: 1, maxLength: 80 })), {
        maxLength: 6,
      }),
      fc.nat(3),
      (commands, swctrl) => {
        for (const [opcode, low, rest] of commands) {
          b.blitter.reset();
          const dw = Int32Array.of(opcode | low, ...rest);
          b.blitter.start(dw, dw.length, b.space, swctrl);
          for (let i = 0; i < 3 && !b.blitter.step(5000); i++);
        }
      },
    ),
    { numRuns: 300 },
  );
});
