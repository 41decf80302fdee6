/** The bundle of these benches: actors whose state has a size that is asked for. */
import { actor } from '@troupe/sdk';

const noteLength = 1_000;

export const Ballast = actor('Ballast', {
  state: () => ({ n: 0, notes: [] as string[] }),
  methods: {
    /** Adds so many notes of 1,000 characters, each of its own. */
    load(c, count: number) {
      const { notes } = c.state;
      for (let i = 0; i < count; i++) notes.push(`${notes.length} `.padEnd(noteLength, 'x'));
      return notes.length;
    },
    add(c) {
      c.state.n += 1;
      return c.state.n;
    },
  },
});
