import type { Random } from '../lib/random.ts';

/** One life of a part of the guest's machine, made anew every few thousand cases. */
export interface ModelLife {
  /** One case: an access, a call, a file. @returns what was wrong, or null; it never throws */
  step(random: Random): string | null;
  /** Looks at the whole once more before the life ends. */
  end(): string | null;
}

/** A part that a guest reaches without the GPU. */
export interface Model {
  /** As `--model` names it. */
  readonly name: string;
  make(random: Random): ModelLife;
}
