import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { countsOf } from './counts.mjs';
import { branchTable } from './coverage.mjs';

describe('counts of a run', () => {
  const file = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map((each) => ({ status: each })),
  });

  test('tests are counted as vitest counts them', () => {
    const testResults = [file('passed', 'passed', 'passed'), file('failed', 'passed', 'failed')];
    expect(countsOf({ numPassedTests: 3, numFailedTests: 1, testResults })).toEqual({
      passed: 3,
      failed: 1,
    });
  });

  test('a file that could not be loaded is one failure', () => {
    const testResults = [file('passed', 'passed'), file('failed')];
    expect(countsOf({ numPassedTests: 1, numFailedTests: 0, testResults }).failed).toBe(1);
  });

  test('a run that failed outside its tests is one failure', () => {
    const report = {
      numPassedTests: 1,
      numFailedTests: 0,
      testResults: [file('passed', 'passed')],
    };
    expect(countsOf({ ...report, success: true }).failed).toBe(0);
    expect(countsOf({ ...report, success: false }).failed).toBe(1);
  });
});

describe('children', () => {
  const CHILD = new URL('./child.mjs', import.meta.url).href;
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  /** Starts a script that runs `inner` as its child, and waits for the child's pid on stdout. */
  async function start(inner: string) {
    const body = `import { run, runMain } from ${JSON.stringify(CHILD)};
      await runMain(async () => (await run(process.execPath, ['-e', ${JSON.stringify(inner)}])).code);`;
    const script = spawn(process.execPath, ['--input-type=module', '-e', body]);
    const [first] = await once(script.stdout, 'data');
    return { script, childPid: Number(String(first).trim()) };
  }

  test('a signal ends the child, and gives the exit code of that signal', async () => {
    const { script, childPid } = await start(
      'console.log(process.pid); setInterval(() => {}, 1e3)',
    );
    expect(isAlive(childPid)).toBe(true);
    script.kill('SIGTERM');
    const [code] = await once(script, 'exit');
    expect(code).toBe(143);
    expect(isAlive(childPid)).toBe(false);
  });

  test('a child that stops in its own way is waited for', async () => {
    const { script, childPid } = await start(
      'process.on("SIGINT", () => setTimeout(() => process.exit(0), 300)); console.log(process.pid); setInterval(() => {}, 1e3)',
    );
    const began = performance.now();
    script.kill('SIGINT');
    const [code] = await once(script, 'exit');
    expect(code).toBe(130);
    expect(performance.now() - began).toBeGreaterThan(250);
    expect(isAlive(childPid)).toBe(false);
  });

  test("a child's exit code is passed on", async () => {
    const { script } = await start('console.log(process.pid); process.exitCode = 3');
    const [code] = await once(script, 'exit');
    expect(code).toBe(3);
  });
});

test('branches are summed by directory; helpers of tests and the total do not count', () => {
  const branches = (covered: number, total: number) => ({ branches: { covered, total } });
  const summary = {
    total: branches(99, 99),
    '/clone/packages/a/src/one.ts': branches(3, 4),
    '/clone/packages/a/src/two.ts': branches(5, 6),
    '/clone/packages/a/src/x/three.ts': branches(1, 10),
    '/clone/packages/a/src/testing/help.ts': branches(0, 50),
    '/clone/packages/a/src/x/testing.ts': branches(0, 50),
    '/clone/packages/b/src/none.ts': branches(0, 0),
  };
  const goal = { directory: 'packages/a/src', percent: 45 };
  expect(branchTable(summary, '/clone', goal)).toEqual([
    'branches that the tests reach',
    '  80.0 %         8/10  packages/a/src',
    '  10.0 %         1/10  packages/a/src/x',
    ' 100.0 %          0/0  packages/b/src',
    '  45.0 %         9/20  packages/a/src, goal 45 %: reached',
  ]);
  const missed = branchTable(summary, '/clone', { ...goal, percent: 46 });
  expect(missed.at(-1)).toMatch('goal 46 %: missed');
});
