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

test.each([
  ['32 and 64-bit', CASES, undefined],
  ['16-bit', CASES / 5, 16],
] as const)(
  '%s code: %i instructions leave registers, flags, memory and faults as a real processor does',
  (_code, count, width) => {
    const maker = new CaseMaker(iced, SEED);
    const machine = new EmulatedMachine(iced);
    machine.state.mxcsrMask = mxcsrMaskOf(native.path);
    const differences: string[] = [];
    const ends = new Map<number, number>();
    let refused = 0;
    for (let done = 0; done < count; done += BATCH) {
      const cases = Array.from({ length: Math.min(BATCH, count - done) }, () => maker.make(width));
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
    expect(refused / count).toBeLessThan(0.003);
    // Done, #DE, #UD, #GP and #PF all occur, and #SS where addresses may not be canonical.
    for (const trap of width === 16 ? [3, 0, 6, 13, 14] : [3, 0, 6, 12, 13, 14])
      expect(ends.get(trap) ?? 0).toBeGreaterThan(count / 2000);
  },
  600_000,
);
