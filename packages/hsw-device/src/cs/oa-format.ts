import type { RegSpace } from '../reg/reg-space.ts';

/** Where a report format has its counters, bytes from the report's start; 0 where it has none. */
export interface OaFormat {
  readonly name: string;
  readonly bytes: number;
  readonly a: number;
  readonly aCount: number;
  readonly firstA: number;
  readonly b: number;
  readonly bCount: number;
  readonly c: number;
  readonly cCount: number;
}

function format(
  name: string,
  bytes: number,
  a: readonly [at: number, count: number, first?: number],
  b: readonly [at: number, count: number],
  c: readonly [at: number, count: number],
): OaFormat {
  return {
    name,
    bytes,
    a: a[0],
    aCount: a[1],
    firstA: a[2] ?? 0,
    b: b[0],
    bCount: b[1],
    c: c[0],
    cCount: c[1],
  };
}

/**
 * Report formats of gen7.5 by OACONTROL 4:2. Each begins with id, time stamp and a third dword.
 * Sizes: i915 `oa_formats`. The order of the counters: PRM vol.2c observability, IGT `perf`; there the
 * last groups of B4_C8_A16 and C4_B8 begin 4 bytes earlier, in the last counter of the group before.
 */
// biome-ignore format: one format a line
export const OA_FORMATS: readonly OaFormat[] = [
  format('A13',        64, [12, 13],      [0, 0],   [0, 0]),
  format('A29',       128, [12, 29],      [0, 0],   [0, 0]),
  format('A13_B8_C8', 128, [12, 13],      [64, 8],  [96, 8]),
  format('A29_B8_C8', 192, [12, 29],      [128, 8], [160, 8]),
  format('B4_C8',      64, [0, 0],        [16, 4],  [32, 8]),
  format('A45_B8_C8', 256, [12, 45],      [192, 8], [224, 8]),
  format('B4_C8_A16', 128, [64, 16, 29],  [16, 4],  [32, 8]),
  format('C4_B8',      64, [0, 0],        [32, 8],  [16, 4]),
];

/** NOA multiplexer values of the published metric sets that have core clocks elsewhere than in C2. */
// biome-ignore format: one a line
const CLOCK_ELSEWHERE: readonly { register: number; value: number; set: string; b: boolean }[] = [
  { register: 0x253a4, value: 0x34300000, set: 'MemoryReads, MemoryWrites', b: false },
  { register: 0x2681c, value: 0x3eb00800, set: 'ComputeExtended', b: true },
  { register: 0x2eb9c, value: 0x01906400, set: 'SamplerBalance', b: true },
];

/**
 * Which counter counts core clocks: what the multiplexer feeds it. The network's other signals are
 * not modelled, so this goes by the values of Mesa's published sets (oa-hsw.xml): C2 in RenderBasic
 * and ComputeBasic, C7 or B7 in the others.
 *
 * @returns bytes from the report's start; 0 when the format has no such counter
 */
export function coreClockPlace(regs: RegSpace, f: OaFormat): number {
  for (const at of CLOCK_ELSEWHERE) {
    if (regs.peek(at.register) !== at.value) continue;
    if (at.b) return f.bCount > 7 ? f.b + 7 * 4 : 0;
    return f.cCount > 7 ? f.c + 7 * 4 : 0;
  }
  return f.cCount > 2 ? f.c + 2 * 4 : 0;
}
