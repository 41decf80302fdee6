import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../src/fair/index.ts';
import { Generator } from '../../src/generator.ts';
import { type Choice, Claims, type Demand, Placement } from '../../src/placement/index.ts';
import type { Shape } from '../../src/resources.ts';
import { type Made, task } from '../fair/scene.ts';
import { Cluster, many } from './cluster.ts';

const agedMs = 60_000;
const smallMsMax = 10_000;

/**
 * Four nodes that small tasks keep busy, of which there is no end; one task needs a whole node.
 * Answers when that started, and how much of the cluster was in use, second by second.
 */
function crowd(claiming: boolean): { startedAt: number | undefined; used: readonly number[] } {
  const generator = new Generator(7);
  const placement = new Placement({ strategy: 'first-fit', mix: [] });
  for (const node of many(4, { resources: { cpu: 16 } })) placement.addNode(node);
  const claims = new Claims(placement);
  const demandOf = ({ amounts }: Shape): Demand => ({
    resources: { cpu: (amounts[0]?.milli ?? 0) / 1_000 },
  });
  let made = 0;
  const place = (shape: Shape): Choice => {
    const ask = placement.ask(demandOf(shape));
    return claims.place(shape.key, { id: `run ${made++}`, ask });
  };
  const queue = new FairQueue<Made, string>({
    costOf: () => 1,
    coefficientOf: () => 1,
    place: (shape) => {
      const choice = place(shape);
      return choice.kind === 'placed' ? `run ${made - 1}` : undefined;
    },
  });
  const large = task('a', { cpu: 16 });
  const running: { readonly of: Made; readonly run: string; readonly endsAt: number }[] = [];
  const used: number[] = [];
  for (let now = 0; now < 600_000; now += 1_000) {
    for (const one of running.splice(0)) {
      if (one.endsAt > now) {
        running.push(one);
        continue;
      }
      const node = placement.grant(one.run)?.site.spec.name ?? '';
      placement.end(one.run);
      queue.landed(one.of, now);
      claims.freed(node);
      queue.unblock(() => true);
    }
    if (now === 5_000) queue.push(large, now);
    while (queue.share('b').waiting < 80) queue.push(task('b'), now);
    for (const shape of claiming ? queue.starving(now, agedMs) : []) {
      const ask = placement.ask(demandOf(shape));
      if (!claims.has(shape.key)) claims.claim(shape.key, { id: shape.key, ask });
    }
    for (let picked = queue.take(now); picked !== undefined; picked = queue.take(now)) {
      if (picked.task === large) return { startedAt: now, used };
      const endsAt = now + 1_000 + generator.next() * (smallMsMax - 1_000);
      running.push({ of: picked.task, run: picked.place, endsAt });
    }
    placement.check();
    used.push(running.length);
  }
  return { startedAt: undefined, used };
}

describe('a large task among small ones without end', () => {
  it('starts once it is of age and what ran on one node has ended; three nodes in four work on', () => {
    const { startedAt, used } = crowd(true);
    expect(startedAt).toBeGreaterThanOrEqual(5_000 + agedMs);
    expect(startedAt).toBeLessThanOrEqual(5_000 + agedMs + smallMsMax + 2_000);
    expect(Math.min(...used)).toBeGreaterThanOrEqual(48);
  });

  it('would starve without a claim', () => {
    expect(crowd(false).startedAt).toBeUndefined();
  });
});

describe('a claim', () => {
  const half = { resources: { cpu: 2, gpu: 0.5 } };

  it('takes the node that lacks least, and gathers what ends there until it is whole', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 4, gpu: 2 } }));
    const { placement } = cluster;
    const claims = new Claims(placement);
    const put = (node: string, id: string, demand: Demand, gpus: readonly number[]) =>
      placement.reserve(cluster.task(demand, { id }), node, gpus);
    put('n0', 'a', half, [0]);
    put('n0', 'b', half, [1]);
    put('n1', 'c', { resources: { cpu: 3 } }, []);
    put('n1', 'd', { resources: { cpu: 1, gpu: 0.75 } }, [1]);
    const large = cluster.task({ resources: { cpu: 4, gpu: 1 } });
    expect(claims.claim('large', large)).toEqual({ kind: 'claimed', node: 'n0' });
    placement.end('d');
    expect(claims.freed('n1')).toBeUndefined();
    placement.end('a');
    expect(claims.freed('n0')).toBeUndefined();
    // What ended there is nobody else's, but the half of a GPU that it does not need is.
    expect(cluster.put({ resources: { cpu: 2 } })).toBe('2 nodes have too little free cpu');
    placement.end('b');
    expect(claims.freed('n0')).toBe('large');
    expect(claims.isWhole('large')).toBe(true);
    expect(cluster.put({ resources: { gpu: 0.5 } })).toBe('n0');
    expect(claims.place('large', large)).toEqual({ kind: 'placed', node: 'n0', gpus: [0] });
    placement.check();
    expect([...placement.grants()].filter(({ task: { spared } }) => spared)).toEqual([]);
  });

  it('is refused where no node could ever take it, and beyond a tenth of the nodes', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 4 } }));
    const claims = new Claims(cluster.placement);
    cluster.put({ resources: { cpu: 1 } });
    cluster.placement.cordon('n1', true);
    const spared = cluster.task({ resources: { cpu: 1 } }, { spared: true });
    cluster.placement.reserve(spared, 'n0', []);
    const whole = cluster.task({ resources: { cpu: 4 } });
    expect(claims.claim('whole', whole)).toEqual({
      kind: 'refused',
      why: 'no other node could take it, even if nothing ran there',
    });
    const most = cluster.task({ resources: { cpu: 3 } });
    expect(claims.claim('most', most)).toMatchObject({ node: 'n0' });
    expect(claims.claim('more', most)).toEqual({
      kind: 'refused',
      why: '1 claim stands, as many as there may be',
    });
  });

  it('leaves nothing behind when it is dropped, its node is lost, or room is found elsewhere', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 2 } }));
    const { placement } = cluster;
    const claims = new Claims(placement);
    const [first, second] = [1, 2].map(() => cluster.task({ resources: { cpu: 1 } }));
    if (first === undefined || second === undefined) throw new Error('two tasks were made');
    for (const [one, node] of [
      [first, 'n0'],
      [second, 'n1'],
    ] as const)
      placement.reserve(one, node, []);
    const large = cluster.task({ resources: { cpu: 2 } });
    const held = () => [...placement.grants()].filter(({ task: { spared } }) => spared).length;
    expect(claims.claim('large', large)).toMatchObject({ node: 'n0' });
    claims.drop('large');
    expect([claims.has('large'), held()]).toEqual([false, 0]);
    claims.claim('large', large);
    placement.removeNode('n0');
    expect([claims.nodeRemoved('n0'), claims.has('large'), held()]).toEqual(['large', false, 0]);
    placement.addNode({ name: 'n2', resources: { cpu: 1 } });
    claims.claim('large', large);
    expect(claims.place('large', large).kind).toBe('refused');
    expect([claims.has('large'), held()]).toEqual([true, 1]);
    placement.addNode({ name: 'n3', resources: { cpu: 2 } });
    expect(claims.place('large', large)).toMatchObject({ node: 'n3' });
    expect([claims.has('large'), held()]).toEqual([false, 0]);
    placement.check();
  });
});
