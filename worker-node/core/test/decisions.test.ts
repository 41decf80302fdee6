/** What runners decide in turns: who won a race, and that a turn has failed and is being undone. */
import { type Decided, encodeValue, type Outcome, type Recorded, sessionId } from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { ledger, other, shared, TestNode } from './harness.ts';

const ok = (value: unknown): Outcome => ({ ok: true, value: encodeValue(value) });

function running(): { node: TestNode; work: number } {
  const node = new TestNode('n1', shared());
  node.message({
    kind: 'located',
    actor: other,
    location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
  });
  node.place(ledger);
  node.call('hang', 'x');
  return { node, work: node.lastTurn().work };
}

function callOut(node: TestNode, work: number, ordinal: number): void {
  node.frame({
    kind: 'call-out',
    work,
    ordinal,
    name: 'Ledger/other.add',
    type: 'Ledger',
    key: 'other',
    method: 'add',
    args: encodeValue([`c${ordinal}`]),
    deadlineMs: 30_000,
  });
}

function answer(node: TestNode, ordinal: number): void {
  const session = sessionId(`actor:${ledger}#1`);
  const number = 65_536 + ordinal;
  const outcome = ok(ordinal);
  node.message({ kind: 'call-result', actor: other, session, number, outcome });
}

function recordedIn(node: TestNode): Recorded[] {
  return node.log.flatMap((fact) => (fact.kind === 'turn-recorded' ? [fact.recorded] : []));
}

function step(node: TestNode, work: number, ordinal: number, name = 's'): void {
  node.frame({ kind: 'step-begin', work, ordinal, name, undo: true });
  node.frame({ kind: 'step-done', work, ordinal, name, outcome: ok(name), undo: true });
}

/** Its runner crashes with this step at work, until its node gives it up. */
function crashAt(node: TestNode, ordinal: number, name: string): void {
  for (let crash = 0; crash < 3; crash++) {
    const { work } = node.lastTurn();
    // A compensation is not undone itself.
    const undo = name.startsWith('undo ') ? {} : ({ undo: true } as const);
    node.frame({ kind: 'step-begin', work, ordinal, name, ...undo });
    node.crashRunner();
  }
}

const raceWon: Decided = { kind: 'race', ordinal: 2, name: 'of 2', outcome: ok(1), lost: [0] };
const crashed = { code: 'USER_ERROR', message: 'no flight' } as const;

describe('a step that can be undone', () => {
  test('begins when it is recorded that it is at work, so that whoever runs its turn next knows', () => {
    const { node, work } = running();
    const begin = { kind: 'step-begin', work, ordinal: 0, name: 'charge', undo: true } as const;
    const isBegun = () =>
      node.sent.some((one) => one.kind === 'to-runner' && one.frame.kind === 'step-go');
    node.autoCommit = false;
    node.frame(begin);
    expect(isBegun()).toBe(false);
    node.commit();
    expect(isBegun()).toBe(true);
    const atWork = { kind: 'step', ordinal: 0, name: 'charge', undo: true };
    expect(recordedIn(node)).toEqual([atWork]);
    node.autoCommit = true;
    node.crashRunner();
    expect(node.lastTurn().recorded).toEqual([atWork]);
    // It is recorded once, and then what it came to.
    step(node, node.lastTurn().work, 0, 'charge');
    expect(recordedIn(node)).toEqual([atWork, { ...atWork, outcome: ok('charge') }]);
  });

  test('is recorded after it was done only if nothing undoes it', () => {
    const { node, work } = running();
    node.frame({ kind: 'step-begin', work, ordinal: 0, name: 'look' });
    expect(recordedIn(node)).toEqual([]);
  });
});

describe('a race', () => {
  test('is recorded, its losing calls are cancelled, and what they come to is not', () => {
    const { node, work } = running();
    callOut(node, work, 0);
    callOut(node, work, 1);
    answer(node, 1);
    node.frame({ kind: 'decided', work, decided: raceWon });
    const cancels = node.toNodes().filter(({ kind }) => kind === 'cancel-call');
    expect(cancels).toMatchObject([{ actor: other, number: 65_536 }]);
    answer(node, 0);
    expect(recordedIn(node).map(({ kind, ordinal }) => [kind, ordinal])).toEqual([
      ['call', 0],
      ['call', 1],
      ['call', 1],
      ['race', 2],
    ]);
  });

  test('tells the callee that it lost only when the record is durable', () => {
    const { node, work } = running();
    callOut(node, work, 0);
    node.autoCommit = false;
    node.frame({ kind: 'decided', work, decided: { ...raceWon, lost: [0] } });
    expect(node.toNodes().some(({ kind }) => kind === 'cancel-call')).toBe(false);
    node.commit();
    expect(node.toNodes().some(({ kind }) => kind === 'cancel-call')).toBe(true);
  });

  test('is given to the turn that runs again, and is not decided twice', () => {
    const { node, work } = running();
    step(node, work, 0, 'a');
    node.frame({ kind: 'decided', work, decided: { ...raceWon, ordinal: 1, lost: [] } });
    node.frame({ kind: 'decided', work, decided: { ...raceWon, ordinal: 1, outcome: ok(0) } });
    node.crashRunner();
    expect(node.lastTurn().recorded).toMatchObject([{ name: 'a' }, { outcome: ok(1) }]);
  });
});

describe('a turn that has failed and is being undone', () => {
  test('has its time limit once more', () => {
    const { node, work } = running();
    step(node, work, 0);
    node.tick(250_000);
    const failed = { kind: 'failed', ordinal: 1, name: 'turn', lost: [], undo: ['s'] } as const;
    const outcome: Outcome = { ok: false, failure: crashed };
    node.frame({ kind: 'decided', work, decided: { ...failed, outcome } });
    node.tick(250_000);
    expect(node.work.some(({ kind }) => kind === 'kill-runner')).toBe(false);
    node.tick(60_000);
    expect(node.work.some(({ kind }) => kind === 'kill-runner')).toBe(true);
  });

  test('is one too that crashes its runner again and again, before it is given up', () => {
    const { node, work } = running();
    node.frame({ kind: 'step-begin', work, ordinal: 0, name: 'hotel' });
    node.frame({ kind: 'step-done', work, ordinal: 0, name: 'hotel', outcome: ok('hotel') });
    for (let crash = 0; crash < 3; crash++) node.crashRunner();
    expect(node.lastTurn().recorded).toMatchObject([
      { kind: 'step', name: 'hotel' },
      { kind: 'failed', ordinal: 1, outcome: { failure: { code: 'RUNNER_CRASHED' } } },
    ]);
    expect(node.outcomes()).toEqual([]);
    for (let crash = 0; crash < 3; crash++) node.crashRunner();
    expect(node.values()).toEqual(['RUNNER_CRASHED']);
  });

  test('has the step that was at work in it among what may have been done, and is to be undone', () => {
    const { node, work } = running();
    step(node, work, 0, 'hotel');
    crashAt(node, 1, 'charge');
    expect(node.lastTurn().recorded).toMatchObject([
      { kind: 'step', name: 'hotel' },
      { kind: 'step', name: 'charge' },
      { kind: 'failed', ordinal: 2, lost: [1], undo: ['charge', 'hotel'], found: true },
    ]);
    // The runner says what it undoes, and that counts from then on.
    const again = node.lastTurn().work;
    const outcome: Outcome = { ok: false, failure: { code: 'RUNNER_CRASHED', message: 'thrice' } };
    const failed = { kind: 'failed', ordinal: 2, name: 'turn', lost: [1] } as const;
    const undo = ['charge', 'mail', 'hotel'];
    node.frame({ kind: 'decided', work: again, decided: { ...failed, outcome, undo } });
    step(node, again, 3, 'undo charge');
    node.crashRunner();
    expect(node.lastTurn().recorded).toMatchObject([
      { kind: 'step', name: 'hotel' },
      { kind: 'step', name: 'charge' },
      { kind: 'failed', ordinal: 2, undo },
      { kind: 'step', name: 'undo charge' },
    ]);
    expect(node.lastTurn().recorded[2]).not.toHaveProperty('found');
    expect(node.outcomes()).toEqual([]);
  });

  test('that blocked its runner has it too', () => {
    const { node, work } = running();
    step(node, work, 0, 'hotel');
    node.frame({ kind: 'step-begin', work, ordinal: 1, name: 'charge', undo: true });
    node.tick(310_000);
    expect(node.work.some(({ kind }) => kind === 'kill-runner')).toBe(true);
    node.crashRunner();
    expect(node.lastTurn().recorded).toMatchObject([
      { name: 'hotel' },
      { name: 'charge' },
      { kind: 'failed', lost: [1], undo: ['charge', 'hotel'] },
    ]);
  });

  test('names all that may have to be undone when it crashes before it comes to that', () => {
    const { node, work } = running();
    step(node, work, 0, 'hotel');
    crashAt(node, 1, 'charge');
    for (let crash = 0; crash < 3; crash++) node.crashRunner();
    expect(node.outcomes()).toMatchObject([
      {
        ok: false,
        failure: {
          code: 'COMPENSATION_FAILED',
          details: { steps: 'charge, hotel', code: 'RUNNER_CRASHED' },
        },
      },
    ]);
  });

  test('gives up a compensation that crashes its runners, and goes on with the next', () => {
    const { node, work } = running();
    step(node, work, 0, 'hotel');
    step(node, work, 1, 'car');
    const failed = { kind: 'failed', ordinal: 2, name: 'turn', lost: [] } as const;
    const outcome: Outcome = { ok: false, failure: crashed };
    const undo = ['car', 'hotel'];
    node.frame({ kind: 'decided', work, decided: { ...failed, outcome, undo } });
    crashAt(node, 3, 'undo car');
    expect(node.outcomes()).toEqual([]);
    expect(node.lastTurn().recorded[3]).toMatchObject({
      kind: 'step',
      ordinal: 3,
      name: 'undo car',
      outcome: { ok: false, failure: { code: 'RUNNER_CRASHED' } },
    });
  });

  test('names what it could not undo when it crashes its runners meanwhile', () => {
    const { node, work } = running();
    step(node, work, 0, 'hotel');
    step(node, work, 1, 'car');
    const failed = { kind: 'failed', ordinal: 2, name: 'turn', lost: [] } as const;
    const outcome: Outcome = { ok: false, failure: crashed };
    node.frame({
      kind: 'decided',
      work,
      decided: { ...failed, outcome, undo: ['car', 'hotel'] },
    });
    step(node, work, 3, 'undo car');
    for (let crash = 0; crash < 3; crash++) node.crashRunner();
    const [told] = node.outcomes();
    expect(told).toMatchObject({
      ok: false,
      failure: { code: 'COMPENSATION_FAILED', details: { steps: 'hotel', code: 'USER_ERROR' } },
    });
  });
});
