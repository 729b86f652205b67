/**
 * The display registers in which hardware has what the foreground VM wrote: its planes, colours,
 * sizes. All others of the display are dom0's. While dom0 is not in the foreground its accesses of
 * these reach a copy, and hardware gets them back when it returns.
 */

/** A plane's register: goes to the physical pipe as it is. */
export const PLANE_REGISTER = 1;
/** PIPESRC: sizes are compared anew. */
export const SOURCE_SIZE = 2;
/** Panel fitter: it is the mediator's while a VM other than dom0 is in the foreground. */
export const FITTER = 3;
/** Palettes and colour conversion: they follow at vertical blank. */
export const COLOUR = 4;
/** What tells a sink how colours are coded. */
export const SIGNAL = 5;
/** Watermarks: dom0's, scaled when a larger picture is shown. */
export const WATERMARK = 6;

/** Registers of one kind: pipe A's, then B's and C's at a stride. */
export interface FollowedRow {
  readonly name: string;
  readonly first: number;
  readonly count: number;
  readonly stride: number;
  readonly kind: number;
}

// biome-ignore format: one run a line
export const FOLLOWED: readonly FollowedRow[] = [
  { name: 'PIPESRC',       first: 0x6001c, count: 1,   stride: 0x1000, kind: SOURCE_SIZE },
  { name: 'CURSOR',        first: 0x70080, count: 12,  stride: 0x1000, kind: PLANE_REGISTER },
  { name: 'PRIMARY',       first: 0x70180, count: 13,  stride: 0x1000, kind: PLANE_REGISTER },
  { name: 'SPRITE',        first: 0x70280, count: 16,  stride: 0x1000, kind: PLANE_REGISTER },
  { name: 'SPRGAMC',       first: 0x70400, count: 22,  stride: 0x1000, kind: COLOUR },
  { name: 'PF_WIN_POS',    first: 0x68070, count: 2,   stride: 0x800,  kind: FITTER },
  { name: 'PF_CTL',        first: 0x68080, count: 1,   stride: 0x800,  kind: FITTER },
  { name: 'LGC_PALETTE',   first: 0x4a000, count: 256, stride: 0x800,  kind: COLOUR },
  { name: 'PREC_PAL',      first: 0x4a400, count: 2,   stride: 0x800,  kind: COLOUR },
  { name: 'PREC_GC_MAX',   first: 0x4a410, count: 3,   stride: 0x800,  kind: COLOUR },
  { name: 'PREC_EXT_MAX',  first: 0x4a420, count: 3,   stride: 0x800,  kind: COLOUR },
  { name: 'GAMMA_MODE',    first: 0x4a480, count: 1,   stride: 0x800,  kind: COLOUR },
  { name: 'PIPE_CSC',      first: 0x49010, count: 15,  stride: 0x100,  kind: COLOUR },
  { name: 'VIDEO_DIP_AVI', first: 0x60224, count: 1,   stride: 0x1000, kind: SIGNAL },
  { name: 'TRANS_MSA',     first: 0x60410, count: 1,   stride: 0x1000, kind: SIGNAL },
  { name: 'WM0_PIPE',      first: 0x45100, count: 1,   stride: 4,      kind: WATERMARK },
];
const PIPES = 3;

/** Registers that are like a row's and lie elsewhere: [offset, pipe, kind]. */
const ELSEWHERE: readonly (readonly [number, number, number])[] = [
  // The EDP transcoder's stream attributes; whose pipe it is, its own input says.
  [0x6f410, 0, SIGNAL],
  [0x45200, 2, WATERMARK],
];

/** Every followed register: offset to kind * 4 + pipe. */
const PLACES: ReadonlyMap<number, number> = places();

function places(): Map<number, number> {
  const map = new Map<number, number>();
  for (const { first, count, stride, kind } of FOLLOWED) {
    for (let pipe = 0; pipe < PIPES; pipe++) {
      // Pipe C's watermark is not where a stride would have it.
      if (kind === WATERMARK && pipe === 2) continue;
      for (let k = 0; k < count; k++) map.set(first + pipe * stride + k * 4, kind * 4 + pipe);
    }
  }
  for (const [offset, pipe, kind] of ELSEWHERE) map.set(offset, kind * 4 + pipe);
  return map;
}

/** Offsets of all followed registers. */
export const FOLLOWED_OFFSETS: readonly number[] = [...PLACES.keys()];

/** Kind of a followed register; 0 when it is none. */
export function followedKind(offset: number): number {
  return (PLACES.get(offset) ?? 0) >>> 2;
}

/** Pipe of a followed register. */
export function followedPipe(offset: number): number {
  return (PLACES.get(offset) ?? 0) & 3;
}
