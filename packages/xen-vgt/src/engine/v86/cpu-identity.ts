import type { CodeEdit } from './wasm-patch.ts';

// v86 0.5 says it is a Pentium III without a page attribute table. Every processor that carries
// Haswell graphics has one, and i915 6.1 cannot start a gen7 render engine without it:
// gen7_setup_clear_gpr_bb maps its batch write-combined, which needs pat_enabled(). Linux believes
// in a PAT without MTRRs when CPUID has the bit, the hypervisor bit is set, MSR 0x277 is not 0
// (arch/x86/mm/pat/memtype.c init_cache_modes) and the family 6 model is 15 or more
// (arch/x86/kernel/cpu/intel.c early_init_intel). v86 does not act on memory types, nor need it:
// no memory of a guest is cached.

/** i32.const with a signed LEB128 operand. */
function i32Const(value: number): number[] {
  const out = [0x41];
  for (;;) {
    const low = value & 127;
    value >>= 7;
    const done = (value === 0 && (low & 64) === 0) || (value === -1 && (low & 64) !== 0);
    out.push(done ? low : low | 128);
    if (done) return out;
  }
}

/** CPUID.1:EDX as v86 has it, with and without its APIC bit. */
const EDX = [0x0780ab79, 0x0780a979] as const;
/** CPUID.1:EDX 16. Intel SDM vol.2A CPUID. */
const EDX_PAT = 1 << 16;
/** CPUID.1:EDX 19: CLFLUSH; v86 gives its line size, 64 bytes, in EBX already. */
const EDX_CLFSH = 1 << 19;
/** CPUID.1:EAX: family 6 model 7 becomes model 15 stepping 6, the first with a sound PAT. */
const SIGNATURE_PENTIUM3 = 0x673;
const SIGNATURE_CORE2 = 0x6f6;
const MSR_IA32_PAT = 0x277;
/** PA0 write-back, PA1 write-combining, PA2 uncached-minus, PA3 uncached. Intel SDM vol.3 12.12. */
const PAT_VALUE = 0x00070106;
const MSR_MISC_ENABLE = 0x1a0;

const LOCAL_GET_1 = [0x20, 0x01];
const LOCAL_SET_2 = [0x21, 0x02];
const I32_EQ = 0x46;
const I32_MUL = 0x6c;
const BR_IF = 0x0d;
const BR = 0x0c;
const END = 0x0b;

/** RDMSR's last comparison, then "any other register reads 0". */
const rdmsrTail = [...i32Const(MSR_MISC_ENABLE), I32_EQ, BR_IF, 5, END];
const otherReads = (value: readonly number[]): number[] => [...value, ...LOCAL_SET_2, BR, 8];

/** Edits of v86's main module that give its processor a page attribute table. */
export const PAGE_ATTRIBUTE_TABLE: readonly CodeEdit[] = [
  ...EDX.map((edx) => ({ find: i32Const(edx), put: i32Const(edx | EDX_PAT) })),
  { find: i32Const(SIGNATURE_PENTIUM3), put: i32Const(SIGNATURE_CORE2) },
  {
    find: [...rdmsrTail, ...otherReads(i32Const(0))],
    put: [
      ...rdmsrTail,
      ...otherReads([
        ...LOCAL_GET_1,
        ...i32Const(MSR_IA32_PAT),
        I32_EQ,
        ...i32Const(PAT_VALUE),
        I32_MUL,
      ]),
    ],
  },
];

/** Blocks to leave when a page cannot be read, and after the instruction: of case /7 of 0F AE. */
const CLFLUSH_ADDRESS = [0x20, 0x01, 0x28, 0x02, 0xc0, 0x1f, 0x41, 0x01, 0x71, BR_IF, 0x8f, 0x01];
/** Calls of the wasm compiler have their function in five bytes. */
const CALL_UNDEFINED = [0x10, 0x87, 0x90, 0x80, 0x80, 0x00];
const DONE = [BR, 0x65];

/**
 * CLFLUSH, which v86 takes for undefined: it computes its address and does nothing, for no memory of
 * a guest is cached. Programs that want it ask CPUID, so that changes too. To come after
 * {@link PAGE_ATTRIBUTE_TABLE}. Intel SDM vol.2A CLFLUSH.
 */
export const CACHE_LINE_FLUSH: readonly CodeEdit[] = [
  ...EDX.map((edx) => ({
    find: i32Const(edx | EDX_PAT),
    put: i32Const(edx | EDX_PAT | EDX_CLFSH),
  })),
  {
    find: [...CLFLUSH_ADDRESS, ...CALL_UNDEFINED, ...DONE],
    put: [...CLFLUSH_ADDRESS, ...DONE],
  },
];

/** Compiled code calls CLFLUSH by this name; SFENCE, of the same type, does nothing already. */
export const CLFLUSH_AS_SFENCE: readonly [string, string] = [
  'instr_0FAE_7_mem',
  'instr_0FAE_7_reg',
];
