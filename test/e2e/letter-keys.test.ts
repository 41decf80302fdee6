/** Letters with an idempotency key on a real cluster: of all with one key, one takes effect. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterEach, expect, it } from 'vitest';
import { Clerk, Till } from '../agents/tills.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/tills.ts', import.meta.url));
const clerks = ['ann', 'bob', 'cem', 'dia'];
const tills = ['t0', 't1', 't2', 't3'];
const roundsMax = 2;
/** New in each round; and those of the rounds before it. */
const keysOf = (round: number): string[] =>
  Array.from({ length: 6 * round }, (_, n) => `key-${n}`).reverse();

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

const till = (key: string) => stage.troupe.actor(Till, key, { deadlineMs: 120_000 });

function remindAll(round: number): Promise<unknown> {
  const each = clerks.flatMap((who) =>
    tills.map((to) =>
      stage.troupe
        .actor(Clerk, who, { deadlineMs: 120_000 })
        .remind(to, keysOf(round), `${who}.${round}`),
    ),
  );
  return Promise.all(each);
}

/** By id: one letter of each key, and all letters without one. */
async function expectOnce(to: string, rounds: number): Promise<void> {
  const own = clerks.flatMap((who) =>
    Array.from({ length: rounds }, (_, n) => `own of ${who}.${n + 1}`),
  );
  const keys = keysOf(rounds);
  await stage.until(`${to} has taken all`, async () => {
    return (await till(to).booked()).length >= own.length + keys.length;
  });
  const booked = await till(to).booked();
  const isOwn = (id: string) => id.startsWith('own');
  expect(booked.filter(isOwn).sort(), to).toEqual([...own].sort());
  const taken = booked.filter((id) => !isOwn(id)).map((id) => id.split(' ')[0]);
  expect(taken.sort(), to).toEqual([...keys].sort());
}

/** The node of this till is killed while it has taken some of what is on its way. */
async function killHost(to: string): Promise<void> {
  const host = await stage.hostOf(`default/Till/${to}`);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode();
}

it('of letters with one key from several senders one takes effect, when nodes of their receivers are killed between them', async () => {
  stage = await scene({ nodes: 3 });
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
  for (const to of tills) await stage.troupe.actors.create(Till, to, { orExisting: true });
  for (let round = 1; round <= roundsMax; round++) {
    const reminded = remindAll(round);
    await killHost(tills[round] ?? 't0');
    await reminded;
    for (const to of tills) await expectOnce(to, round);
    // All is taken: of the next round, those with these keys come to who was read back.
    if (round < roundsMax) await killHost('t0');
  }
}, 180_000);
