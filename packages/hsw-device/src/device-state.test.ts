import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeviceStateV1 } from './device-state.ts';
import * as R from './display/display.regs.ts';
import { makeMonitor } from './display/monitor/monitor.ts';
import type { EngineId } from './gt/engine.regs.ts';
import { RING_BASE } from './gt/engine.regs.ts';
import { DeviceDriver } from './testing/device-driver.ts';

const MI_BATCH_BUFFER_START = (0x31 << 23) | 0x100;
const MI_BATCH_BUFFER_END = 0x0a << 23;
const MI_USER_INTERRUPT = 0x02 << 23;
const BATCH = 0x100000;
const TARGET = 0x200000;

/** One thing that a driver or time does. */
type Op =
  | {
      readonly kind: 'submit';
      readonly engine: EngineId;
      readonly what: number;
      readonly n: number;
    }
  | { readonly kind: 'step'; readonly budget: number }
  | { readonly kind: 'wait'; readonly ns: number }
  | { readonly kind: 'write'; readonly offset: number; readonly value: number }
  | { readonly kind: 'light'; readonly step: number };

/** A mode set on HDMI B in 13 writes, pipe A, 640x480: an export may fall between any two. */
const LIGHT: readonly (readonly [number, number])[] = [
  [R.HSW_PWR_WELL_CTL1 + 4, 0x80000000],
  [R.PORT_CLK_SEL + 4, 0x80000000],
  [R.TRANS_CLK_SEL, 0x40000000],
  [0x60000 + R.HTOTAL, (799 << 16) | 639],
  [0x60000 + R.VTOTAL, (524 << 16) | 479],
  [0x60000 + R.VBLANK, (524 << 16) | 479],
  [0x60000 + R.PIPESRC, (639 << 16) | 479],
  [0x60000 + R.TRANS_DDI_FUNC_CTL, 0x90000000],
  [R.PIPECONF[0] as number, 0x80000000],
  [R.DDI_BUF_CTL + 0x100, 0x80000000],
  [R.DSPCNTR, 0x98000000],
  [R.DSPSTRIDE, 2560],
  [R.DSPSURF, 0x300000],
];

/** Registers with consequences beyond themselves. */
const REGISTERS: readonly number[] = [
  0x2600,
  0x209c,
  0x229c,
  0x22228,
  0x22220,
  0xa188,
  0xa090,
  0xa024,
  0xa068,
  0xa0b8,
  0xa008,
  0x138124,
  0x941c,
  0x44004,
  0x44014,
  0x44024,
  0x2178,
  0x2360,
  R.DSPSURF,
  0x4030,
];

function commands(what: number, n: number): number[] {
  const store = [(0x20 << 23) | 2, 0, TARGET + (n % 1024) * 4, n];
  const loads = [(0x22 << 23) | 1, 0x2600 + (n % 16) * 4, n];
  const stamp = [(0x24 << 23) | 1, 0x2358, TARGET + 0x1000];
  const fill = [0x54300004, 0x03f00400, 0, (64 << 16) | 200, TARGET + 0x10000, n];
  return [
    store,
    loads,
    stamp,
    fill,
    [0x7fff0000 | (n & 0xff)],
    [MI_USER_INTERRUPT],
    [(0x16 << 23) | 0x100000, n],
  ][what] as number[];
}

function apply(d: DeviceDriver, op: Op): void {
  switch (op.kind) {
    case 'submit': {
      const body = commands(op.what, op.n);
      d.poke(BATCH + op.n * 0x1000, ...body, ...body, MI_BATCH_BUFFER_END);
      d.submit(op.engine, MI_BATCH_BUFFER_START, BATCH + op.n * 0x1000, ...body, MI_USER_INTERRUPT);
      return;
    }
    case 'step':
      d.device.step(op.budget);
      return;
    case 'wait':
      d.clock.advance(op.ns);
      return;
    case 'write':
      d.write(op.offset, op.value);
      return;
    case 'light': {
      const [offset, value] = LIGHT[op.step] as readonly [number, number];
      d.write(offset, value);
    }
  }
}

const engine = fc.constantFrom<EngineId>('RCS', 'VCS', 'BCS', 'VECS');
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      engine,
      what: fc.nat(6),
      n: fc.nat(15),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const), budget: fc.nat(4000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ns: fc.nat(20_000_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      offset: fc.constantFrom(...REGISTERS),
      value: fc.integer(),
    }),
  },
);
/** A whole mode set among other things, in order. */
const script: fc.Arbitrary<Op[]> = fc
  .tuple(fc.array(op, { minLength: 5, maxLength: 40 }), fc.boolean(), fc.nat(20))
  .map(([ops, lights, at]) => {
    if (!lights) return ops;
    const light = LIGHT.map((_, step): Op => ({ kind: 'light', step }));
    const k = Math.min(at, ops.length);
    return [...ops.slice(0, k), ...light, ...ops.slice(k)];
  });

function fresh(): DeviceDriver {
  const d = new DeviceDriver();
  d.device.display.connect('B', makeMonitor({ kind: 'hdmi', mode: '640x480' }));
  return d;
}

/** A second device over a copy of the memory, at the same time, in the same state. */
function copyOf(d: DeviceDriver): DeviceDriver {
  const state: unknown = JSON.parse(JSON.stringify(d.device.exportState()));
  const copy = new DeviceDriver(d.words.slice());
  copy.clock.advanceTo(d.clock.now);
  expect(copy.device.importState(state)).toBeNull();
  return copy;
}

/** The same state and the same memory. Text is compared first: a matcher takes a second for each. */
function expectSame(copy: DeviceDriver, d: DeviceDriver): void {
  const [got, want] = [copy, d].map((x) => x.device.exportState());
  if (JSON.stringify(got) !== JSON.stringify(want)) expect(got).toEqual(want);
  expect(copy.words.findIndex((word, i) => word !== d.words[i])).toBe(-1);
}

describe('round trip', () => {
  test('a state is the same after it was taken, wherever the work stood, and goes on alike', () => {
    fc.assert(
      fc.property(script, fc.nat(60), (ops, cut) => {
        const d = fresh();
        const k = Math.min(cut, ops.length);
        for (const o of ops.slice(0, k)) apply(d, o);
        const copy = copyOf(d);
        expectSame(copy, d);
        for (const o of ops.slice(k)) {
          apply(d, o);
          apply(copy, o);
        }
        expectSame(copy, d);
      }),
      { numRuns: 30 },
    );
  }, 120_000);

  test('in the middle of a batch and of a blit', () => {
    const d = fresh();
    const fill = [0x54300004, 0x03f00400, 0, (512 << 16) | 200, TARGET + 0x10000, 7];
    d.poke(BATCH, 0, ...fill, MI_BATCH_BUFFER_END);
    d.submit('BCS', MI_BATCH_BUFFER_START, BATCH, MI_USER_INTERRUPT, 0);
    for (let i = 0; i < 8; i++) d.device.step(2000);
    expect(d.device.gt.engine('BCS').level).toBe(1);
    expect(d.device.blitter.busy).toBe(true);
    const copy = copyOf(d);
    d.run();
    copy.run();
    expect(copy.device.gt.idle).toBe(true);
    expect(copy.words[(TARGET + 0x10000) / 4 + 511 * 256]).toBe(7);
    expectSame(copy, d);
  });

  test('stale translations stay stale until they are dropped', () => {
    const d = fresh();
    const { device } = d;
    device.ggtt.space.read32(0x5000);
    device.ggtt.pte[5] = 0;
    const copy = copyOf(d);
    d.words[0x5000 / 4] = 1;
    copy.words[0x5000 / 4] = 1;
    expect([device, copy.device].map((x) => x.ggtt.space.read32(0x5000))).toEqual([1, 1]);
    copy.device.ggtt.space.invalidate();
    expect(copy.device.ggtt.space.read32(0x5000)).toBe(0);
  });

  test('an interrupt line that was high is high again, and somebody is told', () => {
    const d = fresh();
    d.submit('BCS', MI_USER_INTERRUPT, 0);
    d.run();
    expect(d.device.irq.asserted).toBe(true);
    const state = d.device.exportState();
    const copy = new DeviceDriver(d.words.slice());
    const told: boolean[] = [];
    copy.device.irq.onLine = (high): void => void told.push(high);
    expect(copy.device.importState(state)).toBeNull();
    expect(told).toEqual([true]);
  });
});

describe('refusals', () => {
  const state = fresh().device.exportState();
  const bad: readonly [string, unknown, RegExp][] = [
    ['nothing', null, /not a device state/],
    ['a newer version', { ...state, version: 2 }, /version 2/],
    ['another device', { ...state, deviceId: 0x0a16 }, /device 0xa16/],
    ['another time', { ...state, nowNs: 5 }, /the clock stands at 0 ns/],
    ['a register outside', { ...state, registers: [0x7ffff, 2, 1, 1] }, /outside/],
    ['no display', { ...state, display: undefined }, /display/],
    ['an engine in no level', withEngine(state, { level: 7 }), /RCS: level 7/],
    ['a hang of no kind', withEngine(state, { hang: 'dust' }), /hang dust/],
    ['a wait for no register', withEngine(state, { wait: [1, 0x300000, 0] }), /no register/],
    ['a translation to nowhere', withSpace(state, [1, 0x7000000]), /no memory/],
  ];
  test.each(bad)('%s', (_, given, why) => {
    const { device } = fresh();
    const before = device.exportState();
    expect(device.importState(given)).toMatch(why);
    expect(device.exportState()).toEqual(before);
  });

  test('control case: the same state as it is', () => {
    expect(fresh().device.importState(state)).toBeNull();
  });

  test('a spoilt state is refused or taken, and the device still runs', () => {
    const d = new DeviceDriver();
    fc.assert(
      fc.property(fc.nat(), fc.anything(), (at, junk) => {
        const spoilt = structuredClone(d.device.exportState()) as unknown as Record<
          string,
          unknown
        >;
        spoil(spoilt, at, junk);
        d.device.importState(spoilt);
        d.device.step(4096);
        d.write(RING_BASE.RCS + 0x30, 8);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

function withEngine(state: DeviceStateV1, change: object): unknown {
  const [first, ...rest] = state.gt.engines;
  return { ...state, gt: { ...state.gt, engines: [{ ...first, ...change }, ...rest] } };
}

function withSpace(state: DeviceStateV1, pages: number[]): unknown {
  return { ...state, gttSpace: { ...state.gttSpace, pages } };
}

/** Puts junk in one place of a tree. */
function spoil(tree: Record<string, unknown>, at: number, junk: unknown): void {
  const keys = Object.keys(tree);
  if (keys.length === 0) return;
  const key = keys[at % keys.length] as string;
  const below = tree[key];
  const deeper = typeof below === 'object' && below !== null && at % 5 !== 0;
  if (deeper) spoil(below as Record<string, unknown>, Math.floor(at / keys.length), junk);
  else tree[key] = junk;
}
