import { bundleHash, failure, incarnation, type Outcome, taskId, tenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { schedulerConfig } from '@troupe/virtual';
import { describe, expect, it } from 'vitest';
import { fairShares } from '../src/checkers/fair-shares.ts';
import { Truth } from '../src/checkers/truth.ts';

const weights = { large: 3, small: 1 };
type Name = keyof typeof weights;

const timings = { heartbeatMs: 500, nodeSilenceMs: 1_500, probeMs: 300, resendMs: 300 };
const tookMs = 200;
const node = incarnation('node-1.aaaaaaaa');
/** What its node says of an attempt whose runner has crashed. */
const crash = failure('OUTCOME_UNKNOWN', 'its runner crashed');
const crashMs = 6_000;

/**
 * What the checker says when both tenants wait all the time and `pick` chooses whom to serve. The attempt
 * number `crashed` ends late, with its runner.
 */
function servedBy(
  pick: (served: { [name in Name]: number }) => Name,
  crashed?: number,
): string | undefined {
  const truth = new Truth(schedulerConfig({ cell: 'sim', timings: timings as never }), () => 0);
  let said: string | undefined;
  const checker = fairShares(truth, (text) => {
    said ??= text;
  });
  const fact = (one: SchedulerFact): void => checker.journalFact?.(one, 1, undefined as never);
  for (const [tenant, weight] of Object.entries(weights)) {
    fact({ kind: 'tenant-put', tenant: tenantName(tenant), weight });
    for (let number = 0; number < 60; number++) submit(fact, tenant as Name, number);
  }
  const served = { large: 0, small: 0 };
  const next = { large: 0, small: 0 };
  for (let turn = 0; turn < 48; turn++) {
    const tenant = pick(served);
    const task = taskId(`${tenant}-${next[tenant]}`);
    next[tenant] += 1;
    const durationMs = turn === crashed ? crashMs : tookMs;
    served[tenant] += durationMs / weights[tenant];
    fact({ kind: 'task-started', task, attempt: 1, node });
    const outcome: Outcome =
      turn === crashed ? { ok: false, failure: crash } : { ok: true, value: new Uint8Array() };
    const result = { kind: 'task-result', incarnation: node, task, attempt: 1, outcome } as const;
    checker.sent?.(node, 'leader', { ...result, durationMs });
    const end = { task, at: 0 } as const;
    if (outcome.ok) fact({ kind: 'task-ended', ...end, outcome });
    else fact({ kind: 'task-retried', ...end, attempt: 1, reason: outcome, ledMs: 0, waitMs: 0 });
  }
  return said;
}

function submit(fact: (one: SchedulerFact) => void, tenant: Name, number: number): void {
  fact({
    kind: 'task-submitted',
    task: taskId(`${tenant}-${number}`),
    tenant: tenantName(tenant),
    name: 'work',
    bundle: bundleHash('a'.repeat(64)),
    input: new Uint8Array(),
    resources: { cpu: 1 },
    priority: 'normal',
    retries: 0,
    backoffMs: [],
    limitMs: 60_000,
    at: 0,
    ledMs: 0,
  });
}

describe('fair shares', () => {
  it('are kept when whoever was served least by weight is next', () => {
    expect(servedBy(({ large, small }) => (large <= small ? 'large' : 'small'))).toBeUndefined();
  });

  it('are kept when a tenant pays for an attempt whose runner crashed', () => {
    const least = ({ large, small }: { [name in Name]: number }) =>
      large <= small ? 'large' : 'small';
    expect(servedBy(least, 4)).toBeUndefined();
  });

  it('are not kept when tenants take turns whatever their weights', () => {
    let turn = 0;
    expect(servedBy(() => (turn++ % 2 === 0 ? 'large' : 'small'))).toContain('which both wait');
  });

  it('are not kept when one waits while another is served', () => {
    expect(servedBy(() => 'large')).toContain('ahead');
    expect(servedBy(() => 'small')).toContain('ahead');
  });
});
