/** Timers of actors on a real cluster: each firing once, none early, whatever dies. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import type { ActorCalls } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Clock, type Rung } from '../agents/clocks.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/clocks.ts', import.meta.url));
/** What rounding may take away. */
const roundingMs = 2;
const times = 5;

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function deployed(...options: Parameters<typeof scene>): Promise<void> {
  stage = await scene(...options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

/** Actors with timers of all kinds: of each what must come of it. */
class Wound {
  readonly actors: { readonly key: string; readonly clock: ActorCalls<typeof Clock> }[];

  constructor(count: number) {
    this.actors = Array.from({ length: count }, (_, n) => {
      const key = `c${n}`;
      return { key, clock: stage.troupe.actor(Clock, key, { deadlineMs: 120_000 }) };
    });
  }

  async wind(): Promise<void> {
    const all = this.actors.map(async ({ clock, key }, n) => {
      await clock.after('once', 1_000 + n * 100);
      await clock.every('often', 700, times);
      await clock.after('never', 60_000);
      await clock.cancel('never');
      await clock.later(`${key}-friend`, `from ${key}`, 1_500 + n * 100);
    });
    await Promise.all(all);
  }

  async expectOnceAndNotEarly(): Promise<void> {
    for (const { key, clock } of this.actors) {
      await stage.until(`${key} has all`, async () => (await clock.count()) >= times + 1);
      const friend = stage.troupe.actor(Clock, `${key}-friend`, { deadlineMs: 120_000 });
      await stage.until(`the friend of ${key}`, async () => (await friend.got()).length > 0);
      const rung = await clock.rung();
      expect(new Set(rung.map(({ callId }) => callId)).size, key).toBe(rung.length);
      expect(named(rung, 'once'), key).toHaveLength(1);
      expect(named(rung, 'often'), key).toHaveLength(times);
      expect(await friend.got(), key).toEqual([`from ${key}`]);
      expect(await clock.names(), key).toEqual([]);
      for (const { name, due, came } of rung) {
        expect(came - due, `${name} of ${key}`).toBeGreaterThan(-roundingMs);
      }
    }
  }
}

function named(rung: readonly Rung[], name: string): readonly Rung[] {
  return rung.filter((one) => one.name === name);
}

it('each firing takes effect once and none early when nodes are killed as timers fire', async () => {
  await deployed({ nodes: 3 });
  const wound = new Wound(30);
  await wound.wind();
  const [first, second] = stage.cluster.nodes;
  for (const node of [first, second]) {
    node?.kill('SIGKILL');
    await node?.exited;
    await stage.cluster.startNode();
  }
  await wound.expectOnceAndNotEarly();
});

it('each firing takes effect once and none early when the leader is killed as timers fire', async () => {
  await deployed({ nodes: 2, schedulers: 2 });
  const wound = new Wound(30);
  await wound.wind();
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
  await wound.expectOnceAndNotEarly();
  expect((await stage.troupe.status()).leader).not.toBe(leader);
});

it('timers wake actors that have left memory, on a node that never had them in it', async () => {
  await deployed({ nodes: 1, nodeConfig: { idleMs: 100 } });
  const clock = stage.troupe.actor(Clock, 'sleeper', { deadlineMs: 120_000 });
  await clock.after('soon', 3_000);
  await clock.after('late', 9_000);
  await stage.until('the first', async () => (await clock.count()) >= 1);
  const [node] = stage.cluster.nodes;
  await stage.cluster.startNode();
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.until('the second', async () => (await clock.count()) >= 2);
  const rung = await clock.rung();
  expect(rung.map(({ name }) => name)).toEqual(['soon', 'late']);
  for (const { due, came } of rung) expect(came - due).toBeGreaterThan(-roundingMs);
});

it('ten thousand timers that are due in one millisecond all take effect, each once', async () => {
  await deployed({ nodes: 2 });
  const [actors, each] = [100, 100];
  const at = Date.now() + 5_000;
  const clocks = Array.from({ length: actors }, (_, n) => stage.troupe.actor(Clock, `herd${n}`));
  await Promise.all(clocks.map((clock) => clock.herd(each, at)));
  for (const clock of clocks) {
    await stage.until('all have come', async () => (await clock.count()) >= each);
    const names = (await clock.rung()).map(({ name }) => name);
    expect(new Set(names).size).toBe(each);
    expect(names).toHaveLength(each);
  }
  expect(Date.now()).toBeGreaterThanOrEqual(at);
});
