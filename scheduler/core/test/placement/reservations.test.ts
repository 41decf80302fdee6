import { describe, expect, it } from 'vitest';
import {
  type Demand,
  nodesToKeep,
  planPreemption,
  Reservations,
} from '../../src/placement/index.ts';
import { Cluster, many } from './cluster.ts';

const tenant = 'critical';

/** Places of a tenant on nodes that are alike, and words for what goes into them. */
class Stage extends Cluster {
  readonly reservations = new Reservations(this.placement);
  #places = 0;

  holds(node: string, demand: Demand, gpus: readonly number[] = []): number {
    const id = ++this.#places;
    this.reservations.hold({ id, tenant, ask: this.placement.ask(demand), node, gpus });
    return id;
  }

  enters(id: string, demand: Demand, owner = tenant, anyGpus = true): number | undefined {
    const task = this.task(demand, { id, tenant: owner });
    return this.reservations.enter(task, anyGpus)?.place;
  }

  check(): void {
    this.placement.check();
    this.reservations.check();
  }
}

describe('a place', () => {
  const half = { resources: { cpu: 2, gpu: 0.5 } };

  it('is there when its tenant needs it, however full the cluster is for others', () => {
    const stage = new Stage(many(1, { resources: { cpu: 8, gpu: 1 } }));
    const place = stage.holds('n0', { resources: { cpu: 4, gpu: 0.5 } }, [0]);
    expect(stage.put({ resources: { cpu: 4, gpu: 0.5 } })).toBe('n0');
    expect(stage.put({ resources: { cpu: 1, gpu: 0.1 } })).toContain('too little free of a gpu');
    expect(stage.enters('stranger', half, 'other')).toBeUndefined();
    expect(stage.enters('first', half)).toBe(place);
    expect(stage.enters('second', { resources: { cpu: 2 } })).toBe(place);
    expect(stage.enters('third', half)).toBeUndefined();
    stage.check();
    stage.reservations.end('first');
    stage.check();
    expect(stage.put({ resources: { cpu: 1 } })).toContain('too little free cpu');
    expect(stage.enters('fourth', half)).toBe(place);
    stage.check();
  });

  it('counts the parts of its GPUs one by one', () => {
    const stage = new Stage(many(1, { resources: { cpu: 8, gpu: 4 } }));
    const place = stage.holds('n0', { resources: { gpu: 2 } }, [1, 3]);
    const part = stage.task({ resources: { gpu: 0.4 } }, { tenant });
    expect(stage.reservations.enter(part, true)?.gpus).toEqual([1]);
    const whole = stage.task({ resources: { gpu: 1 } }, { tenant });
    expect(stage.reservations.enter(whole, true)?.gpus).toEqual([3]);
    expect(stage.enters('large', { resources: { gpu: 0.7 } })).toBeUndefined();
    expect(stage.enters('small', { resources: { gpu: 0.6 } })).toBe(place);
    stage.check();
  });

  it('is chosen so that little is left beside the task, and GPUs are spared where they may be', () => {
    const stage = new Stage(many(1, { resources: { cpu: 16, gpu: 1 } }));
    const gpu = stage.holds('n0', { resources: { cpu: 2, gpu: 1 } }, [0]);
    const large = stage.holds('n0', { resources: { cpu: 4 } });
    const small = stage.holds('n0', { resources: { cpu: 2 } });
    const one = { resources: { cpu: 2 } };
    expect(stage.enters('a', one, tenant, false)).toBe(small);
    expect(stage.enters('b', one, tenant, false)).toBe(large);
    expect(stage.enters('c', one, tenant, false)).toBe(large);
    expect(stage.enters('d', one, tenant, false)).toBeUndefined();
    expect(stage.enters('d', one)).toBe(gpu);
    stage.check();
  });

  it('takes a task only where the task may be: by labels, models, isolation and neighbours', () => {
    const stage = new Stage([
      { name: 'n0', resources: { cpu: 4 }, labels: { zone: 'a' } },
      { name: 'n1', resources: { cpu: 4 }, labels: { zone: 'b' } },
    ]);
    stage.holds('n0', { resources: { cpu: 2 } });
    const b = stage.holds('n1', { resources: { cpu: 2 } });
    const one = { resources: { cpu: 1 }, labels: { app: 'x' } };
    const zone = { label: 'zone', op: 'in', values: ['b'] } as const;
    expect(stage.enters('zoned', { ...one, nodes: [zone] })).toBe(b);
    expect(stage.enters('boxed', { ...one, isolation: 'vm' })).toBeUndefined();
    const app = { tasks: [{ label: 'app', op: 'in', values: ['x'] }], across: 'zone' } as const;
    expect(stage.enters('apart', { ...one, apart: [app] })).toBe(1);
    expect(stage.enters('nowhere', { ...one, apart: [app] })).toBeUndefined();
  });

  it('is no neighbour: a task that must be alone may be beside what is held', () => {
    const stage = new Stage(many(1, { resources: { cpu: 4 } }));
    stage.holds('n0', { resources: { cpu: 2 } });
    const anybody = { tasks: [], across: 'node' } as const;
    expect(stage.put({ resources: { cpu: 1 }, apart: [anybody] })).toBe('n0');
  });

  it('is open to its tenant on a node that is kept for somebody who has waited long', () => {
    const stage = new Stage(many(1, { resources: { cpu: 4 } }));
    const place = stage.holds('n0', { resources: { cpu: 2 } });
    stage.placement.keep('n0', true);
    expect(stage.put({ resources: { cpu: 1 } })).toContain('kept for a task');
    expect(stage.enters('inside', { resources: { cpu: 1 } })).toBe(place);
    stage.check();
  });

  it('holds room for one attempt, and for more as long as the node has any', () => {
    const stage = new Stage(many(1, { resources: { cpu: 8, $attempts: 3 } }));
    const one = { resources: { cpu: 1, $attempts: 1 } };
    const place = stage.holds('n0', { resources: { cpu: 4, $attempts: 1 } });
    expect([stage.put(one), stage.put(one)]).toEqual(['n0', 'n0']);
    expect(stage.put(one)).toContain('too little free $attempts');
    expect(stage.enters('first', one)).toBe(place);
    expect(stage.enters('second', one)).toBeUndefined();
    stage.check();
    stage.placement.end('t1');
    expect(stage.enters('second', one)).toBe(place);
    stage.reservations.end('first');
    stage.check();
    expect(stage.put(one)).toBe('n0');
    stage.reservations.end('second');
    stage.check();
    expect(stage.put(one)).toContain('too little free $attempts');
  });

  it('is open to all once it is let go, but for what runs there', () => {
    const stage = new Stage(many(1, { resources: { cpu: 4 } }));
    const place = stage.holds('n0', { resources: { cpu: 4 } });
    stage.enters('inside', { resources: { cpu: 1 } });
    stage.reservations.letGo(place);
    expect(stage.put({ resources: { cpu: 4 } })).toContain('too little free cpu');
    expect(stage.put({ resources: { cpu: 3 } })).toBe('n0');
    expect(stage.reservations.end('inside')).toBe(false);
    stage.placement.end('inside');
    stage.check();
  });

  it('is gone with its node', () => {
    const stage = new Stage(many(2, { resources: { cpu: 4 } }));
    const [lost, kept] = ['n0', 'n1'].map((node) => stage.holds(node, { resources: { cpu: 4 } }));
    stage.enters('inside', { resources: { cpu: 1 } });
    stage.reservations.nodeRemoved('n0');
    stage.placement.removeNode('n0');
    expect([...stage.reservations.ids()]).toEqual([kept]);
    expect(stage.reservations.has(lost ?? 0)).toBe(false);
    stage.check();
  });

  it('is preempted by nobody, and nothing that runs in it is', () => {
    const stage = new Stage(many(1, { resources: { cpu: 4 } }));
    stage.holds('n0', { resources: { cpu: 2 } });
    stage.enters('inside', { resources: { cpu: 1 } });
    stage.placement.reserve(
      stage.task({ resources: { cpu: 2 } }, { id: 'low', priority: 1 }),
      'n0',
      [],
    );
    const plan = (cpu: number) =>
      planPreemption(stage.placement, stage.task({ resources: { cpu } }, { priority: 9 }), 0);
    expect(plan(2)).toMatchObject({ kind: 'planned', victims: [{ task: 'low' }] });
    expect(plan(3)).toMatchObject({ kind: 'refused' });
  });

  it('never ends for what has waited long: no node is kept where only it is in the way', () => {
    const stage = new Stage(many(2, { resources: { cpu: 4 } }));
    stage.holds('n0', { resources: { cpu: 2 } });
    stage.enters('inside', { resources: { cpu: 2 } });
    stage.placement.reserve(stage.task({ resources: { cpu: 4 } }, { id: 'other' }), 'n1', []);
    const large = stage.task({ resources: { cpu: 3 } });
    expect(nodesToKeep(stage.placement, { members: [large], policy: 'PACK' })).toEqual(['n1']);
    stage.placement.end('other');
    stage.holds('n1', { resources: { cpu: 2 } });
    expect(nodesToKeep(stage.placement, { members: [large], policy: 'PACK' })).toBeUndefined();
  });
});
