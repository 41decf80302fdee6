import { actor } from '@troupe/sdk';

export const Counter = actor('Counter', {
  state: () => ({ count: 0 }),
  methods: {
    add(c, by: number) {
      c.state.count += by;
      return c.state.count;
    },
  },
});
