import { engineRegs as R } from '@xengt/hsw-device';
import { BATCH_FRAME, BATCH_PAGES, type Driver, ENGINES } from '../lib/driver.ts';
import { grammarCommand, jump, loadDirectory, made, selfModify } from './commands.ts';

/** Work of one slice, bytes, and slices after each submission. */
const SLICE_BYTES = 0x20000;
const SLICES = 6;
const BATCH_END: number = 0x0a << 23;
const PAGE_DWORDS = 1024;

/** Runs what was submitted, and what it starts, for a while. */
export function run(d: Driver, slices: number = SLICES): void {
  for (let i = 0; i < slices; i++) {
    d.step(SLICE_BYTES);
    if (!d.target.device.gt.runnable) return;
  }
}

/** An engine that works most of the time: a hung or disabled one is set up again. */
function pickEngine(d: Driver): number {
  const r = d.random;
  const e = r.once(3) ? r.below(ENGINES) : r.once(2) ? 0 : 2;
  const engine = d.target.device.gt.engines[e];
  const stuck = engine === undefined || engine.hang !== null || engine.wait !== 0 || !engine.idle;
  if (stuck ? !r.once(8) : r.once(16)) d.repair(e, r.once(2));
  return e;
}

function pushMade(d: Driver, engine: number, length: number): void {
  for (let i = 0; i < length; i++) d.push(engine, made[i] as number);
}

/** Dwords of any kind straight into a ring: almost all of them hang it. */
export function randomRing(d: Driver): void {
  const r = d.random;
  const e = pickEngine(d);
  for (let i = r.below(64); i >= 0; i--) d.push(e, r.value());
  d.ring(e);
  run(d);
}

/** Commands that the engine knows, into its ring. */
export function grammarRing(d: Driver): void {
  const r = d.random;
  const e = pickEngine(d);
  for (let i = 8 + r.below(56); i >= 0; i--) {
    pushMade(d, e, r.once(24) ? loadDirectory(d, e) : grammarCommand(d, e));
  }
  d.ring(e);
  run(d);
}

/** One page of commands; the next page follows, so that a batch may run through many. */
function writeBatch(d: Driver, engine: number, page: number): void {
  const r = d.random;
  let at = 0;
  const end = 16 + r.below(PAGE_DWORDS - 0x130);
  while (at < end) {
    const kind = r.below(40);
    const length =
      kind === 0 ? jump(d, r.once(2)) : kind === 1 ? selfModify(d) : grammarCommand(d, engine);
    for (let i = 0; i < length; i++) d.store(BATCH_FRAME + page, at++, made[i] as number);
  }
  const last = r.below(4) === 0 ? jump(d, false) : 0;
  for (let i = 0; i < last; i++) d.store(BATCH_FRAME + page, at++, made[i] as number);
  d.store(BATCH_FRAME + page, at, r.once(8) ? r.u32() : BATCH_END);
}

function start(d: Driver, engine: number, page: number, flags: number): void {
  d.push(engine, (0x31 << 23) | flags);
  d.push(engine, d.batchGma + (page << 12));
  d.ring(engine);
}

/** A batch of commands that the engine knows, with jumps, with or without privilege. */
export function batch(d: Driver): void {
  const r = d.random;
  const e = pickEngine(d);
  const page = r.below(BATCH_PAGES);
  writeBatch(d, e, page);
  start(d, e, page, r.once(3) ? 0 : r.once(2) ? 0x2100 : 0x100);
  run(d);
}

/** The batches and rings that are there, bits of them turned over, run again. */
export function mutate(d: Driver): void {
  const r = d.random;
  const e = pickEngine(d);
  const page = r.below(BATCH_PAGES);
  for (let i = r.below(12); i >= 0; i--) {
    const at = r.below(PAGE_DWORDS);
    const old = d.load(BATCH_FRAME + page, at);
    d.store(BATCH_FRAME + page, at, r.once(4) ? r.value() : old ^ (1 << r.below(32)));
  }
  start(d, e, page, r.once(2) ? 0x2100 : r.u32() & 0x40ff00);
  run(d);
}

/** Head, tail, size and place of a ring at random while it runs. */
export function wildRing(d: Driver): void {
  const r = d.random;
  const e = pickEngine(d);
  const b = d.base(e);
  for (let i = r.below(4); i >= 0; i--) {
    d.write(
      b +
        r.pick([R.RING_HEAD, R.RING_TAIL, R.RING_START, R.RING_CTL, R.RING_MI_MODE, R.RING_SYNC_0]),
      4,
      r.once(2) ? d.gma() : r.value(),
    );
  }
  run(d, 2);
  d.repair(e, r.once(2));
}
