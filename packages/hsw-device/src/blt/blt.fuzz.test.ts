import { expect, test } from 'vitest';
import { BltBench, type Layout } from '../testing/blt-bench.ts';
import { BltRandom, runRandom } from '../testing/blt-random.ts';
import { BLT_COMMANDS } from './commands.ts';

/** BLT_OPERATIONS=100000 is the long run; BLT_SEED repeats one that failed. */
const COUNT: number = Number(process.env['BLT_OPERATIONS'] ?? 3000);
const SEED: number = Number(process.env['BLT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Operations on one machine, which is then compared as a whole. */
const EACH = 250;
const LAYOUTS: readonly Layout[] = ['straight', 'torn', 'holes'];

test(`${COUNT} random operations leave memory as the slow model does`, { timeout: 600_000 }, () => {
  const random = new BltRandom(SEED);
  const seen = new Map<number, number>();
  const rops = new Set<number>();
  for (let done = 0; done < COUNT; done += EACH) {
    const bench = new BltBench(LAYOUTS[random.below(3)] as Layout, SEED + done);
    for (let i = 0; i < Math.min(EACH, COUNT - done); i++) {
      const blit = random.next();
      const op = ((blit.dw[0] as number) >>> 22) & 0x7f;
      try {
        expect(runRandom(bench, blit)).toBe(true);
      } catch (e) {
        const hex = blit.dw.map((n) => (n >>> 0).toString(16)).join(' ');
        const under = `swctrl ${blit.swctrl}, swizzled ${blit.swizzled}, budget ${blit.budget}`;
        throw new Error(`BLT_SEED=${SEED}, operation ${done + i}, ${under}: ${hex}`, { cause: e });
      }
      seen.set(op, (seen.get(op) ?? 0) + 1);
      if (op >= 0x40) rops.add(((blit.dw[1] as number) >>> 16) & 0xff);
    }
    bench.check();
  }
  // It means something only when all of it came up.
  expect(seen.size).toBe(BLT_COMMANDS.length);
  expect(rops.size).toBe(256);
});
