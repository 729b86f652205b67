import { defineConfig } from 'tsdown';
import { base } from '../../tsdown.base.ts';

export default defineConfig({
  ...base,
  entry: { index: 'src/index.ts', 'cli/main': 'src/cli/main.ts' },
  dts: { entry: 'src/index.ts' },
  platform: 'node',
  tsconfig: 'tsconfig.json',
});
