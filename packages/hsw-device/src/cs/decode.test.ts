import { describe, expect, test } from 'vitest';
import {
  buildTable,
  COMMAND_DWORDS,
  COMMANDS,
  commandByName,
  commandIndex,
  commandLength,
} from './decode.ts';
import { type CommandRow, ON_BCS, ON_RCS, ON_VCS, ON_VECS } from './row.ts';

const ENGINES = [ON_RCS, ON_VCS, ON_BCS, ON_VECS];
const MI = (op: number): number => op << 23;

describe('command table', () => {
  test('every row is found by its own opcode on every engine that accepts it', () => {
    COMMANDS.forEach((row, i) => {
      for (const on of ENGINES) {
        if ((row.on & on) !== 0) expect(commandIndex(row.opcode, on), row.name).toBe(i);
      }
      expect(commandLength(i, row.opcode)).toBeGreaterThan(0);
    });
  });

  test('what no row names is unknown on every engine', () => {
    for (const on of ENGINES) {
      for (const header of [MI(0x3f), 0x20000000, -1]) expect(commandIndex(header, on)).toBe(-1);
    }
  });

  test('one encoding is two commands: media state on the render engine, codec on the video engine', () => {
    expect(commandIndex(0x70000000, ON_RCS)).toBe(commandByName('MEDIA_VFE_STATE'));
    expect(commandIndex(0x70000000, ON_VCS)).toBe(commandByName('MFX_PIPE_MODE_SELECT'));
  });

  test('a command of another engine is named, so that a stop can be told from an unknown one', () => {
    const fill = commandByName('XY_COLOR_BLT');
    expect(commandIndex((COMMANDS[fill] as CommandRow).opcode, ON_RCS)).toBe(fill);
  });

  test('commands of gen8 are not Haswell commands', () => {
    for (const op of [0x1b, 0x1c, 0x2e, 0x2f, 0x33]) expect(commandIndex(MI(op))).toBe(-1);
  });

  test('two rows of one engine with one encoding are our mistake', () => {
    const row = COMMANDS[0] as CommandRow;
    expect(() => buildTable([row, { ...row, name: 'TWIN' }], ON_RCS)).toThrow('TWIN');
    expect(() =>
      buildTable(
        [
          { ...row, on: ON_RCS },
          { ...row, name: 'TWIN', on: ON_BCS },
        ],
        ON_RCS,
      ),
    ).not.toThrow();
  });

  test.each([
    ['STATE_BASE_ADDRESS', 0x61010008, 10],
    ['3DPRIMITIVE', 0x7b000005, 7],
    ['GPGPU_WALKER', 0x71050009, 11],
    ['PIPELINE_SELECT', 0x69040000, 1],
    ['MEDIA_VFE_STATE', 0x70000006, 8],
    ['3DSTATE_SO_DECL_LIST', 0x791701ff, 513],
  ] as const)('%s has the length that its header says', (name, header, dwords) => {
    const index = commandByName(name);
    expect(commandIndex(header)).toBe(index);
    expect(commandLength(index, header)).toBe(dwords);
  });

  test('a header of the exact length gives a command of just its dwords', () => {
    COMMANDS.forEach((row, i) => {
      if (row.exact !== true || 'fixed' in row.length) return;
      expect(row.dwords - 2, row.name).toBeLessThanOrEqual(row.length.mask);
      expect(commandLength(i, row.opcode | (row.dwords - 2)), row.name).toBe(COMMAND_DWORDS[i]);
    });
  });
});
