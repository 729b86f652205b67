import type { CodeEdit } from './wasm-patch.ts';

// A store to the LAPIC or IOAPIC makes v86 0.5 take interrupts at once (memory.rs `mmap_write32`),
// also in the middle of a compiled block, which then goes on with the registers of the handler:
// Linux sends itself interrupts that way (`arch_irq_work_raise`) and i915 does so at every idling.
// The request bits stay set; the processor takes the interrupt where it looks by itself, at the
// latest at the end of its run of 100,000 instructions.

/** `flags & IF` of the inlined `handle_irqs`: load the byte, the mask, and leave if it is clear. */
const LOAD_FLAGS = [0x41, 0x00, 0x2d, 0x00, 0x79];
const IF_IN_BYTE = 2;
const NEVER = 0;

/** @param mask of the flags byte @param out blocks to leave @param slot of the result on the stack */
const leaveUnless = (mask: number, out: number, slot: number): number[] => [
  ...LOAD_FLAGS,
  ...[0x41, mask, 0x71, 0x45, 0x0d, out],
  ...[0x20, 0x02, 0x41, slot, 0x6a, 0x10],
];

/** Edits of v86's main module: one for stores to the LAPIC, one for the IOAPIC. */
export const INTERRUPTS_AT_SAFE_POINTS: readonly CodeEdit[] = [
  { find: leaveUnless(IF_IN_BYTE, 9, 8), put: leaveUnless(NEVER, 9, 8) },
  { find: leaveUnless(IF_IN_BYTE, 8, 24), put: leaveUnless(NEVER, 8, 24) },
];
