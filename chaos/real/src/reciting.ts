/** Turns of the chaos suite that yield: each run of a turn yields values of its own. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { actor } from '@troupe/sdk';

const turnLimitMs = 60_000;

/** The place of a value, and the run that has yielded it. */
export type Verse = readonly [at: number, run: string];

export const Reciter = actor('Reciter', {
  state: () => ({ ids: [] as string[] }),
  methods: {
    async *recite(c, id: string, count: number, restMs: number): AsyncGenerator<Verse, number> {
      const run = randomUUID().slice(0, 8);
      for (let at = 0; at < count; at++) {
        if (at % 5 === 0) await c.step(`rest ${at}`, () => pause(restMs, at));
        yield [at, run];
      }
      c.state.ids.push(id);
      return count;
    },
  },
  reads: { ids: (c) => [...c.state.ids] },
  turnLimitMs,
});
