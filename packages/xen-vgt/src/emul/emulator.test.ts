import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import iced from 'iced-x86';
import { describe, expect, test } from 'vitest';
import { createV86Engine } from '../engine/v86/engine.ts';
import { Program, tinyBios } from '../engine/v86/testing/tiny-bios.ts';
import { EmulBus } from './bus.ts';
import {
  type CpuState,
  CR0_PG,
  CR0_WP,
  CR4_PSE,
  flatState,
  RCX,
  RDI,
  RSI,
  RSP,
} from './cpu-state.ts';
import { Emulator } from './emulator.ts';

const BAR = 0xd0000000;
const RANGE = 0x20000;
const CODE = 0x1000;

/** One access as a target sees it. */
type Seen = readonly ['r' | 'w', offset: number, size: AccessSize, value?: number];

/** Keeps what it is told; each byte reads as a number made from its offset. */
class Recorder implements TrapTarget {
  readonly name = 'recorder';
  log: Seen[] = [];

  read(offset: number, size: AccessSize): number {
    this.log.push(['r', offset, size]);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | byteAt(offset + i);
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.log.push(['w', offset, size, value]);
  }
}

const byteAt = (offset: number): number => (offset * 7 + 3) & 0xff;

interface Machine {
  readonly state: CpuState;
  readonly emulator: Emulator;
  readonly bus: EmulBus;
  readonly target: Recorder;
  readonly ram: Uint8Array;
}

function machine(bits: 16 | 32 | 64, code: readonly number[], ramBytes = 0x100000): Machine {
  const ram = new Uint8Array(ramBytes);
  const bus = new EmulBus(ram);
  const target = new Recorder();
  bus.ranges.add(BAR, RANGE, target);
  const state = flatState(bits);
  state.rip = BigInt(CODE);
  ram.set(code, CODE);
  return { state, emulator: new Emulator(iced, state, bus), bus, target, ram };
}

describe('accesses of a trapped range', () => {
  test('[R3] a 16-byte store is four dwords in ascending order, and ends once', () => {
    // movdqu [ebx], xmm1
    const m = machine(32, [0xf3, 0x0f, 0x7f, 0x0b]);
    m.state.gpr[3] = BigInt(BAR + 0x40);
    m.state.vectors.set(
      Array.from({ length: 16 }, (_, i) => i + 1),
      32,
    );
    expect(m.emulator.step()).toEqual({ kind: 'done' });
    expect(m.target.log).toEqual([
      ['w', 0x40, 4, 0x04030201],
      ['w', 0x44, 4, 0x08070605],
      ['w', 0x48, 4, 0x0c0b0a09],
      ['w', 0x4c, 4, 0x100f0e0d],
    ]);
    expect(m.emulator.counters.instructions).toBe(1);
  });

  test('[R6] an aligned store of a vector register moves the instruction pointer on', () => {
    // movdqa [ebx], xmm0
    const m = machine(32, [0x66, 0x0f, 0x7f, 0x03]);
    m.state.gpr[3] = BigInt(BAR);
    expect(m.emulator.step().kind).toBe('done');
    expect(m.state.rip).toBe(BigInt(CODE + 4));
  });

  test('[R4] a 32-byte load puts eight dwords together in order', () => {
    // vmovdqu ymm2, [rbx]
    const m = machine(64, [0xc5, 0xfe, 0x6f, 0x13]);
    m.state.gpr[3] = BigInt(BAR + 0x100);
    expect(m.emulator.step().kind).toBe('done');
    expect(m.target.log.map(([, offset]) => offset)).toEqual(
      [0, 4, 8, 12, 16, 20, 24, 28].map((i) => 0x100 + i),
    );
    expect([...m.state.vectors.subarray(64, 96)]).toEqual(
      Array.from({ length: 32 }, (_, i) => byteAt(0x100 + i)),
    );
  });

  test.each([
    [
      '1 off',
      1,
      [
        [1, 1],
        [2, 2],
        [4, 4],
        [8, 1],
      ],
    ],
    [
      '2 off',
      2,
      [
        [2, 2],
        [4, 4],
        [8, 2],
      ],
    ],
    [
      '3 off',
      3,
      [
        [3, 1],
        [4, 4],
        [8, 2],
        [10, 1],
      ],
    ],
  ] as const)('an 8-byte load %s is made of aligned parts', (_name, offset, parts) => {
    // mov rax, [rbx]
    const m = machine(64, [0x48, 0x8b, 0x03]);
    m.state.gpr[3] = BigInt(BAR + offset);
    m.emulator.step();
    expect(m.target.log.map(([, at, size]) => [at, size])).toEqual(parts.map((p) => [...p]));
    for (let i = 0; i < 8; i++) {
      expect(Number(((m.state.gpr[0] as bigint) >> BigInt(8 * i)) & 0xffn)).toBe(
        byteAt(offset + i),
      );
    }
  });

  test('a locked exchange-and-add reads once and writes once', () => {
    // lock xadd [rbx], eax
    const m = machine(64, [0xf0, 0x0f, 0xc1, 0x03]);
    m.state.gpr[3] = BigInt(BAR + 8);
    m.state.gpr[0] = 5n;
    m.emulator.step();
    expect(m.target.log).toEqual([
      ['r', 8, 4],
      ['w', 8, 4, (Number(m.state.gpr[0]) + 5) | 0],
    ]);
  });

  test('a masked store writes only the bytes whose mask says so', () => {
    // maskmovdqu xmm0, xmm1
    const m = machine(32, [0x66, 0x0f, 0xf7, 0xc1]);
    m.state.gpr[RDI] = BigInt(BAR + 0x20);
    m.state.vectors.fill(0x55, 0, 16);
    m.state.vectors.set([0x80, 0, 0, 0xff], 32);
    m.emulator.step();
    expect(m.target.log).toEqual([
      ['w', 0x20, 1, 0x55],
      ['w', 0x23, 1, 0x55],
    ]);
  });

  test('a repeated store goes downward with the direction flag, an element at a time', () => {
    // rep stosd
    const m = machine(32, [0xf3, 0xab]);
    m.state.rflags |= 0x400;
    m.state.gpr[RDI] = BigInt(BAR + 8);
    m.state.gpr[RCX] = 3n;
    m.state.gpr[0] = 7n;
    m.emulator.step();
    expect(m.target.log.map(([, at]) => at)).toEqual([8, 4, 0]);
    expect(m.state.gpr[RDI]).toBe(BigInt(BAR - 4));
    expect(m.state.gpr[RCX]).toBe(0n);
  });

  test('a repeated instruction does a bounded number of turns and goes on from there', () => {
    // rep movsd from the range to RAM
    const m = machine(32, [0xf3, 0xa5]);
    m.state.gpr[RSI] = BigInt(BAR);
    m.state.gpr[RDI] = 0x20000n;
    m.state.gpr[RCX] = 5000n;
    expect(m.emulator.step().kind).toBe('done');
    expect(m.state.gpr[RCX]).toBe(5000n - 4096n);
    expect(m.state.rip).toBe(BigInt(CODE));
    expect(m.emulator.step().kind).toBe('done');
    expect(m.state.rip).toBe(BigInt(CODE + 2));
    expect(m.target.log).toHaveLength(5000);
    expect(m.ram[0x20000 + 19_999]).toBe(byteAt(19_999));
  });

  test('what nothing answers for reads as ones and is counted', () => {
    const m = machine(32, [0x8b, 0x03]);
    m.state.gpr[3] = 0xe0000000n;
    m.emulator.step();
    expect(m.state.gpr[0]).toBe(0xffffffffn);
    expect(m.bus.stray).toBe(1);
  });
});

describe('faults leave the state as the architecture says', () => {
  test('segment limits, null and read-only segments are #GP, the stack is #SS', () => {
    const m = machine(32, [0x8b, 0x03]);
    const ds = m.state.segments[3] as CpuState['segments'][number];
    ds.limit = 0xfff;
    m.state.gpr[3] = 0xffdn;
    expect(m.emulator.step()).toEqual({ kind: 'fault', vector: 13, errorCode: 0 });
    m.state.gpr[3] = 0xffcn;
    expect(m.emulator.step().kind).toBe('done');
    const stack = machine(32, [0x50]);
    (stack.state.segments[2] as CpuState['segments'][number]).limit = 0xff;
    stack.state.gpr[RSP] = 0x200n;
    expect(stack.emulator.step()).toEqual({ kind: 'fault', vector: 12, errorCode: 0 });
    expect(stack.state.gpr[RSP]).toBe(0x200n);
  });

  test('a segment that expands down holds what is above its limit', () => {
    const m = machine(32, [0x8b, 0x03]);
    const ds = m.state.segments[3] as CpuState['segments'][number];
    ds.expandDown = true;
    ds.limit = 0xfff;
    m.state.gpr[3] = 0xfffn;
    expect(m.emulator.step().kind).toBe('fault');
    m.state.gpr[3] = 0x1000n;
    expect(m.emulator.step().kind).toBe('done');
  });

  test('real mode adds the segment’s base and ends at 64 KiB', () => {
    // mov ax, [bx]
    const m = machine(16, [0x8b, 0x07]);
    (m.state.segments[3] as CpuState['segments'][number]).base = 0x20000n;
    m.ram.set([0x34, 0x12], 0x20010);
    m.state.gpr[3] = 0x10n;
    expect(m.emulator.step().kind).toBe('done');
    expect(m.state.gpr[0]).toBe(0x1234n);
    m.state.rip = BigInt(CODE);
    m.state.gpr[3] = 0xffffn;
    expect(m.emulator.step()).toEqual({ kind: 'fault', vector: 13, errorCode: 0 });
  });

  test('32-bit page tables: 4 KiB and 4 MiB pages, accessed and dirty bits, both pages of a store', () => {
    // mov [ebx], eax
    const m = machine(32, [0x89, 0x03]);
    const view = new DataView(m.ram.buffer);
    const [directory, table] = [0x4000, 0x5000];
    view.setUint32(directory, table | 3, true);
    // Code, two pages of RAM of which the second can only be read, and the BAR as a large page.
    view.setUint32(table + 1 * 4, 0x1000 | 3, true);
    view.setUint32(table + 0x10 * 4, 0x10000 | 3, true);
    view.setUint32(table + 0x11 * 4, 0x11000 | 1, true);
    view.setUint32(directory + (0x40000000 >>> 22) * 4, BAR | 0x83, true);
    m.state.cr0 |= CR0_PG | CR0_WP;
    m.state.cr4 |= CR4_PSE;
    m.state.cr3 = BigInt(directory);
    m.state.gpr[0] = 0x11223344n;
    m.state.gpr[3] = 0x10ffen;
    expect(m.emulator.step()).toEqual({ kind: 'fault', vector: 14, errorCode: 3 });
    expect(m.state.cr2).toBe(0x11000n);
    // Nothing of the first page was written.
    expect([m.ram[0x10ffe], m.ram[0x10fff]]).toEqual([0, 0]);
    m.state.gpr[3] = 0x10ffcn;
    expect(m.emulator.step().kind).toBe('done');
    expect(view.getUint32(table + 0x10 * 4, true) & 0x60).toBe(0x60);
    m.state.rip = BigInt(CODE);
    m.state.gpr[3] = 0x40000010n;
    expect(m.emulator.step().kind).toBe('done');
    expect(m.target.log).toEqual([['w', 0x10, 4, 0x11223344]]);
    m.state.rip = BigInt(CODE);
    m.state.gpr[3] = 0x80000000n;
    expect(m.emulator.step()).toEqual({ kind: 'fault', vector: 14, errorCode: 2 });
  });

  test('bytes that are no instruction are #UD; those that end too early are refused', () => {
    for (const code of [
      [0x0f, 0x04],
      [0x0f, 0x0b],
    ]) {
      expect(machine(64, code).emulator.step()).toMatchObject({ kind: 'fault', vector: 6 });
    }
    const short = machine(32, []);
    short.ram.set([0x8b, 0x80], short.ram.length - 2);
    short.state.rip = BigInt(short.ram.length - 2);
    // Behind RAM all bits read as ones: a displacement of -1.
    short.state.gpr[0] = 1n;
    expect(short.emulator.step().kind).toBe('done');
    (short.state.segments[1] as CpuState['segments'][number]).limit = short.ram.length - 1;
    short.state.rip = BigInt(short.ram.length - 2);
    expect(short.emulator.step()).toEqual({
      kind: 'refused',
      reason: 'the instruction is truncated',
    });
    expect(machine(64, [0x62, 0xf1, 0x7c, 0x48, 0x10, 0x03]).emulator.step()).toEqual({
      kind: 'refused',
      reason: 'the instruction is unsupported',
    });
  });

  test('what is not emulated is refused by name, with nothing done', () => {
    // cpuid; mov ds, eax
    expect(machine(32, [0x0f, 0xa2]).emulator.step()).toEqual({
      kind: 'refused',
      reason: 'Cpuid is not emulated',
    });
    expect(machine(32, [0x8e, 0xd8]).emulator.step().kind).toBe('refused');
  });

  test.each([
    ['movq mm0, [eax]', [0x0f, 0x6f, 0x00]],
    ['movq [eax], mm0', [0x0f, 0x7f, 0x00]],
    ['jmp far [eax]', [0xff, 0x28]],
    ['call far [eax]', [0xff, 0x18]],
    ['jmp far 8:0', [0xea, 0, 0, 0, 0, 8, 0]],
    ['lgdt [eax]', [0x0f, 0x01, 0x10]],
    ['smsw [eax]', [0x0f, 0x01, 0x20]],
    ['ltr [eax]', [0x0f, 0x00, 0x18]],
    ['insb', [0x6c]],
    ['fld [eax]', [0xd9, 0x00]],
    ['pfmin mm0, [eax]', [0x0f, 0x0f, 0x00, 0x94]],
  ])('%s is refused, and nothing is touched', (_name, code) => {
    const m = machine(32, code);
    m.state.gpr[0] = BigInt(BAR);
    const before = [...m.state.gpr, m.state.rip];
    expect(m.emulator.step().kind).toBe('refused');
    expect([...m.state.gpr, m.state.rip]).toEqual(before);
    expect(m.target.log).toEqual([]);
  });

  test('an access across two pages of device memory is the bytes of both, lowest first', () => {
    // mov ax, [ebx]; mov [ebx], ax
    const m = machine(32, [0x66, 0x8b, 0x03, 0x66, 0x89, 0x03]);
    m.state.gpr[3] = BigInt(BAR + 0xfff);
    expect(m.emulator.step().kind).toBe('done');
    expect(m.state.gpr[0]).toBe(BigInt((byteAt(0x1000) << 8) | byteAt(0xfff)));
    expect(m.emulator.step().kind).toBe('done');
    expect(m.target.log).toEqual([
      ['r', 0xfff, 1],
      ['r', 0x1000, 1],
      ['w', 0xfff, 1, byteAt(0xfff)],
      ['w', 0x1000, 1, byteAt(0x1000)],
    ]);
  });

  test('SSE that is not switched on is #UD, and #NM while its state is another task’s', () => {
    const m = machine(32, [0x0f, 0x11, 0x03]);
    m.state.gpr[3] = 0x2000n;
    m.state.cr0 |= 8;
    expect(m.emulator.step()).toMatchObject({ kind: 'fault', vector: 7 });
    m.state.cr4 = 0;
    expect(m.emulator.step()).toMatchObject({ kind: 'fault', vector: 6 });
  });
});

/** Instructions with [ebx] as their memory operand; esi and edi hold the same address. */
const WITH_V86: readonly (readonly [name: string, code: readonly number[]])[] = [
  ['mov eax, m', [0x8b, 0x03]],
  ['mov ax, m', [0x66, 0x8b, 0x03]],
  ['mov al, m', [0x8a, 0x03]],
  ['mov m, eax', [0x89, 0x03]],
  ['mov m, al', [0x88, 0x03]],
  ['movzx eax, word m', [0x0f, 0xb7, 0x03]],
  ['add m, eax', [0x01, 0x03]],
  ['or m, al', [0x08, 0x03]],
  ['and m, ax', [0x66, 0x21, 0x03]],
  ['cmp m, eax', [0x39, 0x03]],
  ['inc m', [0xff, 0x03]],
  ['not m', [0xf7, 0x13]],
  ['shl m, 3', [0xc1, 0x23, 0x03]],
  ['xchg m, eax', [0x87, 0x03]],
  ['lock xadd m, eax', [0xf0, 0x0f, 0xc1, 0x03]],
  ['movq xmm1, m', [0xf3, 0x0f, 0x7e, 0x0b]],
  ['movq m, xmm1', [0x66, 0x0f, 0xd6, 0x0b]],
  ['movups xmm1, m', [0x0f, 0x10, 0x0b]],
  ['movdqu m, xmm1', [0xf3, 0x0f, 0x7f, 0x0b]],
  ['movhps m, xmm1', [0x0f, 0x17, 0x0b]],
  ['lodsd', [0xad]],
  ['stosw', [0x66, 0xab]],
  ['rep stosd', [0xf3, 0xab]],
  ['rep lodsb', [0xf3, 0xac]],
  ['scasd', [0xaf]],
  ['repe cmpsb', [0xf3, 0xa6]],
];
const OFFSETS = [0, 1, 2, 3, 4, 6, 7, 0xffd];

/**
 * An access as bytes: processors differ in how wide they go, not in which byte comes when; but for
 * what is read across the end of a page before it is written, where v86 begins with the middle.
 */
function bytesOf(log: readonly Seen[], crossing: boolean): string[] {
  const reads = (s: Seen): number => (s[0] === 'r' ? s[1] : RANGE);
  const ordered = crossing ? [...log].sort((a, b) => reads(a) - reads(b)) : log;
  return ordered.flatMap(([kind, offset, size, value = 0]) =>
    Array.from({ length: size }, (_, i) =>
      kind === 'r' ? `r${offset + i}` : `w${offset + i}=${(value >>> (8 * i)) & 0xff}`,
    ),
  );
}

test('device accesses and results are those of v86 for the same instructions', async () => {
  const cases = WITH_V86.flatMap(([name, code]) =>
    OFFSETS.map((offset) => ({ name, code, offset })),
  );
  const imm = (value: number): number[] => [0, 8, 16, 24].map((s) => (value >>> s) & 0xff);
  const start = ({ code, offset }: (typeof cases)[number]): number[] => [
    ...[0xbb, ...imm(BAR + offset), 0xbe, ...imm(BAR + offset), 0xbf, ...imm(BAR + offset)],
    ...[0xb9, ...imm(3), 0xb8, ...imm(0x89abcdef), ...code],
  ];
  const MARK = 0x1f000;
  const program = new Program();
  // cr4.OSFXSR, then xmm1 = 0x10 .. 0x1f from RAM.
  program.bytes(0x0f, 0x20, 0xe0, 0x0d, ...imm(0x200), 0x0f, 0x22, 0xe0);
  for (let i = 0; i < 4; i++) program.poke(0x3000 + i * 4, 0x13121110 + i * 0x04040404);
  for (const one of cases) {
    program.bytes(0x0f, 0x10, 0x0d, ...imm(0x3000), ...start(one)).store(BAR + MARK);
  }
  const wasm = new Uint8Array(
    readFileSync(fileURLToPath(import.meta.resolve('v86/build/v86.wasm'))),
  );
  const engine = await createV86Engine({ wasm, bios: tinyBios(program.done()), memoryMib: 16 });
  const theirs = new Recorder();
  engine.mapMmio(BAR, RANGE, theirs);
  const end = new Promise((resolve) => engine.onEnd(resolve));
  engine.run();
  await end;
  engine.destroy();

  const found: Seen[][] = [[]];
  for (const access of theirs.log) {
    (found.at(-1) as Seen[]).push(access);
    if (access[1] === MARK) found.push([]);
  }
  expect(found).toHaveLength(cases.length + 1);
  const differences: string[] = [];
  for (const [i, one] of cases.entries()) {
    const m = machine(32, [...start(one), 0xa3, ...imm(BAR + MARK)]);
    m.state.vectors.set(
      Array.from({ length: 16 }, (_, b) => 0x10 + b),
      32,
    );
    for (let n = 0; n < 16 && m.target.log.at(-1)?.[1] !== MARK; n++) m.emulator.step();
    const crossing = one.offset === OFFSETS.at(-1);
    const [mine, v86] = [m.target.log, found[i] as Seen[]].map((log) =>
      bytesOf(log, crossing).join(' '),
    );
    if (mine !== v86)
      differences.push(`${one.name} at ${one.offset}:\n  here ${mine}\n  v86  ${v86}`);
  }
  expect(differences).toEqual([]);
});
