import type { Bench, TestGuest } from './bench.ts';
import { BATCH_END, BATCH_GFN, batch, NON_PRIVILEGED_PPGTT, USER_INTERRUPT } from './bench.ts';

const MS = 1_000_000;
/** Where hanging batches are in the PPGTT of their engine. */
export const SPIN_GMA = 0x5000;
/** An MI command that no engine has, two dwords. */
export const UNKNOWN: number = 0x3b << 23;
/** MI_WAIT_FOR_EVENT for condition code 1, which holds while EXCC bit 0 is set. */
export const WAIT_CODE: number = (0x03 << 23) | (1 << 16);

/** Runs a batch without privilege, which the mediator does not look into. */
export function unprivileged(g: TestGuest, engine: number, commands: readonly number[]): void {
  g.startPpgtt(engine);
  for (let p = 0; p < 64; p++) g.mapPpgtt((SPIN_GMA >>> 12) + p, BATCH_GFN + p);
  g.poke(BATCH_GFN, commands);
  g.submit(engine, [...batch(SPIN_GMA, NON_PRIVILEGED_PPGTT), USER_INTERRUPT]);
}

/** A batch that jumps to its own start for ever. */
export function spin(g: TestGuest, engine: number): void {
  unprivileged(g, engine, [0, 0, ...batch(SPIN_GMA, NON_PRIVILEGED_PPGTT), BATCH_END]);
}

/** A batch with a command that cannot be executed. */
export function fail(g: TestGuest, engine: number): void {
  unprivileged(g, engine, [0, 0, UNKNOWN, 0, BATCH_END]);
}

/** MI_SEMAPHORE_MBOX: the render engine waits until the blitter has signalled more than a value. */
export function awaitBlitter(value: number): number[] {
  return [(0x16 << 23) | 0x100000 | (2 << 16) | 1, value, 0];
}
/** MI_SEMAPHORE_MBOX: the blitter signals a value to the render engine. */
export function signalRender(value: number): number[] {
  return [(0x16 << 23) | 0x200000 | 1, value, 0];
}

/**
 * Lets time pass as a host does: hardware and mediator get a turn every few milliseconds.
 *
 * @param until ends it early @returns milliseconds that passed
 */
export function pass(b: Bench, ms: number, until: () => boolean = () => false, stepMs = 5): number {
  const start = b.clock.now;
  while (b.clock.now - start < ms * MS && !until()) {
    b.device.step(4096);
    b.vgt.tick();
    b.clock.advance(stepMs * MS);
  }
  return (b.clock.now - start) / MS;
}
