import {
  type CommandRow,
  family,
  type Names,
  ON_RCS,
  PIPELINE,
  RESOURCE_STREAMER,
  STARTS_WORK,
} from './row.ts';

const SRC = 'HSW PRM vol.2a/2d 3D and media commands; Mesa gen75.xml; i915 i915_cmd_parser.c';

/** Tops of the families: DWord 0 31:29 type 3, 28:27 subtype, 26:24 opcode. */
const COMMON = 0x6000;
const COMMON_1 = 0x6100;
const SINGLE_0 = 0x6800;
const SINGLE_1 = 0x6900;
const MEDIA_STATE = 0x7000;
const MEDIA_WORK = 0x7100;
const STATE_0 = 0x7800;
const STATE_1 = 0x7900;

/** State commands of just that many dwords. */
function state(top: number, dwords: number, names: Names, extra: number = 0): CommandRow[] {
  const flags = PIPELINE | extra;
  const mask = top === MEDIA_STATE ? 0xffff : 0xff;
  return family(top, { on: ON_RCS, mask, dwords, flags, src: SRC }, names);
}

/** State commands with a list: that many dwords or more. */
function list(
  top: number,
  mask: number,
  dwords: number,
  names: Names,
  extra: number = 0,
): CommandRow[] {
  const flags = PIPELINE | extra;
  return family(top, { on: ON_RCS, mask, dwords, varies: true, flags, src: SRC }, names);
}

function single(top: number, names: Names): CommandRow[] {
  return family(top, { on: ON_RCS, mask: 0, dwords: 1, flags: PIPELINE, src: SRC }, names);
}

function work(
  top: number,
  mask: number,
  dwords: number,
  varies: boolean,
  names: Names,
): CommandRow[] {
  return family(top, { on: ON_RCS, mask, dwords, varies, flags: STARTS_WORK, src: SRC }, names);
}

const RS = RESOURCE_STREAMER;

/** State and work of the render engine's 3D, media and GPGPU pipelines. */
// biome-ignore format: families, by length
export const RENDER_ROWS: readonly CommandRow[] = [
  ...state(COMMON, 2, { 0x03: 'STATE_PREFETCH' }),
  ...state(COMMON_1, 10, { 0x01: 'STATE_BASE_ADDRESS' }),
  ...state(COMMON_1, 2, { 0x02: 'STATE_SIP', 0x03: 'SWTESS_BASE_ADDRESS', 0x04: 'GPGPU_CSR_BASE_ADDRESS' }),
  ...single(SINGLE_0, { 0x0b: '3DSTATE_VF_STATISTICS' }),
  ...single(SINGLE_1, { 0x04: 'PIPELINE_SELECT' }),
  ...state(MEDIA_STATE, 8, { 0x00: 'MEDIA_VFE_STATE' }),
  ...state(MEDIA_STATE, 4, { 0x01: 'MEDIA_CURBE_LOAD', 0x02: 'MEDIA_INTERFACE_DESCRIPTOR_LOAD' }),
  ...state(MEDIA_STATE, 2, { 0x03: 'MEDIA_GATEWAY_STATE', 0x04: 'MEDIA_STATE_FLUSH' }),
  ...list(MEDIA_STATE, 0xffff, 2, { 0x05: 'MEDIA_POOL_STATE' }),
  ...work(MEDIA_WORK, 0xffff, 6, true, { 0x00: 'MEDIA_OBJECT' }),
  ...work(MEDIA_WORK, 0xffff, 16, false, { 0x02: 'MEDIA_OBJECT_PRT' }),
  ...work(MEDIA_WORK, 0xffff, 17, true, { 0x03: 'MEDIA_OBJECT_WALKER' }),
  ...work(MEDIA_WORK, 0xff, 8, false, { 0x04: 'GPGPU_OBJECT' }),
  ...work(MEDIA_WORK, 0xff, 11, false, { 0x05: 'GPGPU_WALKER' }),
  ...state(STATE_0, 2, {
    0x0c: '3DSTATE_VF', 0x0e: '3DSTATE_CC_STATE_POINTERS', 0x0f: '3DSTATE_SCISSOR_STATE_POINTERS', 0x18: '3DSTATE_SAMPLE_MASK',
    0x21: '3DSTATE_VIEWPORT_STATE_POINTERS_SF_CLIP', 0x23: '3DSTATE_VIEWPORT_STATE_POINTERS_CC',
    0x24: '3DSTATE_BLEND_STATE_POINTERS', 0x25: '3DSTATE_DEPTH_STENCIL_STATE_POINTERS',
    0x26: '3DSTATE_BINDING_TABLE_POINTERS_VS', 0x27: '3DSTATE_BINDING_TABLE_POINTERS_HS', 0x28: '3DSTATE_BINDING_TABLE_POINTERS_DS',
    0x29: '3DSTATE_BINDING_TABLE_POINTERS_GS', 0x2a: '3DSTATE_BINDING_TABLE_POINTERS_PS',
    0x2b: '3DSTATE_SAMPLER_STATE_POINTERS_VS', 0x2c: '3DSTATE_SAMPLER_STATE_POINTERS_HS', 0x2d: '3DSTATE_SAMPLER_STATE_POINTERS_DS',
    0x2e: '3DSTATE_SAMPLER_STATE_POINTERS_GS', 0x2f: '3DSTATE_SAMPLER_STATE_POINTERS_PS',
    0x30: '3DSTATE_URB_VS', 0x31: '3DSTATE_URB_HS', 0x32: '3DSTATE_URB_DS', 0x33: '3DSTATE_URB_GS',
  }),
  ...state(STATE_0, 3, {
    0x04: '3DSTATE_CLEAR_PARAMS', 0x06: '3DSTATE_STENCIL_BUFFER', 0x07: '3DSTATE_HIER_DEPTH_BUFFER',
    0x0a: '3DSTATE_INDEX_BUFFER', 0x14: '3DSTATE_WM', 0x1e: '3DSTATE_STREAMOUT',
  }),
  ...state(STATE_0, 4, { 0x12: '3DSTATE_CLIP', 0x1c: '3DSTATE_TE' }),
  ...state(STATE_0, 6, { 0x10: '3DSTATE_VS', 0x1d: '3DSTATE_DS' }),
  ...state(STATE_0, 7, {
    0x05: '3DSTATE_DEPTH_BUFFER', 0x11: '3DSTATE_GS', 0x13: '3DSTATE_SF', 0x15: '3DSTATE_CONSTANT_VS', 0x16: '3DSTATE_CONSTANT_GS',
    0x17: '3DSTATE_CONSTANT_PS', 0x19: '3DSTATE_CONSTANT_HS', 0x1a: '3DSTATE_CONSTANT_DS', 0x1b: '3DSTATE_HS',
  }),
  ...state(STATE_0, 8, { 0x20: '3DSTATE_PS' }),
  ...state(STATE_0, 14, { 0x1f: '3DSTATE_SBE' }),
  ...list(STATE_0, 0xff, 5, { 0x08: '3DSTATE_VERTEX_BUFFERS' }),
  ...list(STATE_0, 0xff, 3, { 0x09: '3DSTATE_VERTEX_ELEMENTS' }),
  ...list(STATE_0, 0xff, 3, {
    0x34: '3DSTATE_GATHER_CONSTANT_VS', 0x35: '3DSTATE_GATHER_CONSTANT_GS', 0x36: '3DSTATE_GATHER_CONSTANT_HS',
    0x37: '3DSTATE_GATHER_CONSTANT_DS', 0x38: '3DSTATE_GATHER_CONSTANT_PS',
  }, RS),
  ...list(STATE_0, 0x7ff, 2, { 0x39: '3DSTATE_DX9_CONSTANTF_VS', 0x3a: '3DSTATE_DX9_CONSTANTF_PS' }, RS),
  ...list(STATE_0, 0xff, 2, {
    0x3b: '3DSTATE_DX9_CONSTANTI_VS', 0x3c: '3DSTATE_DX9_CONSTANTI_PS', 0x3d: '3DSTATE_DX9_CONSTANTB_VS', 0x3e: '3DSTATE_DX9_CONSTANTB_PS',
    0x3f: '3DSTATE_DX9_LOCAL_VALID_VS', 0x40: '3DSTATE_DX9_LOCAL_VALID_PS', 0x41: '3DSTATE_DX9_GENERATE_ACTIVE_VS', 0x42: '3DSTATE_DX9_GENERATE_ACTIVE_PS',
  }, RS),
  ...list(STATE_0, 0x1ff, 2, {
    0x43: '3DSTATE_BINDING_TABLE_EDIT_VS', 0x44: '3DSTATE_BINDING_TABLE_EDIT_GS', 0x45: '3DSTATE_BINDING_TABLE_EDIT_HS',
    0x46: '3DSTATE_BINDING_TABLE_EDIT_DS', 0x47: '3DSTATE_BINDING_TABLE_EDIT_PS',
  }, RS),
  ...state(STATE_1, 2, {
    0x06: '3DSTATE_POLY_STIPPLE_OFFSET', 0x11: '3DSTATE_MONOFILTER_SIZE',
    0x12: '3DSTATE_PUSH_CONSTANT_ALLOC_VS', 0x13: '3DSTATE_PUSH_CONSTANT_ALLOC_HS', 0x14: '3DSTATE_PUSH_CONSTANT_ALLOC_DS',
    0x15: '3DSTATE_PUSH_CONSTANT_ALLOC_GS', 0x16: '3DSTATE_PUSH_CONSTANT_ALLOC_PS',
  }),
  ...state(STATE_1, 3, { 0x08: '3DSTATE_LINE_STIPPLE', 0x0a: '3DSTATE_AA_LINE_PARAMETERS' }),
  ...state(STATE_1, 3, {
    0x19: '3DSTATE_BINDING_TABLE_POOL_ALLOC', 0x1a: '3DSTATE_GATHER_POOL_ALLOC', 0x1b: '3DSTATE_DX9_CONSTANT_BUFFER_POOL_ALLOC',
  }, RS),
  ...state(STATE_1, 4, {
    0x00: '3DSTATE_DRAWING_RECTANGLE', 0x04: '3DSTATE_CHROMA_KEY', 0x0d: '3DSTATE_MULTISAMPLE', 0x18: '3DSTATE_SO_BUFFER',
  }),
  ...state(STATE_1, 6, { 0x0e: '3DSTATE_RAST_MULTISAMPLE' }),
  ...state(STATE_1, 33, { 0x07: '3DSTATE_POLY_STIPPLE_PATTERN' }),
  ...list(STATE_1, 0xff, 2, { 0x02: '3DSTATE_SAMPLER_PALETTE_LOAD0', 0x0c: '3DSTATE_SAMPLER_PALETTE_LOAD1' }),
  ...list(STATE_1, 0x1ff, 3, { 0x17: '3DSTATE_SO_DECL_LIST' }),
  // Four dwords where the immediate is one dword, five where it is two. i915: `GFX_OP_PIPE_CONTROL`.
  ...family(0x7a00, { on: ON_RCS, mask: 0xff, dwords: 4, varies: true, flags: 0, src: SRC }, { 0x00: 'PIPE_CONTROL' }),
  ...work(0x7b00, 0xff, 7, false, { 0x00: '3DPRIMITIVE' }),
];
