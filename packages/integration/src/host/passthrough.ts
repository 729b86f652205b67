import { type DmaPort, type HaswellDevice, type MachineMemory, PORTS } from '@xengt/hsw-device';
import type { Vgt } from '@xengt/linux-vgt';
import {
  AssignedGpu,
  type AssignedPort,
  buildOpRegion,
  OpRegionRegister,
  vbtPortsOf,
} from '@xengt/qemu-vgt';
import { Assignment, type DmaFault, type Domain, RemappingUnit, VtdDriver } from '@xengt/xen-vgt';
import { HostError } from './host-error.ts';
import { IGD_DEVFN, panelOf } from './machine.ts';

/** 00:02.0 as the remapping unit knows it: bus, device, function. */
const IGD_SID: number = IGD_DEVFN;
/** Machine address of the hypervisor's tables: below the mediator's memory. */
const TABLES: number = 430 * 2 ** 30;
/** Where this machine's firmware has its OpRegion: a page bound below 3 GiB. */
const HOST_OPREGION = 0xbdffe000;
const INTA = 1;
const MIB = 2 ** 20;

/** Who uses the GPU: the mediator, nobody until it is given back or assigned, or one domain. */
export type GpuUse = 'mediated' | 'assignable' | 'assigned';

/** Stolen memory that the machine's firmware set aside for the GPU. */
export interface StolenMemory {
  /** Machine address. */
  readonly base: number;
  readonly mib: number;
}

export interface PassthroughOptions {
  readonly memory: MachineMemory;
  readonly stolen: StolenMemory;
  /** Hears the lines about faults: some of each assignment. */
  readonly event: (text: string) => void;
  readonly wake: () => void;
}

/**
 * The GPU given to one domain without the mediator, behind the machine's DMA remapping unit: what
 * upstream calls VT-d pass-through, and mediation is compared with.
 *
 * As with xl, the GPU first becomes assignable: Domain-0 lets it go, and has no display from then on.
 * Afterwards it is given back, and Domain-0's driver may come again.
 */
export class GpuPassthrough {
  readonly unit: RemappingUnit;
  readonly driver: VtdDriver;
  /** The domain's view of the GPU while one has it. */
  gpu: AssignedGpu | null = null;
  assignment: Assignment | null = null;
  /** Calls `listener` when Domain-0 loses the GPU, or has it again. */
  onUse: (use: GpuUse) => void = () => {};
  /** Calls `listener` with each fault that was read. */
  onFault: (fault: DmaFault) => void = () => {};
  readonly #o: PassthroughOptions;
  #use: GpuUse = 'mediated';
  #device: HaswellDevice | null = null;
  #vgt: Vgt | null = null;

  constructor(o: PassthroughOptions) {
    this.#o = o;
    this.unit = new RemappingUnit(o.memory);
    this.driver = new VtdDriver({
      unit: this.unit,
      memory: o.memory,
      base: TABLES,
      onFault: (fault, line) => {
        if (line !== null) o.event(line);
        this.onFault(fault);
      },
      onEvent: o.wake,
    });
  }

  /** The GPU's way to memory. */
  get port(): DmaPort {
    return this.unit.port(IGD_SID);
  }

  /** The machine is complete. @param vgt null where nobody mediates: then nothing can be assigned */
  attach(device: HaswellDevice, vgt: Vgt | null): void {
    this.#device = device;
    this.#vgt = vgt;
  }

  get use(): GpuUse {
    return this.#use;
  }

  /** The domain that has it. */
  get owner(): Domain | null {
    return this.assignment?.domain ?? null;
  }

  #move(use: GpuUse): void {
    this.#use = use;
    this.onUse(use);
  }

  /**
   * Takes the GPU from Domain-0 and the mediator. Upstream: `xl pci-assignable-add 00:02.0`.
   *
   * @throws HostError GPU_BUSY with the reason: nothing has changed then
   */
  makeAssignable(): void {
    const vgt = this.#vgt;
    if (this.#use !== 'mediated') return;
    if (vgt === null) throw new HostError('GPU_BUSY', "the GPU is Domain-0's without a mediator");
    const { lending } = vgt.lifecycle;
    const why = lending.obstacle;
    if (why !== null) throw new HostError('GPU_BUSY', `the GPU cannot be assigned: ${why}`);
    if (lending.lend() !== null) {
      throw new HostError(
        'GPU_BUSY',
        'the GPU cannot be assigned: its engines do not come to rest',
      );
    }
    this.#reset();
    this.#move('assignable');
  }

  /**
   * Gives it to a domain.
   *
   * @throws HostError NOT_ASSIGNABLE
   */
  assign(domain: Domain): AssignedGpu {
    const device = this.#device;
    if (this.#use === 'assigned') {
      throw new HostError('NOT_ASSIGNABLE', `${domain.name}: ${this.owner?.name} has the GPU`);
    }
    if (this.#use === 'mediated' || device === null) {
      throw new HostError(
        'NOT_ASSIGNABLE',
        `${domain.name}: the GPU is not assignable: xengt pci-assignable-add 00:02.0 makes it so`,
      );
    }
    const { base, mib } = this.#o.stolen;
    const reserved = mib === 0 ? [] : [{ mfn: base / 4096, count: (mib * MIB) / 4096 }];
    const made = this.driver.assign(domain, IGD_SID, reserved);
    if (!(made instanceof Assignment)) {
      throw new HostError('NOT_ASSIGNABLE', `${domain.name}: ${made}`);
    }
    this.assignment = made;
    this.gpu = new AssignedGpu({
      device,
      stolenBase: base,
      stolenMiB: mib,
      port: portOf(domain, made),
      opRegion: new OpRegionRegister(
        { address: HOST_OPREGION, bytes: hostOpRegion(device) },
        (gpa, bytes, pages) => domain.mapTrap(gpa, bytes, 'mmio', pages),
      ),
    });
    this.#move('assigned');
    return this.gpu;
  }

  /** Takes it from the domain that has it; it is reset, and assignable again. */
  release(): void {
    if (this.#use !== 'assigned') return;
    this.gpu?.release();
    // Nothing runs any more when the tables go.
    this.#reset();
    this.assignment?.release();
    this.gpu = null;
    this.assignment = null;
    this.#move('assignable');
  }

  /**
   * The mediator and Domain-0 get it back. Upstream: `xl pci-assignable-remove -r 00:02.0`.
   *
   * @throws HostError GPU_BUSY while a domain has it
   */
  giveBack(): void {
    if (this.#use === 'assigned') {
      throw new HostError('GPU_BUSY', `${this.owner?.name} has the GPU`);
    }
    if (this.#use === 'mediated') return;
    this.#reset();
    this.#vgt?.lifecycle.lending.takeBack();
    this.#move('mediated');
  }

  /** A function-level reset, as between two owners. */
  #reset(): void {
    this.#device?.reset('function');
    this.#device?.ggtt.clear();
  }

  /** What the remapping unit recorded is read and told: one record a call. */
  service(): void {
    this.driver.service();
  }
}

/** Of a domain whose device's requests are translated. */
function portOf(domain: Domain, assignment: Assignment): AssignedPort {
  return {
    mapTrap: (gpa, bytes, kind, target) => domain.mapTrap(gpa, bytes, kind, target),
    unmapTrap: (gpa, bytes) => domain.unmapTrap(gpa, bytes),
    setIntx: (level) => domain.setIntx(IGD_DEVFN, INTA, level),
    bindMsi: (address, data) => assignment.bindMsi(address, data),
    unbindMsi: () => assignment.unbindMsi(),
    message: () => assignment.message(),
  };
}

/**
 * Of a domain that has the GPU with nothing between: guest and machine addresses must be equal there,
 * as Domain-0's are.
 */
export function directPort(domain: Domain): AssignedPort {
  const bound = { address: 0, data: 0, is: false };
  return {
    mapTrap: (gpa, bytes, kind, target) => domain.mapTrap(gpa, bytes, kind, target),
    unmapTrap: (gpa, bytes) => domain.unmapTrap(gpa, bytes),
    setIntx: (level) => domain.setIntx(IGD_DEVFN, INTA, level),
    bindMsi: (address, data) => Object.assign(bound, { address, data, is: true }),
    unbindMsi: () => {
      bound.is = false;
    },
    message: () => {
      if (bound.is) domain.injectMsi(bound.address, bound.data);
    },
  };
}

/** What the machine's firmware left: it describes the physical ports, and the panel that is built in. */
function hostOpRegion({ display }: HaswellDevice): Uint8Array {
  const panel = display.monitorOn('A');
  return buildOpRegion(vbtPortsOf(PORTS, display.wiring), panel === null ? null : panelOf(panel));
}
