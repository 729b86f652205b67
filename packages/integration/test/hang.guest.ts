import { afterEach, describe, expect, test } from 'vitest';
import type { GpuWorkEngine } from '../src/guest/gpuwork.ts';
import { DEFAULT_MONITORS } from '../src/host/host.ts';
import type { HostDomain } from '../src/host/host-domain.ts';
import { complaints, drawPattern, gpuWork, LONG_MS, useHost } from './fixture.ts';

/** Debian's driver on the bare device. */
const lab = useHost({ mode: 'direct', monitors: [DEFAULT_MONITORS] });
const ENGINES: readonly GpuWorkEngine[] = ['rcs', 'bcs', 'vcs', 'vecs'];
const ERROR = '/sys/class/drm/card0/error';
/** The command of gpuhang that no engine has, and its jump to its own start. */
const UNKNOWN = '1d800000';
const JUMP = /18800100/;
const MARK = /feedc0de/;

function guest(): HostDomain {
  return lab.current.domains[0] as HostDomain;
}

function sh(command: string): Promise<string> {
  return guest().console.check(command, LONG_MS);
}

/** What a hang and its recovery say in the kernel log. i915_gpu_error.c, intel_reset.c. */
const EXPECTED = [
  /GPU HANG: ecode 7:[0-9a-f]+:[0-9a-f]{8}/,
  /Resetting (rcs0|bcs0|vcs0|vecs0|chip) for (stopped heartbeat on \w+|Manually (reset|set) \w+)/,
];

/** The kernel log without what a hang is expected to say. */
async function unexpected(): Promise<string[]> {
  const lines = await complaints(guest());
  return lines.filter((line) => !EXPECTED.some((pattern) => pattern.test(line)));
}

/** A line of gpuhang as numbers and words by their names. */
function hangReport(output: string): Record<string, string> {
  const line = output.split('\n').find((l) => l.startsWith('gpuhang: engine=')) ?? '';
  return Object.fromEntries(line.split(' ').flatMap((w) => (/=/.test(w) ? [w.split('=')] : [])));
}

/** Heartbeats of all engines, milliseconds. Three without an answer and the engine is reset. */
async function heartbeats(ms: number): Promise<void> {
  const files = '/sys/class/drm/card0/engine/*/heartbeat_interval_ms';
  await sh(`for f in ${files}; do echo ${ms} > $f; done`);
}

afterEach(async () => {
  await sh(`echo > ${ERROR}`);
});

describe('a batch that never ends', () => {
  test("the heartbeat finds it; other engines' work goes on meanwhile and is right", async () => {
    const before = lab.current.host.device.gt.resets;
    const output = await sh(
      'gpuhang -e bcs > /tmp/h & h=$!; : > /tmp/w; ' +
        'while kill -0 $h 2>/dev/null; do gpuwork -e rcs -n 300 -s 7 >> /tmp/w; done; ' +
        'cat /tmp/h /tmp/w',
    );
    expect(hangReport(output)).toMatchObject({ engine: 'bcs', ran: '1', active: '1', again: 'ok' });
    const works = output.split('\n').filter((line) => line.startsWith('gpuwork:'));
    expect(works.length).toBeGreaterThan(1);
    for (const line of works) expect(line).toMatch(/engine=rcs batches=300 ok errors=0/);
    expect(lab.current.host.device.gt.resets).toBeGreaterThan(before);
    expect(await gpuWork(guest(), 'bcs', 200, 3)).toMatchObject({ ok: true, errors: 0 });
    expect(await unexpected()).toEqual([]);
  });

  test("Debian's intel_error_decode names the engine and shows the batch", async () => {
    await heartbeats(1000);
    await sh('gpuhang -e rcs -k bad; intel_error_decode > /tmp/decoded');
    const seen = await sh(
      'head -1 /tmp/decoded; grep -e "command stream:" -e IPEHR -e ACTHD -e "batch:" ' +
        '-e "hung:" -e "Active context" -e "INSTDONE" /tmp/decoded; ' +
        `grep -i -m 4 -e feedc0de -e ${UNKNOWN}: /tmp/decoded`,
    );
    expect(seen).toMatch(/^GPU HANG: ecode 7:1:[0-9a-f]{8}, in gpuhang/);
    expect(seen.match(/\w+ command stream:/g)).toEqual(['rcs0 command stream:']);
    expect(seen).toMatch(new RegExp(`IPEHR: 0x${UNKNOWN}`));
    expect(seen).toMatch(/hung: 1/);
    expect(seen).toMatch(/Active context: gpuhang/);
    expect(seen).toMatch(MARK);
    const at = Number.parseInt(/ACTHD: 0x[0-9a-f]+ ([0-9a-f]+)/.exec(seen)?.[1] ?? '', 16);
    const [, first = '', end = ''] =
      /batch: \[0x[0-9a-f]+_([0-9a-f]+), 0x[0-9a-f]+_([0-9a-f]+)\]/.exec(seen) ?? [];
    expect(at).toBeGreaterThanOrEqual(Number.parseInt(first, 16));
    expect(at).toBeLessThan(Number.parseInt(end, 16));

    await sh(`echo > ${ERROR}; gpuhang -e bcs; intel_error_decode > /tmp/decoded`);
    const loop = await sh(
      'grep "command stream:" /tmp/decoded; grep -i -m 4 -e feedc0de -e 18800100 /tmp/decoded',
    );
    expect(loop).toMatch(/^bcs0 command stream:/);
    expect([MARK.test(loop), JUMP.test(loop)]).toEqual([true, true]);
    expect(await unexpected()).toEqual([]);
  });

  test.each(ENGINES)('%s: the third hang bans its context, and no other', async (engine) => {
    await heartbeats(1000);
    const output = await sh(`gpuhang -e ${engine} -n 3; true`);
    const reports = output.split('\n').map((line) => hangReport(line));
    expect(reports.map((r) => [r['ran'], r['active'], r['again']])).toEqual([
      ['1', '1', 'ok'],
      ['1', '2', 'ok'],
      ['1', '3', 'EIO'],
    ]);
    const bad = hangReport(await sh(`gpuhang -e ${engine} -k bad`));
    expect(bad).toMatchObject({ kind: 'bad', ran: '1', active: '1', again: 'ok' });
    await heartbeats(2500);
    for (const e of ENGINES) {
      expect(await gpuWork(guest(), e, 60, 5)).toMatchObject({ engine: e, ok: true, errors: 0 });
    }
    expect(await unexpected()).toEqual([]);
  });
});

describe('resets that somebody asks for', () => {
  const WEDGED = '/sys/kernel/debug/dri/0/i915_wedged';

  test.each(ENGINES)('%s alone, which hangs: the others do not notice', async (engine) => {
    const { gt } = lab.current.host.device;
    const before = gt.resets;
    const others = ENGINES.filter((e) => e !== engine);
    // i915 `enum intel_engine_id`: there may be nine blitters and eight video engines.
    const mask = { rcs: 0x1, bcs: 0x2, vcs: 0x400, vecs: 0x40000 }[engine];
    await heartbeats(60_000);
    const output = await sh(
      `gpuhang -e ${engine} & sleep 0.5; ` +
        `for e in ${others.join(' ')}; do gpuwork -e $e -n 400 -s 9 & done; ` +
        `sleep 0.2; echo ${mask} > ${WEDGED}; wait`,
    );
    await heartbeats(2500);
    expect(hangReport(output)).toMatchObject({ engine, ran: '1', active: '1', again: 'ok' });
    const done = output.split('\n').filter((line) => line.startsWith('gpuwork: engine='));
    expect(done).toHaveLength(others.length);
    for (const line of done) expect(line).toMatch(/batches=400 ok errors=0/);
    expect(gt.resets).toBeGreaterThan(before);
    expect(await gpuWork(guest(), engine, 100, 6)).toMatchObject({ ok: true, errors: 0 });
    expect(await unexpected()).toEqual([]);
  });

  test('all of them hang at once; the console can be drawn on afterwards, pixel for pixel', async () => {
    await heartbeats(60_000);
    const output = await sh(
      `for e in ${ENGINES.join(' ')}; do gpuhang -e $e & done; sleep 1; ` +
        `echo 0xffffffff > ${WEDGED}; wait`,
    );
    await heartbeats(2500);
    expect(output.match(/ran=1 seconds=\S+ active=1 pending=0 resets=\d+ again=ok/g)).toHaveLength(
      4,
    );
    for (const e of ENGINES) {
      expect(await gpuWork(guest(), e, 60, 8)).toMatchObject({ ok: true, errors: 0 });
    }
    const drawn = await drawPattern(lab.current, guest(), 'E', 31);
    expect(drawn.difference).toEqual({ pixels: 0, first: null });
    expect(await unexpected()).toEqual([]);
  });
});
