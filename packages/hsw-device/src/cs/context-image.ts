import {
  RING_CTX_TIMESTAMP,
  RING_EXCC,
  RING_INSTPM,
  RING_MI_MODE,
  STATISTICS_FIRST,
} from '../gt/engine.regs.ts';

/** How a register gets into an image and out of it. */
export const PLAIN = 1;
/** Masked: the image holds its 16 bits with every one enabled. */
export const MODE = 2;
/** CTX_TIMESTAMP: the context's own clock goes on from the value. */
export const OWN_TIME = 3;

/** A run of registers in an image. */
interface Run {
  readonly first: number;
  readonly count: number;
  readonly kind: number;
}

const run = (first: number, count: number, kind: number = PLAIN): Run => ({ first, count, kind });
const RCS = 0x2000;

/**
 * What a render context holds, as the groups of MI_LOAD_REGISTER_IMM that its image is made of.
 *
 * The command streamer's group has the order that i915 publishes for the render contexts of gen8 and
 * gen9 (intel_lrc.c `gen9_rcs_offsets`): EXCC, MI_MODE, INSTPM, the watchdog's two, then statistics,
 * predicates, indirect parameters.
 */
// biome-ignore format: one run a line
export const IMAGE_GROUPS: readonly (readonly Run[])[] = [
  [
    run(RCS + RING_EXCC, 1, MODE),
    run(RCS + RING_MI_MODE, 1, MODE),
    run(RCS + RING_INSTPM, 1, MODE),
    run(0x2178, 2),              // PR_CTR_CTL, PR_CTR_THRSH
    run(STATISTICS_FIRST, 22),   // HS_INVOCATION_COUNT to PS_DEPTH_COUNT
    run(0x2290, 2),              // GPGPU_THREADS_DISPATCHED
    run(0x2400, 8),              // MI_PREDICATE_SRC0 to RESULT_1
    run(0x2214, 1),              // MI_PREDICATE_RESULT_2
    run(0x2420, 8),              // 3DPRIM_*
    run(0x2500, 3),              // GPGPU_DISPATCHDIM*
    run(RCS + RING_CTX_TIMESTAMP, 1, OWN_TIME),
  ],
  [run(0x2600, 32)],             // CS_GPR
  [
    run(0x5200, 16),             // SO_NUM_PRIMS_WRITTEN
    run(0x5240, 16),             // SO_PRIM_STORAGE_NEEDED
    run(0x5280, 4),              // SO_WRITE_OFFSET
  ],
  [run(0x7000, 3, MODE)],        // CACHE_MODE_0, CACHE_MODE_1, GT_MODE
];

/** Registers of each group, in its order. */
export const IMAGE_REGISTERS: readonly Int32Array[] = IMAGE_GROUPS.map((runs) =>
  Int32Array.from(runs.flatMap((r) => Array.from({ length: r.count }, (_, i) => r.first + i * 4))),
);

/** How a register is saved, by dword, below 0x8000; 0 is not part of a context. */
export const IMAGE_KIND: Uint8Array = new Uint8Array(0x8000 / 4);
for (const r of IMAGE_GROUPS.flat()) IMAGE_KIND.fill(r.kind, r.first / 4, r.first / 4 + r.count);

/** Bytes of a render context image: 17 pages. i915 `HSW_CXT_TOTAL_SIZE`. */
export const CONTEXT_BYTES: number = 17 * 4096;
/** Parts of the image, bytes from its start. */
export const REGISTERS_AT = 0;
export const STREAMER_AT = 0x1000;
export const PIPELINE_AT = 0x4000;
