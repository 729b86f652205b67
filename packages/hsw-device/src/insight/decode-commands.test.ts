import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS, commandByName } from '../cs/decode.ts';
import { RegSpace } from '../reg/reg-space.ts';
import { decodeCommands, decodedText } from './decode-commands.ts';
import { DESCRIBED, fieldsOf } from './lookup.ts';
import type { PeekDword } from './peek.ts';

const START = 0x1000;
const MI_BATCH_BUFFER_END = 0x0a << 23;
const BATCH_START = (0x31 << 23) | 0x100;
const SECOND_LEVEL = 0x400000;

/** Memory with dwords at an address and nothing elsewhere. */
function memory(dwords: readonly number[], at = START): PeekDword {
  return (gma) => dwords[(gma - at) / 4] ?? null;
}

function names(peek: PeekDword, o: Partial<Parameters<typeof decodeCommands>[2]> = {}): string[] {
  return [...decodeCommands(peek, START, { engine: 'RCS', ...o })].map(
    (c) => `${c.level} ${c.name}`,
  );
}

describe('the field tables', () => {
  test('every field lies in a dword, and no two in the same bits', () => {
    COMMANDS.forEach((command, index) => {
      for (const row of fieldsOf(index)) {
        let used = 0;
        for (const { name, high, low } of row.fields) {
          const what = `${command.name} ${row.dword} ${name}`;
          expect(high, what).toBeLessThan(32);
          expect(low, what).toBeLessThanOrEqual(high);
          const bits = (2 ** (high - low + 1) - 1) * 2 ** low;
          expect(Number(BigInt(used) & BigInt(bits)), what).toBe(0);
          used += bits;
        }
      }
    });
  });

  test('DWord 0 leaves the bits that name the command alone', () => {
    COMMANDS.forEach((command, index) => {
      for (const row of fieldsOf(index)) {
        if (row.dword !== 0) continue;
        for (const { high } of row.fields) {
          expect(high, command.name).toBeLessThan(32 - command.bits);
        }
      }
    });
  });

  test('all MI, 2D and 3D commands are described', () => {
    const missing = COMMANDS.map((c) => c.name).filter(
      (name) => !DESCRIBED.has(name) && !/^(MFX|MFD|MFC|VEBOX|VEB)_/.test(name),
    );
    expect(missing).toEqual([]);
  });
});

describe('golden lines', () => {
  test('a batch as a person reads it', () => {
    const regs = new RegSpace();
    regs.add([{ name: 'CS_GPR', offset: 0x2600, count: 32, src: 'test' }]);
    const batch = [
      0x11000003,
      0x2600,
      7,
      0x2604,
      0xffffffff | 0,
      0x7a000003,
      0x00104001,
      0x2000,
      5,
      0,
      0x78130005,
      0x1402,
      0x20000000,
      0,
      0x3f800000,
      0,
      0,
      0x7fff0000,
      MI_BATCH_BUFFER_END,
      0,
    ];
    const text = [...decodeCommands(memory(batch), START, { engine: 'RCS', regs })]
      .map(decodedText)
      .join('');
    expect(text.split('\n')).toEqual([
      '00001000  11000003    MI_LOAD_REGISTER_IMM: Byte Write Disables 0x0',
      '00001004  00002600      Register CS_GPR[0]',
      '00001008  00000007      Value 0x7',
      '0000100c  00002604      Register CS_GPR[1]',
      '00001010  ffffffff      Value 0xffffffff',
      '00001014  7a000003    PIPE_CONTROL',
      '00001018  00104001      CS Stall 1, Post-sync 1, Depth Flush 1',
      '0000101c  00002000      Address 0x2000',
      '00001020  00000005      Data 0x5',
      '00001024  00000000      Data High 0x0',
      '00001028  78130005    3DSTATE_SF',
      '0000102c  00001402      Depth Format 1, Statistics 1, Front Fill 0, Back Fill 0, Viewport Transform 1',
      '00001030  20000000      Cull Mode 1, Line Width 0, Line End Cap 0, Multisample Mode 0',
      '00001034  00000000      Strip Provoking 0, Line Provoking 0, Fan Provoking 0, Point Width 0',
      '00001038  3f800000      Depth Offset 1',
      '0000103c  00000000      Depth Offset Scale 0',
      '00001040  00000000      Depth Offset Clamp 0',
      '00001044  7fff0000    no command',
      '00001048  05000000    MI_BATCH_BUFFER_END',
      '',
    ]);
  });

  test('coordinates of a blit are signed', () => {
    const copy = [
      0x54f00006,
      0x03cc1000,
      0xfffffffe | 0,
      0x00100010,
      0x100000,
      0,
      0xf000,
      0x200000,
    ];
    const [command] = decodeCommands(memory(copy), START, { engine: 'BCS' });
    const fields = command?.dwords.flatMap((d) => d.fields) ?? [];
    const value = (name: string): number | undefined => fields.find((f) => f.name === name)?.value;
    expect(command?.name).toBe('XY_SRC_COPY_BLT');
    expect([value('Y1'), value('X1'), value('Source Pitch'), value('Source')]).toEqual([
      -1, -2, -4096, 0x200000,
    ]);
  });
});

describe('batches that commands start', () => {
  const RING = [BATCH_START, 0x2000, 0x01000000];
  const first = [BATCH_START | SECOND_LEVEL, 0x3000, 0, BATCH_START, 0x4000, 0x01000000];
  const second = [0, MI_BATCH_BUFFER_END];
  const chained = [0x02800000, MI_BATCH_BUFFER_END];
  const follow = (gma: number): PeekDword | null =>
    gma === 0x2000
      ? memory(first, gma)
      : gma === 0x3000
        ? memory(second, gma)
        : memory(chained, gma);

  test('a second level comes back, a chain does not, and the ring goes on', () => {
    expect(names(memory(RING), { level: 0, dwords: 3, follow })).toEqual([
      '0 MI_BATCH_BUFFER_START',
      '1 MI_BATCH_BUFFER_START',
      '2 MI_NOOP',
      '2 MI_BATCH_BUFFER_END',
      '1 MI_NOOP',
      '1 MI_BATCH_BUFFER_START',
      '1 MI_ARB_CHECK',
      '1 MI_BATCH_BUFFER_END',
      '0 MI_USER_INTERRUPT',
    ]);
  });

  test('control case: nothing is followed unless somebody says where to', () => {
    expect(names(memory(RING), { level: 0, dwords: 3 })).toEqual([
      '0 MI_BATCH_BUFFER_START',
      '0 MI_USER_INTERRUPT',
    ]);
  });

  test('a batch that starts itself ends at the limit', () => {
    const loop = memory([BATCH_START, START]);
    const got = names(loop, { follow: () => loop, limit: 100 });
    expect(got).toHaveLength(50);
  });
});

test('any bytes decode, within the limit, to as many dwords as they are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { maxLength: 100 }),
      fc.constantFrom('RCS', 'VCS', 'BCS', 'VECS'),
      (dwords, engine) => {
        const peek = memory(dwords);
        let count = 0;
        const o = { engine: engine as 'RCS', level: 0, limit: 500, dwords: dwords.length } as const;
        for (const command of decodeCommands(peek, START, { ...o, follow: () => peek })) {
          decodedText(command);
          count += command.dwords.length;
        }
        expect(count).toBeLessThanOrEqual(500);
      },
    ),
  );
});

test('a command that ends beyond its buffer is shown as far as it goes', () => {
  const [command] = decodeCommands(memory([0x78130005, 1]), START, { engine: 'RCS', dwords: 2 });
  expect(command?.dwords).toHaveLength(2);
  expect(commandByName('3DSTATE_SF')).toBeGreaterThan(0);
});
