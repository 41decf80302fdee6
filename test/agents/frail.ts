/** Agents that fail for as long as a file is there, and are given up soon. */
import { existsSync } from 'node:fs';
import { actor } from '@troupe/sdk';

export const Frail = actor('Frail', {
  state: () => ({ ids: [] as string[] }),
  restart: { backoffMs: 10, failuresMax: 2 },
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    /** Ends its runner while the file is there. */
    crash(c, id: string, file: string) {
      if (existsSync(file)) process.exit(9);
      c.state.ids.push(id);
    },
  },
  reads: { ids: (c) => [...c.state.ids] },
});

export const Friend = actor('Friend', {
  state: () => ({}),
  methods: {
    write(c, key: string, id: string) {
      c.send(Frail, key).add(id);
    },
    /** By a timer of its own. */
    writesLater(c, key: string, id: string, delayMs: number) {
      c.send(Frail, key, { delayMs }).add(id);
    },
  },
});
