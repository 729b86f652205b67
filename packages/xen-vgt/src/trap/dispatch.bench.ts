// node --conditions=source --expose-gc packages/xen-vgt/src/trap/dispatch.bench.ts
// A guest's loop of 32-bit accesses to a BAR: v86 as it comes with a bare handler, against this
// engine with the hypervisor's dispatch. Budget: at most twice the time, nothing allocated.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MachineMemory, type TrapTarget } from '@xengt/hsw-device';
import { V86 } from 'v86';
import { createV86Engine } from '../engine/v86/engine.ts';
import { Program, tinyBios } from '../engine/v86/testing/tiny-bios.ts';
import { Hypervisor } from '../hypervisor.ts';

/** Accesses in one sample. */
const ROUNDS = 1_000_000;
const SAMPLES = 15;
const BAR = 0xd0000000;
const BAR_BYTES: number = 4 << 20;
/** The guest counts the loops it has finished here. */
const COUNT = 0x3000;
const BUDGET = 2;

interface Machine {
  readonly words: Int32Array;
  run(): void;
  pause(): void;
}

const wasmPath = fileURLToPath(import.meta.resolve('v86/build/v86.wasm'));

/** mov [BAR + 0x2030], eax or the other way, ROUNDS times, for ever. */
function bios(write: boolean): Uint8Array<ArrayBuffer> {
  const p = new Program().label('next').ecx(ROUNDS).label('again');
  if (write) p.store(BAR + 0x2030);
  else p.load(BAR + 0x2030);
  return tinyBios(p.loop('again').inc(COUNT).jmp('next'));
}

interface PlainV86 {
  readonly v86: {
    readonly cpu: {
      readonly mem32s: Int32Array;
      readonly io: { mmap_register(...args: unknown[]): void };
    };
  };
  run(): Promise<void>;
  stop(): Promise<void>;
  add_listener(event: string, fn: () => void): void;
}

/** v86 alone: its own wasm, its own memory, a register array behind its own handlers. */
async function bare(write: boolean): Promise<Machine> {
  const machine = new V86({
    wasm_path: wasmPath,
    bios: { buffer: bios(write).buffer },
    memory_size: 16 << 20,
    disable_speaker: true,
    disable_keyboard: true,
    disable_mouse: true,
    autostart: false,
  } as never) as unknown as PlainV86;
  await new Promise<void>((done) => machine.add_listener('emulator-loaded', done));
  const dw = new Int32Array(BAR_BYTES >>> 2);
  const cpu = machine.v86.cpu;
  cpu.io.mmap_register(
    BAR,
    BAR_BYTES,
    (a: number) => (dw[((a >>> 0) - BAR) >>> 2] as number) & 0xff,
    () => {},
    (a: number) => dw[((a >>> 0) - BAR) >>> 2],
    (a: number, v: number) => {
      dw[((a >>> 0) - BAR) >>> 2] = v;
    },
  );
  return {
    words: cpu.mem32s,
    run: () => void machine.run(),
    pause: () => void machine.stop(),
  };
}

/** The engine and a domain, with the same register array as a target. */
async function dispatched(write: boolean): Promise<Machine> {
  const wasm = new Uint8Array(readFileSync(wasmPath));
  const engine = await createV86Engine({ wasm, bios: bios(write), memoryMib: 16 });
  const domain = new Hypervisor(new MachineMemory()).createDomain({ name: 'bench', engine });
  const dw = new Int32Array(BAR_BYTES >>> 2);
  const target: TrapTarget = {
    name: 'registers',
    read: (offset) => dw[offset >>> 2] as number,
    write: (offset, _size, value) => {
      dw[offset >>> 2] = value;
    },
  };
  domain.mapTrap(BAR, BAR_BYTES, 'gttmmio', target);
  return { words: engine.ram.words, run: () => engine.run(), pause: () => engine.pause() };
}

/** ns of one access over one sample. */
async function sample(machine: Machine): Promise<number> {
  const loops = (): number => machine.words[COUNT >>> 2] as number;
  const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
  machine.run();
  let from = loops();
  while (loops() === from) await turn();
  from = loops();
  const start = performance.now();
  while (loops() === from) await turn();
  const ns = ((performance.now() - start) * 1e6) / (ROUNDS * (loops() - from));
  machine.pause();
  await turn();
  await turn();
  return ns;
}

const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >>> 1] as number;

/** Bytes that stay on the heap for each access of `samples` samples. */
async function allocated(machine: Machine, samples: number): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return Number.NaN;
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < samples; i++) await sample(machine);
  return Math.max(0, process.memoryUsage().heapUsed - before) / (samples * ROUNDS);
}

let ok = true;
for (const [name, write] of [
  ['read32', false],
  ['write32', true],
] as const) {
  const machines = [await bare(write), await dispatched(write)] as const;
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < SAMPLES + 2; i++) {
    for (const k of [0, 1] as const) {
      const ns = await sample(machines[k]);
      if (i >= 2) times[k].push(ns);
    }
  }
  const bytes = await allocated(machines[1], 3);
  const [plain, ours] = [median(times[0]), median(times[1])];
  const ratio = ours / plain;
  ok &&= ratio <= BUDGET;
  const spent = `bare ${plain.toFixed(1)} ns, dispatched ${ours.toFixed(1)} ns`;
  const verdict = `ratio ${ratio.toFixed(2)} (budget ${BUDGET})`;
  // What is left over comes from the event loop's turns between slices, not from accesses.
  process.stdout.write(
    `${name.padEnd(8)} ${spent}, ${verdict}, ${bytes.toFixed(2)} bytes allocated per access\n`,
  );
}
process.exit(ok ? 0 : 1);
