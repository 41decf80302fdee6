import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: ['**/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '.troupe/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Only a bound: it ends within the time of a test, so that the failure says what never came.
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    // Most tests wait for processes of their own: two files at once keep two cores busy.
    maxWorkers: 2,
  },
});
