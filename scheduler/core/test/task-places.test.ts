import {
  encodeValue,
  nodeName,
  type PlacementWishes,
  type Resources,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cluster, config, failed, Scene, stateOf, task, tenant } from './scene.ts';

interface NodeGiven {
  readonly resources?: Resources;
  readonly labels?: { readonly [name: string]: string };
}

/** Nodes `n1`, `n2` … and a task `work` that wishes this of its place. */
function sceneOf(
  wishes: PlacementWishes,
  nodes: readonly NodeGiven[],
  resources: Resources = { cpu: 1 },
): Scene {
  const scene = new Scene();
  scene.deploys({
    tasks: [task('work', { resources, placement: wishes }), task('plain', { resources })],
  });
  for (const [at, given] of nodes.entries()) {
    scene.joins(`n${at + 1}.aaaaaaaa`, given.resources ?? { cpu: 4 }, given.labels ?? {});
  }
  return scene;
}

/** By node: the tasks that were started there, in order. */
function startedOn(scene: Scene): { readonly [node: string]: readonly string[] } {
  const found: Record<string, string[]> = {};
  for (const { node, task } of scene.decided('task-started')) {
    const name = node.slice(0, node.indexOf('.'));
    found[name] = [...(found[name] ?? []), task];
  }
  return found;
}

function whyWaits(scene: Scene, id: string): string | undefined {
  const answer = scene.asks({ kind: 'list-tasks', tenant, limit: 100 });
  if (answer?.kind !== 'tasks') throw new Error('no list of tasks');
  return answer.tasks.find((view) => view.task === id)?.why;
}

describe('a task', () => {
  it('goes only to nodes with the labels that it asks for, and says so while there is none', () => {
    const nodes = [{ labels: { zone: 'a' } }, { labels: { zone: 'b' } }, {}];
    const wishes: PlacementWishes = { nodes: [{ label: 'zone', op: 'in', values: ['c'] }] };
    const scene = sceneOf(wishes, nodes);
    scene.submits('t1');
    expect(scene.started('t1')).toEqual([]);
    expect(whyWaits(scene, 't1')).toBe('3 nodes lack label zone in (c)');
    scene.joins('n4.aaaaaaaa', { cpu: 4 }, { zone: 'c' });
    expect(startedOn(scene)).toEqual({ n4: ['t1'] });
  });

  it('is kept apart from tasks of its label, and waits when each node has one', () => {
    const wishes: PlacementWishes = {
      labels: { app: 'db' },
      apart: [{ tasks: [{ label: 'app', op: 'in', values: ['db'] }], across: 'node' }],
    };
    const scene = sceneOf(wishes, [{}, {}]);
    for (const id of ['t1', 't2', 't3']) scene.submits(id);
    expect(startedOn(scene)).toEqual({ n1: ['t1'], n2: ['t2'] });
    scene.finishes('t2');
    expect(startedOn(scene)).toEqual({ n1: ['t1'], n2: ['t2', 't3'] });
  });

  it('that others had to be apart from starts when they have ended, wherever there is room', () => {
    const scene = new Scene();
    const db: PlacementWishes = { labels: { app: 'db' } };
    const wary: PlacementWishes = {
      nodes: [{ label: 'side', op: 'in', values: ['left'] }],
      apart: [{ tasks: [{ label: 'app', op: 'in', values: ['db'] }], across: 'zone' }],
    };
    scene.deploys({
      tasks: [
        task('wary', { resources: { cpu: 1 }, placement: wary }),
        task('db', { resources: { cpu: 2 }, placement: db }),
      ],
    });
    scene.joins('n1.aaaaaaaa', { cpu: 1 }, { zone: 'a', side: 'left' });
    scene.joins('n2.aaaaaaaa', { cpu: 2 }, { zone: 'a', side: 'right' });
    scene.submits('t1', { name: 'wary' });
    scene.submits('t2', { name: 'db' });
    expect(startedOn(scene)).toEqual({ n1: ['t1'] });
    scene.finishes('t1');
    expect(startedOn(scene)).toEqual({ n1: ['t1'], n2: ['t2'] });
  });

  it('that wants to be near another starts when that one has, alone or in a gang', () => {
    const scene = new Scene();
    const near = [{ across: 'zone', tasks: [{ label: 'app', op: 'in', values: ['db'] }] }] as const;
    scene.deploys({
      tasks: [
        task('close', { resources: { cpu: 1 }, placement: { near } }),
        task('db', { resources: { cpu: 1 }, placement: { labels: { app: 'db' } } }),
      ],
    });
    scene.joins('n1.aaaaaaaa', { cpu: 8 }, { zone: 'a' });
    scene.submits('t1', { name: 'close' });
    const members = ['g1', 'g2'].map((id) => {
      return { task: taskId(id), name: 'close', input: encodeValue(0) };
    });
    scene.asks({ kind: 'submit-gang', gang: 'g', tenant, policy: 'PACK', members });
    expect(startedOn(scene)).toEqual({});
    scene.submits('t2', { name: 'db' });
    expect(startedOn(scene)['n1']?.toSorted()).toEqual(['g1', 'g2', 't1', 't2']);
  });

  it('is placed by the strategy that it names, else by that of the cluster', () => {
    const packed = sceneOf({ strategy: 'best-fit' }, [{}, {}]);
    for (const id of ['t1', 't2', 't3']) packed.submits(id);
    expect(startedOn(packed)).toEqual({ n1: ['t1', 't2', 't3'] });
    const spread = sceneOf({}, [{}, {}]);
    for (const id of ['t1', 't2', 't3']) spread.submits(id);
    expect(startedOn(spread)).toEqual({ n1: ['t1', 't3'], n2: ['t2'] });
    const byCluster = new Scene(
      new SchedulerMachine({ ...config, placement: { strategy: 'best-fit' } }),
    );
    byCluster.deploys();
    for (const id of ['n1.aaaaaaaa', 'n2.aaaaaaaa']) byCluster.joins(id);
    for (const id of ['t1', 't2', 't3']) byCluster.submits(id);
    expect(startedOn(byCluster)).toEqual({ n1: ['t1', 't2', 't3'] });
  });

  it('gets GPUs of the model that it asks for, by their numbers, also from the next leader', () => {
    const gpus = { cpu: 8, gpu: 2 };
    const nodes = [
      { resources: gpus, labels: { 'gpu-model': 'T4' } },
      { resources: gpus, labels: { 'gpu-model': 'A100' } },
    ];
    const scene = sceneOf({ gpuModels: ['A100'] }, nodes, { gpu: 1 });
    scene.submits('t1');
    scene.submits('t2');
    scene.submits('t3');
    expect(scene.decided('task-started').map(({ task, gpus }) => [task, gpus])).toEqual([
      ['t1', [0]],
      ['t2', [1]],
    ]);
    expect(scene.started('t2')).toMatchObject([{ gpus: [1] }]);
    expect(whyWaits(scene, 't3')).toBe('1 node lacks gpu A100, 1 has fewer than 1 free gpus');
    scene.failOver();
    scene.finishes('t1');
    expect(scene.decided('task-started').at(-1)).toMatchObject({ task: 't3', gpus: [0] });
  });

  it('never gets more than there is, whoever leads: the next leader reserves what runs', () => {
    const scene = sceneOf({}, [{ resources: { cpu: 2 } }]);
    for (const id of ['t1', 't2', 't3']) scene.submits(id);
    scene.failOver();
    expect(scene.decided('task-started').map(({ task }) => task)).toEqual(['t1', 't2']);
    expect(whyWaits(scene, 't3')).toBe('1 node has too little free cpu');
    const image = SchedulerMachine.restore(config, scene.machine.image());
    expect(stateOf(image)).toBe(stateOf(scene.machine));
  });

  it('with a wish that cannot be is refused when it is deployed, with its place', () => {
    const scene = new Scene();
    const refusals: readonly [unknown, string][] = [
      [{ strategy: 'fastest' }, 'placement.strategy "fastest" is none of first-fit'],
      [
        { nodes: [{ label: 'zone', op: 'like' }] },
        'placement.nodes[0].op must be one of in, not-in',
      ],
      [{ nodes: [{ label: 'zone', op: 'in' }] }, 'placement.nodes[0].values is missing'],
      [{ apart: [{ tasks: [] }] }, 'placement.apart[0].across must be a text'],
      [{ apart: [{ tasks: [], across: '' }] }, 'placement.apart[0].across names no label'],
      [{ spread: [{ tasks: [], across: 'zone', skewMax: 0, required: true }] }, 'skewMax = 0'],
      [{ nodesPreferred: [{ weight: 5_000, term: [] }] }, 'weight = 5000'],
      [{ gpus: { count: 0, milli: 500 } }, 'gpus = 0 of 500 thousandths'],
      [JSON.parse('{"labels":{"__proto__":"db"}}'), 'placement.labels.__proto__ is no name'],
    ];
    for (const [placement, text] of refusals) {
      const wishes = placement as PlacementWishes;
      const answer = scene.deploys({ tasks: [task('work', { placement: wishes })] });
      expect(answer).toMatchObject({ kind: 'failed', failure: { code: 'INVALID_ARGUMENT' } });
      if (answer?.kind === 'failed') expect(answer.failure.message).toContain(text);
    }
    expect(scene.decided('bundle-deployed')).toEqual([]);
  });
});

describe('a task that may preempt', () => {
  const wishes: PlacementWishes = { preempts: true };

  function full(): Scene {
    const scene = sceneOf(wishes, [{ resources: { cpu: 2 } }]);
    scene.submits('low', { name: 'plain', priority: 'low' });
    scene.submits('normal', { name: 'plain' });
    scene.submits('high', { priority: 'high' });
    return scene;
  }

  it('ends the task of the lowest priority, which is tried again without losing a try', () => {
    const scene = full();
    expect(scene.decided('task-preempted')).toMatchObject([
      { task: 'low', attempt: 1, by: 'high' },
    ]);
    expect(scene.started('high')).toHaveLength(1);
    const [cancelled] = scene.to(scene.started('low')[0]?.node ?? ('' as never), 'cancel-task');
    expect(cancelled).toMatchObject({ task: 'low', attempt: 1 });
    scene.finishes('high');
    expect(scene.started('low').map(({ attempt }) => attempt)).toEqual([1, 2]);
    const tries = 1 + task('plain').retries;
    for (let failures = 1; failures <= tries; failures++) {
      expect(scene.decided('task-ended').map(({ task }) => task)).toEqual(['high']);
      scene.finishes('low', failed('USER_ERROR'));
      scene.pass(6_000);
    }
    expect(scene.decided('task-ended').at(-1)).toMatchObject({
      task: 'low',
      outcome: { failure: { code: 'RETRIES_EXHAUSTED', details: { attempts: tries } } },
    });
  });

  it('waits rather than end the very task that it wants to be near', () => {
    const scene = new Scene();
    const whole = { cpu: 4 };
    const tasks = [{ label: 'app', op: 'in', values: ['db'] }] as const;
    const near = [{ across: 'node', tasks }];
    scene.deploys({
      tasks: [
        task('db', { resources: whole, placement: { labels: { app: 'db' } } }),
        task('guest', { resources: whole, placement: { preempts: true, near } }),
      ],
    });
    scene.joins('n1.aaaaaaaa');
    scene.submits('db', { name: 'db', priority: 'low' });
    scene.submits('guest', { name: 'guest', priority: 'high' });
    expect(scene.decided('task-preempted')).toEqual([]);
    expect(whyWaits(scene, 'guest')).toBe('1 node has too little free cpu');
  });

  it('has the result of the attempt that was ended refused, whenever it comes', () => {
    const scene = full();
    scene.finishes('low');
    expect(scene.decided('task-ended')).toEqual([]);
    scene.finishes('high');
    scene.finishes('low');
    expect(scene.decided('task-ended').map(({ task }) => task)).toEqual(['high', 'low']);
  });

  it('ends nothing that may be tried only once, nothing of its own priority', () => {
    const scene = sceneOf(wishes, [{ resources: { cpu: 2 } }]);
    scene.submits('once', { name: 'plain', priority: 'low', retries: 0 });
    scene.submits('equal', { name: 'plain', priority: 'high' });
    scene.submits('high', { priority: 'high' });
    expect(scene.decided('task-preempted')).toEqual([]);
    expect(whyWaits(scene, 'high')).toBe('1 node has too little free cpu');
  });

  it('takes the room from its own tenant, and lets a task of another be, however low', () => {
    const scene = sceneOf(wishes, [{ resources: { cpu: 2 } }, { resources: { cpu: 2 } }]);
    const other = tenantName('other');
    scene.asks({ kind: 'put-tenant', tenant: other });
    const manifest = { sdk: '', actors: [], tasks: [task('plain')], workflows: [] };
    scene.asks({ kind: 'deploy', tenant: other, bundle: 'b1' as never, manifest, bytes: 1 });
    const theirs = { tenant: other, name: 'plain', priority: 'low' } as const;
    for (const id of ['their-1', 'their-2', 'their-3']) scene.submits(id, theirs);
    scene.submits('own', { name: 'plain' });
    scene.submits('high-1', { priority: 'high' });
    expect(scene.decided('task-preempted')).toMatchObject([{ task: 'own', by: 'high-1' }]);
    scene.submits('high-2', { priority: 'high' });
    expect(scene.decided('task-preempted')).toHaveLength(1);
    expect(scene.started('high-2')).toEqual([]);
  });

  it('is served by the next leader as by the first, who is told of nothing twice', () => {
    const scene = full();
    scene.failOver();
    expect(scene.decided('task-preempted')).toHaveLength(1);
    scene.finishes('high');
    expect(scene.decided('task-started').at(-1)).toMatchObject({ task: 'low', attempt: 2 });
  });
});

describe('a cordoned node', () => {
  it('gets nothing new until it is uncordoned, and keeps what it has, whoever leads', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    const cordon = (cordoned: boolean) =>
      scene.code(scene.asks({ kind: 'cordon-node', node: nodeName('n1'), cordoned }));
    expect(cordon(true)).toBe('done');
    scene.submits('t2');
    expect(startedOn(scene)).toEqual({ n1: ['t1'] });
    expect(whyWaits(scene, 't2')).toBe('1 node is cordoned');
    scene.failOver();
    scene.finishes('t1');
    expect(startedOn(scene)).toEqual({ n1: ['t1'] });
    expect(cordon(false)).toBe('done');
    expect(startedOn(scene)).toEqual({ n1: ['t1', 't2'] });
  });

  it('that does not exist is refused by name', () => {
    const { scene } = cluster(1);
    const answer = scene.asks({ kind: 'cordon-node', node: nodeName('n9'), cordoned: true });
    expect(scene.code(answer)).toBe('UNKNOWN_NODE');
  });
});
