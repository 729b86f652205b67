import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import type { PortEntry, V86Cpu } from './internals.ts';

/** Ports that v86's wasm code answers itself: the two PICs and their ELCRs. v86: `io_port_read8`. */
const WASM_PORTS: readonly number[] = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1];

/** One mapped port: v86 calls a port's functions with its device as `this`. */
class MappedPort {
  readonly target: TrapTarget;
  readonly offset: number;
  constructor(target: TrapTarget, offset: number) {
    this.target = target;
    this.offset = offset;
  }
}

function reader(size: AccessSize, mask: number) {
  return function read(this: unknown): number {
    const port = this as MappedPort;
    return port.target.read(port.offset, size) & mask;
  };
}

function writer(size: AccessSize) {
  return function write(this: unknown, value: number): void {
    const port = this as MappedPort;
    port.target.write(port.offset, size, value);
  };
}

// One set of functions for all ports keeps v86's call sites of one shape.
const READ8 = reader(1, 0xff);
const READ16 = reader(2, 0xffff);
const READ32 = reader(4, -1);
const WRITE8 = writer(1);
const WRITE16 = writer(2);
const WRITE32 = writer(4);

/** I/O ports given to targets; ports given back behave as v86 made them. */
export class PortMap {
  readonly #ports: PortEntry[];
  readonly #own = new Map<number, PortEntry>();

  constructor(cpu: V86Cpu) {
    this.#ports = cpu.io.ports;
  }

  /** See `VcpuEngine.mapPorts`. */
  map(port: number, count: number, target: TrapTarget): boolean {
    if (port < 0 || count <= 0 || port + count > 0x10000) return false;
    for (let p = port; p < port + count; p++) {
      if (this.#own.has(p) || WASM_PORTS.includes(p)) return false;
    }
    for (let i = 0; i < count; i++) {
      this.#own.set(port + i, this.#ports[port + i] as PortEntry);
      this.#ports[port + i] = {
        read8: READ8,
        read16: READ16,
        read32: READ32,
        write8: WRITE8,
        write16: WRITE16,
        write32: WRITE32,
        device: new MappedPort(target, i),
      };
    }
    return true;
  }

  unmap(port: number, count: number): void {
    for (let p = port; p < port + count; p++) {
      const own = this.#own.get(p);
      if (own === undefined) continue;
      this.#ports[p] = own;
      this.#own.delete(p);
    }
  }

  /** What v86 itself has at a port, mapped over or not. */
  own(port: number): PortEntry {
    return this.#own.get(port) ?? (this.#ports[port] as PortEntry);
  }
}
