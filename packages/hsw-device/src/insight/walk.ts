import { commandByName, commandLength } from '../cs/decode.ts';
import { COMMAND_MAX } from '../cs/engine-contract.ts';
import type { EngineId } from '../gt/engine.regs.ts';
import { rowOfHeader } from './lookup.ts';
import type { PeekDword } from './peek.ts';

const BATCH_END = commandByName('MI_BATCH_BUFFER_END');

/**
 * Dwords of the batch at an address, its end included: up to MI_BATCH_BUFFER_END, up to the first
 * dword that is no command or that nothing maps, or up to the limit, whichever comes first.
 *
 * @param limit most dwords
 */
export function batchDwords(
  peek: PeekDword,
  start: number,
  engine: EngineId,
  limit: number,
): number {
  let at = 0;
  while (at < limit) {
    const header = peek((start + at * 4) >>> 0);
    if (header === null) return at;
    const index = rowOfHeader(header, engine);
    if (index < 0) return at;
    const length = commandLength(index, header);
    if (index === BATCH_END || length > COMMAND_MAX) return at + 1;
    at += length;
  }
  return limit;
}
