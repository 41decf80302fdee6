/** Permits that are shared by turns and clients, and pools, in a test cluster. */
import { actor, poolIn, Semaphore, withPermit } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const Trainer = actor('Trainer', {
  state: () => ({ trained: [] as string[] }),
  turnLimitMs: 3_000_000,
  waitsMs: 3_000_000,
  methods: {
    async train(c, model: string, waitMs?: number) {
      const options = waitMs === undefined ? {} : { waitMs };
      await withPermit(
        c,
        'gpu',
        2,
        async () => {
          await c.waitFor(`trained.${model}`);
          c.state.trained.push(model);
        },
        options,
      );
      return c.state.trained.length;
    },
    async fails(c) {
      await withPermit(c, 'gpu', 2, () => {
        throw new Error('no cuda');
      });
    },
    async survives(c) {
      await withPermit(c, 'gpu', 2, () => Promise.reject(new Error('no cuda'))).catch(() => 0);
      await c.waitFor('go');
    },
    async brief(c) {
      await withPermit(c, 'gpu', 2, () => c.waitFor('never'), { leaseMs: 5_000 });
    },
  },
});

/** Who is at work, and how many were at once at most. */
const inside = new Set<string>();
let mostInside = 0;

const Worker = actor('Worker', {
  state: () => ({ done: 0 }),
  turnLimitMs: 3_000_000,
  waitsMs: 3_000_000,
  methods: {
    async work(c, ms: number) {
      await withPermit(c, 'few', 3, async () => {
        await c.step('enter', ({ effectId }) => {
          const [turn = effectId] = effectId.split(/\/\d+$/);
          inside.add(turn);
          mostInside = Math.max(mostInside, inside.size);
        });
        await c.waitFor('nothing', { limitMs: ms }).catch(() => undefined);
        await c.step('leave', ({ effectId }) => {
          const [turn = effectId] = effectId.split(/\/\d+$/);
          inside.delete(turn);
        });
      });
      c.state.done += 1;
      return c.state.done;
    },
  },
});

const Echo = actor('Echo', {
  state: () => ({ heard: 0 }),
  methods: {
    say(c, text: string) {
      c.state.heard += 1;
      return `${c.key}: ${text}`;
    },
    async ask(c, count: number) {
      const pool = poolIn(c, Echo, 3, { name: 'echo' });
      const said: string[] = [];
      for (let n = 0; n < count; n++) said.push(await pool.say(String(n)));
      await c.waitFor('go');
      return said;
    },
  },
});

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Trainer, Semaphore, Echo } });
});

afterEach(async () => {
  await cluster.stop();
});

const counts = async () => await cluster.connect().semaphore('gpu', 2).counts();

/** Turns of so many actors want a permit, one after another. */
async function training(keys: readonly string[], options: { readonly waitMs?: number } = {}) {
  const troupe = cluster.connect();
  const turns = new Map<string, Promise<unknown>>();
  for (const key of keys) {
    const done = troupe.actor(Trainer, key).train(key, options.waitMs);
    turns.set(
      key,
      done.catch((thrown: { code: string }) => thrown.code),
    );
    await cluster.advance('1s');
  }
  return turns;
}

const ends = (key: string) => cluster.connect().signal(Trainer, key, `trained.${key}`, null);

describe('a semaphore', () => {
  test('lets so many turns go on at once, and the others in the order in which they came', async () => {
    const turns = await training(['a', 'b', 'c', 'd']);
    expect(await counts()).toEqual({ permits: 2, held: 2, waiting: 2 });
    await ends('b');
    expect(await turns.get('b')).toBe(1);
    await cluster.advance('2s');
    expect(await counts()).toEqual({ permits: 2, held: 2, waiting: 1 });
    await ends('c');
    expect(await turns.get('c')).toBe(1);
    for (const key of ['a', 'd']) await ends(key);
    expect(await Promise.all([turns.get('a'), turns.get('d')])).toEqual([1, 1]);
    await cluster.advance('2s');
    expect(await counts()).toEqual({ permits: 2, held: 0, waiting: 0 });
  });

  test('loses nothing when nodes die under those who hold, who wait, and under itself', async () => {
    const turns = await training(['a', 'b', 'c', 'd']);
    for (const [type, key] of [
      ['Trainer', 'a'],
      ['Trainer', 'c'],
      ['Semaphore', 'gpu'],
    ] as const) {
      const node = await cluster.whereIs(type, key);
      await cluster.crash(node);
      await cluster.advance('20s');
      await cluster.restart(node);
      await cluster.advance('5s');
    }
    expect(await counts()).toEqual({ permits: 2, held: 2, waiting: 2 });
    for (const key of ['a', 'b', 'c', 'd']) await ends(key);
    await cluster.advance('10s');
    expect(await Promise.all(turns.values())).toEqual([1, 1, 1, 1]);
    expect(await counts()).toEqual({ permits: 2, held: 0, waiting: 0 });
  });

  test('has a permit back from a turn that fails, also when the turn goes on', async () => {
    const troupe = cluster.connect();
    await expect(troupe.actor(Trainer, 'a').fails()).rejects.toMatchObject({ code: 'USER_ERROR' });
    const survivor = troupe.actor(Trainer, 'b').survives();
    await cluster.advance('2s');
    expect(await counts()).toMatchObject({ held: 0, waiting: 0 });
    await troupe.signal(Trainer, 'b', 'go');
    await survivor;
  });

  test('has it back from a turn that is cancelled while it holds, and while it waits', async () => {
    const troupe = cluster.connect();
    await training(['a']);
    const aborts = [new AbortController(), new AbortController()];
    for (const [at, { signal }] of aborts.entries()) {
      troupe
        .actor(Trainer, `cancelled${at}`, { signal })
        .train('x')
        .catch(() => undefined);
      await cluster.advance('1s');
    }
    expect(await counts()).toMatchObject({ held: 2, waiting: 1 });
    for (const abort of aborts) abort.abort();
    await cluster.advance('5s');
    expect(await counts()).toMatchObject({ held: 1, waiting: 0 });
  });

  test('is given up by who has waited long enough', async () => {
    const turns = await training(['a', 'b', 'c'], { waitMs: 5_000 });
    await cluster.advance('10s');
    expect(await turns.get('c')).toBe('NO_SIGNAL');
    expect(await counts()).toMatchObject({ held: 2, waiting: 0 });
  });

  test('has it back from an actor that was destroyed, when its lease is over', async () => {
    const troupe = cluster.connect();
    troupe
      .actor(Trainer, 'a')
      .brief()
      .catch(() => undefined);
    await cluster.advance('1s');
    await troupe.actors.destroy(Trainer, 'a');
    expect(await counts()).toMatchObject({ held: 1 });
    await cluster.advance('6s');
    expect(await counts()).toMatchObject({ held: 0 });
  });
});

test.each([1, 2, 3])(
  'no more than may be are at work at once, whatever dies: seed %i',
  async (seed) => {
    const chaos = await TestCluster.start({ bundle: { Worker, Semaphore }, seed, chaos: true });
    inside.clear();
    mostInside = 0;
    const troupe = chaos.connect({ deadlineMs: 300_000 });
    const keys = Array.from({ length: 12 }, (_, n) => `w${n}`);
    const done = keys.map(async (key, n) => {
      await troupe.actor(Worker, key).work(200 + 150 * n);
      return await troupe.actor(Worker, key).work(100 + 70 * n);
    });
    for (const node of ['node-1', 'node-2', 'node-3', 'node-1']) {
      await chaos.advance('2s');
      await chaos.crash(node);
      await chaos.advance('8s');
      await chaos.restart(node);
    }
    await chaos.advance('5m');
    expect(await Promise.all(done)).toEqual(keys.map(() => 2));
    expect(mostInside).toBe(3);
    expect(await troupe.semaphore('few', 3).counts()).toMatchObject({ held: 0, waiting: 0 });
    await chaos.stop();
  },
);

describe('a lease of a client', () => {
  test('lasts for as long as the client lives, and is another one’s when it has died', async () => {
    const [left, right] = [cluster.connect(), cluster.connect()];
    const lease = await left.semaphore('gpu', 1).acquire({ leaseMs: 9_000 });
    const other = right.semaphore('gpu', 1).acquire({ leaseMs: 9_000 });
    await cluster.advance('60s');
    expect(await counts()).toMatchObject({ permits: 1, held: 1, waiting: 1 });
    expect(lease.lost.aborted).toBe(false);
    await left.close();
    await cluster.advance('15s');
    expect(lease.lost.aborted).toBe(true);
    expect((await other).lost.aborted).toBe(false);
    await (await other).release();
    expect(await counts()).toMatchObject({ held: 0, waiting: 0 });
  });

  test('is had in turn, and given back also when its work fails', async () => {
    const gpu = cluster.connect().semaphore('gpu', 1);
    let atOnce = 0;
    let most = 0;
    const work = async (fails: boolean) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await gpu.counts();
      atOnce -= 1;
      if (fails) throw new Error('no cuda');
    };
    const all = [false, true, false, true].map((fails) => gpu.use(() => work(fails)));
    const ended = await Promise.allSettled(all);
    expect(ended.map(({ status }) => status).filter((one) => one === 'rejected')).toHaveLength(2);
    expect(most).toBe(1);
    expect(await gpu.counts()).toEqual({ permits: 1, held: 0, waiting: 0 });
  });

  test('is refused to who does not wait for it, and leaves no trace', async () => {
    const gpu = cluster.connect().semaphore('gpu', 1);
    const held = await gpu.acquire();
    await expect(gpu.acquire({ waitMs: 2_000 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(await gpu.counts()).toMatchObject({ held: 1, waiting: 0 });
    await held.release();
    await held.release();
  });

  test('is lost to its holder before another one has it, when nobody is reached', async () => {
    const [left, right] = [cluster.connect(), cluster.connect()];
    const lease = await left.semaphore('gpu', 1).acquire({ leaseMs: 10_000 });
    let lostAt = 0;
    lease.lost.addEventListener('abort', () => (lostAt = cluster.now));
    const other = right.semaphore('gpu', 1).acquire({ leaseMs: 10_000 });
    other.catch(() => undefined);
    let hadAt = 0;
    const had = other.then(() => (hadAt = cluster.now));
    await cluster.advance('1s');
    for (const name of ['scheduler-1', 'scheduler-2']) await cluster.crash(name);
    await cluster.advance('15s');
    for (const name of ['scheduler-1', 'scheduler-2']) await cluster.restart(name);
    await cluster.advance('40s');
    await had;
    expect(lostAt).toBeGreaterThan(0);
    expect(lostAt).toBeLessThan(hadAt);
  });
});

describe('a pool', () => {
  test('spreads the calls of a client over its members', async () => {
    const pool = cluster.connect().pool(Echo, 4);
    const said = await Promise.all(Array.from({ length: 8 }, (_, n) => pool.say(String(n))));
    const members = said.map((text) => text.split(':')[0]);
    expect(new Set(members)).toEqual(new Set(['pool.0', 'pool.1', 'pool.2', 'pool.3']));
    for (const member of new Set(members)) {
      expect(members.filter((one) => one === member)).toHaveLength(2);
    }
  });

  test('gives a turn that runs again the same members', async () => {
    const troupe = cluster.connect();
    const asked = troupe.actor(Echo, 'a', { waitsMs: 600_000 }).ask(7);
    await cluster.advance('2s');
    await cluster.crash(await cluster.whereIs(Echo, 'a'));
    await cluster.advance('20s');
    await troupe.signal(Echo, 'a', 'go');
    const said = await asked;
    expect(said.map((text) => text.split(': ')[1])).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect(new Set(said.map((text) => text.split(':')[0])).size).toBe(3);
  });
});
