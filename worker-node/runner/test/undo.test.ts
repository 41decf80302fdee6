import { type ActorId, decodeValue, type Outcome, type Recorded } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, ok, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
let tries = 0;
const hang = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
const booked = (c, name, undo) => c.step(name, () => name + ' booked', { compensate: undo ?? ((was, { effectId }) => was + ', undone as ' + effectId) });
export const Trip = actor('Trip', {
  state: () => ({ ids: [] }),
  methods: {
    async book(c) {
      await booked(c, 'hotel');
      c.compensate('mail', () => 'mailed');
      await booked(c, 'car');
      c.state.ids.push('x');
      throw new Error('no flight');
    },
    async goes(c) { await booked(c, 'hotel'); c.state.ids.push('x'); return 'gone'; },
    async parallel(c) {
      await c.all([booked(c, 'hotel'), booked(c, 'car')]);
      throw new Error('no flight');
    },
    async failing(c) {
      await booked(c, 'hotel');
      await c.step('bad', () => { throw new Error('bad'); }, { compensate: () => 'never' });
    },
    async stubborn(c) {
      await booked(c, 'hotel');
      await booked(c, 'car', { run: () => { throw new Error('locked'); }, retries: 1, backoffMs: 1 });
      throw new Error('no flight');
    },
    async again(c) {
      tries = 0;
      await booked(c, 'car', { run: () => { if (tries++ < 2) throw new Error('try ' + tries); return tries; }, backoffMs: 1 });
      throw new Error('no flight');
    },
    async loser(c) {
      await c.race([booked(c, 'fast'), c.step('slow', hang, { compensate: (was) => String(was) })]);
      throw new Error('no flight');
    },
    async both(c) {
      await booked(c, 'hotel');
      const pays = async () => { await booked(c, 'seat'); return booked(c, 'meal'); };
      const rides = async () => { await new Promise((resolve) => setTimeout(resolve, 20)); return booked(c, 'ride'); };
      try { await Promise.all([booked(c, 'car'), pays(), rides()]); } catch { await booked(c, 'bus'); }
    },
    async swallows(c) {
      await booked(c, 'hotel');
      try { await booked(c, 'car'); } catch { return 'none'; }
    },
    async lateAgain(c) { await new Promise((done) => setTimeout(done, 60_000)); await booked(c, 'hotel'); },
    async alone(c) { await c.step('slow', hang, { compensate: (was) => String(was) }); },
    async late(c) { await booked(c, 'hotel'); await c.step('slow', hang); },
    async watches(c) { while (!c.signal.aborted) await booked(c, 'hotel'); throw c.signal.reason; },
    async pays(c) {
      await c.step('take', () => 5, { compensate: async (sum, undo) => undo.actor('Account', 'a').deposit(sum) });
      throw new Error('no account');
    },
    async grabs(c) {
      await c.step('take', () => 5, { compensate: { run: () => c.actor('Account', 'a').deposit(5), retries: 0 } });
      throw new Error('no account');
    },
    async unsaid(c) { await booked(c, 'hotel'); c.state.ids.push('x'); return () => 'not carried'; },
    async badUndo(c) { await c.step('take', () => 5, { compensate: 'no' }); },
  },
});
`;

let runner: RunnerProcess;
let trip: ActorId;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
  trip = await runner.activate('Trip', 't');
});
afterAll(() => runner.stop());

interface Story {
  readonly recorded: readonly Recorded[];
  readonly outcome: Outcome;
}

/** Runs a turn as a node would, and keeps what it records, in order. */
async function play(
  method: string,
  given: { readonly recorded?: readonly Recorded[]; readonly limitMs?: number } = {},
  on: { readonly stepsMax?: number; readonly cancelled?: boolean } = {},
): Promise<Story> {
  const work = runner.turn(trip, method, [], { callId: 'c', ...given });
  if (on.cancelled === true) runner.send({ kind: 'cancel', work });
  const recorded: Recorded[] = [...(given.recorded ?? [])];
  let steps = 0;
  for (;;) {
    const frame = await nextOf(work);
    if (frame.kind === 'turn-done') return { recorded, outcome: frame.outcome };
    if (frame.kind === 'step-begin') {
      if (steps < (on.stepsMax ?? Infinity)) {
        steps += 1;
        runner.send({ kind: 'step-go', work, ordinal: frame.ordinal });
      }
    } else if (frame.kind === 'call-out') {
      runner.send({ kind: 'call-returned', work, ordinal: frame.ordinal, outcome: ok(frame.name) });
      recorded.push({
        kind: 'call',
        ordinal: frame.ordinal,
        name: frame.name,
        outcome: ok(frame.name),
      });
    } else if (frame.kind === 'step-done') {
      const { ordinal, name, outcome } = frame;
      recorded.push({ kind: 'step', ordinal, name, outcome });
    } else if (frame.kind === 'decided') recorded.push(frame.decided);
  }
}

async function nextOf(work: number) {
  const kinds = ['turn-done', 'step-begin', 'step-done', 'decided', 'call-out'] as const;
  for (;;) {
    const first = runner.unread.find((one) => 'work' in one && one.work === work);
    const kind = kinds.find((one) => one === first?.kind);
    if (kind !== undefined) return runner.next(kind, (one) => one.work === work);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const hotel: Recorded = { kind: 'step', ordinal: 0, name: 'hotel', outcome: ok('h') };

/** As a node records that a turn has crashed its runners, with these at work. */
function found(ordinal: number, lost: readonly number[]): Recorded {
  const outcome: Outcome = { ok: false, failure: { code: 'RUNNER_CRASHED', message: 'thrice' } };
  return { kind: 'failed', ordinal, name: 'turn', outcome, lost, undo: [], found: true };
}

function names(story: Story): string[] {
  return story.recorded.map((one) => (one.kind === 'failed' ? 'failed' : one.name));
}

function resultOf(story: Story, name: string): unknown {
  const outcome = story.recorded.find((one) => one.name === name)?.outcome;
  return outcome?.ok === true ? decodeValue(outcome.value) : undefined;
}

describe('a turn that fails', () => {
  test('undoes its steps, the last first, each as a recorded step, and ends with its failure', async () => {
    const story = await play('book');
    expect(names(story)).toEqual(['hotel', 'car', 'failed', 'undo car', 'undo mail', 'undo hotel']);
    expect(resultOf(story, 'undo hotel')).toBe('hotel booked, undone as c/131');
    expect(failureText(story.outcome)).toMatch(/^USER_ERROR: Error: no flight;/);
  });

  test('undoes in the order in which it asked, whatever ended first', async () => {
    const story = await play('parallel');
    expect(names(story).slice(-3)).toEqual(['failed', 'undo car', 'undo hotel']);
  });

  test('goes on undoing where the record ends, wherever its runner died', async () => {
    const whole = await play('book');
    for (let known = 0; known <= whole.recorded.length; known++) {
      const story = await play('book', { recorded: whole.recorded.slice(0, known) });
      expect(names(story)).toEqual(names(whole));
      expect(story.outcome).toEqual(whole.outcome);
      expect(resultOf(story, 'undo hotel')).toBe(resultOf(whole, 'undo hotel'));
    }
  });

  test('does not undo a step that failed, nor anything when it ends well', async () => {
    expect(names(await play('failing'))).toEqual(['hotel', 'bad', 'failed', 'undo hotel']);
    const good = await play('goes');
    expect(names(good)).toEqual(['hotel']);
    expect(replyOf(good.outcome)).toBe('gone');
  });

  test('tries a compensation again, and names in its error the one that fails for good', async () => {
    expect(resultOf(await play('again'), 'undo car')).toBe(3);
    const story = await play('stubborn');
    expect(names(story).slice(-3)).toEqual(['failed', 'undo car', 'undo hotel']);
    expect(failureText(story.outcome)).toMatch(
      /^COMPENSATION_FAILED: turn Trip\/t\.stubborn failed \(USER_ERROR: Error: no flight\), and could not undo car: USER_ERROR: Error: locked; undo by hand/,
    );
    expect(story.outcome).toMatchObject({
      failure: { details: { steps: 'car', code: 'USER_ERROR' } },
    });
    const again = await play('stubborn', { recorded: story.recorded });
    expect(again.outcome).toEqual(story.outcome);
  });

  test('undoes also what lost a race, since it may have been done', async () => {
    const story = await play('loser');
    expect(names(story)).toEqual(['fast', 'of 2', 'failed', 'undo slow', 'undo fast']);
    expect(resultOf(story, 'undo slow')).toBe('undefined');
    const again = await play('loser', { recorded: story.recorded.slice(0, 2) });
    expect(names(again)).toEqual(names(story));
  });

  test('by its limit is undone too, and by the same failure after its runner has died', async () => {
    const story = await play('late', { limitMs: 200 });
    expect(names(story)).toEqual(['hotel', 'failed', 'undo hotel']);
    expect(story.recorded[1]).toMatchObject({ kind: 'failed', lost: [1], undo: ['hotel'] });
    expect(failureText(story.outcome)).toMatch(/^TIME_LIMIT/);
    const again = await play('late', { recorded: story.recorded.slice(0, 2) });
    expect(names(again)).toEqual(names(story));
    expect(again.outcome).toEqual(story.outcome);
  });

  test('undoes all that it had done when it is cancelled as it runs again', async () => {
    const { recorded: whole } = await play('goes');
    const [hotel] = whole;
    if (hotel?.kind !== 'step') throw new Error('nothing is recorded');
    const recorded = [0, 1, 2].map((ordinal) => ({ ...hotel, ordinal }));
    const story = await play('watches', { recorded }, { cancelled: true });
    expect(names(story).slice(3)).toEqual(['failed', ...recorded.map(() => 'undo hotel')]);
    expect(failureText(story.outcome)).toMatch(/^CANCELLED/);
  });

  test('undoes what was at work in a runner that died, when it is cancelled before it comes to that again', async () => {
    const atWork: Recorded = { kind: 'step', ordinal: 1, name: 'car', undo: true };
    const story = await play('book', { recorded: [hotel, atWork] }, { cancelled: true });
    const undone = ['failed', 'undo car', 'undo mail', 'undo hotel'];
    expect(names(story)).toEqual(['hotel', 'car', ...undone]);
    expect(resultOf(story, 'undo car')).toMatch(/^undefined, undone as/);
    expect(failureText(story.outcome)).toMatch(/^CANCELLED/);
    for (let known = 3; known <= story.recorded.length; known++) {
      const again = await play('book', { recorded: story.recorded.slice(0, known) });
      expect(names(again)).toEqual(names(story));
      expect(resultOf(again, 'undo car')).toBe(resultOf(story, 'undo car'));
      expect(again.outcome).toEqual(story.outcome);
    }
  });

  test('undoes it also when it is cancelled before it begins to run again', async () => {
    const first = runner.turn(trip, 'goes', [], { callId: 'a' });
    const { ordinal } = await runner.next('step-begin', ({ work }) => work === first);
    const atWork: Recorded = { kind: 'step', ordinal: 1, name: 'car', undo: true };
    const again = play('book', { recorded: [hotel, atWork] }, { cancelled: true });
    runner.send({ kind: 'step-go', work: first, ordinal });
    const story = await again;
    expect(names(story).slice(2)).toEqual(['failed', 'undo car', 'undo mail', 'undo hotel']);
    expect(failureText(story.outcome)).toMatch(/^CANCELLED/);
  });

  test('undoes it too when it catches that it is cancelled, and would end well', async () => {
    const atWork: Recorded = { kind: 'step', ordinal: 1, name: 'car', undo: true };
    const story = await play('swallows', { recorded: [hotel, atWork] }, { cancelled: true });
    expect(names(story)).toEqual(['hotel', 'car', 'failed', 'undo car', 'undo hotel']);
    expect(failureText(story.outcome)).toMatch(/^CANCELLED/);
  });

  test('names what its first run had done when it fails before it comes to that again', async () => {
    const undo = true as const;
    const recorded: Recorded[] = [
      { ...hotel, undo } as Recorded,
      { kind: 'step', ordinal: 1, name: 'car', undo },
    ];
    const story = await play('lateAgain', { recorded, limitMs: 50 });
    expect(story.outcome).toMatchObject({
      failure: {
        code: 'COMPENSATION_FAILED',
        details: { steps: 'car, hotel', code: 'TIME_LIMIT' },
      },
    });
    const again = await play('lateAgain', { recorded: story.recorded, limitMs: 50 });
    expect(again.outcome).toEqual(story.outcome);
  });

  test('undoes by a call of an actor, which is recorded', async () => {
    const story = await play('pays');
    expect(names(story)).toEqual(['take', 'failed', 'Account/a.deposit', 'undo take']);
    const again = await play('pays', { recorded: story.recorded.slice(0, 3) });
    expect(names(again)).toEqual(names(story));
  });

  test('by what it replies is undone too', async () => {
    const story = await play('unsaid');
    expect(names(story)).toEqual(['hotel', 'failed', 'undo hotel']);
    expect(failureText(story.outcome)).toMatch(/^UNCARRIABLE/);
  });

  test('is told by whom a compensation calls', async () => {
    const story = await play('grabs');
    expect(failureText(story.outcome)).toMatch(/a compensation calls actors by what it is given/);
  });

  test('undoes the step that was at work, though it has done nothing else', async () => {
    const story = await play('alone', { limitMs: 200 });
    expect(names(story)).toEqual(['failed', 'undo slow']);
    expect(resultOf(story, 'undo slow')).toBe('undefined');
  });

  test('that a node found to crash undoes what was at work too, and begins nothing else', async () => {
    const story = await play('book', { recorded: [hotel, found(2, [1])] });
    const undone = ['undo car', 'undo mail', 'undo hotel'];
    expect(names(story)).toEqual(['hotel', 'failed', 'failed', ...undone]);
    expect(resultOf(story, 'undo car')).toMatch(/^undefined, undone as/);
    expect(failureText(story.outcome)).toBe('RUNNER_CRASHED: thrice');
    // Wherever it dies now: its own record takes the place of what the node found.
    const own = story.recorded.filter((one) => one.kind !== 'failed' || one.found !== true);
    for (let known = 2; known <= own.length; known++) {
      const again = await play('book', { recorded: own.slice(0, known) });
      expect(names(again)).toEqual(['hotel', 'failed', ...undone]);
      expect(again.outcome).toEqual(story.outcome);
    }
  });

  test('that a node found to crash has lost all that it comes to, and takes no other way for that', async () => {
    const seat: Recorded = { kind: 'step', ordinal: 2, name: 'seat', outcome: ok('s') };
    const story = await play('both', { recorded: [hotel, seat, found(4, [1, 3, 4])] });
    expect(names(story).slice(4)).toEqual([
      'undo ride',
      'undo meal',
      'undo seat',
      'undo car',
      'undo hotel',
    ]);
    expect(story.recorded[3]).toMatchObject({ kind: 'failed', ordinal: 5, lost: [1, 3, 4] });
    expect(failureText(story.outcome)).toBe('RUNNER_CRASHED: thrice');
  });
});

test('a turn whose actor has left undoes nothing more, though its node had allowed it', async () => {
  const actor = await runner.activate('Trip', 'gone');
  const work = runner.turn(actor, 'late', [], { callId: 'gone', limitMs: 200 });
  const step = await runner.next('step-begin', (frame) => frame.work === work);
  runner.send({ kind: 'step-go', work, ordinal: step.ordinal });
  await runner.next('step-done', (frame) => frame.work === work);
  await runner.next('step-begin', (frame) => frame.work === work);
  const undo = await runner.next('step-begin', (frame) => frame.work === work);
  expect(undo.name).toBe('undo hotel');
  runner.send({ kind: 'cancel', work });
  runner.send({ kind: 'deactivate', actor });
  runner.send({ kind: 'step-go', work, ordinal: undo.ordinal });
  expect(names(await play('goes'))).toEqual(['hotel']);
  const heard = runner.unread.filter((one) => 'work' in one && one.work === work);
  expect(heard.map(({ kind }) => kind)).toEqual(['decided']);
});

test('a compensation that is no function is refused before the step begins', async () => {
  const story = await play('badUndo');
  expect(failureText(story.outcome)).toMatch(/^INVALID_ARGUMENT: the compensation of take/);
});
