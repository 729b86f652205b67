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
  { tests: 'igt@perf@{gen8,gen12,global-sseu,non-zero-reason}*', outcomes: SKIPPED, because: 'asks for the observation unit of a later generation' },
  { tests: 'igt@gem_ctx_param@vm', said: /-ENOENT/, outcomes: SKIPPED, because: 'i915 gives gen7 an aliasing PPGTT only' },
  { tests: 'igt@gen7_exec_parse@oacontrol-tracking', said: /parser_version < 9/, outcomes: SKIPPED, because: "for command parsers before version 9; Linux 6.1's is version 10" },
  // What the device leaves out.
  { tests: 'igt@perf@unprivileged-single-ctx-counters', said: /n_samples_written/, outcomes: ['fail'], because: 'counts pixels that a shader draws, which the device does not execute' },
  // What the kernel or its configuration has not, or has.
  { tests: 'igt@*', said: /kernel_sw_sync_path/, outcomes: ['fail'], because: 'needs CONFIG_SW_SYNC, which Debian does not set; this subtest does not ask before' },
  { tests: 'igt@gem_{wait,busy}@*@all', said: /^$/, outcomes: SKIPPED, because: "the list has an old name: this IGT's dynamic subtest is called all-engines" },
  { tests: 'igt@gem_exec_params@rsvd2-dirt', said: /!gem_has_exec_fence/, outcomes: SKIPPED, because: 'for kernels without fences in execbuf' },
];
