/** Engines that accept a command, one bit each. */
export const ON_RCS = 1;
export const ON_VCS = 2;
export const ON_BCS = 4;
export const ON_VECS = 8;
export const ON_ALL = 15;

/** What a command means to whoever must judge it before it runs. */
export const PRIVILEGED = 1;
/** The command names display hardware. */
export const DISPLAY = 2;
/** The command's registers are operands: LRI, LRM, LRR, SRM. */
export const REGISTERS = 4;
/** 3D, media and video state and primitives: parsed and kept; what would run shaders is recorded. */
export const PIPELINE = 8;

/** One command, as data. The executor, the mediator's scanner and the decoder read the same row. */
export interface CommandRow {
  /** Name as the PRM spells it. */
  readonly name: string;
  /** Opcode bits in place in DWord 0. */
  readonly opcode: number;
  /** How many top bits of DWord 0 identify it: 9 for MI, 10 for 2D, 16 for 3D and media. */
  readonly bits: 9 | 10 | 16;
  /** Engines that accept it. */
  readonly on: number;
  /** Dwords when fixed; else `(DWord 0 & mask) + 2`. */
  readonly length: { readonly fixed: number } | { readonly mask: number };
  /** Sum of the flags above. */
  readonly flags?: number;
  readonly src: string;
}

const MI = 'HSW PRM vol.2a MI commands; i915 intel_gpu_commands.h';
const R3D = 'HSW PRM vol.2a/2d 3D and media commands';
const one = { fixed: 1 } as const;
const len6 = { mask: 0x3f } as const;
const len8 = { mask: 0xff } as const;

function mi(
  op: number,
  name: string,
  length: CommandRow['length'],
  on: number = ON_ALL,
  flags: number = 0,
): CommandRow {
  return { name, opcode: op << 23, bits: 9, on, length, flags, src: MI };
}

// biome-ignore format: one command a line
const MI_ROWS: readonly CommandRow[] = [
  mi(0x00, 'MI_NOOP', one),
  mi(0x02, 'MI_USER_INTERRUPT', one),
  mi(0x03, 'MI_WAIT_FOR_EVENT', one, ON_RCS | ON_BCS, DISPLAY),
  mi(0x04, 'MI_FLUSH', one),
  mi(0x05, 'MI_ARB_CHECK', one),
  mi(0x06, 'MI_RS_CONTROL', one, ON_RCS),
  mi(0x07, 'MI_REPORT_HEAD', one),
  mi(0x08, 'MI_ARB_ON_OFF', one, ON_ALL, PRIVILEGED),
  mi(0x09, 'MI_URB_ATOMIC_ALLOC', one, ON_RCS),
  mi(0x0a, 'MI_BATCH_BUFFER_END', one),
  mi(0x0b, 'MI_SUSPEND_FLUSH', one, ON_ALL, PRIVILEGED),
  mi(0x0c, 'MI_PREDICATE', one, ON_RCS),
  mi(0x0d, 'MI_TOPOLOGY_FILTER', one, ON_RCS),
  mi(0x0e, 'MI_SET_APPID', one),
  mi(0x0f, 'MI_RS_CONTEXT', one, ON_RCS),
  mi(0x12, 'MI_LOAD_SCAN_LINES_INCL', len6, ON_RCS | ON_BCS, DISPLAY),
  mi(0x13, 'MI_LOAD_SCAN_LINES_EXCL', len6, ON_RCS | ON_BCS, DISPLAY),
  mi(0x14, 'MI_DISPLAY_FLIP', len6, ON_RCS | ON_BCS, DISPLAY | PRIVILEGED),
  mi(0x16, 'MI_SEMAPHORE_MBOX', len8),
  mi(0x18, 'MI_SET_CONTEXT', len8, ON_RCS, PRIVILEGED),
  mi(0x19, 'MI_URB_CLEAR', len8, ON_RCS),
  mi(0x1a, 'MI_MATH', len8, ON_RCS),
  mi(0x20, 'MI_STORE_DATA_IMM', len6),
  mi(0x21, 'MI_STORE_DATA_INDEX', len8),
  mi(0x22, 'MI_LOAD_REGISTER_IMM', len8, ON_ALL, REGISTERS),
  mi(0x23, 'MI_UPDATE_GTT', len8, ON_ALL, PRIVILEGED),
  mi(0x24, 'MI_STORE_REGISTER_MEM', len8, ON_ALL, REGISTERS),
  mi(0x26, 'MI_FLUSH_DW', len6, ON_VCS | ON_BCS | ON_VECS),
  mi(0x27, 'MI_CLFLUSH', { mask: 0x3ff }, ON_RCS),
  mi(0x28, 'MI_REPORT_PERF_COUNT', len6, ON_RCS),
  mi(0x29, 'MI_LOAD_REGISTER_MEM', len8, ON_ALL, REGISTERS),
  mi(0x2a, 'MI_LOAD_REGISTER_REG', len8, ON_ALL, REGISTERS),
  mi(0x2b, 'MI_RS_STORE_DATA_IMM', len8, ON_RCS),
  mi(0x2c, 'MI_LOAD_URB_MEM', len8, ON_RCS),
  mi(0x2d, 'MI_STORE_URB_MEM', len8, ON_RCS),
  mi(0x31, 'MI_BATCH_BUFFER_START', len8),
  mi(0x36, 'MI_CONDITIONAL_BATCH_BUFFER_END', len8),
];

/** Names of the commands of one (subtype, opcode) family by their low opcode byte. */
type Family = Readonly<Record<number, string>>;

function family(top: number, names: Family, length: CommandRow['length'] = len8): CommandRow[] {
  return Object.entries(names).map(([low, name]) => ({
    name,
    opcode: ((top | Number(low)) << 16) | 0,
    bits: 16 as const,
    on: ON_RCS,
    length: name === 'PIPELINE_SELECT' || name === '3DSTATE_VF_STATISTICS' ? one : length,
    flags: name === 'PIPE_CONTROL' ? 0 : PIPELINE,
    src: R3D,
  }));
}

// biome-ignore format: families
const RENDER_ROWS: readonly CommandRow[] = [
  ...family(0x6000, { 0x03: 'STATE_PREFETCH' }),
  ...family(0x6100, { 0x01: 'STATE_BASE_ADDRESS', 0x02: 'STATE_SIP', 0x04: 'GPGPU_CSR_BASE_ADDRESS' }),
  ...family(0x6800, { 0x0b: '3DSTATE_VF_STATISTICS' }),
  ...family(0x6900, { 0x04: 'PIPELINE_SELECT' }),
  ...family(0x7000, { 0x00: 'MEDIA_VFE_STATE', 0x01: 'MEDIA_CURBE_LOAD', 0x02: 'MEDIA_INTERFACE_DESCRIPTOR_LOAD', 0x04: 'MEDIA_STATE_FLUSH' }, { mask: 0xffff }),
  ...family(0x7100, { 0x00: 'MEDIA_OBJECT', 0x02: 'MEDIA_OBJECT_PRT', 0x03: 'MEDIA_OBJECT_WALKER', 0x04: 'GPGPU_OBJECT', 0x05: 'GPGPU_WALKER' }, { mask: 0xffff }),
  ...family(0x7800, {
    0x04: '3DSTATE_CLEAR_PARAMS', 0x05: '3DSTATE_DEPTH_BUFFER', 0x06: '3DSTATE_STENCIL_BUFFER', 0x07: '3DSTATE_HIER_DEPTH_BUFFER',
    0x08: '3DSTATE_VERTEX_BUFFERS', 0x09: '3DSTATE_VERTEX_ELEMENTS', 0x0a: '3DSTATE_INDEX_BUFFER', 0x0c: '3DSTATE_VF',
    0x0e: '3DSTATE_CC_STATE_POINTERS', 0x0f: '3DSTATE_SCISSOR_STATE_POINTERS', 0x10: '3DSTATE_VS', 0x11: '3DSTATE_GS',
    0x12: '3DSTATE_CLIP', 0x13: '3DSTATE_SF', 0x14: '3DSTATE_WM', 0x15: '3DSTATE_CONSTANT_VS', 0x16: '3DSTATE_CONSTANT_GS',
    0x17: '3DSTATE_CONSTANT_PS', 0x18: '3DSTATE_SAMPLE_MASK', 0x19: '3DSTATE_CONSTANT_HS', 0x1a: '3DSTATE_CONSTANT_DS',
    0x1b: '3DSTATE_HS', 0x1c: '3DSTATE_TE', 0x1d: '3DSTATE_DS', 0x1e: '3DSTATE_STREAMOUT', 0x1f: '3DSTATE_SBE', 0x20: '3DSTATE_PS',
    0x21: '3DSTATE_VIEWPORT_STATE_POINTERS_SF_CLIP', 0x23: '3DSTATE_VIEWPORT_STATE_POINTERS_CC', 0x24: '3DSTATE_BLEND_STATE_POINTERS',
    0x25: '3DSTATE_DEPTH_STENCIL_STATE_POINTERS',
    0x26: '3DSTATE_BINDING_TABLE_POINTERS_VS', 0x27: '3DSTATE_BINDING_TABLE_POINTERS_HS', 0x28: '3DSTATE_BINDING_TABLE_POINTERS_DS',
    0x29: '3DSTATE_BINDING_TABLE_POINTERS_GS', 0x2a: '3DSTATE_BINDING_TABLE_POINTERS_PS',
    0x2b: '3DSTATE_SAMPLER_STATE_POINTERS_VS', 0x2c: '3DSTATE_SAMPLER_STATE_POINTERS_HS', 0x2d: '3DSTATE_SAMPLER_STATE_POINTERS_DS',
    0x2e: '3DSTATE_SAMPLER_STATE_POINTERS_GS', 0x2f: '3DSTATE_SAMPLER_STATE_POINTERS_PS',
    0x30: '3DSTATE_URB_VS', 0x31: '3DSTATE_URB_HS', 0x32: '3DSTATE_URB_DS', 0x33: '3DSTATE_URB_GS',
    0x34: '3DSTATE_GATHER_CONSTANT_VS', 0x35: '3DSTATE_GATHER_CONSTANT_GS', 0x36: '3DSTATE_GATHER_CONSTANT_HS',
    0x37: '3DSTATE_GATHER_CONSTANT_DS', 0x38: '3DSTATE_GATHER_CONSTANT_PS',
    0x43: '3DSTATE_BINDING_TABLE_EDIT_VS', 0x44: '3DSTATE_BINDING_TABLE_EDIT_GS', 0x45: '3DSTATE_BINDING_TABLE_EDIT_HS',
    0x46: '3DSTATE_BINDING_TABLE_EDIT_DS', 0x47: '3DSTATE_BINDING_TABLE_EDIT_PS',
  }),
  ...family(0x7900, {
    0x00: '3DSTATE_DRAWING_RECTANGLE', 0x02: '3DSTATE_SAMPLER_PALETTE_LOAD0', 0x04: '3DSTATE_CHROMA_KEY',
    0x06: '3DSTATE_POLY_STIPPLE_OFFSET', 0x07: '3DSTATE_POLY_STIPPLE_PATTERN', 0x08: '3DSTATE_LINE_STIPPLE',
    0x0a: '3DSTATE_AA_LINE_PARAMETERS', 0x0c: '3DSTATE_SAMPLER_PALETTE_LOAD1', 0x0d: '3DSTATE_MULTISAMPLE',
    0x0e: '3DSTATE_RAST_MULTISAMPLE',
    0x12: '3DSTATE_PUSH_CONSTANT_ALLOC_VS', 0x13: '3DSTATE_PUSH_CONSTANT_ALLOC_HS', 0x14: '3DSTATE_PUSH_CONSTANT_ALLOC_DS',
    0x15: '3DSTATE_PUSH_CONSTANT_ALLOC_GS', 0x16: '3DSTATE_PUSH_CONSTANT_ALLOC_PS', 0x18: '3DSTATE_SO_BUFFER',
    0x19: '3DSTATE_BINDING_TABLE_POOL_ALLOC', 0x1a: '3DSTATE_GATHER_POOL_ALLOC',
  }),
  ...family(0x7900, { 0x17: '3DSTATE_SO_DECL_LIST' }, { mask: 0x1ff }),
  ...family(0x7a00, { 0x00: 'PIPE_CONTROL' }),
  ...family(0x7b00, { 0x00: '3DPRIMITIVE' }),
];

/** Every command that Haswell's four command streamers know, but for the 2D engine's (blt/). */
export const CS_COMMANDS: readonly CommandRow[] = [...MI_ROWS, ...RENDER_ROWS];
