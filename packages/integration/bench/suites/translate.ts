import { type AddressSpace, Ggtt, MachineMemory, Ppgtt, pteAddress } from '@xengt/hsw-device';
import { type Row, row, summary } from '../lib/measure.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'translate';
const BUDGET = { limit: 5, sense: 'most' } as const;
const OPS = 4096;
const CALLS = 64;
const REGION_MIB = 64;
const FIRST_MFN = 0x10000;

function nsOf(call: () => void): number {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) call();
  return ((performance.now() - start) * 1e6) / (OPS * CALLS);
}

/** GGTT and PPGTT look-ups that hit, over 16 MiB of pages that are not in order in memory. */
export async function translateSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const memory = new MachineMemory();
  const words = new Int32Array(new SharedArrayBuffer(REGION_MIB << 20));
  memory.addRegion(FIRST_MFN * 4096, words);
  const ggtt = new Ggtt(memory);
  const frame = (page: number): number => FIRST_MFN + ((page * 5 + 3) & 0xfff);
  for (let page = 0; page < 0x2000; page++) ggtt.write(page, pteAddress(frame(page)) | 1);
  // Four page tables in the region's last pages, named by entries of the GTT.
  for (let t = 0; t < 4; t++) {
    const mfn = FIRST_MFN + 0x3000 + t;
    ggtt.write(0x10000 + t, pteAddress(mfn) | 1);
    for (let k = 0; k < 1024; k++) {
      words[(0x3000 + t) * 1024 + k] = pteAddress(frame(t * 1024 + k)) | 1;
    }
  }
  const ppgtt = new Ppgtt('bench', memory, ggtt);
  ppgtt.base = (0x10000 >>> 4) << 16;
  const rows: Row[] = [];
  let sum = 0;
  let at = 0;
  const next = (): number => (at = (at + 4100) & 0xfffffc);
  const array = (): void => {
    for (let i = 0; i < OPS; i++) sum = (sum + (words[next() >>> 2] as number)) | 0;
  };
  const cases: [string, AddressSpace][] = [
    ['GGTT', ggtt.space],
    ['PPGTT', ppgtt.space],
  ];
  for (const [name, space] of cases) {
    progress(name);
    const look = (): void => {
      for (let i = 0; i < OPS; i++) {
        const page = next() >>> 12;
        sum = (sum + space.region(page) + space.word(page)) | 0;
      }
    };
    const read = (): void => {
      for (let i = 0; i < OPS; i++) sum = (sum + space.read32(next())) | 0;
    };
    const times: [number[], number[], number[]] = [[], [], []];
    const rounds = quick ? 11 : 101;
    for (let i = -5; i < rounds; i++) {
      [look, read, array].forEach((fn, k) => {
        const ns = nsOf(fn);
        if (i >= 0) (times[k] as number[]).push(ns);
      });
    }
    const plain = `plain array read ${summary(times[2]).median.toFixed(1)} ns`;
    rows.push(row(SUITE, `${name} translation, hit`, 'ns', times[0], BUDGET, plain));
    rows.push(row(SUITE, `${name} translated 32-bit read`, 'ns', times[1], null, plain));
    if (space.faults > 0) throw new Error(`${name}: ${space.faults} faults`);
  }
  if (sum === 1) progress('');
  return rows;
}
