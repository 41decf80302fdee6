import { type ActorId, decodeValue, encodeValue, type Recorded } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, ok, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
let tries = 0;
export const Agent = actor('Agent', {
  state: () => ({ pages: [] }),
  methods: {
    async fetch(c, url) {
      const page = await c.step('fetch', ({ effectId }) => { c.state.ran = true; return { url, effectId }; });
      const length = await c.step('measure', () => JSON.stringify(page).length);
      c.state.pages.push(page.url);
      return { page, length };
    },
    async other(c) { return c.step('another', () => 1); },
    async swallows(c) { try { await c.step('another', () => 1); } catch {} return 'fine'; },
    async both(c) { return Promise.all([c.step('a', () => 'A'), c.step('b', () => 'B')]); },
    async flaky(c, failures) {
      tries = 0;
      return c.step('flaky', () => { if (tries++ < failures) throw new Error('try ' + tries); return tries; }, { retries: 2, backoffMs: 1 });
    },
    async caught(c) { try { await c.step('bad', () => { throw Object.assign(new Error('no'), { code: 'E1' }); }); } catch (error) { return [error.code, error.message, error.details.code]; } },
    async hangs(c) { return c.step('hangs', () => new Promise(() => undefined), { limitMs: 20 }); },
    async silent(c) {
      tries = 0;
      return c.step('silent', async ({ beat, signal }) => {
        tries += 1;
        for (let n = 0; n < 5; n++) { beat(); await new Promise((resolve) => setTimeout(resolve, 30)); }
        if (tries === 1) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        return tries;
      }, { beatMs: 120, retries: 1, backoffMs: 1 });
    },
    async dead(c) { return c.step('dead', () => new Promise(() => undefined), { beatMs: 20 }); },
    async uncarried(c) { return c.step('uncarried', () => [new Set()]); },
    async leaves(c) { c.step('left', () => 1); return 'gone'; },
    async calls(c, text) { const reply = await c.actor('Other', 'k').note(text); c.state.pages.push(reply); return reply; },
    async callsTyped(c) { return c.actor(Agent, 'x', { deadlineMs: 5 }).fetch('u'); },
    async callsTooLong(c) { return c.actor(Agent, 'x', { deadlineMs: 600_001 }).fetch('u'); },
    async callsCaught(c) { try { await c.actor('Other', 'k').note(1); } catch (error) { return error.code; } },
    async lateAwait(c) { const call = c.actor('Other', 'k').note(1); await c.step('between', () => 1); try { await call; } catch (error) { return error.code; } },
    async waits(c) { return c.actor('Other', 'k').note(1); },
    async stepWaits(c) { return c.step('waits', ({ signal }) => new Promise((_, reject) => { c.log('waiting'); signal.addEventListener('abort', () => reject(signal.reason)); })); },
  },
});
`;

let runner: RunnerProcess;
let agent: ActorId;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
  agent = await runner.activate('Agent', 'a');
});
afterAll(() => runner.stop());

/** Lets every step of a turn begin, and gives back what was recorded of them. */
async function letSteps(work: number, count: number): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (let i = 0; i < count; i++) {
    const { ordinal, name } = await runner.next('step-begin', (frame) => frame.work === work);
    runner.send({ kind: 'step-go', work, ordinal });
    const done = await runner.next('step-done', (frame) => frame.work === work);
    expect(done).toMatchObject({ ordinal, name });
    recorded.push({ kind: 'step', ordinal, name, outcome: done.outcome });
  }
  return recorded;
}

describe('a step', () => {
  test('begins only when the node says so, and its result is given to be recorded', async () => {
    const work = runner.turn(agent, 'fetch', ['u'], { callId: 's/9' });
    const begin = await runner.next('step-begin');
    expect(begin).toMatchObject({ work, ordinal: 0, name: 'fetch' });
    await runner.run(agent, 'current', [], { read: true });
    expect(runner.unread).toEqual([]);
    runner.send({ kind: 'step-go', work, ordinal: 0 });
    const { outcome } = await runner.next('step-done');
    expect(replyOf(outcome)).toEqual({ url: 'u', effectId: 's/9/0' });
    await letSteps(work, 1);
    const reply = replyOf((await runner.done(work)).outcome);
    expect(reply).toEqual({ page: { url: 'u', effectId: 's/9/0' }, length: 30 });
  });

  test('that is recorded is not run again: the turn ends with the same delta', async () => {
    await runner.activate('Agent', 'twin');
    const live = runner.turn(agent, 'fetch', ['twice'], { callId: 's/10' });
    const recorded = await letSteps(live, 2);
    const first = await runner.done(live);
    const twin = await runner.activate('Agent', 'twin', encodeValue({ pages: ['u'], ran: true }));
    const again = await runner.run(twin, 'fetch', ['twice'], { callId: 's/10', recorded });
    expect(again.outcome).toEqual(first.outcome);
    expect(again.delta).toEqual(first.delta);
  });

  test('that is half recorded goes on where the record ends', async () => {
    const recorded: Recorded[] = [
      { kind: 'step', ordinal: 0, name: 'fetch', outcome: ok({ url: 'old', effectId: 'e' }) },
    ];
    const work = runner.turn(agent, 'fetch', ['new'], { recorded });
    const begin = await runner.next('step-begin');
    expect(begin).toMatchObject({ ordinal: 1, name: 'measure' });
    runner.send({ kind: 'step-go', work, ordinal: 1 });
    const { page } = replyOf((await runner.done(work)).outcome) as { page: { url: string } };
    expect(page.url).toBe('old');
    await runner.next('step-done');
  });

  test('that does not match its record fails the turn, even when the error is swallowed', async () => {
    const recorded: Recorded[] = [{ kind: 'step', ordinal: 0, name: 'fetch', outcome: ok(1) }];
    const other = failureText((await runner.run(agent, 'other', [], { recorded })).outcome);
    expect(other).toMatch(/^STEP_MISMATCH: step another stands where step fetch was recorded/);
    const swallowed = failureText((await runner.run(agent, 'swallows', [], { recorded })).outcome);
    expect(swallowed).toMatch(/^STEP_MISMATCH/);
  });

  test('that the first run took and the second did not fails the turn', async () => {
    const recorded: Recorded[] = [
      { kind: 'step', ordinal: 0, name: 'another', outcome: ok(1) },
      { kind: 'step', ordinal: 1, name: 'more', outcome: ok(1) },
    ];
    const less = failureText((await runner.run(agent, 'other', [], { recorded })).outcome);
    expect(less).toMatch(/^STEP_MISMATCH: .* ended without step more, which its first run had/);
  });

  test('that stops beating is given up before its limit and tried again, one that beats is not', async () => {
    const work = runner.turn(agent, 'silent', []);
    await letSteps(work, 1);
    expect(replyOf((await runner.done(work)).outcome)).toBe(2);
    const dead = runner.turn(agent, 'dead', []);
    await letSteps(dead, 1);
    expect(failureText((await runner.done(dead)).outcome)).toMatch(
      /^TIME_LIMIT: step dead gave no sign of life within its beat of 20 ms/,
    );
  });

  test('may run beside another: ordinals follow the order of the asking', async () => {
    const work = runner.turn(agent, 'both', []);
    const begins = [await runner.next('step-begin'), await runner.next('step-begin')];
    expect(begins.map(({ ordinal, name }) => [ordinal, name])).toEqual([
      [0, 'a'],
      [1, 'b'],
    ]);
    for (const ordinal of [1, 0]) {
      runner.send({ kind: 'step-go', work, ordinal });
      expect((await runner.next('step-done')).ordinal).toBe(ordinal);
    }
    expect(replyOf((await runner.done(work)).outcome)).toEqual(['A', 'B']);
  });

  test('is tried again as often as it says, within one record', async () => {
    const saved = runner.turn(agent, 'flaky', [2]);
    expect(replyOf((await letSteps(saved, 1))[0]?.outcome ?? ok('none'))).toBe(3);
    expect(replyOf((await runner.done(saved)).outcome)).toBe(3);
    const lost = runner.turn(agent, 'flaky', [3]);
    await letSteps(lost, 1);
    expect(failureText((await runner.done(lost)).outcome)).toMatch(/^USER_ERROR: Error: try 3/);
  });

  test('that fails for good throws the same error live and replayed', async () => {
    const work = runner.turn(agent, 'caught', []);
    const recorded = await letSteps(work, 1);
    const live = replyOf((await runner.done(work)).outcome);
    expect(live).toEqual(['USER_ERROR', expect.stringContaining('Error: no'), 'E1']);
    const again = await runner.run(agent, 'caught', [], { recorded });
    expect(replyOf(again.outcome)).toEqual(live);
  });

  test('ends at its own limit, and is refused when its result cannot be carried', async () => {
    const hanging = runner.turn(agent, 'hangs', []);
    await letSteps(hanging, 1);
    const late = failureText((await runner.done(hanging)).outcome);
    expect(late).toMatch(/^TIME_LIMIT: step hangs ran longer than its limit of 20 ms/);
    const uncarried = runner.turn(agent, 'uncarried', []);
    await letSteps(uncarried, 1);
    const refused = failureText((await runner.done(uncarried)).outcome);
    expect(refused).toMatch(/^UNCARRIABLE: result of step uncarried\[0\] is an instance of Set/);
  });

  test('may not be left behind by its turn', async () => {
    const work = runner.turn(agent, 'leaves', []);
    const left = failureText((await runner.done(work)).outcome);
    expect(left).toMatch(/^USER_ERROR: turn Agent\/a\.leaves ended without awaiting step left/);
    await runner.next('step-begin');
  });

  test('hears when its turn is cancelled', async () => {
    const work = runner.turn(agent, 'stepWaits', []);
    const { ordinal } = await runner.next('step-begin');
    runner.send({ kind: 'step-go', work, ordinal });
    await runner.next('log');
    runner.send({ kind: 'cancel', work });
    expect(failureText((await runner.next('step-done')).outcome)).toMatch(/^CANCELLED/);
    expect(failureText((await runner.done(work)).outcome)).toMatch(/^CANCELLED: turn Agent/);
  });
});

describe('a call from a turn', () => {
  test('goes out with its arguments and comes back with the reply', async () => {
    const work = runner.turn(agent, 'calls', ['hello']);
    const out = await runner.next('call-out');
    expect(out).toMatchObject({ ordinal: 0, name: 'Other/k.note', deadlineMs: 30_000 });
    expect(out).toMatchObject({ type: 'Other', key: 'k', method: 'note' });
    expect(decodeValue(out.args)).toEqual(['hello']);
    runner.send({ kind: 'call-returned', work, ordinal: 0, outcome: ok('heard') });
    expect(replyOf((await runner.done(work)).outcome)).toBe('heard');
  });

  test('that is recorded with its outcome is not made again; one without is asked again', async () => {
    const done: Recorded[] = [
      { kind: 'call', ordinal: 0, name: 'Other/k.note', outcome: ok('recorded') },
    ];
    const replayed = await runner.run(agent, 'calls', ['x'], { recorded: done });
    expect(replyOf(replayed.outcome)).toBe('recorded');
    const open: Recorded[] = [{ kind: 'call', ordinal: 0, name: 'Other/k.note' }];
    const work = runner.turn(agent, 'calls', ['x'], { recorded: open });
    expect((await runner.next('call-out')).ordinal).toBe(0);
    runner.send({ kind: 'call-returned', work, ordinal: 0, outcome: ok('now') });
    expect(replyOf((await runner.done(work)).outcome)).toBe('now');
  });

  test('takes its own deadline, within bounds', async () => {
    const work = runner.turn(agent, 'callsTyped', []);
    expect(await runner.next('call-out')).toMatchObject({ type: 'Agent', key: 'x', deadlineMs: 5 });
    runner.send({ kind: 'call-returned', work, ordinal: 0, outcome: ok(null) });
    await runner.done(work);
    const tooLong = failureText((await runner.run(agent, 'callsTooLong')).outcome);
    expect(tooLong).toMatch(/^INVALID_ARGUMENT: deadlineMs is 600001/);
  });

  test('throws the failure of the called one, also when it is awaited later', async () => {
    const bad = { code: 'DEADLOCK', message: 'a cycle' } as const;
    for (const method of ['callsCaught', 'lateAwait']) {
      const work = runner.turn(agent, method, []);
      await runner.next('call-out');
      runner.send({
        kind: 'call-returned',
        work,
        ordinal: 0,
        outcome: { ok: false, failure: bad },
      });
      if (method === 'lateAwait') await letSteps(work, 1);
      expect(replyOf((await runner.done(work)).outcome)).toBe('DEADLOCK');
    }
  });

  test('ends when the turn is cancelled', async () => {
    const work = runner.turn(agent, 'waits', []);
    await runner.next('call-out');
    runner.send({ kind: 'cancel', work });
    expect(failureText((await runner.done(work)).outcome)).toMatch(/^CANCELLED/);
  });
});
