/** The bundle of these benches: actors whose state has a size that is asked for, and timers. */
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

/** Rings, and keeps by how many ms each ring was late. */
export const Bell = actor('Bell', {
  state: () => ({ lateMs: [] as number[] }),
  methods: {
    wind(c, count: number, at: number) {
      for (let n = 0; n < count; n++) c.timers.set(`t${n}`, { at, method: 'ring', args: [at] });
    },
    ring(c, at: number) {
      c.state.lateMs.push(Date.now() - at);
    },
  },
  reads: {
    lateMs(c) {
      return [...c.state.lateMs];
    },
  },
});
