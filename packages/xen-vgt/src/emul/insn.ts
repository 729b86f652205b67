import type * as Iced from 'iced-x86';
import { DS, RBP, RSP, SS } from './cpu-state.ts';

/** The decoding library. Whoever runs the emulator loads it: Node and a browser do so differently. */
export type IcedX86 = Omit<typeof Iced, 'default'>;

/** What an operand is. */
export const OP_NONE = 0,
  OP_GPR = 1,
  OP_SEGMENT = 2,
  OP_VECTOR = 3,
  OP_MMX = 4,
  OP_IMMEDIATE = 5,
  OP_MEMORY = 6,
  OP_BRANCH = 7,
  OP_OTHER = 8;

/** An instruction's operand; what it is not, it does not have set. */
export interface Operand {
  kind: number;
  /** Bytes; 0 for an area whose size depends on state (XSAVE). */
  bytes: number;
  /** Number of a register. */
  reg: number;
  /** AH, CH, DH, BH: bits 15:8 of register `reg`. */
  high: boolean;
  /** Immediate, zero-extended to its operand; branch target. */
  value: bigint;
  /** Memory of a string instruction: the destination is addressed by rDI in ES. */
  destination: boolean;
}

/** One decoded instruction, in values of our own: nothing in it has to be freed. */
export interface Insn {
  length: number;
  /** iced's name of the mnemonic, e.g. `Movdqa`. */
  name: string;
  ops: readonly Operand[];
  count: number;
  vex: boolean;
  lock: boolean;
  /** F3 before a string instruction. */
  rep: boolean;
  /** F2 before a string instruction. */
  repne: boolean;
  /** Memory operand: segment, base and index registers (-1 none), scale, displacement. */
  segment: number;
  base: number;
  index: number;
  scale: number;
  displacement: bigint;
  /** Width of the address, bytes: 2, 4 or 8. */
  addressBytes: number;
  /** A string instruction: MOVSD and CMPSD have a namesake in SSE. */
  string: boolean;
  /** Bytes by which the stack pointer grows; negative for what pushes. */
  stackStep: number;
  /** rIP after the instruction. */
  nextIp: bigint;
}

/** Most bytes of an instruction. SDM vol.2 2.3.11. */
export const INSN_BYTES_MAX = 15;

/**
 * Decodes one instruction at a time with iced-x86. What the library calls invalid, or an extension
 * that the emulator has nothing of (EVEX, XOP, 3DNow!), is refused with a reason.
 */
export class InsnDecoder {
  /** The instruction decoded last. */
  readonly insn: Insn = {
    length: 0,
    name: '',
    ops: Array.from({ length: 5 }, newOperand),
    count: 0,
    vex: false,
    lock: false,
    rep: false,
    repne: false,
    segment: -1,
    base: -1,
    index: -1,
    scale: 1,
    displacement: 0n,
    addressBytes: 8,
    string: false,
    stackStep: 0,
    nextIp: 0n,
  };
  readonly #iced: IcedX86;
  readonly #out: Iced.Instruction;
  /** Kind, number and bytes of each of iced's registers. */
  readonly #registers: readonly (Operand | null)[];

  constructor(iced: IcedX86) {
    this.#iced = iced;
    this.#out = new iced.Instruction();
    this.#registers = registerTable(iced);
  }

  /**
   * @param bytes code from the instruction on, at most {@link INSN_BYTES_MAX} are looked at
   * @returns null, or why there is no instruction: `invalid`, `truncated` or `unsupported`
   */
  decode(
    bytes: Uint8Array,
    bits: 16 | 32 | 64,
    ip: bigint,
  ): 'invalid' | 'truncated' | 'unsupported' | null {
    const { DecoderError, EncodingKind } = this.#iced;
    const window = bytes.length > INSN_BYTES_MAX ? bytes.subarray(0, INSN_BYTES_MAX) : bytes;
    const decoder = new this.#iced.Decoder(bits, window, this.#iced.DecoderOptions.None);
    decoder.ip = ip;
    const out = this.#out;
    decoder.decodeOut(out);
    const error = decoder.lastError;
    decoder.free();
    if (error === DecoderError.NoMoreBytes) {
      return window.length < INSN_BYTES_MAX ? 'truncated' : 'invalid';
    }
    if (out.isInvalid) return 'invalid';
    const { encoding } = out;
    if (encoding !== EncodingKind.Legacy && encoding !== EncodingKind.VEX) return 'unsupported';
    const far = out.isJmpFarIndirect || out.isCallFarIndirect || out.isJmpFar || out.isCallFar;
    if (out.isVsib || far) return 'unsupported';
    this.#take(bits, encoding === EncodingKind.VEX);
    return null;
  }

  #take(bits: number, vex: boolean): void {
    const { insn } = this;
    const out = this.#out;
    insn.length = out.length;
    insn.name = this.#iced.Mnemonic[out.mnemonic];
    insn.vex = vex;
    insn.lock = out.hasLockPrefix;
    insn.rep = out.hasRepPrefix;
    insn.repne = out.hasRepnePrefix;
    insn.string = out.isStringInstruction;
    insn.stackStep = out.stackPointerIncrement;
    insn.nextIp = out.nextIP;
    insn.count = out.opCount;
    insn.addressBytes = bits / 8;
    for (let i = 0; i < insn.count; i++) this.#operand(insn.ops[i] as Operand, i);
  }

  #operand(op: Operand, i: number): void {
    const { OpKind, MemorySizeExt } = this.#iced;
    const out = this.#out;
    const kind = out.opKind(i);
    op.destination = false;
    op.high = false;
    op.value = 0n;
    if (kind === OpKind.Register) {
      const reg = this.#registers[out.opRegister(i)] ?? null;
      op.kind = reg?.kind ?? OP_OTHER;
      op.reg = reg?.reg ?? -1;
      op.bytes = reg?.bytes ?? 0;
      op.high = reg?.high ?? false;
    } else if (kind >= OpKind.MemorySegSI) {
      op.kind = OP_MEMORY;
      op.bytes = MemorySizeExt.size(out.memorySize);
      this.#memory(op, kind);
    } else if (kind >= OpKind.Immediate8) {
      op.kind = OP_IMMEDIATE;
      op.bytes = 8;
      op.value = BigInt.asUintN(64, out.immediate(i));
    } else {
      op.kind = kind <= OpKind.NearBranch64 ? OP_BRANCH : OP_OTHER;
      if (op.kind === OP_BRANCH) op.value = out.nearBranchTarget;
    }
  }

  #memory(op: Operand, kind: number): void {
    const { OpKind } = this.#iced;
    const { insn } = this;
    const out = this.#out;
    if (kind !== OpKind.Memory) {
      // String operands: SI, ESI, RSI, DI, EDI, RDI with a segment, then DI, EDI, RDI in ES.
      const nth = kind - OpKind.MemorySegSI;
      op.destination = nth >= 6;
      insn.addressBytes = [2, 4, 8][nth % 3] as number;
      if (!op.destination) insn.segment = this.#segment();
      insn.base = nth >= 3 ? 7 : 6;
      insn.index = -1;
      insn.displacement = 0n;
      return;
    }
    insn.segment = this.#segment();
    insn.displacement = out.memoryDisplacement;
    if (out.isIpRelMemoryOperand) {
      // iced gives the target, not the distance.
      insn.addressBytes = this.#iced.RegisterExt.size(out.memoryBase);
      insn.base = -1;
      insn.index = -1;
      return;
    }
    const base = this.#registers[out.memoryBase] ?? null;
    const index = this.#registers[out.memoryIndex] ?? null;
    insn.base = base?.reg ?? -1;
    insn.index = index?.reg ?? -1;
    insn.scale = out.memoryIndexScale;
    // Without registers the width of the displacement tells the width of the address.
    insn.addressBytes = base?.bytes ?? index?.bytes ?? out.memoryDisplSize;
  }

  /** In 64-bit code only FS and GS prefixes count. SDM vol.1 3.7.4.1. */
  #segment(): number {
    const { Register, CodeSize } = this.#iced;
    const out = this.#out;
    const prefix = out.segmentPrefix;
    if (out.codeSize !== CodeSize.Code64 || prefix === Register.FS || prefix === Register.GS) {
      return this.#number(out.memorySegment);
    }
    const base = this.#number(out.memoryBase);
    return base === RSP || base === RBP ? SS : DS;
  }

  #number(register: number): number {
    return this.#registers[register]?.reg ?? -1;
  }
}

function newOperand(): Operand {
  return { kind: OP_NONE, bytes: 0, reg: -1, high: false, value: 0n, destination: false };
}

/** Kind, number and width of each register that the emulator knows, by iced's number. */
function registerTable(iced: IcedX86): (Operand | null)[] {
  const { Register, RegisterExt } = iced;
  const table: (Operand | null)[] = [];
  for (let r = Register.AL; r <= Register.MM7; r++) {
    const kind = kindOf(iced, r);
    if (kind === OP_NONE) continue;
    const bytes = RegisterExt.size(r);
    // A byte register has a number of its own; what counts is the register that it is part of.
    const whole = kind === OP_GPR ? RegisterExt.fullRegister(r) : r;
    const high = r >= Register.AH && r <= Register.BH;
    table[r] = { ...newOperand(), kind, bytes, reg: RegisterExt.number(whole), high };
  }
  return table;
}

function kindOf({ RegisterExt }: IcedX86, r: number): number {
  if (RegisterExt.isGPR(r)) return OP_GPR;
  if (RegisterExt.isSegmentRegister(r)) return OP_SEGMENT;
  if (RegisterExt.isXMM(r) || RegisterExt.isYMM(r))
    return RegisterExt.number(r) < 16 ? OP_VECTOR : OP_NONE;
  return RegisterExt.isMM(r) ? OP_MMX : OP_NONE;
}
