/** What is noted of runs, as of `sights.test.ts`: only what happened. */
import { encodeValue, runId, taskId, tenantName, type Workflow } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { schedulerConfig } from '@troupe/virtual';
import { beforeEach, describe, expect, it } from 'vitest';
import { runSights } from '../src/checkers/run-sights.ts';
import { Truth } from '../src/checkers/truth.ts';
import { bundles, Manifests } from '../src/plan/bundles.ts';
import { Coverage } from '../src/world/coverage.ts';

const timings = { heartbeatMs: 500, nodeSilenceMs: 1_500, probeMs: 300, resendMs: 300 };
const run = runId('r');
const nested: Workflow = {
  name: 'nested',
  blocks: [
    { kind: 'loop', id: 'outer', after: [], rounds: { count: 2 } },
    { kind: 'loop', id: 'inner', in: 'outer', after: [], rounds: { count: 2 } },
    { kind: 'pause', id: 'ask', in: 'inner', after: [], prompt: null, limitMs: 9_000 },
    { kind: 'pause', id: 'beside', in: 'inner', after: [], prompt: null },
    { kind: 'value', id: 'caught', after: [], value: null },
    { kind: 'pause', id: 'late', after: [], prompt: null },
    { kind: 'wait', id: 'rest', after: [], ms: 1_000 },
  ],
  edges: [{ from: 'outer', to: 'caught', port: 'error' }],
  output: null,
};

let coverage: Coverage;
let tell: (fact: object) => void;
beforeEach(() => {
  coverage = new Coverage();
  const truth = new Truth(
    schedulerConfig({ cell: 'sim', timings: timings as never }),
    () => 0,
    new Manifests([nested]),
  );
  const looks = runSights(truth, coverage);
  tell = (fact) => {
    looks.journalFact?.({ run, ...fact } as SchedulerFact, 1, undefined as never);
    truth.ledgers.apply({ run, ...fact } as SchedulerFact);
  };
  const tenant = tenantName('default');
  const [bundle] = bundles;
  const input = encodeValue(null);
  tell({ kind: 'term-opened' });
  tell({ kind: 'run-started', tenant, workflow: 'nested', bundle, input });
  tell({ kind: 'branches-expanded', block: 'outer', count: 2 });
  tell({ kind: 'branches-expanded', block: 'inner[0]', count: 2 });
  tell({ kind: 'block-paused', block: 'ask[0][0]', prompt: encodeValue(null) });
});
const reached = () => [...coverage.counts.keys()];
const answer = {
  kind: 'block-ended',
  block: 'ask[0][0]',
  outcome: { ok: true, value: encodeValue(1) },
};
const ask = { kind: 'block-paused', block: 'ask[0][1]', prompt: encodeValue(null) };

describe('what a batch says it has reached in runs', () => {
  it('is a nested loop that goes on, and a pause that is answered, after a takeover, and not before', () => {
    tell(answer);
    tell(ask);
    expect(reached()).toEqual([]);
    tell({ kind: 'term-opened' });
    tell({ ...answer, block: 'ask[0][1]' });
    expect(reached()).toEqual(['a pause is answered after a takeover']);
    tell({ kind: 'branches-expanded', block: 'inner[1]', count: 2 });
    expect(reached()).toHaveLength(1);
    tell({ ...ask, block: 'ask[1][0]' });
    expect(reached().at(-1)).toBe('a run goes on in a nested loop after a takeover');
  });

  it('is a limit that runs into an error edge further out, and what it lets go of', () => {
    const failure = { code: 'DEADLINE_EXCEEDED', message: 'nobody answered' };
    tell({ ...answer, outcome: { ok: false, failure } });
    expect(reached()).toEqual([
      'a container fails and what was in it is let go of',
      'a failure leaves by the error edge of a container further out',
      'a limit of a pause runs into an error edge',
    ]);
  });

  it('is what waits in the same round of a container that fails, and a run that stops at work', () => {
    const failed = { outcome: { ok: false, failure: { code: 'USER_ERROR', message: '' } } };
    tell({ kind: 'block-paused', block: 'late', prompt: encodeValue(null) });
    tell({ kind: 'block-paused', block: 'beside[0][0]', prompt: encodeValue(null) });
    tell({ ...answer, ...failed });
    expect(reached()).toContain('what waits in a container is let go of as it fails');
    expect(reached()).not.toContain('a first failure ends a run while others are at work');
    tell({ kind: 'block-waiting', block: 'rest' });
    tell({ ...answer, block: 'rest', ...failed });
    expect(reached()).toContain('a first failure ends a run while others are at work');
  });

  it('is a run that was moved, or started again, and goes on after a takeover', () => {
    tell({ kind: 'run-moved', bundle: bundles[1] });
    tell(answer);
    tell(ask);
    tell({ kind: 'term-opened' });
    expect(reached()).toEqual(['a run moves to another version']);
    tell({ ...answer, block: 'ask[0][1]' });
    tell({ kind: 'branches-expanded', block: 'inner[1]', count: 2 });
    expect(reached()).toContain('a run that was moved goes on after a takeover');
    const again = { run: runId('again'), workflow: 'nested', bundle: bundles[0] };
    const from = { run, block: 'outer' };
    tell({ kind: 'run-started', ...again, input: encodeValue(null), from });
    tell({ kind: 'branches-expanded', run: again.run, block: 'outer', count: 2 });
    expect(reached()).not.toContain('a run that was started again goes on after a takeover');
    tell({ kind: 'term-opened' });
    tell({ kind: 'branches-expanded', run: again.run, block: 'inner[0]', count: 2 });
    expect(reached()).toContain('a run that was started again goes on after a takeover');
  });

  it('is a run that is moved, started again and out of time', () => {
    tell({
      kind: 'run-started',
      run: runId('again'),
      workflow: 'nested',
      bundle: bundles[0],
      input: encodeValue(null),
      from: { run, block: 'outer' },
    });
    tell({ kind: 'run-moved', bundle: bundles[1] });
    tell({ kind: 'task-ended', task: taskId('t'), outcome: { ok: true, value: encodeValue(1) } });
    tell({
      kind: 'run-ended',
      state: 'failed',
      outcome: { ok: false, failure: { code: 'TIME_LIMIT', message: '' } },
    });
    expect(reached()).toEqual([
      'a run starts again from a block',
      'a run moves to another version',
      'a run is out of time',
    ]);
  });
});
