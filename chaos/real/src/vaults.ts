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
    /** What is called off already is not debited any more. */
    debit(c, id: string, amount: number) {
      if (c.state.entries.some(([entry]) => entry === id)) throw new Error(`${id} is called off`);
      c.state.balance -= amount;
      c.state.entries.push([id, -amount]);
    },
    accept(c, id: string, amount: number, declines: boolean) {
      if (declines) throw new Error('declined');
      c.state.balance += amount;
      c.state.entries.push([id, amount]);
    },
    /** Gives back what was debited. */
    callOff(c, id: string, amount: number) {
      const back = c.state.entries.some(([entry]) => entry === id) ? amount : 0;
      c.state.balance += back;
      c.state.entries.push([id, back]);
    },
  },
  reads: {
    balance: (c) => c.state.balance,
    statement: (c) => ({ balance: c.state.balance, entries: [...c.state.entries] }),
  },
  turnLimitMs,
});

export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  /** The receiver takes no money: what was debited is given back. */
  readonly declines: boolean;
}

/** Of the same scope: moves money from one account to another, or gives it back. */
export const Cashier = actor('Cashier', {
  state: () => ({ transfers: 0 }),
  methods: {
    async transfer(c, id: string, { from, to, amount, declines }: Transfer) {
      c.compensate('call off', ({ actor: callee }) => callee(Vault, from).callOff(id, amount));
      await c.actor(Vault, from).debit(id, amount);
      await c.actor(Vault, to).accept(id, amount, declines);
      c.state.transfers += 1;
    },
  },
  turnLimitMs,
});
