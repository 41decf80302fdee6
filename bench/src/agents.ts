/** The bundle that the benchmarks deploy. */
import { actor, type Ref, task, workflow } from '@troupe/sdk';

export const Counter = actor('Counter', {
  state: () => ({ n: 0 }),
  methods: {
    add(c, by: number) {
      c.state.n += by;
      return c.state.n;
    },
  },
  reads: {
    get(c) {
      return c.state.n;
    },
  },
});

export const noop = task('noop', (_c, input: number) => input, { resources: { cpu: 0.001 } });

export const joined = task('joined', (_c, input: { all: number[] }) => input.all.length, {
  resources: { cpu: 0.001 },
});

export const fanOut = workflow('fanOut', (w, input: Ref<{ items: number[] }>) => {
  const all = w.each('work', input.items, noop, (item) => item, { inFlightMax: 1_000 });
  return w.task('join', joined, { all });
});

export const chain = workflow('chain', (w, input: Ref<{ from: number }>) => {
  let last = w.task('block0', noop, input.from);
  for (let n = 1; n < 100; n++) last = w.task(`block${n}`, noop, last);
  return { last };
});
