import type { Row } from '../lib/measure.ts';

export interface SuiteOptions {
  /** Fewer and shorter rounds: to see that it runs. */
  readonly quick: boolean;
  /** Says what is being measured. */
  readonly progress: (text: string) => void;
}

export type Suite = (options: SuiteOptions) => Promise<readonly Row[]>;
