import type { GpuPath } from './igt-guest.ts';
import { familyOf, parseTestName } from './names.ts';
import { type IgtResult, isFailure } from './result.ts';
import { type Summary, summarize } from './summary.ts';

/** Results in the form that CI systems read: a suite a family, a case a test. @see Jenkins xUnit schema */
export function junitXml(results: readonly IgtResult[], on: GpuPath): string {
  const summary = summarize(results, on);
  const because = new Map(summary.rest.map((t) => [t.result.name, t.because]));
  const suites = [...summary.families.keys()].map((family) =>
    suite(
      family,
      on,
      results.filter((r) => familyName(r) === family),
      because,
    ),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="igt on ${on}" ${totals(results, summary)}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function totals(results: readonly IgtResult[], summary: Summary): string {
  const { outcomes, total } = summary.all;
  const failures = results.filter((r) => isFailure(r.outcome) && !isError(r)).length;
  const errors = results.filter(isError).length;
  const seconds = results.reduce((sum, r) => sum + r.seconds, 0);
  return `tests="${total}" failures="${failures}" errors="${errors}" skipped="${outcomes.skip + outcomes.absent}" time="${seconds.toFixed(3)}"`;
}

/** A crash or time-out is an error of the run; a failed assertion is a failure. */
function isError(r: IgtResult): boolean {
  return r.outcome === 'crash' || r.outcome === 'timeout';
}

function suite(
  family: string,
  on: GpuPath,
  results: readonly IgtResult[],
  because: ReadonlyMap<string, string | null>,
): string {
  const cases = results.map((r) => testCase(r, because.get(r.name) ?? null));
  return [
    `  <testsuite name="igt.${on}.${family}" ${totals(results, summarize(results, on))}>`,
    ...cases,
    '  </testsuite>',
  ].join('\n');
}

function testCase(r: IgtResult, because: string | null): string {
  const test = parseTestName(r.name);
  const name = [test?.subtest, test?.dynamic].filter((t) => t).join('@') || (test?.program ?? '');
  const open = `    <testcase classname="${xml(test?.program ?? '?')}" name="${xml(name)}" time="${r.seconds.toFixed(3)}"`;
  if (r.outcome === 'pass') return `${open}/>`;
  const message = [`${r.outcome}: ${r.reason}`, because ?? ''].filter((t) => t !== '').join(' - ');
  const tag = !isFailure(r.outcome) ? 'skipped' : isError(r) ? 'error' : 'failure';
  const body = [...r.log, r.output].filter((t) => t !== '').join('\n');
  return [
    `${open}>`,
    `      <${tag} message="${xml(message)}"/>`,
    ...(body === '' ? [] : [`      <system-out>${xml(body)}</system-out>`]),
    '    </testcase>',
  ].join('\n');
}

function familyName(r: IgtResult): string {
  const test = parseTestName(r.name);
  return test === null ? '?' : familyOf(test);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Text as XML has it: characters that XML cannot hold at all become question marks. */
function xml(text: string): string {
  return (
    text
      .replace(/[&<>"]/g, (c) => ENTITIES[c] as string)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no other control characters
      .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu, '?')
  );
}
