import { DeviceTrace } from '@xengt/hsw-device';
import { describe, expect, test } from 'vitest';
import { LONG_MS, useHost } from './fixture.ts';

/** Where guest/barwidths.c writes registers: the palette of pipe A from its 64th entry on. */
const SPOT = 0x4a100;
/** Bytes of graphics memory that it uses, from 16 MiB on; Domain-0's own in either mode. */
const SPAN = 64;

/**
 * Offsets of the dwords that a write at a multiple of 16 reaches, and a read where that differs:
 * v86 makes two byte reads of a 16-bit one.
 */
const ALIGNED: readonly (readonly [string, readonly number[], (readonly number[])?])[] = [
  ['mov8', [0]],
  ['mov16', [0], [0, 0]],
  ['mov32', [0]],
  ['movq-mmx', [0, 4]],
  ['movq-sse', [0, 4]],
  ['fild64', [0, 4]],
  ['movups', [0, 4, 8, 12]],
  ['movdqu', [0, 4, 8, 12]],
  ['movdqa', [0, 4, 8, 12]],
  ['movntdq', [0, 4, 8, 12]],
  ['rep-movsd', [0, 4, 8, 12, 16]],
];

describe.each(['direct', 'mediated'] as const)('GPU %s', (mode) => {
  const lab = useHost({ mode, monitors: [{}], driver: false });

  test.each([
    ['through sysfs', ''],
    ['through /dev/mem', '-m'],
  ])(
    '[R3] instructions of 1 to 16 bytes, aligned and not, move the right bytes %s',
    async (_how, flag) => {
      const [domain] = lab.current.domains;
      const said = (await domain?.console.sh(`barwidths ${flag}`, LONG_MS))?.output ?? '';
      const lines = said.split('\n').filter((line) => line.startsWith('bar'));
      // 12 instructions at 9 places and 2 that want alignment at one, on two BARs.
      expect(lines.filter((line) => /WRONG/.test(line))).toEqual([]);
      expect(lines.at(-1)).toBe('barwidths: 220 cases 0 failed');
    },
  );

  test('each aligned access is seen as its parts, once and in ascending order', async () => {
    const { host, domains } = lab.current;
    const [domain] = domains;
    if (domain === undefined) throw new Error('no domain');
    const seen: Record<string, number[][]> = {};
    for (const [name] of ALIGNED) {
      const trace = new DeviceTrace(host.device, {
        filter: { kinds: ['read', 'write'], registers: [[SPOT, SPOT + SPAN - 1]] },
      });
      await domain.console.check(`barwidths -o ${name}`, LONG_MS);
      trace.stop();
      const events = [...trace.reader.read()];
      const of = (kind: string): number[] =>
        events.flatMap((e) => (e.kind === kind && 'offset' in e ? [e.offset - SPOT] : []));
      seen[name] = [of('write'), of('read')];
    }
    for (const [name, written, read = written] of ALIGNED)
      expect([name, ...(seen[name] ?? [])]).toEqual([name, written, read]);
  });
});
