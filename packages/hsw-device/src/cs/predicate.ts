import { commandByName } from './decode.ts';
import type { Engine } from './engine.ts';

/** Predicate registers, 64 bits each but the results. PRM vol.2c; i915 `MI_PREDICATE_*`. */
const PREDICATE_SRC0 = 0x2400;
const PREDICATE_SRC1 = 0x2408;
const PREDICATE_DATA = 0x2410;
/** What MI_PREDICATE computes; predicates 3DPRIMITIVE and MI_STORE_REGISTER_MEM. */
export const PREDICATE_RESULT = 0x2418;
/** Predicates MI_BATCH_BUFFER_START: i915 loads it for its waits in i915_perf.c. */
export const PREDICATE_RESULT_1 = 0x241c;
/** Predicates by MI_SET_PREDICATE. i915 `HSW_MI_PREDICATE_RESULT_2`: set where both slices are on. */
const PREDICATE_RESULT_2 = 0x2214;

const COMPARE_TRUE = 0;
const COMPARE_SRCS_EQUAL = 2;
const COMPARE_DELTAS_EQUAL = 3;
const COMBINE_AND = 1;
const COMBINE_OR = 2;
const COMBINE_XOR = 3;
const LOAD_KEEP = 0;
const LOAD_INVERTED = 3;

function compare(e: Engine, operation: number): boolean {
  const { regs } = e;
  if (operation === COMPARE_SRCS_EQUAL) {
    return (
      regs.peek(PREDICATE_SRC0) === regs.peek(PREDICATE_SRC1) &&
      regs.peek(PREDICATE_SRC0 + 4) === regs.peek(PREDICATE_SRC1 + 4)
    );
  }
  if (operation === COMPARE_DELTAS_EQUAL) {
    const delta = (regs.peek(PREDICATE_SRC0) - regs.peek(PREDICATE_SRC1)) | 0;
    return delta === regs.peek(PREDICATE_DATA);
  }
  return operation === COMPARE_TRUE;
}

/** MI_PREDICATE: 7:6 load, 4:3 combine, 1:0 compare. PRM vol.2a. */
export function miPredicate(e: Engine): void {
  const header = e.cmd[0] as number;
  const load = (header >>> 6) & 3;
  if (load === LOAD_KEEP) return;
  let value = compare(e, header & 3);
  const old = (e.regs.peek(PREDICATE_RESULT) & 1) !== 0;
  const combine = (header >>> 3) & 3;
  if (combine === COMBINE_AND) value = old && value;
  else if (combine === COMBINE_OR) value = old || value;
  else if (combine === COMBINE_XOR) value = old !== value;
  if (load === LOAD_INVERTED) value = !value;
  e.regs.poke(PREDICATE_RESULT, value ? 1 : 0);
}

/** MI_SET_PREDICATE 1:0: what makes the commands after it no-ops. */
const NEVER = 0;
const ON_RESULT_2_CLEAR = 1;
const ON_RESULT_2_SET = 2;

/**
 * MI_SET_PREDICATE. PRM vol.2a. Here it ends with the batch that gave it: left on, it would make
 * no-ops of another VM's commands.
 */
export function miSetPredicate(e: Engine): void {
  e.predicate = e.level === 0 ? NEVER : (e.cmd[0] as number) & 3;
}

const SET_PREDICATE: number = commandByName('MI_SET_PREDICATE');
const BATCH_END: number = commandByName('MI_BATCH_BUFFER_END');

/** Whether MI_SET_PREDICATE makes a no-op of a command; only asked while it is not NEVER. */
export function predicatedAway(e: Engine, index: number): boolean {
  if (index === SET_PREDICATE || index === BATCH_END) return false;
  const set = (e.regs.peek(PREDICATE_RESULT_2) & 1) !== 0;
  if (e.predicate === ON_RESULT_2_CLEAR) return !set;
  if (e.predicate === ON_RESULT_2_SET) return set;
  return true;
}
