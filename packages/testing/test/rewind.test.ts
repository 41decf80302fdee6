/** A scope that goes back in time, seen in a test cluster. */
import { actor } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const Account = actor('Account', {
  state: () => ({ balance: 100, log: [] as string[] }),
  methods: {
    deposit(c, amount: number, why = '') {
      c.state.balance += amount;
      c.state.log.push(why);
      return c.state.balance;
    },
    /** By an awaited call. */
    async pay(c, to: string, amount: number) {
      c.state.balance -= amount;
      await c.actor(Account, to).deposit(amount, `from ${c.key}`);
      return c.state.balance;
    },
    /** By a letter: between the two it is in transit. */
    mail(c, to: string, amount: number) {
      c.state.balance -= amount;
      c.send(Account, to).deposit(amount, `mail from ${c.key}`);
    },
    later(c, afterMs: number, amount: number) {
      c.timers.set('later', { afterMs, method: 'deposit', args: [amount, 'timer'] });
    },
    cancelLater(c) {
      c.timers.cancel('later');
    },
    async approve(c) {
      c.state.log.push(await c.waitFor<string>('approval'));
      return c.state.log.at(-1);
    },
  },
  reads: { balance: (c) => c.state.balance, log: (c) => c.state.log },
});

const keys = ['a', 'b', 'c', 'd'];
const id = (key: string) => `default/Account/${key}`;
let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Account } });
});

afterEach(async () => {
  await cluster.stop();
});

function bank() {
  const troupe = cluster.connect();
  const account = (key: string) => troupe.actor(Account, key, { scope: 'bank' });
  const balances = async () => {
    return await Promise.all(keys.map(async (key) => await account(key).balance()));
  };
  return { troupe, account, balances, scope: troupe.scope('bank') };
}

describe('a scope that goes back to a savepoint', () => {
  test('is what it was then, and goes on from there', async () => {
    const { account, balances, scope } = bank();
    await account('a').pay('b', 10);
    await account('c').pay('d', 5);
    await scope.savepoint('noon');
    await account('a').pay('c', 30);
    await account('b').deposit(7);
    expect(await balances()).toEqual([60, 117, 125, 105]);
    const { line, incarnation } = await scope.rewind({ savepoint: 'noon' });
    expect(line[id('a')]).toBe(1);
    expect(incarnation).toBeGreaterThan(0);
    expect(await balances()).toEqual([90, 110, 95, 105]);
    expect(await account('a').pay('d', 1)).toBe(89);
    expect(await balances()).toEqual([89, 110, 95, 106]);
  });

  test('does so whatever died before, and dies after', async () => {
    const { account, balances, scope } = bank();
    await account('a').pay('b', 10);
    await scope.savepoint('noon');
    await account('b').pay('c', 20);
    await cluster.crash(await cluster.whereIs(Account, 'b'));
    await scope.rewind({ savepoint: 'noon' });
    for (const key of keys) {
      await account(key).balance();
      const node = await cluster.whereIs(Account, key);
      await cluster.crash(node);
      await cluster.restart(node);
    }
    expect(await balances()).toEqual([90, 110, 100, 100]);
    await cluster.crash('scheduler');
    await account('b').pay('c', 1);
    await scope.rewind({ savepoint: 'noon' });
    expect(await balances()).toEqual([90, 110, 100, 100]);
  });

  test('takes only along whoever knows of something beyond', async () => {
    const { account, balances, scope } = bank();
    await account('a').pay('b', 10);
    await account('a').pay('b', 10);
    await account('c').pay('d', 3);
    const { line } = await scope.rewind({ actor: id('a'), turn: 1 });
    expect(line).toEqual({ [id('a')]: 1, [id('b')]: 1, [id('c')]: 1, [id('d')]: 1 });
    expect(await balances()).toEqual([90, 110, 97, 103]);
  });

  test('has no turn of what was abandoned, whatever comes later', async () => {
    const { troupe, account, scope } = bank();
    for (const amount of [1, 2, 4]) await account('a').deposit(amount);
    const later = await scope.savepoint('later');
    await scope.rewind({ actor: id('a'), turn: 1 });
    for (const amount of [8, 16, 32, 64]) await account('a').deposit(amount);
    await expect(later.actor(Account, 'a').balance()).rejects.toMatchObject({
      code: 'TOO_FAR_BACK',
    });
    const abandoned = scope.rewind({ actor: id('a'), turn: 3 });
    await expect(abandoned).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(await troupe.actor(Account, 'a', { atTurn: 1 }).balance()).toBe(101);
    expect(await troupe.actor(Account, 'a', { atTurn: 6 }).balance()).toBe(125);
  });

  test('forgets savepoints that lie beyond, and keeps those before', async () => {
    const { account, scope } = bank();
    await account('a').deposit(1);
    await scope.savepoint('one');
    await account('a').deposit(1);
    await scope.savepoint('two');
    await account('a').deposit(1);
    await scope.rewind({ savepoint: 'one' });
    expect((await scope.savepoints()).map(({ name }) => name)).toEqual(['one']);
    await account('a').deposit(1);
    await scope.rewind({ savepoint: 'one' });
    expect(await account('a').balance()).toBe(101);
  });
});

describe('what lies between two actors of a scope that goes back', () => {
  test('a letter that was sent before and taken after the line is sent again, once', async () => {
    const { account, balances, scope } = bank();
    await Promise.all(keys.map(async (key) => await account(key).deposit(0)));
    await account('a').mail('b', 25);
    await cluster.advance('1s');
    await account('a').mail('b', 5);
    await account('b').pay('c', 1);
    await cluster.advance('90s');
    expect(await balances()).toEqual([70, 129, 101, 100]);
    // b goes back to before it had taken anything, a has sent both.
    await scope.rewind({ actor: id('b'), turn: 1 });
    await cluster.advance('5s');
    expect(await balances()).toEqual([70, 130, 100, 100]);
    await account('a').mail('b', 2);
    await cluster.advance('5s');
    expect(await balances()).toEqual([68, 132, 100, 100]);
    // It has taken three since then: back to after the first of them.
    const { last } = await scope.line({ actor: id('b'), turn: 1 });
    await scope.rewind({ actor: id('b'), turn: (last[id('b')] ?? 0) - 2 });
    await cluster.advance('5s');
    expect(await balances()).toEqual([68, 132, 100, 100]);
    await cluster.crash(await cluster.whereIs(Account, 'a'));
    await account('a').mail('b', 2);
    await cluster.advance('10s');
    expect(await balances()).toEqual([66, 134, 100, 100]);
  });

  test('a letter that was sent beyond the line never comes', async () => {
    const { account, balances, scope } = bank();
    await Promise.all(keys.map(async (key) => await account(key).deposit(0)));
    const sending = [1, 2, 3, 4].map(async (amount) => await account('a').mail('b', amount));
    await Promise.all(sending);
    await scope.rewind({ actor: id('a'), turn: 3 });
    await cluster.advance('5s');
    const [a = 0, b = 0] = await balances();
    expect(a + b).toBe(200);
    expect(await account('b').log()).toHaveLength(3);
  });
});

describe('what lies between a scope that goes back and others', () => {
  test('a call that has begun beyond the line is told so, and never runs again', async () => {
    const { account, scope } = bank();
    await account('a').deposit(1);
    const approved = account('a').approve();
    await cluster.advance('1s');
    const rewound = scope.rewind({ actor: id('a'), turn: 0 });
    await expect(approved).rejects.toMatchObject({ code: 'REWOUND' });
    await rewound;
    expect(await account('a').log()).toEqual([]);
  });

  test('a turn that waits, and knows of nothing beyond, goes on waiting', async () => {
    const { troupe, account, scope } = bank();
    await account('b').deposit(1);
    const approved = account('a').approve();
    await cluster.advance('1s');
    await scope.rewind({ actor: id('b'), turn: 0 });
    await troupe.signal(Account, 'a', 'approval', 'yes');
    expect(await approved).toBe('yes');
  });

  test('timers that were set before wait again, those that were set after are gone', async () => {
    const { account, scope } = bank();
    await account('a').later(3_600_000, 5);
    await account('a').cancelLater();
    await account('a').later(60_000, 7);
    await cluster.advance('2m');
    expect(await account('a').balance()).toBe(107);
    await scope.rewind({ actor: id('a'), turn: 3 });
    expect(await account('a').balance()).toBe(100);
    await cluster.advance('2m');
    expect(await account('a').balance()).toBe(107);
    await scope.rewind({ actor: id('a'), turn: 1 });
    await cluster.advance('2m');
    expect(await account('a').balance()).toBe(100);
    await cluster.advance('61m');
    expect(await account('a').balance()).toBe(105);
  });

  test('a letter that has left the scope is not taken back, and none comes twice', async () => {
    const { troupe, account, scope } = bank();
    const outside = troupe.actor(Account, 'outside', { scope: 'elsewhere' });
    await outside.deposit(0);
    await account('a').mail('outside', 10);
    await account('a').mail('outside', 20);
    await cluster.advance('2s');
    await scope.rewind({ actor: id('a'), turn: 1 });
    await account('a').mail('outside', 30);
    await cluster.advance('5s');
    expect(await outside.balance()).toBe(160);
    expect(await account('a').balance()).toBe(60);
    expect(await account('a').pay('outside', 1)).toBe(59);
    // The number of what was abandoned is not used again.
    await scope.rewind({ actor: id('a'), turn: 4 });
    expect(await account('a').pay('outside', 1)).toBe(59);
    expect(await outside.balance()).toBe(162);
  });
});

describe('a scope does not go back', () => {
  test('to a turn that there is not, and nobody is any the worse', async () => {
    const { account, balances, scope } = bank();
    await account('a').pay('b', 10);
    const beyond = scope.rewind({ actor: id('a'), turn: 9 });
    await expect(beyond).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(scope.rewind({ savepoint: 'x' })).rejects.toMatchObject({
      code: 'UNKNOWN_SAVEPOINT',
    });
    expect(await account('a').pay('b', 10)).toBe(80);
    expect(await balances()).toEqual([80, 120, 100, 100]);
  });
});
