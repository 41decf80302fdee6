/** Letters that fail on a real cluster: each dead once, and delivered anew once, whatever is killed. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import type { DeadLetterView } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Clerk, Till } from '../agents/tills.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/tills.ts', import.meta.url));
const tills = Array.from({ length: 6 }, (_, n) => `t${n}`);
const clerks = ['ann', 'bob', 'cem'];
/** Of what each clerk sends to each till. */
const failing = [2, 4, 6];
const others = [1, 3, 5];

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function deployed(...options: Parameters<typeof scene>): Promise<void> {
  stage = await scene(...options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

const till = (key: string) => stage.troupe.actor(Till, key, { deadlineMs: 120_000 });
const clerk = (key: string) => stage.troupe.actor(Clerk, key, { deadlineMs: 120_000 });

async function deadOf(key: string): Promise<readonly DeadLetterView[]> {
  return (await stage.troupe.deadLetters.of(Till, key)).letters;
}

/** All clerks send to all tills; answers when all has been taken. */
async function sendAll(meanwhile: () => Promise<void>): Promise<void> {
  const sent = clerks.flatMap((who) => tills.map((key) => clerk(who).send(key, who)));
  await meanwhile();
  await Promise.all(sent);
  const letters = clerks.length * failing.length;
  for (const key of tills) {
    await stage.until(`${key} has all dead letters`, async () => {
      return (await deadOf(key)).length === letters;
    });
  }
}

/** By call id: what did not fail was taken once and in order, what did is dead once. */
async function expectEachOnce(): Promise<void> {
  for (const key of tills) {
    const booked = await till(key).booked();
    const dead = await deadOf(key);
    for (const who of clerks) {
      const own = booked.filter((id) => id.startsWith(`${who}.`));
      expect(own, `${who} at ${key}`).toEqual(others.map((n) => `${who}.${n}`));
      const letters = dead.filter(({ from }) => from === `default/Clerk/${who}`);
      const ids = letters.map(({ args }) => String(args?.[0])).sort();
      expect(ids, `${who} at ${key}`).toEqual(failing.map((n) => `${who}.${n}`));
      for (const { args, attempts, code, message } of letters) {
        const id = String(args?.[0]);
        expect(attempts, id).toBe(id.endsWith('.4') ? 3 : 1);
        expect([code, message.includes(`closed for ${id}`)], id).toEqual(['USER_ERROR', true]);
      }
    }
    expect(booked).toHaveLength(clerks.length * others.length);
  }
}

/** Opens all tills and delivers all anew, each twice at once: one of the two does it. */
async function redeliverAll(meanwhile: () => Promise<void>): Promise<void> {
  await Promise.all(tills.map((key) => till(key).openUp()));
  const { deadLetters } = stage.troupe;
  const given = tills.map(async (key) => {
    for (const { number, args } of await deadOf(key)) {
      const twice = [1, 2].map(() => deadLetters.redeliver(Till, key, number));
      const came = await Promise.allSettled(twice);
      const values = came.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(values).toEqual([args?.[0]]);
    }
  });
  await meanwhile();
  await Promise.all(given);
  for (const key of tills) {
    const booked = await till(key).booked();
    const all = clerks.flatMap((who) => [1, 2, 3, 4, 5, 6].map((n) => `${who}.${n}`));
    expect([...booked].sort(), key).toEqual(all);
    expect(await deadOf(key)).toEqual([]);
  }
  expect(await deadLetters()).toMatchObject({ total: 0, letters: 0, actors: [] });
}

async function killNode(index: number): Promise<void> {
  const node = stage.cluster.nodes[index];
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode();
}

async function killLeader(): Promise<void> {
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
}

it('each letter that fails is dead once, and delivered anew once, when nodes are killed', async () => {
  await deployed({ nodes: 3 });
  await sendAll(() => killNode(0));
  await killNode(1);
  await stage.until('all that is dead is known', async () => {
    const { total, letters, unread, silent } = await stage.troupe.deadLetters();
    const all = [tills.length, tills.length * clerks.length * failing.length, 0, 0];
    return JSON.stringify([total, letters, unread, silent.length]) === JSON.stringify(all);
  });
  await expectEachOnce();
  await redeliverAll(() => killNode(2));
}, 180_000);

it('each letter that fails is dead once, and delivered anew once, when schedulers are killed', async () => {
  await deployed({ nodes: 2, schedulers: 3 });
  await sendAll(killLeader);
  await expectEachOnce();
  await redeliverAll(killLeader);
}, 180_000);

/** Each till goes to the other node, again and again. */
async function moveAll(rounds: number): Promise<void> {
  const { troupe, cluster } = stage;
  for (const key of tills) await troupe.actors.create(Till, key, { orExisting: true });
  for (let round = 0; round < rounds; round++) {
    const moves = tills.map(async (key) => {
      const host = await stage.hostOf(`default/Till/${key}`);
      const other = cluster.nodes.find(({ name }) => name !== host);
      return await troupe.migrate('Till', key, { to: other?.name ?? '' });
    });
    for (const { state } of await Promise.all(moves)) expect(state).toBe('moved');
  }
}

it('letters that are tried again keep their order, and are dead once, while their receiver is moved', async () => {
  await deployed({ nodes: 2 });
  await sendAll(() => moveAll(6));
  await expectEachOnce();
  await redeliverAll(() => moveAll(4));
}, 180_000);

it('a letter that crashes its runner is dead, and those after it are taken', async () => {
  await deployed({ nodes: 1 });
  await clerk('ann').crash('t0', 'bad');
  await stage.until('it is dead', async () => (await deadOf('t0')).length === 1);
  expect(await deadOf('t0')).toMatchObject([{ code: 'RUNNER_CRASHED', args: ['bad'] }]);
  await stage.until('the next is taken', async () => (await till('t0').booked()).length === 1);
  await till('t0').openUp();
  expect(await stage.troupe.deadLetters.redeliver(Till, 't0', 1)).toBe('bad');
  expect(await till('t0').booked()).toEqual(['after bad', 'bad']);
}, 120_000);
