import {
  type CommandRow,
  family,
  type Names,
  ON_VCS,
  ON_VECS,
  PIPELINE,
  STARTS_WORK,
} from './row.ts';

const SRC =
  'HSW PRM vol.2a/2d media commands; Mesa gen75.xml; GVT-g cmd_parser.c OP_MFX_*, OP_VEB_*';

/**
 * Tops of the families: DWord 0 31:29 type 3, 28:27 pipeline, 26:24 codec; the low byte is 23:21
 * sub-opcode A (0 common, 1 decode, 2 encode) and 20:16 sub-opcode B.
 */
const COMMON = 0x7000;
const AVC = 0x7100;
const VC1 = 0x7200;
const MPEG2 = 0x7300;
const VEBOX = 0x7400;
const JPEG = 0x7700;
/** Length field of the multi-format codec and of VEBOX: DWord 0 11:0. i915 `gen7_bsd_get_cmd_length_mask`. */
const LENGTH = 0xfff;

function state(top: number, dwords: number, names: Names): CommandRow[] {
  return family(top, { on: ON_VCS, mask: LENGTH, dwords, flags: PIPELINE, src: SRC }, names);
}

function work(top: number, dwords: number, names: Names, varies: boolean = false): CommandRow[] {
  return family(
    top,
    { on: ON_VCS, mask: LENGTH, dwords, varies, flags: STARTS_WORK, src: SRC },
    names,
  );
}

function vebox(dwords: number, flags: number, names: Names): CommandRow[] {
  const f = { on: ON_VECS, mask: LENGTH, dwords, varies: true, flags, src: SRC };
  return family(VEBOX, f, names);
}

/** State and work of the video and video enhancement engines. Nothing of it decodes a picture here. */
// biome-ignore format: families, by length
export const MEDIA_ROWS: readonly CommandRow[] = [
  // It has a length field without the usual bias, and is always one dword.
  ...family(0x6800, { on: ON_VCS, mask: 0, dwords: 1, flags: PIPELINE, src: SRC }, { 0x00: 'MFX_WAIT' }),
  ...state(COMMON, 5, { 0x00: 'MFX_PIPE_MODE_SELECT' }),
  ...state(COMMON, 6, { 0x01: 'MFX_SURFACE_STATE' }),
  ...state(COMMON, 61, { 0x02: 'MFX_PIPE_BUF_ADDR_STATE' }),
  ...state(COMMON, 26, { 0x03: 'MFX_IND_OBJ_BASE_ADDR_STATE' }),
  ...state(COMMON, 10, { 0x04: 'MFX_BSP_BUF_BASE_ADDR_STATE' }),
  ...state(COMMON, 2, { 0x06: 'MFX_STATE_POINTER' }),
  ...state(COMMON, 34, { 0x07: 'MFX_QM_STATE', 0x08: 'MFX_FQM_STATE' }),
  ...work(COMMON, 13, { 0x09: 'MFX_DBK_OBJECT' }),
  ...work(COMMON, 2, { 0x29: 'MFD_IT_OBJECT', 0x48: 'MFX_PAK_INSERT_OBJECT', 0x4a: 'MFX_STITCH_OBJECT' }, true),
  ...state(AVC, 14, { 0x00: 'MFX_AVC_IMG_STATE' }),
  ...state(AVC, 71, { 0x02: 'MFX_AVC_DIRECTMODE_STATE' }),
  ...state(AVC, 10, { 0x03: 'MFX_AVC_SLICE_STATE', 0x04: 'MFX_AVC_REF_IDX_STATE', 0x25: 'MFD_AVC_PICID_STATE' }),
  ...state(AVC, 98, { 0x05: 'MFX_AVC_WEIGHTOFFSET_STATE' }),
  ...state(AVC, 27, { 0x26: 'MFD_AVC_DPB_STATE' }),
  ...state(AVC, 3, { 0x27: 'MFD_AVC_SLICEADDR' }),
  ...work(AVC, 6, { 0x28: 'MFD_AVC_BSD_OBJECT' }),
  ...work(AVC, 12, { 0x49: 'MFC_AVC_PAK_OBJECT' }),
  ...state(VC1, 6, { 0x01: 'MFX_VC1_PRED_PIPE_STATE', 0x21: 'MFD_VC1_LONG_PIC_STATE' }),
  ...state(VC1, 7, { 0x02: 'MFX_VC1_DIRECTMODE_STATE' }),
  ...state(VC1, 5, { 0x20: 'MFD_VC1_SHORT_PIC_STATE' }),
  ...work(VC1, 5, { 0x28: 'MFD_VC1_BSD_OBJECT' }),
  // Mesa's table gives 2 dwords, libva's encoder writes 13: any length is taken.
  ...family(MPEG2, { on: ON_VCS, mask: LENGTH, dwords: 2, varies: true, flags: PIPELINE, src: SRC }, { 0x00: 'MFX_MPEG2_PIC_STATE' }),
  ...work(MPEG2, 5, { 0x28: 'MFD_MPEG2_BSD_OBJECT' }),
  ...state(MPEG2, 8, { 0x43: 'MFC_MPEG2_SLICEGROUP_STATE' }),
  ...work(MPEG2, 9, { 0x49: 'MFC_MPEG2_PAK_OBJECT' }),
  ...state(JPEG, 3, { 0x00: 'MFX_JPEG_PIC_STATE' }),
  ...state(JPEG, 831, { 0x02: 'MFX_JPEG_HUFF_TABLE_STATE' }),
  ...work(JPEG, 6, { 0x28: 'MFD_JPEG_BSD_OBJECT' }),
  ...vebox(2, PIPELINE, { 0x00: 'VEBOX_SURFACE_STATE', 0x02: 'VEBOX_STATE' }),
  ...vebox(2, STARTS_WORK, { 0x03: 'VEB_DI_IECP' }),
];
