import { type CpuState, CS, FS, RSP, SS, VECTOR_BYTES } from './cpu-state.ts';
import { CpuFault, GP, Unhandled } from './fault.ts';
import { Alu, mask } from './flags.ts';
import {
  type Insn,
  OP_BRANCH,
  OP_GPR,
  OP_IMMEDIATE,
  OP_MEMORY,
  OP_SEGMENT,
  type Operand,
} from './insn.ts';
import type { EmulMemory } from './memory.ts';

/** What an instruction's handler works with: the processor, the instruction, its operands. */
export class Exec {
  readonly state: CpuState;
  readonly memory: EmulMemory;
  readonly insn: Insn;
  readonly alu: Alu = new Alu();
  /** rIP after the instruction; a branch sets another. */
  nextIp = 0n;

  constructor(state: CpuState, memory: EmulMemory, insn: Insn) {
    this.state = state;
    this.memory = memory;
    this.insn = insn;
  }

  op(i: number): Operand {
    return this.insn.ops[i] as Operand;
  }

  isMemory(i: number): boolean {
    return this.op(i).kind === OP_MEMORY;
  }

  /** Width of an operation, bytes: that of its first operand. */
  get bytes(): number {
    return this.op(0).bytes;
  }

  // --- registers ---

  readGpr(reg: number, bytes: number, high = false): bigint {
    const whole = this.state.gpr[reg] as bigint;
    return (high ? whole >> 8n : whole) & mask(bytes);
  }

  /** A 4-byte result clears bits 63:32; narrower ones leave the rest. SDM vol.1 3.4.1.1. */
  writeGpr(reg: number, bytes: number, value: bigint, high = false): void {
    const { gpr } = this.state;
    if (bytes === 8) gpr[reg] = value;
    else if (bytes === 4) gpr[reg] = value & 0xffffffffn;
    else {
      const shift = high ? 8n : 0n;
      const bits = mask(bytes) << shift;
      gpr[reg] = ((gpr[reg] as bigint) & ~bits) | ((value << shift) & bits);
    }
  }

  // --- memory operand ---

  /** Offset in its segment of the memory operand, cut to the width of addresses. */
  offset(extra = 0n): bigint {
    const { insn } = this;
    const { gpr } = this.state;
    let at = insn.displacement + extra;
    if (insn.base >= 0) at += gpr[insn.base] as bigint;
    if (insn.index >= 0) at += (gpr[insn.index] as bigint) * BigInt(insn.scale);
    return at & mask(insn.addressBytes);
  }

  /** Reads the memory operand as a number of up to 8 bytes. @throws CpuFault */
  loadOperand(bytes: number, extra = 0n): bigint {
    this.memory.read(this.insn.segment, this.offset(extra), bytes);
    return this.fromBuffer(bytes);
  }

  /** The same of an operand that is written afterwards: it faults as a store does. */
  loadToModify(bytes: number, extra = 0n): bigint {
    this.memory.probe(this.insn.segment, this.offset(extra), bytes, 'write');
    return this.loadOperand(bytes, extra);
  }

  storeOperand(bytes: number, value: bigint, extra = 0n): void {
    this.toBuffer(bytes, value);
    this.memory.write(this.insn.segment, this.offset(extra), bytes);
  }

  /** Fills the buffer with the memory operand. @throws CpuFault */
  loadBytes(bytes: number): void {
    this.memory.read(this.insn.segment, this.offset(), bytes);
  }

  storeBytes(bytes: number): void {
    this.memory.write(this.insn.segment, this.offset(), bytes);
  }

  /** The memory operand has to be aligned, and this comes before all else. @throws CpuFault #GP */
  requireAligned(bytes: number): void {
    const { segments, bits } = this.state;
    const base =
      bits === 64 && this.insn.segment < FS ? 0n : (segments[this.insn.segment]?.base ?? 0n);
    if (((base + this.offset()) & BigInt(bytes - 1)) !== 0n) throw new CpuFault(GP, 0);
  }

  fromBuffer(bytes: number, at = 0): bigint {
    const { view } = this.memory;
    if (bytes === 8) return view.getBigUint64(at, true);
    if (bytes === 4) return BigInt(view.getUint32(at, true));
    return BigInt(bytes === 2 ? view.getUint16(at, true) : view.getUint8(at));
  }

  toBuffer(bytes: number, value: bigint, at = 0): void {
    const { view } = this.memory;
    if (bytes === 8) view.setBigUint64(at, value, true);
    else if (bytes === 4) view.setUint32(at, Number(value & 0xffffffffn), true);
    else if (bytes === 2) view.setUint16(at, Number(value & 0xffffn), true);
    else view.setUint8(at, Number(value & 0xffn));
  }

  /** Raises the fault that an access to the memory operand would. @throws CpuFault */
  probe(bytes: number, access: 'read' | 'write'): void {
    this.memory.probe(this.insn.segment, this.offset(), bytes, access);
  }

  // --- operands as numbers ---

  /** @param bytes width to read; that of the operand if not given */
  read(i: number, bytes: number = this.op(i).bytes): bigint {
    const op = this.op(i);
    switch (op.kind) {
      case OP_GPR:
        return this.readGpr(op.reg, bytes, op.high);
      case OP_IMMEDIATE:
        return op.value & mask(bytes);
      case OP_MEMORY:
        return this.loadOperand(bytes);
      case OP_SEGMENT:
        return BigInt(this.state.segments[op.reg]?.selector ?? 0);
      default:
        throw new Unhandled(`${this.insn.name}: operand ${i}`);
    }
  }

  /** Reads an operand that is written afterwards. @throws CpuFault */
  readToModify(i: number): bigint {
    return this.isMemory(i) ? this.loadToModify(this.op(i).bytes) : this.read(i);
  }

  write(i: number, value: bigint, bytes: number = this.op(i).bytes): void {
    const op = this.op(i);
    if (op.kind === OP_GPR) this.writeGpr(op.reg, bytes, value, op.high);
    else if (op.kind === OP_MEMORY) this.storeOperand(bytes, value);
    else throw new Unhandled(`${this.insn.name}: operand ${i}`);
  }

  // --- vector registers ---

  /** Bytes of vector register `reg`, as a part of the register file. */
  vector(reg: number, bytes: number = VECTOR_BYTES): Uint8Array {
    const at = reg * VECTOR_BYTES;
    return this.state.vectors.subarray(at, at + bytes);
  }

  /** An instruction of AVX clears what lies above its result; one of SSE leaves it. */
  clearAbove(reg: number, bytes: number): void {
    if (!this.insn.vex) return;
    const at = reg * VECTOR_BYTES;
    this.state.vectors.fill(0, at + bytes, at + VECTOR_BYTES);
  }

  // --- stack and branches ---

  get stackBytes(): number {
    return this.state.stackBits / 8;
  }

  /** @param bytes width of the item @throws CpuFault #SS with nothing changed */
  push(value: bigint, bytes: number): void {
    const top = (this.readGpr(RSP, this.stackBytes) - BigInt(bytes)) & mask(this.stackBytes);
    this.toBuffer(bytes, value);
    this.memory.write(SS, top, bytes);
    this.writeGpr(RSP, this.stackBytes, top);
  }

  /** Raises the fault that a push would. @throws CpuFault */
  probePush(bytes: number): void {
    const top = (this.readGpr(RSP, this.stackBytes) - BigInt(bytes)) & mask(this.stackBytes);
    this.memory.probe(SS, top, bytes, 'write');
  }

  /** The item on top of the stack; nothing is taken off. */
  top(bytes: number): bigint {
    this.memory.read(SS, this.readGpr(RSP, this.stackBytes), bytes);
    return this.fromBuffer(bytes);
  }

  dropStack(bytes: bigint): void {
    const { stackBytes } = this;
    this.writeGpr(RSP, stackBytes, (this.readGpr(RSP, stackBytes) + bytes) & mask(stackBytes));
  }

  /** Checks where a branch goes; {@link nextIp} is set by {@link jump} afterwards. */
  checkTarget(target: bigint): void {
    const { state } = this;
    if (state.bits === 64) {
      if (BigInt.asUintN(64, BigInt.asIntN(48, target)) !== target) throw new CpuFault(GP, 0);
    } else if (target > BigInt(state.segments[CS]?.limit ?? 0)) throw new CpuFault(GP, 0);
  }

  jump(target: bigint): void {
    this.checkTarget(target);
    this.nextIp = target;
  }

  /** Where a direct or indirect near branch goes. @throws CpuFault */
  branchTarget(i: number): bigint {
    const op = this.op(i);
    return op.kind === OP_BRANCH ? op.value : this.read(i);
  }

  setFlags(flags: number): void {
    this.state.rflags = flags;
  }
}

/** Does one instruction. @throws CpuFault or Unhandled with nothing changed */
export type Handler = (e: Exec) => void;
