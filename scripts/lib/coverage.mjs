import { dirname, relative } from 'node:path';

/** @typedef {{ total: number, covered: number }} Count */

/** @param {Count} count */
function percent({ total, covered }) {
  return total === 0 ? 100 : (covered / total) * 100;
}

/** @param {Count} count @param {string} what */
function line(count, what) {
  const part = `${count.covered}/${count.total}`;
  return `${percent(count).toFixed(1).padStart(6)} %  ${part.padStart(11)}  ${what}`;
}

/**
 * Branches that tests reached, by directory, and of the directory that has a goal. Test helpers do
 * not count.
 * @param {Record<string, { branches: Count }>} summary as the json-summary reporter writes it
 * @param {string} root
 * @param {{ directory: string, percent: number }} goal
 * @returns {string[]}
 */
export function branchTable(summary, root, goal) {
  /** @type {Map<string, Count>} */
  const directories = new Map();
  const whole = { total: 0, covered: 0 };
  for (const [path, { branches }] of Object.entries(summary)) {
    const file = relative(root, path);
    if (path === 'total' || /(^|\/)testing(\/|\.ts$)|\.bench\.ts$/.test(file)) continue;
    const directory = dirname(file);
    const count = directories.get(directory) ?? { total: 0, covered: 0 };
    directories.set(directory, count);
    const counts = file.startsWith(`${goal.directory}/`) ? [count, whole] : [count];
    for (const c of counts) {
      c.total += branches.total;
      c.covered += branches.covered;
    }
  }
  const sorted = [...directories].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    'branches that the tests reach',
    ...sorted.map(([directory, count]) => line(count, directory)),
    `${line(whole, goal.directory)}, goal ${goal.percent} %: ${percent(whole) >= goal.percent ? 'reached' : 'missed'}`,
  ];
}
