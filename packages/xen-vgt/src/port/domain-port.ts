import type { TrapTarget } from '@xengt/hsw-device';
import type { TrapKind } from '../trap/counting.ts';

/**
 * What the hypervisor does for whoever serves a domain's devices: the mediator and the device model.
 * Nothing here throws for what a guest does, and all of it may be called from inside an access.
 */
export interface DomainPort {
  readonly domid: number;
  /** RAM from guest-physical 0, bytes. */
  readonly ramBytes: number;
  /** Machine frame behind a guest frame; -1 when there is none. Allocates nothing. */
  gfnToMfn(gfn: number): number;
  /**
   * Sends a range of guest-physical addresses to a target, counted as `kind`. The aperture goes the
   * same way, straight to the memory behind it.
   *
   * @returns false when the range cannot be had: RAM, another range, or the engine's own devices
   */
  mapTrap(gpa: number, bytes: number, kind: TrapKind, target: TrapTarget): boolean;
  unmapTrap(gpa: number, bytes: number): void;
  /** Sends I/O ports to a target, which sees offsets from `port`. */
  mapPorts(port: number, count: number, target: TrapTarget): boolean;
  unmapPorts(port: number, count: number): void;
  /** Gives a slot of bus 0 to a function; null gives it back. */
  attachPci(devfn: number, target: TrapTarget | null): void;
  /** What the domain's machine has in a slot by itself. */
  machinePci(devfn: number): TrapTarget;
  /** Level of a function's pin, 1 for INTA#; taken at the next safe point. */
  setIntx(devfn: number, pin: number, level: boolean): void;
  /** Sends a message; taken at the next safe point. @returns false when nothing answers to it */
  injectMsi(address: number, data: number): boolean;
  /** Sends writes of one RAM page to a target, reads stay. @returns false when the engine cannot */
  protectPage(gfn: number, target: TrapTarget | null): boolean;
  /** Makes machine frames visible to the guest's addressing above its RAM. */
  mapFrames(gfn: number, mfn: number, count: number): boolean;
  unmapFrames(gfn: number, count: number): void;
  /** Copies guest-physical memory. @returns false, with nothing copied, when it is not all RAM */
  readGpa(gpa: number, into: Uint8Array): boolean;
  writeGpa(gpa: number, from: Uint8Array): boolean;
  /** Stops the domain until it is resumed. */
  pause(): void;
  resume(): void;
  /** Ends the domain: from now on nothing of it reaches a target. */
  crash(reason: string): void;
}
