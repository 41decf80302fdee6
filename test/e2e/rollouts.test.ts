/** Actors go over to another version of their state on a real cluster, whatever is killed meanwhile. */
import { fileURLToPath } from 'node:url';
import { bundleFile, type Process } from '@troupe/cli';
import { afterEach, expect, it } from 'vitest';
import { Ledger as Former } from '../agents/ledgers.ts';
import { Ledger } from '../agents/ledgers-next.ts';
import { type Scene, scene } from './scene.ts';

const wide = { deadlineMs: 60_000 };
const keys = Array.from({ length: 40 }, (_, at) => `k${at}`);
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function deploys(name: string): Promise<string> {
  const file = fileURLToPath(new URL(`../agents/${name}.ts`, import.meta.url));
  return (await stage.troupe.deploy((await bundleFile(file)).bytes)).bundle;
}

/** Ledgers of version 1 with an id each, and version 2 is deployed. */
async function open(options: Parameters<typeof scene>[0]): Promise<string> {
  stage = await scene(options);
  await deploys('ledgers');
  const former = (key: string) => stage.troupe.actor(Former, key, wide);
  await Promise.all(keys.map((key) => former(key).add(`${key}/first`)));
  return await deploys('ledgers-next');
}

function ledger(key: string) {
  return stage.troupe.actor(Ledger, key, wide);
}

async function rollout() {
  const [found] = await stage.troupe.rollouts.list();
  if (found === undefined) throw new Error('there is no rollout');
  return found;
}

function upgraded({ actors }: Awaited<ReturnType<typeof rollout>>): number {
  return actors.find(({ version }) => version === 2)?.count ?? 0;
}

async function killHostOf(actor: string): Promise<void> {
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
}

async function killLeader(): Promise<void> {
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
}

/** Each call took effect once, in its order, and each state was migrated once. */
async function isWhole(ids: ReadonlyMap<string, readonly string[]>): Promise<void> {
  for (const key of keys) {
    expect(await ledger(key).ids()).toEqual([`${key}/first`, ...(ids.get(key) ?? [])]);
    expect(await ledger(key).version()).toBe(2);
    expect(await ledger(key).migrations()).toBe(1);
  }
}

it.each(['a node', 'the leading scheduler'])(
  'every actor goes over once, with each call once and in order, when %s is killed meanwhile',
  async (victim) => {
    await open({ nodes: 3, schedulers: 2 });
    await stage.troupe.rollouts.start(Ledger, { atOnce: 4, pauseMs: 200 });
    const added = new Map<string, readonly string[]>();
    let going = true;
    const adding = keys.map(async (key) => {
      for (let at = 0; going; at++) {
        const id = `${key}/${at}`;
        await ledger(key).add(id);
        added.set(key, [...(added.get(key) ?? []), id]);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    await stage.until('some have gone over', async () => upgraded(await rollout()) >= 8);
    expect(upgraded(await rollout())).toBeLessThan(keys.length);
    if (victim === 'a node') await killHostOf('default/Ledger/k20');
    else await killLeader();
    await stage.until('all have gone over', async () => (await rollout()).state === 'done');
    going = false;
    await Promise.all(adding);
    await isWhole(added);
  },
);

it('an actor that cannot be migrated lives on as it was and is named, also after its node was killed', async () => {
  await open({ nodes: 3 });
  await ledger('k5').add('thirteen');
  await stage.troupe.rollouts.start(Ledger, { atOnce: 10, failuresMax: 1 });
  await stage.until('it is done', async () => (await rollout()).state === 'done');
  const { failed, failures } = await rollout();
  expect(failed).toBe(1);
  expect(failures).toMatchObject([{ actor: 'default/Ledger/k5', code: 'USER_ERROR' }]);
  expect(failures[0]?.message).toContain('thirteen cannot be migrated');
  await killHostOf('default/Ledger/k5');
  expect(await ledger('k5').version()).toBe(1);
  expect(await ledger('k5').add('more')).toBe(3);
  expect(await ledger('k5').ids()).toEqual(['k5/first', 'thirteen', 'more']);
});

it('a turn that waits ends with its code on another node, and its actor goes over after it', async () => {
  await open({ nodes: 3 });
  const later = ledger('k7').addLater('later');
  await stage.until('it waits', async () => {
    const shown = await stage.troupe.actors.show(Ledger, 'k7');
    return shown?.activity?.turn?.method === 'addLater';
  });
  await stage.troupe.rollouts.start(Ledger, { atOnce: 100 });
  await stage.until('the others have gone over', async () => upgraded(await rollout()) === 39);
  await killHostOf('default/Ledger/k7');
  expect(await ledger('k7').version()).toBe(1);
  await stage.troupe.signal(Ledger, 'k7', 'go', null, wide);
  expect(await later).toBe(1);
  await stage.until('it is done', async () => (await rollout()).state === 'done');
  expect(await ledger('k7').ids()).toEqual(['k7/first', 'later']);
  expect(await ledger('k7').migrations()).toBe(1);
});

it('rolling back gives the stored states, though the node that had upgraded them is gone', async () => {
  await open({ nodes: 3 });
  await stage.troupe.rollouts.start(Ledger, { atOnce: 100 });
  await stage.until('it is done', async () => (await rollout()).state === 'done');
  await ledger('k1').add('since');
  await killHostOf('default/Ledger/k0');
  await stage.troupe.rollouts.undo(Ledger, { failuresMax: 1 });
  await stage.until('it is back', async () => (await rollout()).state === 'done');
  expect((await rollout()).failures).toMatchObject([
    { actor: 'default/Ledger/k1', code: 'WRONG_STATE' },
  ]);
  expect(await ledger('k0').version()).toBe(1);
  expect(await ledger('k0').ids()).toEqual(['k0/first']);
  expect(await ledger('k1').ids()).toEqual(['k1/first', 'since']);
});

/** A node that dies at this point, and hosts the first ledger. */
async function victimAt(point: string): Promise<Process> {
  const env = { TROUPE_CRASH_AT: point };
  const victim = await stage.cluster.startNode({ name: 'victim' }, { env });
  await stage.troupe.migrate('Ledger', 'k0', { to: victim.name });
  return victim;
}

async function comesTo(state: string): Promise<void> {
  await stage.until(`it is ${state}`, async () => (await rollout()).state === state);
}

/** All have the state that they had with version 1, and take turns with it. */
async function isBack(): Promise<void> {
  expect((await rollout()).failures).toEqual([]);
  for (const key of keys) {
    expect(await ledger(key).version()).toBe(1);
    expect(await ledger(key).ids()).toEqual([`${key}/first`]);
  }
  expect(await ledger('k0').add('next')).toBe(2);
}

// Its first turn there is the one that takes it over.
it.each(['node.turn:1', 'node.upgraded:1'])(
  'an actor goes over once though its node dies just then, at %s',
  async (point) => {
    await open({ nodes: 2 });
    const victim = await victimAt(point);
    await stage.troupe.rollouts.start(Ledger, { atOnce: 100 });
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await comesTo('done');
    await isWhole(new Map());
  },
);

it.each(['node.turn:1', 'node.upgraded:1'])(
  'an actor is rolled back once though its node dies just then, at %s',
  async (point) => {
    await open({ nodes: 2 });
    await stage.troupe.rollouts.start(Ledger, { atOnce: 100 });
    await comesTo('done');
    const victim = await victimAt(point);
    await stage.troupe.rollouts.undo(Ledger, { atOnce: 100 });
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await comesTo('done');
    await isBack();
  },
);

// Forty have gone over before. Whoever leads next does not come so far.
it.each(['scheduler.rollout-begun:2', 'scheduler.actor-upgraded:45'])(
  'all are rolled back once though the leader dies just then, at %s',
  async (point) => {
    const armed = { TROUPE_CRASH_AT: point };
    await open({ nodes: 2, schedulers: 2, env: { s1: armed, s2: armed } });
    await stage.troupe.rollouts.start(Ledger, { atOnce: 100 });
    await comesTo('done');
    const died = Promise.race(stage.cluster.schedulers.map(({ exited }) => exited));
    await stage.troupe.rollouts.undo(Ledger, { atOnce: 100 });
    expect(await died).toEqual({ code: null, signal: 'SIGKILL' });
    await comesTo('done');
    await isBack();
  },
);
