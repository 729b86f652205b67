import type { ConfigSpace, HaswellDevice, RegSpace, TrapTarget } from '@xengt/hsw-device';
import type { CountingClock } from './counting-clock.ts';
import type { WatchedMemory } from './watched-memory.ts';

/** Graphics memory that the driver under test may use, bytes. */
export interface Ranges {
  readonly low: number;
  readonly lowBytes: number;
  readonly high: number;
  readonly highBytes: number;
}

/** What is fuzzed: the GPU that one driver sees, and everything behind it. */
export interface Target {
  readonly device: HaswellDevice;
  readonly clock: CountingClock;
  readonly memory: WatchedMemory;
  /** Region of memory that is the driver's RAM, from its frame 0 on, and its size in frames. */
  readonly region: number;
  readonly frames: number;
  /** The driver's view; another one after {@link revive}. */
  readonly mmio: TrapTarget;
  readonly aperture: TrapTarget;
  readonly config: ConfigSpace;
  readonly ranges: Ranges;
  /** Its registers' rows: what to aim at. */
  readonly regs: RegSpace;
  /** Frames of other machines, which its tables may name. */
  readonly foreign: readonly number[];
  /** Commands of the mediator's own that a slice may hold. */
  readonly ownCommands: number;
  /** Runs a slice. @param budget bytes of work */
  step(budget: number): void;
  /** Between steps: puts the driver on its feet where it was stopped. */
  revive(): void;
  /** Looks for damage. @returns what is wrong; null when nothing is */
  check(): string | null;
  /** Things kept alive whose number a guest could push up. */
  retained(): Readonly<Record<string, number>>;
}
