import { actor, type TroupeError } from '@troupe/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../src/index.ts';

/** What its states were, are and will be: a sum, then a list, then a list with a name. */
const first = {
  Till: actor('Till', {
    state: () => ({ sum: 0 }),
    methods: {
      add(c, amount: number) {
        c.state.sum += amount;
        return c.state.sum;
      },
      async wait(c, amount: number) {
        await c.waitFor('go');
        c.state.sum += amount;
        return 'first';
      },
    },
    reads: { sum: (c) => c.state.sum, code: () => 1 },
    waitsMs: 600_000,
  }),
};

let migrations = 0;

const second = {
  Till: actor('Till', {
    version: 2,
    state: (): { amounts: number[] } => ({ amounts: [] }),
    migrate(state: { sum: number }, from: number) {
      migrations += 1;
      expect(from).toBe(1);
      if (state.sum === 13) throw new Error('thirteen');
      return { amounts: [state.sum] };
    },
    methods: {
      add(c, amount: number) {
        c.state.amounts.push(amount);
        return total(c.state.amounts);
      },
      async wait(c, amount: number) {
        await c.waitFor('go');
        c.state.amounts.push(amount);
        return 'second';
      },
    },
    reads: { sum: (c) => total(c.state.amounts), code: () => 2 },
    waitsMs: 600_000,
  }),
};

function total(amounts: readonly number[]): number {
  return amounts.reduce((sum, one) => sum + one, 0);
}

/** Like the second, and goes on from it. */
const third = {
  Till: actor('Till', {
    version: 3,
    state: (): { amounts: number[]; name: string } => ({ amounts: [], name: 'till' }),
    migrate(state: { sum: number } | { amounts: number[] }) {
      const amounts = 'sum' in state ? [state.sum] : state.amounts;
      return { amounts, name: 'till' };
    },
    methods: {
      add(c, amount: number) {
        c.state.amounts.push(amount);
        return total(c.state.amounts);
      },
    },
    reads: { sum: (c) => total(c.state.amounts), code: () => 3 },
  }),
};

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function tills(count: number, options: Parameters<typeof TestCluster.start>[0] = {}) {
  cluster = await TestCluster.start({ bundle: first, ...options });
  migrations = 0;
  const troupe = cluster.connect();
  const keys = Array.from({ length: count }, (_, at) => `till-${at}`);
  await Promise.all(keys.map((key, at) => troupe.actor(first.Till, key).add(at + 1)));
  return { cluster, troupe, keys };
}

async function until(there: TestCluster, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await isSo()) return;
    await there.advance('5s');
  }
  throw new Error('it never came');
}

describe('a rollout', () => {
  it('brings every actor to the new version with its state, and each migration counts once', async () => {
    const { cluster: there, troupe, keys } = await tills(10);
    const bundle = await there.deploy(second);
    expect(await troupe.actor(second.Till, 'till-3').code()).toBe(1);
    await troupe.rollouts.start('Till', { atOnce: 3, pauseMs: 1_000 });
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    const [rollout] = await troupe.rollouts.list();
    expect(rollout?.actors).toEqual([{ bundle, version: 2, count: 10 }]);
    expect(migrations).toBe(10);
    for (const [at, key] of keys.entries()) {
      const till = troupe.actor(second.Till, key);
      expect(await till.code()).toBe(2);
      expect(await till.add(100)).toBe(at + 101);
    }
  });

  it('goes wave by wave, with no more actors at once than were said', async () => {
    const { cluster: there, troupe } = await tills(9);
    await there.deploy(second);
    await troupe.rollouts.start('Till', { atOnce: 2, pauseMs: 60_000 });
    await there.advance('30s');
    expect((await troupe.rollouts.list())[0]?.actors.find((one) => one.version === 2)?.count).toBe(
      2,
    );
    await there.advance('60s');
    expect((await troupe.rollouts.list())[0]?.actors.find((one) => one.version === 2)?.count).toBe(
      4,
    );
    await troupe.rollouts.pause('Till');
    await there.advance('10m');
    expect((await troupe.rollouts.list())[0]?.actors.find((one) => one.version === 2)?.count).toBe(
      4,
    );
    await troupe.rollouts.resume('Till');
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
  });

  it('leaves an actor whose migration fails on its old version, says why, and stops', async () => {
    const { cluster: there, troupe } = await tills(20);
    await there.deploy(second);
    await troupe.rollouts.start('Till', { atOnce: 1 });
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'stopped');
    const [rollout] = await troupe.rollouts.list();
    expect(rollout?.failures).toEqual([
      {
        actor: 'default/Till/till-12',
        code: 'USER_ERROR',
        message: expect.stringContaining('thirteen'),
      },
    ]);
    const till = troupe.actor(first.Till, 'till-12');
    expect(await till.code()).toBe(1);
    expect(await till.add(1)).toBe(14);
    await troupe.rollouts.resume('Till');
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    expect(await till.sum()).toBe(14);
    expect(await till.code()).toBe(2);
  });

  it('lets a turn that has begun end with the code it began with', async () => {
    const { cluster: there, troupe } = await tills(1);
    const till = troupe.actor(first.Till, 'till-0');
    const waits = till.wait(5);
    await there.advance('1s');
    await there.deploy(second);
    await troupe.rollouts.start('Till');
    await there.advance('2m');
    expect(await till.code()).toBe(1);
    await troupe.signal('Till', 'till-0', 'go');
    expect(await waits).toBe('first');
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    expect(await till.sum()).toBe(6);
    expect(await till.code()).toBe(2);
  });

  it('rolls back to the states of before, unless turns would be given up', async () => {
    const { cluster: there, troupe } = await tills(3);
    await there.deploy(second);
    await troupe.rollouts.start('Till');
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    expect(await troupe.actor(second.Till, 'till-1').add(40)).toBe(42);
    await troupe.rollouts.undo('Till', { failuresMax: 3 });
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    const [rollout] = await troupe.rollouts.list();
    expect(rollout?.failures.map(({ actor: id, code }) => [id, code])).toEqual([
      ['default/Till/till-1', 'WRONG_STATE'],
    ]);
    expect(await troupe.actor(first.Till, 'till-0').code()).toBe(1);
    expect(await troupe.actor(first.Till, 'till-2').add(1)).toBe(4);
    expect(await troupe.actor(second.Till, 'till-1').sum()).toBe(42);
    const { to } = (await troupe.rollouts.list())[0] ?? {};
    await troupe.rollouts.start('Till', { bundle: to?.bundle ?? '', discard: true });
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    expect(await troupe.actor(first.Till, 'till-1').sum()).toBe(2);
    // A new one has what is rolled out, not what was deployed last.
    expect(await troupe.actor(first.Till, 'new').code()).toBe(1);
  });

  it('leaves alone whoever was made with what was deployed while it goes on', async () => {
    const { cluster: there, troupe } = await tills(4);
    await there.deploy(second);
    await troupe.rollouts.start('Till', { atOnce: 1, pauseMs: 10_000 });
    await there.deploy(third);
    expect(await troupe.actor(third.Till, 'z').add(1)).toBe(1);
    await until(there, async () => (await troupe.rollouts.list())[0]?.state !== 'running');
    const [rollout] = await troupe.rollouts.list();
    expect(rollout).toMatchObject({ state: 'done', failures: [] });
    const had = rollout?.actors.map(({ version, count }) => `${count} of ${version}`).sort();
    expect(had).toEqual(['1 of 3', '4 of 2']);
    expect(await troupe.actor(third.Till, 'z').code()).toBe(3);
  });

  it('rolls back to the version that the actors had, over one that was only deployed', async () => {
    const { cluster: there, troupe } = await tills(3);
    await there.deploy(second);
    await there.deploy(third);
    await troupe.rollouts.start('Till');
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    await troupe.rollouts.undo('Till');
    await until(there, async () => (await troupe.rollouts.list())[0]?.state !== 'running');
    const [rollout] = await troupe.rollouts.list();
    expect(rollout).toMatchObject({ state: 'done', to: { version: 1 }, failures: [] });
    expect(await troupe.actor(first.Till, 'till-2').add(1)).toBe(4);
  });

  it('goes one step back by stored states, and no second one', async () => {
    const { cluster: there, troupe } = await tills(2);
    for (const next of [second, third]) {
      await there.deploy(next);
      await troupe.rollouts.start('Till');
      await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    }
    const undone = async () => {
      await troupe.rollouts.undo('Till', { failuresMax: 2 });
      await until(there, async () => (await troupe.rollouts.list())[0]?.state !== 'running');
      const [rollout] = await troupe.rollouts.list();
      return [rollout?.to.version, ...(rollout?.failures ?? []).map(({ code }) => code)];
    };
    expect(await undone()).toEqual([2]);
    expect(await undone()).toEqual([1, 'TOO_FAR_BACK', 'TOO_FAR_BACK']);
    expect(await troupe.actor(second.Till, 'till-1').add(1)).toBe(3);
  });

  it('leaves an actor as it was whose state would change by more than a record holds', async () => {
    const big = actor('Big', {
      state: () => ({ notes: [] as string[] }),
      methods: {
        load(c, count: number) {
          for (let note = 0; note < count; note++) c.state.notes.push(`${note}`.padEnd(1_000, 'x'));
          return c.state.notes.length;
        },
      },
    });
    const changed = actor('Big', {
      version: 2,
      state: (): { notes: { text: string }[] } => ({ notes: [] }),
      migrate: (state: { notes: string[] }) => ({ notes: state.notes.map((text) => ({ text })) }),
      methods: {},
    });
    cluster = await TestCluster.start({ bundle: { big } });
    const troupe = cluster.connect();
    for (const count of [400, 400, 400]) await troupe.actor(big, 'a').load(count);
    await cluster.deploy({ changed });
    await troupe.rollouts.start('Big');
    const there = cluster;
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'stopped');
    expect((await troupe.rollouts.list())[0]?.failures.map(({ code }) => code)).toEqual([
      'TOO_LARGE',
    ]);
    expect(await troupe.actor(big, 'a').load(1)).toBe(1_201);
  });

  it.each([1, 2, 3, 4])('with seed %i counts once for each actor, whatever dies', async (seed) => {
    const { cluster: there, troupe, keys } = await tills(12, { seed, chaos: true });
    await there.deploy(second);
    await troupe.rollouts.start('Till', { atOnce: 4, failuresMax: 100 });
    const calls: Promise<number>[] = [];
    for (const name of ['node-1', 'scheduler', 'node-2', 'node-3', 'scheduler']) {
      for (const key of keys) calls.push(troupe.actor(second.Till, key).add(1_000));
      await there.advance('200ms');
      try {
        await there.crash(name);
      } catch (thrown) {
        // Nobody leads at the moment.
        expect((thrown as TroupeError).code).toBe('WRONG_STATE');
      }
      await there.advance('8s');
      for (const dead of ['node-1', 'node-2', 'node-3', 'scheduler-1', 'scheduler-2']) {
        await there.restart(dead).catch(() => undefined);
      }
    }
    await Promise.all(calls);
    await until(there, async () => (await troupe.rollouts.list())[0]?.state === 'done');
    for (const [at, key] of keys.entries()) {
      const till = troupe.actor(second.Till, key);
      expect(await till.sum()).toBe(at + 5_001);
      expect(await till.code()).toBe(2);
    }
  });
});
