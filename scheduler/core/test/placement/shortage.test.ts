/** What is known of gangs that wait, against planning them each time. */
import { gangPolicies } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Demand,
  Gangs,
  type NodeSpec,
  Shortages,
  shortageBefore,
} from '../../src/placement/index.ts';
import { Cluster, many } from './cluster.ts';

const policy = fc.constantFrom(...gangPolicies);
const disk = fc.constantFrom('ssd', 'hdd');
const demand: fc.Arbitrary<Demand> = fc.record({
  resources: fc.record({
    cpu: fc.integer({ min: 1, max: 4 }),
    memory: fc.constantFrom(0, 0, 100, 200),
    gpu: fc.constantFrom(0, 0, 0, 0.5, 1, 2),
  }),
  nodes: fc.constantFrom([], [], [{ label: 'disk', op: 'in', values: ['ssd'] } as const]),
});
const spec = fc.record({
  resources: fc.record({
    cpu: fc.integer({ min: 1, max: 8 }),
    memory: fc.constantFrom(200, 400),
    gpu: fc.integer({ min: 0, max: 2 }),
  }),
  labels: fc.record({ disk }),
});
const at = fc.nat(99);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('starts' as const), demand }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ends' as const), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('joins' as const), spec }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leaves' as const), at }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cordon' as const), at, on: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('keep' as const), at, on: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Stage extends Cluster {
  readonly #running: string[] = [];
  #joined = 0;

  takes(step: Step): void {
    const { placement } = this;
    switch (step.kind) {
      case 'starts': {
        const task = this.task(step.demand);
        if (placement.place(task).kind === 'placed') this.#running.push(task.id);
        return;
      }
      case 'ends': {
        const [id] = this.#running.splice(step.at % Math.max(1, this.#running.length), 1);
        if (id !== undefined && placement.grant(id) !== undefined) placement.end(id);
        return;
      }
      case 'joins':
        return placement.addNode({ name: `more-${this.#joined++}`, ...step.spec });
      default: {
        const nodes = [...placement.sites()];
        const node = nodes[step.at % Math.max(1, nodes.length)]?.spec.name;
        if (node === undefined) return;
        if (step.kind === 'leaves') placement.removeNode(node);
        else if (step.kind === 'cordon') placement.cordon(node, step.on);
        else placement.keep(node, step.on);
      }
    }
  }
}

describe('a gang that is known to be short of room', () => {
  it('has no plan, whatever has come and gone since it was found', () => {
    let known = 0;
    const scenes = fc.record({
      nodes: fc.array(spec, { minLength: 1, maxLength: 5 }),
      policy,
      members: fc.array(demand, { minLength: 1, maxLength: 5 }),
      steps: fc.array(step, { minLength: 20, maxLength: 40 }),
    });
    const holds = fc.property(scenes, ({ nodes, policy, members, steps }) => {
      const stage = new Stage(nodes.map((each, n): NodeSpec => ({ name: `n${n}`, ...each })));
      const gangs = new Gangs(stage.placement);
      const shortages = new Shortages(stage.placement);
      const gang = { id: 'g', policy, members: members.map((each) => stage.task(each)) };
      for (const each of steps) {
        stage.takes(each);
        if (shortages.isShort('g')) {
          known++;
          expect(gangs.plan(gang).kind).toBe('refused');
        } else {
          const made = shortages.plan('g', gang, () => gangs.plan(gang));
          expect(made?.kind ?? gangs.plan(gang).kind).toBe(gangs.plan(gang).kind);
        }
      }
      stage.placement.check();
    });
    fc.assert(holds, { numRuns: 400, seed: 7 });
    expect(known).toBeGreaterThan(500);
  });

  it('is planned again as soon as enough has been freed for it, and not before', () => {
    const cluster = new Cluster(many(8, { resources: { cpu: 4 } }));
    const small = Array.from({ length: 24 }, () => cluster.task({ resources: { cpu: 1 } }));
    for (const task of small) cluster.placement.place(task);
    const gangs = new Gangs(cluster.placement);
    const shortages = new Shortages(cluster.placement);
    let plans = 0;
    const members = [1, 2, 3, 4].map(() => cluster.task({ resources: { cpu: 2 } }));
    const gang = { id: 'g', policy: 'STRICT_SPREAD' as const, members };
    const tryNow = () =>
      shortages.plan('g', gang, () => {
        plans++;
        return gangs.plan(gang);
      })?.kind;
    const ends = (from: number, to: number) => {
      for (const { id } of small.slice(from, to)) cluster.placement.end(id);
    };
    // Six nodes are full and two are empty.
    expect(tryNow()).toBe(undefined);
    for (let ended = 0; ended < 5; ended++) {
      ends(ended, ended + 1);
      expect(tryNow()).toBe(undefined);
    }
    expect(plans).toBe(0);
    ends(5, 6);
    expect(tryNow()).toBe('planned');
    expect(plans).toBe(1);
  });
});

describe('a look at amounts', () => {
  it('finds a gang short only when there is no way for it', () => {
    const cluster = new Cluster(many(3, { resources: { cpu: 4 } }));
    cluster.put({ resources: { cpu: 3 } });
    let short = 0;
    for (const policy of gangPolicies) {
      for (let kind = 0; kind < 5 ** 4; kind++) {
        const members = [1, 5, 25, 125]
          .map((unit) => Math.floor(kind / unit) % 5)
          .filter((cpu) => cpu > 0)
          .map((cpu) => cluster.task({ resources: { cpu } }));
        const gang = { id: 'g', policy, members };
        if (shortageBefore(cluster.placement, gang) === undefined) continue;
        short++;
        expect(new Gangs(cluster.placement).plan(gang).kind).toBe('refused');
      }
    }
    expect(short).toBeGreaterThan(500);
  });
});
