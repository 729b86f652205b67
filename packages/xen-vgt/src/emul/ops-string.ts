import { DF, ES, RAX, RCX, RDI, RSI, ZF } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { mask } from './flags.ts';

/** Turns of a repeated instruction in one call; the rest begins again at the same rIP. */
export const TURNS_MAX = 4096;

/** What a string instruction does in one turn. */
type Turn = (e: Exec, bytes: number) => void;

function index(e: Exec, reg: number): bigint {
  return e.readGpr(reg, e.insn.addressBytes);
}

function advance(e: Exec, reg: number, bytes: number): void {
  const step = (e.state.rflags & DF) === 0 ? BigInt(bytes) : BigInt(-bytes);
  const n = e.insn.addressBytes;
  e.writeGpr(reg, n, (e.readGpr(reg, n) + step) & mask(n));
}

function source(e: Exec, bytes: number): bigint {
  e.memory.read(e.insn.segment, index(e, RSI), bytes);
  return e.fromBuffer(bytes);
}

function destination(e: Exec, bytes: number): bigint {
  e.memory.read(ES, index(e, RDI), bytes);
  return e.fromBuffer(bytes);
}

function store(e: Exec, bytes: number, value: bigint): void {
  e.toBuffer(bytes, value);
  e.memory.write(ES, index(e, RDI), bytes);
}

const TURNS: Readonly<Record<string, Turn>> = {
  Movs: (e, n) => {
    store(e, n, source(e, n));
    advance(e, RSI, n);
    advance(e, RDI, n);
  },
  Stos: (e, n) => {
    store(e, n, e.readGpr(RAX, n));
    advance(e, RDI, n);
  },
  Lods: (e, n) => {
    e.writeGpr(RAX, n, source(e, n));
    advance(e, RSI, n);
  },
  Cmps: (e, n) => {
    const a = source(e, n);
    e.alu.sub(e.state.rflags, a, destination(e, n), n);
    e.setFlags(e.alu.flags);
    advance(e, RSI, n);
    advance(e, RDI, n);
  },
  Scas: (e, n) => {
    e.alu.sub(e.state.rflags, e.readGpr(RAX, n), destination(e, n), n);
    e.setFlags(e.alu.flags);
    advance(e, RDI, n);
  },
};

const COMPARING = new Set(['Cmps', 'Scas']);

/**
 * One string instruction with its prefix. A fault leaves the registers as the turns before it made
 * them, so that the instruction goes on from there. SDM vol.2 REP.
 */
function repeated(name: string, bytes: number): Handler {
  const turn = TURNS[name] as Turn;
  const comparing = COMPARING.has(name);
  return (e) => {
    const { insn, state } = e;
    if (!insn.rep && !insn.repne) {
      turn(e, bytes);
      return;
    }
    const n = insn.addressBytes;
    for (let i = 0; i < TURNS_MAX; i++) {
      const left = e.readGpr(RCX, n);
      if (left === 0n) {
        // A 4-byte count is written even when nothing was counted.
        return;
      }
      turn(e, bytes);
      e.writeGpr(RCX, n, left - 1n);
      if (left === 1n) return;
      if (comparing && ((state.rflags & ZF) !== 0) !== insn.rep) return;
    }
    e.nextIp = state.rip;
  };
}

const WIDTHS = [
  ['b', 1],
  ['w', 2],
  ['d', 4],
  ['q', 8],
] as const;

/** String instructions by iced's mnemonic and, for MOVSD and CMPSD of SSE, by what they are not. */
export const STRING: ReadonlyMap<string, Handler> = new Map(
  Object.keys(TURNS).flatMap((name) =>
    WIDTHS.map(([letter, bytes]): [string, Handler] => [name + letter, repeated(name, bytes)]),
  ),
);
