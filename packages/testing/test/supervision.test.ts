import { type ActorEvent, actor } from '@troupe/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../src/index.ts';

let isBroken = true;

const Vase = actor('Vase', {
  state: () => {
    if (isBroken) throw new Error('in pieces');
    return { flowers: 0 };
  },
  methods: {
    put(c) {
      c.state.flowers += 1;
      return c.state.flowers;
    },
  },
});

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** The next so many that are told. */
async function next(watch: AsyncGenerator<ActorEvent, never>, count: number) {
  const told: ActorEvent[] = [];
  while (told.length < count) told.push((await watch.next()).value);
  return told;
}

describe('whoever watches actors', () => {
  it('hears why one cannot be made, that it is well again, and that it has ended, whoever leads', async () => {
    isBroken = true;
    cluster = await TestCluster.start({ bundle: { Vase } });
    const troupe = cluster.connect();
    const watch = troupe.actors.watch({ type: 'Vase', after: 0 });
    const vase = troupe.actor(Vase, 'blue');
    await expect(vase.put()).rejects.toMatchObject({ code: 'CONSTRUCTOR_FAILED' });
    const [failed] = await next(watch, 1);
    expect(failed).toMatchObject({ actor: 'default/Vase/blue', kind: 'failed' });
    expect(failed?.failure?.message).toContain('in pieces');
    await cluster.crash('scheduler');
    isBroken = false;
    await cluster.advance('10s');
    expect(await vase.put()).toBe(1);
    await cluster.advance('10s');
    await troupe.actors.destroy(Vase, 'blue');
    expect((await next(watch, 2)).map(({ kind }) => kind)).toEqual(['recovered', 'ended']);
    const again = troupe.actors.watch({ after: failed?.position ?? 0 });
    expect((await next(again, 2)).map(({ kind }) => kind)).toEqual(['recovered', 'ended']);
  });

  it('hears that one was placed anew after its node had died', async () => {
    isBroken = false;
    cluster = await TestCluster.start({ bundle: { Vase } });
    const troupe = cluster.connect();
    await troupe.actor(Vase, 'red').put();
    const watch = troupe.actors.watch({ type: 'Vase', prefix: 'r' });
    const first = watch.next();
    await cluster.advance('2s');
    await cluster.crash(await cluster.whereIs(Vase, 'red'));
    expect((await first).value).toMatchObject({ actor: 'default/Vase/red', kind: 'restarted' });
  });
});
