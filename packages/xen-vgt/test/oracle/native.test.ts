import iced from 'iced-x86';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CaseMaker } from './cases.ts';
import { compare } from './compare.ts';
import { EmulatedMachine } from './machine.ts';
import { buildNative, mxcsrMaskOf, runNative } from './native.ts';

/** Instructions in all; more with XENGT_EMULATED. */
const CASES = Number(process.env['XENGT_EMULATED'] ?? 50_000);
const SEED = Number(process.env['XENGT_SEED'] ?? 3);
const BATCH = 2000;

let native: ReturnType<typeof buildNative>;
beforeAll(() => {
  native = buildNative();
});
afterAll(() => native.remove());

test(`${CASES} instructions leave registers, flags, memory and faults as a real processor does`, () => {
  const maker = new CaseMaker(iced, SEED);
  const machine = new EmulatedMachine(iced);
  machine.state.mxcsrMask = mxcsrMaskOf(native.path);
  const differences: string[] = [];
  const ends = new Map<number, number>();
  let refused = 0;
  for (let done = 0; done < CASES; done += BATCH) {
    const cases = Array.from({ length: Math.min(BATCH, CASES - done) }, () => maker.make());
    const real = runNative(native.path, cases);
    for (const [i, one] of cases.entries()) {
      const mine = machine.run(one);
      if ('refused' in mine) {
        refused++;
        continue;
      }
      ends.set(mine.trap, (ends.get(mine.trap) ?? 0) + 1);
      const difference = compare(iced, one, mine, real[i] as (typeof real)[number]);
      if (difference === null) continue;
      const code = Buffer.from(one.code).toString('hex');
      differences.push(`${machine.emulator.insn.name} ${code} (${one.bits} bits): ${difference}`);
    }
  }
  expect(differences).toEqual([]);
  // Register forms that touch no memory, e.g. MOVHLPS, are not the emulator's.
  expect(refused / CASES).toBeLessThan(0.003);
  // Done, #DE, #UD, #SS, #GP and #PF all occur.
  for (const trap of [3, 0, 6, 12, 13, 14])
    expect(ends.get(trap) ?? 0).toBeGreaterThan(CASES / 2000);
}, 600_000);
