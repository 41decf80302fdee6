import { describe, expect, it } from 'vitest';
import { plannedRounds } from '../src/chaos/plan.ts';

const kinds = ['kill-node', 'freeze-node', 'kill-etcd', 'drain-node', 'crash-runner'];

function rounds(seed: string, count: number) {
  const planned = plannedRounds(seed, kinds, (kind) =>
    kind === 'freeze-node' ? [1_500, 9_000] : [0, 0],
  );
  return Array.from({ length: count }, () => planned.next().value ?? []);
}

describe('a schedule of faults', () => {
  it('C2: is the same for the same seed, and another for another', () => {
    expect(rounds('7', 50)).toEqual(rounds('7', 50));
    expect(rounds('7', 50)).not.toEqual(rounds('8', 50));
  });

  it('C1: brings no kind again before all have come', () => {
    const dealt = rounds('7', 50)
      .flat()
      .map(({ kind }) => kind);
    for (let at = 0; at + kinds.length <= dealt.length; at += kinds.length) {
      expect(dealt.slice(at, at + kinds.length).toSorted()).toEqual(kinds.toSorted());
    }
  });

  it('has faults alone and together, each for as long as its kind may last', () => {
    const sizes = new Set(rounds('7', 50).map((round) => round.length));
    expect([...sizes].toSorted()).toEqual([1, 2, 3]);
    for (const { kind, lastsMs } of rounds('7', 50).flat()) {
      const [least, most] = kind === 'freeze-node' ? [1_500, 9_000] : [0, 0];
      expect(lastsMs).toBeGreaterThanOrEqual(least);
      expect(lastsMs).toBeLessThanOrEqual(most);
    }
  });
});
