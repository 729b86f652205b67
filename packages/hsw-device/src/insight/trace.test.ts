import { describe, expect, test } from 'vitest';
import { makeMonitor } from '../display/monitor/monitor.ts';
import { Interrupts } from '../irq/interrupts.ts';
import { ManualClock } from '../port/clock.ts';
import { RegSpace } from '../reg/reg-space.ts';
import { DeviceDriver } from '../testing/device-driver.ts';
import { DeviceTrace } from './device-trace.ts';
import { Trace } from './trace.ts';
import { parseTraceFilter, TraceFilterError } from './trace-filter.ts';
import { traceJson, traceLine } from './trace-reader.ts';

const CS_GPR0 = 0x2600;
const NOWHERE = 0x180000;
const MI_USER_INTERRUPT = 0x02 << 23;
const MI_BATCH_BUFFER_START = (0x31 << 23) | 0x100;
const MI_STORE_DATA_IMM = (0x20 << 23) | 2;
const MI_BATCH_BUFFER_END = 0x0a << 23;

function traced(filter = ''): { driver: DeviceDriver; trace: DeviceTrace } {
  const driver = new DeviceDriver();
  return { driver, trace: new DeviceTrace(driver.device, { filter: parseTraceFilter(filter) }) };
}

function lines(trace: DeviceTrace): string[] {
  return [...trace.reader.read()].map((e) => traceLine(e).trim().replace(/^\S+ /, ''));
}

describe('what is recorded', () => {
  test('register reads and writes with names, unclaimed ones marked', () => {
    const { driver, trace } = traced();
    driver.write(CS_GPR0, 7);
    driver.read(CS_GPR0);
    driver.write(NOWHERE, 3);
    expect(lines(trace)).toEqual([
      expect.stringMatching(/^gpu write .*GPR.* = 0x00000007$/),
      expect.stringMatching(/^gpu read {2}.*GPR.* = 0x00000007$/),
      'gpu write 0x180000 = 0x00000003 unclaimed',
    ]);
  });

  test('the value a guest wrote, not what the masks let in', () => {
    const { driver, trace } = traced('write');
    driver.write(0x209c, 0x01000100);
    expect([...trace.reader.read()]).toMatchObject([{ kind: 'write', value: 0x01000100 }]);
  });

  test('commands where they were fetched, in ring and batch, then their interrupt', () => {
    const { driver, trace } = traced('commands,interrupts');
    driver.poke(0x100000, MI_USER_INTERRUPT, MI_BATCH_BUFFER_END);
    driver.submit('BCS', 0, 0, MI_BATCH_BUFFER_START, 0x100000);
    driver.run();
    expect(lines(trace)).toEqual([
      'gpu BCS 0x00018000 MI_NOOP 0x00000000 [1]',
      'gpu BCS 0x00018004 MI_NOOP 0x00000000 [1]',
      expect.stringMatching(/^gpu BCS 0x00018008 MI_BATCH_BUFFER_START .* \[2\]$/),
      'gpu BCS   0x00100000 MI_USER_INTERRUPT 0x01000000 [1]',
      'gpu interrupt GT BCS_USER',
      'gpu line high',
      'gpu BCS   0x00100004 MI_BATCH_BUFFER_END 0x05000000 [1]',
    ]);
  });

  test('a hang with its reason, a fault with its address', () => {
    const { driver, trace } = traced('faults');
    driver.submit('RCS', MI_STORE_DATA_IMM, 0, 0x40000000, 1);
    driver.run();
    driver.submit('VCS', 0x7fff0000);
    driver.run();
    const seen = [...trace.reader.read()];
    expect(seen).toContainEqual(
      expect.objectContaining({ kind: 'fault', address: 0x40000000, space: 'GGTT' }),
    );
    expect(seen).toContainEqual(
      expect.objectContaining({ kind: 'hang', engine: 'VCS', reason: 'unknown-command' }),
    );
  });

  test('a refused request with who asked, what for and why', () => {
    const { trace } = traced('faults');
    const of = { device: '0000:00:02.0', reason: 'no page' };
    trace.refused('hvm', { ...of, access: 'write', address: 0x7f_ffff_f000 });
    trace.refused('hvm', { ...of, access: 'interrupt', address: 9 });
    expect(lines(trace)).toEqual([
      'hvm 0000:00:02.0 write of 0x7ffffff000 refused: no page',
      'hvm 0000:00:02.0 interrupt 0x9 refused: no page',
    ]);
    const other = traced('commands');
    other.trace.refused('hvm', { ...of, access: 'read', address: 0 });
    expect(lines(other.trace)).toEqual([]);
  });

  test('hotplug of a port', () => {
    const { driver, trace } = traced('display');
    driver.write(0xc4030, 0x10);
    driver.device.display.connect('B', makeMonitor({ kind: 'hdmi', mode: '1024x768' }));
    expect(lines(trace)).toEqual(['gpu hotplug of port B']);
  });

  test('time is the device clock at each event', () => {
    const { driver, trace } = traced('write');
    driver.write(CS_GPR0, 1);
    driver.clock.advance(1500);
    driver.write(CS_GPR0, 2);
    expect([...trace.reader.read()].map((e) => e.timeNs)).toEqual([0, 1500]);
  });
});

test('a register file of another source has names of its own', () => {
  const { driver, trace } = traced('registers');
  const regs = new RegSpace();
  regs.add([{ name: 'PVINFO_MAGIC', offset: 0x78100, src: 'test' }]);
  trace.addRegisters('vgpu1', regs, new Interrupts(regs));
  regs.read32(0x78100);
  regs.read32(0x78200);
  driver.read(0x78100);
  expect(lines(trace)).toEqual([
    'vgpu1 read  PVINFO_MAGIC = 0x00000000',
    'vgpu1 read  0x78200 = 0x00000000 unclaimed',
    'gpu read  0x78100 = 0x00000000 unclaimed',
  ]);
});

describe('filters', () => {
  test('control case: without a filter an access outside the range is there', () => {
    const { driver, trace } = traced();
    driver.write(0x44004, 0);
    expect([...trace.reader.read()]).toHaveLength(1);
  });

  test('a range keeps other registers out, unclaimed ones too', () => {
    const { driver, trace } = traced('write,0x2600-0x267f');
    driver.write(0x44004, 0);
    driver.write(NOWHERE, 0);
    driver.write(CS_GPR0 + 4, 9);
    driver.read(CS_GPR0 + 4);
    expect([...trace.reader.read()]).toMatchObject([{ kind: 'write', offset: CS_GPR0 + 4 }]);
  });

  test('an engine keeps the commands and the registers of others out', () => {
    const { driver, trace } = traced('bcs');
    driver.submit('RCS', 0, 0);
    driver.submit('BCS', 0, 0);
    driver.run();
    const seen = [...trace.reader.read()];
    expect(seen.filter((e) => e.kind === 'command').map((e) => e.engine)).toEqual(['BCS', 'BCS']);
    expect(seen.filter((e) => e.kind === 'write')).toMatchObject([{ name: 'BCS_RING_TAIL' }]);
  });

  test.each(['nonsense', '0x3000-0x2000', '0x200000', 'write;read'])('%s is refused', (text) => {
    expect(() => parseTraceFilter(text)).toThrow(TraceFilterError);
  });
});

describe('the ring', () => {
  test('it keeps the latest records and says how many were lost', () => {
    const driver = new DeviceDriver();
    const trace = new DeviceTrace(driver.device, { capacity: 16 });
    for (let i = 0; i < 100; i++) driver.write(CS_GPR0, i);
    const seen = [...trace.reader.read()];
    expect(seen.map((e) => e.seq)).toEqual(Array.from({ length: 16 }, (_, i) => 84 + i));
    expect(trace.reader.lost).toBe(84);
    expect([...trace.reader.read()]).toEqual([]);
  });

  test('a ring of any size is a power of two', () => {
    expect(new Trace(new ManualClock(), 100).capacity).toBe(128);
  });
});

test('a stopped trace hears nothing, and the device runs from its own tables again', () => {
  const { driver, trace } = traced();
  const plain = new DeviceDriver().device.gt.engine('BCS').execute;
  expect(driver.device.gt.engine('BCS').execute).not.toBe(plain);
  trace.stop();
  driver.write(CS_GPR0, 1);
  driver.submit('BCS', MI_USER_INTERRUPT, 0);
  driver.run();
  expect([...trace.reader.read()]).toEqual([]);
  expect(driver.device.gt.engine('BCS').execute).toBe(plain);
});

test('JSON lines are events with unsigned numbers', () => {
  const { driver, trace } = traced('write');
  driver.write(CS_GPR0, -1);
  const [event] = trace.reader.read();
  expect(JSON.parse(traceJson(event as NonNullable<typeof event>))).toMatchObject({
    kind: 'write',
    offset: CS_GPR0,
    value: 0xffffffff,
  });
});
