/** Views with what goes on right now, as the nodes say it. */
import { type Incarnation, type ProgressView, type RequestBody, taskId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene, tenant } from './scene.ts';

const look = { kind: 'get-actor', actor: cart('a'), activity: true } as const;
const list: RequestBody = { kind: 'list-tasks', tenant, limit: 100, activity: true };

function lastAsk(scene: Scene, node: Incarnation): number {
  const ask = scene.to(node, 'ask-activity').at(-1);
  if (ask === undefined) throw new Error(`${node} was not asked`);
  return ask.ask;
}

/** An actor on a node, and a request that looks at it. */
function looked() {
  const { scene } = cluster(2);
  scene.resolves('a');
  const { node, epoch } = scene.actor('a');
  const number = scene.ask(look);
  return { scene, node, epoch, number };
}

function says(scene: Scene, node: Incarnation, epoch: number, queued: number): void {
  const activity = { inMemory: true, queued };
  const actors = [{ actor: cart('a'), epoch, activity }];
  const ask = lastAsk(scene, node);
  scene.hear({ kind: 'activity-found', incarnation: node, ask, actors, attempts: [] });
}

describe('a look at an actor', () => {
  it('is answered with what its node says, and once', () => {
    const { scene, node, epoch, number } = looked();
    expect(scene.answer(number)).toBeUndefined();
    says(scene, node, epoch, 3);
    says(scene, node, epoch, 4);
    const activity = { inMemory: true, queued: 3 };
    expect(scene.answer(number)).toMatchObject({ kind: 'actor', actor: { activity } });
    expect(scene.replies.filter(({ message }) => message.kind === 'answered')).toHaveLength(1);
  });

  it('is answered without it when the node says nothing for a second', () => {
    const { scene, number } = looked();
    scene.pass(900);
    expect(scene.answer(number)).toBeUndefined();
    scene.pass(200);
    const answer = scene.answer(number);
    expect(answer?.kind === 'actor' && answer.actor.activity).toBeUndefined();
    expect(answer).toMatchObject({ kind: 'actor', actor: { actor: cart('a') } });
  });

  it('does not take the word of an earlier placement', () => {
    const { scene, node, epoch, number } = looked();
    says(scene, node, epoch - 1, 3);
    const answer = scene.answer(number);
    expect(answer?.kind === 'actor' && answer.actor.activity).toBeUndefined();
  });

  it('asks nobody unless it is asked for, and journals nothing', () => {
    const { scene } = cluster(1);
    scene.resolves('a');
    const { length } = scene.facts;
    expect(scene.asks({ kind: 'get-actor', actor: cart('a') })?.kind).toBe('actor');
    const { node } = scene.actor('a');
    expect(scene.to(node, 'ask-activity')).toHaveLength(0);
    scene.ask(look);
    expect(scene.to(node, 'ask-activity')).toHaveLength(1);
    expect(scene.facts).toHaveLength(length);
    expect(scene.code(scene.asks({ ...look, actor: cart('nobody') }))).toBe('UNKNOWN_ACTOR');
  });
});

describe('a list of tasks', () => {
  const half: ProgressView = { share: 0.5, text: 'half', agoMs: 10 };

  it('shows how far attempts are, of all nodes at once', () => {
    const { scene, nodes } = cluster(2);
    for (const id of ['t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8', 't9']) scene.submits(id);
    const number = scene.ask(list);
    for (const node of nodes) {
      const { ask, attempts } = scene.to(node, 'ask-activity')[0] ?? { ask: 0, attempts: [] };
      expect(attempts).toHaveLength(4);
      const found = attempts.map((attempt) => ({ ...attempt, progress: half }));
      scene.hear({
        kind: 'activity-found',
        incarnation: node,
        ask,
        actors: [],
        attempts: found,
      });
    }
    const answer = scene.answer(number);
    const tasks = answer?.kind === 'tasks' ? answer.tasks : [];
    expect(tasks.map(({ progress }) => progress)).toEqual([undefined, ...Array(8).fill(half)]);
  });

  it('does not wait for a node that has died', () => {
    const { scene, nodes } = cluster(1);
    scene.submits('t1');
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const number = scene.ask(list);
    scene.hear({
      kind: 'deposed',
      incarnation: node,
      appendsRefused: 1,
      repliesWithheld: 0,
    });
    expect(scene.answer(number)).toMatchObject({ kind: 'tasks', tasks: [{ task: taskId('t1') }] });
  });
});
