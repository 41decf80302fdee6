/** Idle actors leave memory and come back as they were, also when their node dies in the midst of it. */
import type { Process } from '@troupe/cli';
import type { Troupe } from '@troupe/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Counter, Sender } from '../agents/agents.ts';
import { expectExactlyOnce, startCallers } from './callers.ts';
import { type Scene, scene } from './scene.ts';

const patient = { deadlineMs: 120_000 };
const killed = { code: null, signal: 'SIGKILL' };

let stage: Scene;
let troupe: Troupe;

beforeAll(async () => {
  // No checkpoint is written but that of an actor that leaves memory.
  const nodeConfig = { idleMs: 100, resendMs: 100, checkpointMs: 600_000, rebaseMs: 600_000 };
  stage = await scene({ nodes: 1, nodeConfig });
  troupe = stage.troupe;
});
afterAll(async () => {
  await stage?.stop();
});

async function hasLeft(key: string): Promise<void> {
  const isOut = async () => {
    const view = await troupe.actors.show(Counter, key);
    return view?.activity?.inMemory === false;
  };
  await stage.until(`${key} leaves memory`, isOut);
}

function idsOf(key: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `${key}-${n}`);
}

/** Many at once, by call and by letter: each is there once, and what one sender sent in its order. */
async function addsAtOnce(key: string, meanwhile: () => Promise<void>): Promise<void> {
  const counter = troupe.actor(Counter, key, patient);
  const before = await counter.ids();
  await hasLeft(key);
  const sent = idsOf(`${key}-sent`, 5);
  const called = idsOf(`${key}-called`, 20);
  const posting = (async () => {
    for (const id of sent) await troupe.actor(Sender, `to-${key}`, patient).post([key], id);
  })();
  await Promise.all([posting, ...called.map((id) => counter.add(id)), meanwhile()]);
  const all = before.length + sent.length + called.length;
  await stage.until(`${key} has all`, async () => (await counter.ids()).length >= all);
  const ids = await counter.ids();
  expect(ids.slice(0, before.length)).toEqual(before);
  expect([...ids].sort()).toEqual([...before, ...sent, ...called].sort());
  expect(ids.filter((id) => id.startsWith(`${key}-sent`))).toEqual(sent);
}

async function startVictim(point: string): Promise<Process> {
  return await stage.cluster.startNode({ name: 'victim' }, { env: { TROUPE_CRASH_AT: point } });
}

describe('an actor that is idle leaves memory', () => {
  it('and comes back with its state for whoever calls it or writes to it', async () => {
    const key = 'sleeper';
    await troupe.actor(Counter, key).add('first');
    await addsAtOnce(key, async () => undefined);
    await hasLeft(key);
    expect((await troupe.actor(Counter, key).ids())[0]).toBe('first');
  });

  it('and its node dies before that is stored: nothing is lost or doubled', async () => {
    const key = 'leaving';
    await troupe.actor(Counter, key).add('first');
    const victim = await startVictim('node.put-checkpoint:2');
    await troupe.migrate('Counter', key, { to: victim.name });
    await troupe.actor(Counter, key, patient).add('second');
    await hasLeft(key);
    await troupe.actor(Counter, key, patient).add('third');
    expect(await victim.exited).toEqual(killed);
    await addsAtOnce(key, async () => undefined);
    expect((await troupe.actor(Counter, key).ids()).slice(0, 3)).toEqual([
      'first',
      'second',
      'third',
    ]);
  });

  it('and its node dies as it comes back: nothing is lost, doubled or out of order', async () => {
    const key = 'waking';
    await troupe.actor(Counter, key).add('first');
    const victim = await startVictim('node.restore:2');
    await troupe.migrate('Counter', key, { to: victim.name });
    await addsAtOnce(key, async () => {
      expect(await victim.exited).toEqual(killed);
    });
  });

  it('again and again, while nodes and leaders are killed: every call takes effect once', async () => {
    const others = await Promise.all(['n2', 'n3'].map((name) => stage.cluster.startNode({ name })));
    // More actors than callers reach within the time after which they leave.
    const callers = startCallers(troupe, { counters: 400, callers: 8 });
    for (const node of others) {
      await callers.acknowledged(600);
      node.kill('SIGKILL');
      expect(await node.exited).toEqual(killed);
      await stage.cluster.startNode();
      await callers.acknowledged(300);
      await stage.killLeader();
    }
    await callers.acknowledged(600);
    await expectExactlyOnce(troupe, await callers.stop());
    await hasLeft('k0');
  });
});
