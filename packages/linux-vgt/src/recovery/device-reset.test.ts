import { beforeEach, describe, expect, test } from 'vitest';
import {
  Bench,
  DATA_GFN,
  lri,
  storeGgtt,
  type TestGuest,
  USER_INTERRUPT,
} from '../testing/bench.ts';
import { fail, pass, spin } from '../testing/hangs.ts';

const RCS = 0;
const BCS = 2;
const GDRST = 0x941c;
const GRDOM_FULL = 1;
const SECOND = 1e9;
const SRM_GGTT: number = (0x24 << 23) | 0x400000 | 1;
const GPR0 = 0x2600;
/** Registers of dom0's that a reset of the whole GT clears; of the render engine, too. */
const CHICKEN = 0x2080;
const TD_CTL = 0xe400;

let b: Bench;
let g: TestGuest;
let h: TestGuest;
const setUp = (config: ConstructorParameters<typeof Bench>[0] = {}): void => {
  b = new Bench(config);
  [g, h] = [b.hvm(1), b.hvm(2)];
  for (const guest of [g, h]) for (const e of [RCS, BCS]) guest.startRing(e);
};
beforeEach(() => setUp());
const store = (guest: TestGuest, value: number): void =>
  guest.submit(BCS, [...storeGgtt(guest.dataGma, value), USER_INTERRUPT]);
const long = (guest: TestGuest, value: number): void =>
  guest.submit(RCS, [
    ...new Array(2000).fill(0),
    ...storeGgtt(guest.dataGma, value),
    USER_INTERRUPT,
  ]);
const reset = (): unknown => b.vgt.control.write('debug/device_reset', 'normal\n');
const shown = (): string => (b.vgt.control.read('debug/device_reset') as { data: string }).data;
/** The engine does not come back but by a reset of the whole GT; `dead`: not even by that. */
const breakEngine = (id: 'RCS' | 'BCS', dead = false): void => {
  const engine = b.device.gt.engine(id);
  const real = engine.reset.bind(engine);
  engine.reset = () => {
    if (!dead && (b.device.regs.peek(GDRST) & GRDOM_FULL) !== 0) real();
  };
};

describe('a reset that somebody asks for', () => {
  test('[P10] starts by writing normal; a read shows it going on, then over', () => {
    expect(shown()).toBe('switch: steady\ndevice: idle\nwaiting for reset: \n');
    long(g, 1);
    pass(b, 10);
    expect(b.vgt.control.write('debug/device_reset', 'sideways')).toBe('EINVAL');
    expect(reset()).toBeNull();
    expect(shown()).toBe('switch: draining\ndevice: resetting\nwaiting for reset: \n');
    b.run(2000);
    expect(shown()).toBe('switch: steady\ndevice: idle\nwaiting for reset: \n');
    expect(b.vgt.recovery.device.count).toBe(1);
    expect(b.events).toEqual(['VGT_DEVICE_RESET=1 VMID=0']);
  });

  test('[P7] nobody loses anything: work in progress ends first, contexts and rings come back', () => {
    g.submit(RCS, [...lri(GPR0, 0x55), USER_INTERRUPT]);
    b.run();
    g.write(0x7010, 0x00040004);
    for (const at of [CHICKEN, TD_CTL]) b.guest0().write(at, 0x1234);
    long(g, 1);
    pass(b, 10);
    reset();
    store(h, 2);
    g.submit(RCS, [SRM_GGTT, GPR0, g.dataGma + 8, USER_INTERRUPT]);
    b.run(3000);
    expect([g.peek(DATA_GFN), h.peek(DATA_GFN), g.peek(DATA_GFN, 2)]).toEqual([1, 2, 0x55]);
    expect(g.read(0x7010) & 4).toBe(4);
    for (const at of [CHICKEN, TD_CTL]) expect(b.device.regs.peek(at)).toBe(0x1234);
    expect(b.vgt.vms.map((vm) => vm.heldEngines)).toEqual([0, 0, 0]);
  });

  test('[P6] a second one within six seconds is refused, also while one is going on', () => {
    long(g, 1);
    pass(b, 10);
    expect(reset()).toBeNull();
    expect(reset()).toBe('EBUSY');
    b.run(2000);
    b.clock.advance(5.9 * SECOND);
    expect(reset()).toBe('EAGAIN');
    b.clock.advance(0.2 * SECOND);
    expect(reset()).toBeNull();
    expect(b.vgt.recovery.device.count).toBe(2);
    expect(b.vgt.control.read('debug/recovery/device_resets_refused')).toEqual({
      ok: true,
      data: '2\n',
    });
  });

  test('one during a hang waits until the hang is found, and only the guilty is to reset', () => {
    spin(g, BCS);
    pass(b, 50);
    reset();
    store(h, 2);
    pass(b, 600);
    expect(b.vgt.recovery.device.count).toBe(1);
    expect([g.vgpu.heldEngines, h.vgpu.heldEngines]).toEqual([1 << BCS, 0]);
    expect(h.peek(DATA_GFN)).toBe(2);
    expect(shown()).toBe('switch: steady\ndevice: idle\nwaiting for reset: 1\n');
  });

  test('[P12] the screen goes on showing whom it showed', () => {
    // Its display is ready.
    h.write(0x78804, 1);
    expect(b.vgt.setForeground(2)).toBeNull();
    reset();
    b.run();
    expect(b.vgt.foreground.vm).toBe(h.vgpu);
  });
});

describe('an engine that its own reset does not bring back', () => {
  test('the whole device is reset; the guilty VM has all its engines to reset, others none', () => {
    for (const at of [CHICKEN, TD_CTL]) b.guest0().write(at, 0x1234);
    breakEngine('BCS');
    fail(g, BCS);
    store(h, 5);
    pass(b, 300);
    expect(b.vgt.recovery.counters).toMatchObject({ hangs: 1, escalations: 1 });
    expect(b.vgt.recovery.device.count).toBe(1);
    expect([g.vgpu.heldEngines, h.vgpu.heldEngines]).toEqual([0xf, 0]);
    expect(h.peek(DATA_GFN)).toBe(5);
    for (const at of [CHICKEN, TD_CTL]) expect(b.device.regs.peek(at)).toBe(0x1234);
    g.write(GDRST, 1);
    g.startRing(BCS);
    store(g, 6);
    pass(b, 50);
    expect(g.peek(DATA_GFN)).toBe(6);
  });

  test('[P6] again within six seconds everybody waits for the rest of them', () => {
    breakEngine('BCS');
    fail(g, BCS);
    pass(b, 100);
    fail(h, BCS);
    pass(b, 1000);
    expect(b.vgt.recovery.device.count).toBe(1);
    expect(b.vgt.recovery.device.resetting).toBe(true);
    b.guest0().startRing(BCS);
    store(b.guest0(), 7);
    const dom0 = b.guest0();
    pass(b, 4000);
    expect(dom0.peek(DATA_GFN)).toBe(0);
    pass(b, 1500);
    expect(b.vgt.recovery.device.count).toBe(2);
    expect(b.vgt.recovery.fatalReason).toBeNull();
  });

  test('one that comes back by nothing is the end, told once', () => {
    breakEngine('BCS', true);
    fail(g, BCS);
    pass(b, 500);
    expect(b.fatal).toEqual(['the GPU does not come back from a reset']);
  });

  test('[I23] when not even the own commands run, the switch tries resets, and goes on in the end', () => {
    store(g, 1);
    b.run();
    const engine = b.device.gt.engine('RCS');
    const real = engine.step;
    engine.step = () => 0;
    store(h, 2);
    pass(b, 1500);
    expect(b.vgt.switch.counters.lostImages).toBe(3);
    expect(b.vgt.recovery.device.count).toBe(1);
    expect(b.vgt.renderOwner).toBe(h.vgpu);
    expect([g.vgpu.heldEngines, h.vgpu.heldEngines]).toEqual([1 << RCS, 1 << RCS]);
    expect(h.peek(DATA_GFN)).toBe(2);
    engine.step = real;
    for (const guest of [g, h]) {
      guest.write(GDRST, 2);
      guest.startRing(RCS);
      guest.submit(RCS, [...storeGgtt(guest.dataGma, 9), USER_INTERRUPT]);
    }
    pass(b, 200);
    expect([g.peek(DATA_GFN), h.peek(DATA_GFN)]).toEqual([9, 9]);
  });
});

test('[P11] with resets off a hang is fatal, told once; nothing is reset', () => {
  setUp({ enableReset: false });
  const before = b.device.gt.resets;
  spin(g, BCS);
  pass(b, 20);
  store(h, 5);
  pass(b, 3000);
  expect(b.fatal).toEqual(['VM 1 hangs the GPU, and resets are off: blitter: an endless loop']);
  expect(b.device.gt.resets).toBe(before);
  expect(b.clock.nextAt).toBeGreaterThan(b.clock.now + 20e6);
});
