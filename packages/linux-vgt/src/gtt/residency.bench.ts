// node --conditions=source packages/linux-vgt/src/gtt/residency.bench.ts
// What sharing graphics addresses costs a render context switch: entries of what the next VM uses,
// against those of its whole part and against the switch as a whole.

import { Bench, storeGgtt, type TestGuest, USER_INTERRUPT } from '../testing/bench.ts';
import type { ShadowGgtt } from './shadow-ggtt.ts';

const RCS = 0;
const BCS = 2;
const SAMPLES = 201;
/** All that is free beside dom0: VMs of this size have the same addresses. */
const ALL = [128, 1132] as const;
const USUAL = [64, 448] as const;

function median(call: () => void): number {
  for (let i = 0; i < 50; i++) call();
  const times = Array.from({ length: SAMPLES }, () => {
    const start = performance.now();
    call();
    return (performance.now() - start) * 1000;
  });
  return times.sort((a, b) => a - b)[SAMPLES >> 1] as number;
}

function pair(low: number, high: number): { b: Bench; guests: TestGuest[] } {
  const b = new Bench({ partition: 'shared' });
  const guests = [1, 2].map((domid) => b.hvm(domid, low, high));
  for (const g of guests) for (const e of [RCS, BCS]) g.startRing(e);
  return { b, guests };
}

/** Microseconds of a request of each of two VMs, with a switch before it. */
function request(low: number, high: number): number {
  const { b, guests } = pair(low, high);
  const before = b.vgt.switch.counters.switches;
  const both = median(() => {
    for (const g of guests) {
      g.submit(BCS, [...storeGgtt(g.dataGma, 1), USER_INTERRUPT, 0]);
      b.run();
    }
  });
  if (b.vgt.switch.counters.switches - before < SAMPLES) throw new Error('nothing was switched');
  return both / 2;
}

/** Microseconds to exchange entries between two VMs. */
function exchange(low: number, high: number, what: (vm: ShadowGgtt, b: Bench) => void): number {
  const { b, guests } = pair(low, high);
  return (
    median(() => {
      for (const g of guests) what(g.vgpu.ggtt, b);
    }) / 2
  );
}

const print = (what: string, us: number): void =>
  void process.stdout.write(`${what.padEnd(64)} ${us.toFixed(2).padStart(8)} us\n`);

print('request after a switch, VMs with addresses of their own', request(...USUAL));
print('request after a switch, VMs with the same addresses', request(...ALL));
print(
  'exchange of one MiB',
  exchange(...ALL, (vm, b) => b.vgt.residency.need(vm, 200 * 2 ** 20, 4)),
);
print(
  'exchange of 64 + 448 MiB, as if the whole part were loaded',
  exchange(...ALL, (vm, b) => {
    b.vgt.residency.need(vm, 120 * 2 ** 20, 64 * 2 ** 20);
    b.vgt.residency.need(vm, 640 * 2 ** 20, 448 * 2 ** 20);
  }),
);
