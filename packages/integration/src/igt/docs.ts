import type { IgtTest } from './names.ts';
import { type IgtResult, isFailure } from './result.ts';
import type { Results } from './results-file.ts';
import { COLUMNS, countRows, type Summary, summarize, type Told } from './summary.ts';

const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
/** IGT's words on a test are cut after this many characters. */
const REASON_CHARS = 160;

/**
 * The page `docs/igt.md`, from the results of a run on each path to the GPU.
 *
 * @param wanted the list that was to run: what of it has no result is counted as not run
 */
export function igtPage(runs: readonly Results[], wanted: readonly IgtTest[]): string {
  const out = [
    '# IGT',
    '',
    "Results of IGT's own tests, as Debian packages them, in a guest with Debian's kernel and its i915.",
    'Written by `xengt igt --write-docs`; not to be edited by hand.',
    '',
    '- `xengt igt` runs the families core, drm, gem, gen7, i915, kms, prime, sysfs and perf of the full',
    '  list, and all of fast-feedback; `--list fast-feedback`, `--list all` or `--list FILE` another list.',
    "- `--on direct` gives Domain-0 the GPU itself, `--on mediated` the mediator's vGPU.",
    '- A test that passes while the kernel complains counts as `warn`; `absent` tests are in the list but',
    '  not in the packages, `not run` those that no run has come to yet.',
    '- Subtests of a program share a process; one that neither passes nor skips there runs again alone. A',
    '  run is in pieces (`--list FILE --resume`), with 60 to 120 s of the guest for a test.',
    "- Guests' clocks leap over waits. `--speed N` lets them go N times slower than the host's while a guest",
    '  works: a test that then passes has failed for the slow emulated processor only.',
    '',
  ];
  for (const { header, results, unclaimed } of runs) {
    const summary = summarize(results.values(), header.on, wanted);
    out.push(
      `## ${header.on === 'direct' ? 'The GPU given directly' : 'Mediated'}`,
      '',
      `${header.begun.slice(0, 10)}, ${header.tests}, kernel ${header.kernel}.`,
      '',
      ...table(['family', ...COLUMNS], countRows(summary)),
      '',
      unclaimed.length === 0
        ? 'Every register that the driver touched is a row of the register tables.'
        : `Registers touched that are no rows: ${unclaimed.map((u) => `${u.source} 0x${u.offset.toString(16)}`).join(', ')}.`,
      '',
      ...failures(summary),
      ...slowed(results.values()),
      ...skips(summary),
    );
  }
  return `${out.join('\n').trimEnd()}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- ').join('|')}|`, ...rows.map(line)];
}

function failures(summary: Summary): string[] {
  const failed = summary.rest.filter((t) => isFailure(t.result.outcome));
  if (failed.length === 0) return [];
  const rows = failed.map((t) => [
    `\`${t.result.name}\``,
    t.result.outcome,
    t.because ?? `**unexplained**: ${t.result.reason.slice(0, REASON_CHARS)}`,
  ]);
  return ['### Not passed', '', ...table(['test', 'outcome', 'why'], rows), ''];
}

/** Tests that passed with a slower clock. */
function slowed(results: Iterable<IgtResult>): string[] {
  const rows = [...results].flatMap((r) =>
    r.outcome === 'pass' && r.speed !== undefined ? [[`\`${r.name}\``, String(r.speed)]] : [],
  );
  if (rows.length === 0) return [];
  return ['### Passed with a slower clock', '', ...table(['test', '--speed'], rows), ''];
}

/** Skipped and absent tests by reason: thousands share a few. */
function skips(summary: Summary): string[] {
  const groups = new Map<string, Told[]>();
  for (const told of summary.rest) {
    if (isFailure(told.result.outcome)) continue;
    const why =
      told.because ?? `IGT: ${told.result.reason.slice(0, REASON_CHARS) || 'no reason given'}`;
    const group = groups.get(why);
    if (group === undefined) groups.set(why, [told]);
    else group.push(told);
  }
  if (groups.size === 0) return [];
  const rows = [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([why, tests]) => [String(tests.length), why, `\`${(tests[0] as Told).result.name}\``]);
  return ['### Skipped', '', ...table(['tests', 'why', 'one of them'], rows), ''];
}
