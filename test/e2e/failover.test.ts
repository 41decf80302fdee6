/** Single failures, looked at closely. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Counter, Sender, Stepper } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;
/** Where user code leaves its traces. */
const folder = mkdtempSync(join(tmpdir(), 'troupe-failover-'));

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await stage?.stop();
});

it('a frozen node that wakes up commits nothing and answers nothing', async () => {
  // Its log outlives its sleep, so that nothing but the seal refuses it.
  stage = await scene({ nodes: 2, nodeConfig: { rebaseMs: 600_000, checkpointMs: 600_000 } });
  const { troupe, cluster } = stage;
  const counter = troupe.actor(Counter, 'z', { deadlineMs: 60_000 });
  await counter.add('before');
  const host = await stage.hostOf('default/Counter/z');
  const node = cluster.nodes.find(({ name }) => name === host);
  if (node === undefined) throw new Error(`no node ${host}`);
  const began = ['turn', 'read'].map((name) => join(folder, name));
  const [turnBegan = '', readBegan = ''] = began;
  const turn = counter.addSlowly('slow', 500, turnBegan);
  const read = counter.idsSlowly(500, readBegan);
  await stage.until('both are under way', async () => began.every((file) => existsSync(file)));
  node.kill('SIGSTOP');
  const frozenAt = performance.now();
  // Both are answered by the node that takes over: once each.
  expect(await turn).toBe(2);
  expect([['before'], ['before', 'slow']]).toContainEqual(await read);
  expect(await stage.hostOf('default/Counter/z')).not.toBe(host);
  await new Promise((resolve) => setTimeout(resolve, 10_000 - (performance.now() - frozenAt)));
  node.kill('SIGCONT');
  expect(await node.exited).toEqual({ code: 4, signal: null });
  await stage.until('the refused append is counted', async () => {
    const { counts } = await troupe.status();
    return counts.appendsRefused >= 1;
  });
  expect(await counter.ids()).toEqual(['before', 'slow']);
});

it('two failures in a row before a checkpoint lose nothing', async () => {
  stage = await scene({ nodes: 3, nodeConfig: { rebaseMs: 600_000, checkpointMs: 600_000 } });
  const counter = stage.troupe.actor(Counter, 'chain');
  const killHost = async () => {
    const host = await stage.hostOf('default/Counter/chain');
    const node = stage.cluster.nodes.find(({ name }) => name === host);
    node?.kill('SIGKILL');
    await node?.exited;
  };
  await counter.add('on the first');
  await killHost();
  await counter.add('on the second');
  const views = await stage.troupe.actors({ type: 'Counter', prefix: 'chain' });
  expect(views.actors[0]?.chain).toBe(1);
  await killHost();
  await counter.add('on the third');
  const after = await stage.troupe.actors({ type: 'Counter', prefix: 'chain' });
  expect(after.actors[0]?.chain).toBe(2);
  expect(await counter.ids()).toEqual(['on the first', 'on the second', 'on the third']);
});

it('letters of an actor whose node dies between commit and send take effect once each', async () => {
  stage = await scene({ nodes: 1, env: { n1: { TROUPE_CRASH_AT: 'node.after-append:1' } } });
  const keys = Array.from({ length: 20 }, (_, n) => `letter${n}`);
  const posted = stage.troupe.actor(Sender, 's').post(keys, 'hello');
  const [first] = stage.cluster.nodes;
  await first?.exited;
  await stage.cluster.startNode();
  await stage.cluster.startNode();
  // The turn was durable: it is not run again, its answer comes from the record.
  expect(await posted).toBe(1);
  for (const key of keys) {
    const counter = stage.troupe.actor(Counter, key);
    await stage.until(`${key} has its letter`, async () => (await counter.ids()).length > 0);
  }
  // A later letter comes after every twin of the first that was sent before it.
  await stage.troupe.actor(Sender, 's').post(keys, 'again');
  for (const key of keys) {
    const counter = stage.troupe.actor(Counter, key);
    await stage.until(`${key} has both`, async () => (await counter.ids()).includes('again'));
    expect(await counter.ids()).toEqual(['hello', 'again']);
  }
});

it('a turn whose node dies after its second step does not repeat the first two', async () => {
  stage = await scene({ nodes: 2 });
  const file = join(folder, 'effects');
  const stepper = stage.troupe.actor(Stepper, 'one', { deadlineMs: 60_000 });
  expect(await stepper.threeSteps(file)).toBe(3);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['first', 'second', 'third']);
  expect(readFileSync(`${file}.died`, 'utf8')).toBe('third');
  expect(await stepper.done()).toBe(1);
});

it('a node told to stop hands its actors over and leaves without a failure', async () => {
  stage = await scene({ nodes: 2 });
  const keys = Array.from({ length: 20 }, (_, n) => `drain${n}`);
  await Promise.all(keys.map((key) => stage.troupe.actor(Counter, key).add('before')));
  const [first] = stage.cluster.nodes;
  first?.kill('SIGTERM');
  await Promise.all(keys.map((key) => stage.troupe.actor(Counter, key).add('during')));
  expect(await first?.exited).toEqual({ code: 0, signal: null });
  for (const key of keys) {
    expect(await stage.troupe.actor(Counter, key).ids()).toEqual(['before', 'during']);
  }
  expect((await stage.troupe.status()).counts.nodesLost).toBe(0);
});

it('a crash of user code costs a runner, and only the turn it happened under', async () => {
  stage = await scene({ nodes: 1 });
  const [first] = stage.cluster.nodes;
  const bystander = stage.troupe.actor(Counter, 'bystander');
  await bystander.add('before');
  await expect(stage.troupe.actor(Counter, 'crasher').crash()).rejects.toMatchObject({
    code: 'RUNNER_CRASHED',
  });
  await bystander.add('after');
  expect(await bystander.ids()).toEqual(['before', 'after']);
  expect(first?.running).toBe(true);
});
