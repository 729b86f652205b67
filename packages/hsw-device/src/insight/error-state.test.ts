import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DeviceDriver } from '../testing/device-driver.ts';
import { ascii85, fromAscii85 } from './ascii85.ts';
import { errorBuffers, errorState } from './error-state.ts';

const MI_BATCH_BUFFER_START = (0x31 << 23) | 0x100;
const MI_BATCH_BUFFER_END = 0x0a << 23;
const NO_COMMAND = 0x7fff0000;
const BATCH = 0x100000;

/** The blitter has run a batch and then met a dword that is no command. */
function hung(): DeviceDriver {
  const driver = new DeviceDriver();
  driver.poke(BATCH, 0x11000001, 0x22200, 0x10001, MI_BATCH_BUFFER_END);
  driver.submit('BCS', MI_BATCH_BUFFER_START, BATCH, 0, NO_COMMAND);
  driver.run();
  return driver;
}

describe('ASCII85', () => {
  test('the form of the kernel: z for 0, five characters for the rest', () => {
    expect(ascii85(Int32Array.of(0, 1, -1, 0x4d616e20))).toBe('z!!!!"s8W-!9jqo^');
  });

  test('every run of dwords comes back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (dwords) => {
        expect([...fromAscii85(ascii85(Int32Array.from(dwords)))]).toEqual(dwords);
      }),
    );
  });
});

test('a device that works has no hang and a ring for each engine', () => {
  const driver = new DeviceDriver();
  const text = errorState(driver.device);
  expect(text).toMatch(/^No engine hangs$/m);
  expect(text).toMatch(/^PCI ID: 0x0412$/m);
  expect(
    errorBuffers(text)
      .filter((b) => b.name === 'ring')
      .map((b) => b.engine),
  ).toEqual(['rcs0', 'vcs0', 'bcs0', 'vecs0']);
});

test('a hang: its registers, and ring and batch dword by dword', () => {
  const driver = hung();
  const text = errorState(driver.device);
  expect(text).toMatch(/^GPU HANG: ecode 7:4:7fff0000, unknown-command$/m);
  const engine = text.slice(text.indexOf('bcs0 command stream'));
  expect(engine).toMatch(/^ {2}IPEHR: 0x7fff0000$/m);
  expect(engine).toMatch(/^ {2}batch: \[0x00000000_00100000, 0x00000000_00101000\]$/m);
  expect(engine).toMatch(/^ {2}hung: 1$/m);
  const buffers = errorBuffers(text).filter((b) => b.engine === 'bcs0');
  expect(buffers.map((b) => [b.name, b.address])).toEqual([
    ['batch', BATCH],
    ['ring', driver.ringStart('BCS')],
    ['HW Status', driver.ringStart('BCS') + 0x1000],
  ]);
  expect([...(buffers[0]?.dwords.slice(0, 4) ?? [])]).toEqual([
    0x11000001,
    0x22200,
    0x10001,
    MI_BATCH_BUFFER_END,
  ]);
  expect(buffers[1]?.dwords).toEqual(
    driver.words.slice(driver.ringStart('BCS') / 4, driver.ringStart('BCS') / 4 + 1024),
  );
});

test('looking changes nothing: no fault is counted, nobody is told of reads', () => {
  const driver = hung();
  driver.write(0x22140, 0x40000001);
  const { device } = driver;
  const before = [device.ggtt.space.faults, device.regs.unclaimed, device.regs.dw.slice()];
  let heard = 0;
  const count = (): void => {
    heard++;
  };
  device.regs.watch({ registerRead: count, registerWritten: count });
  errorState(device);
  expect([device.ggtt.space.faults, device.regs.unclaimed, device.regs.dw]).toEqual(before);
  expect(heard).toBe(0);
});

test('a batch without an end is captured up to a bound', () => {
  const driver = new DeviceDriver();
  driver.poke(BATCH, MI_BATCH_BUFFER_START, BATCH);
  driver.submit('RCS', MI_BATCH_BUFFER_START, BATCH);
  driver.device.step(1 << 12);
  const batch = errorBuffers(errorState(driver.device)).find((b) => b.name === 'batch');
  expect(batch?.dwords.length).toBeLessThanOrEqual((1 << 20) / 4);
  expect(batch?.dwords[0]).toBe(MI_BATCH_BUFFER_START);
});

test('buffers that a kernel compressed are inflated by whoever can', () => {
  const text = `rcs0 --- ring = 0x00000000 00001000\n:${ascii85(Int32Array.of(7))}\n`;
  expect(errorBuffers(text)).toEqual([]);
  const [buffer] = errorBuffers(text, (bytes) => new Uint8Array([...bytes, 1, 0, 0, 0]));
  expect([...(buffer?.dwords ?? [])]).toEqual([7, 1]);
});
