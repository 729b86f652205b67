// npm run bench -- [--suite NAME]... [--quick] [--json] [--strict] [--write-docs]
// Measures every budget of the architecture in one process and prints each beside its limit.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Row } from './lib/measure.ts';
import { line, markdown, thisMachine } from './lib/report.ts';
import { isSchedulingRow, schedulingPage } from './lib/scheduling-docs.ts';
import { aggregateSuite } from './suites/aggregate.ts';
import { blitSuite } from './suites/blit.ts';
import { commandsSuite } from './suites/commands.ts';
import { guestSuite } from './suites/guest.ts';
import { mediatedSuite } from './suites/mediated.ts';
import { passthroughSuite } from './suites/passthrough.ts';
import { registersSuite } from './suites/registers.ts';
import { scalabilitySuite } from './suites/scalability.ts';
import { scanoutSuite } from './suites/scanout.ts';
import { schedulingSuite } from './suites/scheduling.ts';
import type { Suite } from './suites/suite.ts';
import { translateSuite } from './suites/translate.ts';
import { trapSuite } from './suites/trap.ts';

const SUITES: ReadonlyMap<string, Suite> = new Map([
  ['trap', trapSuite],
  ['registers', registersSuite],
  ['translate', translateSuite],
  ['blit', blitSuite],
  ['commands', commandsSuite],
  ['scanout', scanoutSuite],
  ['mediated', mediatedSuite],
  ['passthrough', passthroughSuite],
  ['aggregate', aggregateSuite],
  ['scheduling', schedulingSuite],
  ['scalability', scalabilitySuite],
  ['guest', guestSuite],
]);
const DOCS = join(import.meta.dirname, '..', '..', '..', 'docs');
const PERFORMANCE = join(DOCS, 'performance.md');
const SCHEDULING = join(DOCS, 'scheduling.md');
const USAGE = `npm run bench -- [options]
  --suite NAME   only this suite; may be given again (${[...SUITES.keys()].join(', ')})
  --quick        fewer rounds
  --json         one JSON document on standard output
  --strict       exit with 1 when a budget is missed by more than its spread
  --write-docs   write docs/performance.md and docs/scheduling.md: the suites of this run, the others
                 as they are there
`;

function options(args: readonly string[]) {
  return parseArgs({
    args: args.filter((arg) => arg !== '--'),
    options: {
      suite: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

async function main(): Promise<number> {
  let flags: ReturnType<typeof options>;
  try {
    flags = options(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const names = flags.suite ?? [...SUITES.keys()];
  const unknown = names.find((name) => !SUITES.has(name));
  if (unknown !== undefined) {
    process.stderr.write(`no suite "${unknown}"\n${USAGE}`);
    return 2;
  }
  const rows: Row[] = [];
  for (const name of names) {
    if (!flags.json) process.stdout.write(`${name}\n`);
    const progress = (text: string): void => {
      if (process.stderr.isTTY) process.stderr.write(`\x1b[2K  ${text}\r`);
    };
    const found = await (SUITES.get(name) as Suite)({ quick: flags.quick, progress });
    if (process.stderr.isTTY) process.stderr.write('\x1b[2K');
    rows.push(...found);
    if (!flags.json) process.stdout.write(`${found.map(line).join('\n')}\n`);
  }
  const machine = thisMachine();
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ version: 1, machine, rows }, null, 2)}\n`);
  if (flags['write-docs']) {
    const [shares, others] = [
      rows.filter(isSchedulingRow),
      rows.filter((r) => !isSchedulingRow(r)),
    ];
    if (others.length > 0) {
      const old = await readFile(PERFORMANCE, 'utf8').catch(() => '');
      await writeFile(PERFORMANCE, markdown(others, machine, old));
    }
    if (shares.length > 0) {
      const old = await readFile(SCHEDULING, 'utf8');
      await writeFile(SCHEDULING, schedulingPage(old, shares, machine));
    }
  }
  const missed = rows.filter((row) => row.verdict === 'missed');
  if (!flags.json && missed.length > 0) {
    process.stdout.write(`${missed.length} of ${rows.length} figures miss their budget\n`);
  }
  return flags.strict && missed.length > 0 ? 1 : 0;
}

process.exit(await main());
