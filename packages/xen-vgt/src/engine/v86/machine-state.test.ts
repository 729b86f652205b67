import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { VcpuEngine } from '../../port/engine.ts';
import { ScriptedEngine } from '../scripted.ts';
import { createV86Engine } from './engine.ts';
import { Program, tinyBios } from './testing/tiny-bios.ts';

const WASM = new Uint8Array(readFileSync(fileURLToPath(import.meta.resolve('v86/build/v86.wasm'))));
const COUNT = 0x3000;
const TSC = 0x3100;
const BAR = 0xd0000000;
const HOUR_MS = 3_600_000;
const TSC_PER_MS = 1_000_000;

const made: VcpuEngine[] = [];
afterEach(() => {
  for (const engine of made.splice(0)) engine.destroy();
});

/** Time that goes on only while somebody looks at it, and by leaps that a test makes. */
class Looked {
  ms = 0;
  now(): number {
    this.ms += 0.001;
    return this.ms;
  }
  waited(): void {}
}

/** Counts, and keeps its time stamp (in ms, by the high dword and the upper bits of the low one). */
const counting = (): Uint8Array<ArrayBuffer> =>
  tinyBios(
    new Program()
      .label('again')
      .inc(COUNT)
      .bytes(0x0f, 0x31)
      .store(TSC)
      .bytes(0x89, 0xd0)
      .store(TSC + 4)
      .load(COUNT)
      .store(BAR)
      .jmp('again'),
  );

async function machine(time: Looked, memoryMib = 16): Promise<VcpuEngine> {
  const engine = await createV86Engine({ wasm: WASM, bios: counting(), memoryMib, time });
  made.push(engine);
  return engine;
}

const count = (e: VcpuEngine): number => e.ram.words[COUNT >>> 2] as number;
/** The guest's time as it saw it last, milliseconds. */
const guestMs = (e: VcpuEngine): number => {
  const low = (e.ram.words[TSC >>> 2] as number) >>> 0;
  const high = (e.ram.words[(TSC + 4) >>> 2] as number) >>> 0;
  return (high * 2 ** 32 + low) / TSC_PER_MS;
};

async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await new Promise((done) => setTimeout(done, 1));
}
/** Lets it count for a while, then pauses it. */
async function runs(e: VcpuEngine): Promise<void> {
  const from = count(e);
  e.run();
  await until(() => count(e) > from + 1000);
  e.pause();
  await new Promise((done) => setTimeout(done, 5));
}

describe('a guest that is paused', () => {
  test('finds no time gone: its counters stand with it', async () => {
    const time = new Looked();
    const e = await machine(time);
    await runs(e);
    const before = guestMs(e);
    time.ms += HOUR_MS;
    await runs(e);
    expect(guestMs(e)).toBeGreaterThan(before);
    expect(guestMs(e) - before).toBeLessThan(HOUR_MS / 100);
  });
});

describe('a machine without its RAM', () => {
  test('goes on in another engine that has the RAM, at its own time', async () => {
    const time = new Looked();
    const e = await machine(time);
    await runs(e);
    e.sendSerial(Uint8Array.of(1, 2, 3));
    const state = e.saveMachine();
    expect(state.length).toBeLessThan(16 << 20);
    const [counted, ms] = [count(e), guestMs(e)];
    const later = new Looked();
    later.ms = 5;
    const other = await machine(later);
    other.ram.bytes.set(e.ram.bytes);
    other.restoreMachine(state);
    later.ms += HOUR_MS;
    expect(count(other)).toBe(counted);
    await runs(other);
    expect(count(other)).toBeGreaterThan(counted);
    expect(guestMs(other)).toBeGreaterThan(ms);
    expect(guestMs(other) - ms).toBeLessThan(HOUR_MS / 100);
    // The first one is as it was, and a whole state still has the RAM.
    expect(count(e)).toBe(counted);
    expect(e.saveState().length).toBeGreaterThan(e.saveMachine().length + 8192 - 4096);
  });

  test('of another size or kind is refused', async () => {
    const e = await machine(new Looked());
    const state = e.saveMachine();
    const larger = await machine(new Looked(), 32);
    expect(() => larger.restoreMachine(state)).toThrow('a machine with 16 MiB, this one has 32');
    const scripted = new ScriptedEngine(16);
    expect(() => scripted.restoreMachine(state)).toThrow('a state of v86; this engine is scripted');
    expect(() => e.restoreMachine(state.slice(0, 3))).toThrow('a machine state has a header');
    expect(() => e.restoreMachine(state.slice(0, 9))).toThrow('is cut short');
    expect(() => e.restoreMachine(Uint8Array.of(1, 0, 0, 0, 65))).toThrow('is no JSON');
  });
});

describe('a guest that is given away', () => {
  test('reaches nobody it had, and whoever has it next', async () => {
    const e = await machine(new Looked());
    const seen = { before: 0, after: 0, safe: 0 };
    const target = (key: 'before' | 'after') => ({
      name: key,
      read: () => 0,
      write: () => {
        seen[key]++;
      },
    });
    e.mapMmio(BAR, 0x20000, target('before'));
    e.onSafePoint(() => {
      seen.safe++;
    });
    await runs(e);
    expect(seen.before).toBeGreaterThan(1000);
    e.detach();
    const was = { ...seen };
    expect(e.mapMmio(BAR, 0x20000, target('after'))).toBe(true);
    await runs(e);
    expect([seen.before, seen.safe]).toEqual([was.before, was.safe]);
    expect(seen.after).toBeGreaterThan(1000);
  });
});

test('a scripted guest takes the interrupts that were on their way', () => {
  const a = new ScriptedEngine(1);
  a.run();
  a.sendMsi(0xfee00000, 0x41);
  a.detach();
  const b = new ScriptedEngine(1);
  b.restoreMachine(a.saveMachine());
  b.safePoint();
  expect(b.taken).toEqual([{ kind: 'msi', address: 0xfee00000, data: 0x41 }]);
});
