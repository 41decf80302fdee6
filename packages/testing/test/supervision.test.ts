import { type ActorEvent, actor, lives, type TopicMessage } from '@troupe/sdk';
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

/** Hears what becomes of vases. */
const Gardener = actor('Gardener', {
  state: () => ({ heard: [] as [string, string, number][] }),
  methods: {
    async minds(c, vase?: string) {
      return await c.subscribe(lives(Vase, vase), 'onLife');
    },
    async leaves(c, vase?: string) {
      return await c.unsubscribe(lives(Vase, vase));
    },
    onLife(c, event: ActorEvent, about: TopicMessage) {
      c.state.heard.push([event.actor, event.kind, about.number]);
    },
    pretends(c) {
      c.publish(lives(), { kind: 'ended' });
    },
  },
  reads: { heard: (c) => c.state.heard },
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

  it('hears of them as an actor, of one or of all of a type, each event once, whoever leads', async () => {
    isBroken = false;
    cluster = await TestCluster.start({ bundle: { Vase, Gardener } });
    const troupe = cluster.connect();
    const ofOne = troupe.actor(Gardener, 'of one');
    const ofAll = troupe.actor(Gardener, 'of all');
    expect(await ofOne.minds('red')).toBe(0);
    expect(await ofAll.minds()).toBe(0);
    for (const key of ['red', 'blue']) await troupe.actor(Vase, key).put();
    await troupe.actors.destroy(Vase, 'blue');
    await cluster.crash('scheduler');
    await troupe.actors.destroy(Vase, 'red');
    await cluster.advance('5s');
    const red = ['default/Vase/red', 'ended'];
    expect(await ofOne.heard()).toEqual([[...red, 1]]);
    expect(await ofAll.heard()).toEqual([
      ['default/Vase/blue', 'ended', 1],
      [...red, 2],
    ]);
    expect(await ofAll.leaves()).toBe(true);
    await troupe.actor(Vase, 'red').put();
    await troupe.actors.destroy(Vase, 'red');
    await cluster.advance('5s');
    expect(await ofOne.heard()).toHaveLength(2);
    expect(await ofAll.heard()).toHaveLength(2);
  });

  it('hears nothing of them that somebody else made up', async () => {
    cluster = await TestCluster.start({ bundle: { Vase, Gardener } });
    const troupe = cluster.connect();
    const gardener = troupe.actor(Gardener, 'a');
    await gardener.minds();
    await expect(gardener.pretends()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const topic = troupe.topic(lives(Vase));
    const refusal = { code: 'INVALID_ARGUMENT' };
    await expect(topic.publish({ kind: 'ended' })).rejects.toMatchObject(refusal);
    expect(() => lives(Vase, '')).toThrow('names no actor');
    await cluster.advance('5s');
    expect(await gardener.heard()).toEqual([]);
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
