import { expect, test } from 'vitest';
import type { Host } from './host.ts';
import { memoryReport } from './memory-report.ts';

const MIB = 2 ** 20;

function hostOf(...rams: Int32Array[]): Host {
  const domains = new Map(
    rams.map((words, domid) => [domid, { domain: { engine: { ram: { words } } } }]),
  );
  return { domains } as unknown as Host;
}

test('RAM that guests have written is counted by the page, and the rest shared among the domains', () => {
  const [one, two] = [new Int32Array((8 * MIB) / 4), new Int32Array((8 * MIB) / 4)];
  one.fill(7, 0, MIB / 4);
  // The last word of a page is as good as all of them.
  for (let page = 0; page < 512; page++) two[page * 1024 + 1023] = 1;
  const resident = process.memoryUsage.rss();
  const report = memoryReport(hostOf(one, two), resident - 43 * MIB);
  expect(report.guestRamMiB).toBe(3);
  expect(report.residentMiB).toBeGreaterThan(43);
  expect(report.besideRamMiB).toBeGreaterThanOrEqual(19);
  expect(report.besideRamMiB).toBeLessThan(25);
});

test('control case: nothing written, nothing made', () => {
  const report = memoryReport(hostOf(new Int32Array(MIB / 4)), Number.MAX_SAFE_INTEGER);
  expect([report.guestRamMiB, report.besideRamMiB]).toEqual([0, 0]);
});
