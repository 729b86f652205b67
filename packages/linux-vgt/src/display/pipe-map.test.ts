import { makeMonitor } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bench, type TestGuest } from '../testing/bench.ts';
import { dark, light, plane } from '../testing/light.ts';

let b: Bench;
let zero: TestGuest;
let g: TestGuest;

const hw = (offset: number): number => b.device.regs.peek(offset);

beforeEach(() => {
  b = new Bench();
  b.device.display.connect('E', makeMonitor({ kind: 'vga' }));
  zero = b.guest0();
  g = b.hvm(1);
  light(zero, 0, 1024, 768);
  plane(zero, 0, 0x100000, 4096);
  g.write(0x78804, 1);
});

describe('which screen shows which pipe', () => {
  const map = (): number[] => [0, 1, 2].map((p) => b.vgt.foreground.pipeOf(p));

  test('[M8] a pipe of the VM is on the pipe that drives its port', () => {
    dark(zero, 0);
    light(zero, 2, 1024, 768, [1024, 768], 'B');
    light(g, 0, 1024, 768, [1024, 768], 'B');
    b.vgt.setForeground(1);
    expect(map()).toEqual([-1, -1, 0]);
  });

  test('[M9] port_override C makes the VM’s port B follow the physical C', () => {
    dark(zero, 0);
    light(zero, 0, 1024, 768, [1024, 768], 'C');
    light(zero, 1, 1024, 768, [1024, 768], 'B');
    light(g, 1, 1024, 768, [1024, 768], 'B');
    light(g, 2, 1024, 768, [1024, 768], 'D');
    b.vgt.setForeground(1);
    expect(map()).toEqual([2, 1, -1]);
    b.vgt.control.write('vm1/PORT_B/port_override', 'PORT_C');
    expect(map()).toEqual([2, 1, -1]);
    b.vgt.control.write('vm1/PORT_B/connection', 'flush');
    expect(map()).toEqual([1, 2, -1]);
  });

  test('[M10] a transcoder that the VM disables is on no screen', () => {
    light(g, 0, 1024, 768);
    b.vgt.setForeground(1);
    expect(map()).toEqual([0, -1, -1]);
    g.write(0x60400, 0);
    expect(map()).toEqual([-1, -1, -1]);
    light(g, 2, 1024, 768);
    expect(map()).toEqual([2, -1, -1]);
  });

  test('[M11] dom0 moves a port to another pipe: the VM’s picture goes with it', () => {
    light(g, 0, 1024, 768);
    plane(g, 0, g.low, 4096);
    b.vgt.setForeground(1);
    dark(zero, 0);
    expect(map()).toEqual([-1, -1, -1]);
    light(zero, 1, 1024, 768);
    expect(map()).toEqual([-1, 0, -1]);
    expect(hw(0x7119c)).toBe(g.low);
    // The transcoder runs on and feeds another port.
    light(g, 2, 1024, 768, [1024, 768], 'C');
    zero.write(0x61400, 0xa2000000 | 0);
    expect(map()).toEqual([-1, 2, -1]);
  });

  test.each([
    [0, 0],
    [4, 0],
    [5, 1],
    [6, 2],
  ])('[M12] input %i of the EDP transcoder is pipe %i', (input, pipe) => {
    light(g, pipe, 1024, 768, [1024, 768], 'A');
    g.write(0x6f400, 0x82000000 | (input << 12));
    b.vgt.setForeground(1);
    expect(g.vgpu.display?.screens().map((s) => [s.port, s.pipe])).toEqual([['A', pipe]]);
    expect(map()).toEqual([pipe, -1, -1]);
  });

  test('[M17] two pipes of the VM on two ports are on two screens, each by itself', () => {
    light(zero, 1, 1280, 1024, [1280, 1024], 'B');
    light(g, 0, 1280, 1024, [1280, 1024], 'B');
    light(g, 2, 1024, 768);
    plane(g, 0, g.low, 5120);
    plane(g, 2, g.low + 0x800000, 4096);
    b.vgt.setForeground(1);
    expect(map()).toEqual([2, 0, -1]);
    expect([hw(0x7019c), hw(0x7119c)]).toEqual([g.low + 0x800000, g.low]);
    plane(g, 2, g.low + 0x900000, 4096);
    expect([hw(0x7019c), hw(0x7119c)]).toEqual([g.low + 0x900000, g.low]);
    dark(g, 0, 'B');
    expect(map()).toEqual([2, 2, -1]);
  });

  test('[O5] a larger picture fetches more: dom0’s watermarks grow by the ratio of areas', () => {
    zero.write(0x45100, 0x00100801);
    light(g, 0, 1024, 768, [2048, 1536]);
    b.vgt.setForeground(1);
    expect([hw(0x45100), zero.read(0x45100)]).toEqual([0x00402004, 0x00100801]);
    zero.write(0x45100, 0x00402008);
    expect(hw(0x45100)).toBe(0x007f7f1f);
    g.write(0x6001c, (1023 << 16) | 767);
    expect(hw(0x45100)).toBe(0x00402008);
    b.vgt.setForeground(0);
    expect(hw(0x45100)).toBe(0x00402008);
  });
});
