import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/**
 * Bytes put on the heap by each of `count` operations. The young generation holds them until a
 * collection, so what was made is seen even when it is garbage at once.
 */
export function bytesEach(count: number, work: () => void): number {
  gc();
  const before = process.memoryUsage().heapUsed;
  work();
  return (process.memoryUsage().heapUsed - before) / count;
}

/** The same for work that takes turns of the event loop. */
export async function bytesEachLater(count: number, work: () => Promise<unknown>): Promise<number> {
  gc();
  const before = process.memoryUsage().heapUsed;
  await work();
  return (process.memoryUsage().heapUsed - before) / count;
}
