/** What cannot be placed is refused at the door, so that no leader meets it at work. */
import type { PlacementWishes, Resources } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cluster, Scene, task } from './scene.ts';

function refusal(resources: Resources, placement?: PlacementWishes): string {
  const given = placement === undefined ? { resources } : { resources, placement };
  const answer = new Scene().deploys({ tasks: [task('work', given)] });
  return answer?.kind === 'failed'
    ? `${answer.failure.code} ${answer.failure.message}`
    : 'deployed';
}

describe('what a task asks for', () => {
  it('is a part of one GPU or whole GPUs, or the bundle is refused', () => {
    expect(refusal({ gpu: 1.5 })).toContain('INVALID_ARGUMENT task "work": gpu = 1.5');
    expect(refusal({ gpu: 0.5 })).toBe('deployed');
    expect(refusal({ gpu: 2 })).toBe('deployed');
  });

  it('is a part of one GPU or whole GPUs in a submission too', () => {
    const { scene } = cluster(1);
    const answer = scene.answer(scene.submits('a', { resources: { gpu: 1.5 } }));
    expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
  });

  it('has no name that the scheduler keeps for itself', () => {
    expect(refusal({ $attempts: 0.5 })).toContain('resource "$attempts"');
    const { scene } = cluster(1);
    const answer = scene.answer(scene.submits('a', { resources: { $attempts: 1 } }));
    expect(scene.code(answer)).toBe('INVALID_ARGUMENT');
  });

  it('is a whole number of GPUs that a node can have, in whole thousandths', () => {
    for (const gpus of [
      { count: 1e308, milli: 1000 },
      { count: 1025, milli: 1000 },
      { count: 1.5, milli: 1000 },
      { count: 1, milli: 333.3 },
      { count: 1, milli: 1001 },
      { count: 1, milli: 0 },
    ]) {
      expect(refusal({}, { gpus })).toContain('INVALID_ARGUMENT task "work": gpus = ');
    }
    expect(refusal({ gpu: 1025 })).toContain('INVALID_ARGUMENT task "work": gpu = 1025');
    expect(refusal({}, { gpus: { count: 1024, milli: 333 } })).toBe('deployed');
  });
});

describe('a node', () => {
  const offers: readonly Resources[] = [{ gpu: 1e12 }, { gpu: 3e9 }, { $attempts: 5 }];
  it.each(offers)('that offers %j is refused, and the leader lives', (resources) => {
    const { scene } = cluster(1);
    const node = scene.asksToJoin('odd.aaaaaaaa', { cpu: 4, ...resources });
    expect(scene.to(node, 'join-refused')).toMatchObject([
      { failure: { code: 'INVALID_ARGUMENT' } },
    ]);
    scene.submits('a');
    expect(scene.started('a')).toHaveLength(1);
  });
});
