import { callTask, decodeValue, encodeHolding, encodeValue, Handle, limits } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, ok, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
export const plan = task('plan', (c, input) => ({ files: [input.folder], attempt: c.attempt, id: c.taskId }));
export const draws = task('draws', (c) => c.gpus);
export const asks = task('asks', async (c, input) => (await c.actor('Counter', 'k').inc(input)) + 1);
export const sendsAhead = task('sendsAhead', async (c) => {
  const sent = c.send('Counter', 'k').inc(1);
  await c.actor('Counter', 'other').inc(2);
  return await sent.catch((refused) => refused.code);
});
export const fails = task('fails', () => { throw new SyntaxError('bad plan'); });
export const listens = task('listens', (c) => new Promise((_, reject) => c.signal.addEventListener('abort', () => reject(new Error('stopping')))));
export const forever = task('forever', () => new Promise(() => undefined));
export const burns = task('burns', () => {
  const from = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(from);
    if (user + system > 50_000) return;
  }
});
export const rests = task('rests', () => new Promise((done) => setTimeout(done, 60)));
export const holds = task('holds', async () => { const held = Buffer.alloc(160 * 1024 * 1024, 1); await new Promise((done) => setTimeout(done, 20)); return held.length; });
export const makes = task('makes', (c, bytes) => new Uint8Array(bytes));
export const echoes = task('echoes', (c, input) => ({ keys: Object.keys(input), sum: input.whole.list.length, same: input.whole === input.again, part: input.part, none: input.none }));
export const uncarried = task('uncarried', () => ({ f: () => 1 }));
`;

let runner: RunnerProcess;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
});
afterAll(() => runner.stop());

const run = (name: string, input: unknown) => runner.taskDone(runner.task(name, input));

describe('a task', () => {
  test('gives its output, or what it threw', async () => {
    const planned = replyOf((await run('plan', { folder: 'x' })).outcome);
    expect(planned).toEqual({ files: ['x'], attempt: 1, id: 't1' });
    const bad = failureText((await run('fails', null)).outcome);
    expect(bad).toMatch(/^USER_ERROR: SyntaxError: bad plan/);
    const uncarried = failureText((await run('uncarried', null)).outcome);
    expect(uncarried).toMatch(/^UNCARRIABLE: output\.f is a function/);
    expect(failureText((await run('nobody', null)).outcome)).toMatch(/^UNKNOWN_TASK/);
  });

  test('may give an output of 16 MiB, and is refused a larger one by its size', async () => {
    const bytes = limits.objectBytesMax - 100;
    const made = replyOf((await run('makes', bytes)).outcome);
    expect(made instanceof Uint8Array && made.length).toBe(bytes);
    const refused = failureText((await run('makes', limits.objectBytesMax)).outcome);
    expect(refused).toMatch(/^TOO_LARGE: output has \d+ bytes, 16777216 are allowed/);
  });

  test('finds whole values and parts of them where handles stood', async () => {
    const body = encodeValue({ list: [1, 2, { deep: 'x' }] });
    const whole = new Handle({ object: 7, hash: 'ab'.repeat(32), bytes: body.length });
    const taken = (parts: object, objects = [{ object: 7, body }]) =>
      runner.taskDone(runner.taskWith('echoes', encodeHolding(parts, 'input').bytes, objects));
    const part = whole.at(['list', -1, 'deep'], false, 'blocks.a');
    const none = whole.at(['nothing', 3], true, 'blocks.a');
    const { outcome } = await taken({ whole, again: whole, part, none });
    const keys = ['whole', 'again', 'part', 'none'];
    expect(replyOf(outcome)).toEqual({ keys, sum: 3, same: false, part: 'x', none: null });
    const nowhere = await taken({ whole, part: whole.at(['list', 9], false, 'blocks.a') });
    expect(failureText(nowhere.outcome)).toMatch(
      /^WORKFLOW_INVALID: "blocks\.a\.list\.9" is not there/,
    );
    expect(failureText((await taken({ whole }, [])).outcome)).toMatch(/^INVALID_ARGUMENT/);
  });

  test('is told which GPUs of its node it has', async () => {
    const drawn = await runner.taskDone(runner.task('draws', null, 10_000, [1, 3]));
    expect(replyOf(drawn.outcome)).toEqual([1, 3]);
    expect(replyOf((await run('draws', null)).outcome)).toEqual([]);
  });

  test('lives on when a letter is refused that it does not await yet', async () => {
    const work = runner.task('sendsAhead', null);
    const sent = await runner.next('call-out');
    const called = await runner.next('call-out');
    const failure = { code: 'RESOURCE_EXHAUSTED', message: 'full' } as const;
    const refused = { ok: false, failure } as const;
    runner.send({ kind: 'call-returned', work, ordinal: sent.ordinal, outcome: refused });
    // Whoever is asked after that is answered by the same process.
    expect(replyOf((await run('plan', { folder: 'x' })).outcome)).toMatchObject({ files: ['x'] });
    runner.send({ kind: 'call-returned', work, ordinal: called.ordinal, outcome: ok(3) });
    expect(replyOf((await runner.taskDone(work)).outcome)).toBe('RESOURCE_EXHAUSTED');
  });

  test('calls actors and awaits them', async () => {
    const work = runner.task('asks', 4);
    const out = await runner.next('call-out');
    expect([out.type, out.key, out.method, decodeValue(out.args)]).toEqual([
      'Counter',
      'k',
      'inc',
      [4],
    ]);
    runner.send({ kind: 'call-returned', work, ordinal: out.ordinal, outcome: ok(10) });
    expect(replyOf((await runner.taskDone(work)).outcome)).toBe(11);
  });

  test('hears that it is cancelled, and ends at its limit when it does not listen', async () => {
    const listening = runner.task('listens', null);
    runner.send({ kind: 'cancel', work: listening });
    expect(failureText((await runner.taskDone(listening)).outcome)).toMatch(/^CANCELLED: task/);
    const late = await runner.taskDone(runner.task('forever', null, 20));
    expect(failureText(late.outcome)).toMatch(/^TIME_LIMIT: task forever \(t1, attempt 1\)/);
  });

  test('may have a limit of months', async () => {
    const done = await runner.taskDone(runner.task('rests', null, 90 * 24 * 3_600_000));
    expect(done.outcome.ok).toBe(true);
  });
});

describe('what an attempt used', () => {
  const rest = () => new Promise((done) => setTimeout(done, 20));
  const measured = async (name: string) => {
    // Attempts that follow at once are passed over.
    await rest();
    const at = performance.now();
    const { used, outcome } = await run(name, null);
    expect(outcome.ok).toBe(true);
    const waitedMs = performance.now() - at;
    return { cpu: used?.['cpu'] ?? -1, memory: used?.['memory'] ?? -1, waitedMs };
  };

  test('is its cpu time by the time that it took', async () => {
    // It ends when it has used 50 ms of cpu, and took no longer than was waited for it.
    const burnt = await measured('burns');
    expect(burnt.cpu).toBeGreaterThanOrEqual(50 / burnt.waitedMs - 0.001);
    expect((await measured('rests')).cpu).toBeGreaterThanOrEqual(0);
  });

  // Elsewhere the system does not tell it.
  test.runIf(process.platform === 'linux')('is the peak of memory while it ran', async () => {
    const before = (await measured('rests')).memory;
    expect(before).toBeGreaterThan(0);
    expect((await measured('holds')).memory).toBeGreaterThan(Math.max(160, before));
  });

  test('is not told of an attempt beside which something else went on', async () => {
    await rest();
    const first = runner.task('rests', null);
    const second = runner.task('rests', null);
    expect((await runner.taskDone(first)).used).toBeUndefined();
    expect((await runner.taskDone(second)).used).toBeUndefined();
    expect((await measured('rests')).cpu).toBeGreaterThanOrEqual(0);
  });

  test('is not told of each of many short ones', async () => {
    const told = [];
    for (let i = 0; i < 20; i++) told.push((await run('plan', { folder: 'x' })).used !== undefined);
    expect(told).toContain(false);
  });
});

describe('the built-in task behind a call block', () => {
  test('calls the actor it is told, and comes to its reply', async () => {
    const input = { type: 'Librarian', key: 'team', method: 'learn', args: [['a']] };
    const work = runner.task(callTask, input);
    const out = await runner.next('call-out');
    expect(out.name).toBe('Librarian/team.learn');
    expect(decodeValue(out.args)).toEqual([['a']]);
    runner.send({ kind: 'call-returned', work, ordinal: out.ordinal, outcome: ok('learnt') });
    expect(replyOf((await runner.taskDone(work)).outcome)).toBe('learnt');
  });

  test('refuses what names no actor', async () => {
    const keyless = await run(callTask, { type: 'Librarian', key: 7, method: 'learn', args: [] });
    expect(failureText(keyless.outcome)).toMatch(/^INVALID_ARGUMENT/);
  });
});
