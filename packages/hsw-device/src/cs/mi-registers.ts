import type { Engine } from './engine.ts';
import { USE_GGTT } from './mi.ts';
import { PREDICATE_RESULT } from './predicate.ts';

/** First register beyond the ones MI commands can name: BAR0's register half. */
const REGISTER_END = 0x200000;

/**
 * Ranges (first, last) that a batch without privilege may write; a write of another is a no-op. PRM
 * vol.2a "User Mode Privileged Commands"; i915 i915_cmd_parser.c `gen7_render_regs` names the same
 * ones. OACONTROL and the L3 registers are not among them: i915 lets batches write those that it
 * has checked and runs with privilege. FORCE_TO_NONPRIV, which widens the list, comes with gen8.
 */
// biome-ignore format: one range a line
const USER_WRITABLE: readonly (readonly [number, number])[] = [
  [0x2290, 0x2294],     // GPGPU_THREADS_DISPATCHED
  [0x2300, 0x2354],     // pipeline statistics, PS_DEPTH_COUNT
  [0x2400, 0x241c],     // MI_PREDICATE_*
  [0x2420, 0x243c],     // 3DPRIM_*
  [0x2500, 0x2508],     // GPGPU_DISPATCHDIM*
  [0x2600, 0x267c],     // CS_GPR
  [0x5200, 0x523c],     // SO_NUM_PRIMS_WRITTEN, SO_PRIM_STORAGE_NEEDED
  [0x5240, 0x529c],     // SO write offsets
  [0x22200, 0x22200],   // BCS_SWCTRL
];

/** What such a batch may read besides: the engines' time stamps. */
const USER_READABLE: readonly (readonly [number, number])[] = [
  [0x2358, 0x235c],
  [0x12358, 0x1235c],
  [0x1a358, 0x1a35c],
  [0x22358, 0x2235c],
];

function within(ranges: readonly (readonly [number, number])[], offset: number): boolean {
  for (const [first, last] of ranges) if (offset >= first && offset <= last) return true;
  return false;
}

function mayWrite(e: Engine, offset: number): boolean {
  return e.privileged || within(USER_WRITABLE, offset);
}

function mayRead(e: Engine, offset: number): boolean {
  return e.privileged || within(USER_WRITABLE, offset) || within(USER_READABLE, offset);
}

/** Writes a register as a command of the batch at hand may. */
export function writeRegister(e: Engine, offset: number, value: number): void {
  if (offset >= REGISTER_END || !mayWrite(e, offset)) {
    e.counters.refusedWrites++;
    return;
  }
  e.regs.write32(offset, value);
}

/** Whether a command of the batch at hand may read a register; what it may not is counted. */
function readable(e: Engine, offset: number): boolean {
  if (offset < REGISTER_END && mayRead(e, offset)) return true;
  e.counters.refusedWrites++;
  return false;
}

/** Register offset operand, bits 22:2. */
export function registerOf(dword: number): number {
  return dword & 0x7ffffc;
}

/** MI_LOAD_REGISTER_IMM: (offset, value) pairs; 11:8 keep bytes from being written. PRM vol.2a. */
export function miLoadRegisterImm(e: Engine): void {
  const keep = ((e.cmd[0] as number) >>> 8) & 0xf;
  if (keep !== 0) return loadBytes(e, keep);
  for (let i = 1; i + 1 < e.length; i += 2) {
    writeRegister(e, registerOf(e.cmd[i] as number), e.cmd[i + 1] as number);
  }
}

function loadBytes(e: Engine, keep: number): void {
  let mask = 0;
  for (let byte = 0; byte < 4; byte++) if ((keep & (1 << byte)) !== 0) mask |= 0xff << (byte * 8);
  for (let i = 1; i + 1 < e.length; i += 2) {
    const offset = registerOf(e.cmd[i] as number);
    const old = offset < REGISTER_END ? e.regs.peek(offset) : 0;
    writeRegister(e, offset, (old & mask) | ((e.cmd[i + 1] as number) & ~mask));
  }
}

export function miLoadRegisterMem(e: Engine): void {
  const space = e.space(((e.cmd[0] as number) & USE_GGTT) !== 0);
  if (space === null) return;
  writeRegister(e, registerOf(e.cmd[1] as number), space.read32((e.cmd[2] as number) & ~3));
}

/**
 * MI_LOAD_REGISTER_REG: dword 1 source, 2 destination. A no-op when either is out of reach: the
 * destination keeps its value. PRM vol.2a; IGT gen7_exec_parse "load-register-reg".
 */
export function miLoadRegisterReg(e: Engine): void {
  const source = registerOf(e.cmd[1] as number);
  if (!readable(e, source)) return;
  writeRegister(e, registerOf(e.cmd[2] as number), e.regs.read32(source));
}

/** MI_STORE_REGISTER_MEM; 21 predicates it on HSW. PRM vol.2a. */
export function miStoreRegisterMem(e: Engine): void {
  const header = e.cmd[0] as number;
  if ((header & 0x200000) !== 0 && (e.regs.peek(PREDICATE_RESULT) & 1) === 0) return;
  const space = e.space((header & USE_GGTT) !== 0);
  if (space === null) return;
  const offset = registerOf(e.cmd[1] as number);
  const value = readable(e, offset) ? e.regs.read32(offset) : 0;
  space.write32((e.cmd[2] as number) & ~3, value);
}
