/** For whom room is kept and where, seen in what starts. Nothing ends here but what is told to. */
import { encodeValue, type GangPolicy, nodeName, type Resources, taskId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { Scene, task, tenant } from './scene.ts';

/** Nodes `n1`, `n2` … with so many cpus each. */
function sceneOf(...cpus: readonly number[]): Scene {
  const scene = new Scene();
  scene.deploys({ tasks: [task('work', { resources: { cpu: 1 }, limitMs: 3_600_000 })] });
  for (const [at, cpu] of cpus.entries()) scene.joins(`n${at + 1}.aaaaaaaa`, { cpu });
  return scene;
}

function submits(scene: Scene, id: string, cpu: number): void {
  scene.submits(id, { resources: { cpu } });
}

/** Small tasks `s1`, `s2` … of one cpu each, from the first to the last number. */
function smallOnes(scene: Scene, first: number, last: number): void {
  for (let at = first; at <= last; at++) submits(scene, `s${at}`, 1);
}

function submitsGang(scene: Scene, policy: GangPolicy, count: number, resources: Resources): void {
  const tasks = [task('member', { resources, limitMs: 3_600_000 }), task('work')];
  scene.deploys({ tasks }, 'b2');
  const members = Array.from({ length: count }, (_, at) => {
    return { task: taskId(`g.${at}`), name: 'member', input: encodeValue(at) };
  });
  scene.asks({ kind: 'submit-gang', gang: 'g', tenant, policy, members });
}

/** A gang of these tasks. */
function asksFor(scene: Scene, policy: GangPolicy, names: readonly string[]): void {
  const members = names.map((name, at) => {
    return { task: taskId(`g.${at}`), name, input: encodeValue(at) };
  });
  scene.asks({ kind: 'submit-gang', gang: 'g', tenant, policy, members });
}

/** `t1@n1` for each start of these tasks, in order. */
function starts(scene: Scene, prefix: string): readonly string[] {
  return scene
    .decided('task-started')
    .filter(({ task }) => task.startsWith(prefix))
    .map(({ task, node }) => `${task}@${node.slice(0, node.indexOf('.'))}`);
}

/** The small ones that run end, one after the other. */
function smallOnesEnd(scene: Scene): void {
  const ended = new Set(scene.decided('task-ended').map(({ task }) => task));
  const running = scene
    .decided('task-started')
    .filter(({ task }) => task.startsWith('s') && !ended.has(task));
  for (const { task } of running) scene.finishes(task);
}

describe('room that is kept', () => {
  it('for a strictly spread gang is on as many nodes as it has members', () => {
    const scene = sceneOf(4, 4);
    smallOnes(scene, 1, 8);
    submitsGang(scene, 'STRICT_SPREAD', 2, { cpu: 2 });
    smallOnes(scene, 9, 40);
    scene.pass(65_000);
    smallOnesEnd(scene);
    expect([...starts(scene, 'g.')].sort()).toEqual(['g.0@n1', 'g.1@n2']);
  });

  it('for a strictly packed gang is on one node that holds it whole', () => {
    const scene = sceneOf(2, 2, 4);
    smallOnes(scene, 1, 8);
    submitsGang(scene, 'STRICT_PACK', 2, { cpu: 2 });
    smallOnes(scene, 9, 40);
    scene.pass(65_000);
    smallOnesEnd(scene);
    expect(starts(scene, 'g.')).toEqual(['g.0@n3', 'g.1@n3']);
  });

  it('is where the least has to end before it suffices', () => {
    const scene = sceneOf(4, 4);
    submits(scene, 'all', 4);
    submits(scene, 'half', 2);
    submits(scene, 'large', 4);
    scene.pass(65_000);
    smallOnes(scene, 1, 4);
    expect(starts(scene, 's')).toEqual([]);
    scene.finishes('half');
    expect(starts(scene, 'large')).toEqual(['large@n2']);
  });

  it('and is more than was needed goes to the others the moment the large one starts', () => {
    const scene = sceneOf(4);
    submits(scene, 'most', 3);
    submits(scene, 'large', 2);
    scene.pass(65_000);
    smallOnes(scene, 1, 3);
    expect(starts(scene, 's')).toEqual([]);
    scene.finishes('most');
    expect(starts(scene, 'large')).toEqual(['large@n1']);
    expect(starts(scene, 's')).toEqual(['s1@n1', 's2@n1']);
  });

  it('goes to the others the moment the large one is cancelled', () => {
    const scene = sceneOf(4);
    submits(scene, 'most', 3);
    submits(scene, 'large', 2);
    scene.pass(65_000);
    smallOnes(scene, 1, 3);
    expect(starts(scene, 's')).toEqual([]);
    scene.asks({ kind: 'cancel-task-request', task: taskId('large') });
    expect(starts(scene, 's')).toEqual(['s1@n1']);
  });

  it('comes no later for those that no node could ever hold and that have waited longer', () => {
    const scene = sceneOf(4);
    submits(scene, 'most', 3);
    for (let cpu = 5; cpu <= 11; cpu++) submits(scene, `huge-${cpu}`, cpu);
    submits(scene, 'large', 2);
    scene.pass(62_000);
    smallOnes(scene, 1, 1);
    expect(starts(scene, 's')).toEqual([]);
    scene.finishes('most');
    expect(starts(scene, 'large')).toEqual(['large@n1']);
  });

  it('is on another set of nodes where the gang could never start on the freest ones', () => {
    const scene = sceneOf();
    const limitMs = 3_600_000;
    const ssd = [{ label: 'disk', op: 'in', values: ['ssd'] }] as const;
    const any = task('any', { resources: { cpu: 4 }, limitMs });
    const fast = task('fast', { resources: { cpu: 3 }, limitMs, placement: { nodes: ssd } });
    scene.deploys({ tasks: [any, fast, task('work', { limitMs })] }, 'b2');
    scene.joins('n1.aaaaaaaa', { cpu: 4 }, { disk: 'ssd' });
    scene.joins('n2.aaaaaaaa', { cpu: 4 });
    smallOnes(scene, 1, 8);
    scene.finishes('s1');
    asksFor(scene, 'STRICT_SPREAD', ['any', 'fast']);
    smallOnes(scene, 9, 40);
    scene.pass(65_000);
    smallOnesEnd(scene);
    expect([...starts(scene, 'g.')].sort()).toEqual(['g.0@n2', 'g.1@n1']);
  });

  it('is at a later turn where none of the sets that were tried first will do', () => {
    const scene = sceneOf();
    const limitMs = 3_600_000;
    const db = [{ label: 'app', op: 'in', values: ['db'] }] as const;
    const apart = [{ across: 'zone', tasks: db }];
    const tasks = [
      task('db', { resources: { cpu: 1 }, limitMs, placement: { labels: { app: 'db' } } }),
      task('plain', { resources: { cpu: 4 }, limitMs }),
      task('wary', { resources: { cpu: 4 }, limitMs, placement: { apart } }),
    ];
    scene.deploys({ tasks: [...tasks, task('work', { limitMs })] }, 'b2');
    scene.joins('db.aaaaaaaa', { cpu: 1 }, { zone: 'a' });
    scene.submits('db', { name: 'db' });
    for (let at = 1; at <= 6; at++) scene.joins(`n${at}.aaaaaaaa`, { cpu: 4 }, { zone: 'a' });
    for (let at = 7; at <= 8; at++) scene.joins(`n${at}.aaaaaaaa`, { cpu: 4 }, { zone: 'b' });
    smallOnes(scene, 1, 32);
    asksFor(scene, 'STRICT_SPREAD', ['plain', 'wary']);
    smallOnes(scene, 33, 80);
    scene.pass(65_000);
    smallOnes(scene, 81, 81);
    scene.finishes('s1');
    expect(starts(scene, 's')).toContain('s33@n1');
    scene.pass(62_000);
    smallOnesEnd(scene);
    expect(starts(scene, 'g.')).toHaveLength(2);
    expect(starts(scene, 'g.1').map((start) => start.slice(-2))).not.toContain('n1');
  });

  it('comes a minute later for one that no node could hold when it had waited long enough', () => {
    const scene = sceneOf(4, 8);
    const cordon = (cordoned: boolean) => {
      scene.asks({ kind: 'cordon-node', node: nodeName('n2'), cordoned });
    };
    smallOnes(scene, 1, 12);
    cordon(true);
    submits(scene, 'huge', 8);
    scene.pass(100_000);
    cordon(false);
    smallOnes(scene, 13, 40);
    scene.pass(25_000);
    smallOnesEnd(scene);
    expect(starts(scene, 'huge')).toEqual(['huge@n2']);
  });
});
