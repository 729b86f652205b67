import { describe, expect, test } from 'vitest';
import type { MonitorRecord } from '../monitor/monitor-config.ts';
import {
  type DeviceModelConfig,
  deviceModelArguments,
  readDeviceModelArguments,
} from './arguments.ts';
import { endInstance, startDeviceModel } from './start.ts';

const CONFIG: DeviceModelConfig = {
  domid: 5,
  name: 'guest1',
  memoryMiB: 1024,
  vgt: {
    lowMiB: 128,
    highMiB: 384,
    fences: 8,
    primary: 1,
    weight: 512,
    cap: 20,
    monitorConfigFile: '/etc/vgt/monitor.cfg',
  },
  gfxPassthru: false,
  vga: 'std',
  videoRamMiB: 16,
};
const UNSET: DeviceModelConfig['vgt'] = {
  lowMiB: null,
  highMiB: null,
  fences: null,
  primary: null,
  weight: null,
  cap: null,
  monitorConfigFile: null,
};

/** Control files that take everything, or refuse one of them. */
function files(refuse: Readonly<Record<string, string>> = {}) {
  const writes: [string, string | Uint8Array][] = [];
  return {
    writes,
    write: (path: string, data: string | Uint8Array): string | null => {
      writes.push([path, data]);
      return refuse[path] ?? null;
    },
  };
}

describe('arguments', () => {
  test('[S5] each key of a domain file is an option of its own', () => {
    expect(deviceModelArguments(CONFIG).join(' ')).toBe(
      '-xen-domid 5 -name guest1 -m 1024 -vga xengt -videoram 16 -vgt_low_gm_sz 128 ' +
        '-vgt_high_gm_sz 384 -vgt_fence_sz 8 -vgt_primary 1 -vgt_weight 512 -vgt_cap 20 ' +
        '-vgt_monitor_config_file /etc/vgt/monitor.cfg',
    );
    const passed = { ...CONFIG, vgt: null, gfxPassthru: true, videoRamMiB: null };
    expect(deviceModelArguments(passed).join(' ')).toBe(
      '-xen-domid 5 -name guest1 -m 1024 -vga std -gfx_passthru',
    );
  });

  test('what was written is what is read', () => {
    const read = readDeviceModelArguments(deviceModelArguments(CONFIG));
    expect(read.ok && Object.fromEntries(read.options)).toMatchObject({
      '-vgt_low_gm_sz': 128,
      '-vga': 'xengt',
      '-name': 'guest1',
      '-vgt_monitor_config_file': '/etc/vgt/monitor.cfg',
    });
  });

  test('[U2] xengt and gfx_passthru exclude each other: it ends with 1, and writes nothing', () => {
    const control = files();
    expect(
      startDeviceModel(deviceModelArguments({ ...CONFIG, gfxPassthru: true }), control),
    ).toEqual({
      status: 1,
      issues: ['-vga xengt and -gfx_passthru exclude each other: a GPU is shared or given away'],
      refused: null,
    });
    expect(control.writes).toEqual([]);
    // Each alone is fine.
    expect(startDeviceModel(['-gfx_passthru'], control)).toBeNull();
    expect(startDeviceModel(['-xen-domid', '5', '-vga', 'xengt'], control)).toBeNull();
  });

  test('all that is wrong with a command line is told at once', () => {
    const args = ['-frob', '-m', 'lots', '-vga', 'xengt', '-gfx_passthru', '-vgt_cap'];
    expect(startDeviceModel(args, files())?.issues).toEqual([
      '-frob is no option of the device model',
      '-m lots: not a whole number',
      '-vgt_cap needs a value',
      '-vga xengt and -gfx_passthru exclude each other: a GPU is shared or given away',
    ]);
    expect(startDeviceModel(['-vga', 'xengt'], files())?.issues).toEqual([
      '-vga xengt needs -xen-domid',
    ]);
  });
});

describe('start', () => {
  const start = (config: DeviceModelConfig, control = files(), records: MonitorRecord[] = []) => ({
    end: startDeviceModel(deviceModelArguments(config), control, records),
    writes: control.writes,
  });

  test('[U1] the control string is written once', () => {
    const told = { ...CONFIG, vgt: { ...UNSET, lowMiB: 128, highMiB: 384, fences: 8 } };
    expect(start(told)).toEqual({
      end: null,
      writes: [['control/create_vgt_instance', '5,128,384,8']],
    });
  });

  test('[S7] [U1] unset sizes are 64, 448 and 4', () => {
    expect(start({ ...CONFIG, vgt: UNSET }).writes).toEqual([
      ['control/create_vgt_instance', '5,64,448,4'],
    ]);
  });

  test('primary and cap are further fields; weight and monitors are written after it', () => {
    const edid = new Uint8Array(128);
    const record: MonitorRecord = { port: 'B', override: 'C', dp: false, edid };
    expect(start(CONFIG, files(), [record]).writes).toEqual([
      ['control/create_vgt_instance', '5,128,384,8,1,20'],
      ['vm5/weight', '512'],
      ['vm5/PORT_B/port_override', 'PORT_C'],
      ['vm5/PORT_B/type', '5'],
      ['vm5/PORT_B/edid', edid],
      ['vm5/PORT_B/connection', 'flush'],
    ]);
    expect(start({ ...CONFIG, vgt: { ...UNSET, primary: 0 } }).writes[0]?.[1]).toBe('5,64,448,4,0');
    expect(start({ ...CONFIG, vgt: { ...UNSET, cap: 7 } }).writes[0]?.[1]).toBe('5,64,448,4,-1,7');
  });

  test('[U3] a refused write ends it, and nothing is written after it', () => {
    const path = 'control/create_vgt_instance';
    expect(start(CONFIG, files({ [path]: 'ENOMEM' }))).toEqual({
      end: { status: 1, issues: [`${path}: ENOMEM`], refused: { path, errno: 'ENOMEM' } },
      writes: [[path, '5,128,384,8,1,20']],
    });
    const late = start(CONFIG, files({ 'vm5/weight': 'EINVAL' }));
    expect(late.end?.refused).toEqual({ path: 'vm5/weight', errno: 'EINVAL' });
  });

  test('without xengt there is nothing to write', () => {
    expect(start({ ...CONFIG, vgt: null })).toEqual({ end: null, writes: [] });
  });

  test('[S6] the end of a domain is told by the same file', () => {
    const control = files();
    expect(endInstance(5, control)).toBeNull();
    expect(control.writes).toEqual([['control/create_vgt_instance', '-5']]);
  });
});
