/** Who is served how often, on the leader's machine: nodes with one place, so that starts are counted. */
import { incarnation, type RequestBody, type TenantName, taskId, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { config, ok, Scene, stateOf, task } from './scene.ts';

type Put = Omit<Extract<RequestBody, { kind: 'put-tenant' }>, 'kind' | 'tenant'>;
type Submit = Partial<Extract<RequestBody, { kind: 'submit-task' }>>;

/** Tenants by name, each with tasks that wait. */
function sceneOf(
  tenants: { readonly [name: string]: Put },
  given: { readonly demandCoefficient?: boolean } = {},
): Scene {
  const scene = new Scene(new SchedulerMachine({ ...config, ...given }));
  for (const [name, put] of Object.entries(tenants)) {
    const tenant = tenantName(name);
    scene.asks({ kind: 'put-tenant', tenant, ...put });
    const manifest = { sdk: '', actors: [], tasks: [task('work')], workflows: [] };
    scene.asks({ kind: 'deploy', tenant, bundle: 'b1' as never, manifest, bytes: 1 });
  }
  return scene;
}

let submitted = 0;

function wait(scene: Scene, name: string, count: number, given: Submit = {}): void {
  for (let i = 0; i < count; i++) {
    scene.submits(`${name}.${submitted++}`, { tenant: tenantName(name), ...given });
  }
}

/** The names, up to the dot, of the next so many tasks that start; each takes 100 ms and ends well. */
function starts(scene: Scene, count: number): string[] {
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const last = scene.decided('task-started').at(-1);
    if (last === undefined) throw new Error('nothing runs');
    names.push(last.task.slice(0, last.task.indexOf('.')));
    scene.finishes(last.task, ok(1), 100);
  }
  return names;
}

function count(names: readonly string[]): { [name: string]: number } {
  const counts: { [name: string]: number } = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const a = tenantName('a');
const b = tenantName('b');

describe('three tenants', () => {
  it('at high, normal and low get 3 : 2 : 1', () => {
    const scene = sceneOf({
      ada: { priority: 'high' },
      bob: { priority: 'normal' },
      cyd: { priority: 'low' },
    });
    for (const name of ['cyd', 'bob', 'ada']) wait(scene, name, 70);
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    expect(count(starts(scene, 60))).toEqual({ ada: 30, bob: 20, cyd: 10 });
  });

  it('get by weight × priority, also under the next leader', () => {
    const scene = sceneOf({
      ada: { priority: 'high', weight: 1 },
      bob: { priority: 'low', weight: 6 },
      cyd: { weight: 0.5 },
    });
    for (const name of ['cyd', 'bob', 'ada']) wait(scene, name, 140);
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    expect(count(starts(scene, 60))).toEqual({ ada: 18, bob: 36, cyd: 6 });
    scene.failOver();
    scene.pass(10);
    expect(count(starts(scene, 61).slice(1))).toEqual({ ada: 18, bob: 36, cyd: 6 });
  });

  it('get 0.4 : 0.3 : 0.3 with the demand coefficient on, one all cpu, one all memory, one all io', () => {
    const scene = sceneOf({ cpu: {}, memory: {}, io: {} }, { demandCoefficient: true });
    const all = { cpu: 8, memory: 64, io: 2 };
    for (const [name, amount] of Object.entries(all)) {
      wait(scene, name, 60, { resources: { [name]: amount, place: 1 } });
    }
    scene.joins('n1.aaaaaaaa', { ...all, place: 1 });
    expect(count(starts(scene, 100))).toEqual({ cpu: 40, memory: 30, io: 30 });
  });
});

describe('a tenant', () => {
  it.each(['is cancelled', 'ends'])(
    'pays for as long as what it started ran, when it %s',
    (how) => {
      const scene = sceneOf({ a: {}, b: {} });
      // Of a bundle of its own: nobody has shown yet how long it takes.
      const manifest = { sdk: '', actors: [], tasks: [task('work')], workflows: [] };
      scene.asks({ kind: 'deploy', tenant: a, bundle: 'b2' as never, manifest, bytes: 1 });
      const ran: { [name: string]: number } = { a: 0, b: 0 };
      for (const name of ['a', 'b']) wait(scene, name, 60, { limitMs: 3_600_000 });
      scene.joins('n1.aaaaaaaa', { cpu: 1 });
      for (let i = 0; i < 60; i++) {
        const id = scene.decided('task-started').at(-1)?.task ?? taskId('none');
        const name = id.slice(0, id.indexOf('.'));
        scene.pass(10_000);
        ran[name] = (ran[name] ?? 0) + 10;
        if (name === 'a' && how === 'is cancelled')
          scene.asks({ kind: 'cancel-task-request', task: id });
        else scene.finishes(id, ok(1), 10_000);
      }
      expect(Math.abs((ran['a'] ?? 0) - (ran['b'] ?? 0))).toBeLessThanOrEqual(20);
    },
  );

  it('pays nothing for the time that it takes to see that the node of its tasks is dead', () => {
    const scene = sceneOf({ a: {}, b: {} });
    for (const name of ['a', 'b']) wait(scene, name, 30);
    const nodes = ['n1.aaaaaaaa', 'n2.aaaaaaaa'].map((id) => scene.joins(id, { cpu: 1 }));
    const first = scene.decided('task-started');
    expect(first).toHaveLength(2);
    const [lost] = first;
    scene.dies(lost?.node ?? nodes[0] ?? incarnation('none'));
    expect(scene.decided('task-retried').map(({ task: id }) => id)).toEqual([lost?.task]);
    scene.finishes(first[1]?.task ?? taskId('none'), ok(1), 100);
    const { a: ofA = 0, b: ofB = 0 } = count(starts(scene, 20));
    expect(Math.abs(ofA - ofB)).toBeLessThanOrEqual(2);
  });

  it('is charged nothing beyond all measure by a node that says so', () => {
    const scene = sceneOf({ a: {}, b: {} });
    for (const name of ['a', 'b']) wait(scene, name, 10);
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    const [first] = scene.decided('task-started');
    scene.finishes(first?.task ?? taskId('none'), ok(1), Number.POSITIVE_INFINITY);
    expect(count(starts(scene, 19))).toEqual({ a: 9, b: 10 });
  });
});

describe('the demand coefficient', () => {
  const wide = { cpu: 5, memory: 20, io: 4, place: 1 };
  const slim = { cpu: 1, memory: 20, io: 4, place: 1 };
  const all = { cpu: 10, memory: 100, io: 20, place: 1 };
  // 0.4 × 0.5 + 0.3 × 0.2 + 0.3 × 0.2 = 0.32, and 0.4 × 0.1 + 0.3 × 0.2 + 0.3 × 0.2 = 0.16.
  it.each([
    { demandCoefficient: true, counts: { wide: 40, slim: 20 } },
    { demandCoefficient: false, counts: { wide: 30, slim: 30 } },
  ])('changes the shares by exactly what was computed: %j', ({ demandCoefficient, counts }) => {
    const scene = sceneOf({ wide: {}, slim: {} }, { demandCoefficient });
    wait(scene, 'wide', 60, { resources: wide });
    wait(scene, 'slim', 60, { resources: slim });
    scene.joins('n1.aaaaaaaa', all);
    expect(count(starts(scene, 60))).toEqual(counts);
  });
});

describe('an operator', () => {
  it('weighs a tenant anew while it waits: its share changes from then on, and nothing is banked', () => {
    const scene = sceneOf({ a: {}, b: {} });
    wait(scene, 'a', 200);
    wait(scene, 'b', 200);
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    // A share is exact to one task, which may have started just before it was changed.
    const next = (starting: number, ideal: number) => {
      const mine = count(starts(scene, starting))['a'] ?? 0;
      expect(Math.abs(mine - ideal)).toBeLessThanOrEqual(1);
    };
    next(40, 20);
    scene.asks({ kind: 'put-tenant', tenant: a, weight: 3 });
    next(40, 30);
    scene.asks({ kind: 'put-tenant', tenant: a, weight: 1 });
    next(40, 20);
    scene.asks({ kind: 'put-tenant', tenant: b, priority: 'high' });
    next(50, 20);
  });

  it('sees how far each tenant is behind or ahead of its share, in time of the whole cluster', () => {
    const scene = sceneOf({ a: { weight: 3 }, b: {} });
    wait(scene, 'a', 9);
    wait(scene, 'b', 9);
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    const seen = standing(scene);
    expect(seen.get(a)).toMatchObject({ weight: 3, waiting: 8, inFlight: 1 });
    expect(seen.get(b)).toMatchObject({ weight: 1, waiting: 9, inFlight: 0 });
    // 100 ms of the cluster were given away: 75 of them to whom they belong.
    expect(seen.get(a)?.behindMs).toBeCloseTo(-25, 9);
    expect(seen.get(b)?.behindMs).toBeCloseTo(25, 9);
    expect(seen.get(tenantName('default'))).toMatchObject({ waiting: 0, behindMs: 0 });
  });
});

describe('queues below a tenant', () => {
  const queues = [
    { queue: 'reports', weight: 3 },
    { queue: 'mails', weight: 1 },
  ];

  it('share by their weights, which an operator changes, and the next leader knows', () => {
    const scene = sceneOf({ a: { queues } });
    for (let i = 0; i < 200; i++) {
      scene.submits(`reports.${i}`, { tenant: a, queue: 'reports' });
      scene.submits(`mails.${i}`, { tenant: a, queue: 'mails' });
    }
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    expect(count(starts(scene, 40))).toEqual({ reports: 30, mails: 10 });
    scene.asks({
      kind: 'put-tenant',
      tenant: a,
      queues: [{ queue: 'mails', weight: 12 }],
    });
    expect(count(starts(scene, 50))).toEqual({ reports: 10, mails: 40 });
    scene.failOver();
    scene.pass(10);
    expect(count(starts(scene, 51).slice(1))).toEqual({ reports: 10, mails: 40 });
  });

  it('must be open: a task for another one is refused, and so is one of another tenant', () => {
    const scene = sceneOf({ a: { queues }, b: {} });
    for (const [tenant, queue] of [
      [a, 'letters'],
      [b, 'reports'],
    ] as const) {
      const answer = scene.answer(scene.submits(`x.${queue}`, { tenant, queue }));
      expect(scene.code(answer)).toBe('UNKNOWN_QUEUE');
    }
  });

  it('are closed when nothing is in them, and not before', () => {
    const scene = sceneOf({ a: { queues } });
    const close = () => {
      const closed = [{ queue: 'mails', weight: null }];
      return scene.asks({ kind: 'put-tenant', tenant: a, queues: closed });
    };
    scene.submits('mails.x', { tenant: a, queue: 'mails' });
    expect(scene.code(close())).toBe('WRONG_STATE');
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    expect(scene.code(close())).toBe('WRONG_STATE');
    starts(scene, 1);
    const left = { settings: { queues: [{ queue: 'reports', weight: 3 }] } };
    expect(close()).toMatchObject(left);
  });

  it('that never were are not closed: that is refused, and changes nothing', () => {
    const scene = sceneOf({ a: { queues } });
    const before = stateOf(scene.machine);
    for (const tenant of [a, tenantName('nobody')]) {
      const closed = [
        { queue: 'fresh', weight: 2 },
        { queue: 'mailz', weight: null },
      ];
      const answer = scene.asks({ kind: 'put-tenant', tenant, weight: 9, queues: closed });
      expect(answer).toMatchObject({
        failure: { code: 'UNKNOWN_QUEUE', details: { tenant, queue: 'mailz' } },
      });
    }
    expect(stateOf(scene.machine)).toBe(before);
  });

  it('that were closed stay known as such by an image, until they are opened again', () => {
    const scene = sceneOf({ a: { queues } });
    const put = (weight: number | null) =>
      scene.asks({ kind: 'put-tenant', tenant: a, queues: [{ queue: 'mails', weight }] });
    put(null);
    scene.machine = SchedulerMachine.restore(config, scene.machine.image());
    scene.lead('s2');
    expect(scene.code(put(null))).toBe('tenant');
    put(1);
    expect(put(null)).toMatchObject({ settings: { queues: [{ queue: 'reports', weight: 3 }] } });
  });

  it('are closed once: asked again, also over a change of leaders, the answer is the same', () => {
    const scene = sceneOf({ a: { queues } });
    const close = () => {
      const closed = [{ queue: 'mails', weight: null }];
      return scene.asks({ kind: 'put-tenant', tenant: a, queues: closed });
    };
    const answer = close();
    expect(scene.code(answer)).toBe('tenant');
    expect(close()).toEqual(answer);
    scene.failOver();
    expect(close()).toEqual(answer);
    expect(scene.decided('tenant-put').filter(({ tenant }) => tenant === a)).toHaveLength(2);
  });

  it.each([
    { queue: 'Reports', weight: 1 },
    { queue: 'reports', weight: 0 },
    { queue: 'reports', weight: Number.NaN },
  ])('are refused as %j', (bad) => {
    const scene = sceneOf({ a: {} });
    const answer = scene.asks({ kind: 'put-tenant', tenant: a, weight: 7, queues: [bad] });
    expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
    expect(standing(scene).get(a)).toMatchObject({ weight: 1, queues: [] });
  });

  it('are at most 100', () => {
    const scene = sceneOf({ a: {} });
    const many = Array.from({ length: 101 }, (_, i) => ({ queue: `q${i}`, weight: 1 }));
    const answer = scene.asks({ kind: 'put-tenant', tenant: a, queues: many });
    expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
  });
});

describe('a task that is due', () => {
  it('is as urgent under the next leader as it was under the last', () => {
    const scene = sceneOf({ a: {} });
    scene.submits('due.x', { tenant: a, priority: 'low', dueInMs: 10_000 });
    wait(scene, 'a', 20, { priority: 'high' });
    // More than half of its time is gone, most of it under the first leader.
    scene.pass(9_000);
    scene.failOver();
    scene.pass(100);
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    expect(starts(scene, 1)).toEqual(['due']);
  });

  it('does not pass a task that has waited for a minute, whoever led meanwhile', () => {
    const scene = sceneOf({ a: {} });
    scene.submits('old.x', { tenant: a });
    scene.pass(60_000);
    scene.failOver();
    scene.submits('due.x', { tenant: a, dueInMs: 20_000 });
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    expect(starts(scene, 2)).toEqual(['old', 'due']);
  });

  it('that is due in no time at all is refused', () => {
    const scene = sceneOf({ a: {} });
    for (const dueInMs of [0, -1, Number.NaN]) {
      const answer = scene.answer(scene.submits('due.x', { tenant: a, dueInMs }));
      expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
    }
  });
});

function standing(scene: Scene) {
  const answer = scene.asks({ kind: 'status' });
  if (answer?.kind !== 'status') throw new Error('no status');
  return new Map<TenantName, (typeof answer.status.tenants)[number]>(
    answer.status.tenants.map((one) => [one.tenant, one]),
  );
}
