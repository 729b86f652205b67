import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeMonitor } from '../monitor/monitor.ts';
import { PORTS } from '../ports.ts';
import { DisplayBench } from '../testing.ts';

const hdmi = makeMonitor({ kind: 'hdmi', mode: '1920x1080' });
const vga = makeMonitor({ kind: 'vga' });
const dp = makeMonitor({ kind: 'dp', mode: '1920x1200' });

/** i915 do_gmbus_xfer in its plain form: write the offset, then read in words of four. */
function gmbusRead(
  bench: DisplayBench,
  pin: number,
  offset: number,
  count: number,
): number[] | null {
  bench.write(0xc5100, pin);
  bench.write(0xc510c, offset);
  bench.write(0xc5104, 0x42000000 | (1 << 16) | 0xa0);
  if ((bench.read(0xc5108) & 0x400) !== 0) {
    bench.write(0xc5104, 0x80000000);
    bench.write(0xc5104, 0);
    return null;
  }
  bench.write(0xc5104, 0x42000000 | (count << 16) | 0xa1);
  const got: number[] = [];
  while (got.length < count) {
    if ((bench.read(0xc5108) & 0x800) === 0) return null;
    const word = bench.read(0xc510c);
    for (let k = 0; k < 4 && got.length < count; k++) got.push((word >>> (k * 8)) & 255);
  }
  bench.write(0xc5104, 0x48000000);
  return got;
}

describe('GMBUS', () => {
  test('every port with a DDC pin answers there, and only there', () => {
    for (const row of PORTS.filter((port) => port.gmbusPin !== 0)) {
      const bench = new DisplayBench();
      bench.display.connect(row.name, row.name === 'E' ? vga : hdmi);
      for (let pin = 0; pin < 7; pin++) {
        const got = gmbusRead(bench, pin, 0, 8);
        expect(got === null).toBe(pin !== row.gmbusPin);
      }
    }
  });

  test('any range of the EDID comes out', () => {
    const bench = new DisplayBench();
    bench.display.connect('B', hdmi);
    fc.assert(
      fc.property(fc.nat(255), fc.integer({ min: 1, max: 256 }), (offset, count) => {
        const want = Array.from({ length: count }, (_, i) => hdmi.edid[(offset + i) & 255]);
        expect(gmbusRead(bench, 5, offset, count)).toEqual(want);
      }),
    );
  });

  test('with wire timing, words arrive after four byte times, with an interrupt when asked', () => {
    const bench = new DisplayBench({ busTiming: true });
    bench.openInterrupts();
    bench.display.connect('B', hdmi);
    bench.take(0xc4000);
    bench.write(0xc5100, 5);
    bench.write(0xc5110, 1);
    bench.write(0xc5104, 0x46000000 | (4 << 16) | 0xa1);
    expect(bench.read(0xc5108) & 0x800).toBe(0);
    bench.clock.advance(400_000);
    expect(bench.read(0xc5108) & 0x800).toBe(0x800);
    expect(bench.take(0xc4000)).toBe(0x20000);
    expect(bench.read(0xc510c)).toBe(0xffffff00);
  });
});

/** A bit-banging I2C master on one GPIO register, as i2c-algo-bit with i915's callbacks. */
class BitMaster {
  readonly #bench: DisplayBench;
  readonly #gpio: number;
  constructor(bench: DisplayBench, gpio: number) {
    this.#bench = bench;
    this.#gpio = gpio;
  }
  #scl(high: boolean): void {
    this.#bench.write(this.#gpio, high ? 1 : 7);
  }
  #sda(high: boolean): void {
    this.#bench.write(this.#gpio, high ? 0x100 : 0x700);
  }
  #sense(): boolean {
    this.#bench.write(this.#gpio, 0x100);
    this.#bench.write(this.#gpio, 0);
    return (this.#bench.read(this.#gpio) & 0x1000) !== 0;
  }
  start(): void {
    this.#sda(true);
    this.#scl(true);
    this.#sda(false);
    this.#scl(false);
  }
  stop(): void {
    this.#sda(false);
    this.#scl(true);
    this.#sda(true);
  }
  send(byte: number): boolean {
    for (let i = 7; i >= 0; i--) {
      this.#sda(((byte >>> i) & 1) !== 0);
      this.#scl(true);
      this.#scl(false);
    }
    this.#sda(true);
    this.#scl(true);
    const acknowledged = !this.#sense();
    this.#scl(false);
    return acknowledged;
  }
  receive(last: boolean): number {
    let byte = 0;
    this.#sda(true);
    for (let i = 0; i < 8; i++) {
      this.#scl(true);
      byte = (byte << 1) | (this.#sense() ? 1 : 0);
      this.#scl(false);
    }
    this.#sda(last);
    this.#scl(true);
    this.#scl(false);
    this.#sda(true);
    return byte;
  }
}

describe('GPIO', () => {
  test('idle lines read high, with and without a monitor', () => {
    const bench = new DisplayBench();
    expect(bench.read(0xc5010) & 0x1010).toBe(0x1010);
    bench.write(0xc5010, 0x707);
    expect(bench.read(0xc5010) & 0x1010).toBe(0);
  });

  test('an EDID is read bit by bit; nobody acknowledges on an empty port', () => {
    const bench = new DisplayBench();
    const master = new BitMaster(bench, 0xc5010);
    master.start();
    expect(master.send(0xa0)).toBe(false);
    master.stop();
    bench.display.connect('E', vga);
    master.start();
    expect(master.send(0xa0)).toBe(true);
    expect(master.send(0)).toBe(true);
    master.start();
    expect(master.send(0xa1)).toBe(true);
    const got = Array.from({ length: 128 }, (_, i) => master.receive(i === 127));
    master.stop();
    expect(got).toEqual([...vga.edid]);
  });
});

/** One AUX request on DDI D. @returns reply bytes; null on a timeout */
function aux(bench: DisplayBench, bytes: readonly number[]): number[] | null {
  for (let r = 0; r * 4 < bytes.length; r++) {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (bytes[r * 4 + i] ?? 0) << (24 - i * 8);
    bench.write(0xe4314 + r * 4, word);
  }
  bench.write(0xe4310, 0xd2000000 | (bytes.length << 20));
  const status = bench.read(0xe4310);
  expect(status & 0x80000000).toBe(0);
  if ((status & 0x10000000) !== 0) return null;
  const size = (status >>> 20) & 31;
  return Array.from({ length: size }, (_, i) => {
    return (bench.read(0xe4314 + (i & ~3)) >>> (24 - (i & 3) * 8)) & 255;
  });
}

describe('AUX', () => {
  test('the EDID is read over I2C in pieces of 16, as drm does', () => {
    const bench = new DisplayBench();
    bench.display.connect('D', dp);
    const got: number[] = [];
    expect(aux(bench, [0x40, 0, 0x50])).toEqual([0]);
    expect(aux(bench, [0x40, 0, 0x50, 0, 0])).toEqual([0]);
    expect(aux(bench, [0x50, 0, 0x50])).toEqual([0]);
    while (got.length < 256) {
      const reply = aux(bench, [0x50, 0, 0x50, 15]) ?? [];
      expect(reply[0]).toBe(0);
      got.push(...reply.slice(1));
    }
    expect(aux(bench, [0x10, 0, 0x50])).toEqual([0]);
    expect(got).toEqual([...dp.edid]);
  });

  test('an I2C address that nobody has is refused', () => {
    const bench = new DisplayBench();
    bench.display.connect('D', dp);
    expect(aux(bench, [0x40, 0, 0x40])).toEqual([0x40]);
  });

  test('a link trains in the driver’s order, and is lost with the source', () => {
    const bench = new DisplayBench();
    bench.display.connect('D', dp);
    const status = (): number[] | undefined => aux(bench, [0x90, 0x02, 0x02, 2])?.slice(1);
    bench.write(0x64340, 0x80040000);
    bench.write(0x64300, 0x80000006);
    aux(bench, [0x80, 0x01, 0x00, 1, 0x0a, 0x84]);
    aux(bench, [0x80, 0x01, 0x02, 4, 0x21, 0, 0, 0, 0]);
    expect(status()).toEqual([0x11, 0x11, 0]);
    aux(bench, [0x80, 0x01, 0x02, 4, 0x22, 0, 0, 0, 0]);
    expect(status()).toEqual([0x77, 0x77, 1]);
    aux(bench, [0x80, 0x01, 0x02, 0, 0]);
    expect(status()).toEqual([0x77, 0x77, 1]);
    bench.write(0x64300, 0x6);
    expect(status()).toEqual([0, 0, 0]);
  });

  test('more lanes or a higher rate than the sink has do not train', () => {
    const bench = new DisplayBench();
    const small = { revision: 0x11, rate: 2.7, lanes: 2 } as const;
    bench.display.connect('D', makeMonitor({ kind: 'dp', dp: small }));
    bench.write(0x64340, 0x80040000);
    bench.write(0x64300, 0x80000006);
    for (const [rate, lanes, wanted] of [
      [10, 2, 0x77],
      [20, 2, 0],
      [10, 4, 0],
    ] as const) {
      aux(bench, [0x80, 0x01, 0x00, 1, rate, lanes]);
      aux(bench, [0x80, 0x01, 0x02, 0, 0x02]);
      expect(aux(bench, [0x90, 0x02, 0x02, 0])?.[1]).toBe(wanted);
    }
  });

  test('the sink has no MST and no downstream port', () => {
    const bench = new DisplayBench();
    bench.display.connect('D', dp);
    expect(aux(bench, [0x90, 0, 0x21, 0])).toEqual([0, 0]);
    expect(aux(bench, [0x90, 0, 0x05, 0])).toEqual([0, 0]);
  });

  test('a picky sink asks for swing and pre-emphasis until it has them', () => {
    const bench = new DisplayBench();
    const picky = { revision: 0x12, rate: 5.4, lanes: 4, swing: 2, preEmphasis: 1 } as const;
    bench.display.connect('D', makeMonitor({ kind: 'dp', dp: picky }));
    bench.write(0x64340, 0x80040000);
    bench.write(0x64300, 0x80000006);
    const status = (): number[] | undefined => aux(bench, [0x90, 0x02, 0x02, 5])?.slice(1);
    aux(bench, [0x80, 0x01, 0x00, 1, 0x14, 0x84]);
    aux(bench, [0x80, 0x01, 0x02, 4, 0x21, 0, 0, 0, 0]);
    expect(status()).toEqual([0, 0, 0, 0, 0x22, 0x22]);
    aux(bench, [0x80, 0x01, 0x03, 3, 2, 2, 2, 1]);
    expect(status()).toEqual([0x11, 0x01, 0, 0, 0x22, 0x22]);
    aux(bench, [0x80, 0x01, 0x03, 3, 2, 2, 2, 2]);
    aux(bench, [0x80, 0x01, 0x02, 0, 0x22]);
    expect(status()).toEqual([0x11, 0x11, 0, 0, 0x66, 0x66]);
    aux(bench, [0x80, 0x01, 0x03, 3, 10, 10, 10, 10]);
    expect(status()).toEqual([0x77, 0x77, 1, 1, 0x66, 0x66]);
  });

  test('every lane count and rate that a sink has trains, and a rate that its cable spoils does not', () => {
    const bench = new DisplayBench();
    const caps = { revision: 0x12, rate: 5.4, lanes: 4, fails: [5.4] } as const;
    bench.display.connect('D', makeMonitor({ kind: 'dp', dp: caps }));
    bench.write(0x64340, 0x80040000);
    bench.write(0x64300, 0x80000006);
    for (const rate of [6, 10, 20]) {
      for (const [lanes, low, high] of [
        [1, 0x07, 0],
        [2, 0x77, 0],
        [4, 0x77, 0x77],
      ] as const) {
        aux(bench, [0x80, 0x01, 0x00, 1, rate, lanes]);
        aux(bench, [0x80, 0x01, 0x02, 0, 0x02]);
        const wanted = rate === 20 ? [0, 0] : [low, high];
        expect(aux(bench, [0x90, 0x02, 0x02, 1])?.slice(1), `${rate} ${lanes}`).toEqual(wanted);
      }
    }
  });

  test('a slow sink puts requests off and handles I2C in parts; nothing is lost', () => {
    const bench = new DisplayBench();
    const slow = { revision: 0x12, rate: 2.7, lanes: 2, deferEvery: 3, partial: 5 } as const;
    const monitor = makeMonitor({ kind: 'dp', dp: slow });
    bench.display.connect('D', monitor);
    let defers = 0;
    const ask = (bytes: readonly number[]): number[] => {
      for (;;) {
        const reply = aux(bench, bytes) ?? [];
        if (reply[0] !== 0x80 && reply[0] !== 0x20) return reply;
        defers++;
      }
    };
    ask([0x40, 0, 0x50]);
    ask([0x40, 0, 0x50, 0, 0]);
    ask([0x50, 0, 0x50]);
    const got: number[] = [];
    while (got.length < 128) {
      const reply = ask([0x50, 0, 0x50, 15]);
      expect(reply.length).toBe(6);
      got.push(...reply.slice(1));
    }
    expect(got.slice(0, 128)).toEqual([...monitor.edid.slice(0, 128)]);
    expect(defers).toBeGreaterThan(10);
    expect(ask([0x40, 0, 0x30, 7, 0, 0, 0, 0, 0, 0, 0, 0])).toEqual([0x40]);
    expect(ask([0x40, 0, 0x50, 6, 1, 2, 3, 4, 5, 6, 7])[0]).not.toBe(0);
    expect(ask([0x60, 0, 0x50])).toEqual([0]);
  });

  test('no message makes it throw, hang or answer more than 20 bytes', () => {
    const bench = new DisplayBench();
    bench.display.connect('D', dp);
    fc.assert(
      fc.property(fc.array(fc.nat(255), { minLength: 1, maxLength: 20 }), (bytes) => {
        const reply = aux(bench, bytes);
        expect((reply ?? []).length).toBeLessThanOrEqual(20);
      }),
    );
  });
});
