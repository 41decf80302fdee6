/** Who is served when: only calm counts. */
import { expect, it } from 'vitest';
import { fairShares } from '../src/checkers/fair-shares.ts';
import { historyOf, type Line, type Operation } from '../src/history/history.ts';

/** So many tasks of a tenant, ended one after the other from a moment on. */
function served(tenant: 'heavy' | 'light', count: number, from: number, everyMs: number): Line[] {
  return Array.from({ length: count }, (_, index): Operation => {
    const until = from + index * everyMs;
    return {
      kind: 'operation',
      workload: 'shares',
      client: 'c',
      key: tenant,
      id: `${tenant}${until}`,
      action: 'spend',
      from: until - 10,
      until,
      outcome: 'ok',
    };
  });
}

const check = (...lines: Line[][]) =>
  fairShares('shares', historyOf([...lines.flat(), { kind: 'end', at: 20_000 }]));
const fault: Line = {
  kind: 'fault',
  fault: 'kill-node',
  round: 1,
  target: 'n1',
  from: 10_000,
  until: 12_000,
  recoveredMs: 9_000,
};

it('three to one is what three to one is due', () => {
  const verdict = check(served('heavy', 300, 1_000, 30), served('light', 100, 1_000, 90));
  expect(verdict).toMatchObject({ findings: [], undecided: 0 });
});

it('equal shares are wrong where the weights are three to one', () => {
  const verdict = check(served('heavy', 100, 1_000, 30), served('light', 100, 1_000, 30));
  expect(verdict.findings.map(({ key }) => key)).toEqual(['heavy', 'light']);
});

it('what was served while a fault went on, or was being recovered from, does not count', () => {
  const fair = [served('heavy', 150, 1_000, 30), served('light', 50, 1_000, 90)];
  const unfair = served('light', 200, 10_100, 40);
  expect(check(...fair, unfair).findings).not.toEqual([]);
  expect(check(...fair, unfair, [fault])).toMatchObject({ findings: [], undecided: 0 });
});

it('a run without calm decides nothing', () => {
  expect(check(served('heavy', 9, 1_000, 30))).toMatchObject({ findings: [], undecided: 1 });
});
