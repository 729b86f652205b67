import { engineRegs, type HaswellDevice } from '@xengt/hsw-device';
import { OWN_RING_BYTES, type ReservedMemory } from '../partition/reserved.ts';

const R = engineRegs;
const RCS: number = R.RING_BASE.RCS;

/** MI commands, HSW PRM vol.2a; i915 intel_gpu_commands.h. Lengths in the low bits. */
const MI_NOOP = 0;
const MI_ARB_OFF: number = 0x08 << 23;
const MI_ARB_ON: number = (0x08 << 23) | 1;
const MI_SET_CONTEXT: number = 0x18 << 23;
const MI_STORE_DATA_IMM_GGTT: number = (0x20 << 23) | 0x400000 | 2;
/** PIPE_CONTROL, 4 dwords: command streamer stall with everything flushed and invalidated. */
const PIPE_CONTROL: number = 0x7a000002;
const PIPE_CONTROL_FLAGS = 0x10151c;
/** MI_SET_CONTEXT DWord 1: GGTT; extended state saved and restored; force; inhibit. */
const CTX_GTT = 0x100;
const CTX_EXT = 0xc;
export const CTX_FORCE_RESTORE = 0x2;
export const CTX_RESTORE_INHIBIT = 0x1;

/**
 * The mediator's own render ring, in its reserved memory: what saves one VM's render context and
 * loads another's. Used only while no VM's ring is on.
 */
export class OwnRing {
  readonly #device: HaswellDevice;
  readonly #reserved: ReservedMemory;
  readonly #first: number;
  #at = 0;
  #magic = 0;

  constructor(device: HaswellDevice, reserved: ReservedMemory) {
    this.#device = device;
    this.#reserved = reserved;
    this.#first = reserved.index(reserved.ownRing);
  }

  #put(dword: number): void {
    this.#reserved.words[this.#first + this.#at++] = dword;
  }

  #flush(): void {
    this.#put(PIPE_CONTROL);
    this.#put(PIPE_CONTROL_FLAGS);
    this.#put(0);
    this.#put(0);
  }

  /** Starts a new list of commands. */
  begin(): void {
    this.#at = 0;
    this.#flush();
  }

  /** Switches hardware to another context. The one CCID names is saved first. */
  setContext(gma: number, flags: number): void {
    this.#put(MI_ARB_OFF);
    this.#put(MI_SET_CONTEXT);
    this.#put(gma | CTX_GTT | CTX_EXT | flags);
    this.#put(MI_NOOP);
    this.#put(MI_ARB_ON);
    this.#put(MI_NOOP);
    this.#flush();
  }

  /** Ends the list with a store of a new magic number, and lets hardware run it. */
  run(): void {
    this.#magic = (this.#magic + 1) | 0;
    this.#put(MI_STORE_DATA_IMM_GGTT);
    this.#put(0);
    this.#put(this.#reserved.scratch);
    this.#put(this.#magic);
    if ((this.#at & 1) !== 0) this.#put(MI_NOOP);
    const regs = this.#device.regs;
    regs.write32(RCS + R.RING_CTL, 0);
    regs.write32(RCS + R.RING_MI_MODE, R.STOP_RING << 16);
    regs.write32(RCS + R.RING_START, this.#reserved.ownRing);
    regs.write32(RCS + R.RING_HEAD, 0);
    regs.write32(RCS + R.RING_TAIL, 0);
    regs.write32(RCS + R.RING_CTL, (OWN_RING_BYTES - 4096) | R.RING_VALID);
    regs.write32(RCS + R.RING_TAIL, this.#at * 4);
  }

  /** Whether the list ran to its end. */
  get done(): boolean {
    const { words } = this.#reserved;
    return words[this.#reserved.index(this.#reserved.scratch)] === this.#magic;
  }

  /** Page of the context that hardware has now. */
  get context(): number {
    return this.#device.regs.peek(RCS + R.RING_CCID) & ~0xfff;
  }

  stop(): void {
    this.#device.regs.write32(RCS + R.RING_CTL, 0);
  }
}
