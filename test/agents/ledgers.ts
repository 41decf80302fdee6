/** Ledgers as they were: a list of ids. */
import { actor } from '@troupe/sdk';

export const Ledger = actor('Ledger', {
  state: () => ({ ids: [] as string[] }),
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    async addLater(c, id: string) {
      await c.waitFor('go');
      c.state.ids.push(id);
      return 1;
    },
  },
  reads: { ids: (c) => c.state.ids, version: () => 1, migrations: () => 0 },
  waitsMs: 120_000,
});
