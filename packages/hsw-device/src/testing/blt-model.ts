// The blitter once more, for tests: one pixel at a time, one byte at a time, straight from the
// manual's sentences, sharing nothing with the engine but the opcode numbers.

/** Memory as the model sees it: bytes by graphics address; faults read 0 and drop writes. */
export interface ModelMemory {
  read(gma: number): number;
  write(gma: number, byte: number): void;
}

/** The built-in hatches as conditions on column and row, 0 to 7; those not here are blank. */
const HATCHES: readonly (((x: number, y: number) => boolean) | undefined)[] = [
  (_, y) => y === 3,
  (x) => x === 4,
  (x, y) => x === y,
  (x, y) => x + y === 7,
  (x, y) => x === 4 || y === 3,
  (x, y) => x === y || x + y === 7,
  undefined,
  undefined,
  (x, y) => (x + y) % 2 === 1,
  (x, y) => (Math.floor(x / 2) + y) % 2 === 1,
  (x, y) => x === y,
  (x, y) => x !== y,
];

const s16 = (v: number): number => (v << 16) >> 16;

class ModelSurface {
  readonly memory: ModelMemory;
  readonly base: number;
  readonly pitch: number;
  readonly tiling: string;
  readonly cpp: number;
  readonly swizzled: boolean;

  constructor(
    memory: ModelMemory,
    base: number,
    pitch: number,
    tiling: string,
    cpp: number,
    swizzled: boolean,
  ) {
    this.memory = memory;
    this.base = base;
    this.pitch = pitch;
    this.tiling = tiling;
    this.cpp = cpp;
    this.swizzled = swizzled;
  }

  at(x: number, y: number): number {
    if (this.tiling === 'linear') return this.base + y * this.pitch + x;
    const [w, h] = this.tiling === 'x' ? [512, 8] : [128, 32];
    const tile = Math.floor(y / h) * Math.floor(this.pitch / w) + Math.floor(x / w);
    const xt = ((x % w) + w) % w;
    const yt = ((y % h) + h) % h;
    const within =
      this.tiling === 'x' ? yt * 512 + xt : Math.floor(xt / 16) * 512 + yt * 16 + (xt % 16);
    const address = this.base - (this.base % 4096) + tile * 4096 + within;
    if (!this.swizzled) return address;
    // Bit 6 is mixed with bit 9, and in X tiles with bit 10.
    const bit = (n: number): number => Math.floor(within / 2 ** n) % 2;
    const mixed = bit(9) + (this.tiling === 'x' ? bit(10) : 0);
    return mixed % 2 === 0 ? address : bit(6) === 1 ? address - 64 : address + 64;
  }

  get(x: number, y: number): number {
    let value = 0;
    for (let b = 0; b < this.cpp; b++) {
      value += this.memory.read(this.at(x * this.cpp + b, y)) * 256 ** b;
    }
    return value;
  }

  set(x: number, y: number, value: number, byteEnables: number): void {
    for (let b = 0; b < this.cpp; b++) {
      if ((byteEnables >> b) & 1) {
        this.memory.write(this.at(x * this.cpp + b, y), Math.floor(value / 256 ** b) % 256);
      }
    }
  }
}

export interface ModelSetup {
  mono: boolean;
  dw: number[];
  clip: [number, number];
}

/** Executes one command; `setup` is read and written. */
export function modelBlit(
  memory: ModelMemory,
  dw: readonly number[],
  swctrl: number,
  setup: ModelSetup,
  swizzled = false,
): void {
  const d = (i: number): number => dw[i] as number;
  const s = (i: number): number => setup.dw[i] as number;
  const op = (d(0) >>> 22) & 0x7f;
  if (op === 0x03) {
    setup.clip = [d(1), d(2)];
    return;
  }
  if (op === 0x01 || op === 0x11) {
    setup.mono = op === 0x11;
    setup.dw = [...dw];
    setup.clip = [d(2), d(3)];
    return;
  }
  const fromSetup = op >= 0x24 && op <= 0x31;
  const br13 = fromSetup ? s(1) : d(1);
  const maskBits = fromSetup ? s(0) : d(0);
  const depth = (br13 >>> 24) & 3;
  const cpp = [1, 2, 2, 4][depth] as number;
  const rop = (br13 >>> 16) & 255;
  const legacy = op === 0x40 || op === 0x43;

  // Destination.
  let corner: [number, number];
  if (legacy) corner = [0, 0];
  else if (op === 0x24) corner = [d(1), d(1)];
  else if (fromSetup) corner = [d(1), d(2)];
  else corner = [d(2), d(3)];
  const x1 = s16(corner[0]);
  const y1 = corner[0] >> 16;
  let x2 = s16(corner[1]);
  let y2 = corner[1] >> 16;
  if (op === 0x24) [x2, y2] = [x1 + 1, y1 + 1];
  if (legacy) [x2, y2] = [Math.floor((d(2) & 0xffff) / cpp), d(2) >>> 16];
  const tiled = !legacy && (d(0) >>> 11) & 1;
  const backward = op === 0x43 && (br13 >>> 30) & 1;
  const back = backward ? x2 * cpp - 1 : 0;
  const dst = new ModelSurface(
    memory,
    ((legacy ? d(3) : fromSetup ? s(4) : d(4)) >>> 0) - back,
    s16(br13) * (tiled ? 4 : 1),
    tiled ? (swctrl & 2 ? 'y' : 'x') : 'linear',
    cpp,
    swizzled,
  );
  const clipped = !legacy && (br13 >>> 30) & 1;

  // Source.
  let source: ((x: number, y: number) => number) | null = null;
  let sourceBit: ((x: number, y: number) => number) | null = null;
  let fromRight = Boolean(backward);
  let fromBottom = false;
  if ([0x53, 0x55, 0x57, 0x73, 0x74].includes(op)) {
    const srcTiled = (d(0) >>> 15) & 1;
    const color = new ModelSurface(
      memory,
      d(7) >>> 0,
      s16(d(6)) * (srcTiled ? 4 : 1),
      srcTiled ? (swctrl & 1 ? 'y' : 'x') : 'linear',
      cpp,
      swizzled,
    );
    const sx = s16(d(5));
    const sy = d(5) >> 16;
    source = (x, y) => color.get(x - x1 + sx, y - y1 + sy);
    if (d(7) === d(4)) {
      fromRight = sx < x1;
      fromBottom = sy < y1;
    }
  } else if (op === 0x43) {
    const color = new ModelSurface(memory, (d(5) >>> 0) - back, s16(d(4)), 'linear', cpp, false);
    source = (x, y) => color.get(x, y);
  } else if ([0x54, 0x56, 0x58, 0x71, 0x75, 0x26, 0x31].includes(op)) {
    const text = op === 0x26 || op === 0x31;
    const position = text ? 0 : (d(0) >>> 17) & 7;
    const unit = !text ? 16 : (d(0) >>> 16) & 1 ? 8 : 1;
    const stride = Math.ceil((position + x2 - x1) / unit) * unit;
    const immediate = op === 0x71 ? 7 : op === 0x31 ? 3 : 0;
    const address = op === 0x26 ? d(3) : d(5);
    const [bg, fg] = text ? [s(5), s(6)] : op === 0x71 ? [d(5), d(6)] : [d(6), d(7)];
    sourceBit = (x, y) => {
      const bit = (y - y1) * stride + position + x - x1;
      const at = Math.floor(bit / 8);
      const byte = immediate
        ? (d(immediate + Math.floor(at / 4)) >>> ((at % 4) * 8)) & 255
        : memory.read((address >>> 0) + at);
      return (byte >> (7 - (bit % 8))) & 1;
    };
    const bit = sourceBit;
    source = (x, y) => (bit(x, y) ? fg : bg) >>> 0;
  }

  // Pattern.
  let pattern: (x: number, y: number) => number = () => 0;
  let patternBit: ((x: number, y: number) => number) | null = null;
  const px = (x: number): number => (x + ((d(0) >>> 12) & 7)) & 7;
  const py = (y: number): number => (y + ((d(0) >>> 8) & 7)) & 7;
  const mono = (bg: number, fg: number, p0: number, p1: number): void => {
    if (br13 >>> 31) {
      pattern = () => bg >>> 0;
      return;
    }
    const bit = (x: number, y: number): number =>
      ((py(y) < 4 ? p0 : p1) >>> ((py(y) % 4) * 8 + 7 - px(x))) & 1;
    patternBit = bit;
    pattern = (x, y) => (bit(x, y) ? fg : bg) >>> 0;
  };
  const hatched = (bg: number, fg: number): void => {
    const hatch = HATCHES[(d(0) >>> 15) & 15] ?? (() => false);
    const bit = (x: number, y: number): number => (hatch(px(x), py(y)) ? 1 : 0);
    if (br13 >>> 31) {
      pattern = () => bg >>> 0;
      return;
    }
    patternBit = bit;
    pattern = (x, y) => (bit(x, y) ? fg : bg) >>> 0;
  };
  const color = (read: (byte: number) => number): void => {
    pattern = (x, y) => {
      let value = 0;
      for (let b = 0; b < cpp; b++) {
        value += read((py(y) * 8 + px(x)) * cpp + b) * 256 ** b;
      }
      return value;
    };
  };
  const colorAt = (address: number): void => {
    // Read once: drawing over the pattern does not change it.
    const start = (address >>> 0) - ((address >>> 0) % 64);
    const bytes = Array.from({ length: 64 * cpp }, (_, i) => memory.read(start + i));
    color((byte) => bytes[byte] as number);
  };
  const immediateAt = (i: number): void =>
    color((byte) => (d(i + Math.floor(byte / 4)) >>> ((byte % 4) * 8)) & 255);
  if (op === 0x50) pattern = () => d(5) >>> 0;
  else if (op === 0x40) pattern = () => d(4) >>> 0;
  else if (op === 0x24) pattern = () => s(5) >>> 0;
  else if (op === 0x25) setup.mono ? mono(s(5), s(6), s(7), s(8)) : colorAt(s(7));
  else if (op === 0x51 || op === 0x76) colorAt(d(5));
  else if (op === 0x52) mono(d(5), d(6), d(7), d(8));
  else if (op === 0x55 || op === 0x56) colorAt(d(8));
  else if (op === 0x57 || op === 0x58) mono(d(8), d(9), d(10), d(11));
  else if (op === 0x59) hatched(d(5), d(6));
  else if (op === 0x72) immediateAt(5);
  else if (op === 0x74 || op === 0x75) immediateAt(8);
  else if (op === 0x77) immediateAt(7);

  // Colour key.
  const keyAt = op === 0x73 ? 8 : op === 0x76 ? 6 : op === 0x77 ? 5 : 0;
  const key = keyAt === 0 ? 0 : (d(0) >>> 17) & 7;
  const widths = [[8], [5, 6, 5], [5, 5, 5, 1], [8, 8, 8, 8]][depth] as number[];
  const inside = (pixel: number): boolean => {
    let shift = 0;
    for (const [i, width] of widths.entries()) {
      const field = (v: number): number => (v >>> shift) & (2 ** width - 1);
      const compared = i < 3 || key === 3 || key === 5;
      if (compared && field(pixel) < field(d(keyAt))) return false;
      if (compared && field(pixel) > field(d(keyAt + 1))) return false;
      shift += width;
    }
    return true;
  };

  const enables = cpp < 4 ? 15 : ((maskBits >>> 20) & 1 ? 7 : 0) | ((maskBits >>> 21) & 1 ? 8 : 0);
  const columns = Array.from({ length: Math.max(0, x2 - x1) }, (_, i) => x1 + i);
  const lines = Array.from({ length: Math.max(0, y2 - y1) }, (_, i) => y1 + i);
  if (fromRight) columns.reverse();
  if (fromBottom) lines.reverse();
  const [c0, c1] = setup.clip;
  for (const y of lines) {
    for (const x of columns) {
      if (clipped && (x < s16(c0) || x >= s16(c1) || y < c0 >> 16 || y >= c1 >> 16)) continue;
      if (sourceBit !== null && (br13 >>> 29) & 1 && !sourceBit(x, y)) continue;
      const see: ((x: number, y: number) => number) | null = patternBit;
      if (see !== null && (br13 >>> 28) & 1 && !(see as typeof sourceBit & object)(x, y)) continue;
      const S = source === null ? 0 : source(x, y);
      const D = dst.get(x, y);
      if ((key === 1 || key === 3) && source !== null && inside(S)) continue;
      if ((key === 5 || key === 7) && !inside(D)) continue;
      const P = pattern(x, y);
      let result = 0;
      for (let b = 0; b < cpp * 8; b++) {
        const index = (((P >>> b) & 1) << 2) | (((S >>> b) & 1) << 1) | ((D >>> b) & 1);
        if ((rop >> index) & 1) result += 2 ** b;
      }
      dst.set(x, y, result, enables);
    }
  }
}
