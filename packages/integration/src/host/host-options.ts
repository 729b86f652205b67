import type { PortName, PortWiring } from '@xengt/hsw-device';
import type { VgpuParams, VgtConfig } from '@xengt/linux-vgt';
import type { MonitorRecord } from '@xengt/qemu-vgt';
import type { Dom0Access, VcpuEngine } from '@xengt/xen-vgt';
import type { DomainRequest } from '../config/request.ts';
import type { Monitors } from './device-model.ts';
import type { Hardware } from './disk.ts';
import type { GuestFiles } from './guest-files.ts';
import type { GuestOrigin, HostDomain } from './host-domain.ts';

/** What a machine is. */
export interface HostOptions {
  /** PCI device id of the GPU. Default 0x0412. */
  readonly deviceId?: number;
  readonly apertureMiB?: number;
  readonly vgt?: VgtConfig;
  /** Which ports the board has. Default: as a desktop's; `PANEL_WIRING` has a panel too. */
  readonly wiring?: Readonly<Record<PortName, PortWiring>>;
  /** Monitors plugged into the physical ports. */
  readonly monitors?: Monitors;
  /** `direct`: Domain-0 has the whole GPU and nobody else has any. Default `mediated`. */
  readonly mode?: 'mediated' | 'direct';
  /** How Domain-0's accesses reach the mediator. Default `deprivileged`: each traps. */
  readonly dom0?: Dom0Access;
  /** Memory that firmware set aside for the GPU, MiB, in steps of 32; seen by who has the GPU itself. */
  readonly stolenMiB?: number;
}

/** What a domain of it is. */
export interface DomainOptions {
  /** Default: the lowest that is free. */
  readonly domid?: number;
  readonly name: string;
  readonly memoryMiB: number;
  /** What it is made of: an engine runs these files, or is there already. */
  readonly files: GuestFiles | ReadyEngine;
  /** What it starts from; `state`: it will be given a booted one before it runs. Default `kernel`. */
  readonly boot?: 'kernel' | 'disk' | 'state';
  readonly hardware?: Hardware;
  /** What it is made from, for whoever makes it again. */
  readonly request?: DomainRequest;
  /** Sizes of its vGPU; Domain-0's are the mediator's configuration. */
  readonly vgpu?: VgpuParams;
  /**
   * The whole GPU instead of a vGPU, behind the machine's DMA remapping: it has to be assignable. xl
   * key `gfx_passthru`. Default false.
   */
  readonly gfxPassthru?: boolean;
  /** Monitors of its virtual ports. Default: copies of the physical ones. */
  readonly monitors?: Monitors;
  /** Records of its monitor file, which its device model writes. */
  readonly records?: readonly MonitorRecord[];
}

/** An engine with its guest in it, for instance a scripted one. */
export interface ReadyEngine extends GuestOrigin {
  readonly engine: VcpuEngine;
}

/** A guest that is to be placed: its engine is made already. */
export interface PlacedGuest {
  readonly domid: number;
  readonly name: string;
  readonly engine: VcpuEngine;
  readonly origin: GuestOrigin;
  /** Where it was before, in this process: its console goes on. */
  readonly before?: HostDomain;
}
