import type { TrapTarget } from '@xengt/hsw-device';

/**
 * What the mediator asks of its hypervisor, and nothing else. Upstream keeps the same list in
 * `mpt.h`; one implementation per hypervisor, one for tests.
 */
export interface Mpt {
  /**
   * Machine frame behind a guest frame.
   *
   * @param gfn guest-physical address / 4096
   * @returns -1 where the domain has no memory there
   */
  gfnToMfn(domid: number, gfn: number): number;
  /** Sends one message-signalled interrupt. @param address, data as the guest programmed them */
  injectMsi(domid: number, address: number, data: number): void;
  /** Sets the level of the function's INTA#. */
  setIntx(domid: number, level: boolean): void;
  /** From now on `target` answers for the range. Moving a BAR unmaps the old place first. */
  mapTrap(domid: number, gpa: number, bytes: number, target: TrapTarget, kind?: MptTrapKind): void;
  unmapTrap(domid: number, gpa: number, bytes: number): void;
  /** Pauses the domain and reports it as crashed. Called at most once for a vGPU. */
  crash(domid: number, reason: string): void;
}

/** What accesses of a range are counted as. */
export type MptTrapKind = 'gttmmio' | 'aperture';

/** What happened that people outside may want to know. Upstream sends the same as uevents. */
export interface VgtEvents {
  /** e.g. `VGT_DISPLAY_READY=1`, with the VM it is about. */
  uevent?(text: string, domid: number): void;
  /** A VM was stopped for what its driver did. */
  crashed?(domid: number, reason: string): void;
  /** The mediator gave up: a hang with resets off, or a GPU that no reset brings back. Told once. */
  fatal?(reason: string): void;
  /**
   * What a VM's pipe shows changed. Called often: at each flip.
   *
   * @param kind 1 a mode set begins, 2 it ended, 3 a flip
   * @param plane 0 primary, 1 cursor, 2 sprite
   */
  frameBuffer?(domid: number, kind: number, pipe: number, plane: number): void;
  /** The physical screen shows another VM now. */
  foreground?(domid: number): void;
}
