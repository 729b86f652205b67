import {
  BATCH_GFN,
  BCS,
  DATA_GFN,
  ppDir,
  pte,
  RCS,
  type ScriptedGuest,
  TABLE_GFN,
} from './scripted-guest.ts';

/** What an attack aims at. */
export interface Victim {
  /** Graphics address, in its low slice, of a page that it uses. */
  readonly gma: number;
  /** First graphics address of its high slice. */
  readonly high: number;
  /** Machine frame of a page that it uses. */
  readonly mfn: number;
}

/** One way to get at memory of another VM. */
export interface Attack {
  readonly name: string;
  /** What the mediator says when it stops the VM; null when it goes on, with nothing gained. */
  readonly stopped: RegExp | null;
  readonly run: (evil: ScriptedGuest, victim: Victim) => void;
}

/** Value that attacks write. */
export const POISON = 0x0bad0bad;
const GGTT_BIT = 0x400000;
const MI = (opcode: number, dwords: number, flags = 0): number =>
  (opcode << 23) | flags | (dwords - 2);
const BATCH_END: number = 0x0a << 23;
const lri = (register: number, value: number): number[] => [MI(0x22, 3), register, value];
const storeGgtt = (gma: number): number[] => [MI(0x20, 4, GGTT_BIT), 0, gma, POISON];
const store = (gma: number): number[] => [MI(0x20, 4), 0, gma, POISON];
const batch = (gma: number, flags = 0): number[] => [MI(0x31, 2, flags), gma];
const NON_PRIVILEGED_PPGTT = 0x2100;
/** XY_COLOR_BLT and XY_SRC_COPY_BLT of 16 by 16 pixels, 64 bytes a row. HSW PRM vol.2a. */
const fill = (gma: number): number[] => [0x54300004, 0x03f00040, 0, 0x100010, gma, POISON];
const copy = (to: number, from: number): number[] => [
  0x54f00006,
  0x03cc0040,
  0,
  0x100010,
  to,
  0,
  0x40,
  from,
];

/** An attack that is a few commands in a ring. */
function ring(
  name: string,
  engine: number,
  stopped: RegExp | null,
  commands: (victim: Victim, evil: ScriptedGuest) => number[],
): Attack {
  return { name, stopped, run: (evil, victim) => evil.submit(engine, commands(victim, evil)) };
}

/** An attack by a batch without privilege in a PPGTT of the VM's own; it runs unscanned. */
function unprivileged(
  name: string,
  table: (victim: Victim) => readonly number[],
  commands: (victim: Victim) => number[],
): Attack {
  return {
    name: `a batch without privilege: ${name}`,
    stopped: null,
    run: (evil, victim) => {
      evil.startPpgtt(BCS);
      evil.poke(TABLE_GFN, [pte(BATCH_GFN), pte(DATA_GFN), ...table(victim)], 5);
      evil.poke(BATCH_GFN, [...commands(victim), BATCH_END]);
      evil.submit(BCS, batch(0x5000, NON_PRIVILEGED_PPGTT));
    },
  };
}
/** Where {@link unprivileged} maps the VM's own data, and the table's further entries. */
const OWN = 0x6000;
const FOREIGN = 0x7000;

// biome-ignore format: one attack a line
export const ATTACKS: readonly Attack[] = [
  { name: '[F3] GTT entries outside its slice', stopped: null, run: (evil, v) => {
    for (const gma of [v.gma, v.high]) { evil.map(gma, DATA_GFN); evil.map(gma + 4096, v.mfn); }
  } },
  { name: "GTT entries of its own with another's frame, used by aperture, ring and blitter", stopped: null, run: (evil, v) => {
    const at = evil.dataGma + 0x8000;
    evil.map(at, v.mfn);
    evil.poke(DATA_GFN, [evil.apertureRead(at)]);
    evil.apertureWrite(at, POISON);
    evil.submit(BCS, [...copy(evil.dataGma + 0x1000, at), ...storeGgtt(at), ...fill(at)]);
  } },
  { name: 'the aperture outside its slice', stopped: null, run: (evil, v) => {
    evil.poke(DATA_GFN, [evil.apertureRead(v.gma), evil.apertureRead(v.gma + 4)]);
    evil.apertureWrite(v.gma, POISON);
  } },
  { name: 'the aperture through a fence that reaches beyond its slice', stopped: null, run: (evil, v) => {
    evil.write(0x100000, 1 | 0);
    evil.write(0x100004, (v.gma | 0xff000) & ~0xfff);
    evil.apertureWrite(v.gma, POISON);
    evil.poke(DATA_GFN, [evil.apertureRead(v.gma)]);
  } },
  ring('MI_STORE_DATA_IMM',                    BCS, /MI_STORE_DATA_IMM outside/,  (v) => storeGgtt(v.gma)),
  ring('MI_STORE_DATA_IMM in the high slice',  BCS, /MI_STORE_DATA_IMM outside/,  (v) => storeGgtt(v.high)),
  ring('MI_FLUSH_DW',                          BCS, /MI_FLUSH_DW outside/,        (v) => [MI(0x26, 4, 0x4000), v.gma | 4, POISON, 0]),
  ring('PIPE_CONTROL',                         RCS, /PIPE_CONTROL outside/,       (v) => [0x7a000003, 0x1004000, v.gma, POISON, 0]),
  ring('MI_STORE_REGISTER_MEM',                RCS, /MI_STORE_REGISTER_MEM outside/,                    (v) => [MI(0x24, 3, GGTT_BIT), 0x2600, v.gma]),
  ring('MI_LOAD_REGISTER_MEM and a store',     RCS, /MI_LOAD_REGISTER_MEM outside/,                    (v, e) => [MI(0x29, 3, GGTT_BIT), 0x2600, v.gma, MI(0x24, 3, GGTT_BIT), 0x2600, e.dataGma]),
  ring('MI_REPORT_PERF_COUNT',                 RCS, /MI_REPORT_PERF_COUNT outside/, (v) => [MI(0x28, 3), v.gma | 1, 0]),
  ring('MI_SEMAPHORE_MBOX in memory',          RCS, /MI_SEMAPHORE_MBOX outside/,                          (v) => [MI(0x16, 3, GGTT_BIT | 0x200000), POISON, v.gma]),
  ring('MI_SET_CONTEXT',                       RCS, /MI_SET_CONTEXT outside/,                          (v) => [0x18 << 23, v.gma | 0x100]),
  ring('[K2] MI_UPDATE_GTT',                        BCS, /forbidden command/,                          (v) => [MI(0x23, 3), v.gma, pte(DATA_GFN)]),
  ring('a privileged batch elsewhere',         BCS, /memory that is not mapped/,                          (v) => batch(v.gma)),
  ring('LRI of its page directory',            BCS, /page directory outside/,              (v) => lri(0x22228, ppDir(v.high))),
  ring('LRI of a ring register',               BCS, /LOAD_REGISTER_IMM of 0x22038/,                      (v) => lri(0x22038, v.gma)),
  ring('LRI of a GTT entry',                   BCS, /LOAD_REGISTER_IMM of 0x2/,                          (v) => lri(0x200000 + (v.gma >>> 12) * 4, pte(DATA_GFN))),
  ring('stores and blits without a GGTT bit',  BCS, null,                         (v, e) => [...store(v.gma), ...fill(v.gma), ...copy(e.dataGma, v.gma)]),
  { name: 'RING_START elsewhere', stopped: /^ring at .* is not the VM's/, run: (evil, v) => {
    evil.write(evil.base(BCS) + 0x3c, 0);
    evil.write(evil.base(BCS) + 0x38, v.gma);
    evil.write(evil.base(BCS) + 0x3c, 1);
  } },
  { name: '[A20] the status page elsewhere', stopped: /register 0x4080 names .* outside/, run: (evil, v) => evil.write(0x4080, v.gma) },
  { name: 'PP_DIR_BASE elsewhere', stopped: /PP_DIR_BASE .* is outside/, run: (evil, v) => evil.write(evil.base(BCS) + 0x228, ppDir(v.high)) },
  { name: 'CCID elsewhere', stopped: /CCID .* outside/, run: (evil, v) => evil.write(0x2180, v.gma | 0x100 | 1) },
  unprivileged("GGTT addresses of another's", () => [], (v) => [...storeGgtt(v.gma), ...fill(v.gma), ...copy(OWN, v.gma)]),
  unprivileged("tables that name another's frames", (v) => [pte(v.mfn), pte(v.mfn + 1)], () => [...copy(OWN, FOREIGN), ...fill(FOREIGN), ...store(FOREIGN + 4096)]),
  unprivileged('registers of hardware', () => [], (v) => [...lri(0x22228, ppDir(v.high)), ...lri(0x2229c, 0x02000000), ...copy(OWN, v.gma)]),
  unprivileged("another's memory as commands", () => [], (v) => batch(v.gma)),
];
