import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['source'] },
  // Packages are imported through their sources; in Node tests only the ssr list counts.
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages/*/{src,conformance,test,fuzz},scripts}/**/*.test.ts'],
          // A machine with more to do than tests is slow, not wrong.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'guest',
          include: ['packages/integration/test/**/*.guest.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          benchmark: { include: [] },
        },
      },
    ],
    coverage: { include: ['packages/*/src/**/*.ts'] },
  },
});
