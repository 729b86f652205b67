import {
  AubRecorder,
  decodeCommands,
  type ErrorBuffer,
  errorBuffers,
  errorState,
  readAub,
} from '@xengt/hsw-device';
import { expect, test } from 'vitest';
import { unclaimedOf } from '../src/insight/unclaimed.ts';
import { gpuWork, LONG_MS, SHORT_MS, useHost } from './fixture.ts';

const lab = useHost();
/** Names that both decoders have for a command: a line of intel_error_decode's. */
const DECODED = /^0x([0-9a-f]{8}): +0x([0-9a-f]{8}): ((?:MI|XY)_[A-Z0-9_]+|PIPE_CONTROL)\b/;

function ourNames(buffer: ErrorBuffer): Map<number, string | null> {
  const { address, dwords } = buffer;
  const engine = buffer.engine.startsWith('bcs') ? 'BCS' : 'RCS';
  const commands = decodeCommands((gma) => dwords[(gma - address) >>> 2] ?? null, address, {
    engine,
    level: 0,
    dwords: dwords.length,
  });
  return new Map([...commands].map((c) => [c.dwords[0]?.address ?? -1, c.name]));
}

test('what the driver and its work touch is in the tables, in hardware and in each VM', async () => {
  const { host, domains } = lab.current;
  for (const domain of domains) {
    await gpuWork(domain, 'bcs', 50, 1);
    await gpuWork(domain, 'rcs', 50, 2);
    await domain.console.check(
      'mkdir -p /sys/kernel/debug; mount -t debugfs none /sys/kernel/debug 2>/dev/null; ' +
        'for f in /sys/kernel/debug/dri/0/*; do [ -f $f ] && timeout 5 cat $f >/dev/null 2>&1; done; true',
      LONG_MS,
    );
  }
  expect(unclaimedOf(host)).toEqual([]);
});

test("Debian's intel_error_decode reads the GPU's error state and finds the same commands", async () => {
  const { host, domains } = lab.current;
  const [domain] = domains;
  if (domain === undefined) throw new Error('no domain');
  const text = errorState(host.device);
  await domain.console.upload('/tmp/error', new TextEncoder().encode(text), LONG_MS);
  await domain.console.check('intel_error_decode /tmp/error >/tmp/decoded </dev/null', LONG_MS);
  const said = async (command: string): Promise<string> => domain.console.check(command, SHORT_MS);
  expect(await said('grep -c "^Detected GEN7 chipset" /tmp/decoded')).toBe('1');
  expect(await said('grep -cE "^ring \\((rcs0|bcs0)\\) at" /tmp/decoded')).toBe('2');
  expect(await said('grep -cE "^batch \\((rcs0|bcs0)\\) at" /tmp/decoded')).toMatch(/^[12]$/);
  for (const ring of errorBuffers(text).filter((b) => b.name === 'ring')) {
    if (!/^[rb]cs0$/.test(ring.engine)) continue;
    const part = await said(
      `sed -n '/^ring (${ring.engine})/,/^[A-Za-z]/p' /tmp/decoded | grep -E ': (MI_|XY_|PIPE_)' | grep -v MI_NOOP | head -60`,
    );
    const ours = ourNames(ring);
    const theirs = part.split('\n').flatMap((line) => {
      const m = DECODED.exec(line.trim());
      return m === null ? [] : [{ at: Number.parseInt(m[1] as string, 16), name: m[3] as string }];
    });
    expect(theirs.length, ring.engine).toBeGreaterThan(10);
    expect(theirs.map(({ at }) => ours.get(at))).toEqual(theirs.map(({ name }) => name));
  }
});

test('an AUB file of a run holds what the guest gave the blitter', async () => {
  const { host, domains } = lab.current;
  const [domain] = domains;
  if (domain === undefined) throw new Error('no domain');
  const recorder = new AubRecorder(host.device);
  await gpuWork(domain, 'bcs', 20, 3);
  const aub = readAub(recorder.stop());
  expect(aub?.deviceId).toBe(0x0412);
  const names = new Set<string | null>();
  for (const s of aub?.submissions ?? []) {
    if (s.engine !== 'BCS') continue;
    const peek = (gma: number): number | null => s.dwords[(gma - s.address) >>> 2] ?? null;
    const o = {
      engine: s.engine,
      level: 0,
      dwords: s.dwords.length,
      follow: () => s.memory,
    } as const;
    for (const c of decodeCommands(peek, s.address, o)) names.add(c.name);
  }
  expect(names).toContain('MI_BATCH_BUFFER_START');
  expect([...names].some((name) => name?.startsWith('XY_'))).toBe(true);
  expect(names).not.toContain(null);
});
