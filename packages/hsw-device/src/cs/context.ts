import { CCID_VALID, RING_CCID } from '../gt/engine.regs.ts';
import { PIPELINE } from './commands.ts';
import { COMMAND_FLAGS, commandIndex, commandLength } from './decode.ts';
import { COMMAND_MAX, type Engine } from './engine.ts';
import { keepState } from './state.ts';

/** MI_SET_CONTEXT DWord 1. PRM vol.2a; i915 `MI_FORCE_RESTORE`, `MI_RESTORE_INHIBIT`. */
const FORCE_RESTORE = 0x2;
const RESTORE_INHIBIT = 0x1;

/** Bytes of a render context image: 17 pages. i915 `HSW_CXT_TOTAL_SIZE`. */
export const CONTEXT_BYTES: number = 17 * 4096;
/** The image's first bytes hold ring state that this model keeps elsewhere. */
const IMAGE_START = 0x100;
const LRI: number = 0x22 << 23;
const BATCH_END: number = 0x0a << 23;

/** Runs of registers (first, count of dwords) that a render context holds. */
// biome-ignore format: one run a line
const CONTEXT_REGISTERS: readonly (readonly [number, number])[] = [
  [0x2028, 1],     // EXCC
  [0x2310, 18],    // statistics: invocation and primitive counts, PS_DEPTH_COUNT
  [0x2400, 8],     // MI_PREDICATE_*
  [0x2420, 8],     // 3DPRIM_*
  [0x2500, 3],     // GPGPU_DISPATCHDIM*
  [0x2600, 32],    // CS_GPR
  [0x5200, 16],    // SO_NUM_PRIMS_WRITTEN
  [0x5240, 16],    // SO_PRIM_STORAGE_NEEDED
  [0x5280, 4],     // SO_WRITE_OFFSET
];
/** Masked mode registers of the context: MI_MODE, INSTPM, CACHE_MODE_0, CACHE_MODE_1, GT_MODE. */
const CONTEXT_MODES: readonly number[] = [0x209c, 0x20c0, 0x7000, 0x7004, 0x7008];
/** 1 for a plain register of the context, 2 for a mode register; by dword, below 0x8000. */
const IN_CONTEXT: Uint8Array = new Uint8Array(0x8000 / 4);
for (const [first, count] of CONTEXT_REGISTERS) IN_CONTEXT.fill(1, first / 4, first / 4 + count);
for (const offset of CONTEXT_MODES) IN_CONTEXT[offset / 4] = 2;

/** Where the next dword of an image goes; one image is written at a time. */
let cursor = 0;

function put(e: Engine, value: number): void {
  e.ggtt.write32(cursor, value);
  cursor += 4;
}

/**
 * Writes the running context's image: register loads, then the kept state commands, as a list that
 * the command streamer can run. @param image graphics address in the GGTT
 */
export function saveContext(e: Engine, image: number): void {
  cursor = image + IMAGE_START;
  for (const run of CONTEXT_REGISTERS) {
    put(e, LRI | (run[1] * 2 - 1));
    for (let i = 0; i < run[1]; i++) {
      put(e, run[0] + i * 4);
      put(e, e.regs.peek(run[0] + i * 4));
    }
  }
  put(e, LRI | (CONTEXT_MODES.length * 2 - 1));
  for (const offset of CONTEXT_MODES) {
    put(e, offset);
    put(e, (e.regs.peek(offset) & 0xffff) | (0xffff << 16));
  }
  for (const kept of e.kept) {
    if (kept === null || cursor + kept.length * 4 + 4 > image + CONTEXT_BYTES) continue;
    for (let i = 0; i < kept.length; i++) put(e, kept[i] as number);
  }
  put(e, BATCH_END);
}

function restoreRegisters(e: Engine): void {
  for (let i = 1; i + 1 < e.length; i += 2) {
    const offset = e.cmd[i] as number;
    const value = e.cmd[i + 1] as number;
    const kind = offset >= 0 && offset < 0x8000 ? IN_CONTEXT[offset >>> 2] : 0;
    if (kind === 1) e.regs.poke(offset, value);
    else if (kind === 2) e.regs.write32(offset, value);
    else e.counters.refusedWrites++;
  }
}

/**
 * Reads an image back. An image that a guest has spoilt ends at the first thing that cannot be in
 * one, or at its last page: no other register and nothing beyond it is touched.
 */
export function restoreContext(e: Engine, image: number): void {
  const end = image + CONTEXT_BYTES;
  let at = image + IMAGE_START;
  e.kept.fill(null);
  while (at < end) {
    const header = e.ggtt.read32(at);
    const index = commandIndex(header);
    if (index < 0 || header === BATCH_END) return;
    const length = commandLength(index, header);
    if (length > COMMAND_MAX || at + length * 4 > end) return;
    for (let i = 0; i < length; i++) e.cmd[i] = e.ggtt.read32(at + i * 4);
    e.length = length;
    if (header >>> 23 === LRI >>> 23) restoreRegisters(e);
    else if (((COMMAND_FLAGS[index] as number) & PIPELINE) !== 0) keepState(e, index);
    else return;
    at += length * 4;
  }
}

/**
 * MI_SET_CONTEXT: saves the running context into its image, then loads the named one. PRM vol.2a.
 * Without privilege it does nothing. A context with no address (0) is "no context".
 */
export function miSetContext(e: Engine): void {
  if (!e.privileged) {
    e.counters.refusedWrites++;
    return;
  }
  const operand = e.cmd[1] as number;
  const next = operand & ~0xfff;
  const running = e.contextAt;
  if (running === next && (operand & FORCE_RESTORE) === 0) return;
  if (running !== -1 && running !== next) saveContext(e, running);
  e.setReg(RING_CCID, next | (operand & 0x10c) | CCID_VALID);
  e.counters.contextSwitches++;
  if ((operand & RESTORE_INHIBIT) === 0) restoreContext(e, next);
}
