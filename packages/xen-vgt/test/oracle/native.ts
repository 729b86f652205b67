import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Places in memory that native.s makes. */
export const DATA = 0x10000000n,
  WINDOW: bigint = DATA + 4096n - 512n,
  WINDOW_BYTES = 1024,
  FIXED = 0x10010000n,
  FIXED_BYTE = 0x5a,
  CODE = 0x20000000n;

const RECORD = 2048;
const AT = {
  rip: 128,
  flags: 136,
  cs: 144,
  ds: 146,
  fx: 160,
  ymm: 672,
  code: 928,
  window: 960,
  out: 1984,
};
const CS64 = 0x33;
const CS32 = 0x23;
const CS16 = 0x07;
const DS = 0x2b;
const DS16 = 0x0f;
const BREAKPOINT = 0xcc;

/** What a case begins with. */
export interface NativeCase {
  /** Code of 16 bits lies in a segment that begins at CODE, its data in one that begins at DATA. */
  readonly bits: 16 | 32 | 64;
  readonly gpr: BigUint64Array;
  readonly rip: bigint;
  readonly flags: number;
  /** FXSAVE area: x87, MXCSR and XMM registers. */
  readonly fx: Uint8Array;
  /** Upper halves of the YMM registers. */
  readonly high: Uint8Array;
  readonly code: Uint8Array;
  readonly window: Uint8Array;
}

/** What the processor made of it. */
export interface NativeResult {
  readonly gpr: BigUint64Array;
  readonly rip: bigint;
  readonly flags: number;
  readonly fx: Uint8Array;
  readonly high: Uint8Array;
  readonly window: Uint8Array;
  /** Vector of the exception; 3 when the breakpoint behind the instruction was met. */
  readonly trap: number;
  readonly error: number;
  readonly cr2: bigint;
}

/** Assembles native.s. @returns the program's path and a function that takes it away */
export function buildNative(): { readonly path: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'xengt-native-'));
  const source = fileURLToPath(new URL('native.s', import.meta.url));
  const [object, path] = [join(dir, 'native.o'), join(dir, 'native')];
  execFileSync('as', ['--64', '-o', object, source]);
  // Far from where a stray operand of a case may lie.
  execFileSync('ld', ['-Ttext-segment=0x70000000', '-o', path, object]);
  return { path, remove: () => rmSync(dir, { recursive: true }) };
}

/** Runs cases on the processor that runs the test. */
export function runNative(path: string, cases: readonly NativeCase[]): NativeResult[] {
  const input = new Uint8Array(cases.length * RECORD);
  for (const [i, one] of cases.entries()) encode(one, input.subarray(i * RECORD));
  const run = spawnSync(path, { input, maxBuffer: input.length + RECORD });
  if (run.status !== 0 || run.stdout.length !== input.length) {
    const done = run.stdout.length / RECORD;
    throw new Error(`the program ended with ${run.status ?? run.signal} after ${done} cases`);
  }
  const out = new Uint8Array(run.stdout);
  return cases.map((_, i) => decode(out.subarray(i * RECORD, (i + 1) * RECORD)));
}

function encode(one: NativeCase, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset);
  one.gpr.forEach((value, i) => {
    view.setBigUint64(i * 8, value, true);
  });
  view.setBigUint64(AT.rip, one.rip, true);
  view.setUint32(AT.flags, one.flags, true);
  view.setUint16(AT.cs, { 16: CS16, 32: CS32, 64: CS64 }[one.bits], true);
  view.setUint16(AT.ds, one.bits === 16 ? DS16 : DS, true);
  into.set(one.fx, AT.fx);
  into.set(one.high, AT.ymm);
  into.fill(BREAKPOINT, AT.code, AT.window);
  into.set(one.code, AT.code);
  into.set(one.window, AT.window);
}

function decode(from: Uint8Array): NativeResult {
  const view = new DataView(from.buffer, from.byteOffset);
  // A component in its first state need not be in the frame.
  const inUse = view.getUint32(2016, true);
  const fx = from.slice(AT.fx, AT.fx + 512);
  if ((inUse & 2) === 0) fx.fill(0, 160, 416);
  const high = from.slice(AT.ymm, AT.ymm + 256);
  if ((inUse & 4) === 0) high.fill(0);
  const trap = view.getUint32(AT.out + 8, true);
  return {
    gpr: BigUint64Array.from({ length: 16 }, (_, i) => view.getBigUint64(i * 8, true)),
    // A breakpoint is reported behind itself.
    rip: view.getBigUint64(AT.rip, true) - (trap === 3 ? 1n : 0n),
    flags: view.getUint32(AT.flags, true),
    fx,
    high,
    window: from.slice(AT.window, AT.window + WINDOW_BYTES),
    trap,
    error: view.getUint32(AT.out + 16, true),
    cr2: view.getBigUint64(AT.out + 24, true),
  };
}

/** MXCSR bits that the processor has, as its FXSAVE says. */
export function mxcsrMaskOf(path: string): number {
  const fx = new Uint8Array(512);
  const empty = {
    gpr: new BigUint64Array(16),
    rip: CODE,
    flags: 0x202,
    fx,
    high: new Uint8Array(256),
  };
  empty.gpr[0] = WINDOW;
  // fxsave [rax]
  const code = Uint8Array.of(0x0f, 0xae, 0x00);
  const [result] = runNative(path, [
    { ...empty, bits: 64, code, window: new Uint8Array(WINDOW_BYTES) },
  ]);
  return new DataView((result as NativeResult).window.buffer).getUint32(28, true);
}
