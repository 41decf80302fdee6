import {
  type DeadLettersOfActor,
  type DeadLetterView,
  decodeValue,
  discardMethod,
  encodeValue,
  incarnation,
  type LetterTries,
  lettersMethod,
  limits,
  nodeAddress,
  redeliverMethod,
  sessionId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { LetterBook } from '../src/letter-book.ts';
import { outsideEffects } from '../src/outside-effects.ts';
import { ledger, other, seal, shared, TestNode } from './harness.ts';

const replyTo = nodeAddress(incarnation('z.aaaaaaaa'));

function letter(number: number, method: string, id: string, more: object = {}) {
  return {
    kind: 'letter' as const,
    to: ledger,
    epoch: 2,
    from: other,
    fromBirth: 7,
    number,
    method,
    args: encodeValue([id]),
    replyTo,
    scope: ledger,
    clock: {},
    ...more,
  };
}

const tries = (retries: number, ...backoffMs: number[]): { tries: LetterTries } => ({
  tries: { retries, backoffMs },
});

/** Up to where the letters of the sender are acknowledged. */
function taken(node: TestNode): number {
  return node.machine.actors.get(ledger)?.memory?.recv.get(`${other}#7`) ?? 0;
}

let calls = 0;
/** What a call about dead letters is answered, or its code. */
function ask(
  node: TestNode,
  method: string,
  numbers: readonly number[],
  more: object = {},
): unknown {
  calls += 1;
  const caller = { session: sessionId(`operator-${calls}`), number: 1, low: 1 };
  node.call(method, '', caller, { args: encodeValue([...numbers]), caller, ...more });
  const result = node.results().find(({ session }) => session === caller.session);
  if (result === undefined) return undefined;
  return result.outcome.ok ? decodeValue(result.outcome.value) : result.outcome.failure.code;
}

function page(node: TestNode, after: number): DeadLettersOfActor {
  return ask(node, lettersMethod, [after]) as DeadLettersOfActor;
}

function dead(node: TestNode): readonly DeadLetterView[] {
  return page(node, 0).letters;
}

function runs(node: TestNode, method: string): number {
  return node.turns().filter((turn) => turn.method === method).length;
}

describe('a letter whose method throws', () => {
  it('is dead, and says of whom it came, what it was and why it failed', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(1, 'fail', 'x'));
    expect(dead(a)).toEqual([
      {
        number: 1,
        from: other,
        fromBirth: 7,
        letter: 1,
        method: 'fail',
        args: ['x'],
        bytes: encodeValue(['x']).length,
        attempts: 1,
        code: 'USER_ERROR',
        message: 'as asked',
        at: a.wall,
      },
    ]);
  });

  it('does not keep those after it, which are taken in order', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(1, 'fail', 'x'));
    a.message(letter(2, 'add', 'y'));
    a.message(letter(3, 'fail', 'z'));
    expect(taken(a)).toBe(3);
    expect(dead(a).map(({ number, letter }) => [number, letter])).toEqual([
      [1, 1],
      [2, 3],
    ]);
  });

  it('is acknowledged only when it is durable that it is dead', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.message(letter(1, 'fail', 'x'));
    expect(a.replies).toEqual([]);
    a.commit();
    expect(a.replies.map(({ message }) => message.kind)).toEqual(['letter-ack']);
  });

  it('is still dead on the node that takes its actor over, from the log alone', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.message(letter(1, 'fail', 'x'));
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    expect(dead(b).map(({ letter, attempts }) => [letter, attempts])).toEqual([[1, 1]]);
  });

  it('is still dead after a checkpoint, and when its actor has left memory meanwhile', () => {
    const a = new TestNode('a', shared(), { idleMs: 10_000 });
    a.place(ledger);
    a.message(letter(1, 'fail', 'x'));
    a.tick(20_000);
    a.tick(20_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    expect(dead(a)).toHaveLength(1);
  });

  it('is dead after the crashes that it was alone under, however many tries were asked for', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(1, 'hang', 'x', tries(5, 0)));
    for (let crash = 0; crash < limits.turnCrashesMax + 1; crash++) {
      if (a.running.length > 0) a.crashRunner();
    }
    expect(dead(a).map(({ code, letter }) => [code, letter])).toEqual([['RUNNER_CRASHED', 1]]);
  });
});

describe('a letter that is to be tried again', () => {
  it.each(['RUNNER_CRASHED', 'COMPENSATION_FAILED'] as const)(
    'is so too when its turn failed by what another actor came to (%s)',
    (code) => {
      const a = new TestNode('a');
      a.place(ledger);
      a.message(letter(1, 'hang', 'x', tries(1, 1_000)));
      const failure = { code, message: 'as it was told', details: { actor: other } } as const;
      const outcome = { ok: false, failure } as const;
      a.frame({ kind: 'turn-done', work: a.lastTurn().work, outcome, sends: [] });
      expect(dead(a)).toEqual([]);
      a.tick(1_000);
      a.message(letter(1, 'hang', 'x', tries(1, 1_000)));
      a.frame({ kind: 'turn-done', work: a.lastTurn().work, outcome, sends: [] });
      expect(dead(a)).toMatchObject([{ code, attempts: 2 }]);
    },
  );

  it('is tried as often as its sender asked, and never before its wait is over', () => {
    const a = new TestNode('a');
    a.place(ledger);
    const poison = letter(1, 'fail', 'x', tries(2, 3_000, 5_000));
    a.message(poison);
    expect([runs(a, 'fail'), taken(a)]).toEqual([1, 0]);
    a.tick(2_999);
    a.message(poison);
    expect(runs(a, 'fail')).toBe(1);
    a.tick(1);
    a.message(poison);
    expect([runs(a, 'fail'), taken(a)]).toEqual([2, 0]);
    a.tick(4_999);
    a.message(poison);
    expect(runs(a, 'fail')).toBe(2);
    a.tick(1);
    a.message(poison);
    expect([runs(a, 'fail'), taken(a)]).toEqual([3, 1]);
    expect(dead(a).map(({ attempts }) => attempts)).toEqual([3]);
  });

  it('keeps those after it of its sender, so that their order holds, and nobody else', () => {
    const a = new TestNode('a');
    a.place(ledger);
    const poison = letter(1, 'fail', 'x', tries(1, 2_000));
    a.message(poison);
    a.message(letter(2, 'add', 'y'));
    a.message(letter(1, 'add', 'of another', { fromBirth: 8 }));
    a.call('add', 'a call');
    expect(a.turns().map(({ method }) => method)).toEqual(['fail', 'add', 'add']);
    a.tick(2_000);
    a.message(letter(1, 'add', 'x', tries(1, 2_000)));
    a.message(letter(2, 'add', 'y'));
    expect(taken(a)).toBe(2);
    expect(a.log.filter(({ kind }) => kind === 'turn')).toHaveLength(5);
    a.call('list', '', { number: 2 });
    expect(a.values().at(-1)).toEqual(['of another', 'a call', 'x', 'y']);
  });

  it('has those after it wait also when they came while it ran', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(1, 'hang', 'x', tries(1, 2_000)));
    a.message(letter(2, 'add', 'y'));
    a.message(letter(3, 'add', 'z'));
    expect(a.turns().map(({ method }) => method)).toEqual(['hang']);
    const { work } = a.lastTurn();
    const failure = { code: 'USER_ERROR', message: 'no' } as const;
    a.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
    expect([runs(a, 'add'), taken(a)]).toEqual([0, 0]);
  });

  it('counts its tries on over a failover, and waits once more', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    const poison = letter(1, 'fail', 'x', tries(1, 2_000));
    a.message(poison);
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    b.message({ ...poison, epoch: 9 });
    expect(runs(b, 'fail')).toBe(0);
    b.tick(2_000);
    b.message({ ...poison, epoch: 9 });
    expect(dead(b).map(({ attempts }) => attempts)).toEqual([2]);
  });

  it('is not said again all the while, and is said when its wait is over', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('post', 'x');
    const location = { node: incarnation('z.aaaaaaaa'), birth: 3, epoch: 4 };
    const place = () => a.message({ kind: 'located', actor: other, location });
    place();
    const said = () => a.toNodes().filter(({ kind }) => kind === 'letter').length;
    const before = said();
    expect(before).toBeGreaterThan(0);
    const ack = { kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: 0 } as const;
    a.message({ ...ack, heldMs: 10_000 });
    for (let second = 0; second < 9; second++) {
      a.tick(1_000);
      place();
    }
    expect(said()).toBe(before);
    a.tick(1_000);
    place();
    expect(said()).toBeGreaterThan(before);
  });

  it('keeps its actor in memory until it is tried', () => {
    const a = new TestNode('a', shared(), { idleMs: 10_000 });
    a.place(ledger);
    const poison = letter(1, 'fail', 'x', tries(1, 60_000));
    a.message(poison);
    a.tick(50_000);
    a.tick(5_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('live');
    a.tick(5_000);
    a.message(poison);
    expect(runs(a, 'fail')).toBe(2);
  });

  it('is tried although its actor, idle for long, could leave memory before its sender says it again', () => {
    const a = new TestNode('a', shared(), { idleMs: 500, checkpointTurns: 1 });
    a.place(ledger);
    const failing = letter(1, 'fail', 'x', tries(3, 700));
    a.message(failing);
    // Its node looks every second for who is idle, and its sender says it every 1.1 s.
    for (let times = 0; times < 6; times++) {
      a.tick(1_000);
      a.tick(100);
      a.message(failing);
    }
    expect(runs(a, 'fail')).toBe(4);
  });

  it('has only the rest of its wait before it when its actor is read back from a checkpoint', () => {
    const book = new LetterBook();
    const cause = { kind: 'letter', from: other, fromBirth: 7, number: 1 } as const;
    const outcome = { ok: false, failure: { code: 'USER_ERROR', message: 'no' } } as const;
    const letterEnd = { kind: 'again', waitMs: 60_000 } as const;
    book.ended('s', { cause, method: 'm', outcome, letterEnd, at: 0 }, 1_000);
    const back = LetterBook.from(book.store(51_000), 900_000);
    const heldMs = (now: number) => back.heldMs('s', 1, encodeValue([]), now);
    expect([heldMs(909_999), heldMs(910_000)]).toEqual([1, undefined]);
  });

  it('has effects of its own each time, since what a failed one did was undone or stands', () => {
    const a = new TestNode('a');
    a.place(ledger);
    const steps = letter(1, 'hang', 'x', tries(1, 0));
    a.message(steps);
    const first = a.lastTurn();
    const failure = { code: 'USER_ERROR', message: 'no' } as const;
    const outcome = { ok: false, failure } as const;
    a.frame({ kind: 'step-begin', work: first.work, ordinal: 0, name: 's' });
    a.frame({ kind: 'turn-done', work: first.work, outcome, sends: [] });
    a.message(steps);
    const second = a.lastTurn();
    expect(second.callId).toBe(`${first.callId}~1`);
    expect(second.recorded).toEqual([]);
    a.frame({ kind: 'step-begin', work: second.work, ordinal: 0, name: 's' });
    const ok = { ok: true, value: encodeValue(0) } as const;
    a.frame({ kind: 'step-done', work: second.work, ordinal: 0, name: 's', outcome: ok });
    // What a line would leave behind is told under the id that the outside was given.
    const [effect] = outsideEffects({ actor: ledger, birth: 1 }, a.log, { [ledger]: 0 });
    expect(effect).toMatchObject({ kind: 'step', what: `s (${second.callId}/0)` });
  });
});

describe('dead letters of an actor', () => {
  const full = (node: TestNode): void => {
    for (let number = 1; number <= limits.deadLettersMax; number++) {
      node.message(letter(number, 'fail', 'x'));
    }
  };

  it('are never pushed out: beyond their number a letter that fails waits, and is taken when there is room', () => {
    const a = new TestNode('a');
    a.place(ledger);
    full(a);
    const next = letter(limits.deadLettersMax + 1, 'fail', 'beyond');
    a.message(next);
    expect(taken(a)).toBe(limits.deadLettersMax);
    a.tick(limits.deadRoomMs);
    a.message(next);
    expect(runs(a, 'fail')).toBe(limits.deadLettersMax + 1);
    expect(ask(a, discardMethod, [1])).toBe(null);
    a.message(next);
    expect(taken(a)).toBe(limits.deadLettersMax + 1);
    expect(page(a, limits.deadLettersMax).letters).toMatchObject([
      { args: ['beyond'], attempts: 2 },
    ]);
  });

  it('are shown page by page, each once', () => {
    const a = new TestNode('a');
    a.place(ledger);
    for (let number = 1; number <= 250; number++) a.message(letter(number, 'fail', `${number}`));
    const seen: number[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const { letters, total, next }: DeadLettersOfActor = page(a, after);
      seen.push(...letters.map(({ letter }) => letter));
      expect(total).toBe(250);
      after = next;
    }
    expect(seen).toEqual(Array.from({ length: 250 }, (_, at) => at + 1));
  });

  it('are told to the leader, those of actors that have left memory too', () => {
    const a = new TestNode('a', shared(), { idleMs: 10_000 });
    a.place(ledger);
    a.message(letter(1, 'fail', 'x'));
    a.tick(20_000);
    a.tick(20_000);
    a.message({
      kind: 'ask-dead-letters',
      term: { generation: 1, number: 0 },
      ask: 5,
      tenant: tenantName('default'),
      limit: 10,
    });
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    const found = a.sent.flatMap((one) =>
      one.kind === 'to-leader' && one.message.kind === 'dead-letters-found' ? [one.message] : [],
    );
    expect(found).toMatchObject([
      { ask: 5, total: 1, letters: 1, unread: 0, actors: [{ actor: ledger, count: 1 }] },
    ]);
  });
});

describe('a dead letter that is delivered anew', () => {
  const world = () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(1, 'hang', 'x'));
    fail(a);
    return a;
  };
  const fail = (node: TestNode): void => {
    const { work } = node.lastTurn();
    const failure = { code: 'USER_ERROR', message: 'no' } as const;
    node.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
  };

  it('is dead no longer when that went well, and whoever asked is told what it came to', () => {
    const a = world();
    expect(ask(a, redeliverMethod, [1])).toBeUndefined();
    a.end(a.lastTurn().work, 'mended', 'x');
    expect(a.values().at(-1)).toBe('mended');
    expect(dead(a)).toEqual([]);
  });

  it('stays dead when it fails again, with one attempt more and the new error', () => {
    const a = world();
    ask(a, redeliverMethod, [1]);
    const { work } = a.lastTurn();
    const failure = { code: 'USER_ERROR', message: 'still not' } as const;
    a.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
    expect(dead(a)).toMatchObject([{ number: 1, attempts: 2, message: 'still not' }]);
  });

  it('takes effect once however often the same call is sent', () => {
    const a = world();
    const caller = { session: sessionId('once'), number: 1, low: 1 };
    const again = () => a.call(redeliverMethod, '', caller, { args: encodeValue([1]), caller });
    again();
    again();
    a.end(a.lastTurn().work, 'mended', 'x');
    again();
    expect(runs(a, 'hang')).toBe(2);
    expect(a.values().slice(-2)).toEqual(['mended', 'mended']);
  });

  it('is not delivered by two at once, nor discarded meanwhile', () => {
    const a = world();
    ask(a, redeliverMethod, [1]);
    expect(ask(a, redeliverMethod, [1])).toBe('WRONG_STATE');
    expect(ask(a, discardMethod, [1])).toBe('WRONG_STATE');
    a.end(a.lastTurn().work, 'mended', 'x');
    expect(ask(a, redeliverMethod, [1])).toBe('UNKNOWN_LETTER');
  });

  it('is dead still when the node dies before the turn is durable, and not when it was', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.message(letter(1, 'hang', 'x'));
    fail(a);
    ask(a, redeliverMethod, [1]);
    a.autoCommit = false;
    a.end(a.lastTurn().work, 'mended', 'x');
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    expect(dead(b)).toHaveLength(1);
    a.commit();
    const c = new TestNode('c', world);
    c.place(ledger, 10, seal('a'));
    expect(dead(c)).toEqual([]);
  });

  it('goes on by its record on another node when its turn had begun', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.message(letter(1, 'hang', 'x'));
    fail(a);
    ask(a, redeliverMethod, [1]);
    a.frame({ kind: 'step-begin', work: a.lastTurn().work, ordinal: 0, name: 's' });
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    expect(ask(b, discardMethod, [1])).toBe('WRONG_STATE');
    b.end(b.lastTurn().work, 'mended', 'x');
    expect(dead(b)).toEqual([]);
  });
});

describe('a dead letter that is discarded', () => {
  it('is gone for good, on the next node too, and once', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.message(letter(1, 'fail', 'x'));
    a.message(letter(2, 'fail', 'y'));
    const caller = { session: sessionId('once'), number: 1, low: 1 };
    const again = (node: TestNode, epoch: number) =>
      node.call(discardMethod, '', caller, { args: encodeValue([1]), caller, epoch });
    again(a, 2);
    again(a, 2);
    expect(a.log.filter(({ kind }) => kind === 'letter-discarded')).toHaveLength(1);
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    again(b, 9);
    expect(b.values().at(-1)).toBe(null);
    expect(dead(b).map(({ letter }) => letter)).toEqual([2]);
    expect(ask(b, discardMethod, [1])).toBe('UNKNOWN_LETTER');
  });
});

describe('dead letters of a scope that goes back', () => {
  const inside = (sender: string): boolean => sender.startsWith('in');
  const outcome = { ok: false, failure: { code: 'USER_ERROR', message: 'no' } } as const;
  /** A letter of this sender dies. */
  const dies = (book: LetterBook, from: string, number: number): void => {
    const cause = { kind: 'letter', from: from as never, fromBirth: 1, number } as const;
    const letterEnd = { kind: 'dead', attempts: 1, args: encodeValue([]) } as const;
    book.ended(`${from}#1`, { cause, method: 'm', outcome, letterEnd, at: 0 }, 0);
  };

  it('are those of then; what came from elsewhere stays dead, and no number is used again', () => {
    const present = new LetterBook();
    dies(present, 'in', 1);
    dies(present, 'out', 1);
    const former = LetterBook.from(present.store(0), 0);
    present.discard(1, 1);
    present.redelivered(2, { ok: true, value: encodeValue(null) });
    dies(present, 'in', 2);
    dies(present, 'out', 2);
    const book = LetterBook.rewound(former, present, inside);
    expect([...book.after(0)].map(({ number, from }) => [number, from])).toEqual([
      [1, 'in'],
      [2, 'out'],
      [4, 'out'],
    ]);
    expect(book.discards).toBe(1);
    dies(book, 'in', 3);
    expect([...book.after(4)].map(({ number }) => number)).toEqual([5]);
  });
});
