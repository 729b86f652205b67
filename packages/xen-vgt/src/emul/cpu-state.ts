/** A segment register as the processor holds it. */
export interface Segment {
  selector: number;
  base: bigint;
  /** Highest offset inside; lowest outside for one that expands down. Bytes. */
  limit: number;
  present: boolean;
  writable: boolean;
  /** Readable; data segments always are. */
  readable: boolean;
  expandDown: boolean;
  /** D/B: 32-bit code or stack. */
  big: boolean;
  /** L: 64-bit code. */
  long: boolean;
}

/** Segment registers in the order of their encoding. SDM vol.2 table 2-1. */
export const ES = 0,
  CS = 1,
  SS = 2,
  DS = 3,
  FS = 4,
  GS = 5;

/** General registers by encoding. */
export const RAX = 0,
  RCX = 1,
  RDX = 2,
  RBX = 3,
  RSP = 4,
  RBP = 5,
  RSI = 6,
  RDI = 7;

/** EFLAGS bits. SDM vol.1 3.4.3. */
export const CF = 0x1,
  PF = 0x4,
  AF = 0x10,
  ZF = 0x40,
  SF = 0x80,
  DF = 0x400,
  OF = 0x800,
  AC = 0x40000;

/** CR0 bits. */
export const CR0_PE = 1,
  CR0_EM = 4,
  CR0_TS = 8,
  CR0_WP = 0x10000,
  CR0_AM = 0x40000,
  CR0_PG: number = 0x80000000 | 0;
/** CR4 bits. */
export const CR4_PSE = 0x10,
  CR4_PAE = 0x20,
  CR4_OSFXSR = 0x200,
  CR4_OSXSAVE = 0x40000,
  CR4_SMEP = 0x100000,
  CR4_SMAP = 0x200000;
/** EFER bits. */
export const EFER_LMA = 0x400,
  EFER_NXE = 0x800;

/** Bytes of a vector register. */
export const VECTOR_BYTES = 32;

/** x87 registers as FXSAVE has them: ST0 to ST7 in 16 bytes each, with their words. */
export class X87State {
  control = 0x37f;
  status = 0;
  /** One bit a physical register, 1 where it is not empty. */
  tags = 0;
  opcode = 0;
  ip = 0n;
  dp = 0n;
  readonly st: Uint8Array<ArrayBuffer> = new Uint8Array(128);
}

/** Whatever of a processor an instruction can name or change. */
export class CpuState {
  readonly gpr: BigUint64Array<ArrayBuffer> = new BigUint64Array(16);
  rip = 0n;
  rflags = 2;
  readonly segments: readonly Segment[] = Array.from({ length: 6 }, () => flatSegment());
  cr0: number = CR0_PE | 0x10;
  cr2 = 0n;
  cr3 = 0n;
  cr4 = 0;
  efer = 0;
  /** Extended states that the system switched on: bit 0 x87, 1 SSE, 2 AVX. */
  xcr0 = 0;
  cpl = 0;
  mxcsr = 0x1f80;
  /** Bits of MXCSR that the processor has: those of one with DAZ. SDM vol.1 11.6.6. */
  mxcsrMask = 0xffff;
  /** YMM0 to YMM15; XMM is the lower half of each. */
  readonly vectors: Uint8Array<ArrayBuffer> = new Uint8Array(16 * VECTOR_BYTES);
  readonly x87: X87State = new X87State();

  get protectedMode(): boolean {
    return (this.cr0 & CR0_PE) !== 0;
  }

  get paging(): boolean {
    return (this.cr0 & CR0_PG) !== 0;
  }

  get longMode(): boolean {
    return (this.efer & EFER_LMA) !== 0;
  }

  /** Width of code: what a decoder has to know. */
  get bits(): 16 | 32 | 64 {
    const cs = this.segments[CS] as Segment;
    if (this.longMode && cs.long) return 64;
    return this.protectedMode && cs.big ? 32 : 16;
  }

  /** Width of the stack pointer, bits. */
  get stackBits(): 16 | 32 | 64 {
    if (this.bits === 64) return 64;
    return (this.segments[SS] as Segment).big ? 32 : 16;
  }
}

/** A segment that covers all of 4 GiB. */
export function flatSegment(): Segment {
  return {
    selector: 0,
    base: 0n,
    limit: 0xffffffff,
    present: true,
    writable: true,
    readable: true,
    expandDown: false,
    big: true,
    long: false,
  };
}

/** A processor in 16, 32 or 64-bit mode, all segments flat, without paging; SSE and AVX on. */
export function flatState(bits: 16 | 32 | 64): CpuState {
  const state = new CpuState();
  state.cr4 = CR4_OSFXSR | CR4_OSXSAVE;
  state.xcr0 = 7;
  if (bits === 64) state.efer = EFER_LMA;
  (state.segments[CS] as Segment).long = bits === 64;
  for (const segment of state.segments) {
    segment.big = bits !== 16;
    if (bits === 16) segment.limit = 0xffff;
  }
  (state.segments[CS] as Segment).writable = bits === 16;
  if (bits === 16) state.cr0 &= ~CR0_PE;
  return state;
}
