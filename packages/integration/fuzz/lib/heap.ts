import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

export interface Held {
  /** Bytes of objects. */
  readonly heap: number;
  /** Bytes of buffers. */
  readonly buffers: number;
}

/** What is still held after a collection. */
export function held(): Held {
  gc();
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}
