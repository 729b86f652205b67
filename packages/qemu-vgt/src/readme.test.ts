import { readFileSync } from 'node:fs';
import { DESKTOP_WIRING, PORTS } from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { buildOpRegion, createIsaBridge, HostBridge, platformOf, vbtPortsOf } from './index.ts';

test('the example of the README runs as it stands there', () => {
  // README: begin
  const ids = platformOf(0x0412); // the bridges that go with a desktop GT2
  const bridge = new HostBridge({
    device: ids.hostBridge,
    revision: ids.hostRevision,
    ggc: 0,
    topOfLowMemory: 512 << 20,
  });
  const isa = createIsaBridge({ vendor: 0x8086, device: ids.pch, revision: ids.pchRevision });
  const before = bridge.read(0, 4); // 0x12378086: the 440FX that firmware knows
  const region = buildOpRegion(vbtPortsOf(PORTS, DESKTOP_WIRING));
  const name = new TextDecoder().decode(region.subarray(0, 16)); // IntelGraphicsMem
  // README: end
  expect(before).toBe(0x12378086);
  expect(isa.read(2, 2)).toBe(0x8c4e);
  expect(name).toBe('IntelGraphicsMem');

  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(block.length).toBeGreaterThan(100);
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  for (const line of block.split('\n')) expect(source).toContain(line);
});
