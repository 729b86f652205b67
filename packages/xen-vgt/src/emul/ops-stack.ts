import { RBP, RSP, SS } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { Unhandled } from './fault.ts';
import { mask } from './flags.ts';
import { OP_GPR, OP_SEGMENT } from './insn.ts';

/** Width of what is pushed or popped. */
function itemBytes(e: Exec): number {
  return Math.abs(e.insn.stackStep);
}

function push(e: Exec): void {
  const n = itemBytes(e);
  e.push(e.read(0, n), n);
}

/** A pop into memory addressed by rSP uses rSP after the pop. */
function pop(e: Exec): void {
  const op = e.op(0);
  if (op.kind === OP_SEGMENT) throw new Unhandled('a segment register is popped');
  const n = itemBytes(e);
  const value = e.top(n);
  const before = e.state.gpr[RSP] as bigint;
  e.dropStack(BigInt(n));
  if (op.kind === OP_GPR) {
    e.write(0, value, n);
    return;
  }
  try {
    e.write(0, value, n);
  } catch (error) {
    e.state.gpr[RSP] = before;
    throw error;
  }
}

function call(e: Exec): void {
  const target = e.branchTarget(0);
  const n = itemBytes(e);
  e.probePush(n);
  e.checkTarget(target);
  e.push(e.nextIp & mask(n), n);
  e.nextIp = target;
}

function ret(e: Exec): void {
  const extra = e.insn.count > 0 ? e.read(0, 2) : 0n;
  const n = e.insn.stackStep - Number(extra);
  const target = e.top(n);
  e.checkTarget(target);
  e.dropStack(BigInt(n) + extra);
  e.nextIp = target;
}

function leave(e: Exec): void {
  const n = itemBytes(e);
  const { stackBytes } = e;
  const frame = e.readGpr(RBP, stackBytes);
  e.memory.read(SS, frame, n);
  const value = e.fromBuffer(n);
  e.writeGpr(RSP, stackBytes, (frame + BigInt(n)) & mask(stackBytes));
  e.writeGpr(RBP, n, value);
}

/** Near forms of what uses the stack, and jumps, by iced's mnemonic. */
export const STACK: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['Push', push],
  ['Pop', pop],
  ['Call', call],
  ['Ret', ret],
  ['Leave', leave],
  ['Jmp', (e) => e.jump(e.branchTarget(0))],
]);
