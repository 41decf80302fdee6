/** Turns that wait, race and undo on a real cluster, whatever dies under them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { Hasty, Order, Trip } from '../agents/journeys.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/journeys.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-journeys-'));
let stage: Scene;
let file: string;
let files = 0;

beforeEach(() => {
  files += 1;
  file = join(folder, `effects${files}`);
});
afterEach(async () => {
  await stage?.stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(options: Parameters<typeof scene>[0]): Promise<void> {
  stage = await scene(options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

/** Side effects in order: name and effect id. */
function effects(): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').trim().split('\n');
}

function names(): string[] {
  return effects().map((line) => line.split(' ')[0] ?? '');
}

async function killHostOf(actor: string): Promise<void> {
  const host = await stage.hostOf(actor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
}

it('a turn that waits outlives its node, its runner and the leader, and hears its signal once', async () => {
  await open({ nodes: 3, schedulers: 2 });
  const { troupe, cluster } = stage;
  const order = troupe.actor(Order, 'o', { deadlineMs: 60_000 });
  const approved = order.approve('x', file);
  await stage.until('it asks', async () => names().includes('ask-x'));
  const later = order.add('later');
  await killHostOf('default/Order/o');
  expect(await order.ids()).toEqual([]);
  const { leader } = await troupe.status();
  const leading = cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
  expect(await order.ids()).toEqual([]);
  await troupe.signal(Order, 'o', 'approval', { by: 'Ada' });
  expect(await approved).toBe('Ada');
  expect(await later).toBe(2);
  expect(await order.ids()).toEqual(['x by Ada', 'later']);
  expect(names()).toEqual(['ask-x', 'book-x']);
  // The signal is used up: the next wait needs one of its own, which another actor gives.
  const second = order.approve('y', file);
  await stage.until('it asks again', async () => names().includes('ask-y'));
  await killHostOf('default/Order/o');
  await troupe.actor(Order, 'friend', { deadlineMs: 60_000 }).tell('o', 'Bob');
  expect(await second).toBe('Bob');
  expect(names()).toEqual(['ask-x', 'book-x', 'ask-y', 'book-y']);
});

it('a signal that was acknowledged before its wait is there after its node has died', async () => {
  await open({ nodes: 2 });
  await stage.troupe.signal(Order, 'early', 'approval', { by: 'Ada' });
  await killHostOf('default/Order/early');
  const order = stage.troupe.actor(Order, 'early', { deadlineMs: 60_000 });
  expect(await order.approve('x', file)).toBe('Ada');
});

it('a hundred turns wait longer than actors stay in memory, and each hears its own signal', async () => {
  await open({ nodes: 2, nodeConfig: { idleMs: 1_000 } });
  const keys = Array.from({ length: 100 }, (_, n) => `many${n}`);
  const approved = keys.map((key) =>
    stage.troupe.actor(Order, key, { deadlineMs: 60_000 }).approve(key, file),
  );
  await stage.until('all ask', async () => names().length === keys.length);
  const clock = stage.troupe.actor(Order, 'clock', { deadlineMs: 60_000 }).approveWithin(4_000);
  await expect(clock).rejects.toMatchObject({ code: 'NO_SIGNAL' });
  await Promise.all(
    keys.map((key) => stage.troupe.signal(Order, key, 'approval', { by: `by-${key}` })),
  );
  expect(await Promise.all(approved)).toEqual(keys.map((key) => `by-${key}`));
  const booked = names().filter((name) => name.startsWith('book-'));
  expect([...booked].sort()).toEqual(keys.map((key) => `book-${key}`).sort());
});

it('a wait that nobody answers ends by its limit, and not before', async () => {
  await open({ nodes: 1 });
  const order = stage.troupe.actor(Order, 'silent');
  await order.ids();
  const began = performance.now();
  await expect(order.approveWithin(1_500)).rejects.toMatchObject({ code: 'NO_SIGNAL' });
  expect(performance.now() - began).toBeGreaterThanOrEqual(1_500);
});

it('a race has the same winner after its node has died', async () => {
  await open({ nodes: 2 });
  const order = stage.troupe.actor(Order, 'race', { deadlineMs: 60_000 });
  expect(await order.firstOf('x', file)).toBe('fast');
  expect(names()).toEqual(['fast', 'won-fast', 'won-fast']);
  expect(new Set(effects()).size).toBe(2);
  expect(await order.ids()).toEqual(['x fast']);
});

it('a race has the same winner and c.all the same results, whoever leads and whatever node dies', async () => {
  await open({ nodes: 2, schedulers: 2 });
  const { troupe, cluster } = stage;
  const order = troupe.actor(Order, 'told', { deadlineMs: 60_000 });
  const tell = (name: string, value: string) =>
    troupe.signal(Order, 'told', name, value, { deadlineMs: 60_000 });
  const told = order.firstTold('x', file);
  await stage.until('it waits', async () => {
    const turn = (await troupe.actors.show(Order, 'told'))?.activity?.turn;
    return turn !== undefined && turn.forMs === undefined;
  });
  await stage.killLeader();
  await tell('right', 'R');
  await stage.until('it has a winner', async () => names().includes('one-R'));
  await killHostOf('default/Order/told');
  await cluster.startNode();
  await tell('left', 'L');
  await stage.killLeader();
  await killHostOf('default/Order/told');
  await tell('end', 'E');
  expect(await told).toBe('R');
  expect(await order.ids()).toEqual(['x R one-R E']);
  expect([...new Set(names())]).toEqual(['won-R', 'one-R']);
  expect(new Set(effects()).size).toBe(2);
});

it.each(['node', 'runner'] as const)(
  'a turn that fails undoes each step once, the last first, though its %s dies meanwhile',
  async (dies) => {
    await open({ nodes: 2 });
    const trip = stage.troupe.actor(Trip, dies, { deadlineMs: 60_000 });
    await expect(trip.book(file, dies)).rejects.toMatchObject({
      code: 'USER_ERROR',
      message: expect.stringContaining('no flight'),
    });
    // What was not recorded is done again, under the same effect id.
    const once = [...new Set(effects())].map((line) => line.split(' ')[0]);
    expect(once).toEqual(['hotel', 'car', 'train', 'undo-train', 'undo-car', 'undo-hotel']);
    expect(names().filter((name) => name === 'undo-car')).toHaveLength(2);
    expect(names()).toHaveLength(7);
    expect(await trip.ids()).toEqual([]);
    expect(await stage.troupe.actor(Counter, 'bystander').add('fine')).toBe(1);
  },
);

it('a step that kills its runner is undone, though its node dies as it undoes it', async () => {
  await open({ nodes: 2 });
  const trip = stage.troupe.actor(Trip, 'charge', { deadlineMs: 60_000 });
  await expect(trip.charge(file)).rejects.toMatchObject({ code: 'RUNNER_CRASHED' });
  const once = [...new Set(effects())].map((line) => line.split(' ')[0]);
  expect(once).toEqual(['hotel', 'charge', 'refund-undefined', 'undo-hotel']);
  expect(names().filter((name) => name === 'refund-undefined')).toHaveLength(2);
  expect(names().filter((name) => name === 'undo-hotel')).toHaveLength(1);
  expect(names().filter((name) => name === 'charge').length).toBeGreaterThanOrEqual(3);
  expect(await trip.ids()).toEqual([]);
});

it('a step that blocks its runner beyond the limit of its turn is undone', async () => {
  await open({ nodes: 1 });
  const hasty = stage.troupe.actor(Hasty, 'h', { deadlineMs: 60_000 });
  await expect(hasty.charge(file)).rejects.toMatchObject({ code: 'TIME_LIMIT' });
  expect([...new Set(effects())].map((line) => line.split(' ')[0])).toEqual([
    'charge',
    'refund-undefined',
  ]);
  expect(names().filter((name) => name === 'refund-undefined')).toHaveLength(1);
});

it('a compensation that kills its runner is named in the error, and the others run', async () => {
  await open({ nodes: 1 });
  const trip = stage.troupe.actor(Trip, 'hopeless', { deadlineMs: 60_000 });
  await expect(trip.hopeless(file)).rejects.toMatchObject({
    code: 'COMPENSATION_FAILED',
    details: { steps: 'charge', code: 'USER_ERROR' },
  });
  const once = [...new Set(effects())].map((line) => line.split(' ')[0]);
  expect(once).toEqual(['hotel', 'charge', 'refund', 'undo-hotel']);
  expect(names().filter((name) => name === 'undo-hotel')).toHaveLength(1);
});

it('what cannot be undone is named in the error', async () => {
  await open({ nodes: 1 });
  const stuck = stage.troupe.actor(Trip, 'stuck').stuck();
  await expect(stuck).rejects.toMatchObject({
    code: 'COMPENSATION_FAILED',
    details: { steps: 'hotel', code: 'USER_ERROR' },
  });
});
