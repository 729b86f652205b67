import {
  BLT_COMMANDS,
  COMMANDS,
  type CommandRow,
  engineRegs as R,
  REGISTERS,
} from '@xengt/hsw-device';
import type { Driver } from '../lib/driver.ts';

const MI_BATCH_BUFFER_START: number = 0x31 << 23;
const ADDRESSES: ReadonlyMap<string, readonly number[]> = new Map([
  ...BLT_COMMANDS.map((row) => [row.name, row.addressDwords] as const),
  ...Object.entries({
    MI_STORE_DATA_IMM: [2],
    MI_STORE_REGISTER_MEM: [2],
    MI_LOAD_REGISTER_MEM: [2],
    MI_CONDITIONAL_BATCH_BUFFER_END: [2],
    MI_BATCH_BUFFER_START: [1],
    MI_FLUSH_DW: [1],
    MI_SEMAPHORE_MBOX: [2],
    MI_REPORT_PERF_COUNT: [1],
    MI_UPDATE_GTT: [1],
    MI_SET_CONTEXT: [1],
    MI_CLFLUSH: [1],
    PIPE_CONTROL: [2],
  }),
]);
/** Commands that stop an engine until something happens: rarer than the rest. */
const STOPS: ReadonlySet<string> = new Set(['MI_WAIT_FOR_EVENT', 'MI_SEMAPHORE_MBOX']);

/** Rows that each engine accepts, in three heaps of equal weight: MI, 2D, 3D. */
const BY_ENGINE: readonly (readonly (readonly CommandRow[])[])[] = [1, 2, 4, 8].map((on) =>
  [9, 10, 16]
    .map((bits) => COMMANDS.filter((row) => row.bits === bits && (row.on & on) !== 0))
    .filter((heap) => heap.length > 0),
);

/** A made command; read it before the next one is made. */
export const made: Int32Array = new Int32Array(0x110);

/** Dwords of a command by its header. */
function lengthOf(row: CommandRow, header: number): number {
  return 'fixed' in row.length ? row.length.fixed : (header & row.length.mask) + 2;
}

/** A command that an engine accepts, its fields any. @returns its dwords, in {@link made} */
export function grammarCommand(d: Driver, engine: number): number {
  const r = d.random;
  const heap = r.pick(BY_ENGINE[engine] as readonly (readonly CommandRow[])[]);
  const row = r.pick(heap);
  if (STOPS.has(row.name) && !r.once(4)) return plain(0);
  if (row.bits === 10 && !r.once(8)) return blit(d, row as (typeof BLT_COMMANDS)[number]);
  return command(d, row);
}

function plain(header: number): number {
  made[0] = header;
  return 1;
}

function command(d: Driver, row: CommandRow): number {
  const r = d.random;
  const free = (1 << (32 - row.bits)) - 1;
  const mask = 'mask' in row.length ? row.length.mask : 0;
  const dwords = r.once(64) ? r.below(Math.min(mask + 1, 0x100)) : r.below(6);
  made[0] = row.opcode | (r.value() & free & ~mask) | (dwords & mask);
  const length = Math.min(lengthOf(row, made[0] as number), made.length);
  for (let i = 1; i < length; i++) made[i] = r.once(3) ? d.gma() : r.value();
  if (((row.flags ?? 0) & REGISTERS) !== 0) {
    for (let i = 1; i < length; i += 2) made[i] = r.once(16) ? r.u32() : d.register();
  }
  for (const i of ADDRESSES.get(row.name) ?? []) if (i < length && !r.once(16)) made[i] = d.gma();
  return length;
}

/** A 2D command whose rectangle is seldom wild. */
function blit(d: Driver, row: (typeof BLT_COMMANDS)[number]): number {
  const r = d.random;
  const wild = r.once(24);
  const small = (): number =>
    wild ? r.u32() : (r.below(96) << 16) | r.below(160) | (r.once(16) ? 0x80008000 : 0);
  const length = row.dwords + (r.once(4) ? r.below(40) : 0);
  made[0] = row.opcode | (r.u32() & 0x3fff00) | (length - 2);
  for (let i = 1; i < length; i++) made[i] = r.value();
  const pitch = wild ? r.u32() & 0xffff : (r.below(512) << 2) * (r.once(4) ? -1 : 1);
  if (row.dst < 2 || row.dst === 4) {
    made[1] = (r.u32() & 0x77ff0000) | (pitch & 0xffff) | (r.once(3) ? 0xcc0000 : 0);
  }
  made[2] = small();
  if (row.dwords > 3)
    made[3] = row.dst === 1 ? d.gma() : small() + (r.below(64) << 16) + r.below(64);
  if (row.sourceAt > 0 && row.source === 1) made[row.sourceAt + 1] = (r.below(1024) << 2) | 0;
  for (const i of row.addressDwords) made[i] = d.gma();
  return length;
}

/** A jump: into the batches, into a ring, onto itself. */
export function jump(d: Driver, second: boolean): number {
  const r = d.random;
  made[0] =
    MI_BATCH_BUFFER_START | (r.u32() & 0x3c00) | (r.once(2) ? 0x100 : 0) | (second ? 0x400000 : 0);
  made[1] = r.once(6)
    ? d.ringGma(r.below(4)) + (r.u32() & 0x3ffc)
    : r.once(8)
      ? d.gma()
      : d.batchGma + (r.below(16) << 12);
  return 2;
}

/** MI_STORE_DATA_IMM into the batches: the code changes under the streamer's feet. */
export function selfModify(d: Driver): number {
  const r = d.random;
  made[0] = (0x20 << 23) | 2 | (r.once(2) ? 0x400000 : 0);
  made[1] = 0;
  made[2] = d.batchGma + (r.below(16) << 12) + (r.u32() & 0xffc);
  made[3] = r.once(2) ? r.u32() : (COMMANDS[r.below(COMMANDS.length)] as CommandRow).opcode | 1;
  return 4;
}

/** MI_LOAD_REGISTER_IMM of the engine's own page directory. */
export function loadDirectory(d: Driver, engine: number): number {
  made[0] = (0x22 << 23) | 3;
  made[1] = d.base(engine) + R.RING_PP_DIR_DCLV;
  made[2] = -1;
  made[3] = d.base(engine) + R.RING_PP_DIR_BASE;
  made[4] = d.random.once(4) ? d.random.u32() : d.directory;
  return 5;
}
