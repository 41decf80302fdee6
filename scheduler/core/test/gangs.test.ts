import { encodeValue, type GangPolicy, type RequestBody, taskId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cluster, codeOf, config, outcomeOf, Scene, stateOf, task, tenant } from './scene.ts';

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
    const asked = scene.submits('g.1');
    scene.finishes('g.1');
    expect(codeOf(outcomeOf(scene.answer(asked)))).toBe('ok');
  });

  it('of which a member is cancelled while it waits is cancelled as a whole', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.asks(gang('g', 4));
    const asked = scene.submits('g.3');
    scene.asks({ kind: 'cancel-task-request', task: taskId('g.1') });
    expect(codeOf(outcomeOf(scene.answer(asked)))).toBe('CANCELLED');
    scene.finishes('t1');
    expect(starts(scene)).toEqual(['t1@n1']);
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

  it('that is larger than the quota of its tenant ever lets start is refused, and told why', () => {
    const { scene } = cluster(2);
    scene.asks({ kind: 'put-tenant', tenant, weight: 1, quota: { inFlightMax: 3 } });
    const answer = scene.asks(gang('g', 4));
    expect(answer?.kind === 'failed' && answer.failure.message).toContain(
      'gang "g" has 4 members, and by its quota tenant "default" runs at most 3 tasks at once',
    );
    expect(scene.decided('task-submitted')).toEqual([]);
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
