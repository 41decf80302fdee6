import {
  bundleHash,
  encodeValue,
  type PlacementWishes,
  type RequestBody,
  type Resources,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { Scene, task, tenant } from './scene.ts';

/** Small tasks come and go, one each half second, and fill the node; each takes four seconds. */
function busy(
  nodes: number,
  resources: Resources = { cpu: 4 },
): { scene: Scene; pass(seconds: number): void } {
  const scene = new Scene();
  scene.deploys({ tasks: [task('work'), task('large', { resources: { cpu: 4 } })] });
  for (let at = 1; at <= nodes; at++) scene.joins(`n${at}.aaaaaaaa`, resources);
  let count = 0;
  const running: { readonly id: string; readonly until: number }[] = [];
  const seen = new Set<string>();
  const pass = (seconds: number) => {
    for (const end = scene.now + seconds * 1_000; scene.now < end; scene.pass(500)) {
      for (let more = 0; more < nodes; more++) scene.submits(`small-${count++}`);
      for (const { task } of scene.decided('task-started')) {
        if (seen.has(task) || !task.startsWith('small')) continue;
        seen.add(task);
        running.push({ id: task, until: scene.now + 4_000 });
      }
      while (running[0] !== undefined && running[0].until <= scene.now) {
        scene.finishes(running.shift()?.id ?? '');
      }
    }
  };
  return { scene, pass };
}

function hasStarted(scene: Scene, id: string): boolean {
  return scene.decided('task-started').some(({ task }) => task === id);
}

function whyWaits(scene: Scene, name: string): string | undefined {
  const answer = scene.asks({ kind: 'list-tasks', tenant, limit: 1_000 });
  return answer?.kind === 'tasks'
    ? answer.tasks.find((view) => view.task === name)?.why
    : undefined;
}

function gang(id: string, count: number): RequestBody {
  const members = Array.from({ length: count }, (_, at) => {
    return { task: taskId(`${id}.${at}`), name: 'large', input: encodeValue(at) };
  });
  return { kind: 'submit-gang', gang: id, tenant, policy: 'STRICT_SPREAD', members };
}

describe('a large task among small ones that come and go', () => {
  it('has room kept for it after a minute, and does not starve', () => {
    const { scene, pass } = busy(1);
    pass(10);
    scene.submits('large', { name: 'large' });
    pass(50);
    expect(hasStarted(scene, 'large')).toBe(false);
    pass(20);
    expect(hasStarted(scene, 'large')).toBe(true);
    scene.finishes('large');
    const before = scene.decided('task-started').length;
    pass(5);
    expect(scene.decided('task-started').length).toBeGreaterThan(before);
  });

  it('leaves the other nodes to the small ones', () => {
    const { scene, pass } = busy(3);
    pass(10);
    scene.submits('large', { name: 'large' });
    pass(61);
    const from = scene.decided('task-started').length;
    pass(2);
    const nodes = new Set(
      scene
        .decided('task-started')
        .slice(from)
        .map(({ node }) => node),
    );
    expect(nodes.size).toBe(2);
    pass(10);
    expect(hasStarted(scene, 'large')).toBe(true);
  });

  it('that is cancelled gives the room back at once', () => {
    const { scene, pass } = busy(1);
    pass(10);
    scene.submits('large', { name: 'large' });
    pass(62);
    const from = scene.decided('task-started').length;
    scene.asks({ kind: 'cancel-task-request', task: taskId('large') });
    pass(4);
    expect(scene.decided('task-started').length).toBeGreaterThan(from);
  });

  it('that no node could ever hold keeps no room from anybody', () => {
    const { scene, pass } = busy(1);
    scene.submits('large', { name: 'large', resources: { cpu: 5 } });
    pass(70);
    expect(whyWaits(scene, 'large')).toBe('1 node has too little cpu');
    const from = scene.decided('task-started').length;
    pass(5);
    expect(scene.decided('task-started').length).toBeGreaterThan(from);
  });

  it('finds room kept elsewhere when its node is lost', () => {
    const { scene, pass } = busy(2);
    pass(10);
    scene.submits('large', { name: 'large' });
    pass(61);
    const from = scene.decided('task-started').length;
    pass(2);
    const [open] = scene.decided('task-started').slice(from);
    const kept = [...scene.beating].find((node) => node !== open?.node);
    if (kept === undefined) throw new Error('no node is kept');
    scene.dies(kept);
    scene.sealed(kept);
    pass(12);
    expect(scene.decided('task-started').find(({ task }) => task === 'large')?.node).toBe(
      open?.node,
    );
  });
});

describe('a gang among small tasks that come and go', () => {
  it('has room kept for all of its members, each on a node of its own', () => {
    const { scene, pass } = busy(3);
    pass(10);
    scene.asks(gang('g', 2));
    pass(75);
    const started = scene.decided('task-started').filter(({ task }) => task.startsWith('g.'));
    expect(new Set(started.map(({ node }) => node)).size).toBe(2);
  });
});

const nobody = [{ label: 'app', op: 'in', values: ['nobody'] }] as const;

describe('room is not kept', () => {
  it.each<[string, PlacementWishes]>([
    ['to be near a task that nobody runs', { near: [{ across: 'node', tasks: nobody }] }],
    [
      'to be spread across a label that no node has',
      { spread: [{ across: 'rack', tasks: [], skewMax: 1, required: true }] },
    ],
  ])('for a task that wishes %s', (_, placement) => {
    const scene = new Scene();
    scene.deploys({ tasks: [task('odd', { placement }), task('work')] });
    scene.joins('n1.aaaaaaaa');
    scene.submits('odd', { name: 'odd' });
    scene.pass(70_000);
    scene.submits('small');
    expect(hasStarted(scene, 'small')).toBe(true);
  });

  it('for one whose tenant may start nothing at the moment: others have it meanwhile', () => {
    const scene = twoTenants();
    scene.asks({ kind: 'put-tenant', tenant, quota: { inFlightMax: 1 } });
    scene.finishes('here');
    for (let at = 0; at < 5; at++) scene.submits(`other-${at}`, { tenant: other });
    scene.pass(2_000);
    for (let at = 0; at < 5; at++) expect(hasStarted(scene, `other-${at}`)).toBe(true);
  });

  it('for longer than a minute on a node that is empty, whatever the reason', () => {
    const scene = twoTenants();
    scene.asks({ kind: 'put-tenant', tenant, quota: { startsPerSecondMax: 0.0001 } });
    scene.submits('more');
    scene.finishes('here');
    for (let at = 0; at < 5; at++) scene.submits(`other-${at}`, { tenant: other });
    scene.pass(50_000);
    expect(hasStarted(scene, 'other-4')).toBe(false);
    scene.pass(15_000);
    expect(hasStarted(scene, 'other-4')).toBe(true);
  });
});

const other = tenantName('other');

/** Room is kept for a large task; another tenant is there too. */
function twoTenants(): Scene {
  const scene = new Scene();
  const limitMs = 1e9;
  const work = task('work', { limitMs });
  scene.deploys({ tasks: [task('large', { resources: { cpu: 4 }, limitMs }), work] });
  for (const node of ['n1.aaaaaaaa', 'n2.aaaaaaaa']) scene.joins(node);
  scene.asks({ kind: 'put-tenant', tenant: other, weight: 1 });
  const manifest = { sdk: '0.1.0', actors: [], tasks: [work], workflows: [] };
  const bundle = bundleHash('b2');
  scene.asks({ kind: 'deploy', tenant: other, bundle, manifest, bytes: 1 });
  for (const id of ['here', 'there']) scene.submits(id);
  scene.submits('large', { name: 'large' });
  scene.pass(65_000);
  return scene;
}

describe('room that is kept', () => {
  /** It wants to be near a task that leaves it too little room for as long as it runs. */
  function stuck(): Scene {
    const scene = new Scene();
    const tasks = [{ label: 'app', op: 'in', values: ['db'] }] as const;
    const limitMs = 1e9;
    const resources = { cpu: 3 };
    scene.deploys({
      tasks: [
        task('db', { limitMs, placement: { labels: { app: 'db' } } }),
        task('guest', { resources, placement: { near: [{ across: 'node', tasks }] } }),
        task('large', { resources }),
        task('work', { limitMs }),
      ],
    });
    scene.joins('n1.aaaaaaaa');
    scene.submits('db', { name: 'db' });
    scene.submits('long');
    scene.submits('guest', { name: 'guest' });
    return scene;
  }

  it('leaves in its place whom the task wants to be near', () => {
    const scene = stuck();
    scene.pass(65_000);
    scene.submits('small');
    expect(hasStarted(scene, 'small')).toBe(false);
    scene.finishes('long');
    expect(hasStarted(scene, 'guest')).toBe(true);
    expect(hasStarted(scene, 'small')).toBe(false);
  });

  it('is let go after an hour, even if what runs there has no end', () => {
    const scene = stuck();
    scene.pass(65_000);
    scene.submits('small');
    scene.pass(3_500_000);
    expect(hasStarted(scene, 'small')).toBe(false);
    scene.pass(120_000);
    expect(hasStarted(scene, 'small')).toBe(true);
  });

  it('goes to each shape in turn', () => {
    const scene = stuck();
    scene.pass(1_000);
    scene.submits('large', { name: 'large' });
    scene.pass(3_700_000);
    scene.finishes('db');
    scene.submits('small');
    expect(hasStarted(scene, 'small')).toBe(false);
    scene.finishes('long');
    expect(hasStarted(scene, 'large')).toBe(true);
  });
});
