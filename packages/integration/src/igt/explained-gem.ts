import type { Explanation } from './explained.ts';

const SKIPPED = ['skip'] as const;

/** Reasons of tests of memory, execution, synchronisation, power and measurement. */
// biome-ignore format: one reason a row
export const GEM_EXPLANATIONS: readonly Explanation[] = [
  // What no Haswell has.
  { tests: 'igt@gem_exec_params@secure-*', said: /has_secure_batches/, outcomes: SKIPPED, because: 'i915 takes secure batches from user space on gen5 and before only' },
  { tests: 'igt@gem_exec_params@sol-reset-not-gen7', outcomes: SKIPPED, because: 'for GPUs that are not gen7' },
  { tests: 'igt@gem_exec_params@larger-than-life-batch', said: /gem_aperture_size/, outcomes: SKIPPED, because: 'needs graphics addresses above 4 GiB; gen7 has 2 GiB' },
  { tests: 'igt@gem_exec_capture@capture-invisible', said: /cpu_size/, outcomes: SKIPPED, because: 'needs memory that the CPU sees only a part of; Haswell has system memory only' },
  { tests: 'igt@gem_exec_capture@capture-recoverable', said: /needs_recoverable_ctx/, outcomes: SKIPPED, because: 'asks for a later generation' },
  { tests: 'igt@i915_query@hwconfig_table', said: /table_size/, outcomes: SKIPPED, because: 'the table comes from the GuC, which Haswell has not' },
  { tests: 'igt@i915_query@query-topology-unsupported', outcomes: SKIPPED, because: 'for GPUs whose topology i915 does not tell' },
  { tests: 'igt@i915_query@test-query-geometry-subslices', outcomes: SKIPPED, because: 'asks for a later generation' },
  { tests: 'igt@perf@{gen8,gen12,global-sseu,non-zero-reason}*', outcomes: SKIPPED, because: 'asks for the observation unit of a later generation' },
  { tests: 'igt@gem_*', said: /gem_has_vm/, outcomes: SKIPPED, because: 'needs an address space of a context\'s own; i915 gives gen7 an aliasing PPGTT only' },
  { tests: 'igt@gem_create@create-ext-cpu-access-*', said: /supports_needs_cpu_access/, outcomes: SKIPPED, because: 'asks for local memory that the CPU sees; Haswell has no local memory' },
  { tests: 'igt@gem_create@create-ext-set-pat', outcomes: SKIPPED, because: 'i915 lets user space choose a PAT index since Linux 6.5, on Meteor Lake' },
  { tests: 'igt@*', said: /^ncpus > 1/, outcomes: SKIPPED, because: 'needs two processors; a guest has one' },
  { tests: 'igt@i915_drm_fdinfo{,@*}', said: /num_engines|num_regions|igt_parse_drm_fdinfo/, outcomes: SKIPPED, because: "Linux 6.1 tells clients' engine times since gen8 only, and their memory not at all" },
  { tests: 'igt@gem_exec_balancer@*', said: /has_load_balancer/, outcomes: SKIPPED, because: 'i915 balances load between engines of a class with execlists only, gen8 and later' },
  { tests: 'igt@gem_ctx_persistence@*', said: /has_persistence/, outcomes: SKIPPED, because: 'i915 lets contexts not persist only where it can preempt them, gen8 and later' },
  { tests: 'igt@gem_ctx_isolation@nonpriv*', said: /intel_gen\(.*\) < 8/, outcomes: SKIPPED, because: 'asks for a later generation' },
  { tests: 'igt@gem_watchdog@*', said: /gem_using_execlists/, outcomes: SKIPPED, because: 'needs execlists, gen8 and later' },
  { tests: 'igt@gem_ctx_sseu@*', said: /per_context_sseu/, outcomes: SKIPPED, because: 'contexts choose their slices on gen11 only' },
  { tests: 'igt@gem_media_vme{,@*}', said: /no media-vme/, outcomes: SKIPPED, because: 'IGT has no such kernel for Haswell' },
  { tests: 'igt@gem_softpin@*', said: /^(!gem_has_llc|!gem_uses_ppgtt)/, outcomes: SKIPPED, because: 'for GPUs without a last-level cache, or without PPGTT' },
  { tests: 'igt@gem_softpin@*', said: /^gtt >= /, outcomes: SKIPPED, because: 'needs graphics addresses above 4 GiB; gen7 has 2 GiB' },
  { tests: 'igt@gem_ctx_param@vm', said: /-ENOENT/, outcomes: SKIPPED, because: 'i915 gives gen7 an aliasing PPGTT only' },
  { tests: 'igt@gen7_exec_parse@oacontrol-tracking', said: /parser_version < 9/, outcomes: SKIPPED, because: "for command parsers before version 9; Linux 6.1's is version 10" },
  { tests: 'igt@i915_hangman@hangcheck-unterminated', said: /full_ppgtt/, outcomes: SKIPPED, because: 'i915 gives gen7 an aliasing PPGTT only' },
  { tests: 'igt@i915_hangman@*-engine-hang', said: /preemption/, outcomes: SKIPPED, because: "i915 preempts with execlists only, gen8 and later" },
  { tests: 'igt@i915_hangman@*-engine-error', said: /has_cmdparser/, outcomes: SKIPPED, because: "hangs an engine with a command that i915's command parser for gen7 refuses" },
  { tests: 'igt@i915_module_load@resize-bar', said: /has_lmem/, outcomes: SKIPPED, because: 'Haswell has no local memory' },
  { tests: 'igt@i915_pm_rc6_residency@rc6-idle', said: /slpc/, outcomes: SKIPPED, because: "needs the GuC's frequency control, which Haswell has not" },
  { tests: 'igt@i915_pm_rc6_residency@media-rc6-accuracy', said: /VALLEYVIEW/, outcomes: SKIPPED, because: 'for Valleyview and Cherryview, whose media wells rest by themselves' },
  { tests: 'igt@gem_exercise_blt@fast-copy*', said: /has_fast_copy/, outcomes: SKIPPED, because: 'the blitter has XY_FAST_COPY_BLT since gen9' },
  { tests: 'igt@perf_pmu@{enable-race,busy-accuracy-*}', said: /engine_busy_stats/, outcomes: SKIPPED, because: 'i915 takes times of engines from context switches with execlists only, gen8 and later' },
  { tests: 'igt@perf_pmu@event-wait', said: /has_secure_batches/, outcomes: SKIPPED, because: 'i915 takes secure batches from user space on gen5 and before only' },
  { tests: 'igt@perf_pmu@rc6-all-gts', said: /num_gt > 1/, outcomes: SKIPPED, because: 'needs a GPU of several GTs' },
  { tests: 'igt@sysfs_heartbeat_interval@{precise,nopreempt,mixed}', said: /igt_sysfs_printf/, outcomes: SKIPPED, because: 'sets a time-out of preemption first, which i915 has with execlists only, gen8 and later' },
  { tests: 'igt@sysfs_{preempt_timeout,timeslice_duration}@*', said: /fstatat/, outcomes: SKIPPED, because: 'i915 preempts and slices time with execlists only, gen8 and later' },
  // What the device leaves out.
  { tests: 'igt@perf@unprivileged-single-ctx-counters', said: /n_samples_written/, outcomes: ['fail'], because: 'counts pixels that a shader draws, which the device does not execute' },
  { tests: 'igt@i915_pm_rpm@gem-execbuf', said: /px == color/, outcomes: ['fail'], because: "sends gen8's XY_COLOR_BLT, one dword longer: gen7 takes the upper half of its address, 0, for the colour" },
  { tests: 'igt@gem_ppgtt@blt-vs-render-*', said: /surfaces_check/, outcomes: ['fail'], because: 'copies with shaders too, which the device does not execute' },
  { tests: 'igt@i915_pm_rpm@*', said: /has_pc8/, outcomes: SKIPPED, because: 'needs a processor that goes to package state C8, which the emulated one does not' },
  // 32 bits.
  { tests: 'igt@perf@{blocking,polling}{,-parameterized}', outcomes: ['timeout'], because: "measures its ten seconds with seconds times 10^9 in a long: in a 32-bit program that overflows, and they never pass" },
  { tests: 'igt@gem_{pread@exhaustion,pwrite@basic-exhaustion}', said: /write_value/, outcomes: ['fail'], because: 'raises pid_max to 200,000; a 32-bit kernel takes 32,768 at most' },
  { tests: 'igt@gem_mmap_gtt@basic-wc', said: /gtt_writes > 2\*gtt_reads/, outcomes: ['fail'], because: 'wants reads through the aperture to be slow, as uncached reads are; an emulated CPU reads and writes it alike' },
  // What i915 does otherwise in a virtual GPU.
  { tests: 'igt@gem_*', said: /error: -28 != 0/, outcomes: ['fail'], on: 'mediated', because: 'places buffers at graphics addresses of its own choice; a vGPU has a part of them, and those of the other VMs count as taken' },
  { tests: 'igt@perf_pmu@rc6{,-suspend}', said: /ENODEV/, outcomes: SKIPPED, on: 'mediated', because: 'i915 uses no RC6 in a virtual GPU' },
  { tests: 'igt@gem_fenced_exec_thrash@*', said: /num_fences > 4/, outcomes: SKIPPED, on: 'mediated', because: "needs more fences than Domain-0's share, which is 4 of the 32 unless configured otherwise" },
  { tests: 'igt@{perf@rc6-disable,i915_pm_rc6_residency@rc6-accuracy}', said: /rc6/, outcomes: SKIPPED, on: 'mediated', because: 'i915 uses no RC6 in a virtual GPU' },
  // What the kernel or its configuration has not, or has.
  { tests: 'igt@*', said: /kernel_sw_sync_path/, outcomes: ['fail'], because: 'needs CONFIG_SW_SYNC, which Debian does not set; this subtest does not ask before' },
  { tests: 'igt@gem_{wait,busy}@*@all', said: /^$/, outcomes: SKIPPED, because: "the list has an old name: this IGT's dynamic subtest is called all-engines" },
  { tests: 'igt@gem_exec_gttfill@multigpu-basic', said: /SIGABRT/, outcomes: ['crash'], because: 'asks for more RAM than the guest has, in a forked child: there IGT cannot skip and aborts' },
  { tests: 'igt@gem_eio@kms', said: /set_master/, outcomes: SKIPPED, because: "in one process with the others it finds their device files still open, and one is the display's master; alone it passes" },
  { tests: 'igt@i915_power@sanity', said: /igt_power_open/, outcomes: SKIPPED, because: "reads the processor's energy counters (RAPL), which the emulated one has not" },
  { tests: 'igt@perf_pmu@rc6{,-suspend}', said: /gt_dir/, outcomes: ['fail'], because: 'looks for a directory gt0 in debugfs, which Linux 6.1 calls gt' },
  { tests: 'igt@*', said: /total_swap|requires swap space/, outcomes: SKIPPED, because: 'needs swap space, which the guest has not' },
  { tests: 'igt@i915_module_load@fault-injection', said: /fail_function/, outcomes: SKIPPED, because: 'needs CONFIG_FAIL_FUNCTION, which Debian does not set' },
  { tests: 'igt@gem_exec_params@rsvd2-dirt', said: /!gem_has_exec_fence/, outcomes: SKIPPED, because: 'for kernels without fences in execbuf' },
];
