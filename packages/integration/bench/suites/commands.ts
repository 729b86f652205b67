import { HaswellDevice, MachineMemory, ManualClock, engineRegs as R } from '@xengt/hsw-device';
import { interleave, quotients, type Row, row, summary, threadNsEach } from '../lib/measure.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'commands';
const RAM_BYTES: number = 4 << 20;
const RING_FRAME = 0x10;
const BATCH_FRAME = 0x20;
const TABLE_FRAME = 0x200;
const DATA: number = 0x300 << 12;
const BATCH_DWORDS: number = 0x40000;
const BATCH_END: number = 0x0a << 23;
const PTE = 7;
/** Where the directory's entries are, graphics pages; a multiple of 16. */
const DIRECTORY = 0x10000;

const nop = [0];
const storeImm = [(0x20 << 23) | 2, 0, DATA, 1];
const lri = [(0x22 << 23) | 1, 0x2600, 1];
const pipeControl = [0x7a000003, 0x4000, DATA, 1, 0];
const state = [0x78100004, 0, 0, 0, 0, 0];
const flushDw = [(0x26 << 23) | 0x4002, DATA, 1, 0];
const setupClip = [0x40c00001, 0, 0x100010];

// biome-ignore format: one case a line
const CASES = [
  { name: 'MI_NOOP', engine: 'RCS', commands: [nop] },
  { name: 'MI_STORE_DATA_IMM', engine: 'RCS', commands: [storeImm] },
  { name: 'MI_LOAD_REGISTER_IMM', engine: 'RCS', commands: [lri] },
  { name: 'PIPE_CONTROL with a post-sync write', engine: 'RCS', commands: [pipeControl] },
  { name: '3DSTATE_VS, kept', engine: 'RCS', commands: [state] },
  { name: 'a mix of these', engine: 'RCS', commands: [nop, state, lri, storeImm, state, state, pipeControl] },
  { name: 'XY_SETUP_CLIP_BLT and MI_FLUSH_DW', engine: 'BCS', commands: [setupClip, flushDw] },
] as const;

/** A device with one batch behind a PPGTT, which a ring of one command starts. */
class BatchMachine {
  readonly words: Int32Array = new Int32Array(new SharedArrayBuffer(RAM_BYTES));
  readonly device: HaswellDevice;
  commands = 0;
  dwords = 0;
  readonly #base: number;
  #tail = 0;

  constructor(id: R.EngineId, commands: readonly (readonly number[])[]) {
    const memory = new MachineMemory();
    memory.addRegion(0, this.words);
    this.device = new HaswellDevice({ memory, clock: new ManualClock() });
    const base = R.RING_BASE[id];
    this.#base = base;
    const write = (offset: number, value: number): void => this.device.mmio.write(offset, 4, value);
    for (let p = 0; p < 0x400; p++) {
      this.device.ggtt.write(p, (p << 12) | PTE);
      this.words[TABLE_FRAME * 1024 + p] = (p << 12) | PTE;
    }
    this.device.ggtt.write(DIRECTORY, (TABLE_FRAME << 12) | PTE);
    write(base + R.RING_PP_DIR_DCLV, -1);
    write(base + R.RING_PP_DIR_BASE, (DIRECTORY >>> 4) << 16);
    write(base + R.RING_GFX_MODE, (R.GFX_PPGTT_ENABLE << 16) | R.GFX_PPGTT_ENABLE);
    write(base + R.RING_START, RING_FRAME << 12);
    write(base + R.RING_CTL, R.RING_VALID);
    this.#fill(commands);
  }

  #fill(commands: readonly (readonly number[])[]): void {
    let at = BATCH_FRAME * 1024;
    const end = at + BATCH_DWORDS;
    for (let i = 0; ; i = (i + 1) % commands.length) {
      const command = commands[i] as readonly number[];
      if (at + command.length >= end) break;
      this.words.set(command, at);
      at += command.length;
      this.commands++;
    }
    this.words[at] = BATCH_END;
    this.dwords = at + 1 - BATCH_FRAME * 1024;
  }

  /** Starts the batch and runs it to its end. */
  run(): void {
    const at = RING_FRAME * 1024 + this.#tail / 4;
    this.words[at] = (0x31 << 23) | 0x100;
    this.words[at + 1] = BATCH_FRAME << 12;
    this.#tail = (this.#tail + 8) & 0xfff;
    this.device.mmio.write(this.#base + R.RING_TAIL, 4, this.#tail);
    while (this.device.step(1 << 24));
    const stuck = this.device.gt.engines.find((e) => e.hang !== null);
    if (stuck !== undefined) throw new Error(`${stuck.id}: ${stuck.hang}`);
  }

  /** The same dwords, read one after another and looked at. */
  plain(): void {
    const first = BATCH_FRAME * 1024;
    sum += walk(this.words, first, first + this.dwords);
  }
}
let sum = 0;

function walk(words: Int32Array, first: number, end: number): number {
  let batches = 0;
  for (let i = first; i < end; i++) if ((words[i] as number) >>> 23 === 0x31) batches++;
  return batches;
}

/** Commands that a streamer executes in a second, against a plain loop over the same dwords. */
export async function commandsSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { name, engine, commands } of CASES) {
    progress(name);
    const machine = new BatchMachine(engine, commands);
    const { a, b } = await interleave(
      quick ? 5 : 31,
      2,
      () => threadNsEach(() => machine.run()) / machine.commands,
      () => threadNsEach(() => machine.plain()) / machine.commands,
    );
    const rates = a.map((ns) => 1e3 / ns);
    const detail = `${summary(a).median.toFixed(1)} ns a command, ${machine.commands} commands in a batch`;
    rows.push(row(SUITE, name, 'M/s', rates, null, detail));
    const each = `loop ${summary(b).median.toFixed(1)} ns for the command's dwords`;
    rows.push(row(SUITE, `${name}: against a plain loop`, 'x', quotients(a, b), null, each));
  }
  if (sum < 0) progress('');
  return rows;
}
