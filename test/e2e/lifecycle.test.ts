/** The lives of actors on a real cluster: destroyed, paused and made, whatever is killed meanwhile. */
import { connect } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Counter, Fragile, Sender } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function host(key: string) {
  const name = await stage.hostOf(`default/Counter/${key}`);
  const node = stage.cluster.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

async function stateOf(key: string): Promise<string | undefined> {
  const { actors } = await stage.troupe.actors({ type: 'Counter', prefix: key });
  return actors.find(({ actor }) => actor === `default/Counter/${key}`)?.state;
}

it('a destroyed actor is gone for good: its handle says so, and its name begins anew', async () => {
  stage = await scene({ nodes: 2 });
  const { actors } = stage.troupe;
  const made = await actors.create(Counter, 'a', { labels: { team: 'red' } });
  expect(await made.calls.add('x')).toBe(1);
  expect((await actors({ labels: { team: 'red' } })).actors).toHaveLength(1);
  await made.destroy();
  expect(await actors.getIfExists(Counter, 'a')).toBeUndefined();
  await expect(made.calls.add('y')).rejects.toMatchObject({ code: 'GONE' });
  await expect(made.calls.ids()).rejects.toMatchObject({ code: 'GONE' });
  // Again, and also when another one has its name.
  await made.destroy();
  const next = stage.troupe.actor(Counter, 'a');
  expect(await next.add('z')).toBe(1);
  await made.destroy();
  expect(await next.ids()).toEqual(['z']);
  const found = await actors.getIfExists(Counter, 'a');
  expect(found?.birth).toBeGreaterThan(made.birth);
  expect(found?.view.labels).toBeUndefined();
});

it('an actor whose node is killed while it is destroyed is destroyed elsewhere, state and all', async () => {
  stage = await scene({ nodes: 2 });
  const counter = stage.troupe.actor(Counter, 'b', { deadlineMs: 60_000 });
  await counter.add('old');
  const node = await host('b');
  node.kill('SIGSTOP');
  const destroyed = stage.troupe.actors.destroy(Counter, 'b');
  await stage.until('it is to be destroyed', async () => (await stateOf('b')) === 'ending');
  const called = counter.add('new');
  node.kill('SIGKILL');
  await destroyed;
  // By name: it waits for the next one, and runs there once.
  expect(await called).toBe(1);
  expect(await counter.ids()).toEqual(['new']);
});

it('a destruction goes on when the leader is killed', async () => {
  stage = await scene({ nodes: 1, schedulers: 2 });
  const counter = stage.troupe.actor(Counter, 'c', { deadlineMs: 60_000 });
  await counter.add('old');
  const node = await host('c');
  node.kill('SIGSTOP');
  const destroyed = stage.troupe.actors.destroy(Counter, 'c');
  await stage.until('it is to be destroyed', async () => (await stateOf('c')) === 'ending');
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  node.kill('SIGCONT');
  await destroyed;
  expect(await counter.ids()).toEqual([]);
});

it('an owned actor goes with its owner, also when the leader is killed in between', async () => {
  stage = await scene({ nodes: 1, schedulers: 2 });
  const { actors } = stage.troupe;
  const owner = await actors.create(Counter, 'owner');
  const child = await actors.create(Counter, 'child', { owner });
  await child.calls.add('x');
  await owner.destroy();
  const { leader } = await stage.troupe.status();
  stage.cluster.schedulers.find(({ name }) => name === leader)?.kill('SIGKILL');
  await stage.until('it is gone', async () => {
    return (await actors.getIfExists(Counter, 'child')) === undefined;
  });
  await expect(child.calls.ids()).rejects.toMatchObject({ code: 'GONE' });
});

it('an actor of a session outlives a gateway, and goes with its client, also when the leader is killed in between', async () => {
  stage = await scene({ nodes: 1, schedulers: 3 });
  const { actors } = stage.troupe;
  const client = await connect({ address: stage.cluster.addresses.join(',') });
  const mine = await client.actors.create(Counter, 'mine', { owner: 'session' });
  const killLeader = async () => {
    const { leader } = await stage.troupe.status();
    const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
    leading?.kill('SIGKILL');
    await leading?.exited;
  };
  await killLeader();
  expect(await mine.calls.add('one')).toBe(1);
  expect(await actors.getIfExists(Counter, 'mine')).toBeDefined();
  await client.close();
  await killLeader();
  await stage.until('it is gone', async () => {
    return (await actors.getIfExists(Counter, 'mine')) === undefined;
  });
});

it('whoever watches hears of a failure, a node that died and an end, though leader and client were gone meanwhile', async () => {
  stage = await scene({ nodes: 2, schedulers: 2 });
  const fragile = stage.troupe.actor(Fragile, 'broken');
  await expect(fragile.call()).rejects.toMatchObject({ code: 'CONSTRUCTOR_FAILED' });
  const watch = stage.troupe.actors.watch({ after: 0 });
  const { value: failed } = await watch.next();
  expect(failed).toMatchObject({ actor: 'default/Fragile/broken', kind: 'failed' });
  expect(failed.failure?.code).toBe('CONSTRUCTOR_FAILED');
  const counter = stage.troupe.actor(Counter, 'w', { deadlineMs: 60_000 });
  await counter.add('one');
  const node = await host('w');
  node.kill('SIGKILL');
  await node.exited;
  expect(await counter.add('two')).toBe(2);
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
  await stage.troupe.actors.destroy(Counter, 'w');
  const later = await connect({ address: stage.cluster.addresses.join(',') });
  const told: string[] = [];
  for await (const event of later.actors.watch({ type: 'Counter', after: failed.position })) {
    told.push(event.kind);
    if (event.kind === 'ended') break;
  }
  expect(told).toEqual(['restarted', 'ended']);
  await later.close();
});

it('nothing of a destroyed actor comes back when every node is started anew', async () => {
  stage = await scene({ nodes: 1 });
  const counter = stage.troupe.actor(Counter, 'd', { deadlineMs: 60_000 });
  for (const id of ['one', 'two']) await counter.add(id);
  await stage.troupe.actors.stop(Counter, 'd');
  await stage.troupe.actors.destroy(Counter, 'd');
  await counter.add('three');
  const [node] = stage.cluster.nodes;
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode();
  expect(await counter.add('four')).toBe(2);
  expect(await counter.ids()).toEqual(['three', 'four']);
});

it('a letter takes effect once, at the destroyed actor or at the next one of its name', async () => {
  stage = await scene({ nodes: 2 });
  const counter = stage.troupe.actor(Counter, 'e');
  const sender = stage.troupe.actor(Sender, 's');
  await sender.post(['e'], 'first');
  await stage.until('it is taken', async () => (await counter.ids()).length === 1);
  await stage.troupe.actors.destroy(Counter, 'e');
  await sender.post(['e'], 'second');
  await stage.until('it is taken', async () => (await counter.ids()).length === 1);
  expect(await counter.ids()).toHaveLength(1);
});

it('a paused actor stays paused when its node is killed; what waits runs once when it is resumed', async () => {
  stage = await scene({ nodes: 2 });
  const { actors } = stage.troupe;
  const counter = stage.troupe.actor(Counter, 'f', { deadlineMs: 60_000 });
  await counter.add('before');
  await actors.pause(Counter, 'f');
  const waits = counter.add('waits');
  const node = await host('f');
  node.kill('SIGKILL');
  await node.exited;
  await stage.until('it is elsewhere', async () => (await host('f')) !== node);
  expect(await stateOf('f')).toBe('paused');
  // It is answered, so the actor has been read back, and what comes now waits in its mailbox.
  expect(await counter.ids()).toEqual(['before']);
  const brief = stage.troupe.actor(Counter, 'f', { deadlineMs: 1_000 });
  await expect(brief.add('late')).rejects.toMatchObject({ code: 'PAUSED' });
  expect(await counter.ids()).toEqual(['before']);
  await actors.resume(Counter, 'f');
  expect(await waits).toBe(2);
  expect(await counter.ids()).toEqual(['before', 'waits']);
});

it('what was made, paused or resumed stays so when the leader is killed, and what was asked meanwhile is done once', async () => {
  stage = await scene({ nodes: 1, schedulers: 2 });
  const { actors } = stage.troupe;
  const brief = stage.troupe.actor(Counter, 'g', { deadlineMs: 2_000 });
  const made = await actors.create(Counter, 'g', { labels: { team: 'blue' } });
  await made.calls.add('before');
  await actors.pause(Counter, 'g');
  await stage.killLeader();
  const known = await actors.getIfExists(Counter, 'g');
  expect(known).toMatchObject({ birth: made.birth, view: { labels: { team: 'blue' } } });
  expect(known?.view.state).toBe('paused');
  await expect(brief.add('refused')).rejects.toMatchObject({ code: 'PAUSED' });
  // The node stands still, so the call at least cannot be answered before the leader dies.
  const node = await host('g');
  node.kill('SIGSTOP');
  const asked = [
    actors.resume(Counter, 'g'),
    actors.create(Counter, 'h', { labels: { team: 'blue' } }),
    stage.troupe.actor(Counter, 'i', { deadlineMs: 60_000 }).add('first'),
  ] as const;
  await stage.killLeader();
  node.kill('SIGCONT');
  const [, second] = await Promise.all(asked);
  await actors.pause(Counter, 'i');
  expect(await stage.troupe.actor(Counter, 'g', { deadlineMs: 60_000 }).add('after')).toBe(2);
  expect(await made.calls.ids()).toEqual(['before', 'after']);
  expect((await actors.getIfExists(Counter, 'h'))?.birth).toBe(second.birth);
  expect(await stage.troupe.actor(Counter, 'i').ids()).toEqual(['first']);
  expect(await stateOf('i')).toBe('paused');
  expect((await actors({ labels: { team: 'blue' } })).actors).toHaveLength(2);
});

it('an actor that cannot be made says why, and is listed as failed until it is destroyed', async () => {
  stage = await scene({ nodes: 1 });
  const { troupe } = stage;
  const broken = troupe.actor(Fragile, 'broken');
  await expect(broken.call()).rejects.toMatchObject({
    code: 'CONSTRUCTOR_FAILED',
    message: expect.stringContaining('no state for broken'),
  });
  expect(await troupe.actor(Fragile, 'sound').call()).toBe(1);
  const failed = async () => (await troupe.actors({ type: 'Fragile', state: 'failed' })).actors;
  await stage.until('it is listed', async () => (await failed()).length === 1);
  const [view] = await failed();
  expect(view).toMatchObject({
    actor: 'default/Fragile/broken',
    failure: { code: 'CONSTRUCTOR_FAILED' },
  });
  await troupe.actors.destroy(Fragile, 'broken');
  await stage.until('nothing is ill', async () => (await failed()).length === 0);
});

it('pages show every actor with a label once, while others come and go and the leader dies', async () => {
  stage = await scene({ nodes: 1, schedulers: 2 });
  const { troupe, cluster } = stage;
  const labels = { 'team="ré/d"': ' a=b,c ☃ ' };
  const keys = Array.from({ length: 60 }, (_, n) => `paged-${n}`);
  await Promise.all(keys.map((key) => troupe.actors.create(Counter, key, { labels })));
  const seen: string[] = [];
  let after: string | undefined;
  for (let page = 0; page === 0 || after !== undefined; page++) {
    const from = after === undefined ? {} : { after };
    const found = await troupe.actors({ labels, limit: 7, ...from });
    seen.push(...found.actors.map(({ actor }) => actor.slice('default/Counter/'.length)));
    after = found.next;
    await troupe.actors.create(Counter, `paged-${page}-more`, { labels });
    if (page > 0) await troupe.actors.destroy(Counter, `paged-${page - 1}-more`);
    if (page !== 3) continue;
    const { leader } = await troupe.status();
    const leading = cluster.schedulers.find(({ name }) => name === leader);
    leading?.kill('SIGKILL');
    await leading?.exited;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.filter((key) => !key.endsWith('-more')).sort()).toEqual([...keys].sort());
});
