import { mix32 } from './pattern.ts';

/** The engines gpuwork drives, and their numbers in execbuffer's flags. @see i915_drm.h I915_EXEC_RENDER and siblings */
export const GPUWORK_ENGINES = { rcs: 1, vcs: 2, bcs: 3, vecs: 4 } as const;
export type GpuWorkEngine = keyof typeof GPUWORK_ENGINES;

/** What guest/gpuwork.c printed. */
export interface GpuWorkReport {
  readonly engine: GpuWorkEngine;
  readonly batches: number;
  readonly ok: boolean;
  readonly errors: number;
  /** Over what the GPU wrote. Equal to {@link gpuWorkChecksum} when all is well. */
  readonly checksum: number;
  /** Graphics memory address of the last batch's target. */
  readonly gma: number;
  readonly seconds: number;
  /** Batches a second of guest time. */
  readonly rate: number;
  /** With -p: guest-physical addresses of the last target's pages, in order. */
  readonly pages: readonly number[];
}

/** Pixels of a target: 64 by 64. */
const PIXELS = 4096;

/** Dword `k` that a batch writes. The same as `value_of` in guest/gpuwork.c. @returns int32 */
export function gpuWorkValue(
  engine: GpuWorkEngine,
  seed: number,
  batch: number,
  k: number,
): number {
  return mix32(
    mix32((Math.imul(batch, 64) + k + Math.imul(seed, 0x9e3779b9)) | 0) + GPUWORK_ENGINES[engine],
  );
}

/** The checksum that a run of gpuwork must print. @returns uint32 */
export function gpuWorkChecksum(engine: GpuWorkEngine, batches: number, seed: number): number {
  let checksum = 0;
  for (let batch = 0; batch < batches; batch++) {
    const copied = engine === 'bcs' && batch % 3 === 1;
    const written = copied
      ? mix32(seed + ((batch * 16) % PIXELS))
      : gpuWorkValue(engine, seed, batch, 0);
    checksum = (mix32(checksum ^ written) + gpuWorkValue(engine, seed, batch, 63)) | 0;
  }
  return checksum >>> 0;
}

/** Finds gpuwork's line in a command's output, or null. */
export function parseGpuWork(output: string): GpuWorkReport | null {
  const m =
    /^gpuwork: engine=(rcs|bcs|vcs|vecs) batches=(\d+) (ok|FAILED) errors=(\d+) checksum=([0-9a-f]{8}) gma=([0-9a-f]{8}) seconds=([\d.]+) rate=(\d+|inf)$/m.exec(
      output,
    );
  if (!m) return null;
  const [, engine, batches, ok, errors, checksum, gma, seconds, rate] = m as unknown as string[];
  return {
    engine: engine as GpuWorkEngine,
    batches: Number(batches),
    ok: ok === 'ok',
    errors: Number(errors),
    checksum: Number.parseInt(checksum as string, 16),
    gma: Number.parseInt(gma as string, 16),
    seconds: Number(seconds),
    rate: rate === 'inf' ? Number.POSITIVE_INFINITY : Number(rate),
    pages: [...output.matchAll(/^gpuwork: page \d+ gpa=([0-9a-f]+)$/gm)].map((p) =>
      Number.parseInt(p[1] as string, 16),
    ),
  };
}
