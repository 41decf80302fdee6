/** The bundle that the end-to-end tests deploy. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { actor, type Ref, task, workflow } from '@troupe/sdk';

/** Keeps every id it was given, in order: what took effect, and how often. */
export const Counter = actor('Counter', {
  state: () => ({ ids: [] as string[] }),
  methods: {
    add(c, id: string) {
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    /** Holds the turn open, and says so by a file: a test can freeze the node in its midst. */
    async addSlowly(c, id: string, ms: number, began?: string) {
      if (began !== undefined) writeFileSync(began, '');
      await pause(ms);
      c.state.ids.push(id);
      return c.state.ids.length;
    },
    fail(c, id: string) {
      c.state.ids.push(id);
      throw new Error(`no ${id}`);
    },
    keep(c, value: unknown) {
      (c.state as { kept?: unknown }).kept = value;
    },
    keepSocket(c) {
      (c.state as { sockets?: unknown }).sockets = [() => 1];
    },
    crash() {
      process.exit(9);
    },
    /** Takes all the memory of its runner. */
    eat() {
      const eaten: number[][] = [];
      for (;;) eaten.push(new Array<number>(100_000).fill(eaten.length));
    },
  },
  reads: {
    ids(c) {
      return [...c.state.ids];
    },
    async idsSlowly(c, ms: number, began: string) {
      writeFileSync(began, '');
      await pause(ms);
      return [...c.state.ids];
    },
  },
});

/** Cannot be made under a key that says so. */
export const Fragile = actor('Fragile', {
  state: (key) => {
    if (key.startsWith('broken')) throw new Error(`no state for ${key}`);
    return { calls: 0 };
  },
  methods: {
    call(c) {
      c.state.calls += 1;
      return c.state.calls;
    },
  },
});

/** Takes steps that leave a line in a file each. */
export const Stepper = actor('Stepper', {
  state: () => ({ done: 0 }),
  methods: {
    /** The node dies under the third step, the first time that it runs. */
    async threeSteps(c, file: string) {
      const line = (name: string, effect: string) => appendFileSync(file, `${name} ${effect}\n`);
      const first = await c.step('first', ({ effectId }) => {
        line('first', effectId);
        return 1;
      });
      const second = await c.step('second', ({ effectId }) => {
        line('second', effectId);
        return first + 1;
      });
      const third = await c.step('third', ({ effectId }) => {
        if (!existsSync(`${file}.died`)) {
          writeFileSync(`${file}.died`, 'third');
          process.kill(process.ppid, 'SIGKILL');
          return new Promise<number>(() => {});
        }
        line('third', effectId);
        return second + 1;
      });
      c.state.done += 1;
      return third;
    },
  },
  reads: {
    done(c) {
      return c.state.done;
    },
  },
});

/** Sends a letter to each of many counters. */
export const Sender = actor('Sender', {
  state: () => ({ posts: 0 }),
  methods: {
    post(c, keys: string[], id: string) {
      for (const key of keys) c.send(Counter, key).add(id);
      c.state.posts += 1;
      return c.state.posts;
    },
    /** Each letter holds its turn open, as `addSlowly` does. */
    postSlowly(c, letters: { key: string; ms: number; began: string }[], id: string) {
      for (const { key, ms, began } of letters) c.send(Counter, key).addSlowly(id, ms, began);
    },
    /** Awaits another actor. */
    async ask(c, key: string, id: string) {
      return await c.actor(Counter, key).add(id);
    },
    async askBack(c, key: string) {
      return await c.actor(Echo, key).callBack(c.key);
    },
  },
});

/** Calls back whoever calls it. */
export const Echo = actor('Echo', {
  state: () => ({}),
  methods: {
    async callBack(c, key: string): Promise<number> {
      return Number(await c.actor('Sender', key)['post']?.([], 'never'));
    },
  },
});

/** Money moves by an awaited call: from the one that is called first in the order of keys, or to it. */
export const Account = actor('Account', {
  state: () => ({ balance: 100, moves: [] as string[] }),
  methods: {
    async pay(c, id: string, to: string, amount: number) {
      c.state.balance -= amount;
      c.state.moves.push(id);
      await c.actor('Account', to)['credit']?.(id, amount);
    },
    /** The same by a letter. */
    post(c, id: string, to: string, amount: number) {
      c.state.balance -= amount;
      c.state.moves.push(id);
      c.send('Account', to)['credit']?.(id, amount);
    },
    credit(c, id: string, amount: number) {
      c.state.balance += amount;
      c.state.moves.push(id);
    },
  },
  reads: {
    balance: (c) => c.state.balance,
    moves: (c) => [...c.state.moves],
  },
});

export const Broken = actor('Broken', {
  state: () => {
    throw new Error('the constructor does not like this key');
  },
  methods: {
    touch() {
      return 1;
    },
  },
});

export const double = task('double', (_c, input: number) => input * 2, {
  resources: { cpu: 0.01 },
});

export const flaky = task(
  'flaky',
  (c, input: { failures: number }) => {
    if (c.attempt <= input.failures) throw new Error(`attempt ${c.attempt}`);
    return c.attempt;
  },
  { resources: { cpu: 0.01 }, backoffMs: [20] },
);

export const count = task(
  'count',
  async (c, input: { key: string; id: string }) => {
    return await c.actor(Counter, input.key).add(input.id);
  },
  { resources: { cpu: 0.01 } },
);

export const fanOut = workflow('fanOut', (w, input: Ref<{ items: number[] }>) => {
  const doubled = w.each('double', input.items, double, (item) => item);
  return { doubled };
});

export const approval = workflow('approval', (w, input: Ref<{ key: string }>) => {
  const before = w.call('before', Counter, input.key, 'add', ['before']);
  const answer = w.pause('approve', { question: 'go on?', before });
  const after = w.call('after', Counter, input.key, 'add', ['after'], { after: [answer] });
  return { answer, after };
});
