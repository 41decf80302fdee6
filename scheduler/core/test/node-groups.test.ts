import { isFailure, nodeName, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { type AutoscaleConfig, type SchedulerConfig, SchedulerMachine } from '../src/index.ts';
import { cart, config, ok, Scene, stateOf, task } from './scene.ts';

type Groups = AutoscaleConfig['groups'];

function configured(...groups: Groups): SchedulerConfig {
  return { ...config, autoscale: { utcOffsetMinutes: 0, groups } };
}

/** Nodes of 4 cpus join as the tests say. */
function sceneOf(given: SchedulerConfig): Scene {
  const scene = new Scene(new SchedulerMachine(given), given);
  const gpus = { nodes: [{ label: 'gpu', op: 'in', values: ['yes'] }] } as const;
  scene.deploys({ tasks: [task('work'), task('train', { placement: gpus })] });
  return scene;
}

function groupsOf(scene: Scene) {
  const answer = scene.asks({ kind: 'status' });
  return answer?.kind === 'status' ? (answer.status.groups ?? []) : [];
}

function sizeOf(scene: Scene, group: string): number | undefined {
  return groupsOf(scene).find((one) => one.group === group)?.size;
}

const plain = { name: 'plain', labels: {}, min: 1, max: 10 };

describe('a group of nodes', () => {
  it('without a rule is kept at its least size, and nothing is decided where none is configured', () => {
    const kept = sceneOf(configured({ ...plain, min: 3 }));
    kept.pass(20_000);
    expect(groupsOf(kept)).toMatchObject([{ group: 'plain', size: 3, rule: 'floor', ready: 0 }]);
    expect(kept.decided('group-sized')).toHaveLength(1);
    const none = sceneOf(config);
    none.pass(20_000);
    expect(groupsOf(none)).toEqual([]);
    expect(none.kinds()).not.toContain('group-sized');
  });

  it('grows by what waits and runs, says why, and is never larger than it may be', () => {
    const scene = sceneOf(configured({ ...plain, tasksPerNode: 2 }));
    scene.joins('n1.aaaaaaaa');
    for (let i = 0; i < 10; i++) scene.submits(`t${i}`);
    scene.pass(6_000);
    const [group] = groupsOf(scene);
    expect(group).toMatchObject({ size: 5, rule: 'queue', ready: 1, starting: 0, queued: 6 });
    expect(group?.reason).toBe('6 tasks wait and 4 run, 2 for each member');
    for (let i = 10; i < 60; i++) scene.submits(`t${i}`);
    scene.pass(6_000);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 10, rule: 'max' });
  });

  it('does not grow for what waits only because of the quota of its tenant', () => {
    const scene = sceneOf(configured({ ...plain, max: 100, tasksPerNode: 1 }));
    const tenant = tenantName('default');
    scene.asks({ kind: 'put-tenant', tenant, quota: { inFlightMax: 5 } });
    scene.joins('n1.aaaaaaaa', { cpu: 2 });
    for (let i = 0; i < 40; i++) scene.submits(`t${i}`);
    scene.pass(6_000);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 5, rule: 'queue', queued: 3 });
    // Tasks of 1 cpu each, of which two run.
    scene.asks({ kind: 'put-tenant', tenant, quota: { inFlightMax: null, cpuMax: 9 } });
    scene.pass(6_000);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 9, queued: 7 });
    scene.asks({ kind: 'put-tenant', tenant, quota: { cpuMax: null } });
    scene.pass(6_000);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 40, queued: 38 });
  });

  it('grows above 80 % in use and shrinks below 30 %, a minute and five after it changed', () => {
    const threshold = { upShare: 0.8, downShare: 0.3, upRestMs: 60_000, downRestMs: 300_000 };
    const scene = sceneOf(configured({ ...plain, threshold }));
    scene.joins('n1.aaaaaaaa');
    for (let i = 0; i < 4; i++) scene.submits(`t${i}`, { limitMs: 3_600_000 });
    scene.pass(6_000);
    expect(sizeOf(scene, 'plain')).toBe(2);
    scene.pass(50_000);
    expect(sizeOf(scene, 'plain')).toBe(2);
    scene.pass(15_000);
    expect(sizeOf(scene, 'plain')).toBe(3);
    for (let i = 0; i < 4; i++) scene.finishes(`t${i}`, ok(i));
    scene.pass(280_000);
    expect(sizeOf(scene, 'plain')).toBe(3);
    scene.pass(30_000);
    expect(sizeOf(scene, 'plain')).toBe(2);
  });

  it('falls to none after so long without work, and is woken at once by a task', () => {
    const group = { ...plain, min: 0, tasksPerNode: 4, idleMs: 60_000 };
    const scene = sceneOf(configured(group));
    scene.submits('t0');
    scene.pass(6_000);
    expect(sizeOf(scene, 'plain')).toBe(1);
    scene.joins('n1.aaaaaaaa');
    scene.finishes('t0', ok(0));
    scene.pass(70_000);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 0, rule: 'idle' });
    scene.submits('t1');
    expect(sizeOf(scene, 'plain')).toBe(1);
  });

  it('that has fallen to none is woken by whoever asks for an actor, new or known, and stays until it is there', () => {
    const group = { ...plain, min: 0, idleMs: 60_000 };
    const scene = sceneOf(configured(group, { ...plain, name: 'other', min: 0 }));
    const node = scene.joins('n1.aaaaaaaa');
    expect(scene.resolves('known')?.location).toMatchObject({ node });
    scene.dies(node);
    scene.sealed(node);
    scene.pass(70_000);
    expect(sizeOf(scene, 'plain')).toBe(0);
    for (const key of ['new', 'known']) {
      expect(scene.resolves(key)?.location).toMatchObject({ code: 'NO_NODES' });
      expect(groupsOf(scene)[0]).toMatchObject({
        size: 1,
        rule: 'wake',
        reason: 'an actor is asked for and nobody is there',
      });
      expect(sizeOf(scene, 'other')).toBe(0);
      scene.pass(50_000);
      expect(sizeOf(scene, 'plain')).toBe(1);
      scene.pass(20_000);
      expect(sizeOf(scene, 'plain')).toBe(0);
    }
  });

  it('that is asked for an actor again and again stays until then, though no time is said after which it falls', () => {
    const scene = sceneOf(configured({ ...plain, min: 0 }));
    scene.pass(6_000);
    for (let second = 0; second < 20; second++) {
      expect(scene.resolves('new')?.location).toMatchObject({ code: 'NO_NODES' });
      scene.pass(1_000);
    }
    expect(scene.decided('group-sized').map(({ size }) => size)).toEqual([0, 1]);
  });

  it('that has fallen to none is woken by a timer that falls due, until a node is there, and by one of a paused actor never', () => {
    const group = { ...plain, min: 0, idleMs: 60_000 };
    const scene = sceneOf(configured(group));
    const node = scene.joins('n1.aaaaaaaa');
    for (const key of ['awake', 'paused']) {
      const location = scene.resolves(key)?.location;
      if (location === undefined || isFailure(location)) throw new Error('not located');
      const when = { kind: 'after', ms: key === 'awake' ? 600_000 : 300_000 } as const;
      const news = [{ kind: 'set', number: 1, when } as const];
      const of = { actor: cart(key), birth: location.birth, channel: 0, from: 1, news };
      scene.hear({ kind: 'timer-news', incarnation: node, actors: [of] });
    }
    const { birth } = scene.actor('paused');
    scene.ask({ kind: 'wish-actor', actor: cart('paused'), birth, wish: 'paused' });
    scene.dies(node);
    scene.sealed(node);
    scene.pass(500_000);
    expect(sizeOf(scene, 'plain')).toBe(0);
    scene.pass(110_000);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 1, rule: 'wake' });
    // Longer than an idle one stays.
    scene.pass(200_000);
    expect(sizeOf(scene, 'plain')).toBe(1);
    scene.joins('n2.aaaaaaaa');
    scene.pass(70_000);
    expect(sizeOf(scene, 'plain')).toBe(0);
  });

  it.each([
    ['and that for so long', { idleMs: 60_000 }],
    ['at once where no time is said', {}],
  ])(
    'does not fall to none under actors in memory: only once they have left it, %s',
    (_, given) => {
      const scene = sceneOf(configured({ ...plain, min: 0, tasksPerNode: 4, ...given }));
      const node = scene.joins('n1.aaaaaaaa');
      scene.said.set(node, { cpu: 0, memory: 100, inMemory: 2 });
      scene.submits('t0');
      scene.pass(6_000);
      scene.finishes('t0', ok(0));
      scene.pass(3_600_000);
      expect(groupsOf(scene)[0]).toMatchObject({
        size: 1,
        reason: 'one stays for 2 actors in memory',
      });
      scene.failOver();
      scene.pass(6_000);
      expect(sizeOf(scene, 'plain')).toBe(1);
      scene.said.set(node, { cpu: 0, memory: 100, inMemory: 0 });
      scene.pass('idleMs' in given ? 50_000 : 0);
      expect(sizeOf(scene, 'plain')).toBe(1);
      scene.pass(20_000);
      expect(sizeOf(scene, 'plain')).toBe(0);
    },
  );

  it('has a floor while the clock says so', () => {
    const scene = sceneOf(configured({ ...plain, clock: ['min 5 on weekdays 8-18'] }));
    // A Tuesday, 22:13 UTC.
    scene.pass(6_000);
    expect(sizeOf(scene, 'plain')).toBe(1);
    scene.wall += 12 * 3_600_000;
    scene.pass(6_000);
    expect(groupsOf(scene)[0]).toMatchObject({
      size: 5,
      reason: 'the clock: min 5 on weekdays 8-18',
    });
  });

  it.each([
    ['ten hours ahead, where it is Wednesday, 8:13', 600, 5],
    ['nine hours ahead, where it is Wednesday, 7:13', 540, 1],
    ['six hours behind, where it is Tuesday', -360, 1],
  ])('has it by the hours and days of the cell, %s', (_, utcOffsetMinutes, size) => {
    const groups = [{ ...plain, clock: ['min 5 on wed 8-18'] }];
    // A Tuesday, 22:13 UTC.
    const scene = sceneOf({ ...config, autoscale: { utcOffsetMinutes, groups } });
    scene.pass(6_000);
    expect(sizeOf(scene, 'plain')).toBe(size);
  });

  it('orders nodes ahead of need by what arrivals are forecast', () => {
    const scene = sceneOf(
      configured({ ...plain, max: 50, forecast: { startMs: 60_000, caution: 2 } }),
    );
    scene.joins('n1.aaaaaaaa', { cpu: 1_000 });
    for (let second = 0; second < 180; second++) {
      for (let i = 0; i < 2; i++) {
        const id = `t${second}-${i}`;
        scene.submits(id);
        scene.finishes(id, ok(0), 4_000);
      }
      scene.pass(1_000);
    }
    const [group] = groupsOf(scene);
    expect(group?.rule).toBe('forecast');
    // Two a second of four seconds each are eight at once.
    expect(group?.size).toBeGreaterThanOrEqual(8);
    expect(group?.size).toBeLessThan(20);
  });

  it('orders none ahead of need while that is given up under pressure, and does again after it', () => {
    const pressure = { tasksMax: 1_000_000, factsMax: 1_000_000, downMs: 1_000, upMs: 30_000 };
    const forecast = { startMs: 60_000, caution: 2 };
    const scene = sceneOf({ ...configured({ ...plain, max: 50, forecast }), pressure });
    const node = scene.joins('n1.aaaaaaaa', { cpu: 1_000, memory: 1_000 });
    scene.said.set(node, { cpu: 0, memory: 950 });
    const works = (from: number, until: number): void => {
      for (let second = from; second < until; second++) {
        for (let i = 0; i < 2; i++) {
          const id = `t${second}-${i}`;
          // Others are not taken in.
          scene.submits(id, { priority: 'high' });
          scene.finishes(id, ok(0), 4_000);
        }
        scene.pass(1_000);
      }
    };
    works(0, 180);
    expect(groupsOf(scene)[0]).toMatchObject({ size: 1, rule: 'floor' });
    scene.said.set(node, { cpu: 0, memory: 100 });
    // Six things come back, the first that was given up as the last.
    works(180, 400);
    expect(groupsOf(scene)[0]).toMatchObject({ rule: 'forecast' });
    expect(groupsOf(scene)[0]?.size).toBeGreaterThanOrEqual(8);
  });

  it('does without a node that is cordoned: it is not one of its nodes, and what runs there asks for none', () => {
    const scene = sceneOf(configured({ ...plain, tasksPerNode: 1 }));
    for (const id of ['n1.aaaaaaaa', 'n2.aaaaaaaa']) scene.joins(id);
    for (let i = 0; i < 4; i++) scene.submits(`t${i}`);
    const cordon = { kind: 'cordon-node', node: nodeName('n1'), cordoned: true } as const;
    expect(scene.code(scene.asks(cordon))).toBe('done');
    scene.pass(6_000);
    const reason = '0 tasks wait and 2 run, 1 for each member';
    expect(groupsOf(scene)[0]).toMatchObject({ size: 2, ready: 1, reason });
  });

  it('has the nodes with all of its labels, and the tasks that select them', () => {
    const gpu = { name: 'gpu', labels: { gpu: 'yes' }, min: 0, max: 4, tasksPerNode: 1 };
    const scene = sceneOf(configured({ ...plain, tasksPerNode: 1 }, gpu));
    scene.joins('n1.aaaaaaaa', { cpu: 4 }, { gpu: 'yes' });
    scene.joins('n2.aaaaaaaa', { cpu: 4 });
    for (let i = 0; i < 7; i++) scene.submits(`g${i}`, { name: 'train' });
    scene.submits('t0');
    scene.pass(6_000);
    const [first, second] = groupsOf(scene);
    expect(first).toMatchObject({ group: 'plain', ready: 2, queued: 0 });
    expect(second).toMatchObject({ group: 'gpu', ready: 1, size: 4, rule: 'max', queued: 3 });
  });
});

describe('what was decided about groups', () => {
  it.each(['facts', 'image'] as const)(
    'is what the next leader goes on from, by the %s',
    (from) => {
      const threshold = { upShare: 0.8, downShare: 0.3, upRestMs: 60_000, downRestMs: 300_000 };
      const scene = sceneOf(configured({ ...plain, threshold }));
      scene.joins('n1.aaaaaaaa');
      for (let i = 0; i < 4; i++) scene.submits(`t${i}`, { limitMs: 3_600_000 });
      scene.pass(70_000);
      const before = sizeOf(scene, 'plain');
      expect(before).toBe(3);
      for (let i = 0; i < 4; i++) scene.finishes(`t${i}`, ok(i));
      scene.failOver(from);
      expect(sizeOf(scene, 'plain')).toBe(3);
      scene.pass(200_000);
      expect(sizeOf(scene, 'plain')).toBe(3);
      const replayed = new SchedulerMachine(config);
      for (const fact of scene.facts) replayed.apply(fact);
      expect(stateOf(replayed)).toBe(stateOf(scene.machine));
    },
  );

  it.each(['facts', 'image'] as const)(
    'keeps the next leader from growing again before the rest is over, by the %s',
    (from) => {
      const threshold = { upShare: 0.8, downShare: 0.3, upRestMs: 60_000, downRestMs: 300_000 };
      const scene = sceneOf(configured({ ...plain, threshold }));
      scene.joins('n1.aaaaaaaa');
      for (let i = 0; i < 4; i++) scene.submits(`t${i}`, { limitMs: 3_600_000 });
      scene.pass(6_000);
      for (let failover = 0; failover < 3; failover++) {
        expect(sizeOf(scene, 'plain')).toBe(2);
        scene.failOver(from);
        scene.pass(12_000);
      }
      expect(sizeOf(scene, 'plain')).toBe(2);
      // What passed before each failover is not known to have passed.
      scene.pass(66_000);
      expect(sizeOf(scene, 'plain')).toBe(3);
    },
  );

  it('is forgotten with a group that is configured no longer', () => {
    const scene = sceneOf(configured(plain));
    scene.pass(6_000);
    const next = new SchedulerMachine(config);
    for (const fact of scene.facts) next.apply(fact);
    const later = new Scene(next, config);
    expect(later.decided('group-dropped')).toHaveLength(1);
    expect(later.machine.durable().groups).toBeUndefined();
  });

  it('is the same for the same events', () => {
    const play = () => {
      const scene = sceneOf(configured({ ...plain, tasksPerNode: 2 }));
      scene.joins('n1.aaaaaaaa');
      for (let i = 0; i < 30; i++) scene.submits(`t${i}`);
      scene.pass(30_000);
      return scene.decided('group-sized');
    };
    expect(play()).toEqual(play());
  });
});
