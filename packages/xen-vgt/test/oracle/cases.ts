import type { IcedX86 } from '../../src/emul/insn.ts';
import { CODE, DATA, FIXED, type NativeCase, WINDOW, WINDOW_BYTES } from './native.ts';

/** Numbers that come again for the same seed: xorshift32. */
export class Dice {
  #x: number;
  constructor(seed: number) {
    this.#x = seed | 1;
  }

  /** 32 bits. */
  next(): number {
    let x = this.#x;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#x = x;
    return x >>> 0;
  }

  below(n: number): number {
    return this.next() % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  one(in_: number): boolean {
    return this.below(in_) === 0;
  }

  big(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }
}

/** How an opcode's bytes are made up. */
interface Form {
  /** Prefixes, escape and opcode. */
  readonly opcode: readonly number[];
  /** ModRM follows. @defaultValue true */
  readonly modrm?: boolean;
  /** Fixed reg field. */
  readonly ext?: number;
  /** Bytes of an immediate: -1 is that of the operand size (2 or 4). */
  readonly imm?: number;
  /** 0x66 and REX.W are tried. @defaultValue true for forms without a mandatory prefix */
  readonly sizes?: boolean;
  /** LOCK is tried. */
  readonly lock?: boolean;
  /** REP prefixes are tried: a string instruction. */
  readonly string?: boolean;
  /** VEX: map, pp, W and L choices. */
  readonly vex?: readonly [map: number, pp: number, w: 0 | 1 | 'any', l: 0 | 1 | 'any', v: boolean];
  readonly only64?: boolean;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const two = (op: number, more: Partial<Form> = {}): Form => ({ opcode: [0x0f, op], ...more });

const ALU: Form[] = range(0, 7).flatMap((n) => [
  ...range(0, 3).map((k): Form => ({ opcode: [n * 8 + k], lock: k < 2 && n < 7 })),
  { opcode: [0x80], ext: n, imm: 1, lock: n < 7 },
  { opcode: [0x81], ext: n, imm: -1, lock: n < 7 },
  { opcode: [0x83], ext: n, imm: 1, lock: n < 7 },
]);

const SHIFTS: Form[] = [0, 1, 2, 3, 4, 5, 7].flatMap((ext): Form[] => [
  { opcode: [0xc0], ext, imm: 1 },
  { opcode: [0xc1], ext, imm: 1 },
  { opcode: [0xd0], ext },
  { opcode: [0xd1], ext },
  { opcode: [0xd2], ext },
  { opcode: [0xd3], ext },
]);

const MOVES: Form[] = [
  ...[0x88, 0x89, 0x8a, 0x8b].map((op): Form => ({ opcode: [op] })),
  { opcode: [0xc6], ext: 0, imm: 1 },
  { opcode: [0xc7], ext: 0, imm: -1 },
  { opcode: [0x8c] },
  { opcode: [0x63], only64: true },
  ...[0xb6, 0xb7, 0xbe, 0xbf, 0xc3].map((op) => two(op)),
  { opcode: [0x0f, 0x38, 0xf0] },
  { opcode: [0x0f, 0x38, 0xf1] },
  ...range(0x40, 0x4f).map((op) => two(op)),
  ...range(0x90, 0x9f).map((op) => two(op, { ext: 0 })),
];

const ATOMIC: Form[] = [
  { opcode: [0x84] },
  { opcode: [0x85] },
  { opcode: [0x86], lock: true },
  { opcode: [0x87], lock: true },
  { opcode: [0xf6], ext: 0, imm: 1 },
  { opcode: [0xf7], ext: 0, imm: -1 },
  ...[2, 3].flatMap((ext): Form[] => [
    { opcode: [0xf6], ext, lock: true },
    { opcode: [0xf7], ext, lock: true },
  ]),
  ...[4, 5, 6, 7].flatMap((ext): Form[] => [
    { opcode: [0xf6], ext },
    { opcode: [0xf7], ext },
  ]),
  ...[0, 1].flatMap((ext): Form[] => [
    { opcode: [0xfe], ext, lock: true },
    { opcode: [0xff], ext, lock: true },
  ]),
  two(0xb0, { lock: true }),
  two(0xb1, { lock: true }),
  two(0xc0, { lock: true }),
  two(0xc1, { lock: true }),
  two(0xc7, { ext: 1, lock: true }),
  two(0xa3),
  ...[0xab, 0xb3, 0xbb].map((op) => two(op, { lock: true })),
  two(0xba, { ext: 4, imm: 1 }),
  ...[5, 6, 7].map((ext) => two(0xba, { ext, imm: 1, lock: true })),
  two(0xa4, { imm: 1 }),
  two(0xa5),
  two(0xac, { imm: 1 }),
  two(0xad),
  two(0xaf),
  { opcode: [0x6b], imm: 1 },
  { opcode: [0x69], imm: -1 },
  two(0xbc),
  two(0xbd),
  ...[0xb8, 0xbc, 0xbd].map((op): Form => ({ opcode: [0xf3, 0x0f, op] })),
];

const STRINGS: Form[] = [0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf].map(
  (op): Form => ({ opcode: [op], modrm: false, string: true }),
);

const STACKS: Form[] = [
  { opcode: [0xff], ext: 6 },
  { opcode: [0x8f], ext: 0 },
  { opcode: [0x50], modrm: false },
  { opcode: [0x5b], modrm: false },
  { opcode: [0x68], modrm: false, imm: 4, sizes: false },
  { opcode: [0x6a], modrm: false, imm: 1 },
  { opcode: [0xff], ext: 2, sizes: false },
  { opcode: [0xff], ext: 4, sizes: false },
  { opcode: [0xe8], modrm: false, imm: 4, sizes: false },
  { opcode: [0xc3], modrm: false, sizes: false },
  { opcode: [0xc2], modrm: false, imm: 2, sizes: false },
  { opcode: [0xc9], modrm: false, sizes: false },
];

/** Mandatory prefixes of SSE: none, 66, F3, F2. */
const PREFIX: readonly (readonly number[])[] = [[], [0x66], [0xf3], [0xf2]];

/** Opcodes of map 1 (0F) by prefix, with those that VEX has as well. */
const SSE: readonly (readonly [pp: number, ops: readonly number[]])[] = [
  [0, [0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x28, 0x29, 0x2b, 0x54, 0x55, 0x56, 0x57]],
  [
    1,
    [
      0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x28, 0x29, 0x2b, 0x54, 0x55, 0x56, 0x57, 0x6e, 0x6f,
      0x74, 0x75, 0x76, 0x7e, 0x7f, 0xd4, 0xd6, 0xdb, 0xdf, 0xe7, 0xeb, 0xef, 0xf7, 0xf8, 0xf9,
      0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
    ],
  ],
  [2, [0x10, 0x11, 0x12, 0x16, 0x6f, 0x7e, 0x7f]],
  [3, [0x10, 0x11, 0x12, 0xf0]],
];

const VECTORS: Form[] = [
  ...SSE.flatMap(([pp, ops]) =>
    ops.flatMap((op): Form[] => [
      { opcode: [...(PREFIX[pp] as number[]), 0x0f, op], sizes: op === 0x6e || op === 0x7e },
      { opcode: [op], vex: [1, pp, 'any', 'any', true] },
      { opcode: [op], vex: [1, pp, 'any', 'any', false] },
    ]),
  ),
  ...[0x00, 0x2a, ...range(0x20, 0x25), ...range(0x30, 0x35), 0x29].flatMap((op): Form[] => [
    { opcode: [0x66, 0x0f, 0x38, op], sizes: false },
    { opcode: [op], vex: [2, 1, 'any', 'any', op === 0 || op === 0x29] },
  ]),
  ...[0x18, 0x19, 0x1a, 0x5a, 0x58, 0x59, 0x78, 0x79].map(
    (op): Form => ({ opcode: [op], vex: [2, 1, 0, 'any', false] }),
  ),
  ...[0x2c, 0x2d, 0x2e, 0x2f, 0x8c, 0x8e].map(
    (op): Form => ({ opcode: [op], vex: [2, 1, op >= 0x8c ? 'any' : 0, 'any', true] }),
  ),
  ...[0x14, 0x15, 0x16, 0x17, 0x20, 0x22].flatMap((op): Form[] => [
    { opcode: [0x66, 0x0f, 0x3a, op], imm: 1, sizes: op === 0x16 || op === 0x22 },
    { opcode: [op], vex: [3, 1, 'any', 0, op >= 0x20], imm: 1 },
  ]),
  ...[0x18, 0x38].map((op): Form => ({ opcode: [op], vex: [3, 1, 0, 1, true], imm: 1 })),
  ...[0x19, 0x39].map((op): Form => ({ opcode: [op], vex: [3, 1, 0, 1, false], imm: 1 })),
  { opcode: [0x66, 0x0f, 0xc4], imm: 1, sizes: false },
  { opcode: [0x66, 0x0f, 0xc5], imm: 1, sizes: false },
  { opcode: [0x66, 0x0f, 0x70], imm: 1, sizes: false },
  { opcode: [0x70], vex: [1, 1, 'any', 'any', false], imm: 1 },
];

const AREAS: Form[] = [
  ...[0, 1, 2, 3, 4, 5].map((ext) => two(0xae, { ext })),
  two(0x18, { ext: 0 }),
  two(0xae, { ext: 7 }),
];

/** Classes of instructions with how often each is drawn. */
export const CLASSES: readonly (readonly [name: string, weight: number, forms: readonly Form[]])[] =
  [
    ['moves', 4, MOVES],
    ['arithmetic', 3, ALU],
    ['shifts', 2, SHIFTS],
    ['read-modify-write', 4, ATOMIC],
    ['strings', 3, STRINGS],
    ['stack', 2, STACKS],
    ['vectors', 8, VECTORS],
    ['areas', 1, AREAS],
  ];

const RSP = 4;

/** Makes cases; their memory operands lie in the window, on what can only be read, or nowhere. */
export class CaseMaker {
  readonly #dice: Dice;
  readonly #decoder: IcedX86;
  readonly #weights: readonly (readonly Form[])[];

  constructor(iced: IcedX86, seed: number) {
    this.#decoder = iced;
    this.#dice = new Dice(seed);
    this.#weights = CLASSES.flatMap(([, weight, forms]) =>
      Array<readonly Form[]>(weight).fill(forms),
    );
  }

  /** @param width of the code, bits; without one 32 or 64 */
  make(width?: 16): NativeCase {
    const dice = this.#dice;
    const bits = width ?? (dice.one(3) ? 32 : 64);
    const drawn = dice.pick(dice.pick(this.#weights));
    const form = drawn.only64 === true && bits !== 64 ? (MOVES[0] as Form) : drawn;
    const made = this.#bytes(form, bits);
    const code = bits === 16 ? this.#whole(made) : made;
    // Most instructions stand alone; some run out of their page.
    const page = bits === 16 ? 0n : CODE;
    const rip =
      page + BigInt(bits !== 16 && dice.one(24) ? 4096 - 1 - dice.below(15) : dice.below(4000));
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < (bits === 64 ? 16 : 8); i++) {
      gpr[i] = dice.one(4) ? BigInt(dice.below(64)) : dice.big();
      if (bits !== 64) gpr[i] = (gpr[i] as bigint) & 0xffffffffn;
    }
    gpr[RSP] = this.#place(8);
    if (bits !== 64) gpr[RSP] = (gpr[RSP] as bigint) & 0xffffffffn;
    if (form.opcode[1] === 0xa5 || form.opcode[1] === 0xad) gpr[1] = BigInt(dice.below(17));
    this.#aim(code, bits, rip, gpr, form.string === true);
    // CF PF AF ZF SF DF OF at will; IF as a process has it.
    const flags = (dice.next() & 0xcd5) | 0x202;
    const fx = this.#fx();
    const high = Uint8Array.from({ length: 256 }, (_, i) =>
      bits !== 64 && i >= 128 ? 0 : dice.next(),
    );
    const window = Uint8Array.from({ length: WINDOW_BYTES }, () => dice.next());
    // An area of processor state in the window has words that may not be anything.
    if (form.opcode[1] === 0xae) this.#areas(window, gpr);
    return { bits, gpr, rip, flags: flags & ~(dice.one(2) ? 0x400 : 0), fx, high, code, window };
  }

  /** The bytes of one instruction of 16-bit code, whose forms have other lengths. */
  #whole(bytes: Uint8Array): Uint8Array {
    const padded = new Uint8Array(15).map((_, i) => bytes[i] ?? this.#dice.below(256));
    const decoder = new this.#decoder.Decoder(16, padded, 0);
    const insn = decoder.decode();
    const length = insn.isInvalid ? padded.length : insn.length;
    insn.free();
    decoder.free();
    return padded.subarray(0, length);
  }

  /** Valid MXCSR and header words at every place that an aligned area can have. */
  #areas(window: Uint8Array, gpr: BigUint64Array): void {
    // Components that both processors have; other registers may be part of the address.
    gpr[0] = (gpr[0] as bigint) & ~0x2e0n;
    gpr[2] = 0n;
    const view = new DataView(window.buffer);
    for (let at = 0; at + 32 <= window.length; at += 16)
      view.setUint32(at + 8, this.#dice.next() & 0xffff, true);
    for (let at = 0; at + 64 <= window.length; at += 64) {
      if (this.#dice.one(2)) window.fill(0, at, at + 64);
    }
  }

  #fx(): Uint8Array {
    const dice = this.#dice;
    const fx = Uint8Array.from({ length: 512 }, () => dice.next());
    const view = new DataView(fx.buffer);
    fx.fill(0, 0, 32);
    view.setUint16(0, 0x37f, true);
    view.setUint8(4, dice.next());
    view.setUint32(24, 0x1f80, true);
    view.setUint32(28, 0xffff, true);
    for (let at = 32; at < 160; at += 16) fx.fill(0, at + 10, at + 16);
    return fx;
  }

  /** An address for an access: in the window, at its page boundary, read-only, or unmapped. */
  #place(bytes: number): bigint {
    const dice = this.#dice;
    if (dice.one(12)) return FIXED + BigInt(dice.below(4096 - bytes));
    if (dice.one(16)) return WINDOW + BigInt(dice.one(2) ? 4096 + 512 - dice.below(40) : 0x100000);
    if (dice.one(40)) return 0x800000000000n + (dice.big() % 0x1000000000n);
    const aligned = dice.one(2) ? 64 : dice.one(2) ? 16 : 1;
    const at = 48 + dice.below(WINDOW_BYTES - 96 - bytes);
    return WINDOW + BigInt(dice.one(5) ? 512 - dice.below(bytes + 1) : at - (at % aligned));
  }

  #bytes(form: Form, bits: 16 | 32 | 64): Uint8Array {
    const dice = this.#dice;
    const out: number[] = [];
    if (form.lock === true && dice.one(4)) out.push(0xf0);
    if (form.string === true && dice.one(2)) out.push(dice.pick([0xf3, 0xf2]));
    const mandatory = form.opcode.filter(
      (b, i) => i === 0 && [0x66, 0xf3, 0xf2].includes(b) && form.opcode.length > 1,
    );
    const wide = form.sizes !== false && form.vex === undefined;
    const word = wide && mandatory.length === 0 && dice.one(4);
    if (word) out.push(0x66);
    if (bits === 16 ? dice.one(3) : bits === 64 && dice.one(24)) out.push(0x67);
    if (dice.one(24)) out.push(dice.pick([0x3e, 0x36, 0x2e]));
    if (form.vex !== undefined) this.#vex(form, bits, out);
    else {
      out.push(...mandatory);
      if (bits === 64 && dice.one(2)) out.push(0x40 | (dice.below(16) & (wide ? 15 : 7)));
      out.push(...form.opcode.slice(mandatory.length));
    }
    if (form.modrm !== false) this.#modrm(form, out);
    const imm = form.imm === -1 ? (word ? 2 : 4) : (form.imm ?? 0);
    // A count above an operand of 16 bits is undefined.
    const most = form.opcode[1] === 0xa4 || form.opcode[1] === 0xac ? 16 : 256;
    for (let i = 0; i < imm; i++) out.push(dice.below(most));
    return Uint8Array.from(out.slice(0, 15));
  }

  #vex(form: Form, bits: 16 | 32 | 64, out: number[]): void {
    const dice = this.#dice;
    const [map, pp, w, l, v] = form.vex as NonNullable<Form['vex']>;
    // R, X and B are stored inverted; outside 64-bit mode all three are 1.
    const rxb = bits === 64 ? dice.below(8) << 5 : 0xe0;
    const vvvv = v ? (bits === 64 ? dice.below(16) : dice.below(8) | 8) : 15;
    const bit = (choice: 0 | 1 | 'any'): number => (choice === 'any' ? dice.below(2) : choice);
    // W of an 8-byte form means different things to processors outside 64-bit mode.
    const wide = bits === 64 ? bit(w) : 0;
    out.push(0xc4, rxb | map, (wide << 7) | (vvvv << 3) | (bit(l) << 2) | pp);
    out.push(...form.opcode);
  }

  #modrm(form: Form, out: number[]): void {
    const dice = this.#dice;
    const mod = dice.one(8) ? 3 : dice.below(3);
    const rm = dice.below(8);
    out.push((mod << 6) | ((form.ext ?? dice.below(8)) << 3) | rm);
    if (mod === 3) return;
    if (rm === 4) out.push(dice.below(256));
    const base = out.at(-1) as number;
    const noBase = mod === 0 && (rm === 5 || (rm === 4 && (base & 7) === 5));
    const bytes = mod === 1 ? 1 : mod === 2 || noBase ? 4 : 0;
    for (let i = 0; i < bytes; i++) out.push(dice.below(256));
  }

  /** Sets registers so that the memory operand lies where {@link #place} says. */
  #aim(
    code: Uint8Array,
    bits: 16 | 32 | 64,
    rip: bigint,
    gpr: BigUint64Array,
    string: boolean,
  ): void {
    const dice = this.#dice;
    if (string) {
      gpr[6] = this.#place(64);
      gpr[7] = this.#place(64);
      if (bits === 32) for (const i of [6, 7]) gpr[i] = (gpr[i] as bigint) & 0xffffffffn;
      if (bits === 16) for (const i of [6, 7]) gpr[i] = ((gpr[i] as bigint) - DATA) & 0xffffn;
      gpr[1] = BigInt(dice.below(12));
      return;
    }
    const { Decoder, Instruction, OpKind, Register, RegisterExt, MemorySizeExt } = this.#decoder;
    const decoder = new Decoder(bits, code, 0);
    decoder.ip = rip;
    const insn = new Instruction();
    decoder.decodeOut(insn);
    decoder.free();
    const memory = range(0, insn.opCount - 1).some((i) => insn.opKind(i) >= OpKind.MemorySegSI);
    if (memory && !insn.isInvalid) {
      const bytes = Math.max(1, MemorySizeExt.size(insn.memorySize));
      const place = this.#place(Math.min(bytes === 1 ? 64 : bytes, 832));
      // The stack's segment is flat: what lies there by 32-bit addresses is the window, too.
      const flat = bits !== 16 || insn.memorySegment === Register.SS;
      const at = flat ? place : (place - DATA) & 0xffffn;
      const cut = (v: bigint): bigint => BigInt.asUintN(bits === 64 ? 64 : 32, v);
      const number = (r: number): number => RegisterExt.number(RegisterExt.fullRegister(r));
      if (
        insn.opKind(0) === OpKind.MemorySegRDI ||
        insn.opKind(0) === OpKind.MemorySegEDI ||
        insn.opKind(0) === OpKind.MemorySegDI
      )
        gpr[7] = cut(at);
      else if (insn.memoryBase !== Register.None && !insn.isIpRelMemoryOperand) {
        const base = number(insn.memoryBase);
        let rest = at - insn.memoryDisplacement;
        if (insn.memoryIndex !== Register.None) {
          const index = number(insn.memoryIndex);
          // A small index keeps both in reach; the same register twice counts 1 + scale times.
          if (index === base) rest /= BigInt(1 + insn.memoryIndexScale);
          else {
            gpr[index] = BigInt(dice.below(64));
            rest -= (gpr[index] as bigint) * BigInt(insn.memoryIndexScale);
          }
        }
        gpr[base] = cut(rest);
      }
    }
    insn.free();
  }
}
