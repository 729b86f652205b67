import { IsaVga } from '../isa-vga.ts';
import { DISPI_PORTS, VGA_MONO_PORTS, VGA_PORTS } from '../vga.regs.ts';

/** A legacy mode, by the registers in which modes differ: SR01 on, GR00 on, CR by index, AR10. */
export interface LegacyMode {
  readonly sr: readonly number[];
  readonly gr: readonly number[];
  readonly cr: Readonly<Record<number, number>>;
  readonly ar10: number;
}

/** A guest's hands on an adapter: its instructions, without a processor. */
export class VgaGuest {
  readonly memory: Uint8Array;
  readonly vga: IsaVga;
  limit = { width: 2560, height: 1600 };

  constructor(bytes: number = 1 << 20) {
    this.memory = new Uint8Array(bytes);
    this.vga = new IsaVga({ memory: this.memory, limit: () => this.limit });
  }

  out(port: number, value: number, size: 1 | 2 = 1): void {
    this.#target(port)[0].write(this.#target(port)[1], size, value);
  }

  in(port: number, size: 1 | 2 = 1): number {
    const [target, offset] = this.#target(port);
    return target.read(offset, size);
  }

  #target(port: number): readonly [IsaVga['ports'], number] {
    if (port >= VGA_PORTS.port) return [this.vga.ports, port - VGA_PORTS.port];
    if (port >= VGA_MONO_PORTS.port) return [this.vga.monoPorts, port - VGA_MONO_PORTS.port];
    return [this.vga.dispiPorts, port - DISPI_PORTS.port];
  }

  /** Index and data in one word, as every driver writes them. */
  set(indexPort: number, index: number, value: number): void {
    this.out(indexPort, index | (value << 8), 2);
  }

  attribute(index: number, value: number): void {
    this.in(0x3da);
    this.out(0x3c0, index);
    this.out(0x3c0, value);
  }

  dispi(index: number, value: number): void {
    this.out(0x1ce, index, 2);
    this.out(0x1cf, value, 2);
  }

  dispiRead(index: number): number {
    this.out(0x1ce, index, 2);
    return this.in(0x1cf, 2);
  }

  poke(gpa: number, value: number): void {
    this.vga.memory.write(gpa - 0xa0000, 1, value);
  }

  peek(gpa: number): number {
    return this.vga.memory.read(gpa - 0xa0000, 1);
  }

  /** A legacy mode, by the registers in which modes differ. */
  mode(m: LegacyMode): void {
    this.out(0x3c2, 0x67);
    m.sr.forEach((value, i) => {
      this.set(0x3c4, i + 1, value);
    });
    this.set(0x3d4, 0x11, 0);
    this.set(0x3d4, 0, 0x5f);
    this.set(0x3d4, 0x18, 0xff);
    for (const [index, value] of Object.entries(m.cr)) this.set(0x3d4, Number(index), value);
    m.gr.forEach((value, i) => {
      this.set(0x3ce, i, value);
    });
    for (let i = 0; i < 16; i++) this.attribute(i, i);
    this.attribute(0x10, m.ar10);
    this.attribute(0x12, 0x0f);
    this.attribute(0x13, 0);
    this.in(0x3da);
    this.out(0x3c0, 0x20);
    this.out(0x3c8, 0);
    // Colour i of the palette: red 4i, green i, blue 63 - i.
    for (let i = 0; i < 64; i++) for (const v of [(i * 4) & 63, i, 63 - i]) this.out(0x3c9, v);
  }

  /** The picture as 0xbbggrr numbers. */
  picture(): { width: number; height: number; at: (x: number, y: number) => number } {
    const size = this.vga.screen();
    if (size === null) throw new Error('no picture');
    const pixels = new Uint32Array(size.width * size.height);
    if (!this.vga.scanOut(pixels)) throw new Error('not drawn');
    return { ...size, at: (x, y) => (pixels[y * size.width + x] as number) & 0xffffff };
  }

  /** What {@link mode} makes of a palette entry. */
  static colour(i: number): number {
    const wide = (v: number): number => (v << 2) | (v >> 4);
    return wide((i * 4) & 63) | (wide(i) << 8) | (wide(63 - i) << 16);
  }
}

/** CR07 with bit 8 of the line compare. */
const TALL = { 0x07: 0x1f, 0x12: 0x8f, 0x09: 0x4f, 0x18: 0xff };

/** IBM's modes 3, 12h, 13h and 4, as far as a picture depends on them. */
export const MODES: Readonly<Record<'text' | 'planes' | 'packed' | 'pairs', LegacyMode>> = {
  text: {
    sr: [0, 3, 0, 2],
    gr: [0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff],
    cr: { ...TALL, 0x01: 0x4f, 0x0a: 0x20, 0x13: 0x28, 0x17: 0xa3 },
    ar10: 0x0c,
  },
  planes: {
    sr: [1, 15, 0, 6],
    gr: [0, 0, 0, 0, 0, 0, 5, 15, 0xff],
    cr: { ...TALL, 0x01: 0x4f, 0x07: 0x3e, 0x12: 0xdf, 0x09: 0x40, 0x13: 0x28, 0x17: 0xe3 },
    ar10: 0x01,
  },
  packed: {
    sr: [1, 15, 0, 14],
    gr: [0, 0, 0, 0, 0, 0x40, 5, 15, 0xff],
    cr: { ...TALL, 0x01: 0x4f, 0x09: 0x41, 0x13: 0x28, 0x17: 0xa3 },
    ar10: 0x41,
  },
  pairs: {
    sr: [9, 3, 0, 2],
    gr: [0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff],
    cr: { ...TALL, 0x01: 0x27, 0x09: 0xc1, 0x13: 0x14, 0x17: 0xa2 },
    ar10: 0x01,
  },
};
