import type { GpuPath } from './igt-guest.ts';
import { globPattern } from './names.ts';
import type { IgtResult, Outcome } from './result.ts';

/** Why tests do not pass here, although nothing of ours is wrong. */
export interface Explanation {
  /** Glob over test names. */
  readonly tests: string;
  /** What IGT's own reason must contain; absent: whatever it is. */
  readonly said?: RegExp;
  readonly outcomes: readonly Outcome[];
  /** Only on this path to the GPU; absent: on both. */
  readonly on?: GpuPath;
  readonly because: string;
}

const SKIPPED = ['skip'] as const;
const CHAMELIUM = 'needs a Chamelium board; Debian does not package these programs';

/** First match counts. A row is a true statement about the test, not a wish to have it out of the way. */
// biome-ignore format: one reason a row
export const EXPLANATIONS: readonly Explanation[] = [
  // What no Haswell has.
  { tests: 'igt@gem_{lmem_swapping,lmem_evict,ccs,pxp}@*',         outcomes: ['skip', 'fail'], because: 'Haswell has no local memory, flat CCS or protected content' },
  { tests: 'igt@{gem_huc_copy,gem_vm_create,intel_hwmon,i915_pm_freq_*,i915_pm_sseu,sriov_basic}{,@*}', outcomes: SKIPPED, because: 'Haswell has no such unit: HuC, hwmon, GuC frequency tables, slice power gating, SR-IOV' },
  { tests: 'igt@gem_*',  said: /gem_uses_full_ppgtt|has_full_ppgtt|gem_has_softpin|full.?ppgtt/i, outcomes: SKIPPED, because: 'gen7 has an aliasing PPGTT only' },
  { tests: 'igt@gem_*',  said: /gem_scheduler|scheduler_enabled|has_priority|preempt|semaphores/i, outcomes: SKIPPED, because: 'the GPU scheduler of i915 needs execlists, gen8 and later' },
  { tests: 'igt@*',      said: /gen >= [89]|gen >= 1[0-9]|display_ver\S* >= ?(9|1[0-9])|intel_gen\S* >= ?[89]/, outcomes: SKIPPED, because: 'asks for a later generation' },
  { tests: 'igt@kms_{ccs,dsc,psr2_sf,psr2_su,sharpness_filter,joiner,vrr,hdr,mst,writeback}@*', outcomes: SKIPPED, because: 'Haswell has no such display feature' },
  // What the guest has not.
  { tests: 'igt@kms_chamelium_*',                                  outcomes: ['absent'],       because: CHAMELIUM },
  { tests: 'igt@*',      said: /sufficient_memory|Estimated that we need/, outcomes: SKIPPED,  because: 'asks for more RAM than a guest of 768 MiB has' },
  { tests: 'igt@{i915_selftest,drm_mm,drm_buddy,kms_selftest,dmabuf}{,@*}', outcomes: SKIPPED, because: "needs the kernel's self-test modules, which Debian does not build" },
];

interface CompiledExplanation extends Explanation {
  readonly pattern: RegExp;
}
let compiled: readonly CompiledExplanation[] | null = null;

/** Why a result is what it is, or null: nobody knows yet. A pass needs no reason. */
export function explain(result: IgtResult, on: GpuPath): string | null {
  compiled ??= EXPLANATIONS.map((e) => ({ ...e, pattern: globPattern(e.tests) }));
  const row = compiled.find(
    (e) =>
      e.outcomes.includes(result.outcome) &&
      (e.on === undefined || e.on === on) &&
      e.pattern.test(result.name) &&
      (e.said === undefined || e.said.test(result.reason)),
  );
  return row?.because ?? null;
}
