import { expect, test } from 'vitest';
import type { DomainInfo } from '../lab/host-view.ts';
import { infoText, listText, stateLetters, topText, vcpuText } from './listing.ts';

const domain = (id: number, more: Partial<DomainInfo> = {}): DomainInfo => ({
  id,
  name: `guest${id}`,
  state: 'running',
  reason: '',
  memory: 512,
  seconds: 10,
  blocked: false,
  kernel: null,
  driver: null,
  vgpu: { lowGm: 64, highGm: 448, fences: 4, seconds: 4, busy: { RCS: 3, BCS: 1 } },
  ...more,
});

test('states are letters in their places', () => {
  const letters = (state: string, blocked = false): string =>
    stateLetters(domain(1, { state, blocked }));
  expect(letters('running')).toBe('r-----');
  expect(letters('running', true)).toBe('-b----');
  expect(letters('paused', true)).toBe('--p---');
  expect([letters('shutdown'), letters('rebooted')]).toEqual(['---s--', '---s--']);
  expect(letters('crashed')).toBe('----c-');
});

test("lists have xl's columns; a name cannot steer a terminal", () => {
  expect(
    listText([domain(1), domain(12, { name: 'x\x1b[2J', blocked: true, seconds: 1234.56 })]),
  ).toBe(
    'Name                                        ID   Mem VCPUs      State  Time(s)\n' +
      'guest1                                       1   512     1     r-----     10.0\n' +
      'x.[2J                                       12   512     1     -b----   1234.6\n',
  );
  expect(vcpuText([domain(1), domain(2, { state: 'paused' })])).toBe(
    'Name                                ID  VCPU  CPU State   Time(s)  Affinity (Hard / Soft)\n' +
      'guest1                               1     0    0   r--      10.0  all / all\n' +
      'guest2                               2     0    -   --p      10.0  all / all\n',
  );
  expect(infoText({ host: 'here', nr_cpus: 2 })).toBe(
    'host                   : here\nnr_cpus                : 2\n',
  );
});

test('top has what was taken since the sample before, of those that were there then', () => {
  const then = { at: 1000, domains: [domain(1)] };
  const vgpu = domain(1).vgpu as NonNullable<DomainInfo['vgpu']>;
  // The busiest engine of a moment need not be the busiest of a life.
  const busy = { ...vgpu, seconds: 3.2, busy: { RCS: 3.2, BCS: 1.5 } };
  const now = {
    at: 3000,
    domains: [domain(1, { seconds: 11, vgpu: busy }), domain(2, { vgpu: null })],
  };
  expect(topText(now, null).split('\n')[2]).toBe(
    '        guest1 r-----      11.0      -    524288     1     1      3.2      -      -      -',
  );
  expect(topText(now, then).split('\n')).toEqual([
    '2 domains: 2 running, 0 blocked, 0 paused, 0 crashed, 0 shut down',
    '          NAME  STATE   CPU(s) CPU(%)    MEM(k) VCPUS   ID   GPU(s) GPU(%) RCS(%) BCS(%)',
    '        guest1 r-----      11.0   50.0    524288     1     1      3.2   25.0   10.0   25.0',
    '        guest2 r-----      10.0      -    524288     1     2        -      -      -      -',
    '',
  ]);
  for (const line of topText(now, then, 40).split('\n'))
    expect(line.length).toBeLessThanOrEqual(40);
});
