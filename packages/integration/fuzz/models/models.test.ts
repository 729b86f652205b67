import { expect, test } from 'vitest';
import { runModel } from './campaign.ts';
import { MODELS } from './index.ts';

test.each(MODELS.map((m) => m.name))(
  '%s: nothing that a guest does throws or takes long',
  (model) => {
    const report = runModel({ model, cases: 200_000, seed: 1, life: null }, new Int32Array(2));
    expect(report.failure).toBeNull();
    expect(report.cases).toBe(200_000);
  },
);

test('a part that throws is told, with how to see it again', () => {
  const thrower = {
    name: 'thrower',
    make: () => ({
      step: (): string | null => {
        throw new Error('no');
      },
      end: (): string | null => null,
    }),
  };
  (MODELS as unknown as object[]).push(thrower);
  try {
    const report = runModel(
      { model: 'thrower', cases: 10, seed: 3, life: null },
      new Int32Array(2),
    );
    expect(report.failure).toMatch(/life 0, case 0: it throws: Error: no/);
    expect(report.failure).toMatch(/--model thrower --seed 3 --life 0/);
  } finally {
    (MODELS as unknown as object[]).pop();
  }
});
