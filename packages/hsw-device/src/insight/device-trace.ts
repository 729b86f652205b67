import type { Engine } from '../cs/engine.ts';
import type { Execute } from '../cs/engine-contract.ts';
import type { HaswellDevice } from '../device.ts';
import { PORTS } from '../display/ports.ts';
import {
  ENGINE_IDS,
  HEAD_ADDR,
  HWS_PGA,
  RING_BASE,
  RING_CTL,
  RING_HEAD,
  RING_START,
  ringBytes,
} from '../gt/engine.regs.ts';
import type { AddressSpace } from '../gtt/address-space.ts';
import { DE_IRQ, GT_IRQ, PCH_IRQ, PM_IRQ } from '../irq/interrupt.regs.ts';
import type { Interrupts } from '../irq/interrupts.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import { Trace } from './trace.ts';
import type { TraceFilter } from './trace-filter.ts';
import { ACCESSES, KIND, type RefusedRequest, TRACE_KINDS } from './trace-kinds.ts';
import { TraceReader } from './trace-reader.ts';

/** Bytes of an engine's register block. */
const BLOCK_BYTES = 0x800;
/** Set numbers as a record stores them. */
const SET_BASES: readonly number[] = [DE_IRQ, GT_IRQ, PM_IRQ, PCH_IRQ];
/** DE bits of one pipe: vertical blank, primary and sprite flip done; the next pipe's 5 bits up. */
const DE_VBLANK = 0x1;
const DE_FLIPS = 0x18;
const DE_PIPE_BITS = 5;

export interface DeviceTraceOptions {
  /** Records kept. Default 65,536. */
  readonly capacity?: number;
  readonly filter?: TraceFilter;
}

/**
 * A trace of a device: it watches until it is stopped. One trace at a time watches a register file.
 * While none does, the device pays nothing for it: the register file's check is part of one it makes
 * anyway, and commands run from their own table again.
 */
export class DeviceTrace {
  readonly trace: Trace;
  readonly reader: TraceReader;
  readonly #filter: TraceFilter;
  readonly #kinds: Uint8Array;
  readonly #undo: (() => void)[] = [];

  constructor(device: HaswellDevice, options: DeviceTraceOptions = {}) {
    this.trace = new Trace(device.clock, options.capacity);
    this.reader = new TraceReader(this.trace, device.regs);
    this.#filter = options.filter ?? {};
    const { kinds } = this.#filter;
    this.#kinds = Uint8Array.from(TRACE_KINDS, (row) =>
      kinds === undefined || kinds.some((kind) => kind === row.name) ? 1 : 0,
    );
    this.addRegisters('gpu', device.regs, device.irq);
    const source = this.trace.nameId('gpu');
    for (const engine of device.gt.engines) this.#watchEngine(source, engine);
    this.#watchSpace(source, device.ggtt.space);
  }

  /** Traces one more register file with its interrupts: those of a virtual GPU. */
  addRegisters(name: string, regs: RegSpace, irq: Interrupts): void {
    const source = this.trace.nameId(name);
    this.reader.addSource(name, regs);
    this.#watchRegisters(source, regs);
    this.#watchInterrupts(source, irq);
  }

  /** Records a request that a remapping unit refused. @param source whose device it is */
  refused(source: string, { device, access, address, reason }: RefusedRequest): void {
    if (!this.#takes(KIND.refused)) return;
    const { trace } = this;
    const who = trace.nameId(device);
    const how = ACCESSES.indexOf(access);
    const high = Math.floor(address / 2 ** 32);
    trace.add(
      KIND.refused,
      trace.nameId(source),
      who,
      how,
      address | 0,
      high,
      trace.nameId(reason),
    );
  }

  /** Leaves the device as it was. What was recorded can still be read. */
  stop(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #takes(kind: number): boolean {
    return this.#kinds[kind] !== 0;
  }

  #watchRegisters(source: number, regs: RegSpace): void {
    const { trace } = this;
    const reads = this.#takes(KIND.read);
    const writes = this.#takes(KIND.write);
    if (!reads && !writes) return;
    // Unclaimed accesses reach the watcher whatever it watches.
    const wanted = (offset: number): boolean => this.#wanted(offset);
    regs.watch(
      {
        registerRead: (offset, value) => {
          if (reads && wanted(offset)) trace.add(KIND.read, source, offset, value);
        },
        registerWritten: (offset, value) => {
          if (writes && wanted(offset)) trace.add(KIND.write, source, offset, value);
        },
      },
      wanted,
    );
    this.#undo.push(() => regs.watch(null));
  }

  #wanted(offset: number): boolean {
    const { registers, engines } = this.#filter;
    if (registers !== undefined) {
      for (const [first, last] of registers) if (offset >= first && offset <= last) return true;
      return false;
    }
    if (engines === undefined) return true;
    for (const id of engines) {
      const from = offset - RING_BASE[id];
      if ((from >= 0 && from < BLOCK_BYTES) || offset === HWS_PGA[id]) return true;
    }
    return false;
  }

  #watchEngine(source: number, engine: Engine): void {
    const { trace } = this;
    const { engines } = this.#filter;
    if (engines !== undefined && !engines.includes(engine.id)) return;
    const index = ENGINE_IDS.indexOf(engine.id);
    if (this.#takes(KIND.command)) {
      const plain = engine.execute;
      const traced = (e: Engine, row: number): void => {
        trace.add(KIND.command, source, index, commandAt(e), e.cmd[0] as number, e.length, e.level);
        (plain[row] as Execute)(e, row);
      };
      engine.execute = plain.map(() => traced);
      this.#undo.push(() => {
        engine.execute = plain;
      });
    }
    if (this.#takes(KIND.hang)) {
      engine.onHang = (e, reason) =>
        trace.add(KIND.hang, source, index, e.at, trace.nameId(reason));
      this.#undo.push(() => {
        engine.onHang = null;
      });
    }
    this.#watchSpace(source, engine.ppgtt.space);
  }

  #watchSpace(source: number, space: AddressSpace): void {
    if (!this.#takes(KIND.fault)) return;
    const name = this.trace.nameId(space.name);
    space.onFault = (gma) => this.trace.add(KIND.fault, source, name, gma);
    this.#undo.push(() => {
      space.onFault = null;
    });
  }

  #watchInterrupts(source: number, irq: Interrupts): void {
    const { trace } = this;
    irq.watcher = {
      raised: (base, bits, passed) => {
        if (this.#takes(KIND.interrupt)) {
          trace.add(KIND.interrupt, source, SET_BASES.indexOf(base), bits, passed);
        }
        if (base === DE_IRQ) this.#displayEvent(source, bits);
        this.#hotplugEvent(source, base, bits);
      },
      line: (high) => {
        if (this.#takes(KIND.line)) trace.add(KIND.line, source, high ? 1 : 0);
      },
    };
    this.#undo.push(() => {
      irq.watcher = null;
    });
  }

  #displayEvent(source: number, bits: number): void {
    for (let pipe = 0; pipe < 3; pipe++) {
      const of = bits >>> (pipe * DE_PIPE_BITS);
      if ((of & DE_VBLANK) !== 0 && this.#takes(KIND.vblank)) {
        this.trace.add(KIND.vblank, source, pipe);
      }
      if ((of & DE_FLIPS) === 0 || !this.#takes(KIND.flip)) continue;
      for (let plane = 0; plane < 2; plane++) {
        if ((of & (8 << plane)) !== 0) this.trace.add(KIND.flip, source, pipe, plane);
      }
    }
  }

  #hotplugEvent(source: number, base: number, bits: number): void {
    if (!this.#takes(KIND.hotplug) || (base !== DE_IRQ && base !== PCH_IRQ)) return;
    for (const port of PORTS) {
      const set = port.name === 'A' ? DE_IRQ : PCH_IRQ;
      if (set === base && (bits & port.hotplugBit) !== 0) {
        this.trace.add(KIND.hotplug, source, port.index);
      }
    }
  }
}

/** Graphics address of the command that an engine is about to execute: it has been fetched. */
export function commandAt(e: Engine): number {
  const bytes = e.length * 4;
  if (e.level > 0) return ((e.batches.at[e.level] as number) - bytes) | 0;
  const size = ringBytes(e.reg(RING_CTL));
  const offset = ((e.reg(RING_HEAD) & HEAD_ADDR) - bytes) & (size - 1);
  return (e.reg(RING_START) + offset) | 0;
}
