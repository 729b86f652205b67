import type { Driver } from '../lib/driver.ts';
import { aperture, config, look, plug, time } from './machine.ts';
import { buses, flipBits, gtt, modeset, oneBlock, registers, tables } from './registers.ts';
import { batch, grammarRing, mutate, randomRing, wildRing } from './work.ts';

/** One kind of step: a burst of things of one sort that a driver may do. */
export interface StepKind {
  readonly name: string;
  readonly weight: number;
  readonly run: (d: Driver) => void;
}

// biome-ignore format: one kind a line
export const STEPS: readonly StepKind[] = [
  { name: 'registers',   weight: 20, run: registers },
  { name: 'block',       weight: 10, run: oneBlock },
  { name: 'bits',        weight: 6,  run: flipBits },
  { name: 'gtt',         weight: 6,  run: gtt },
  { name: 'tables',      weight: 6,  run: tables },
  { name: 'aperture',    weight: 5,  run: aperture },
  { name: 'config',      weight: 2,  run: config },
  { name: 'buses',       weight: 3,  run: buses },
  { name: 'modeset',     weight: 2,  run: modeset },
  { name: 'random ring', weight: 5,  run: randomRing },
  { name: 'ring',        weight: 15, run: grammarRing },
  { name: 'batch',       weight: 15, run: batch },
  { name: 'mutate',      weight: 10, run: mutate },
  { name: 'wild ring',   weight: 4,  run: wildRing },
  { name: 'time',        weight: 8,  run: time },
  { name: 'look',        weight: 1,  run: look },
  { name: 'plug',        weight: 1,  run: plug },
];

/** Step kind by a number from 0 to the sum of the weights. */
export const BY_WEIGHT: readonly number[] = STEPS.flatMap((kind, i) =>
  Array.from({ length: kind.weight }, () => i),
);
