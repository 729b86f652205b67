import { GEM_EXPLANATIONS } from './explained-gem.ts';
import { KMS_EXPLANATIONS } from './explained-kms.ts';
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

/** First match counts. A row is a true statement about the test, not a wish to have it out of the way. */
// biome-ignore format: one reason a row
export const EXPLANATIONS: readonly Explanation[] = [
  ...GEM_EXPLANATIONS,
  ...KMS_EXPLANATIONS,
  // What the device leaves out.
  { tests: 'igt@gem_{render_*,media_fill,gpgpu_fill,media_vme}{,@*}', said: /Failed assertion/, outcomes: ['fail'], because: 'copies or fills with shaders, which the device does not execute' },
  { tests: 'igt@kms_frontbuffer_tracking@basic', said: /igt_assert_crc_equal/, outcomes: ['fail'], because: 'draws with shaders among other ways, which the device does not execute' },
  // What i915 does otherwise in a virtual GPU.
  { tests: 'igt@{kms_pm_rpm,i915_pm_rpm}{,@*}', said: /setup_environment/, outcomes: ['skip', 'fail'], on: 'mediated', because: 'i915 uses no RC6 in a virtual GPU and then never lets it suspend at run time' },
  { tests: 'igt@*', said: /IGT_RUNTIME_PM_STATUS_SUSPENDED/, outcomes: ['skip', 'fail'], on: 'mediated', because: 'i915 uses no RC6 in a virtual GPU and then never lets it suspend at run time' },
  // What no Haswell has.
  { tests: 'igt@gem_{lmem_swapping,lmem_evict,ccs,pxp}{,@*}', outcomes: ['skip'], because: 'Haswell has no local memory, flat CCS or protected content' },
  { tests: 'igt@{gem_huc_copy,gem_vm_create,intel_hwmon,i915_pm_freq_*,i915_pm_sseu,sriov_basic}{,@*}', outcomes: SKIPPED, because: 'Haswell has no such unit: HuC, hwmon, GuC frequency tables, slice power gating, SR-IOV' },
  { tests: 'igt@gem_*', said: /full_?ppgtt|has_softpin/i, outcomes: SKIPPED, because: 'i915 gives gen7 an aliasing PPGTT only' },
  { tests: 'igt@gem_*', said: /scheduler|has_priority|preempt|has_semaphores/i, outcomes: SKIPPED, because: "i915's GPU scheduler needs execlists, gen8 and later" },
  { tests: 'igt@*', said: /run_intel_compute_kernel/, outcomes: SKIPPED, because: 'IGT has no compute kernel for Haswell' },
  { tests: 'igt@*', said: /gen >= (8|9|1\d)|display_ver\S* >= ?(9|1\d)|intel_gen\S* >= ?[89]/, outcomes: SKIPPED, because: 'asks for a later generation' },
  { tests: 'igt@kms_{ccs,dsc,psr2_sf,psr2_su,sharpness_filter,joiner,vrr,hdr,writeback}{,@*}', outcomes: SKIPPED, because: 'Haswell has no such display feature' },
  { tests: 'igt@kms_*nv12*', outcomes: SKIPPED, because: 'planes scan out NV12 since gen9' },
  { tests: 'igt@kms_addfb_basic@addfb25-y-tiled-small-legacy', outcomes: SKIPPED, because: 'planes scan out Y tiles since gen9' },
  { tests: 'igt@kms_setmode@*clone-single-crtc*', outcomes: SKIPPED, because: 'i915 clones no two outputs on one pipe of a Haswell: DDI encoders are not cloneable' },
  // What the machine or its monitors have not.
  { tests: 'igt@*', said: /output_supports_psr|does not support PSR/, outcomes: SKIPPED, because: 'needs an eDP panel with self-refresh; this desktop board has none' },
  { tests: 'igt@kms_pm_backlight{,@*}', said: /found/, outcomes: SKIPPED, because: 'needs a panel with a backlight; this desktop board has none' },
  { tests: 'igt@*', said: /eld_is_supported/, outcomes: SKIPPED, because: "needs the graphics' sound function, which the machine has not" },
  { tests: 'igt@*', said: /gpu_count > 1/, outcomes: SKIPPED, because: 'needs two GPUs' },
  { tests: 'igt@*', said: /sufficient_memory/, outcomes: SKIPPED, because: 'asks for more RAM than the 768 MiB of a guest' },
  { tests: 'igt@kms_chamelium_*', outcomes: ['absent'], because: 'needs a Chamelium board; Debian does not package these programs' },
  // What Debian's kernel is built without, or what the runner did before.
  { tests: 'igt@{i915_selftest,drm_mm,drm_buddy,kms_selftest,dmabuf}{,@*}', outcomes: SKIPPED, because: "needs the kernel's self-test modules, which Debian does not build" },
  { tests: 'igt@*', said: /kernel_has_sw_sync/, outcomes: SKIPPED, because: 'needs CONFIG_SW_SYNC, which Debian does not set' },
  { tests: 'igt@i915_module_load@load', said: /already loaded/, outcomes: SKIPPED, because: 'the runner has loaded i915 already' },
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
