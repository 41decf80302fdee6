/** Agents that say how far they are, and use some cpu. */
import { actor, task } from '@troupe/sdk';

export const Scanner = actor('Scanner', {
  state: () => ({ pages: [] as string[] }),
  waitsMs: 600_000,
  methods: {
    async scan(c, book: string) {
      c.progress(0.5, `half of ${book}`);
      await c.waitFor('goOn');
      c.state.pages.push(book);
      return c.state.pages.length;
    },
    burn(_c, ms: number) {
      const from = process.cpuUsage();
      for (;;) {
        const { user, system } = process.cpuUsage(from);
        if (user + system >= ms * 1_000) return 'x'.repeat(2_000);
      }
    },
  },
  reads: { pages: (c) => [...c.state.pages] },
});

/** It goes on until it is cancelled. */
export const crawl = task('crawl', async (c) => {
  for (let page = 1; !c.signal.aborted; page++) {
    c.progress(Math.min(page / 10, 0.9), `page ${page}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
