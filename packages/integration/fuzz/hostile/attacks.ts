import { ATTACKS } from '../../src/host/testing/attacks.ts';
import { buses, flipBits, modeset, oneBlock, tables } from '../gen/registers.ts';
import { grammarRing, mutate, batch as randomBatch, randomRing, wildRing } from '../gen/work.ts';
import { BATCH_FRAME, DATA_FRAME } from '../lib/driver.ts';
import type { Attacker } from './storms.ts';
import * as storms from './storms.ts';

const BCS = 2;
const RCS = 0;
const SLICE = 0x20000;
const BATCH_START: number = 0x31 << 23;
const BATCH_END: number = 0x0a << 23;
const NON_PRIVILEGED_PPGTT = 0x2100;
const STORE: number = (0x20 << 23) | 2;
const GGTT = 0x400000;
const USER_INTERRUPT: number = 0x02 << 23;
const GDRST = 0x941c;

/** Something hostile, from a few accesses to many. */
export interface HostileKind {
  readonly name: string;
  readonly weight: number;
  readonly run: (d: Attacker) => void;
}

function slices(d: Attacker, count: number): void {
  for (let i = 0; i < count && d.target.standing; i++) d.step(SLICE);
}

function push(d: Attacker, engine: number, dwords: readonly number[]): void {
  for (const dword of dwords) d.push(engine, dword);
}

function put(d: Attacker, page: number, dwords: readonly number[], at = 0): void {
  dwords.forEach((dword, i) => {
    d.store(BATCH_FRAME + page, at + i, dword);
  });
}

/** What a victim would be harmed by, as commands with a GGTT bit. */
function poison(d: Attacker): number[] {
  const victim = d.random.pick(d.target.victims);
  return [STORE | GGTT, 0, victim.guest.dataGma, 0x0bad0bad];
}

/** Batches that were checked are changed while they run, in memory and by themselves. */
function changedAfterScan(d: Attacker): void {
  const r = d.random;
  d.repair(BCS, r.once(2));
  for (let round = 0; round < 16 && d.target.standing; round++) {
    const page = r.below(8);
    const harmless = Array.from({ length: 200 }, () => [STORE, 0, d.dataGma, round]).flat();
    put(d, page, [...harmless, BATCH_END]);
    push(d, BCS, [BATCH_START | (r.once(2) ? 0 : 0x100), d.batchGma + page * 4096]);
    d.ring(BCS);
    for (let i = 0; i < 40; i++) put(d, page, poison(d), 4 * r.below(199));
    d.step(0x1000);
    for (let i = 0; i < 40; i++) put(d, page, poison(d), 4 * r.below(199));
    d.accesses += 320;
    slices(d, 2);
  }
}

/** A batch that writes the commands behind it: stores elsewhere, jumps, register loads. */
function selfModifying(d: Attacker): void {
  const r = d.random;
  const ppgtt = r.once(2);
  d.repair(BCS, ppgtt);
  for (let round = 0; round < 8 && d.target.standing; round++) {
    const code = [...poison(d), (0x22 << 23) | 1, GDRST, 1, BATCH_START, d.target.ranges.high];
    const stores = code.flatMap((dword, i) => [
      STORE | (ppgtt ? 0 : GGTT),
      0,
      d.batchGma + 0x200 + i * 4,
      dword,
    ]);
    put(d, 0, stores);
    put(d, 0, [...Array.from({ length: 16 }, () => 0), BATCH_END], 0x80);
    put(
      d,
      0,
      Array.from({ length: 0x80 - stores.length }, () => 0),
      stores.length,
    );
    push(d, BCS, [
      BATCH_START | (r.once(2) ? NON_PRIVILEGED_PPGTT : ppgtt ? 0x100 : 0),
      d.batchGma,
    ]);
    d.ring(BCS);
    slices(d, 3);
    d.accesses += 100;
  }
}

/** Context images of the attacker's making: loads of any register, states without end, garbage. */
function contextImages(d: Attacker): void {
  const r = d.random;
  d.mapData();
  for (let round = 0; round < 12 && d.target.standing; round++) {
    if (round % 4 === 0) d.repair(RCS, r.once(2));
    for (let page = 0; page < 20; page++) {
      let at = 0;
      while (at < 1000) {
        const kind = r.below(6);
        const list: number[] = [];
        if (kind < 3) {
          const pairs = 1 + r.below(30);
          list.push((0x22 << 23) | (kind << 12) | (pairs * 2 - 1));
          for (let k = 0; k < pairs; k++) list.push(r.once(2) ? d.register() : r.u32(), r.value());
        } else if (kind < 5) list.push(r.value(), r.value(), d.gma());
        else list.push(...poison(d));
        for (const dword of list) d.store(DATA_FRAME + page, at++ & 1023, dword);
      }
    }
    push(d, RCS, [0x18 << 23, d.dataGma | 0x100 | (r.u32() & 0xf), 0, 0]);
    push(d, RCS, [0x18 << 23, (d.dataGma + 0x11000) | 0x100 | (r.u32() & 0xf), 0, 0]);
    if (r.once(2)) push(d, RCS, [(0x0f << 23) | r.below(2), 0]);
    d.ring(RCS);
    slices(d, 2);
  }
}

/** A batch that never ends, alone, in a circle or by waiting for what does not come. */
function endlessBatch(d: Attacker): void {
  const r = d.random;
  const e = r.once(2) ? RCS : BCS;
  d.repair(e, r.once(2));
  put(d, 0, [0, 0, BATCH_START | NON_PRIVILEGED_PPGTT, d.batchGma + r.below(2) * 4096]);
  put(d, 1, [STORE, 0, d.dataGma, 1, BATCH_START | NON_PRIVILEGED_PPGTT, d.batchGma]);
  push(d, e, [BATCH_START | r.pick([0, 0x100, NON_PRIVILEGED_PPGTT]), d.batchGma]);
  d.ring(e);
  slices(d, 64);
}

/** A semaphore that nobody signals. */
function endlessWait(d: Attacker): void {
  const e = d.random.once(2) ? RCS : BCS;
  d.repair(e, false);
  push(d, e, [(0x16 << 23) | (1 << 20) | 1, 0x7fffffff, 0]);
  d.ring(e);
  slices(d, 64);
}

/** A ring that is never empty: TAIL runs before HEAD, request after request and without any. */
function endlessRing(d: Attacker): void {
  const r = d.random;
  d.repair(BCS, false);
  const requests = r.once(2);
  for (let i = 0; i < 200 && d.target.standing; i++) {
    for (let k = 0; k < 8; k++) {
      push(d, BCS, [STORE | GGTT, 0, d.dataGma, i, requests ? USER_INTERRUPT : 0, 0]);
    }
    d.ring(BCS);
    if ((i & 3) === 0) d.step(SLICE);
  }
  slices(d, 8);
}

/** Rings, page tables and modes at random while resets fall in between. */
function resetStorm(d: Attacker): void {
  const r = d.random;
  for (let i = 0; i < 300 && d.target.standing; i++) {
    d.write(GDRST, 4, r.below(32));
    if (r.once(8)) d.repair(r.pick([RCS, BCS]), r.once(2));
    if (r.once(16)) {
      push(d, BCS, [STORE | GGTT, 0, d.dataGma, i, USER_INTERRUPT, 0]);
      d.ring(BCS);
    }
    if (r.once(32)) d.step(SLICE);
    if (r.once(16)) d.target.evil.guestReset(1);
  }
}

/** The domain goes at any moment: at work, in a switch, with batches and tables in flight. */
function goneInTheMiddle(d: Attacker): void {
  const r = d.random;
  d.repair(BCS, r.once(2));
  d.repair(RCS, r.once(2));
  d.mapData();
  for (const e of [RCS, BCS]) {
    put(d, e, [...Array.from({ length: 60 }, () => [STORE, 0, d.dataGma, 1]).flat(), BATCH_END]);
    for (let i = 0; i < 20; i++) {
      push(d, e, [BATCH_START | r.pick([0, NON_PRIVILEGED_PPGTT]), d.batchGma + e * 4096]);
    }
    d.ring(e);
  }
  for (let i = r.below(24); i > 0; i--) d.step(1 << r.below(17));
  d.target.replace();
  d.tail.fill(0);
}

/** The control tree and the toolstack do things to the VM while it works. */
function handled(d: Attacker): void {
  const r = d.random;
  const { vgt, evil, hypervisor } = d.target;
  const domain = hypervisor.domain(evil.domid);
  d.repair(BCS, false);
  for (let i = 0; i < 60 && d.target.standing; i++) {
    push(d, BCS, [STORE | GGTT, 0, d.dataGma, i, USER_INTERRUPT, 0]);
    d.ring(BCS);
    d.write(0x78804, 4, r.below(3));
    if (r.once(4)) vgt.setForeground(r.once(2) ? evil.domid : 0);
    if (r.once(4)) vgt.framesChanged(evil.domid);
    if (r.once(8)) domain?.pause();
    if (r.once(4)) d.step(SLICE);
    domain?.resume();
  }
  vgt.setForeground(0);
}

/** Each attack of the isolation test, against somebody. */
function known(d: Attacker): void {
  const r = d.random;
  const { victims } = d.target;
  const victim = r.pick(victims);
  const { guest } = victim;
  const aim = { gma: guest.dataGma, high: guest.high, mfn: r.pick(victim.frames) };
  const attacker = d.target.scripted();
  for (const e of [RCS, BCS]) attacker.startRing(e);
  r.pick(ATTACKS).run(attacker, aim);
  d.accesses += 400;
  slices(d, 4);
}

/** Steps of the ordinary fuzz, one after the other. */
const SINGLE: readonly ((d: Attacker) => void)[] = [
  randomRing,
  grammarRing,
  randomBatch,
  mutate,
  wildRing,
  buses,
  flipBits,
  modeset,
  oneBlock,
  tables,
];

// biome-ignore format: one kind a line
export const KINDS: readonly HostileKind[] = [
  { name: 'any register',       weight: 60, run: storms.anyRegister },
  { name: 'known register',     weight: 60, run: storms.knownRegister },
  { name: 'one register',       weight: 60, run: storms.oneRegister },
  { name: 'GTT',                weight: 60, run: storms.gttStorm },
  { name: 'aperture',           weight: 60, run: storms.apertureStorm },
  { name: 'traps',              weight: 40, run: storms.trapStorm },
  { name: 'config',             weight: 30, run: storms.configStorm },
  { name: 'PV page',            weight: 30, run: storms.pvStorm },
  { name: 'interrupts',         weight: 30, run: storms.interruptStorm },
  { name: 'hotplug',            weight: 30, run: storms.hotplugStorm },
  { name: 'display',            weight: 30, run: storms.displayStorm },
  { name: 'commands',           weight: 80, run: (d) => d.random.pick(SINGLE)(d) },
  { name: 'known attack',       weight: 40, run: known },
  { name: 'changed after scan', weight: 12, run: changedAfterScan },
  { name: 'self-modifying',     weight: 12, run: selfModifying },
  { name: 'context images',     weight: 8,  run: contextImages },
  { name: 'endless batch',      weight: 1,  run: endlessBatch },
  { name: 'endless wait',       weight: 1,  run: endlessWait },
  { name: 'endless ring',       weight: 6,  run: endlessRing },
  { name: 'resets',             weight: 10, run: resetStorm },
  { name: 'create, destroy',    weight: 10, run: goneInTheMiddle },
  { name: 'handled',            weight: 10, run: handled },
];

export const KIND_BY_WEIGHT: readonly number[] = KINDS.flatMap((kind, i) =>
  Array.from({ length: kind.weight }, () => i),
);
