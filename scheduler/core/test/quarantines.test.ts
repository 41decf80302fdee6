/** Actors that their nodes keep in quarantine. */
import type { Failure } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene } from './scene.ts';

const failure: Failure = { code: 'PAST_CONFLICT', message: 'two records claim turn 3' };

function findings(scene: Scene): readonly string[] {
  const answer = scene.asks({ kind: 'status' });
  return answer?.kind === 'status' ? (answer.status.findings ?? []) : [];
}

describe('an actor in quarantine', () => {
  it('is listed with the state of the cluster while its node says so, whoever leads', () => {
    const { scene } = cluster(1);
    scene.resolves('a');
    const { node: incarnation, epoch } = scene.actor('a');
    const say = () => {
      const actors = [{ actor: cart('a'), epoch, failure }];
      scene.hear({ kind: 'quarantined', incarnation, actors });
    };
    expect(findings(scene)).toEqual([]);
    say();
    expect(findings(scene)).toEqual([
      `actor "${cart('a')}" is in quarantine on ${incarnation}: two records claim turn 3`,
    ]);
    scene.failOver();
    expect(findings(scene)).toEqual([]);
    say();
    expect(findings(scene)).toHaveLength(1);
    scene.pass(10_000);
    expect(findings(scene)).toEqual([]);
  });

  it('is not believed of one that lives elsewhere by now', () => {
    const { scene } = cluster(1);
    scene.resolves('a');
    const { node: incarnation, epoch } = scene.actor('a');
    const actors = [{ actor: cart('a'), epoch: epoch - 1, failure }];
    scene.hear({ kind: 'quarantined', incarnation, actors });
    expect(findings(scene)).toEqual([]);
  });
});
