import { MEDIA_ROWS } from './media-commands.ts';
import { RENDER_ROWS } from './render-commands.ts';
import {
  type CommandRow,
  DISPLAY,
  ON_ALL,
  ON_BCS,
  ON_RCS,
  ON_VCS,
  ON_VECS,
  PIPELINE,
  PRIVILEGED,
  REGISTERS,
  RESOURCE_STREAMER,
} from './row.ts';

const SRC =
  'HSW PRM vol.2a MI commands; Mesa gen75.xml; i915 intel_gpu_commands.h, i915_cmd_parser.c';
const ON_RING_DISPLAY: number = ON_RCS | ON_BCS;

/** A command of one dword. */
function one(op: number, name: string, on: number = ON_ALL, flags: number = 0): CommandRow {
  return { name, opcode: op << 23, bits: 9, on, length: { fixed: 1 }, dwords: 1, flags, src: SRC };
}

/** A command with a length field in the bits of `mask`. @param dwords the fewest it takes */
function mi(
  op: number,
  name: string,
  mask: number,
  dwords: number,
  on: number = ON_ALL,
  flags: number = 0,
): CommandRow {
  return { name, opcode: op << 23, bits: 9, on, length: { mask }, dwords, flags, src: SRC };
}

/**
 * The memory interface commands of gen7.5, by opcode. What its neighbours have and it has not, so
 * that the parser stops at them: 0x10, 0x11, 0x15 and 0x17 name nothing; 0x1B, 0x1C
 * (MI_SEMAPHORE_SIGNAL and WAIT), 0x2E (MI_COPY_MEM_MEM), 0x2F (MI_ATOMIC) and 0x33 come with gen8;
 * MI_LOAD_REGISTER_REG, MI_MATH, MI_SET_PREDICATE and MI_RS_* come with gen7.5 itself.
 */
// biome-ignore format: one command a line
const MI_ROWS: readonly CommandRow[] = [
  one(0x00, 'MI_NOOP'),
  one(0x01, 'MI_SET_PREDICATE', ON_RCS),
  one(0x02, 'MI_USER_INTERRUPT'),
  one(0x03, 'MI_WAIT_FOR_EVENT', ON_RING_DISPLAY, DISPLAY),
  one(0x04, 'MI_FLUSH'),
  one(0x05, 'MI_ARB_CHECK'),
  one(0x06, 'MI_RS_CONTROL', ON_RCS, RESOURCE_STREAMER),
  one(0x07, 'MI_REPORT_HEAD'),
  one(0x08, 'MI_ARB_ON_OFF', ON_ALL, PRIVILEGED),
  one(0x09, 'MI_URB_ATOMIC_ALLOC', ON_RCS, PIPELINE),
  one(0x0a, 'MI_BATCH_BUFFER_END'),
  one(0x0b, 'MI_SUSPEND_FLUSH', ON_ALL, PRIVILEGED),
  one(0x0c, 'MI_PREDICATE', ON_RCS),
  one(0x0d, 'MI_TOPOLOGY_FILTER', ON_RCS, PIPELINE),
  one(0x0e, 'MI_SET_APPID'),
  one(0x0f, 'MI_RS_CONTEXT', ON_RCS),
  mi(0x12, 'MI_LOAD_SCAN_LINES_INCL',  0x3f, 2, ON_RING_DISPLAY, DISPLAY | PRIVILEGED),
  mi(0x13, 'MI_LOAD_SCAN_LINES_EXCL',  0x3f, 2, ON_RING_DISPLAY, DISPLAY | PRIVILEGED),
  mi(0x14, 'MI_DISPLAY_FLIP',          0x3f, 3, ON_RING_DISPLAY, DISPLAY | PRIVILEGED),
  mi(0x16, 'MI_SEMAPHORE_MBOX',        0xff, 3),
  mi(0x18, 'MI_SET_CONTEXT',           0xff, 2, ON_RCS, PRIVILEGED),
  mi(0x19, 'MI_URB_CLEAR',             0xff, 2, ON_RCS),
  mi(0x1a, 'MI_MATH',                  0xff, 2, ON_RCS),
  mi(0x20, 'MI_STORE_DATA_IMM',        0x3f, 4),
  mi(0x21, 'MI_STORE_DATA_INDEX',      0xff, 3, ON_ALL, PRIVILEGED),
  mi(0x22, 'MI_LOAD_REGISTER_IMM',     0xff, 3, ON_ALL, REGISTERS),
  mi(0x23, 'MI_UPDATE_GTT',            0xff, 2, ON_ALL, PRIVILEGED),
  mi(0x24, 'MI_STORE_REGISTER_MEM',    0xff, 3, ON_ALL, REGISTERS),
  mi(0x26, 'MI_FLUSH_DW',              0x3f, 3, ON_VCS | ON_BCS | ON_VECS),
  mi(0x27, 'MI_CLFLUSH',               0x3ff, 2, ON_RCS),
  mi(0x28, 'MI_REPORT_PERF_COUNT',     0x3f, 3, ON_RCS),
  mi(0x29, 'MI_LOAD_REGISTER_MEM',     0xff, 3, ON_ALL, REGISTERS),
  mi(0x2a, 'MI_LOAD_REGISTER_REG',     0xff, 3, ON_ALL, REGISTERS),
  mi(0x2b, 'MI_RS_STORE_DATA_IMM',     0xff, 4, ON_RCS),
  mi(0x2c, 'MI_LOAD_URB_MEM',          0xff, 3, ON_RCS),
  mi(0x2d, 'MI_STORE_URB_MEM',         0xff, 3, ON_RCS),
  mi(0x31, 'MI_BATCH_BUFFER_START',    0xff, 2),
  mi(0x36, 'MI_CONDITIONAL_BATCH_BUFFER_END', 0xff, 3),
];

/** Every command that Haswell's four command streamers know, but for the 2D engine's (blt/). */
export const CS_COMMANDS: readonly CommandRow[] = [...MI_ROWS, ...RENDER_ROWS, ...MEDIA_ROWS];
