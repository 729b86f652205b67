import type { Host } from './host.ts';

const MIB = 2 ** 20;
const PAGE_WORDS = 1024;

/** What the host process takes of the machine's memory, MiB. */
export interface MemoryReport {
  readonly residentMiB: number;
  /** RAM that guests have written, all together. */
  readonly guestRamMiB: number;
  /** What each domain adds beside its RAM: its processor's code, its vGPU, its console. */
  readonly besideRamMiB: number;
}

/**
 * Measures it. Looks through all guests' RAM: a fraction of a second for each.
 *
 * @param before bytes resident before the first domain was made
 */
export function memoryReport(host: Host, before: number): MemoryReport {
  const resident = process.memoryUsage.rss();
  let pages = 0;
  for (const { domain } of host.domains.values()) pages += writtenPages(domain.engine.ram.words);
  const guestRam = pages * PAGE_WORDS * 4;
  const beside = Math.max(resident - before - guestRam, 0) / Math.max(host.domains.size, 1);
  const mib = (bytes: number): number => Math.round((bytes / MIB) * 10) / 10;
  return {
    residentMiB: mib(resident),
    guestRamMiB: mib(guestRam),
    besideRamMiB: mib(beside),
  };
}

/** Pages with anything in them. */
function writtenPages(words: Int32Array): number {
  let pages = 0;
  for (let first = 0; first < words.length; first += PAGE_WORDS) {
    const end = first + PAGE_WORDS;
    let i = first;
    while (i < end && words[i] === 0) i++;
    if (i < end) pages++;
  }
  return pages;
}
