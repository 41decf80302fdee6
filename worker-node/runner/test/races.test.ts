import { type ActorId, decodeValue, encodeValue, type Recorded } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, ok, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
const hang = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
export const Agent = actor('Agent', {
  state: () => ({ ids: [] }),
  methods: {
    async both(c) { return c.all([c.step('a', () => 'A'), c.actor('Other', 'k').note(1)]); },
    async oneBad(c) {
      try { await c.all([c.step('a', () => { throw new Error('no a'); }), c.step('b', () => 'B')]); }
      catch (error) { return error.message; }
    },
    async fastest(c) {
      const slow = c.step('slow', hang);
      const won = await c.race([slow, c.step('fast', () => 'F')]);
      const loser = await slow.catch((error) => error.code);
      return { won, loser, after: await c.step('after', ({ effectId }) => effectId) };
    },
    async calls(c) {
      return c.race([c.actor('Other', 'one').note(1), c.actor('Other', 'two').note(2)]);
    },
    async nested(c) {
      const pair = c.all([c.step('a', () => 'A'), c.step('b', hang)]);
      return c.race([pair, c.race([c.step('c', hang), c.step('d', () => 'D')])]);
    },
    async loses(c) {
      return c.race([c.step('bad', () => { throw new Error('bad'); }), c.step('slow', hang)]);
    },
    async stranger(c) { return c.race([c.step('a', () => 'A'), new Promise(() => undefined)]); },
    async nothing(c) { return c.race([]); },
    async none(c) { return c.all([]); },
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

/** Lets the step of this name begin. */
async function letBegin(work: number, name: string): Promise<void> {
  const { ordinal } = await runner.next(
    'step-begin',
    (frame) => frame.work === work && frame.name === name,
  );
  runner.send({ kind: 'step-go', work, ordinal });
}

async function recordOf(work: number, name: string): Promise<Recorded> {
  const fits = (frame: { work: number; name: string }) =>
    frame.work === work && frame.name === name;
  const { ordinal, outcome } = await runner.next('step-done', fits);
  return { kind: 'step', ordinal, name, outcome };
}

async function decisionOf(work: number): Promise<Recorded> {
  return (await runner.next('decided', (frame) => frame.work === work)).decided;
}

describe('all of several', () => {
  test('gives what each came to, in the order of the list', async () => {
    const work = runner.turn(agent, 'both', []);
    const { ordinal } = await runner.next('call-out');
    runner.send({ kind: 'call-returned', work, ordinal, outcome: ok('noted') });
    await letBegin(work, 'a');
    expect(replyOf((await runner.done(work)).outcome)).toEqual(['A', 'noted']);
    await recordOf(work, 'a');
  });

  test('fails only when all have ended, so that nothing is left behind', async () => {
    const work = runner.turn(agent, 'oneBad', []);
    await letBegin(work, 'a');
    await recordOf(work, 'a');
    expect(runner.unread.some(({ kind }) => kind === 'turn-done')).toBe(false);
    await letBegin(work, 'b');
    expect(replyOf((await runner.done(work)).outcome)).toMatch(/no a/);
    await recordOf(work, 'b');
  });

  test('of nothing is nothing', async () => {
    expect(replyOf((await runner.run(agent, 'none')).outcome)).toEqual([]);
  });
});

describe('a race', () => {
  test('goes to the first that ends; the others are cancelled, and the turn may end', async () => {
    const work = runner.turn(agent, 'fastest', [], { callId: 'r/1' });
    await letBegin(work, 'slow');
    await letBegin(work, 'fast');
    await recordOf(work, 'fast');
    expect(await decisionOf(work)).toMatchObject({ kind: 'race', ordinal: 2, lost: [0] });
    await letBegin(work, 'after');
    const reply = replyOf((await runner.done(work)).outcome);
    expect(reply).toEqual({ won: 'F', loser: 'CANCELLED', after: 'r/1/3' });
    await recordOf(work, 'after');
    expect(runner.unread).toEqual([]);
  });

  test('that is recorded has the same winner again, and what lost is not done again', async () => {
    const recorded: Recorded[] = [
      { kind: 'step', ordinal: 0, name: 'slow', outcome: ok('came too late') },
      { kind: 'step', ordinal: 1, name: 'fast', outcome: ok('F') },
      { kind: 'race', ordinal: 2, name: 'of 2', outcome: ok(1), lost: [0] },
    ];
    for (const known of [recorded, recorded.slice(1)]) {
      const work = runner.turn(agent, 'fastest', [], { recorded: known });
      await letBegin(work, 'after');
      const { outcome } = await runner.done(work);
      expect(replyOf(outcome)).toMatchObject({ won: 'F', loser: 'CANCELLED' });
      await recordOf(work, 'after');
      expect(runner.unread).toEqual([]);
    }
  });

  test('whose winner comes later in the record than another keeps its winner', async () => {
    const recorded: Recorded[] = [
      { kind: 'call', ordinal: 0, name: 'Other/one.note', outcome: ok(1) },
      { kind: 'call', ordinal: 1, name: 'Other/two.note', outcome: ok(2) },
      { kind: 'race', ordinal: 2, name: 'of 2', outcome: ok(1), lost: [0] },
    ];
    const { outcome } = await runner.run(agent, 'calls', [], { recorded });
    expect(replyOf(outcome)).toBe(2);
  });

  test('of races and of pairs cancels all that is open in what lost', async () => {
    const work = runner.turn(agent, 'nested', []);
    for (const name of ['a', 'b', 'c', 'd']) await letBegin(work, name);
    const { outcome } = await runner.done(work);
    expect(replyOf(outcome)).toBe('D');
    const inner = await decisionOf(work);
    const outer = await decisionOf(work);
    expect(inner).toMatchObject({ ordinal: 4, lost: [2] });
    expect(outer).toMatchObject({ ordinal: 5, lost: [1] });
    const recorded = [await recordOf(work, 'a'), await recordOf(work, 'd'), inner, outer];
    const again = await runner.run(agent, 'nested', [], { recorded });
    expect(again.outcome).toEqual(outcome);
    expect(runner.unread).toEqual([]);
  });

  test('may be won by a failure', async () => {
    const work = runner.turn(agent, 'loses', []);
    await letBegin(work, 'bad');
    expect(failureText((await runner.done(work)).outcome)).toMatch(/^USER_ERROR: .*bad/);
    const recorded = [await recordOf(work, 'bad'), await decisionOf(work)];
    await runner.next('step-begin');
    const again = await runner.run(agent, 'loses', [], { recorded });
    expect(failureText(again.outcome)).toMatch(/^USER_ERROR: .*bad/);
    expect(runner.unread).toEqual([]);
  });

  test('of what is not from c, or of nothing, is refused', async () => {
    const strange = await runner.run(agent, 'stranger');
    expect(failureText(strange.outcome)).toMatch(
      /^INVALID_ARGUMENT: c\.race takes only what c\.step, .* number 1 of its list/,
    );
    await runner.next('step-begin');
    const nothing = await runner.run(agent, 'nothing');
    expect(failureText(nothing.outcome)).toMatch(/^INVALID_ARGUMENT: c\.race of nothing/);
  });

  test('where another number was recorded is a mismatch', async () => {
    const recorded: Recorded[] = [
      { kind: 'call', ordinal: 0, name: 'Other/one.note', outcome: ok(1) },
      { kind: 'call', ordinal: 1, name: 'Other/two.note', outcome: ok(2) },
      { kind: 'race', ordinal: 2, name: 'of 3', outcome: ok(1), lost: [0] },
    ];
    const { outcome } = await runner.run(agent, 'calls', [], { recorded });
    expect(failureText(outcome)).toMatch(/^STEP_MISMATCH: race of 2 stands where race of 3/);
  });

  test('says who won as its place in the list', async () => {
    const work = runner.turn(agent, 'calls', []);
    await runner.next('call-out', ({ ordinal }) => ordinal === 0);
    await runner.next('call-out', ({ ordinal }) => ordinal === 1);
    runner.send({
      kind: 'call-returned',
      work,
      ordinal: 1,
      outcome: { ok: true, value: encodeValue('two') },
    });
    const decided = await decisionOf(work);
    expect(decided.outcome?.ok === true && decodeValue(decided.outcome.value)).toBe(1);
    expect(replyOf((await runner.done(work)).outcome)).toBe('two');
  });
});
