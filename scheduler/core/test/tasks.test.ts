import { encodeValue, limits, taskId, unlimitedRetries } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cluster, codeOf, failed, ok, outcomeOf, Scene, task, workflow } from './scene.ts';

describe('submitting', () => {
  it('runs a task on a node and answers its outcome', () => {
    const { scene } = cluster(1);
    const number = scene.submits('t1');
    expect(scene.answer(number)).toBeUndefined();
    scene.finishes('t1', ok(42));
    expect(outcomeOf(scene.answer(number))).toEqual(ok(42));
    const { node } = scene.started('t1')[0] ?? {};
    expect(node && scene.to(node, 'task-result-seen')).toHaveLength(1);
  });

  it('runs a task once however often it is submitted, and answers all who asked', () => {
    const { scene } = cluster(1);
    const numbers = [scene.submits('t1'), scene.submits('t1')];
    expect(scene.started('t1')).toHaveLength(1);
    scene.finishes('t1');
    numbers.push(scene.submits('t1'));
    expect(numbers.map((number) => codeOf(outcomeOf(scene.answer(number))))).toEqual([
      'ok',
      'ok',
      'ok',
    ]);
    expect(scene.decided('task-submitted')).toHaveLength(1);
  });

  it('refuses what it does not know or cannot hold, and changes nothing', () => {
    const { scene } = cluster(1);
    const before = scene.facts.length;
    const codes = [
      scene.submits('t1', { tenant: 'nobody' as never }),
      scene.submits('t2', { name: 'unknown' }),
      scene.submits('t3', { name: '$call' }),
      scene.submits('run:x:y'),
      scene.submits('t4', { resources: { cpu: -1 } }),
      scene.submits('t5', { input: new Uint8Array(600_000) }),
      scene.submits('t6', { retries: 0.5 }),
    ].map((number) => scene.code(scene.answer(number)));
    expect(codes).toEqual([
      'UNKNOWN_TENANT',
      'UNKNOWN_TASK',
      'UNKNOWN_TASK',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
      'TOO_LARGE',
      'INVALID_ARGUMENT',
    ]);
    expect(scene.facts).toHaveLength(before);
  });

  it('refuses the id of another task', () => {
    const { scene } = cluster(1);
    scene.deploys({ tasks: [task('work'), task('other')] }, 'b2');
    scene.submits('t1');
    const number = scene.submits('t1', { name: 'other' });
    expect(scene.code(scene.answer(number))).toBe('ALREADY_EXISTS');
  });

  it('tells the node of an attempt whether another one may follow', () => {
    const scene = new Scene();
    scene.deploys({ tasks: [task('work', { retries: 1, backoffMs: [0] })] });
    scene.joins('n1.aaaaaaaa');
    const told = () =>
      scene.to('n1.aaaaaaaa', 'task-result-seen').flatMap(({ results }) => results);
    scene.submits('t1');
    scene.finishes('t1', failed('TIME_LIMIT'));
    scene.finishes('t1', failed('TIME_LIMIT'));
    scene.submits('t2');
    scene.asks({ kind: 'cancel-task-request', task: taskId('t2') });
    scene.finishes('t2', failed('CANCELLED'));
    expect(told()).toEqual([
      { task: 't1', attempt: 1 },
      { task: 't1', attempt: 2, ended: true },
      { task: 't2', attempt: 1, ended: true },
    ]);
  });

  it('refuses the id of a task that waits, runs or has ended with another input', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    const other = { input: encodeValue({ id: 'another' }) };
    const refused = () => scene.answer(scene.submits('t1', other));
    const running = refused();
    scene.finishes('t1');
    for (const answer of [running, refused()]) {
      expect(scene.code(answer)).toBe('ALREADY_EXISTS');
      expect(answer).toMatchObject({ failure: { details: { task: 't1' } } });
    }
    scene.failOver('image');
    expect(scene.code(refused())).toBe('ALREADY_EXISTS');
    expect(codeOf(outcomeOf(scene.answer(scene.submits('t1'))))).toBe('ok');
    expect(scene.decided('task-submitted')).toHaveLength(1);
  });

  it('lets a task wait until a node has room, and never reserves more than there is', () => {
    const scene = new Scene();
    scene.deploys();
    scene.joins('n1.aaaaaaaa', { cpu: 2 });
    for (const id of ['t1', 't2', 't3']) scene.submits(id);
    expect(scene.started('t3')).toHaveLength(0);
    scene.finishes('t1');
    expect(scene.started('t3')).toHaveLength(1);
  });

  it('starts waiting tasks when the first node joins', () => {
    const scene = new Scene();
    scene.deploys();
    scene.submits('t1');
    scene.joins('n1.aaaaaaaa');
    expect(scene.started('t1')).toHaveLength(1);
  });

  it('lets small tasks pass one that fits nowhere now', () => {
    const { scene } = cluster(1);
    scene.submits('big', { resources: { gpu: 1 } });
    scene.submits('small');
    expect(scene.started('big')).toHaveLength(0);
    expect(scene.started('small')).toHaveLength(1);
    scene.joins('n9.aaaaaaaa', { cpu: 1, gpu: 1 });
    expect(scene.started('big')).toHaveLength(1);
  });

  it('shares fractions of a cpu exactly', () => {
    const scene = new Scene();
    scene.deploys();
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    for (let i = 0; i < 11; i++) scene.submits(`t${i}`, { resources: { cpu: 0.1 } });
    expect(scene.started('t9')).toHaveLength(1);
    expect(scene.started('t10')).toHaveLength(0);
    for (let i = 0; i < 10; i++) scene.finishes(`t${i}`);
    scene.finishes('t10');
    expect(scene.asks({ kind: 'status' })).toMatchObject({
      status: { nodes: [{ used: { cpu: 0 } }] },
    });
  });

  it('reserves nothing for a task that declares nothing', () => {
    const { scene } = cluster(1);
    scene.deploys({ tasks: [task('work', { resources: {} })] }, 'b2');
    for (let i = 0; i < 20; i++) scene.submits(`t${i}`);
    expect(scene.started('t19')).toHaveLength(1);
  });
});

describe('attempts', () => {
  it('resends an attempt until the node has seen it', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.pass(1_000);
    expect(scene.started('t1')).toHaveLength(2);
    const [first] = scene.started('t1');
    if (first === undefined) throw new Error('not started');
    const { node, attempt } = first;
    scene.hear({
      kind: 'task-seen',
      incarnation: node,
      attempts: [{ task: taskId('t1'), attempt }],
    });
    scene.pass(5_000);
    expect(scene.started('t1')).toHaveLength(2);
  });

  it('is not deployed with more retries than would ever end, nor its block', () => {
    const scene = new Scene();
    const work = [task('work', { retries: 1e12 })];
    expect(scene.code(scene.deploys({ tasks: work }, 'b2'))).toBe('INVALID_ARGUMENT');
    const endless = [task('work', { limitMs: Number.POSITIVE_INFINITY })];
    expect(scene.code(scene.deploys({ tasks: endless }, 'b2'))).toBe('INVALID_ARGUMENT');
    const block = {
      kind: 'task',
      id: 'a',
      after: [],
      task: 'work',
      input: 1,
      retries: 1e12,
    } as const;
    const flow = workflow('flow', [block], { $ref: ['blocks', 'a'] });
    expect(scene.code(scene.deploys({ workflows: [flow] }, 'b2'))).toBe('INVALID_ARGUMENT');
  });

  it('retries after its back-offs, the last of which repeats, and then gives up with the last error', () => {
    const { scene } = cluster(1);
    scene.deploys({ tasks: [task('work', { retries: 3, backoffMs: [1_000, 3_000] })] }, 'b2');
    const number = scene.submits('t1');
    for (const waitMs of [1_000, 3_000, 3_000]) {
      const tries = scene.decided('task-started').length;
      scene.finishes('t1', failed('USER_ERROR'));
      scene.pass(waitMs - 1);
      expect(scene.decided('task-started')).toHaveLength(tries);
      scene.pass(waitMs * 0.1 + 1);
      expect(scene.decided('task-started')).toHaveLength(tries + 1);
    }
    scene.finishes('t1', failed('USER_ERROR'));
    const outcome = outcomeOf(scene.answer(number));
    expect(codeOf(outcome)).toBe('RETRIES_EXHAUSTED');
    expect(outcome).toMatchObject({
      failure: { details: { lastCode: 'USER_ERROR', attempts: 4 } },
    });
  });

  it('is tried until it ends well when its tries are unlimited, a second apart at least', () => {
    const { scene } = cluster(1);
    const brief = { retries: unlimitedRetries, backoffMs: [10] };
    expect(scene.code(scene.deploys({ tasks: [task('work', brief)] }, 'b2'))).toBe('deployed');
    const number = scene.submits('t1');
    const tries = limits.retriesMax + 5;
    for (let n = 1; n < tries; n++) {
      scene.finishes('t1', failed('USER_ERROR'));
      if (n % 400 === 0) scene.failOver();
      scene.pass(900);
      expect(scene.started('t1').at(-1)?.attempt).toBe(n % 400 === 0 ? undefined : n);
      scene.pass(300);
      expect(scene.started('t1').at(-1)?.attempt).toBe(n + 1);
      scene.sends = scene.sends.slice(-5);
    }
    expect(scene.answer(number)).toBeUndefined();
    scene.finishes('t1', ok(tries));
    const again = scene.submits('t1');
    expect(outcomeOf(scene.answer(again))).toEqual(ok(tries));
  });

  it('without a bound of its tries still ends by what another try would not change, or is cancelled', () => {
    const { scene } = cluster(1);
    const number = scene.submits('t1', { retries: unlimitedRetries });
    scene.finishes('t1', failed('INVALID_ARGUMENT'));
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('INVALID_ARGUMENT');
    const other = scene.submits('t2', { retries: unlimitedRetries });
    scene.finishes('t2', failed('USER_ERROR'));
    scene.ask({ kind: 'cancel-task-request', task: taskId('t2') });
    expect(codeOf(outcomeOf(scene.answer(other)))).toBe('CANCELLED');
  });

  it('spreads out the retries of what failed together, by a tenth of the back-off at most', () => {
    const { scene } = cluster(1);
    scene.deploys({ tasks: [task('work', { retries: 1, backoffMs: [10_000] })] }, 'b2');
    const ids = Array.from({ length: 40 }, (_, i) => `t${i}`);
    for (const id of ids) scene.submits(id);
    for (const id of ids) scene.finishes(id, failed('USER_ERROR'));
    const waits = scene.decided('task-retried').map(({ waitMs }) => waitMs);
    expect(waits).toHaveLength(40);
    expect(new Set(waits).size).toBeGreaterThan(20);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(11_000);
  });

  it('gives the error itself when no retry was allowed', () => {
    const { scene } = cluster(1);
    const number = scene.submits('t1', { retries: 0 });
    scene.finishes('t1', failed('USER_ERROR'));
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('USER_ERROR');
  });

  it('does not retry what would fail in the same way', () => {
    for (const code of ['INVALID_ARGUMENT', 'BUNDLE_LOAD_FAILED'] as const) {
      const { scene } = cluster(1);
      const number = scene.submits('t1');
      scene.finishes('t1', failed(code));
      expect(codeOf(outcomeOf(scene.answer(number)))).toBe(code);
    }
  });

  it('refuses a result of an older attempt, and answers it so that it stops', () => {
    const { scene, nodes } = cluster(2);
    const number = scene.submits('t1');
    const [first] = scene.started('t1');
    if (first === undefined) throw new Error('not started');
    scene.dies(first.node);
    expect(scene.started('t1').at(-1)).toMatchObject({ attempt: 2 });
    const other = nodes.find((node) => node !== first.node);
    if (other === undefined) throw new Error('no other node');
    const before = scene.facts.length;
    scene.reports(other, { task: first.task, attempt: 1, outcome: ok('late'), durationMs: 1 });
    expect(scene.facts).toHaveLength(before);
    const [seen] = scene.to(other, 'task-result-seen');
    // By its term a node knows the word of a leader that was deposed.
    expect(seen).toMatchObject({ term: { generation: 1 } });
    expect(scene.answer(number)).toBeUndefined();
  });

  it('retries at once on another node when a node is lost, without back-off', () => {
    const { scene } = cluster(2);
    scene.submits('t1');
    const [first] = scene.started('t1');
    if (first === undefined) throw new Error('not started');
    scene.dies(first.node);
    const [retried] = scene.decided('task-retried');
    expect(retried).toMatchObject({ waitMs: 0, reason: { failure: { code: 'OUTCOME_UNKNOWN' } } });
    expect(scene.started('t1').at(-1)?.node).not.toBe(first.node);
  });

  it('runs a task at most once when it allows no retries, also when its node is lost', () => {
    const { scene } = cluster(2);
    const number = scene.submits('t1', { retries: 0 });
    const [first] = scene.started('t1');
    if (first === undefined) throw new Error('not started');
    scene.dies(first.node);
    expect(scene.decided('task-started')).toHaveLength(1);
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('OUTCOME_UNKNOWN');
  });

  it('ends an attempt that a node lets run beyond its limit', () => {
    const { scene } = cluster(1);
    const number = scene.submits('t1', { limitMs: 2_000, retries: 0 });
    scene.pass(6_900);
    expect(scene.answer(number)).toBeUndefined();
    scene.pass(200);
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('TIME_LIMIT');
    const { node } = scene.started('t1')[0] ?? {};
    expect(node && scene.to(node, 'cancel-task')).toHaveLength(1);
  });

  it('fails an output that is larger than a record may be', () => {
    const { scene } = cluster(1);
    const number = scene.submits('t1');
    scene.finishes('t1', { ok: true, value: new Uint8Array(600_000) });
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('TOO_LARGE');
  });
});

describe('cancelling', () => {
  it('ends a running task, frees its room and tells its node', () => {
    const scene = new Scene();
    scene.deploys();
    const node = scene.joins('n1.aaaaaaaa', { cpu: 1 });
    const number = scene.submits('t1');
    scene.submits('t2');
    expect(scene.code(scene.asks({ kind: 'cancel-task-request', task: taskId('t1') }))).toBe(
      'done',
    );
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('CANCELLED');
    expect(scene.to(node, 'cancel-task')).toHaveLength(1);
    expect(scene.started('t2')).toHaveLength(1);
  });

  it('ends a waiting task, which never starts', () => {
    const scene = new Scene();
    scene.deploys();
    const number = scene.submits('t1');
    scene.asks({ kind: 'cancel-task-request', task: taskId('t1') });
    scene.joins('n1.aaaaaaaa');
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('CANCELLED');
    expect(scene.started('t1')).toHaveLength(0);
  });

  it('ends a back-off with its task: another one of the same id waits as if it were the first', () => {
    const scene = new Scene();
    const long = task('long', { resources: { cpu: 4 }, limitMs: 36_000_000 });
    scene.deploys({ tasks: [task('work', { backoffMs: [3_600_000] }), long] });
    scene.joins('n1.aaaaaaaa');
    scene.submits('t1');
    scene.finishes('t1', failed('UNAVAILABLE'));
    scene.asks({ kind: 'cancel-task-request', task: taskId('t1') });
    expect(scene.machine.sizes()).toContainEqual({ of: 'back-offs', size: 0, most: 0 });
    scene.pass(1_200_000);
    scene.submits('busy', { name: 'long' });
    scene.submits('t1');
    scene.pass(3_600_000);
    scene.asks({ kind: 'cancel-task-request', task: taskId('busy') });
    expect(scene.started('t1')).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
  });

  it('knows no task of an id that nobody submitted', () => {
    const { scene } = cluster(1);
    expect(scene.code(scene.asks({ kind: 'cancel-task-request', task: taskId('t9') }))).toBe(
      'UNKNOWN_TASK',
    );
  });
});

describe('a new leader', () => {
  it('sends running attempts again, and takes their results', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.failOver();
    expect(scene.started('t1')).toHaveLength(1);
    const number = scene.submits('t1');
    scene.finishes('t1');
    expect(codeOf(outcomeOf(scene.answer(number)))).toBe('ok');
    expect(scene.decided('task-started')).toHaveLength(1);
  });

  it('starts what waited, and keeps to back-offs that were begun', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.finishes('t1', failed('USER_ERROR'));
    scene.failOver();
    scene.pass(900);
    expect(scene.decided('task-started')).toHaveLength(1);
    scene.pass(250);
    expect(scene.decided('task-started')).toHaveLength(2);
  });
});

it('forgets finished tasks after a while, in batches', () => {
  const { scene } = cluster(1);
  for (let i = 0; i < 5; i++) {
    scene.submits(`t${i}`);
    scene.finishes(`t${i}`);
  }
  scene.beating.clear();
  scene.pass(901_100);
  expect(scene.decided('tasks-forgotten')).toEqual([
    { kind: 'tasks-forgotten', tasks: ['t0', 't1', 't2', 't3', 't4'] },
  ]);
  expect(scene.machine.durable().tasks.ended).toHaveLength(0);
});

describe('a leader whose wall clock is wrong', () => {
  it.each([7_200_000, -7_200_000])(
    'by %i ms forgets no task too early, and starts no retry too early or late',
    (wrongMs) => {
      const { scene } = cluster(1);
      scene.submits('t1');
      scene.finishes('t1');
      scene.submits('t2');
      scene.finishes('t2', failed('USER_ERROR'));
      scene.wall += wrongMs;
      scene.failOver();
      scene.pass(900);
      expect(scene.decided('task-started')).toHaveLength(2);
      scene.pass(250);
      expect(scene.decided('task-started')).toHaveLength(3);
      scene.pass(600_000);
      scene.wall -= wrongMs;
      scene.failOver();
      scene.pass(200_000);
      expect(scene.decided('tasks-forgotten')).toEqual([]);
      scene.submits('t1');
      expect(scene.decided('task-submitted')).toHaveLength(2);
    },
  );
});

describe('tenants', () => {
  it('share the cluster by weight, whoever submits more', () => {
    const scene = new Scene();
    scene.deploys();
    for (const [name, weight] of [
      ['a', 3],
      ['b', 1],
    ] as const) {
      scene.asks({ kind: 'put-tenant', tenant: name as never, weight });
      const manifest = { sdk: '', actors: [], tasks: [task('work')], workflows: [] };
      scene.asks({
        kind: 'deploy',
        tenant: name as never,
        bundle: 'b1' as never,
        manifest,
        bytes: 1,
      });
    }
    for (let i = 0; i < 100; i++) scene.submits(`b${i}`, { tenant: 'b' as never });
    for (let i = 0; i < 100; i++) scene.submits(`a${i}`, { tenant: 'a' as never });
    scene.joins('n1.aaaaaaaa', { cpu: 1 });
    for (let i = 0; i < 80; i++) {
      const last = scene.decided('task-started').at(-1);
      if (last !== undefined) scene.finishes(last.task, ok(1), 100);
    }
    const of = (tenant: string) =>
      scene.decided('task-started').filter(({ task: id }) => id.startsWith(tenant)).length;
    expect(of('a')).toBeGreaterThanOrEqual(59);
    expect(of('a')).toBeLessThanOrEqual(62);
  });

  it('push back when too much waits', () => {
    const scene = new Scene();
    scene.deploys();
    scene.machine.checkInvariants = () => undefined;
    for (let i = 0; i < 100_000; i++) scene.submits(`t${i}`);
    const answer = scene.answer(scene.submits('one-more'));
    expect(answer).toMatchObject({
      failure: { code: 'RESOURCE_EXHAUSTED', details: { retryAfterMs: 1_000 } },
    });
  });
});
