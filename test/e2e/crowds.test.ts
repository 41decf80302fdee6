/** Actors that are cancelled, stuck, crowded or called in a circle, on a real cluster, and what dies meanwhile. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { connect } from '@troupe/sdk';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Helper, Stuck } from '../agents/crowds.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/crowds.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-crowds-'));
const patient = { deadlineMs: 300_000 };
let stage: Scene;
let file: string;
let files = 0;

beforeAll(async () => {
  stage = await scene({ nodes: 2, schedulers: 2, nodeConfig: { runners: 1 } });
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
});
beforeEach(() => {
  files += 1;
  file = join(folder, `lines${files}`);
});
afterAll(async () => {
  await stage?.stop();
  rmSync(folder, { recursive: true });
});

function lines(): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

function helper(key: string, more: { signal?: AbortSignal; priority?: 'low' | 'high' } = {}) {
  return stage.troupe.actor(Helper, key, { ...patient, ...more });
}

/** Kills the node of the actor, starts another one, and waits until the actor lives elsewhere. */
async function killHostOf(actor: string): Promise<void> {
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode({ runners: 1 });
  await stage.until(`${actor} lives elsewhere`, async () => (await stage.hostOf(actor)) !== host);
}

async function queuedAt(key: string): Promise<number> {
  return (await stage.troupe.actors.show(Helper, key))?.activity?.queued ?? 0;
}

it.each(['step', 'wait'] as const)(
  'a turn in a %s hears that it is cancelled, also on the node that runs it again, and undoes what it did',
  async (how) => {
    const stop = new AbortController();
    const held = helper(how, { signal: stop.signal }).held(how, file);
    const ended = expect(held).rejects.toMatchObject({ code: 'CANCELLED' });
    const times = how === 'step' ? 1 : 0;
    const stands = () => lines().filter((line) => line === 'stands').length;
    const holds = async (stood: number) => {
      const turn = (await stage.troupe.actors.show(Helper, how))?.activity?.turn;
      // What waits is run by nobody; what stands in a step is.
      const isThere = turn?.method === 'held' && (turn.forMs === undefined) === (how === 'wait');
      return isThere && stands() === stood;
    };
    await stage.until('it has booked, and stands or waits', () => holds(times));
    await killHostOf(`default/Helper/${how}`);
    await stage.until('it goes on', () => holds(2 * times));
    stop.abort();
    await ended;
    const stood = Array.from({ length: 2 * times }, () => 'stands');
    expect(lines()).toEqual(['books', ...stood, 'undoes']);
    expect(await helper(how).ids()).toEqual([]);
  },
);

it('a step that was at work when its node died is undone when its call is cancelled before it runs again', async () => {
  const stop = new AbortController();
  const charging = helper('charged', { signal: stop.signal }).charge(file);
  const ended = charging.catch((thrown: unknown) => thrown);
  await stage.until('it charges', async () => lines().includes('charges'));
  const nodes = stage.cluster.nodes.filter(({ running }) => running);
  for (const node of nodes) {
    node.kill('SIGKILL');
    await node.exited;
  }
  stop.abort();
  for (const _ of nodes) await stage.cluster.startNode({ runners: 1 });
  // The client waits for the end of what it cancels, but not for as long as nodes may be away.
  expect(await ended).toMatchObject({
    code: expect.stringMatching(/^(CANCELLED|OUTCOME_UNKNOWN)$/),
  });
  await stage.until('it is refunded', async () => lines().length > 2);
  expect(lines()).toEqual(['looks', 'charges', 'refunds undefined']);
  expect(await helper('charged').ids()).toEqual([]);
});

it('what a cancelled turn had asked of others is cancelled too: what runs hears it, what waits never runs', async () => {
  await helper('callee').ids();
  const stops = [new AbortController(), new AbortController()] as const;
  const standing = helper('first', { signal: stops[0].signal }).standThere('callee', file);
  await stage.until('it stands', async () => lines().includes('stands'));
  await killHostOf('default/Helper/callee');
  await stage.until('it stands again', async () => lines().length === 2);
  const adding = helper('second', { signal: stops[1].signal }).addThere('callee', 'never');
  await stage.until('it waits', async () => (await queuedAt('callee')) > 0);
  stops[1].abort();
  await expect(adding).rejects.toMatchObject({ code: 'CANCELLED' });
  stops[0].abort();
  await expect(standing).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await helper('callee').add('last')).toBe(1);
  expect(lines().slice(-1)).toEqual(['heard']);
  expect(await helper('first').ids()).toEqual([]);
});

it('a method that never gives its thread back fails by its limit, and costs neither its node nor who is beside it', async () => {
  const blocked = stage.troupe.actor(Stuck, 'stuck', patient).block(file);
  const ended = expect(blocked).rejects.toMatchObject({ code: 'TIME_LIMIT' });
  await stage.until('it blocks', async () => lines().length > 0);
  await killHostOf('default/Stuck/stuck');
  await stage.until('it blocks again', async () => lines().length > 1);
  const nodes = stage.cluster.nodes.filter(({ running }) => running);
  const beside = ['a', 'b', 'c', 'd'].map((key) => helper(`beside-${key}`).add('x'));
  expect(await Promise.all(beside)).toEqual([1, 1, 1, 1]);
  await ended;
  await stage.until('it is listed', async () => {
    const { actors } = await stage.troupe.actors({ type: 'Stuck', state: 'failed' });
    return actors[0]?.failure?.code === 'TIME_LIMIT';
  });
  expect(await stage.troupe.actor(Stuck, 'stuck', patient).ids()).toEqual([]);
  expect(nodes.every(({ running }) => running)).toBe(true);
});

it('a circle of calls over several nodes is refused at once with its actors named, though a node of it dies, and the leader', async () => {
  const keys = ['x', 'y', 'z'];
  for (const key of keys) await helper(key).ids();
  const names = stage.cluster.nodes.filter(({ running }) => running).map(({ name }) => name);
  for (const [at, key] of keys.entries()) {
    await stage.troupe.migrate('Helper', key, { to: names[at % names.length] ?? '' });
  }
  writeFileSync(`${file}.closed`, '');
  const called = helper('x').around(['y', 'z', 'x'], file);
  const ended = called.catch((thrown: unknown) => thrown);
  await stage.until('they stand before the last call', async () => lines().length > 0);
  await killHostOf('default/Helper/y');
  await stage.killLeader();
  await killHostOf('default/Helper/z');
  rmSync(`${file}.closed`);
  expect(await ended).toMatchObject({ code: 'DEADLOCK' });
  const circle = ['x', 'y', 'z', 'x'].map((key) => `default/Helper/${key}`).join(' → ');
  await expect(called).rejects.toMatchObject({
    code: 'DEADLOCK',
    message: expect.stringContaining(circle),
  });
  // Nobody of them has taken it for done, and none is held by it.
  for (const key of keys) expect(await helper(key).ids()).toEqual([]);
  expect(await helper('y').add('fine')).toBe(1);
});

it('beyond what a mailbox holds callers are turned away and have done nothing; the rest runs once, though the node dies', async () => {
  const { actors } = stage.troupe;
  await actors.create(Helper, 'full');
  await actors.pause(Helper, 'full');
  const clients = await Promise.all(
    Array.from({ length: 3 }, () => connect({ address: stage.cluster.addresses.join(',') })),
  );
  const [sent, room] = [4_000, 10_000];
  let refused = 0;
  const calls = clients.flatMap((client, of) =>
    Array.from({ length: sent }, async (_, n) => {
      const id = `${of}-${n}`;
      try {
        await client.actor(Helper, 'full', patient).add(id);
        return id;
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'RESOURCE_EXHAUSTED', retryable: true });
        refused += 1;
        return undefined;
      }
    }),
  );
  await stage.until('those beyond are refused', async () => refused === 3 * sent - room);
  await killHostOf('default/Helper/full');
  await actors.resume(Helper, 'full');
  const done = (await Promise.all(calls)).filter((id) => id !== undefined);
  const ids = await helper('full').ids();
  expect(ids).toHaveLength(room);
  expect([...ids].sort()).toEqual([...done].sort());
  for (const client of clients) await client.close();
}, 400_000);

it('only so many reads of a group run at once, and turns beside them, also when their node is killed', async () => {
  await helper('library').ids();
  const found = Array.from({ length: 12 }, () => helper('library').search(file));
  await stage.until('some have ended', async () => lines().length > 5);
  expect(await helper('library').add('book')).toBe(1);
  await killHostOf('default/Helper/library');
  expect(await Promise.all(found)).toEqual(found.map(() => 'found'));
  const running = new Map<string, number>();
  let most = 0;
  for (const line of lines()) {
    const [what, runner = ''] = line.split(' ');
    running.set(runner, (running.get(runner) ?? 0) + (what === 'begins' ? 1 : -1));
    most = Math.max(most, running.get(runner) ?? 0);
  }
  expect(most).toBe(2);
  expect(await helper('library').ids()).toEqual(['book']);
});

it('a tenant whose turns hold its runners does not hold up another, and all take effect once though their node dies', async () => {
  await stage.troupe.putTenant('lone', 1);
  const lone = await connect({ address: stage.cluster.addresses.join(','), tenant: 'lone' });
  try {
    await lone.deploy((await bundleFile(bundle)).bytes);
    const crowd = Array.from({ length: 60 }, (_, i) => `crowd${i}`);
    await Promise.all(crowd.map((key) => helper(key).ids()));
    const own = lone.actor(Helper, 'own', patient);
    await own.ids();
    const flood = (round: string) => {
      const ended = { count: 0 };
      const calls = crowd.flatMap((key) => {
        return ['a', 'b', 'c'].map((id) => helper(key).hold(`${round}${id}`, 30));
      });
      for (const call of calls) void call.then(() => (ended.count += 1));
      return { calls, ended };
    };
    const one = flood('1');
    await stage.until('some have ended', async () => one.ended.count > 5);
    await own.hold('1', 1);
    expect(one.ended.count).toBeLessThan((2 * one.calls.length) / 3);
    await Promise.all(one.calls);

    const two = flood('2');
    await stage.until('some have ended', async () => two.ended.count > 5);
    const held = own.hold('2', 1);
    const { actors } = await lone.actors({ type: 'Helper', prefix: 'own' });
    const host = actors[0]?.node.slice(0, actors[0].node.lastIndexOf('.'));
    const node = stage.cluster.nodes.find(({ name }) => name === host);
    node?.kill('SIGKILL');
    await node?.exited;
    await stage.cluster.startNode({ runners: 1 });
    await Promise.all([held, ...two.calls]);
    expect(await own.ids()).toEqual(['1', '2']);
    for (const key of crowd) {
      expect((await helper(key).ids()).sort()).toEqual(['1a', '1b', '1c', '2a', '2b', '2c']);
    }
  } finally {
    lone.close();
  }
});

it('what is urgent goes first among all that waits, also when it waits on another node by then', async () => {
  const { actors } = stage.troupe;
  await actors.create(Helper, 'urgent');
  await actors.pause(Helper, 'urgent');
  const calls = [
    ...['l1', 'l2'].map((id) => helper('urgent', { priority: 'low' }).add(id)),
    ...['n1', 'n2'].map((id) => helper('urgent').add(id)),
    ...['h1', 'h2'].map((id) => helper('urgent', { priority: 'high' }).add(id)),
  ];
  await stage.until('all wait', async () => (await queuedAt('urgent')) === calls.length);
  await killHostOf('default/Helper/urgent');
  await stage.until('all wait there', async () => (await queuedAt('urgent')) === calls.length);
  await actors.resume(Helper, 'urgent');
  await Promise.all(calls);
  const ids = await helper('urgent').ids();
  expect(ids.map((id) => id.charAt(0))).toEqual(['h', 'h', 'n', 'n', 'l', 'l']);
  expect(new Set(ids).size).toBe(calls.length);
});

it('a step that stops beating is tried again before its limit, on the next node and under the next leader too, under one effect id', async () => {
  const beaten = helper('beats').beats('x', file);
  await stage.until('it is tried', async () => lines().length > 0);
  await killHostOf('default/Helper/beats');
  await stage.killLeader();
  await beaten;
  const tried = lines();
  expect(new Set(tried.map((line) => line.split(' ')[1])).size).toBe(1);
  expect(tried.filter((line) => line.startsWith('done'))).toHaveLength(1);
  expect(tried.length).toBeGreaterThanOrEqual(4);
  expect(await helper('beats').ids()).toEqual(['x']);
});

it('a schedule goes on when its node and the leader die: each time once, and none early', async () => {
  await helper('chimes').chimes();
  const rung = async () => await helper('chimes').ids();
  await stage.until('it has rung', async () => (await rung()).length > 0);
  await killHostOf('default/Helper/chimes');
  const before = (await rung()).length;
  await stage.until('it rings again', async () => (await rung()).length > before);
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
  const then = (await rung()).length;
  await stage.until('it goes on', async () => (await rung()).length > then + 1);
  await stage.cluster.startScheduler();
  const all = (await rung()).map((line) => line.split(' '));
  expect(new Set(all.map(([callId]) => callId)).size).toBe(all.length);
  expect(new Set(all.map(([, at]) => Math.floor(Number(at) / 1_000))).size).toBe(all.length);
});
