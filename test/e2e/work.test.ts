/** Tasks, workflows and actors that call actors. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { approval, Counter, count, double, fanOut, flaky, Sender } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;

beforeAll(async () => {
  stage = await scene({ nodes: 2 });
});

afterAll(async () => {
  await stage?.stop();
});

it('a task gives its result, and the same id gives the same result', async () => {
  expect(await stage.troupe.task(double, 21, { id: 'once' })).toBe(42);
  expect(await stage.troupe.task(double, 21, { id: 'once' })).toBe(42);
  await expect(stage.troupe.task(double, 1, { id: 'once' })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    message: expect.stringContaining('"once"'),
  });
});

it('a gang gives the results of its members, in their order, and the same id gives the same ones', async () => {
  const members = [1, 2, 3].map((input) => ({ task: double, input }));
  const options = { id: 'gang-1', policy: 'SPREAD' } as const;
  expect(await stage.troupe.gang(members, options)).toEqual([2, 4, 6]);
  expect(await stage.troupe.gang(members, options)).toEqual([2, 4, 6]);
  await expect(stage.troupe.gang([], { id: 'gang-2' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('1 to 256 members'),
  });
});

it('a task that fails is tried again, up to its retries', async () => {
  expect(await stage.troupe.task(flaky, { failures: 2 })).toBe(3);
  await expect(stage.troupe.task(flaky, { failures: 9 })).rejects.toMatchObject({
    code: 'RETRIES_EXHAUSTED',
    message: expect.stringContaining('attempt 4'),
  });
});

it('a task calls an actor, which counts it once', async () => {
  expect(await stage.troupe.task(count, { key: 'by-task', id: 'x' })).toBe(1);
  expect(await stage.troupe.actor(Counter, 'by-task').ids()).toEqual(['x']);
});

it('an actor calls an actor and gets its answer', async () => {
  expect(await stage.troupe.actor(Sender, 'asker').ask('asked', 'x')).toBe(1);
  expect(await stage.troupe.actor(Sender, 'asker').ask('asked', 'y')).toBe(2);
});

it('a workflow fans out over a collection and keeps its order', async () => {
  const items = Array.from({ length: 100 }, (_, n) => n);
  const run = await stage.troupe.start(fanOut, { items });
  expect(await run.result()).toEqual({ doubled: items.map((n) => n * 2) });
});

it('a workflow waits for a person and goes on with the answer', async () => {
  const run = await stage.troupe.start(approval, { key: 'approved' });
  await stage.until('the run waits', async () => (await run.view()).state === 'waiting');
  expect(await stage.troupe.actor(Counter, 'approved').ids()).toEqual(['before']);
  await run.resume('approve', { yes: true });
  expect(await run.result()).toEqual({ answer: { yes: true }, after: 2 });
});

it('a call that its caller aborts before it runs never runs, and harms nothing else', async () => {
  const stop = new AbortController();
  const counter = stage.troupe.actor(Counter, 'aborted');
  await counter.add('first');
  const slow = counter.addSlowly('slow', 300);
  const next = stage.troupe.actor(Counter, 'aborted', { signal: stop.signal }).add('second');
  stop.abort();
  await expect(next).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await slow).toBe(2);
  expect(await counter.ids()).toEqual(['first', 'slow']);
  expect((await stage.troupe.status()).counts.nodesLost).toBe(0);
});
