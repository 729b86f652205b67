import { mix, Random } from '../lib/random.ts';
import { MODELS } from './index.ts';

/** Cases of one life. */
const LIFE_CASES = 20_000;
/** A case that takes longer is a failure, milliseconds: a picture takes some tens. */
const CASE_MS = 5_000;

export interface ModelOptions {
  readonly model: string;
  readonly cases: number;
  readonly seed: number;
  /** Only this life of the seed. */
  readonly life: number | null;
}

export interface ModelReport {
  readonly cases: number;
  readonly lives: number;
  readonly slowestMs: number;
  readonly failure: string | null;
}

/**
 * Cases at random against one part, until there were enough or one was wrong.
 *
 * @param at tells another thread the life and the case that run
 */
export function runModel(options: ModelOptions, at: Int32Array): ModelReport {
  const model = MODELS.find((m) => m.name === options.model);
  if (model === undefined) throw new Error(`there is no model "${options.model}"`);
  const random = new Random();
  let cases = 0;
  let slowestMs = 0;
  let life = options.life ?? 0;
  for (; cases < options.cases; life++) {
    at[0] = life;
    random.seed(mix(options.seed, life));
    const one = model.make(random);
    for (let i = 0; i <= LIFE_CASES; i++) {
      at[1] = i;
      const began = performance.now();
      let wrong: string | null;
      try {
        wrong = i === LIFE_CASES ? one.end() : one.step(random);
      } catch (error) {
        wrong = `it throws: ${(error as Error).stack ?? String(error)}`;
      }
      const took = performance.now() - began;
      slowestMs = Math.max(slowestMs, took);
      if (took > CASE_MS) wrong ??= `it takes ${took.toFixed(0)} ms`;
      if (wrong !== null) {
        const again = `npm run fuzz -- --model ${model.name} --seed ${options.seed} --life ${life}`;
        const failure = `life ${life}, case ${i}: ${wrong}\nagain: ${again}`;
        return { cases: cases + i, lives: life + 1, slowestMs, failure };
      }
    }
    cases += LIFE_CASES;
    if (options.life !== null) break;
  }
  return { cases, lives: life, slowestMs, failure: null };
}

/** The report for a person. */
export function modelFigures(report: ModelReport, seconds: number): string {
  const n = (value: number): string => value.toLocaleString('en-US');
  return (
    `${n(report.cases)} cases of ${report.lives} lives, ${seconds.toFixed(1)} s\n` +
    `slowest case ${report.slowestMs.toFixed(0)} ms`
  );
}
