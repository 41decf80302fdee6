/** Letters of clients and tasks, as users see them. */
import { actor, task } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

const Account = actor('Account', {
  state: () => ({ balance: 0, moves: [] as string[], open: true }),
  methods: {
    deposit(c, amount: number, name = String(amount)) {
      if (!c.state.open) throw new Error(`closed for ${name}`);
      c.state.balance += amount;
      c.state.moves.push(name);
    },
    note(c, name: string) {
      c.state.moves.push(name);
    },
    turn(c, open: boolean) {
      c.state.open = open;
    },
    async hold(c, name: string) {
      await c.waitFor('go-on');
      c.state.moves.push(name);
    },
  },
  reads: { balance: (c) => c.state.balance, moves: (c) => [...c.state.moves] },
});

const pay = task(
  'pay',
  async (c, { key, fails }: { key: string; fails: number }) => {
    await c.send(Account, key).deposit(5, 'first');
    await c.send(Account, key).deposit(5, 'second');
    await c.send(Account, key).deposit(1, 'same');
    await c.send(Account, key).deposit(1, 'same');
    await c.send(Account, key, { delayMs: 60_000 }).note('later');
    if (c.attempt <= fails) throw new Error('not yet');
    return c.attempt;
  },
  { retries: 5, backoffMs: 10 },
);

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Account, pay } });
});

afterEach(async () => {
  await cluster.stop();
});

const moves = (key = 'a') => cluster.connect().actor(Account, key).moves();

/** The only one. */
async function postbox(): Promise<string> {
  const { actors } = await cluster.connect().actors({ type: '$postbox' });
  return actors[0]?.actor.split('/')[2] ?? 'none';
}

test('a client sends to an actor: it is answered when the letter is durable, and it is taken once though their nodes die', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Account, 'a').note('there');
  await troupe.actors.pause('Account', 'a');
  expect(await troupe.send(Account, 'a').deposit(5)).toBeUndefined();
  await troupe.close();
  await cluster.crash(await cluster.whereIs('$postbox', await postbox()));
  await cluster.crash(await cluster.whereIs(Account, 'a'));
  await cluster.connect().actors.resume('Account', 'a');
  await cluster.advance('10s');
  expect(await moves()).toEqual(['there', '5']);
});

test('letters of one client to one actor are taken in the order in which they were sent, also when nobody awaits each', async () => {
  const troupe = cluster.connect();
  const names = Array.from({ length: 40 }, (_, n) => `n${n}`);
  const some = names.slice(0, 20).map((name) => troupe.send(Account, 'a').note(name));
  await troupe.send(Account, 'b').note('there');
  await cluster.crash(await cluster.whereIs('$postbox', await postbox()));
  const rest = names.slice(20).map((name) => troupe.send(Account, 'a').note(name));
  await Promise.all([...some, ...rest]);
  await cluster.advance('10s');
  expect(await moves()).toEqual(names);
});

test('a letter that waits leaves when its time has come, and may be urgent', async () => {
  const troupe = cluster.connect();
  const holding = troupe.actor(Account, 'a').hold('held');
  await troupe.send(Account, 'a', { delayMs: 3_600_000 }).note('in an hour');
  await troupe.send(Account, 'a').note('plain');
  await cluster.connect().send(Account, 'a', { priority: 'high' }).note('urgent');
  await cluster.advance('1s');
  await troupe.signal(Account, 'a', 'go-on');
  await holding;
  await cluster.advance('1s');
  expect(await moves()).toEqual(['held', 'urgent', 'plain']);
  await cluster.advance('59m');
  expect(await moves()).not.toContain('in an hour');
  await cluster.advance('2m');
  expect(await moves()).toEqual(['held', 'urgent', 'plain', 'in an hour']);
});

test('a letter that fails is tried as often as was asked for, then it is dead with its last error, and can be delivered anew', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Account, 'a').turn(false);
  await troupe.send(Account, 'a', { retries: 2, backoffMs: 100 }).deposit(5);
  await troupe.send(Account, 'a').note('after it');
  await cluster.advance('1m');
  const { letters } = await troupe.deadLetters.of(Account, 'a');
  const [{ from, number } = { from: '', number: 0 }] = letters;
  expect(letters).toMatchObject([
    { method: 'deposit', args: [5], attempts: 3, message: expect.stringContaining('closed for 5') },
  ]);
  expect(from).toMatch(/^default\/\$postbox\/\d+$/);
  await troupe.actor(Account, 'a').turn(true);
  await troupe.deadLetters.redeliver(Account, 'a', number);
  expect(await moves()).toEqual(['after it', '5']);
});

test('of letters with one key one takes effect, whichever process sends them', async () => {
  const once = { idempotencyKey: 'order-17' };
  for (let process = 0; process < 3; process++) {
    const troupe = cluster.connect();
    await troupe.send(Account, 'a', once).deposit(5);
    await troupe.close();
  }
  await cluster.advance('1s');
  expect(await moves()).toEqual(['5']);
});

test('what a task sends is sent once, however often it is tried, and in its order', async () => {
  expect(await cluster.connect().task(pay, { key: 'a', fails: 3 })).toBe(4);
  await cluster.advance('1s');
  expect(await moves()).toEqual(['first', 'second', 'same', 'same']);
  await cluster.advance('2m');
  expect(await moves()).toEqual(['first', 'second', 'same', 'same', 'later']);
});

test('an actor that is destroyed is made anew by a letter to its name', async () => {
  const troupe = cluster.connect();
  await troupe.actor(Account, 'a').note('before');
  await troupe.actors.destroy('Account', 'a');
  await troupe.send(Account, 'a').note('after');
  await cluster.advance('1s');
  expect(await moves()).toEqual(['after']);
});

test('a letter that was sent before its scope goes back, and not taken, is taken after it; one that was taken is not sent again', async () => {
  const troupe = cluster.connect();
  const bank = troupe.scope('bank');
  await troupe.actor(Account, 'a', { scope: 'bank' }).note('before');
  await bank.savepoint('noon');
  await troupe.send(Account, 'a').note('taken');
  await cluster.advance('1s');
  expect(await moves()).toEqual(['before', 'taken']);
  await troupe.actors.pause('Account', 'a');
  await troupe.send(Account, 'a').note('waits');
  await bank.rewind({ savepoint: 'noon' });
  await troupe.actors.resume('Account', 'a');
  await cluster.advance('5s');
  expect(await moves()).toEqual(['before', 'waits']);
});

test('what is no letter is refused where it is sent, and names what is wrong', async () => {
  const troupe = cluster.connect();
  const refused = (options: object) => () => troupe.send(Account, 'a', options);
  expect(refused({ delayMs: -1 })).toThrow('delayMs of letters to Account');
  expect(refused({ priority: 'urgent' })).toThrow('it is low, normal or high');
  expect(refused({ retries: 1.5 })).toThrow('retries of letters to Account');
  expect(refused({ idempotencyKey: '' })).toThrow('1 to 128 characters');
  const sent = troupe.send(Account, 'a') as unknown as { note(socket: unknown): Promise<void> };
  await expect(sent.note(() => 1)).rejects.toThrow('args[0]');
  await expect(troupe.send('$topic', 'prices').publish?.(1)).rejects.toThrow("cluster's own");
  await expect(troupe.send('Account', 'a').$discard?.(1)).rejects.toThrow('names no method');
  await expect(
    troupe.actor('$postbox', '0').send?.('Account', 'a', 'note', ['x'], { every: 5 }),
  ).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    details: { argument: 'every' },
  });
});
