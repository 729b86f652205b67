import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MODES, VgaGuest } from './testing/vga-guest.ts';

const { colour } = VgaGuest;

describe('the display interface', () => {
  test('[U8] index 0xb is the high half of 0xe0000000, where the frame buffer lies', () => {
    const g = new VgaGuest(8 << 20);
    expect(g.dispiRead(0xb)).toBe(0xe000);
    expect(g.dispiRead(0xa)).toBe(128);
    expect(g.dispiRead(0)).toBe(0xb0c5);
  });

  test('a linear mode shows the memory, at each depth', () => {
    const g = new VgaGuest();
    g.mode(MODES.packed);
    const show = (bpp: number, bytes: readonly number[]): number => {
      g.dispi(4, 0);
      g.dispi(1, 320);
      g.dispi(2, 200);
      g.dispi(3, bpp);
      g.dispi(4, 0x41);
      g.memory.set(bytes, 3 * ((320 * ((bpp + 7) & ~7)) / 8));
      const p = g.picture();
      expect([p.width, p.height]).toEqual([320, 200]);
      return p.at(0, 3);
    };
    expect(show(32, [0x30, 0x20, 0x10, 0])).toBe(0x302010);
    expect(show(24, [0x30, 0x20, 0x10])).toBe(0x302010);
    expect(show(16, [0xe0, 0x07])).toBe(0x00ff00);
    expect(show(15, [0x00, 0x7c])).toBe(0x0000ff);
    expect(show(8, [5])).toBe(colour(5));
  });

  test('what does not fit is made to: the monitor, the memory, whole characters', () => {
    const g = new VgaGuest(1 << 20);
    g.limit = { width: 1366, height: 768 };
    g.dispi(4, 2);
    expect([g.dispiRead(1), g.dispiRead(2), g.dispiRead(3)]).toEqual([1360, 768, 32]);
    g.dispi(4, 0);
    g.dispi(1, 643);
    g.dispi(2, 4000);
    g.dispi(3, 32);
    g.dispi(4, 0x41);
    expect([g.dispiRead(1), g.dispiRead(2)]).toEqual([640, 409]);
    g.dispi(9, 5000);
    expect(g.dispiRead(9)).toBe(0);
    g.dispi(3, 77);
    expect(g.dispiRead(3)).toBe(8);
  });

  test('panning moves the picture, and clearing is left out when asked', () => {
    const g = new VgaGuest();
    g.mode(MODES.packed);
    g.memory.fill(0x11);
    for (const [i, v] of [
      [1, 64],
      [2, 48],
      [3, 32],
      [4, 0xc1],
    ] as const)
      g.dispi(i, v);
    expect(g.picture().at(0, 0)).toBe(0x111111);
    g.dispi(6, 128);
    g.memory.fill(0x22, (10 * 128 + 8) * 4);
    g.dispi(9, 10);
    g.dispi(8, 8);
    expect(g.picture().at(0, 0)).toBe(0x222222);
    g.dispi(4, 0);
    g.dispi(4, 0x41);
    expect(g.memory[0]).toBe(0);
  });

  test('a bank of 64 KiB shows at 0xa0000', () => {
    const g = new VgaGuest();
    for (const [i, v] of [
      [1, 640],
      [2, 200],
      [3, 32],
      [4, 0x41],
      [5, 3],
    ] as const)
      g.dispi(i, v);
    g.poke(0xa0004, 0x77);
    expect(g.memory[0x30004]).toBe(0x77);
    expect(g.peek(0xa0004)).toBe(0x77);
  });
});

describe('legacy modes', () => {
  test('text: a character of the font in its colours, and the cursor', () => {
    const g = new VgaGuest();
    g.mode(MODES.text);
    // The font is in plane 2, 32 bytes a character.
    g.memory[(0x41 * 32 + 4) * 4 + 2] = 0b1000_0001;
    g.poke(0xb8000 + 2, 0x41);
    g.poke(0xb8000 + 3, 0x1e);
    const p = g.picture();
    expect([p.width, p.height]).toEqual([720, 400]);
    const row = [8, 9, 10, 15, 16, 17, 18].map((x) => p.at(x, 4));
    const [front, back] = [colour(14), colour(1)];
    expect(row).toEqual([colour(0), front, back, back, front, back, colour(0)]);
    g.set(0x3d4, 0x0a, 13);
    g.set(0x3d4, 0x0b, 14);
    g.set(0x3d4, 0x0f, 1);
    expect([12, 13, 14, 15].map((y) => g.picture().at(9, y) === front)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('four planes: a pixel has a bit in each', () => {
    const g = new VgaGuest();
    g.mode(MODES.planes);
    g.set(0x3c4, 2, 0b0101);
    g.poke(0xa0000 + 80 + 1, 0x80);
    const p = g.picture();
    expect([p.width, p.height]).toEqual([640, 480]);
    expect([p.at(7, 1), p.at(8, 1), p.at(8, 2)]).toEqual([colour(0), colour(5), colour(0)]);
  });

  test('256 colours at 320 by 200: each pixel four dots', () => {
    const g = new VgaGuest();
    g.mode(MODES.packed);
    g.poke(0xa0000 + 320 * 2 + 3, 9);
    const p = g.picture();
    expect([p.width, p.height]).toEqual([640, 400]);
    expect([p.at(6, 4), p.at(7, 5), p.at(8, 4)]).toEqual([colour(9), colour(9), colour(0)]);
  });

  test('two bits a pixel: odd lines 8 KiB after the even ones', () => {
    const g = new VgaGuest();
    g.mode(MODES.pairs);
    g.poke(0xb8000, 0b01_10_11_00);
    g.poke(0xba000 + 1, 0b11_00_00_00);
    g.poke(0xb8000 + 80, 0b10_00_00_00);
    const p = g.picture();
    expect([p.width, p.height]).toEqual([640, 400]);
    expect([0, 2, 4, 6].map((x) => p.at(x, 0))).toEqual([1, 2, 3, 0].map(colour));
    expect(p.at(8, 2)).toBe(colour(3));
    expect(p.at(0, 4)).toBe(colour(2));
  });

  test('below the line compare the picture begins at address 0 again', () => {
    const g = new VgaGuest();
    g.mode(MODES.planes);
    g.set(0x3d4, 0x0c, 0x40);
    g.poke(0xa0000, 0x80);
    expect(g.picture().at(0, 101)).toBe(colour(0));
    g.set(0x3d4, 0x18, 100);
    g.set(0x3d4, 0x07, 0x2e);
    g.set(0x3d4, 0x09, 0);
    expect([g.picture().at(0, 100), g.picture().at(0, 101)]).toEqual([colour(0), colour(15)]);
  });

  test('a screen that is off is black, and one without a mode is none', () => {
    const g = new VgaGuest();
    expect(g.vga.screen()).toBeNull();
    g.mode(MODES.packed);
    expect(g.picture().at(0, 0)).toBe(colour(0));
    g.set(0x3c4, 1, 0x21);
    expect(g.picture().at(0, 0)).toBe(0);
  });

  test('[U13] registers are behind their ports: protected, latched, in colour or monochrome', () => {
    const g = new VgaGuest();
    g.mode(MODES.text);
    g.set(0x3d4, 0x11, 0x80);
    g.set(0x3d4, 1, 0x12);
    g.out(0x3d4, 1);
    expect(g.in(0x3d5)).toBe(0x4f);
    expect(g.in(0x3b5)).toBe(0xff);
    g.out(0x3c2, 0x66);
    expect([g.in(0x3b5), g.in(0x3d5), g.in(0x3cc)]).toEqual([0x4f, 0xff, 0x66]);
    const [first, second] = [g.in(0x3ba), g.in(0x3ba)];
    expect(first ^ second).toBe(9);
    g.out(0x3c7, 2);
    expect([g.in(0x3c9), g.in(0x3c9), g.in(0x3c9), g.in(0x3c7)]).toEqual([8, 2, 61, 3]);
  });
});

/** The planes one bit at a time, as IBM's block diagram has them. */
function slowWrite(
  gr: readonly number[],
  planes: number,
  latch: readonly number[],
  value: number,
): number[] {
  const [setReset, enable, , rotation, , mode, , , bitMask] = gr as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const count = rotation & 7;
  const bit = (v: number, i: number): number => (v >> i) & 1;
  return latch.map((old, plane) => {
    let out = 0;
    for (let i = 0; i < 8; i++) {
      const rotated = bit(value, (i + count) & 7);
      const was = bit(old, i);
      let data = rotated;
      let masked = bit(bitMask, i);
      if ((mode & 3) === 0 && bit(enable, plane)) data = bit(setReset, plane);
      if ((mode & 3) === 2) data = bit(value, plane);
      if ((mode & 3) === 3) {
        data = bit(setReset, plane);
        masked &= rotated;
      }
      const how = (rotation >> 3) & 3;
      if (how === 1) data &= was;
      if (how === 2) data |= was;
      if (how === 3) data ^= was;
      let result = masked ? data : was;
      if ((mode & 3) === 1) result = was;
      out |= result << i;
    }
    return bit(planes, plane) ? out : -1;
  });
}

test('writes to the planes agree with a model that does them bit by bit', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const nibble = fc.integer({ min: 0, max: 15 });
  fc.assert(
    fc.property(
      nibble,
      nibble,
      fc.integer({ min: 0, max: 31 }),
      fc.integer({ min: 0, max: 3 }),
      byte,
      nibble,
      fc.tuple(byte, byte, byte, byte),
      byte,
      (set, enable, rotation, mode, mask, planes, old, value) => {
        const g = new VgaGuest(1 << 18);
        g.set(0x3c4, 4, 6);
        g.memory.set(old, 40);
        const gr = [set, enable, 0, rotation, 0, mode, 5, 0, mask];
        gr.forEach((v, i) => {
          g.set(0x3ce, i, v);
        });
        g.set(0x3c4, 2, planes);
        g.peek(0xa0000 + 10);
        g.poke(0xa0000 + 10, value);
        const want = slowWrite(gr, planes, old, value).map((v, i) =>
          v < 0 ? (old[i] as number) : v,
        );
        expect([...g.memory.subarray(40, 44)]).toEqual(want);
      },
    ),
    { numRuns: 500 },
  );
});

test('a read that compares has a bit for each pixel of the colour', () => {
  const g = new VgaGuest(1 << 18);
  g.set(0x3c4, 4, 6);
  g.set(0x3ce, 6, 5);
  g.memory.set([0b1100, 0b1010, 0, 0xff], 0);
  g.set(0x3ce, 5, 8);
  g.set(0x3ce, 2, 0b0011);
  g.set(0x3ce, 7, 0b0011);
  expect(g.peek(0xa0000)).toBe(0b1000);
  g.set(0x3ce, 7, 0b1111);
  expect(g.peek(0xa0000)).toBe(0);
});

test('a state taken back shows the same picture, and one that is none changes nothing', () => {
  const g = new VgaGuest();
  g.mode(MODES.text);
  g.poke(0xb8000, 0x41);
  const other = new VgaGuest();
  other.memory.set(g.memory);
  const state = g.vga.exportState();
  expect(other.vga.importState({ ...state, crtc: [] })).toMatch(/crtc/);
  expect(other.vga.screen()).toBeNull();
  expect(other.vga.importState(JSON.parse(JSON.stringify(state)))).toBeNull();
  expect(other.vga.exportState()).toEqual(state);
  expect(other.picture().at(9, 3)).toBe(g.picture().at(9, 3));
});

test('nothing a guest writes throws, and every picture is drawn', () => {
  const access = fc.tuple(
    fc.constantFrom(
      0x1ce,
      0x1cf,
      0x3b4,
      0x3c0,
      0x3c2,
      0x3c4,
      0x3c8,
      0x3ce,
      0x3d4,
      0x3d5,
      0xa0000,
      0xb8001,
    ),
    fc.integer({ min: 0, max: 0xffff }),
    fc.constantFrom(1 as const, 2 as const),
  );
  const out = new Uint32Array(4608 * 1024);
  fc.assert(
    fc.property(fc.array(access, { maxLength: 200 }), (accesses) => {
      const g = new VgaGuest(1 << 18);
      for (const [at, value, size] of accesses) {
        if (at >= 0xa0000) g.poke(at, value & 0xff);
        else g.out(at, value, size);
      }
      const size = g.vga.screen();
      expect(g.vga.scanOut(out)).toBe(size !== null);
    }),
    { numRuns: 60 },
  );
});
