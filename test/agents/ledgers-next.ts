/** Ledgers as they are: ids with the version that took them in, and how often the state was migrated. */
import { actor } from '@troupe/sdk';

interface Entry {
  readonly id: string;
  readonly by: number;
}

export const Ledger = actor('Ledger', {
  version: 2,
  state: () => ({ entries: [] as Entry[], migrations: 0 }),
  migrate(state: { ids: string[] }) {
    if (state.ids.includes('thirteen')) throw new Error('thirteen cannot be migrated');
    return { entries: state.ids.map((id) => ({ id, by: 1 })), migrations: 1 };
  },
  methods: {
    add(c, id: string) {
      c.state.entries.push({ id, by: 2 });
      return c.state.entries.length;
    },
    async addLater(c, id: string) {
      await c.waitFor('go');
      c.state.entries.push({ id, by: 2 });
      return 2;
    },
  },
  reads: {
    ids: (c) => c.state.entries.map(({ id }) => id),
    version: () => 2,
    migrations: (c) => c.state.migrations,
  },
  waitsMs: 120_000,
});
