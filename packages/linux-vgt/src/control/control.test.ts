import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench } from '../testing/bench.ts';

let b: Bench;
const CREATE = 'control/create_vgt_instance';
const read = (path: string): string | Uint8Array => {
  const r = b.vgt.control.read(path);
  if (!r.ok) throw new Error(`${path}: ${r.errno}`);
  return r.data;
};
const write = (path: string, data: string | Uint8Array) => b.vgt.control.write(path, data);
const edid = makeMonitor({ kind: 'vga', mode: '1024x768' }).edid;

beforeEach(() => {
  b = new Bench({}, 512);
  for (const domid of [5, 6, 7]) b.mpt.addDomain(domid, 16);
});

describe('create_vgt_instance', () => {
  test('[A1] [V2] 5,64,448,4 makes vm5 with 64 MiB low, 512 in all, 4 fences', () => {
    expect(write(CREATE, '5,64,448,4\n')).toBeNull();
    expect(b.vgt.control.list('')).toContain('vm5');
    expect(read('vm5/gm_sz')).toBe('0000000020000000\n');
    expect(read('/sys/kernel/vgt/vm5/aperture_sz')).toBe('0000000004000000\n');
    expect(b.vgt.vm(5)?.slice.fences).toBe(4);
  });

  test.each(['5,64', '5,64,448', '', 'x', '5', '0'])(
    '[A3] %j is EINVAL and makes nothing',
    (text) => {
      expect(write(CREATE, text)).toBe('EINVAL');
      expect(b.vgt.vms).toHaveLength(1);
    },
  );

  test.each(['0,64,448,4', '5,0,448,4', '5,64,448,0', '5,64,448,4,2', '5,64,-1,4'])(
    '[A4] %s is EINVAL',
    (text) => {
      expect(write(CREATE, text)).toBe('EINVAL');
      expect(b.vgt.vms).toHaveLength(1);
    },
  );

  test('[A5] the same id twice is EINVAL and leaves the first', () => {
    write(CREATE, '5,64,448,4');
    const first = b.vgt.vm(5);
    expect(write(CREATE, '5,8,8,1')).toBe('EINVAL');
    expect(b.vgt.vm(5)).toBe(first);
  });

  test('[A6] -5 takes it away; everything is free again', () => {
    const before = read('control/available_resource');
    write(CREATE, '5,64,448,4');
    expect(read('control/available_resource')).not.toBe(before);
    expect(write(CREATE, '-5')).toBeNull();
    expect(read('control/available_resource')).toBe(before);
    expect(b.vgt.control.list('')).not.toContain('vm5');
  });

  test('[A7] [A26] an unknown VM is ENODEV, dom0 stays', () => {
    expect(write(CREATE, '-9')).toBe('ENODEV');
    expect(write(CREATE, '-0')).toBe('EINVAL');
    expect(b.vgt.destroyVgpu(0)).toBe('EINVAL');
  });

  test('[A8] one VM too many is ENOSPC', () => {
    b = new Bench({ maxVms: 2 });
    b.hvm(1);
    expect(write(CREATE, '5,8,8,1')).toBe('ENOSPC');
  });

  test('[A14] [A15] dom0 has 120/384 MiB and 4 fences, or what it is given, within limits', () => {
    expect(b.vgt.dom0.slice).toMatchObject({
      lowBytes: 120 << 20,
      highBytes: 384 << 20,
      fences: 4,
    });
    const c = new Bench({ dom0LowMiB: 600, dom0HighMiB: 512, dom0Fences: 99 }, 512);
    expect(c.vgt.dom0.slice).toMatchObject({
      lowBytes: 448 << 20,
      highBytes: 512 << 20,
      fences: 32,
    });
  });
});

describe('control', () => {
  test('[M14] display_owner shows dom0 and does not change', () => {
    b.hvm(1);
    expect(write('control/display_owner', '1')).toBeNull();
    expect(write('control/display_owner', 'x')).toBe('EINVAL');
    expect(read('control/display_owner')).toBe('0\n');
  });

  test('[M2] [M3] [M4] foreground_vm: not ready EAGAIN, unknown ENODEV, the same accepted', () => {
    const g = b.hvm(1);
    expect(write('control/foreground_vm', '1')).toBe('EAGAIN');
    expect(write('control/foreground_vm', '9')).toBe('ENODEV');
    expect(write('control/foreground_vm', '')).toBe('EINVAL');
    g.write(0x78804, 1);
    expect(write('control/foreground_vm', '1\n')).toBeNull();
    expect(write('control/foreground_vm', '1')).toBeNull();
    expect(read('control/foreground_vm')).toBe('1\n');
    expect(b.events.filter((e) => e.startsWith('foreground'))).toEqual(['foreground 1']);
  });

  test('ctx_switch and validate_ctx_switch print their state', () => {
    expect(read('control/ctx_switch')).toBe('VGT context switch: enabled\n');
    expect(write('control/ctx_switch', '0')).toBeNull();
    expect(read('control/ctx_switch')).toBe('VGT context switch: disabled\n');
    expect(write('control/validate_ctx_switch', '1')).toBeNull();
    expect(read('control/validate_ctx_switch')).toBe('VGT check mmio restore: enabled\n');
    expect(write('control/ctx_switch', 'on')).toBe('EINVAL');
  });

  test('paths that are not there, and modes', () => {
    expect(b.vgt.control.read('control/nothing')).toEqual({ ok: false, errno: 'ENOENT' });
    expect(b.vgt.control.read(CREATE)).toEqual({ ok: false, errno: 'EACCES' });
    expect(write('control/available_resource', '1')).toBe('EACCES');
    expect(b.vgt.control.list('control')).toContain('PORT_E');
  });

  test('[V8] physical ports: presence by the straps, connection by the monitor', () => {
    expect(read('control/PORT_A/presence')).toBe('unpresent\n');
    expect(read('control/PORT_E/presence')).toBe('present\n');
    expect(read('control/PORT_E/connection')).toBe('disconnected\n');
    b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
    expect(read('control/PORT_E/connection')).toBe('connected\n');
    expect(read('control/PORT_E/type')).toBe('VGT_CRT\n');
    expect((read('control/PORT_E/edid') as Uint8Array).length).toBe(128);
  });
});

describe('virtual ports', () => {
  beforeEach(() => {
    b.hvm(1);
  });

  test('[N1] bytes that are no EDID never become active', () => {
    const bad = edid.slice();
    bad[20] = (bad[20] as number) ^ 1;
    write('vm1/PORT_E/edid', bad);
    write('vm1/PORT_E/connection', 'connect');
    expect(read('vm1/PORT_E/connection')).toBe('disconnected\n');
    write('vm1/PORT_E/edid', edid.slice(0, 128));
    write('vm1/PORT_E/connection', 'connect');
    expect(read('vm1/PORT_E/connection')).toBe('connected\n');
  });

  test('[N2] an extension count is taken out and the checksum is right', () => {
    const block = edid.slice(0, 128);
    block[127] = ((block[127] as number) + (block[126] as number) - 1) & 0xff;
    block[126] = 1;
    write('vm1/PORT_E/edid', block);
    write('vm1/PORT_E/connection', 'connect');
    const stored = read('vm1/PORT_E/edid') as Uint8Array;
    expect(stored[126]).toBe(0);
    expect(stored.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
  });

  test('[N3] 256 hex digits are the same as the bytes; another length is EINVAL', () => {
    const text = [...edid.slice(0, 128)].map((v) => v.toString(16).padStart(2, '0')).join('');
    expect(write('vm1/PORT_E/edid_text', text)).toBeNull();
    expect(write('vm1/PORT_E/edid_text', text.slice(2))).toBe('EINVAL');
    write('vm1/PORT_E/connection', 'connect');
    expect([...(read('vm1/PORT_E/edid') as Uint8Array)]).toEqual([...edid.slice(0, 128)]);
  });

  test('[N5] connect and disconnect are one hotplug each', () => {
    const vm = b.vgt.vm(1)!;
    vm.vreg.write32(0xc4004, 0);
    const crt = (): boolean => {
      const on = (vm.vreg.peek(0xc4008) & 0x80000) !== 0;
      vm.vreg.write32(0xc4008, -1);
      return on;
    };
    vm.vreg.write32(0xe1100, 1 << 23);
    write('vm1/PORT_E/edid', edid.slice(0, 128));
    write('vm1/PORT_E/connection', 'connect');
    expect(crt()).toBe(true);
    write('vm1/PORT_E/connection', 'connect');
    expect(crt()).toBe(false);
    b.clock.advance(300_000_000);
    write('vm1/PORT_E/connection', 'disconnect');
    expect(crt()).toBe(true);
    write('vm1/PORT_E/connection', 'disconnect');
    expect(crt()).toBe(false);
  });

  test('type and override take effect with the monitor', () => {
    expect(write('vm1/PORT_B/type', '2')).toBeNull();
    expect(write('vm1/PORT_B/type', 'dp')).toBe('EINVAL');
    expect(write('vm1/PORT_D/type', '4')).toBeNull();
    expect(write('vm1/PORT_D/port_override', 'PORT_C\n')).toBeNull();
    expect(write('vm1/PORT_D/port_override', 'PORT_X')).toBe('EINVAL');
    expect(read('vm1/PORT_D/port_override')).toBe('PORT_D\n');
    write('vm1/PORT_D/edid', edid.slice(0, 128));
    write('vm1/PORT_D/connection', 'flush');
    expect(read('vm1/PORT_D/type')).toBe('VGT_DP_D\n');
    expect(read('vm1/PORT_D/port_override')).toBe('PORT_C\n');
    expect(read('vm1/PORT_D/pipe')).toBe('PIPE X\n');
  });

  test('[N18] virtual_event takes a monitor out, for one VM or all', () => {
    b.hvm(2);
    for (const vm of ['vm1', 'vm2']) {
      write(`${vm}/PORT_E/edid`, edid.slice(0, 128));
      write(`${vm}/PORT_E/connection`, 'connect');
    }
    expect(write('control/virtual_event', String(1 << 8))).toBeNull();
    expect(read('vm1/PORT_E/connection')).toBe('disconnected\n');
    expect(read('vm2/PORT_E/connection')).toBe('connected\n');
    write('control/virtual_event', String(0xff << 8));
    expect(read('vm2/PORT_E/connection')).toBe('disconnected\n');
  });

  test('[N19] a new VM gets the monitors that are plugged in', () => {
    b.device.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    b.hvm(2);
    expect(read('vm2/PORT_B/connection')).toBe('connected\n');
    expect(read('vm2/PORT_B/type')).toBe('VGT_HDMI_B\n');
    expect(b.events.filter((e) => e.endsWith('VMID=2'))).toEqual([
      'VGT_DETECT_PORT_B=1 VMID=2',
      'PORT_B_INSERT=1 VMID=2',
    ]);
  });

  test('a monitor plugged into the machine goes to the VMs whose ports follow', () => {
    b.device.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    expect(read('vm1/PORT_B/connection')).toBe('connected\n');
    write('vm1/PORT_C/port_override', 'PORT_B');
    write('vm1/PORT_C/connection', 'flush');
    b.device.display.disconnect('B');
    b.device.display.connect('B', makeMonitor({ kind: 'hdmi' }));
    expect(read('vm1/PORT_C/connection')).toBe('connected\n');
    b.device.display.disconnect('B');
    expect(read('vm1/PORT_B/connection')).toBe('disconnected\n');
    expect(read('vm1/PORT_C/connection')).toBe('disconnected\n');
    b.vgt.vm(1)!.ports.follows = false;
    b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
    expect(read('vm1/PORT_E/connection')).toBe('disconnected\n');
    expect(b.events).toContain('VGT_DETECT_PORT_E=1 VMID=0');
  });
});

test('the node partition says how graphics memory is given, and available_resource what is free', () => {
  b = new Bench();
  b.hvm(1, 64, 448);
  expect(read('control/partition')).toBe(
    'static\nvm0: 0-120, 256-640, 4 fences, its own\nvm1: 120-184, 640-1088, 4 fences, its own\n',
  );
  b = new Bench({ partition: 'shared' });
  const free = (): string => String(read('control/available_resource')).split('\n')[0] as string;
  const before = free();
  expect(before).toBe('0x00000100, 0x00000080, 0x00000700, 0x0000046c, 0x00000020, 0x00000020');
  for (const domid of [1, 2, 3]) b.hvm(domid, 64, 448);
  expect(free()).toBe(before);
  expect(read('control/partition')).toBe(
    [
      'shared',
      'vm0: 0-120, 256-640, 4 fences, its own',
      'vm1: 120-184, 640-1088, 4 fences, shared',
      'vm2: 184-248, 1088-1536, 4 fences, shared',
      'vm3: 120-184, 1324-1772, 4 fences, shared',
      'most on one MiB: 2',
      '',
    ].join('\n'),
  );
  expect(write('control/create_vgt_instance', '4,129,448,4')).toBe('ENOMEM');
  expect([read('debug/gtt_swaps'), read('debug/gtt_swap_ns')]).toEqual(['0\n', '0\n']);
});

describe('debug nodes', () => {
  test('[V3] [V4] [C16] counters and registers, per VM', () => {
    const g = b.hvm(1);
    g.startRing(0);
    g.submit(0, [0x02 << 23, 0]);
    b.run();
    expect(read('debug/context_switch_num')).toBe('1\n');
    expect(read('/sys/kernel/debug/vgt/vm1/perf/ring/render/cmd_nr')).toBe('2\n');
    expect(read('debug/vm1/virtual_mmio_space')).toContain('00078000: 76544776');
    expect(read('debug/reginfo')).toMatch(/^00004080 HWS_PGA render address accessed saved$/m);
    expect(read('debug/irqinfo')).toContain('vm1: injected 0');
    expect(read('debug/dpyinfo')).toContain('foreground_vm: 0');
    b.vgt.destroyVgpu(1);
    expect(b.vgt.control.read('debug/vm1/perf/total_cmds')).toEqual({ ok: false, errno: 'ENOENT' });
  });
});
