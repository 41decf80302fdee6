/** What a leader keeps in memory is no more than what it leads (Z1). */
import { encodeValue, taskId } from '@troupe/model';
import { expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cluster, config, failed, type Scene, tenant } from './scene.ts';

const leaks = ({ machine }: Scene) => machine.sizes().filter(({ size, most }) => size > most);
const sizeOf = ({ machine }: Scene, what: string) =>
  machine.sizes().find(({ of }) => of === what)?.size;

/** What goes on with tasks: ended, tried again, cancelled in each state, lost with a node. */
function busy(): Scene {
  const { scene } = cluster(2);
  for (const id of ['t1', 't2', 't3', 't4', 't5']) scene.submits(id, { resources: { cpu: 2 } });
  scene.finishes('t1', failed('USER_ERROR'));
  scene.asks({ kind: 'cancel-task-request', task: taskId('t2') });
  const members = ['g.0', 'g.1'].map((id) => {
    return { task: taskId(id), name: 'work', input: encodeValue(id) };
  });
  scene.asks({ kind: 'submit-gang', gang: 'g', tenant, policy: 'PACK', members });
  return scene;
}

it('a leader at work keeps what its tasks account for', () => {
  const scene = busy();
  expect(leaks(scene)).toEqual([]);
  expect(sizeOf(scene, 'flights')).toBeGreaterThan(0);
  expect(sizeOf(scene, 'deadlines of kind limit')).toBe(sizeOf(scene, 'flights'));
});

it('a leader at rest keeps nothing of tasks that were, also one that took over', () => {
  const scene = busy();
  scene.pass(2_000);
  scene.failOver();
  expect(leaks(scene)).toEqual([]);
  for (const id of ['t1', 't3', 't4', 't5', 'g.0', 'g.1']) {
    scene.asks({ kind: 'cancel-task-request', task: taskId(id) });
  }
  expect(scene.machine.durable().tasks.live).toEqual([]);
  // What falls due soon goes by itself: a message to be sent again.
  scene.pass(6_000);
  expect(leaks(scene)).toEqual([]);
  expect(sizeOf(scene, 'deadlines of kind limit')).toBe(0);
});

it('a leader keeps nothing of a node that was lost, and a placement until it was seen', () => {
  const { scene, nodes } = cluster(2);
  scene.resolves('a');
  const placed = 'placements to deliver';
  expect(sizeOf(scene, placed)).toBe(1);
  const { id: actor, node, epoch } = scene.actor('a');
  scene.hear({ kind: 'place-seen', incarnation: node, placed: [{ actor, epoch }] });
  expect(leaks(scene)).toEqual([]);
  scene.dies(nodes[0] ?? node);
  scene.sealed(nodes[0] ?? node);
  const again = scene.actor('a');
  scene.hear({
    kind: 'place-seen',
    incarnation: again.node,
    placed: [{ actor, epoch: again.epoch }],
  });
  scene.logDeleted(nodes[0] ?? node);
  expect(leaks(scene)).toEqual([]);
});

it('a follower keeps nothing', () => {
  expect(new SchedulerMachine(config).sizes()).toEqual([]);
});
