import { HaswellDevice, MachineMemory, ManualClock } from '@xengt/hsw-device';
import { Vgt } from '@xengt/linux-vgt';
import { Hypervisor, MediatorPort, ScriptedEngine } from '@xengt/xen-vgt';
import { GuestMachine, IGD_DEVFN } from '../../src/host/machine.ts';
import type { Random } from '../lib/random.ts';
import type { Model, ModelLife } from './model.ts';

const SIZES = [1, 2, 4] as const;
const CONFIG_ADDRESS = 0xcf8;
const PORTS = 0x10000;
const MEMORY_MIB = 20;
/** Functions that answer: host bridge, ISA bridges, GPU. */
const FUNCTIONS: readonly number[] = [0, 0x08, IGD_DEVFN, 0xf8];
/** Registers whose writes do something: command, BARs, MSI, power, function reset, SWSCI, ASLS. */
const LIVELY: readonly number[] = [
  0, 4, 0x10, 0x18, 0x20, 0x50, 0x62, 0x92, 0x94, 0x98, 0xa8, 0xd4, 0xe8, 0xfc,
];

/** A guest's machine with its vGPU behind configuration space and ports, as the host makes it. */
class MachineLife implements ModelLife {
  readonly #engine = new ScriptedEngine(MEMORY_MIB);
  readonly #hypervisor: Hypervisor;
  readonly #step: (engine: ScriptedEngine, random: Random) => number;

  constructor(step: (engine: ScriptedEngine, random: Random) => number) {
    this.#step = step;
    const memory = new MachineMemory();
    const clock = new ManualClock();
    const device = new HaswellDevice({ memory, clock, deviceId: 0x0412, apertureMiB: 256 });
    this.#hypervisor = new Hypervisor(memory);
    const mpt = new MediatorPort(this.#hypervisor, IGD_DEVFN);
    const vgt = new Vgt({ device, clock, mpt });
    const engine = this.#engine;
    const domain = this.#hypervisor.createDomain({ name: 'fuzzed', engine, domid: 1 });
    const vgpu = vgt.createVgpu(1, { lowMiB: 64, highMiB: 448, fences: 4 });
    if (typeof vgpu === 'string') throw new Error(`no vGPU: ${vgpu}`);
    domain.enableVgt(IGD_DEVFN);
    const machine = new GuestMachine(domain, engine, device.model, vgpu.config.space);
    machine.placeOpRegion(domain, vgpu.display ?? device.display);
    domain.resume();
  }

  step(random: Random): string | null {
    const value = this.#step(this.#engine, random);
    return Number.isInteger(value) ? null : `a read of ${value}`;
  }

  /** However BARs were moved, what is registered is what is mapped, and is little. */
  end(): string | null {
    const domain = this.#hypervisor.domain(1);
    if (domain?.state !== 'running') return `the domain is ${domain?.state}: ${domain?.reason}`;
    const ranges = domain.vgt?.ranges ?? 0;
    return ranges <= 3 ? null : `the mediator serves ${ranges} ranges`;
  }
}

/** Accesses to configuration space by ports 0xcf8 and 0xcfc. */
export const configModel: Model = {
  name: 'config',
  make: () =>
    new MachineLife((engine, random) => {
      const devfn = random.once(8) ? random.below(256) : random.pick(FUNCTIONS);
      const lively = random.once(2);
      const offset = lively ? random.pick(LIVELY) : random.below(256);
      const size = random.pick(SIZES);
      if (random.once(64)) engine.out(CONFIG_ADDRESS, 4, random.u32());
      else engine.out(CONFIG_ADDRESS, 4, (1 << 31) | (devfn << 8) | (offset & 0xfc));
      if (random.once(3)) return engine.in(CONFIG_ADDRESS + 4 + (offset & 3), size);
      engine.out(CONFIG_ADDRESS + 4 + (offset & 3), size, random.value());
      return 0;
    }),
};

/** Accesses to any port, those that somebody answers most of all. */
export const portsModel: Model = {
  name: 'ports',
  make: () =>
    new MachineLife((engine, random) => {
      const known = random.pick([0x3b0, 0x3c0, 0x3d0, 0x1ce, CONFIG_ADDRESS]);
      const port = random.once(4) ? random.below(PORTS) : known + random.below(16);
      const size = random.pick(SIZES);
      if (random.once(2)) return engine.in(port, size);
      engine.out(port, size, random.value());
      return 0;
    }),
};
