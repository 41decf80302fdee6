/** Agents whose methods yield: what the tests of streams deploy. */
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { actor } from '@troupe/sdk';

export interface Page {
  readonly page: number;
  /** Another one whenever the turn runs anew. */
  readonly run: string;
}

export const Reader = actor('Reader', {
  state: () => ({ read: 0 }),
  methods: {
    /** Leaves a line in the file for each page that it fetches. */
    async *pages(c, to: number, file: string) {
      const run = randomUUID();
      for (let page = 0; page < to; page++) {
        await c.step(`fetch ${page}`, ({ effectId }) => appendFileSync(file, `${effectId}\n`));
        await pause(10);
        yield { page, run } satisfies Page as Page;
      }
      c.state.read += to;
      return c.state.read;
    },
    /** Crashes its runner at this page, unless the file says that it has. */
    async *crashes(_c, at: number, to: number, file: string) {
      for (let page = 0; page < to; page++) {
        await pause(10);
        if (page === at && !existsSync(file)) {
          writeFileSync(file, '');
          process.exit(9);
        }
        yield page;
      }
    },
    async *large(_c, count: number) {
      for (let at = 0; at < count; at++) yield { at, text: 'x'.repeat(50_000) };
    },
  },
  reads: { read: (c) => c.state.read },
});
