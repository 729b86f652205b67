import type { EmulBus } from './bus.ts';
import { AC, type CpuState, CR0_AM, CS, FS, GS, type Segment, SS } from './cpu-state.ts';
import { ACF, CpuFault, segmentFault } from './fault.ts';
import { type Access, translate } from './paging.ts';

const PAGE = 4096;
/** The widest area an instruction reads or writes: XSAVE with AVX. */
const AREA_MAX = 1088;

/**
 * Memory as instructions name it: segment and offset, to linear, to physical. A store that meets a
 * fault on its second page has not written to its first.
 */
export class EmulMemory {
  readonly state: CpuState;
  readonly bus: EmulBus;
  /** Bytes of the access under way. */
  readonly buffer: Uint8Array<ArrayBuffer> = new Uint8Array(AREA_MAX);
  readonly view: DataView = new DataView(this.buffer.buffer);

  constructor(state: CpuState, bus: EmulBus) {
    this.state = state;
    this.bus = bus;
  }

  /**
   * Linear address of an access, with the segment's checks. SDM vol.3 5.3, vol.1 3.3.7.1.
   *
   * @param offset already cut to the width of addresses
   * @throws CpuFault #GP, #SS
   */
  linear(segment: number, offset: bigint, bytes: number, access: Access): bigint {
    const { state } = this;
    const stack = segment === SS;
    const s = state.segments[segment] as Segment;
    if (state.bits === 64) {
      const base = segment === FS || segment === GS ? s.base : 0n;
      const first = BigInt.asUintN(64, base + offset);
      const last = BigInt.asUintN(64, first + BigInt(bytes - 1));
      if (!canonical(first) || !canonical(last)) segmentFault(stack);
      return first;
    }
    if (!s.present || (access === 'write' && !s.writable) || (access === 'read' && !s.readable)) {
      segmentFault(stack);
    }
    const first = Number(offset);
    const last = first + bytes - 1;
    const top = s.expandDown && !s.big ? 0xffff : 0xffffffff;
    if (s.expandDown ? first <= s.limit || last > top : last > s.limit) segmentFault(stack);
    return (s.base + offset) & 0xffffffffn;
  }

  /** Fills the buffer. @throws CpuFault */
  read(segment: number, offset: bigint, bytes: number, at = 0): void {
    this.#checkAlignment(segment, offset, bytes);
    this.readLinear(this.linear(segment, offset, bytes, 'read'), bytes, at);
  }

  readLinear(linear: bigint, bytes: number, at = 0): void {
    const first = this.#left(linear, bytes);
    const one = this.#physical(linear, 'read');
    const two = first < bytes ? this.#physical(this.#after(linear, first), 'read') : 0;
    this.bus.read(one, first, this.buffer, at);
    if (first < bytes) this.bus.read(two, bytes - first, this.buffer, at + first);
  }

  /** Stores the buffer. @throws CpuFault with nothing stored */
  write(segment: number, offset: bigint, bytes: number, at = 0): void {
    this.#checkAlignment(segment, offset, bytes);
    this.writeLinear(this.linear(segment, offset, bytes, 'write'), bytes, at);
  }

  writeLinear(linear: bigint, bytes: number, at = 0): void {
    const first = this.#left(linear, bytes);
    const one = this.#physical(linear, 'write');
    const two = first < bytes ? this.#physical(this.#after(linear, first), 'write') : 0;
    this.bus.write(one, first, this.buffer, at);
    if (first < bytes) this.bus.write(two, bytes - first, this.buffer, at + first);
  }

  /** Raises the fault that an access would, before anything is done. @throws CpuFault */
  probe(segment: number, offset: bigint, bytes: number, access: 'read' | 'write'): void {
    const linear = this.linear(segment, offset, bytes, access);
    this.#physical(linear, access);
    const first = this.#left(linear, bytes);
    if (first < bytes) this.#physical(this.#after(linear, first), access);
  }

  /**
   * Code bytes at the instruction pointer: up to 15, fewer where the next page cannot be fetched.
   *
   * @throws CpuFault when not even the first can
   */
  fetch(into: Uint8Array): number {
    const { state } = this;
    const wide = state.bits === 64;
    const linear = this.linear(CS, wide ? state.rip : state.rip & 0xffffffffn, 1, 'fetch');
    let bytes = into.length;
    if (!wide) {
      const { limit } = state.segments[CS] as Segment;
      bytes = Math.min(bytes, limit - Number(state.rip) + 1);
    }
    const first = this.#left(linear, bytes);
    this.bus.read(this.#physical(linear, 'fetch'), first, into, 0);
    if (first === bytes) return bytes;
    try {
      const next = this.#physical(this.#after(linear, first), 'fetch');
      this.bus.read(next, bytes - first, into, first);
      return bytes;
    } catch (error) {
      if (!(error instanceof CpuFault)) throw error;
      this.fetchFault = error;
      return first;
    }
  }

  /** Why {@link fetch} gave fewer bytes: the fault of an instruction that needs them. */
  fetchFault: CpuFault | null = null;

  #physical(linear: bigint, access: Access): number {
    const { state } = this;
    return Number(translate(state, this.bus, linear, access, state.cpl === 3));
  }

  #after(linear: bigint, bytes: number): bigint {
    const next = linear + BigInt(bytes);
    return this.state.bits === 64 ? BigInt.asUintN(64, next) : next & 0xffffffffn;
  }

  /** Bytes up to the end of the page, at most `bytes`. */
  #left(linear: bigint, bytes: number): number {
    return Math.min(bytes, PAGE - Number(linear & 0xfffn));
  }

  #checkAlignment(segment: number, offset: bigint, bytes: number): void {
    const { state } = this;
    if (state.cpl !== 3 || (state.rflags & AC) === 0 || (state.cr0 & CR0_AM) === 0) return;
    if (bytes > 8 || (bytes & (bytes - 1)) !== 0) return;
    const { base } = state.segments[segment] as Segment;
    if (((base + offset) & BigInt(bytes - 1)) !== 0n) throw new CpuFault(ACF, 0);
  }
}

/** Whether bits 63:47 of an address are all the same. */
export function canonical(linear: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, linear)) === linear;
}
