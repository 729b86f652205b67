import { describe, expect, test } from 'vitest';
import { barBase, PCI_COMMAND } from './config-rows.ts';
import type { ConfigSpace } from './config-space.ts';
import { IGD_AF, IGD_MSI, IGD_PM, igdConfigSpace, igdInD0 } from './igd.ts';

const PMCSR = IGD_PM + 4;
const AF_CTRL = IGD_AF + 4;

function igd(): { space: ConfigSpace; heard: string[] } {
  const heard: string[] = [];
  const space = igdConfigSpace({
    name: 'igd',
    deviceId: 0x0412,
    apertureMiB: 256,
    onPower: (d3hot) => heard.push(d3hot ? 'D3hot' : 'D0'),
    onFunctionReset: () => heard.push('reset'),
  });
  space.write(0x10, 4, 0xe0000000 | 0);
  space.write(PCI_COMMAND, 2, 6);
  space.write(IGD_MSI + 4, 4, 0xfee01000 | 0);
  return { space, heard };
}

describe('capabilities of the graphics function', () => {
  test('the list is MSI, power management, advanced features', () => {
    const { space } = igd();
    const ids: number[] = [];
    for (let at = space.read(0x34, 1); at !== 0; at = space.read(at + 1, 1)) {
      ids.push(space.read(at, 1));
    }
    expect(ids).toEqual([5, 1, 0x13]);
  });

  test('D3hot keeps what is set; the way back to D0 loses addresses, decoding and MSI', () => {
    const { space, heard } = igd();
    space.write(PMCSR, 2, 3);
    expect([igdInD0(space), barBase(space, 0)]).toEqual([false, 0xe0000000]);
    space.write(PMCSR, 2, 3);
    space.write(PMCSR, 2, 0);
    expect(heard).toEqual(['D3hot', 'D0']);
    expect([igdInD0(space), barBase(space, 0)]).toEqual([true, 0]);
    expect([space.read(PCI_COMMAND, 2), space.read(IGD_MSI + 4, 4)]).toEqual([0, 0]);
    expect(space.read(0, 4)).toBe(0x04128086);
  });

  test('D1 and D2 do not exist: a write of them changes nothing', () => {
    const { space, heard } = igd();
    for (const state of [1, 2]) {
      space.write(PMCSR, 2, state);
      expect(space.read(PMCSR, 2)).toBe(0);
    }
    space.write(PMCSR, 2, 3);
    space.write(PMCSR, 2, 1);
    expect([space.read(PMCSR, 2), heard]).toEqual([3, ['D3hot']]);
  });

  test('a function-level reset clears header and power state, and reads back as done', () => {
    const { space, heard } = igd();
    space.write(PMCSR, 2, 3);
    space.write(AF_CTRL, 1, 1);
    expect(space.read(AF_CTRL, 1)).toBe(0);
    expect([igdInD0(space), barBase(space, 0)]).toEqual([true, 0]);
    expect(heard).toEqual(['D3hot', 'reset']);
    space.write(AF_CTRL, 1, 0);
    expect(heard).toHaveLength(2);
  });
});
