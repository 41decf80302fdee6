/** A scope that goes back in time on a real cluster, under load and kills. */
import { TroupeError } from '@troupe/model';
import { afterEach, expect, it } from 'vitest';
import { Account } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const accounts = Array.from({ length: 10 }, (_, n) => `a${n}`);
const opening = 100;
const payers = 5;
const rewinds = 12;

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('a bank goes back again and again while it pays, whatever is killed: nothing is lost, doubled or comes back', async () => {
  stage = await scene({ nodes: 3, schedulers: 2, nodeConfig: { checkpointTurns: 20 } });
  const { troupe, cluster } = stage;
  const account = (key: string) => troupe.actor(Account, key, { scope: 'bank' });
  const moves = async () => await Promise.all(accounts.map((key) => account(key).moves()));
  const bank = troupe.scope('bank');
  await Promise.all(accounts.map((key) => account(key).balance()));
  let going = true;
  /** Payments that a client was told to be done, by when. */
  const paid = new Map<string, number>();
  let clock = 0;
  const paying = Array.from({ length: payers }, async (_, payer) => {
    for (let count = 0; going; count++) {
      const from = (payer + count * 5) % (accounts.length - 1);
      const to = from + 1 + ((payer * 7 + count) % (accounts.length - 1 - from));
      const [source = '', target = ''] = [accounts[from], accounts[to]];
      const id = `${payer}-${count}`;
      const how = count % 3 === 0 ? 'post' : 'pay';
      const asked = account(source)[how](id, target, (count % 7) - 3);
      const isPaid = await asked.then(
        () => true,
        (reason: unknown) => {
          if (reason instanceof TroupeError && reason.code === 'REWOUND') return false;
          throw reason;
        },
      );
      clock += 1;
      if (isPaid) paid.set(id, clock);
    }
  });
  /** What was there when the bank had gone back, and when that was. */
  const returned: { at: number; before: Set<string>; there: Set<string> }[] = [];
  for (let number = 0; number < rewinds; number++) {
    const { line } = await bank.savepoint(`s${number}`);
    await stage.until('some more is paid', async () => (await account('a0').moves()).length > 0);
    if (number === 3) cluster.nodes[0]?.kill('SIGKILL');
    if (number === 6) cluster.schedulers[0]?.kill('SIGKILL');
    const before = new Set((await moves()).flat());
    const rewinding = bank.rewind({ savepoint: `s${number}` });
    if (number === 9) cluster.nodes[1]?.kill('SIGKILL');
    const rewound = await rewinding;
    expect(rewound.line).toEqual(line);
    returned.push({ at: clock, before, there: new Set((await moves()).flat()) });
  }
  going = false;
  await Promise.all(paying);
  await stage.until('every letter is taken', async () => {
    return sum(await balances(account)) === accounts.length * opening;
  });
  const all = await moves();
  for (const one of all) expect(new Set(one).size).toBe(one.length);
  const counts = new Map<string, number>();
  for (const id of all.flat()) counts.set(id, (counts.get(id) ?? 0) + 1);
  // A payment is at both of its ends or at none.
  expect([...counts].filter(([, count]) => count !== 2)).toEqual([]);
  // What was told to be done after the last return is there.
  const last = returned.at(-1)?.at ?? 0;
  const since = [...paid].filter(([, at]) => at > last + payers).map(([id]) => id);
  expect(since.filter((id) => !counts.has(id))).toEqual([]);
  // What a return took back never came again.
  let backs = 0;
  for (const { before, there } of returned) {
    const gone = [...before].filter((id) => !there.has(id));
    expect(gone.filter((id) => counts.has(id))).toEqual([]);
    backs += gone.length;
  }
  expect(backs).toBeGreaterThan(0);
});

it('a scope whose actors were made and destroyed since, with a dead node and calls under way, goes back to what the dry run said, and once more', async () => {
  stage = await scene({ nodes: 3, schedulers: 2 });
  const { troupe, cluster } = stage;
  const account = (key: string) => {
    return troupe.actor(Account, key, { scope: 'firm', deadlineMs: 120_000 });
  };
  const firm = troupe.scope('firm');
  const idOf = (key: string) => `default/Account/${key}`;
  for (const key of ['a', 'b', 'c']) await account(key).credit(`opens ${key}`, 0);
  await account('a').pay('kept', 'b', 10);
  await firm.savepoint('noon');
  await account('a').pay('lost', 'b', 20);
  await account('b').pay('lost too', 'new', 5);
  await troupe.actors.destroy(Account, 'c');
  const shown = await firm.line({ savepoint: 'noon' });
  const host = await stage.hostOf(idOf('b'));
  for (let round = 1; round <= 2; round++) {
    if (round === 1) cluster.nodes.find(({ name }) => name === host)?.kill('SIGKILL');
    const underWay = account('a')
      .pay(`under way ${round}`, 'b', 1)
      .then(
        () => true,
        (reason: unknown) => reason,
      );
    const { line } = await firm.rewind({ savepoint: 'noon' });
    // Of a destroyed one nothing is taken back.
    expect(line).toEqual(shown.line);
    expect(Object.keys(line).sort()).toEqual(['a', 'b', 'new'].map(idOf));
    const came = await underWay;
    if (came !== true) expect(came).toMatchObject({ code: 'REWOUND' });
    const after = came === true && (await account('a').moves()).length > 2;
    const paid = after ? [`under way ${round}`] : [];
    expect(await account('a').moves()).toEqual(['opens a', 'kept', ...paid]);
    expect(await account('b').moves()).toEqual(['opens b', 'kept', ...paid]);
    // It stays, as it was born.
    expect([await account('new').moves(), await account('new').balance()]).toEqual([[], 100]);
  }
  // The next one of the name.
  expect([await account('c').moves(), await account('c').balance()]).toEqual([[], 100]);
  await account('b').pay('on', 'new', 2);
  expect(await account('new').moves()).toEqual(['on']);
});

async function balances(
  account: (key: string) => { balance(): Promise<number> },
): Promise<number[]> {
  return await Promise.all(accounts.map((key) => account(key).balance()));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
