import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: ['**/test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '.troupe/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is polled for must come; how long it may take is bounded by the test.
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
  },
});
