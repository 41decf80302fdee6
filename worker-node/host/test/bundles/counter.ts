/** What the tests deploy: a counter that can also misbehave, and a task. */
import { actor, task } from '@troupe/sdk';

export const Counter = actor('Counter', {
  state: () => ({ count: 0 }),
  methods: {
    add(c, by: number) {
      c.state.count += by;
      return c.state.count;
    },
    /** Takes its whole process down, once: the marker says that it has been here. */
    async crashOnce(c, marker: string) {
      const { existsSync, writeFileSync } = await import('node:fs');
      if (!existsSync(marker)) {
        writeFileSync(marker, '');
        process.exit(9);
      }
      c.state.count += 100;
      return c.state.count;
    },
    /** Never gives the event loop back. */
    block(_c) {
      for (;;);
    },
    pid(_c) {
      return process.pid;
    },
    environment(_c) {
      return Object.keys(process.env).sort();
    },
  },
  reads: {
    count: (c) => c.state.count,
  },
});

export const double = task('double', async (_c, n: number) => n * 2);
