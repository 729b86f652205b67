import { engineRegs as R } from '@xengt/hsw-device';
import { copyBlt, fillBlt } from '../lib/blits.ts';
import { interleave, quotients, type Row, row } from '../lib/measure.ts';
import { PICTURE_GMA, runRequests, ScriptedMachine } from '../lib/scripted.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'blit';
const BCS = 2;
/** Pictures of 1024 x 1024 x 32 bits. */
const SIDE = 1024;
const BYTES = 4 << 20;
const WORDS: number = BYTES / 4;
const FROM = PICTURE_GMA;
const TO: number = PICTURE_GMA + (8 << 20);
const SWCTRL_DST_Y = 2;
const SWCTRL_SRC_Y = 1;
const IN_SAMPLE = 4;

const fill = (tiled: boolean): number[] => fillBlt(TO, SIDE, SIDE, tiled);
const copy = (to: boolean, from: boolean): number[] => copyBlt(TO, FROM, SIDE, SIDE, to, from);
const least = (limit: number) => ({ limit, sense: 'least' }) as const;

// biome-ignore format: one case a line
const CASES = [
  { name: 'XY_COLOR_BLT linear', dw: fill(false), swctrl: 0, like: 'fill', budget: least(0.7) },
  { name: 'XY_COLOR_BLT X-tiled', dw: fill(true), swctrl: 0, like: 'fill', budget: least(0.25) },
  { name: 'XY_COLOR_BLT Y-tiled', dw: fill(true), swctrl: SWCTRL_DST_Y, like: 'fill', budget: least(0.25) },
  { name: 'XY_SRC_COPY_BLT linear', dw: copy(false, false), swctrl: 0, like: 'copyWithin', budget: least(0.5) },
  { name: 'XY_SRC_COPY_BLT linear to X', dw: copy(true, false), swctrl: 0, like: 'copyWithin', budget: least(0.25) },
  { name: 'XY_SRC_COPY_BLT X to X', dw: copy(true, true), swctrl: 0, like: 'copyWithin', budget: least(0.25) },
  { name: 'XY_SRC_COPY_BLT linear to Y', dw: copy(true, false), swctrl: SWCTRL_DST_Y, like: 'copyWithin', budget: least(0.25) },
  { name: 'XY_SRC_COPY_BLT Y to linear', dw: copy(false, true), swctrl: SWCTRL_SRC_Y, like: 'copyWithin', budget: least(0.25) },
  { name: 'XY_SRC_COPY_BLT Y to Y', dw: copy(true, true), swctrl: SWCTRL_DST_Y | SWCTRL_SRC_Y, like: 'copyWithin', budget: least(0.25) },
] as const;

/**
 * 4 MiB blits, from the write of TAIL to the seqno: ring, batch, page tables and all, against one
 * typed-array call on the same shared memory.
 */
export async function blitSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const machine = new ScriptedMachine('direct');
  const driver = machine.dom0;
  driver.start(BCS);
  const to = driver.words(TO, WORDS);
  const both = driver.words(FROM, WORDS + (TO - FROM) / 4);
  const plain = {
    fill: () => to.fill(0x12345678),
    copyWithin: () => both.copyWithin((TO - FROM) / 4, 0, WORDS),
  };
  for (const { name, dw, swctrl, like, budget } of CASES) {
    progress(name);
    driver.batch(dw);
    driver.mmio.write(R.BCS_SWCTRL, 4, swctrl | (3 << 16));
    const { a, b } = await interleave(
      quick ? 15 : 101,
      10,
      () => runRequests(machine, driver, IN_SAMPLE),
      () => {
        const start = performance.now();
        for (let i = 0; i < IN_SAMPLE; i++) plain[like]();
        return ((performance.now() - start) * 1e6) / IN_SAMPLE;
      },
    );
    const speed = (ns: readonly number[]): string => {
      const sorted = [...ns].sort((x, y) => x - y);
      return (BYTES / (sorted[sorted.length >> 1] as number)).toFixed(1);
    };
    const detail = `${speed(a)} GB/s, ${like} ${speed(b)} GB/s`;
    rows.push(row(SUITE, `${name}, 4 MiB`, 'x', quotients(b, a), budget, detail));
  }
  return rows;
}
