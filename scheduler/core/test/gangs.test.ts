import { encodeValue, type GangPolicy, type RequestBody, taskId, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import {
  cluster,
  codeOf,
  config,
  failed,
  outcomeOf,
  Scene,
  stateOf,
  task,
  tenant,
} from './scene.ts';

type Gang = Extract<RequestBody, { kind: 'submit-gang' }>;

function gang(id: string, count: number, given: Partial<Gang> = {}): Gang {
  const members = Array.from({ length: count }, (_, at) => {
    return { task: taskId(`${id}.${at}`), name: 'work', input: encodeValue({ id, at }) };
  });
  return { kind: 'submit-gang', gang: id, tenant, policy: 'PACK' as GangPolicy, members, ...given };
}

/** `g.0@n1` for each start, in order. */
function starts(scene: Scene): readonly string[] {
  return scene
    .decided('task-started')
    .map(({ task, node }) => `${task}@${node.slice(0, node.indexOf('.'))}`);
}

function whyWaits(scene: Scene, id: string): string | undefined {
  const answer = scene.asks({ kind: 'list-tasks', tenant, limit: 100 });
  return answer?.kind === 'tasks' ? answer.tasks.find((view) => view.task === id)?.why : undefined;
}

describe('a gang', () => {
  it('starts with all of its members or with none', () => {
    const { scene } = cluster(2);
    scene.submits('t1');
    expect(scene.code(scene.asks(gang('g', 8)))).toBe('done');
    expect(starts(scene)).toEqual(['t1@n1']);
    expect(whyWaits(scene, 'g.0')).toBe('its gang has no room: 2 nodes have too little free cpu');
    scene.finishes('t1');
    expect(starts(scene).slice(1)).toHaveLength(8);
  });

  it.each(['SPREAD', 'PACK', 'STRICT_SPREAD'] as const)(
    'finds its places by %s whatever the order of its members',
    (policy) => {
      for (const names of [
        ['work', 'picky'],
        ['picky', 'work'],
      ]) {
        const scene = new Scene();
        const nodes = [{ label: 'zone', op: 'in', values: ['b'] }] as const;
        scene.deploys({ tasks: [task('work'), task('picky', { placement: { nodes } })] });
        scene.joins('n1.aaaaaaaa', { cpu: 2 }, { zone: 'a' });
        scene.joins('n2.aaaaaaaa', { cpu: 1 }, { zone: 'b' });
        scene.submits('t1');
        const members = names.map((name, at) => {
          return { task: taskId(`g.${at}`), name, input: encodeValue(0) };
        });
        scene.asks(gang('g', 0, { policy, members }));
        const picky = names.indexOf('picky');
        expect(starts(scene)).toContain(`g.${picky}@n2`);
        expect(starts(scene)).toHaveLength(3);
      }
    },
  );

  it.each([
    ['STRICT_PACK', 4, ['n1', 'n1', 'n1', 'n1']],
    ['PACK', 5, ['n1', 'n1', 'n1', 'n1', 'n2']],
    ['SPREAD', 4, ['n1', 'n1', 'n2', 'n2']],
    ['STRICT_SPREAD', 2, ['n1', 'n2']],
  ] as const)('with policy %s shares nodes as it says', (policy, count, nodes) => {
    const { scene } = cluster(2);
    scene.asks(gang('g', count, { policy }));
    const used = starts(scene).map((start) => start.slice(start.indexOf('@') + 1));
    expect(used.sort()).toEqual(nodes);
  });

  it('that fits exactly starts, whatever way is needed to pack it', () => {
    const scene = new Scene();
    scene.deploys({ tasks: [2, 3, 4].map((cpu) => task(`c${cpu}`, { resources: { cpu } })) });
    scene.joins('n1.aaaaaaaa', { cpu: 5 });
    scene.joins('n2.aaaaaaaa', { cpu: 6 });
    const members = ['c2', 'c3', 'c2', 'c4'].map((name, at) => {
      return { task: taskId(`g.${at}`), name, input: encodeValue(at) };
    });
    scene.asks(gang('g', 4, { members }));
    expect(starts(scene)).toHaveLength(4);
  });

  it('that competes with another waits for it and then has its turn: neither holds half', () => {
    const { scene } = cluster(2);
    scene.asks(gang('g', 6));
    scene.asks(gang('h', 6));
    expect(starts(scene).map((start) => start[0])).toEqual(Array.from('gggggg'));
    for (let at = 0; at < 6; at++) scene.finishes(`g.${at}`);
    expect(
      starts(scene)
        .slice(6)
        .map((start) => start[0]),
    ).toEqual(Array.from('hhhhhh'));
  });

  it('goes on waiting as one under the next leader, and starts once', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.asks(gang('g', 4));
    const image = SchedulerMachine.restore(config, scene.machine.image());
    expect(stateOf(image)).toBe(stateOf(scene.machine));
    scene.failOver();
    expect(starts(scene)).toEqual(['t1@n1']);
    scene.finishes('t1');
    expect(starts(scene).slice(1)).toEqual(['g.0@n1', 'g.1@n1', 'g.2@n1', 'g.3@n1']);
  });

  it('submitted again under its id is the same one, and each member is asked for by its own', () => {
    const { scene } = cluster(2);
    scene.asks(gang('g', 2));
    expect(scene.code(scene.asks(gang('g', 2)))).toBe('done');
    expect(scene.decided('task-submitted')).toHaveLength(2);
    const asked = scene.submits('g.1', { input: encodeValue({ id: 'g', at: 1 }) });
    scene.finishes('g.1');
    expect(codeOf(outcomeOf(scene.answer(asked)))).toBe('ok');
  });

  it('asked for again is answered for exactly the tasks asked for, if each is what it was', () => {
    const { scene } = cluster(2);
    for (let at = 1; at <= 5; at++) scene.submits(`t${at}`);
    scene.asks(gang('g', 4));
    const [first, ...others] = gang('g', 4).members;
    if (first === undefined) throw new Error('no member');
    const again = (members: Gang['members'], given: Partial<Gang> = {}) =>
      scene.asks(gang('g', 4, { members, ...given }));
    expect(scene.code(again([...others].reverse()))).toBe('done');
    expect(again([{ ...first, input: encodeValue('other') }])).toMatchObject({
      failure: { code: 'ALREADY_EXISTS', details: { gang: 'g', task: 'g.0' } },
    });
    expect(again([first], { priority: 'high' })).toMatchObject({
      failure: { code: 'ALREADY_EXISTS', details: { gang: 'g', task: 'g.0' } },
    });
    const more = [4, 5].map((at) => ({ ...first, task: taskId(`g.${at}`) }));
    const refused = again([...more, first]);
    expect(refused).toMatchObject({
      failure: { code: 'ALREADY_EXISTS', details: { gang: 'g', task: 'g.4' } },
    });
    expect(refused?.kind === 'failed' && refused.failure.message).toContain(
      'task "g.0" is in it, and "g.4" and 1 more are not',
    );
    expect(scene.decided('task-submitted').filter(({ gang }) => gang?.id === 'g')).toHaveLength(4);
  });

  it('is no other gang, and no task by itself, that has its ids: neither is taken for it', () => {
    const { scene } = cluster(2);
    scene.deploys({ tasks: [task('work'), task('other')] }, 'b2');
    scene.asks(gang('g', 2));
    scene.submits('alone.0');
    const named = gang('g', 2).members.map((member) => ({ ...member, name: 'other' }));
    const others: readonly Gang[] = [
      gang('g', 2, { tenant: tenantName('nobody') }),
      gang('g', 2, { policy: 'SPREAD' }),
      gang('g', 2, { members: named }),
      gang('h', 2, { members: gang('g', 2).members }),
      gang('alone', 1),
    ];
    const codes = () => others.map((other) => scene.code(scene.asks(other)));
    const refused = others.map(() => 'ALREADY_EXISTS');
    expect(codes()).toEqual(refused);
    for (const id of ['g.0', 'g.1', 'alone.0']) scene.finishes(id);
    expect(codes()).toEqual(refused);
    const twice = [0, 0].flatMap((at) => gang('g', 2).members[at] ?? []);
    expect(scene.code(scene.asks(gang('g', 2, { members: twice })))).toBe('INVALID_ARGUMENT');
    expect(scene.code(scene.asks(gang('g', 2)))).toBe('done');
    expect(scene.decided('task-submitted')).toHaveLength(3);
  });

  it('that has ended is known to the next leader, also by an image', () => {
    const { scene } = cluster(2);
    scene.asks(gang('g', 1));
    scene.finishes('g.0');
    scene.machine = SchedulerMachine.restore(config, scene.machine.image());
    scene.forgetWords();
    scene.lead('s2');
    expect(scene.code(scene.asks(gang('g', 1)))).toBe('done');
    const other = gang('h', 1, { members: gang('g', 1).members });
    expect(scene.code(scene.asks(other))).toBe('ALREADY_EXISTS');
  });

  it('of which a member is cancelled while it waits is cancelled as a whole', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.asks(gang('g', 4));
    const asked = scene.submits('g.3', { input: encodeValue({ id: 'g', at: 3 }) });
    scene.asks({ kind: 'cancel-task-request', task: taskId('g.1') });
    expect(codeOf(outcomeOf(scene.answer(asked)))).toBe('CANCELLED');
    scene.finishes('t1');
    expect(starts(scene)).toEqual(['t1@n1']);
  });

  it('whose member has the id of a task that was cancelled in its back-off starts once', () => {
    const scene = new Scene();
    const long = task('long', { resources: { cpu: 4 }, limitMs: 36_000_000 });
    scene.deploys({ tasks: [task('work', { backoffMs: [3_600_000] }), long] });
    scene.joins('n1.aaaaaaaa');
    scene.submits('g.0');
    scene.finishes('g.0', failed('UNAVAILABLE'));
    scene.asks({ kind: 'cancel-task-request', task: taskId('g.0') });
    scene.pass(1_200_000);
    scene.submits('busy', { name: 'long' });
    scene.asks(gang('g', 2));
    scene.pass(3_600_000);
    scene.asks({ kind: 'cancel-task-request', task: taskId('busy') });
    expect(starts(scene)).toEqual(['g.0@n1', 'busy@n1', 'g.0@n1', 'g.1@n1']);
  });

  it('of which a node was lost tries the lost members again by themselves', () => {
    const { scene, nodes } = cluster(2);
    scene.asks(gang('g', 2, { policy: 'STRICT_SPREAD' }));
    const [lost] = nodes;
    if (lost === undefined) throw new Error('no node');
    scene.dies(lost);
    expect(starts(scene)).toEqual(['g.0@n1', 'g.1@n2', 'g.0@n2']);
  });

  it('stays within the quota of its tenant, counted by its members', () => {
    const { scene } = cluster(2);
    scene.asks({ kind: 'put-tenant', tenant, weight: 1, quota: { inFlightMax: 3 } });
    scene.submits('t1');
    scene.asks(gang('g', 3));
    expect(starts(scene)).toEqual(['t1@n1']);
    scene.finishes('t1');
    expect(starts(scene)).toHaveLength(4);
  });

  it('counts as so many starts in a second as it has members', () => {
    const { scene } = cluster(2);
    scene.asks({ kind: 'put-tenant', tenant, quota: { startsPerSecondMax: 2 } });
    scene.asks(gang('g', 6));
    expect(starts(scene)).toHaveLength(6);
    for (let i = 0; i < 4; i++) scene.submits(`t${i}`);
    scene.pass(2_400);
    expect(starts(scene)).toHaveLength(6);
    scene.pass(200);
    expect(starts(scene)).toHaveLength(7);
  });

  it.each([
    ['cpu', { cpuMax: 4 }],
    ['memory', { memoryMax: 400 }],
  ] as const)('stays within the %s of its tenant with all that its members reserve', (_, quota) => {
    const { scene } = cluster(0);
    scene.deploys({ tasks: [task('work', { resources: { cpu: 1, memory: 100 } })] }, 'b2');
    scene.joins('n1.aaaaaaaa', { cpu: 16, memory: 1_600 });
    scene.asks({ kind: 'put-tenant', tenant, quota });
    for (const id of ['t1', 't2']) scene.submits(id);
    scene.asks(gang('g', 3));
    expect(starts(scene)).toEqual(['t1@n1', 't2@n1']);
    expect(whyWaits(scene, 'g.0')).toBe('the quota of its tenant is used up');
    scene.finishes('t1');
    expect(starts(scene).slice(2)).toEqual(['g.0@n1', 'g.1@n1', 'g.2@n1']);
  });

  it('is refused when not all of its members may wait, and taken when they may', () => {
    const { scene } = cluster(1);
    scene.asks({ kind: 'put-tenant', tenant, quota: { queuedMax: 3 } });
    for (let at = 1; at <= 4; at++) scene.submits(`t${at}`);
    scene.submits('waits');
    expect(scene.code(scene.asks(gang('g', 3)))).toBe('RESOURCE_EXHAUSTED');
    expect(scene.code(scene.asks(gang('g', 2)))).toBe('done');
  });

  it('that waits keeps its id: another one under it is refused', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.asks(gang('g', 4));
    const { members } = gang('other', 2);
    expect(scene.code(scene.asks(gang('g', 2, { members })))).toBe('ALREADY_EXISTS');
    scene.finishes('t1');
    expect(starts(scene).slice(1)).toEqual(['g.0@n1', 'g.1@n1', 'g.2@n1', 'g.3@n1']);
  });

  it('that runs loses no member to a task of higher priority that may preempt', () => {
    const { scene } = cluster(0);
    const urgent = task('urgent', { placement: { preempts: true } });
    scene.deploys({ tasks: [task('work'), urgent] }, 'b2');
    scene.joins('n1.aaaaaaaa', { cpu: 3 });
    scene.asks(gang('g', 2, { priority: 'low' }));
    scene.submits('single', { priority: 'normal' });
    for (const id of ['u1', 'u2']) scene.submits(id, { name: 'urgent', priority: 'high' });
    expect(scene.decided('task-preempted').map(({ task }) => task)).toEqual(['single']);
    expect(starts(scene)).toEqual(['g.0@n1', 'g.1@n1', 'single@n1', 'u1@n1']);
  });

  it.each([
    [
      { inFlightMax: 3 },
      'has 4 members, and tenant "default" by its quota runs at most 3 tasks at once',
    ],
    [
      { cpuMax: 3.5 },
      'reserves 4 cpu, and tenant "default" by its quota reserves at most 3.5 cpu at once',
    ],
    [
      { memoryMax: 399 },
      'reserves 400 memory, and tenant "default" by its quota reserves at most 399 memory at once',
    ],
    [
      { queuedMax: 3 },
      'has 4 members, and by its quota tenant "default" has at most 3 tasks waiting',
    ],
  ])('that is larger than a quota of %j ever lets start is refused, and told why', (quota, why) => {
    const { scene } = cluster(2);
    scene.deploys({ tasks: [task('work', { resources: { cpu: 1, memory: 100 } })] }, 'b2');
    scene.asks({ kind: 'put-tenant', tenant, quota });
    expect(scene.asks(gang('g', 4))).toMatchObject({
      failure: {
        code: 'OVER_QUOTA',
        message: `gang "g" ${why}; raise the quota of the tenant, or submit fewer`,
      },
    });
    expect(scene.decided('task-submitted')).toEqual([]);
    expect(scene.code(scene.asks(gang('g', 3)))).toBe('done');
  });

  it('under whose sum the quota is lowered while it waits says so, and starts once it is raised', () => {
    const { scene } = cluster(2);
    for (let at = 1; at <= 5; at++) scene.submits(`t${at}`);
    scene.asks(gang('g', 4));
    scene.submits('single', { resources: { cpu: 4 } });
    expect(whyWaits(scene, 'g.0')).toBe('its gang has no room: 2 nodes have too little free cpu');
    expect(whyWaits(scene, 'single')).toBe('2 nodes have too little free cpu');
    scene.asks({ kind: 'put-tenant', tenant, quota: { cpuMax: 3 } });
    const most = 'and its tenant by its quota reserves at most 3 cpu at once';
    const next = 'raise the quota, or cancel it and submit fewer';
    expect(whyWaits(scene, 'g.0')).toBe(`its gang reserves 4 cpu, ${most}: ${next}`);
    expect(whyWaits(scene, 'single')).toBe(`it reserves 4 cpu, ${most}: ${next}`);
    for (let at = 1; at <= 5; at++) scene.finishes(`t${at}`);
    expect(starts(scene)).toHaveLength(5);
    scene.asks({ kind: 'put-tenant', tenant, quota: { cpuMax: 4 } });
    expect(starts(scene).slice(5)).toHaveLength(4);
  });

  it('that cannot be is refused as a whole, and none of its tasks comes to be', () => {
    const { scene } = cluster(1);
    scene.submits('known');
    const { members } = gang('g', 2);
    const twice = members.map((member) => ({ ...member, task: taskId('same') }));
    const known = members.map((member, at) =>
      at === 0 ? { ...member, task: taskId('known') } : member,
    );
    const unknown = members.map((member) => ({ ...member, name: 'nothing' }));
    const refusals: readonly [Partial<Gang>, string][] = [
      [{ members: [] }, 'INVALID_ARGUMENT'],
      [{ members: twice }, 'INVALID_ARGUMENT'],
      [{ members: known }, 'ALREADY_EXISTS'],
      [{ members: unknown }, 'UNKNOWN_TASK'],
      [{ policy: 'TIGHT' as GangPolicy }, 'INVALID_ARGUMENT'],
      [{ gang: '' }, 'INVALID_ARGUMENT'],
    ];
    for (const [given, code] of refusals) {
      expect([given, scene.code(scene.asks(gang('g', 2, given)))]).toEqual([given, code]);
    }
    expect(scene.decided('task-submitted')).toHaveLength(1);
  });
});

it('a deployment without the task of a gang changes nothing for one that waits', () => {
  const { scene } = cluster(1);
  scene.submits('t1');
  scene.asks(gang('g', 4));
  scene.deploys({ tasks: [task('other')] }, 'b2');
  scene.finishes('t1');
  expect(starts(scene)).toHaveLength(5);
});
