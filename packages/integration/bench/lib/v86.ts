import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createV86Engine, type VcpuEngine } from '@xengt/xen-vgt';
import { COUNT, loopBios } from './loop-bios.ts';

const RAM_MIB = 16;
export const BAR = 0xd0000000;
export const BAR_BYTES: number = 4 << 20;
/** Accesses in a round of the guest's loop. */
export const ACCESSES = 250_000;

/** A guest that does nothing but one access, over and over. */
export interface LoopGuest {
  readonly words: Int32Array;
  run(): void;
  pause(): void;
}

/** The part of v86 that is used here; its own types leave out the CPU. */
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

// The emulator is a dependency of xen-vgt, whose vCPU engine uses the same one.
const build = dirname(
  createRequire(createRequire(import.meta.url).resolve('@xengt/xen-vgt/package.json')).resolve(
    'v86',
  ),
);

/** v86 alone, with a register array behind its own MMIO handlers. */
export async function bareGuest(offset: number, write: boolean): Promise<LoopGuest> {
  const { V86 } = (await import(pathToFileURL(join(build, 'libv86.mjs')).href)) as {
    V86: new (options: object) => PlainV86;
  };
  const machine = new V86({
    wasm_path: join(build, 'v86.wasm'),
    bios: { buffer: loopBios(BAR + offset, write, ACCESSES).buffer },
    memory_size: RAM_MIB << 20,
    disable_speaker: true,
    disable_keyboard: true,
    disable_mouse: true,
    autostart: false,
  });
  await new Promise<void>((done) => machine.add_listener('emulator-loaded', done));
  const dw = new Int32Array(BAR_BYTES >>> 2);
  const { cpu } = machine.v86;
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
  return { words: cpu.mem32s, run: () => void machine.run(), pause: () => void machine.stop() };
}

/** The project's engine with the same program; its BAR is whatever the caller maps at {@link BAR}. */
export function loopEngine(offset: number, write: boolean): Promise<VcpuEngine> {
  const wasm = new Uint8Array(readFileSync(join(build, 'v86.wasm')));
  const bios = loopBios(BAR + offset, write, ACCESSES);
  return createV86Engine({ wasm, bios, memoryMib: RAM_MIB });
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Nanoseconds of one access, over at least `rounds` whole rounds of the guest's loop. */
export async function accessNs(guest: LoopGuest, rounds: number): Promise<number> {
  const count = (): number => guest.words[COUNT >>> 2] as number;
  guest.run();
  let from = count();
  while (count() === from) await turn();
  from = count();
  const start = performance.now();
  while (count() - from < rounds) await turn();
  const ns = ((performance.now() - start) * 1e6) / (ACCESSES * (count() - from));
  guest.pause();
  await turn();
  await turn();
  return ns;
}
