/** Savepoints of a scope on a real cluster: what is read at one of them is one moment of all its actors. */
import type { Savepoint, Troupe } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Account } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const accounts = Array.from({ length: 12 }, (_, n) => `a${n.toString().padStart(2, '0')}`);
const opening = 100;
const payers = 6;

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('a bank that is never stopped has its whole money at every savepoint, whatever is killed', async () => {
  stage = await scene({ nodes: 3, schedulers: 2, nodeConfig: { checkpointTurns: 20 } });
  const { troupe, cluster } = stage;
  const account = (key: string) => troupe.actor(Account, key, { scope: 'bank' });
  await Promise.all(accounts.map((key) => account(key).balance()));
  let going = true;
  const paying = Array.from({ length: payers }, async (_, payer) => {
    for (let count = 0; going; count++) {
      const from = (payer + count * 5) % (accounts.length - 1);
      const to = from + 1 + ((payer * 7 + count) % (accounts.length - 1 - from));
      // From the lower key to the higher: two turns never wait for each other.
      const [source = '', target = ''] = [accounts[from], accounts[to]];
      await account(source).pay(`${payer}-${count}`, target, (count % 7) - 3);
    }
  });
  const bank = troupe.scope('bank');
  const seen: { savepoint: Savepoint; read: number[] }[] = [];
  for (let number = 0; number < 10; number++) {
    const savepoint = await bank.savepoint(`s${number}`);
    const read = await balancesAt(savepoint);
    expect(sum(read)).toBe(accounts.length * opening);
    seen.push({ savepoint, read });
    if (number === 3) cluster.nodes[0]?.kill('SIGKILL');
    if (number === 6) cluster.schedulers[0]?.kill('SIGKILL');
  }
  going = false;
  await Promise.all(paying);
  expect(sum(await Promise.all(accounts.map((key) => account(key).balance())))).toBe(
    accounts.length * opening,
  );
  // They are what they were, and the bank went on between them.
  for (const { savepoint, read } of seen) expect(await balancesAt(savepoint)).toEqual(read);
  const turns = seen.map(({ savepoint }) => sum(Object.values(savepoint.line)));
  expect(turns).toEqual(turns.toSorted((left, right) => left - right));
  expect(turns.at(-1)).toBeGreaterThan(turns[0] ?? 0);
  await shown(troupe, seen);
  await listed(troupe);
});

/** Lines anywhere in the past are as whole as savepoints, and say what has left the bank since. */
async function shown(troupe: Troupe, seen: readonly { savepoint: Savepoint }[]): Promise<void> {
  const bank = troupe.scope('bank');
  const actor = 'default/Account/a05';
  const last = (await bank.line({ actor, turn: 0 })).last[actor] ?? 0;
  for (const share of [0.9, 0.5, 0.2]) {
    const turn = Math.floor(last * share);
    const { line, earliest, effects, effectCount } = await bank.line({ actor, turn });
    expect(line[actor]).toBe(turn);
    expect(earliest[actor]).toBe(0);
    const read = accounts.map((key) => {
      const atTurn = line[`default/Account/${key}`] ?? 0;
      return troupe.actor(Account, key, { atTurn }).balance();
    });
    expect(sum(await Promise.all(read))).toBe(accounts.length * opening);
    expect(effects.every((effect) => effect.turn > (line[effect.actor] ?? 0))).toBe(true);
    // Every payment was answered to its client; a credit was to the payer, who goes back with it.
    expect(new Set(effects.map(({ kind }) => kind))).toEqual(new Set(['answer']));
    expect(effectCount).toBeGreaterThan(0);
  }
  const { savepoint } = seen[4] ?? seen[0] ?? {};
  if (savepoint === undefined) throw new Error('there is no savepoint');
  expect((await bank.line({ savepoint: savepoint.name })).line).toEqual(savepoint.line);
  await expect(bank.line({ actor, turn: last + 1 })).rejects.toThrow('there is no such turn');
}

async function listed(troupe: Troupe): Promise<void> {
  const bank = troupe.scope('bank');
  const names = (await bank.savepoints()).map(({ name }) => name);
  expect(names).toEqual(Array.from({ length: 10 }, (_, n) => `s${n}`));
  expect(await bank.actors()).toHaveLength(accounts.length);
  await (await bank.savepoint('s0')).drop();
  expect(await bank.savepoints()).toHaveLength(9);
  const again = await bank.savepoint('s1');
  expect(() => again.actor(Account, 'nobody')).toThrow('was not in scope');
  await expect(again.actor(Account, 'a00')['credit']('late', 5)).rejects.toThrow('is no read');
}

async function balancesAt(savepoint: Savepoint): Promise<number[]> {
  return await Promise.all(accounts.map((key) => savepoint.actor(Account, key).balance()));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
