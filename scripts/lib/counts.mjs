/** @typedef {{ passed: number, failed: number }} Counts */

/**
 * The counts in a report of vitest's JSON reporter. A test file that could not be loaded has no
 * failed test, and counts as one failure.
 * @param {{
 *   numPassedTests: number,
 *   numFailedTests: number,
 *   success?: boolean,
 *   testResults: { status: string, assertionResults: { status: string }[] }[],
 * }} report
 * @returns {Counts}
 */
export function countsOf(report) {
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + broken;
  // An error outside every test (an unhandled rejection) fails the run without failing a test.
  const outside = report.success === false && failed === 0 ? 1 : 0;
  return { passed: report.numPassedTests, failed: failed + outside };
}
