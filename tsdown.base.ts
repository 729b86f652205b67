import type { UserConfig } from 'tsdown';

/** What every package's library build has in common. */
export const base: UserConfig = {
  entry: ['src/index.ts'],
  format: 'esm',
  dts: true,
  platform: 'neutral',
  tsconfig: 'tsconfig.src.json',
  fixedExtension: false,
  clean: true,
};
