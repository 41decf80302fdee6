/** The bundle that the chaos suite deploys: what its workloads call, and what its faults abuse. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { actor, type Ref, TroupeError, task, workflow } from '@troupe/sdk';

const turnLimitMs = 20_000;
const opening = 100;
const light = { cpu: 0.01 };

/** Keeps every id it was given, in order: what took effect, and how often. */
export const Ledger = actor('Ledger', {
  state: () => ({ ids: [] as string[] }),
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    /** Long enough to be cancelled in its midst; heeds the signal only when told to. */
    async addSlowly(c, id: string, ms: number, heeds: boolean) {
      await pause(ms, undefined, heeds ? { signal: c.signal } : {});
      c.state.ids.push(id);
      return c.state.ids.length;
    },
  },
  reads: { ids: (c) => [...c.state.ids] },
  turnLimitMs,
});

export const Account = actor('Account', {
  state: () => ({ balance: opening, entries: [] as [string, number][] }),
  methods: {
    /** Answers false, and changes nothing, when there is not enough. */
    debit(c, id: string, amount: number) {
      if (c.state.balance < amount) return false;
      c.state.balance -= amount;
      c.state.entries.push([id, -amount]);
      return true;
    },
    credit(c, id: string, amount: number) {
      c.state.balance += amount;
      c.state.entries.push([id, amount]);
    },
    /** Debits itself; the other side gets a letter. */
    pay(c, id: string, to: string, amount: number) {
      if (c.state.balance < amount) return false;
      c.state.balance -= amount;
      c.state.entries.push([id, -amount]);
      c.send('Account', to)['credit']?.(id, amount);
      return true;
    },
  },
  reads: {
    has: (c, id: string) => c.state.entries.some(([entry]) => entry === id),
    statement: (c) => ({ balance: c.state.balance, entries: [...c.state.entries] }),
  },
  turnLimitMs,
});

/** Moves money by two awaited calls. What was debited is credited, however often it must ask; when
 *  nobody knows whether it was, the account says it. */
export const Teller = actor('Teller', {
  state: () => ({ moves: 0 }),
  methods: {
    async move(c, id: string, from: string, to: string, amount: number) {
      if (!(await c.actor(Account, from).debit(id, amount))) return false;
      for (let done = false; !done; ) {
        try {
          const account = c.actor(Account, to);
          done = await account.has(id);
          if (!done) await account.credit(id, amount);
          done = true;
        } catch (reason) {
          if (!(reason instanceof TroupeError) || reason.outcome === 'done') throw reason;
          await pause(50);
        }
      }
      c.state.moves += 1;
      return true;
    },
    /** Turns are one after another: once this is answered, no earlier move is under way. */
    settle: (c) => c.state.moves,
  },
  turnLimitMs: 120_000,
});

export const List = actor('List', {
  state: () => ({ items: [] as [string, number][] }),
  methods: {
    append(c, writer: string, number: number) {
      c.state.items.push([writer, number]);
      return c.state.items.length;
    },
  },
  reads: {
    tail: (c) => ({ length: c.state.items.length, last: c.state.items.at(-1) ?? null }),
    items: (c) => [...c.state.items],
  },
  turnLimitMs,
});

/** Appends by letters, numbered without a gap for each list. */
export const Poster = actor('Poster', {
  state: () => ({ posted: 0 }),
  methods: {
    post(c, list: string) {
      c.send(List, list).append(c.key, c.state.posted);
      c.state.posted += 1;
      return c.state.posted;
    },
  },
  reads: { posted: (c) => c.state.posted },
  turnLimitMs,
});

export const Register = actor('Register', {
  state: () => ({ value: 0 }),
  methods: {
    write(c, value: number) {
      c.state.value = value;
    },
    swap(c, from: number, to: number) {
      if (c.state.value !== from) return false;
      c.state.value = to;
      return true;
    },
  },
  reads: { read: (c) => c.state.value },
  turnLimitMs,
});

/** A bad neighbour: what it does hurts the runner that it lives in. */
export const Hog = actor('Hog', {
  state: () => ({ done: 0 }),
  methods: {
    crash() {
      process.exit(9);
    },
    block(c, ms: number) {
      const end = performance.now() + ms;
      while (performance.now() < end);
      c.state.done += 1;
    },
    eat() {
      const eaten: number[][] = [];
      for (;;) eaten.push(new Array<number>(100_000).fill(eaten.length));
    },
  },
  turnLimitMs,
});

export interface Visit {
  readonly id: string;
  readonly key: string;
  readonly number: number;
}

/** Notes each attempt in a ledger. The nonce tells the result of one attempt from any other's. */
export const visit = task(
  'visit',
  async (c, input: Visit) => {
    await c.actor(Ledger, input.key).add(`${input.id}#${c.attempt}`);
    return { doubled: input.number * 2, attempt: c.attempt, nonce: randomUUID() };
  },
  { resources: light, retries: 20, backoffMs: [200], limitMs: turnLimitMs },
);

/** Takes the whole of what tenants contend for, for a while that is the same for all. */
export const spend = task(
  'spend',
  async () => {
    await pause(100);
  },
  { resources: { ...light, share: 1 }, retries: 20, backoffMs: [200], limitMs: turnLimitMs },
);

export const square = task('square', (_c, input: number) => input * input, {
  resources: light,
  retries: 20,
  backoffMs: [200],
  limitMs: turnLimitMs,
});

export const sum = task(
  'sum',
  (_c, input: { squares: number[]; answer: number }) =>
    input.squares.reduce((total, one) => total + one, input.answer),
  { resources: light, retries: 20, backoffMs: [200], limitMs: turnLimitMs },
);

export interface Tour {
  readonly id: string;
  readonly key: string;
  readonly items: number[];
}

/** Fan-out, a question to a person, a call, and a join of what came of them. */
export const tour = workflow('tour', (w, input: Ref<Tour>) => {
  const squares = w.each('square', input.items, square, (item) => item);
  const answer = w.pause<number>('approve', { squares });
  w.call('note', Ledger, input.key, 'add', [input.id], { after: [answer] });
  const total = w.task('sum', sum, { squares, answer }, { after: ['note'] });
  return { squares, total };
});

export { Crier, Hearer } from './broadcasts.ts';
export { Diary } from './diary.ts';
export { Carrier, Depot } from './parcels.ts';
export { half, halfRight, pair, quarter, urgent, whole, wholeLeft } from './placing.ts';
export { Reciter } from './reciting.ts';
export { Waker } from './timing.ts';
export { Agency, Trip } from './trips.ts';
export { Cashier, Vault } from './vaults.ts';
export { refuse, stage, voyage } from './voyages.ts';
