/** A sight that is noted when nothing of it happened makes a batch look where it did not. */
import { actorId, bundleHash, incarnation, sessionId, taskId, tenantName } from '@troupe/model';
import { schedulerConfig } from '@troupe/virtual';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Checker } from '../src/checkers/checker.ts';
import { sights } from '../src/checkers/sights.ts';
import { Truth } from '../src/checkers/truth.ts';
import { Coverage } from '../src/world/coverage.ts';

const timings = { heartbeatMs: 500, nodeSilenceMs: 1_500, probeMs: 300, resendMs: 300 };
const to = actorId('default', 'Agent', 'k1');
const task = taskId('t');
const node = incarnation('node-1.aaaaaaaa');

let coverage: Coverage;
let truth: Truth;
let looks: Checker;
beforeEach(() => {
  coverage = new Coverage();
  truth = new Truth(schedulerConfig({ cell: 'sim', timings: timings as never }), () => 0);
  looks = sights(truth, coverage);
});
const reached = () => [...coverage.counts.keys()];
const say = (message: object) => looks.sent?.('node-1', 'somebody', message);

describe('what a batch says it has reached', () => {
  it('is a letter sent again when the same letter is, and not when it is the next one', () => {
    const letter = { kind: 'letter', from: actorId('default', 'Agent', 'k0'), to };
    say({ ...letter, number: 1 });
    say({ ...letter, number: 2 });
    expect(reached()).toEqual([]);
    say({ ...letter, number: 2 });
    expect(reached()).toEqual(['a letter is resent']);
  });

  it('is an answer from the record when the same call is answered a second time', () => {
    const outcome = { ok: true, value: new Uint8Array() };
    const result = { kind: 'call-result', actor: to, session: sessionId('c'), outcome };
    say({ ...result, number: 1 });
    say({ ...result, number: 2 });
    expect(reached()).toEqual([]);
    say({ ...result, number: 1 });
    expect(reached()).toEqual(['a call is answered from the record']);
  });

  it.each([
    ['DEADLOCK', 'a cycle of calls is refused'],
    ['DEADLINE_EXCEEDED', 'a call past its deadline is refused'],
    ['RESOURCE_EXHAUSTED', 'a mailbox is full'],
    ['SESSION_FORGOTTEN', 'a call of a forgotten session is refused'],
  ])('is by its code what a call was refused for: %s', (code, state) => {
    const outcome = { ok: false, failure: { code, message: '', details: {} } };
    say({ kind: 'call-result', actor: to, session: sessionId('c'), number: 1, outcome });
    expect(reached()).toEqual([state]);
  });

  it('is the result of an old attempt only while a later attempt goes on', () => {
    const submitted = {
      kind: 'task-submitted',
      task,
      tenant: tenantName('default'),
      name: 'work',
      bundle: bundleHash('a'.repeat(64)),
      input: new Uint8Array(),
      resources: {},
      priority: 'normal',
      retries: 1,
      backoffMs: [],
      limitMs: 1_000,
      at: 0,
      ledMs: 0,
    } as const;
    truth.tasks.set(task, { ...submitted, run: undefined, attempt: 2, node, ended: undefined });
    say({ kind: 'task-result', task, attempt: 2 });
    expect(reached()).toEqual([]);
    say({ kind: 'task-result', task, attempt: 1 });
    expect(reached()).toEqual(['a result of an old attempt is refused']);
  });

  it('is a run that goes on after a takeover only when a term began within it', () => {
    const opened = { kind: 'term-opened' } as never;
    const started = (run: string) => ({ kind: 'run-started', run }) as never;
    const block = (run: string) =>
      ({ kind: 'task-submitted', task, tenant: 'default', run: { run, block: 'b0' } }) as never;
    const fact = (one: never) => looks.journalFact?.(one, 1, undefined as never);
    fact(opened);
    fact(started('r'));
    fact(block('r'));
    expect(reached()).toEqual([]);
    fact(opened);
    fact(block('r'));
    expect(reached()).toEqual(['a run goes on after a takeover']);
  });
});
