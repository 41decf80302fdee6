import {
  encodeValue,
  type Incarnation,
  limits,
  nodeName,
  type RequestBody,
  type ReservationView,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { config, tenant as others, Scene, stateOf, task, workflow } from './scene.ts';

const critical = tenantName('critical');

type Put = Extract<RequestBody, { kind: 'put-reservation' }>;

/** Nodes of 4 cpus, a critical tenant beside the default one, and tasks of 1, 2 and 4 cpus of both. */
class Stage extends Scene {
  readonly nodes: Incarnation[] = [];
  /** How many facts there were after each event. */
  declare told: Set<number>;

  constructor(nodes = 2) {
    super();
    this.asks({ kind: 'put-tenant', tenant: critical });
    for (const tenant of [others, critical]) {
      this.asks({
        kind: 'deploy',
        tenant,
        bundle: 'b1' as never,
        manifest: {
          sdk: '0.1.0',
          actors: [],
          tasks: [
            task('work'),
            task('two', { resources: { cpu: 2 } }),
            task('four', { resources: { cpu: 4 } }),
            task('drawn', { resources: { cpu: 1, gpu: 1 } }),
            task('urgent', { placement: { preempts: true } }),
          ],
          workflows: [],
        },
        bytes: 10,
      });
    }
    for (let at = 1; at <= nodes; at++) this.nodes.push(this.joins(`n${at}.aaaaaaaa`));
  }

  override tell(event: Parameters<Scene['tell']>[0]): void {
    super.tell(event);
    this.told = (this.told ?? new Set()).add(this.facts.length);
  }

  reserves(over: Partial<Put> = {}) {
    return this.asks({
      kind: 'put-reservation',
      tenant: critical,
      reservation: 'gold',
      shape: { resources: { cpu: 2 } },
      count: 1,
      ...over,
    });
  }

  drops() {
    return this.asks({ kind: 'drop-reservation', tenant: critical, reservation: 'gold' });
  }

  /** Tasks of the default tenant until no more start; they are called `other-0` and so on. */
  fills(): void {
    for (let at = 0; at < 4 * this.nodes.length; at++) this.submits(`other-${at}`);
  }

  needs(id: string, name = 'work', over: object = {}): void {
    this.submits(id, { tenant: critical, name, ...over });
  }

  view(reservation: string): ReservationView | undefined;
  view(reservation = 'gold') {
    const answer = this.asks({ kind: 'status' });
    const all = answer?.kind === 'status' ? answer.status.reservations : [];
    return all.find((each) => each.reservation === reservation) as never;
  }

  nodeOf(id: string): Incarnation | undefined {
    return this.started(id).at(-1)?.node;
  }

  startedOf(prefix: string): string[] {
    const all = this.decided('task-started').map((fact) => fact.task as string);
    return all.filter((id) => id.startsWith(prefix));
  }

  cordons(node: Incarnation, cordoned = true): void {
    const name = nodeName(node.slice(0, node.indexOf('.')));
    this.asks({ kind: 'cordon-node', node: name, cordoned });
  }

  why(id: string, tenant = critical): string | undefined {
    const answer = this.asks({ kind: 'list-tasks', tenant, limit: 100 });
    const tasks = answer?.kind === 'tasks' ? answer.tasks : [];
    return tasks.find(({ task }) => task === id)?.why;
  }
}

describe('room that is reserved', () => {
  it('is there at once when its tenant needs it, however many of others wait', () => {
    const stage = new Stage(2);
    expect(stage.reserves({ count: 2 })).toMatchObject({
      reservation: { held: 2, used: 0, count: 2 },
    });
    stage.fills();
    expect(stage.startedOf('other')).toHaveLength(4);
    stage.needs('a', 'two');
    stage.needs('b', 'work');
    expect(stage.startedOf('a')).toEqual(['a']);
    expect(stage.startedOf('b')).toEqual(['b']);
    expect(stage.view('gold')).toMatchObject({ held: 2, used: 2 });
    stage.needs('c', 'two');
    expect(stage.startedOf('c')).toEqual([]);
    expect(stage.why('c')).toBe(
      '2 nodes have too little free cpu, and none of the 2 places held for its tenant has room for it',
    );
    stage.finishes('a');
    expect(stage.startedOf('c')).toEqual(['c']);
    expect(stage.startedOf('other')).toHaveLength(4);
  });

  it('stays free when its tenant needs nothing, whatever ends and waits', () => {
    const stage = new Stage(1);
    stage.reserves();
    stage.fills();
    expect(stage.startedOf('other')).toEqual(['other-0', 'other-1']);
    stage.finishes('other-0');
    stage.needs('a');
    stage.finishes('a');
    expect(stage.startedOf('other')).toEqual(['other-0', 'other-1', 'other-2']);
    expect(stage.view('gold')).toMatchObject({ held: 1, used: 0 });
  });

  it('is used before room that others could use', () => {
    const stage = new Stage(2);
    stage.reserves({ shape: { resources: { cpu: 4 } } });
    const held = stage.decided('place-held')[0];
    for (const id of ['a', 'b', 'c', 'd']) {
      stage.needs(id);
      expect(stage.nodeOf(id)).toBe(held?.node);
    }
    stage.needs('e');
    expect(stage.nodeOf('e')).not.toBe(held?.node);
    expect(stage.decided('task-started').map(({ place }) => place !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('gives GPUs by their numbers, and none to a task without as long as there is other room', () => {
    const stage = new Stage(1);
    const gpus = stage.joins('n9.aaaaaaaa', { cpu: 4, gpu: 2 });
    stage.reserves({ shape: { resources: { cpu: 1, gpu: 1 } }, count: 2 });
    expect(stage.decided('place-held').map(({ node, gpus }) => [node, gpus])).toEqual([
      [gpus, [0]],
      [gpus, [1]],
    ]);
    stage.needs('plain');
    expect(stage.decided('task-started')[0]).not.toHaveProperty('place');
    stage.needs('drawn', 'drawn');
    expect(stage.decided('task-started')[1]).toMatchObject({ node: gpus, gpus: [0] });
    stage.submits('other', { name: 'drawn' });
    expect(stage.started('other')).toEqual([]);
    stage.fills();
    stage.needs('squeezed');
    expect(stage.nodeOf('squeezed')).toBe(gpus);
  });

  it('lets no more of its tenant start than its quota does', () => {
    const stage = new Stage(1);
    stage.reserves({ shape: { resources: { cpu: 3 } } });
    stage.asks({ kind: 'put-tenant', tenant: critical, quota: { inFlightMax: 1 } });
    stage.needs('a');
    stage.needs('b');
    expect(stage.startedOf('b')).toEqual([]);
    expect(stage.why('b')).toContain('quota');
    stage.finishes('a');
    expect(stage.startedOf('b')).toEqual(['b']);
  });

  it('is charged like any other, when it is used', () => {
    const stage = new Stage(1);
    stage.reserves();
    const waits = stage.asks({ kind: 'status' });
    expect(waits).toMatchObject({ status: { tenants: [{}, { behindMs: 0, inFlight: 0 }] } });
    stage.fills();
    stage.needs('a');
    stage.needs('b', 'two');
    const status = stage.asks({ kind: 'status' });
    const views = status?.kind === 'status' ? status.status.tenants : [];
    expect(views.map(({ inFlight }) => inFlight)).toEqual([2, 1]);
  });

  it('holds as many places as there is room for, says why not more, and tries again', () => {
    const stage = new Stage(1);
    stage.fills();
    expect(stage.reserves({ count: 3 })).toMatchObject({
      reservation: { held: 0, why: '0 of 3 held: 1 node has too little free cpu' },
    });
    stage.finishes('other-0');
    expect(stage.view('gold')).toMatchObject({ held: 0 });
    expect(stage.startedOf('other')).toHaveLength(4);
    stage.nodes.push(stage.joins('n2.aaaaaaaa'));
    expect(stage.view('gold')).toMatchObject({
      held: 2,
      why: '2 of 3 held: 2 nodes have too little free cpu',
    });
    stage.finishes('other-1');
    expect(stage.view('gold')).toMatchObject({ held: 3 });
    expect(stage.view('gold')).not.toHaveProperty('why');
    stage.submits('waits');
    expect(stage.startedOf('waits')).toEqual([]);
  });

  it('may be larger than any node, which is said', () => {
    const stage = new Stage(2);
    const shape = { resources: { cpu: 64, gpu: 1 } };
    expect(stage.reserves({ shape, count: 3 })).toMatchObject({
      reservation: { held: 0, why: '0 of 3 held: 2 nodes lack gpu' },
    });
    stage.joins('n9.aaaaaaaa', { cpu: 64, gpu: 1 });
    expect(stage.view('gold')).toMatchObject({
      held: 1,
      why: '1 of 3 held: 2 nodes lack gpu, 1 has too little free of a gpu'.replace(
        'too little free of a gpu',
        'fewer than 1 free gpus',
      ),
    });
  });

  it('is only where the labels and models say that it is to be', () => {
    const stage = new Stage(1);
    const zone = { label: 'zone', op: 'in', values: ['a'] } as const;
    const shape = { resources: { cpu: 1 }, placement: { nodes: [zone] } };
    expect(stage.reserves({ shape })).toMatchObject({
      reservation: { why: '0 of 1 held: 1 node lacks label zone in (a)', shape },
    });
    const zoned = stage.joins('n9.aaaaaaaa', { cpu: 4 }, { zone: 'a' });
    expect(stage.decided('place-held')).toMatchObject([{ node: zoned }]);
  });

  it('is not preempted, and neither is what runs in it', () => {
    const stage = new Stage(1);
    stage.reserves();
    stage.needs('low', 'two', { priority: 'low' });
    stage.fills();
    stage.needs('high', 'urgent', { priority: 'high' });
    expect(stage.decided('task-preempted')).toEqual([]);
    stage.finishes('low');
    expect(stage.startedOf('high')).toEqual(['high']);
  });

  it('is not taken by a gang, whosever it is', () => {
    const stage = new Stage(2);
    stage.reserves({ count: 2 });
    for (const [at, tenant] of [others, critical].entries()) {
      const members = ['x', 'y'].map((name) => {
        return { task: taskId(`${name}${at}`), name: 'four', input: encodeValue(1) };
      });
      stage.asks({ kind: 'submit-gang', gang: `g${at}`, tenant, policy: 'SPREAD', members });
    }
    expect(stage.decided('task-started')).toEqual([]);
    stage.drops();
    expect(stage.decided('task-started')).toHaveLength(2);
  });
});

describe('a place', () => {
  it('is held, with what runs in it, by whoever leads', () => {
    const stage = new Stage(2);
    stage.reserves({ count: 2 });
    stage.needs('a');
    stage.fills();
    const held = stage.view('gold');
    const before = stage.startedOf('other').length;
    stage.failOver();
    stage.pass(10);
    expect(stage.view('gold')).toEqual(held);
    expect(held).toMatchObject({ held: 2, used: 1 });
    expect(stage.startedOf('other')).toHaveLength(before);
    stage.needs('b');
    expect(stage.decided('task-started').at(-1)).toMatchObject({ task: 'b' });
    expect(stage.decided('place-held')).toHaveLength(2);
  });

  it('is held by whoever leads from any moment on', () => {
    const stage = new Stage(3);
    stage.reserves({ count: 3 });
    stage.needs('a');
    stage.fills();
    stage.cordons(stage.nodes[0] as Incarnation);
    stage.reserves({ count: 1, existing: true });
    stage.needs('b', 'two');
    stage.dies(stage.nodes[1] as Incarnation);
    stage.reserves({ shape: { resources: { cpu: 1 } }, existing: true, count: 4 });
    stage.cordons(stage.nodes[0] as Incarnation, false);
    stage.drops();
    for (const length of stage.told) {
      const next = new SchedulerMachine(config);
      for (const fact of stage.facts.slice(0, length)) next.apply(fact);
      next.checkInvariants();
      const restored = SchedulerMachine.restore(config, next.image());
      expect(stateOf(restored)).toBe(stateOf(next));
      const { reservations: before = [] } = restored.durable();
      const { reservations: after = [] } = new Scene(restored).machine.durable();
      expect(after).toEqual(before);
    }
    expect(stage.told.size).toBeGreaterThan(20);
  });

  it('is held elsewhere once its node has died, and its tasks are tried again in it', () => {
    const stage = new Stage(2);
    stage.reserves();
    stage.needs('a');
    const node = stage.nodeOf('a') as Incarnation;
    stage.dies(node);
    stage.pass(3_000);
    expect(stage.view('gold')).toMatchObject({ held: 1, used: 1 });
    const rest = stage.nodes.find((other) => other !== node);
    expect(stage.nodeOf('a')).toBe(rest);
    expect(stage.decided('place-held').map((fact) => fact.node)).toEqual([node, rest]);
  });

  it('waits for room when its node has died and there is none, and gets it before others', () => {
    const stage = new Stage(2);
    stage.reserves({ shape: { resources: { cpu: 4 } } });
    stage.fills();
    const node = stage.decided('place-held')[0]?.node as Incarnation;
    stage.dies(node);
    expect(stage.view('gold')).toMatchObject({
      held: 0,
      why: '0 of 1 held: 1 node has too little free cpu',
    });
    stage.joins('n3.aaaaaaaa');
    expect(stage.view('gold')).toMatchObject({ held: 1 });
    expect(stage.startedOf('other')).toHaveLength(4);
  });

  it('is never held on a node that is being lost, whatever ends with it', () => {
    const scene = new Scene();
    const block = (id: string) =>
      ({ kind: 'task', task: 'once', id, after: [], input: 1 }) as const;
    const flow = workflow('flow', [block('a'), block('b')]);
    scene.deploys({ workflows: [flow], tasks: [task('once', { retries: 0 })] });
    scene.joins('n1.aaaaaaaa', { cpu: 2 });
    scene.starts('flow');
    const shape = { resources: { cpu: 1 } };
    const gold = { tenant: others, reservation: 'gold', shape, count: 1 };
    scene.asks({ kind: 'put-reservation', ...gold });
    // The first block is lost, so the run fails and its other block is cancelled: on a node that is lost.
    const next = scene.joins('n1.bbbbbbbb', { cpu: 2 });
    expect(scene.view()).toMatchObject({ state: 'failed' });
    expect(scene.decided('place-held').map(({ node }) => node)).toEqual([next]);
  });

  it('leaves a cordoned node, while what runs there stays', () => {
    const stage = new Stage(2);
    stage.reserves();
    stage.needs('a');
    const node = stage.nodeOf('a') as Incarnation;
    stage.cordons(node);
    expect(stage.view('gold')).toMatchObject({ held: 1, used: 0 });
    const places = stage.decided('place-held').map((fact) => fact.node);
    expect(places).toEqual([node, stage.nodes.find((other) => other !== node)]);
    stage.cordons(node, false);
    stage.finishes('a');
    expect(stage.view('gold')).toMatchObject({ held: 1, used: 0 });
    stage.fills();
    expect(stage.startedOf('other')).toHaveLength(6);
  });

  it('leaves a node that drains', () => {
    const stage = new Stage(2);
    stage.reserves();
    const node = stage.decided('place-held')[0]?.node as Incarnation;
    stage.asks({ kind: 'drain-node', node: nodeName(node.slice(0, node.indexOf('.'))) });
    const other = stage.nodes.find((each) => each !== node);
    expect(stage.decided('place-held').at(-1)).toMatchObject({ node: other });
    expect(stage.view('gold')).toMatchObject({ held: 1 });
  });
});

describe('a reservation that is dropped', () => {
  it('leaves what runs in it alone, and its room to all', () => {
    const stage = new Stage(1);
    stage.reserves({ shape: { resources: { cpu: 4 } } });
    stage.needs('a');
    stage.fills();
    expect(stage.startedOf('other')).toEqual([]);
    expect(stage.drops()).toEqual({ kind: 'done' });
    expect(stage.startedOf('other')).toHaveLength(3);
    stage.finishes('a');
    expect(stage.startedOf('other')).toHaveLength(4);
    expect(stage.view('gold')).toBeUndefined();
    expect(stage.code(stage.drops())).toBe('UNKNOWN_RESERVATION');
  });

  it('lets its tenant wait like the others', () => {
    const stage = new Stage(1);
    stage.reserves({ shape: { resources: { cpu: 4 } } });
    for (let at = 0; at < 6; at++) stage.needs(`own-${at}`);
    stage.drops();
    stage.submits('other');
    expect(stage.startedOf('own')).toHaveLength(4);
    for (const at of [0, 1, 2]) stage.finishes(`own-${at}`);
    expect(stage.startedOf('other')).toEqual(['other']);
    expect(stage.startedOf('own')).toHaveLength(6);
  });
});

describe('a reservation that is changed', () => {
  it('holds more, or fewer: first those go in which nothing runs', () => {
    const stage = new Stage(2);
    stage.reserves({ count: 3 });
    for (const id of ['a', 'b', 'c']) stage.needs(id, 'two');
    stage.finishes('b');
    expect(stage.reserves({ existing: true, count: 2 })).toMatchObject({
      reservation: { count: 2, held: 2, used: 2 },
    });
    expect(stage.reserves({ existing: true, count: 4 })).toMatchObject({
      reservation: { count: 4, held: 4, used: 2 },
    });
  });

  it('holds places of its new shape, and lets those of the old one go', () => {
    const stage = new Stage(1);
    stage.reserves({ count: 2 });
    stage.needs('a');
    const shape = { resources: { cpu: 1 } };
    const { count: _, ...change } = { existing: true, shape, count: 0 } as const;
    expect(stage.asks({ kind: 'put-reservation', ...name, ...change })).toMatchObject({
      reservation: { shape, count: 2, held: 2, used: 0 },
    });
    stage.fills();
    expect(stage.startedOf('other')).toHaveLength(1);
  });

  it.each(['__proto__', '', 'x'.repeat(65)])('is not held of a resource named "%s"', (resource) => {
    const stage = new Stage(1);
    // As it comes from JSON: an own name like any other.
    const resources = JSON.parse(`{"${resource}": 1}`) as Record<string, number>;
    const facts = stage.facts.length;
    expect(stage.code(stage.reserves({ shape: { resources } }))).toBe('INVALID_ARGUMENT');
    expect(stage.facts.length).toBe(facts);
  });

  it('is decided once however often it is asked for', () => {
    const stage = new Stage(1);
    const first = stage.reserves();
    const facts = stage.facts.length;
    expect(stage.reserves()).toEqual(first);
    expect(stage.reserves({ existing: true })).toEqual(first);
    expect(stage.facts).toHaveLength(facts);
  });

  const name = { tenant: critical, reservation: 'gold' };
});

describe('a reservation is refused, and nothing is changed,', () => {
  it.each<[string, string, Partial<Put>]>([
    ['of a tenant that is not there', 'UNKNOWN_TENANT', { tenant: tenantName('nobody') }],
    ['with a name that is none', 'INVALID_ARGUMENT', { reservation: 'Gold!' }],
    ['of no places', 'INVALID_ARGUMENT', { count: 0 }],
    ['of fewer than none', 'INVALID_ARGUMENT', { count: -1 }],
    ['of half a place', 'INVALID_ARGUMENT', { count: 1.5 }],
    ['of too many places', 'INVALID_ARGUMENT', { count: limits.reservedPlacesMax + 1 }],
    ['that holds nothing', 'INVALID_ARGUMENT', { shape: { resources: { cpu: 0 } } }],
    ['that holds less than nothing', 'INVALID_ARGUMENT', { shape: { resources: { cpu: -1 } } }],
    ['with a GPU and a half', 'INVALID_ARGUMENT', { shape: { resources: { gpu: 1.5 } } }],
    ['with a name of ours', 'INVALID_ARGUMENT', { shape: { resources: { $attempts: 1 } } }],
    ['to be changed, but not there', 'UNKNOWN_RESERVATION', { existing: true }],
  ])('%s', (_what, code, over) => {
    const stage = new Stage(1);
    const before = stateOf(stage.machine);
    const answer = stage.reserves(over);
    expect(stage.code(answer)).toBe(code);
    expect(stateOf(stage.machine)).toBe(before);
  });

  it('when there is another one of its name', () => {
    const stage = new Stage(1);
    stage.reserves();
    const before = stateOf(stage.machine);
    expect(stage.code(stage.reserves({ count: 2 }))).toBe('ALREADY_EXISTS');
    expect(stateOf(stage.machine)).toBe(before);
  });

  it('beyond so many of a cell', () => {
    const stage = new Stage(0);
    for (let at = 0; at < limits.reservationsMax; at++) {
      expect(stage.code(stage.reserves({ reservation: `r${at}` }))).toBe('reservation');
    }
    expect(stage.code(stage.reserves())).toBe('INVALID_ARGUMENT');
    expect(stage.code(stage.reserves({ reservation: 'r0', count: 2, existing: true }))).toBe(
      'reservation',
    );
  });
});
