import type { Handler } from './exec.ts';
import { both, result, source } from './vector-operands.ts';

type Lanes = (a: Uint8Array, b: Uint8Array, r: Uint8Array, n: number) => void;

/** Two registers or a register and memory. Legacy forms want memory aligned. */
function packed(run: Lanes): Handler {
  return (e) => {
    const n = e.bytes;
    const { count, vex } = e.insn;
    if (!vex && e.isMemory(count - 1)) e.requireAligned(n);
    const b = source(e, count - 1, n).slice();
    const a = e.vector(e.op(count - 2).reg, n).slice();
    run(a, b, result(e, n), n);
  };
}

const bytewise =
  (f: (a: number, b: number) => number): Lanes =>
  (a, b, r, n) => {
    for (let i = 0; i < n; i++) r[i] = f(a[i] as number, b[i] as number);
  };

/** PADD, PSUB and PCMPEQ over units of 1 to 8 bytes. */
const unitwise =
  (unit: number, f: (a: bigint, b: bigint) => bigint): Lanes =>
  (a, b, r, n) => {
    const part = (of: Uint8Array, at: number): bigint => {
      let value = 0n;
      for (let i = unit - 1; i >= 0; i--) value = (value << 8n) | BigInt(of[at + i] as number);
      return value;
    };
    for (let at = 0; at < n; at += unit) {
      let value = BigInt.asUintN(unit * 8, f(part(a, at), part(b, at)));
      for (let i = 0; i < unit; i++, value >>= 8n) r[at + i] = Number(value & 0xffn);
    }
  };

const shuffleBytes: Lanes = (a, b, r, n) => {
  for (let i = 0; i < n; i++) {
    const c = b[i] as number;
    r[i] = (c & 0x80) === 0 ? (a[(i & 16) | (c & 15)] as number) : 0;
  }
};

const AND = bytewise((a, b) => a & b);
const ANDN = bytewise((a, b) => ~a & b);
const OR = bytewise((a, b) => a | b);
const XOR = bytewise((a, b) => a ^ b);

const LANES: Readonly<Record<string, Lanes>> = {
  Pand: AND,
  Andps: AND,
  Andpd: AND,
  Pandn: ANDN,
  Andnps: ANDN,
  Andnpd: ANDN,
  Por: OR,
  Orps: OR,
  Orpd: OR,
  Pxor: XOR,
  Xorps: XOR,
  Xorpd: XOR,
  Pshufb: shuffleBytes,
  ...Object.fromEntries(
    [
      ['b', 1],
      ['w', 2],
      ['d', 4],
      ['q', 8],
    ].flatMap(([letter, size]) => {
      const unit = size as number;
      return [
        [`Padd${letter}`, unitwise(unit, (a, b) => a + b)],
        [`Psub${letter}`, unitwise(unit, (a, b) => a - b)],
        [`Pcmpeq${letter}`, unitwise(unit, (a, b) => (a === b ? -1n : 0n))],
      ];
    }),
  ),
};

/** PSHUFD. */
const shuffleDwords: Handler = (e) => {
  const n = e.bytes;
  if (!e.insn.vex && e.isMemory(1)) e.requireAligned(n);
  const bytes = source(e, 1, n).slice();
  const order = Number(e.read(2, 1));
  const r = result(e, n);
  for (let i = 0; i < n / 4; i++) {
    const from = (i & 4) | ((order >> (2 * (i & 3))) & 3);
    r.set(bytes.subarray(from * 4, from * 4 + 4), i * 4);
  }
};

/** Arithmetic, logic and shuffles of whole registers, by iced's mnemonic. */
export const PACKED: ReadonlyMap<string, Handler> = new Map(
  both([
    ['Pshufd', shuffleDwords],
    ...Object.entries(LANES).map(([name, lanes]) => [name, packed(lanes)] as const),
  ]),
);
