/** Accounts of a scope that goes back in time again and again. */
import { actor } from '@troupe/sdk';

const turnLimitMs = 60_000;

export const Vault = actor('Vault', {
  state: () => ({ balance: 0, entries: [] as [id: string, amount: number][] }),
  methods: {
    credit(c, id: string, amount: number) {
      c.state.balance += amount;
      c.state.entries.push([id, amount]);
    },
    /** By an awaited call: at every savepoint both sides are there, or none. */
    async move(c, id: string, to: string, amount: number) {
      c.state.balance -= amount;
      c.state.entries.push([id, -amount]);
      await c.actor('Vault', to)['credit']?.(id, amount);
    },
    /** By a letter. */
    post(c, id: string, to: string, amount: number) {
      c.state.balance -= amount;
      c.state.entries.push([id, -amount]);
      c.send('Vault', to)['credit']?.(id, amount);
    },
  },
  reads: {
    balance: (c) => c.state.balance,
    statement: (c) => ({ balance: c.state.balance, entries: [...c.state.entries] }),
  },
  turnLimitMs,
});
