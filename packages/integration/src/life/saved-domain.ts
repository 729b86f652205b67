import type { DomainRequest } from '../config/request.ts';
import type { Hardware } from '../host/disk.ts';
import type { MachineStateV1 } from '../host/machine.ts';
import type { PackedRam } from './ram-pages.ts';

/** What a domain is, and what a host must be to take it. */
export interface DomainIdentity {
  readonly name: string;
  readonly memoryMiB: number;
  /** What runs it, with its version: another one does not take its machine's state. */
  readonly emulator: string;
  /** Guest image it was made of; for a person, nothing depends on it any more. */
  readonly image: string;
  /** PCI device id of the GPU, aperture in MiB. */
  readonly deviceId: number;
  readonly apertureMiB: number;
  /** What of its machine is its own choice: its disks, whose images must be there. */
  readonly hardware?: Hardware;
  /** What it was made from: with it, whoever has it makes it again when it reboots. */
  readonly request?: DomainRequest;
}

/** A whole domain that runs nowhere. */
export interface SavedDomain {
  readonly identity: DomainIdentity;
  /** When it was saved, ISO date. */
  readonly saved: string;
  readonly machine: MachineStateV1;
  /** The engine's state without RAM (`VcpuEngine.saveMachine`). */
  readonly engine: Uint8Array;
  /** Image of its vGPU (`packVgpu`). */
  readonly vgpu: Uint8Array;
  readonly ram: PackedRam;
}

/** Why a domain was not saved, restored or moved. Nothing is half done then. */
export class LifeError extends Error {
  readonly code:
    | 'NO_DOMAIN'
    | 'NOT_THIS_DOMAIN'
    | 'WRONG_STATE'
    | 'NOT_LISTENING'
    | 'GPU_BUSY'
    | 'DOES_NOT_FIT'
    | 'BAD_FILE'
    | 'NOT_MOVED'
    | 'LOST';
  constructor(code: LifeError['code'], message: string) {
    super(message);
    this.name = 'LifeError';
    this.code = code;
  }
}

/** Why a host does not take a domain; null when it does, as far as this says. */
export function identityError(theirs: DomainIdentity, host: HostIdentity): string | null {
  const hex = (id: number): string => `8086:${id.toString(16).padStart(4, '0')}`;
  if (theirs.emulator !== host.emulator) {
    return `it runs on ${theirs.emulator}, this host's guests on ${host.emulator}`;
  }
  if (theirs.deviceId !== host.deviceId) {
    return `its GPU is ${hex(theirs.deviceId)}, this host's is ${hex(host.deviceId)}`;
  }
  if (theirs.apertureMiB !== host.apertureMiB) {
    return `its aperture has ${theirs.apertureMiB} MiB, this host's has ${host.apertureMiB}`;
  }
  return null;
}

/** The part of {@link DomainIdentity} that is a host's. */
export type HostIdentity = Pick<DomainIdentity, 'emulator' | 'deviceId' | 'apertureMiB'>;
