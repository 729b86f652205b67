import { CR0_EM, CR0_TS, CR4_OSFXSR, CR4_OSXSAVE } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { CpuFault, NM, UD } from './fault.ts';
import { OP_MEMORY } from './insn.ts';

/** #UD or #NM where SSE or AVX is not switched on. SDM vol.2 2.4. */
function requireVectors(e: Exec): void {
  const { state, insn } = e;
  if (insn.vex) {
    if ((state.cr4 & CR4_OSXSAVE) === 0 || (state.xcr0 & 6) !== 6 || !state.protectedMode) {
      throw new CpuFault(UD);
    }
  } else if ((state.cr0 & CR0_EM) !== 0 || (state.cr4 & CR4_OSFXSR) === 0) throw new CpuFault(UD);
  if ((state.cr0 & CR0_TS) !== 0) throw new CpuFault(NM);
}

/** A handler that runs only where vectors are switched on. */
export function vector(run: Handler): Handler {
  return (e) => {
    requireVectors(e);
    run(e);
  };
}

/** Source operand's bytes: a copy of the register, or the memory operand in the buffer. */
export function source(e: Exec, i: number, bytes: number): Uint8Array {
  const op = e.op(i);
  const { buffer } = e.memory;
  if (op.kind === OP_MEMORY) e.loadBytes(bytes);
  else buffer.set(e.vector(op.reg, bytes));
  return buffer.subarray(0, bytes);
}

/** Destination register's lower part; what AVX clears is cleared. */
export function result(e: Exec, bytes: number): Uint8Array {
  const { reg } = e.op(0);
  e.clearAbove(reg, bytes);
  return e.vector(reg, bytes);
}

/** Instructions that AVX has under the same name with a V before it. */
export function both(entries: readonly (readonly [string, Handler])[]): [string, Handler][] {
  return entries.flatMap(([name, run]): [string, Handler][] => [
    [name, vector(run)],
    [`V${name.toLowerCase()}`, vector(run)],
  ]);
}
