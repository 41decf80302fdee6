/** Journals in which an earlier version let stand what this one refuses. */
import {
  encodeValue,
  type PlacementWishes,
  type QueueWeight,
  type TaskManifest,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { type SchedulerFact, SchedulerMachine } from '../src/index.ts';
import { codeOf, config, outcomeOf, Scene, stateOf, task, tenant, workflow } from './scene.ts';

type Edit = (fact: SchedulerFact) => SchedulerFact;

/** The next leader, over the journal as an earlier version would have written it. */
function readBy(scene: Scene, edit: Edit): Scene {
  const facts = scene.facts.map(edit);
  const machine = new SchedulerMachine(config);
  for (const fact of facts) machine.apply(fact);
  const copy = SchedulerMachine.restore(config, machine.image());
  expect(stateOf(copy)).toBe(stateOf(machine));
  const next = new Scene(machine);
  for (const node of scene.beating) next.beating.add(node);
  return next;
}

/** Wishes that were let in before they were checked; each ended a leader that looked for a place. */
const bad: readonly (readonly [string, PlacementWishes])[] = [
  ['more GPUs than there may be', { gpus: { count: 5_000, milli: 1 } }],
  ['a weight of nothing', { nodesPreferred: [{ weight: 0, term: [] }] }],
  ['a field of another form', { near: { across: 'node' } } as never],
];

function withWishes(placement: PlacementWishes): Edit {
  const edited = (given: TaskManifest): TaskManifest =>
    given.name === 'odd' ? { ...given, placement } : given;
  return (fact) => {
    if (fact.kind === 'bundle-deployed') {
      const { manifest } = fact;
      return { ...fact, manifest: { ...manifest, tasks: manifest.tasks.map(edited) } };
    }
    return fact.kind === 'task-submitted' && fact.name === 'odd' ? { ...fact, placement } : fact;
  };
}

function findings(scene: Scene): readonly string[] {
  const answer = scene.asks({ kind: 'status' });
  return answer?.kind === 'status' ? (answer.status.findings ?? []) : [];
}

describe.each(bad)('a task type that was deployed with %s', (_, placement) => {
  const tasks = [task('odd', { resources: {} }), task('work')];

  it('is refused with the reason, alone, in a gang and in a run, and the others are served', () => {
    const before = new Scene();
    const input = { $ref: ['input'] };
    const step = { id: 'step', kind: 'task', after: [], task: 'odd', input } as const;
    before.deploys({ tasks, workflows: [workflow('flow', [step])] }, 'b2');
    before.joins('n1.aaaaaaaa');
    const scene = readBy(before, withWishes(placement));
    const refused = { failure: { code: 'BUNDLE_LOAD_FAILED', details: { name: 'odd' } } };
    expect(scene.answer(scene.submits('t1', { name: 'odd' }))).toMatchObject(refused);
    const members = [{ task: taskId('g.0'), name: 'odd', input: encodeValue(1) }];
    const gang = { kind: 'submit-gang', gang: 'g', tenant, policy: 'PACK', members } as const;
    expect(scene.asks(gang)).toMatchObject(refused);
    expect(scene.starts('flow')).toMatchObject({ state: 'failed' });
    expect(codeOf(scene.view().outcome)).toBe('BUNDLE_LOAD_FAILED');
    scene.submits('t2');
    expect(scene.started('t2')).toHaveLength(1);
    expect(findings(scene).join()).toContain('task "odd" of bundle b2 is not served');
  });

  it('has its tasks that wait ended with the reason, with their gangs, and its runs go on', () => {
    const before = new Scene();
    const input = { $ref: ['input'] };
    const step = { id: 'step', kind: 'task', after: [], task: 'odd', input } as const;
    before.deploys({ tasks, workflows: [workflow('flow', [step])] }, 'b2');
    before.submits('t1', { name: 'odd' });
    before.submits('t2');
    before.starts('flow');
    const members = ['odd', 'work'].map((name, at) => {
      return { task: taskId(`g.${at}`), name, input: encodeValue({ id: `g.${at}` }) };
    });
    before.asks({ kind: 'submit-gang', gang: 'g', tenant, policy: 'PACK', members });
    const scene = readBy(before, withWishes(placement));
    scene.joins('n1.aaaaaaaa');
    for (const id of ['t1', 'g.0', 'g.1']) {
      const name = id === 'g.1' ? 'work' : 'odd';
      const outcome = outcomeOf(scene.answer(scene.submits(id, { name })));
      expect([id, codeOf(outcome)]).toEqual([id, 'INVALID_ARGUMENT']);
    }
    expect(scene.view()).toMatchObject({ state: 'failed' });
    expect(scene.decided('task-started').map((fact) => fact.task)).toEqual(['t2']);
  });

  it('is served when it is deployed anew as it should be', () => {
    const before = new Scene();
    before.deploys({ tasks }, 'b2');
    const scene = readBy(before, withWishes(placement));
    scene.joins('n1.aaaaaaaa');
    scene.deploys({ tasks }, 'b3');
    scene.submits('t1', { name: 'odd' });
    expect(scene.started('t1')).toHaveLength(1);
    expect(findings(scene)).toEqual([]);
  });
});

describe('a weight that was put before weights were bounded', () => {
  const queue = 'mails';
  it.each([1e-307, 0, -1, Number.NaN, 1e300, Number.POSITIVE_INFINITY])(
    'of %d counts as the nearest that may be, and is told until another one is put',
    (weight) => {
      const before = new Scene();
      const queues: readonly QueueWeight[] = [{ queue, weight: 2 }];
      const other = tenantName('other');
      before.asks({ kind: 'put-tenant', tenant: other });
      before.asks({ kind: 'put-tenant', tenant, weight: 3, queues });
      before.deploys();
      const scene = readBy(before, (fact) =>
        fact.kind === 'tenant-put' && fact.weight === 3
          ? { ...fact, weight, queues: [{ queue, weight }] }
          : fact,
      );
      scene.joins('n1.aaaaaaaa');
      scene.submits('t1');
      scene.submits('t2', { queue });
      expect(scene.decided('task-started')).toHaveLength(2);
      const counted = weight > 1 ? 1_000_000 : 0.000001;
      expect(findings(scene)).toEqual([
        `weight ${weight} of tenant "default" counts as ${counted}: put another one`,
        `weight ${weight} of queue "mails" of tenant "default" counts as ${counted}: put another one`,
      ]);
      const settings = { weight: 1, queues: [{ queue, weight: 1 }] };
      expect(scene.asks({ kind: 'put-tenant', tenant, ...settings })).toMatchObject({ settings });
      expect(findings(scene)).toEqual([]);
    },
  );
});
