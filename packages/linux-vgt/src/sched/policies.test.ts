import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, storeGgtt, type TestGuest, USER_INTERRUPT } from '../testing/bench.ts';
import type { PolicyName } from './policy.ts';

const BCS = 2;
const MS = 1_000_000;
/** Commands of one request: each takes a step, 0.1 ms. */
const REQUEST = 5;
const STEP_NS = 100_000;

/** A guest that keeps its ring filled, or has a request now and then. */
interface Load {
  readonly guest: TestGuest;
  /** Commands of a request. */
  readonly commands: number;
  /** Requests come this often; 0 for as many as the ring holds. */
  readonly everyNs: number;
}
let b: Bench;
let sent: Map<TestGuest, number>;

function guests(n: number): TestGuest[] {
  return Array.from({ length: n }, (_, i) => {
    const guest = b.hvm(i + 1, 16, 16, 1);
    guest.startRing(BCS);
    return guest;
  });
}

const busy = (guest: TestGuest, commands = REQUEST): Load => ({ guest, commands, everyNs: 0 });

function request({ guest, commands }: Load): void {
  const list: number[] = [];
  for (let i = 1; i < commands; i++) list.push(...storeGgtt(guest.dataGma, i));
  guest.submit(BCS, [...list, USER_INTERRUPT, 0]);
}

/** Bytes of its ring that the engine has not fetched. */
function left(guest: TestGuest): number {
  return (guest.tail[BCS]! - guest.read(0x22034)) & 0x3fff;
}

/** Lets all go on for a time of the simulated clock. */
function go(loads: readonly Load[], ns: number): void {
  const end = b.clock.now + ns;
  while (b.clock.now < end) {
    for (const load of loads) {
      const { guest, everyNs } = load;
      if (everyNs === 0 ? left(guest) < 0x800 : b.clock.now >= (sent.get(guest) ?? 0)) {
        request(load);
        sent.set(guest, b.clock.now + everyNs);
      }
    }
    // A quarter of a budget is an engine's, and a command costs 256.
    b.device.step(1024);
    b.vgt.tick();
    b.clock.advance(STEP_NS);
  }
}

/** Each guest's part of all engine time while loads run. */
function shares(loads: readonly Load[], ns: number): number[] {
  const ran = (): number[] => {
    b.vgt.scheduler.settle();
    return loads.map(({ guest }) => guest.vgpu.sched.ranNs);
  };
  const before = ran();
  go(loads, ns);
  const each = ran().map((n, i) => n - before[i]!);
  const all = each.reduce((x, y) => x + y, 0);
  return each.map((n) => n / all);
}

beforeEach(() => {
  sent = new Map();
});

const bench = (scheduler: PolicyName): void => {
  b = new Bench({ scheduler, dom0LowMiB: 32, dom0HighMiB: 64 });
};

describe.each(['timer', 'fair', 'event'] as const)('%s', (policy) => {
  beforeEach(() => bench(policy));

  test.each([2, 4, 8])('[J5] %i busy VMs share equally, within 3 percent of a share', (n) => {
    const dom0 = b.guest0();
    dom0.startRing(BCS);
    const loads = [dom0, ...guests(n - 1)].map((g, i) => busy(g, 3 + (i % 4) * 3));
    go(loads, 200 * MS);
    // Whole rounds, about 2 s.
    const round = n * b.vgt.scheduler.policy.sliceNs;
    for (const share of shares(loads, Math.round((2000 * MS) / round) * round))
      expect(Math.abs(share * n - 1)).toBeLessThan(0.03);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[J4] while nobody else has work the owner keeps the engines', () => {
    const [g, h] = guests(2) as [TestGuest, TestGuest];
    request(busy(h));
    go([], 5 * MS);
    go([busy(g)], 500 * MS);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
    expect(b.vgt.switch.counters.switches).toBe(2);
    expect(h.vgpu.counters.scheduledIn).toBe(1);
  });

  test('what an idle VM leaves goes to the others', () => {
    const [g, h, k] = guests(3) as [TestGuest, TestGuest, TestGuest];
    const loads = [busy(g), busy(h), { guest: k, commands: 2, everyNs: 100 * MS }];
    const [x, y, z] = shares(loads, 2000 * MS) as [number, number, number];
    expect(z).toBeLessThan(0.03);
    expect(Math.abs(x - y)).toBeLessThan(0.03);
    expect(x + y).toBeGreaterThan(0.97);
  });

  test('a VM that sleeps a little between its requests gets no more than its share', () => {
    const [g, h] = guests(2) as [TestGuest, TestGuest];
    // 3.5 ms of work, then 0.2 ms without any: it asks for nearly all.
    const loads = [busy(g), { guest: h, commands: 35, everyNs: 3.7 * MS }];
    go(loads, 200 * MS);
    const [, y] = shares(loads, 2000 * MS) as [number, number];
    expect(y).toBeLessThan(0.53);
  });

  test('[J12] what a switch takes is charged to nobody', () => {
    const loads = guests(3).map((g) => busy(g));
    go(loads, 50 * MS);
    b.vgt.scheduler.settle();
    const charged = (): number => {
      b.vgt.scheduler.settle();
      return loads.reduce((n, { guest }) => n + guest.vgpu.sched.ranNs, 0);
    };
    const { counters } = b.vgt.switch;
    const [from, before, spent] = [b.clock.now, charged(), counters.switchNs - counters.idleWaitNs];
    // The mediator's own commands take a millisecond.
    const step = b.device.step.bind(b.device);
    b.device.step = (budget) => {
      const busyStill = step(budget);
      if (b.vgt.switch.switching) b.clock.advance(MS);
      return busyStill;
    };
    go(loads, 500 * MS);
    const moved = counters.switchNs - counters.idleWaitNs - spent;
    expect(moved).toBeGreaterThan(10 * MS);
    expect(charged() - before + moved).toBeCloseTo(b.clock.now - from, -3);
    expect(b.mpt.crashes).toEqual([]);
  });

  test('[J14] a cap of 20 is 20 ms of each 100 ms', () => {
    const [g, h, k] = guests(3) as [TestGuest, TestGuest, TestGuest];
    expect(b.vgt.control.write('vm1/cap', '20')).toBeNull();
    const loads = [busy(g), busy(h), busy(k)];
    go(loads, 1000 * MS);
    for (let i = 0; i < 5; i++) {
      b.vgt.scheduler.settle();
      const before = g.vgpu.sched.ranNs;
      go(loads, 100 * MS);
      b.vgt.scheduler.settle();
      expect((g.vgpu.sched.ranNs - before) / MS).toBeGreaterThan(17);
      expect((g.vgpu.sched.ranNs - before) / MS).toBeLessThan(23);
    }
    expect(b.vgt.scheduler.counters.throttled).toBeGreaterThan(0);
  });

  test('a cap holds for a VM alone too, and none lets it go on at once', () => {
    const [g] = guests(1) as [TestGuest];
    b.vgt.control.write('vm1/cap', '30');
    const work = (): number => b.device.gt.engine('BCS').counters.commands;
    go([busy(g)], 200 * MS);
    const [capped, from] = [work(), b.clock.now];
    go([busy(g)], 1000 * MS);
    const rate = (work() - capped) / ((b.clock.now - from) / STEP_NS);
    expect(rate).toBeGreaterThan(0.27);
    expect(rate).toBeLessThan(0.33);
    b.vgt.control.write('vm1/cap', '0');
    const free = work();
    go([busy(g)], 100 * MS);
    expect((work() - free) / 1000).toBeGreaterThan(0.97);
  });

  test('a stopped VM leaves the engines though nobody else wants them', () => {
    const [g] = guests(1) as [TestGuest];
    go([busy(g)], 20 * MS);
    expect(b.vgt.control.read('vm1/schedule')).toEqual({ ok: true, data: 'ACTIVE\n' });
    expect(b.vgt.control.write('vm1/start', '0')).toBeNull();
    const work = b.device.gt.engine('BCS').counters.commands;
    go([busy(g)], 200 * MS);
    expect(b.device.gt.engine('BCS').counters.commands - work).toBeLessThan(3 * REQUEST);
    expect(b.vgt.control.read('vm1/schedule')).toEqual({ ok: true, data: 'REMOVED\n' });
    b.vgt.control.write('vm1/start', '1');
    go([busy(g)], 20 * MS);
    expect(b.vgt.renderOwner).toBe(g.vgpu);
  });

  test('VMs without work are not looked at', () => {
    const [g, h] = guests(4) as [TestGuest, TestGuest];
    let asked = 0;
    Object.defineProperty(h.vgpu, 'pending', {
      get: () => {
        asked++;
        return false;
      },
    });
    go([busy(g)], 100 * MS);
    expect(asked).toBe(0);
  });
});

describe('weights', () => {
  test('fair: 1 to 2 to 4, within 5 percent of each share', () => {
    bench('fair');
    const loads = guests(3).map((g) => busy(g));
    [100, 200, 400].forEach((w, i) => {
      expect(b.vgt.control.write(`vm${i + 1}/weight`, `${w}`)).toBeNull();
    });
    go(loads, 200 * MS);
    shares(loads, 2000 * MS).forEach((share, i) => {
      expect(Math.abs((share * 7) / 2 ** i - 1)).toBeLessThan(0.05);
    });
  });

  test('[J13] timer and event: weights change nothing', () => {
    for (const policy of ['timer', 'event'] as const) {
      bench(policy);
      const loads = guests(2).map((g) => busy(g));
      b.vgt.control.write('vm1/weight', '1000');
      go(loads, 100 * MS);
      for (const share of shares(loads, 1000 * MS))
        expect(Math.abs(share - 0.5)).toBeLessThan(0.02);
    }
  });

  test('[J15] fair: the lightest VM waits no longer than the bound', () => {
    bench('fair');
    const loads = guests(2).map((g) => busy(g));
    b.vgt.control.write('vm1/weight', '1');
    b.vgt.control.write('vm2/weight', '65535');
    go(loads, 4000 * MS);
    expect(loads[0]!.guest.vgpu.counters.scheduledIn).toBeGreaterThanOrEqual(3);
    expect(b.vgt.scheduler.counters.starved).toBeGreaterThan(0);
  });
});

describe('when work arrives', () => {
  /** Longest time from a request of a small VM to its end, beside two that never rest. */
  function worst(): number {
    const [g, h, k] = guests(3) as [TestGuest, TestGuest, TestGuest];
    const loads = [busy(g), busy(h)];
    go(loads, 100 * MS);
    let longest = 0;
    for (let i = 0; i < 20; i++) {
      request(busy(k, 2));
      const from = b.clock.now;
      while (left(k) !== 0) go(loads, STEP_NS);
      longest = Math.max(longest, b.clock.now - from);
      go(loads, 17.3 * MS);
    }
    expect(k.vgpu.sched.latency.count).toBe(20);
    expect(k.vgpu.sched.latency.maxNs).toBeLessThanOrEqual(longest);
    return longest;
  }

  test('timer: it waits for its turn', () => {
    bench('timer');
    expect(worst()).toBeGreaterThan(8 * MS);
    expect(b.vgt.scheduler.counters.preemptions).toBe(0);
  });

  test('fair: a VM that used less than its share goes at the end of the request in progress', () => {
    bench('fair');
    expect(worst()).toBeLessThan(3 * MS);
    expect(b.vgt.scheduler.counters.preemptions).toBeGreaterThan(0);
  });

  test('[J9] event: whoever has most of its slice left goes first', () => {
    bench('event');
    expect(worst()).toBeLessThan(5 * MS);
  });

  test('[J9] event: a slice is about 4 ms, and all get another when all are used up', () => {
    bench('event');
    const loads = guests(3).map((g) => busy(g));
    go(loads, 20 * MS);
    const before = b.vgt.scheduler.counters.slices;
    go(loads, 480 * MS);
    const slices = b.vgt.scheduler.counters.slices - before;
    expect(480 / slices).toBeGreaterThan(3.7);
    expect(480 / slices).toBeLessThan(4.5);
  });
});

describe('at run time', () => {
  test('the control tree shows and changes policy, slice and shares', () => {
    bench('timer');
    const { control } = b.vgt;
    const read = (path: string): unknown => {
      const got = control.read(path);
      return got.ok ? got.data : got.errno;
    };
    expect(read('control/scheduler')).toBe('[timer] fair event\n');
    expect(read('control/tbs_period_ms')).toBe('15\n');
    expect(control.write('control/scheduler', 'fair\n')).toBeNull();
    expect(read('control/scheduler')).toBe('timer [fair] event\n');
    expect(read('control/tbs_period_ms')).toBe('8\n');
    expect(control.write('control/tbs_period_ms', '6')).toBeNull();
    expect(control.write('control/scheduler', 'event')).toBeNull();
    expect(read('control/tbs_period_ms')).toBe('6\n');
    expect(control.write('control/tbs_period_ms', '-1')).toBeNull();
    expect(read('control/tbs_period_ms')).toBe('4\n');
    for (const [path, value] of [
      ['control/scheduler', 'lottery'],
      ['control/tbs_period_ms', '0'],
      ['control/tbs_period_ms', '1001'],
      ['vm0/weight', '0'],
      ['vm0/weight', '65536'],
      ['vm0/cap', '101'],
      ['vm0/cap', '-1'],
      ['vm0/start', '2'],
    ] as const) {
      expect([path, value, control.write(path, value)]).toEqual([path, value, 'EINVAL']);
    }
    expect([read('vm0/weight'), read('vm0/cap'), read('vm0/start')]).toEqual([
      '256\n',
      '0\n',
      '1\n',
    ]);
    expect(control.write('control/create_vgt_instance', '1,8,16,1,-1,25')).toBeNull();
    expect(read('vm1/cap')).toBe('25\n');
    expect(control.write('control/create_vgt_instance', '2,8,16,1,-1,101')).toBe('EINVAL');
    expect(b.vgt.createVgpu(2, { lowMiB: 8, highMiB: 16, fences: 1, weight: 0 })).toBe('EINVAL');
  });

  test('a change of policy under load loses nothing', () => {
    bench('timer');
    const loads = guests(3).map((g) => busy(g));
    for (const policy of ['fair', 'event', 'timer', 'fair']) {
      go(loads, 100 * MS);
      b.vgt.control.write('control/scheduler', policy);
      const parts = shares(loads, 400 * MS);
      for (const share of parts) expect(Math.abs(share * 3 - 1)).toBeLessThan(0.15);
    }
    go([], 300 * MS);
    for (const { guest } of loads) expect(left(guest)).toBe(0);
  });

  test('[W9] utilisation: percent of the scheduled time that was busy, since the last read', () => {
    bench('timer');
    const [g] = guests(1) as [TestGuest];
    const read = (): number => {
      const got = b.vgt.control.read('vm1/vgpu_hw_utilization');
      return got.ok ? Number(got.data) : -1;
    };
    expect(read()).toBe(0);
    go([busy(g)], 100 * MS);
    expect(read()).toBeGreaterThan(97);
    go([{ guest: g, commands: 20, everyNs: 8 * MS }], 400 * MS);
    expect(read()).toBeGreaterThan(20);
    expect(read()).toBe(0);
  });

  test('each engine is accounted for by itself', () => {
    bench('timer');
    const [g] = guests(1) as [TestGuest];
    g.startRing(0);
    go([busy(g)], 50 * MS);
    b.vgt.scheduler.settle();
    const { busyNs, ranNs } = g.vgpu.sched;
    expect(busyNs[BCS]! / ranNs).toBeGreaterThan(0.97);
    expect(busyNs[0]! / ranNs).toBeLessThan(0.01);
    expect(b.vgt.control.read('debug/vm1/perf/ring/blitter/busy_ns')).toEqual({
      ok: true,
      data: `${Math.round(busyNs[BCS]!)}\n`,
    });
  });

  test('the VM that is to come next ends: the owner goes on with what was cut off', () => {
    bench('timer');
    const [g, h] = guests(2) as [TestGuest, TestGuest];
    for (let i = 0; i < 8; i++) request(busy(g, 30));
    go([], MS);
    request(busy(h));
    b.clock.advance(20 * MS);
    expect(b.vgt.switch.next).toBe(h.vgpu);
    expect(b.vgt.destroyVgpu(2)).toBeNull();
    go([], 100 * MS);
    expect(left(g)).toBe(0);
  });
});
