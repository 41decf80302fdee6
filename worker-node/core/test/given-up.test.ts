/** Actors that are given up after so many failures in a row. */
import {
  type ActorWish,
  type AilingActor,
  type Call,
  encodeValue,
  type Failure,
  type LetterAck,
  limits,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { frail, node, other, seal, shared, TestNode } from './harness.ts';

const crashed = { code: 'RUNNER_CRASHED', message: 'SIGSEGV' } as const;

function givenUp(at: number): ActorWish {
  return { kind: 'paused', at, givenUp: { failure: crashed, failures: 2 } };
}

function call(a: TestNode, method: string, number: number, more: Partial<Call> = {}): void {
  a.call(method, `${method}${number}`, { number }, { actor: frail, ...more });
}

function crashes(a: TestNode, number: number): void {
  call(a, 'hang', number);
  const { length } = a.outcomes();
  // At first it may not have been alone.
  for (let n = 0; n <= limits.turnCrashesMax && a.outcomes().length === length; n++)
    a.crashRunner();
}

/** What the leader was told last of who is ill. */
function ailing(a: TestNode): readonly AilingActor[] {
  const told = a.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'ailing' ? [send.message.actors] : [],
  );
  return told.at(-1) ?? [];
}

function lastRefusal(a: TestNode): Failure | undefined {
  const outcome = a.outcomes().at(-1);
  return outcome?.ok === false ? outcome.failure : undefined;
}

const refusal = {
  code: 'GIVEN_UP',
  message: expect.stringContaining('RUNNER_CRASHED: SIGSEGV'),
  details: { actor: frail, failures: 2, last: 'RUNNER_CRASHED' },
};

function wish(a: TestNode, at: number, kind: 'live' | 'given up', epoch = 2): void {
  a.place(frail, epoch, [], 1, { wish: kind === 'live' ? { kind, at } : givenUp(at) });
}

/** One whose turns have crashed its runners, and the leader says that it is given up. */
function fallen(world = shared()): TestNode {
  const a = new TestNode('a', world);
  a.place(frail);
  call(a, 'add', 1);
  crashes(a, 2);
  crashes(a, 3);
  a.tick(1_000);
  wish(a, 7, 'given up');
  return a;
}

/** The node that it is placed on when that of `fallen` has died. */
function successor(world = shared()): TestNode {
  fallen(world);
  const b = new TestNode('b', world);
  b.place(frail, 9, seal('a'), 1, { wish: givenUp(7) });
  return b;
}

function letter(number: number, epoch: number) {
  return {
    kind: 'letter',
    to: frail,
    epoch,
    from: other,
    fromBirth: 3,
    number,
    method: 'add',
    args: encodeValue([`l${number}`]),
    replyTo: node('z'),
    scope: other,
    clock: {},
  } as const;
}

function acks(a: TestNode): LetterAck[] {
  return a.replies.flatMap(({ message }) => (message.kind === 'letter-ack' ? [message] : []));
}

describe('an actor that has failed as often in a row as its type lets it', () => {
  it('is told to the leader with the wish that it failed under, and held back meanwhile', () => {
    const a = new TestNode('a');
    a.place(frail);
    crashes(a, 1);
    a.tick(1_000);
    expect(ailing(a)[0]?.givesUp).toBeUndefined();
    crashes(a, 2);
    a.tick(1_000);
    expect(ailing(a)).toMatchObject([{ actor: frail, givesUp: { failures: 2, wishAt: 0 } }]);
    call(a, 'add', 3);
    a.tick(6_000);
    expect(a.values()).toEqual(['RUNNER_CRASHED', 'RUNNER_CRASHED']);
  });

  it('is tried once a minute where no leader knows of giving up', () => {
    const a = new TestNode('a');
    a.place(frail);
    crashes(a, 1);
    crashes(a, 2);
    call(a, 'add', 3);
    a.tick(limits.heldBackMsMax);
    expect(a.values().at(-1)).toBe(1);
  });

  it('refuses at once what waits and what comes, reads and signals too, by its last failure', () => {
    const a = new TestNode('a');
    a.place(frail);
    crashes(a, 1);
    crashes(a, 2);
    call(a, 'add', 3);
    wish(a, 7, 'given up');
    expect(lastRefusal(a)).toMatchObject(refusal);
    call(a, 'list', 4);
    expect(a.outcomes()).toHaveLength(4);
    expect(lastRefusal(a)).toMatchObject(refusal);
    call(a, '$signal', 5, { args: encodeValue(['go', 1]) });
    expect(a.outcomes()).toHaveLength(5);
    expect(lastRefusal(a)).toMatchObject(refusal);
    expect(a.runnerAt(frail)).toBeUndefined();
  });

  it('is at no runner, whatever comes, and answers again what it had answered', () => {
    const a = fallen();
    const { length } = a.work;
    call(a, 'add', 1);
    expect(a.values().at(-1)).toBe(1);
    call(a, 'hang', 2);
    expect(lastRefusal(a)?.code).toBe('RUNNER_CRASHED');
    for (let n = 0; n < 10; n++) a.tick(60_000);
    expect(a.work.slice(length).filter(({ kind }) => kind === 'start-runner')).toEqual([]);
    expect(a.runnerAt(frail)).toBeUndefined();
  });

  it('stays so on the next node, which answers what the first had answered and refuses the rest', () => {
    const b = successor();
    call(b, 'add', 1);
    expect(b.values()).toEqual([1]);
    call(b, 'add', 4);
    expect(lastRefusal(b)).toMatchObject(refusal);
    expect(b.work.filter(({ kind }) => kind === 'start-runner')).toEqual([]);
  });

  it('whose record cannot be read says that nobody knows of a call, at once, and does not read it for each', () => {
    const world = shared();
    fallen(world);
    const b = new TestNode('b', world);
    b.heldRestores = [];
    b.place(frail, 9, seal('a'), 1, { wish: givenUp(7) });
    const failure = { code: 'LOG_CORRUPT', message: 'a flipped bit' } as const;
    for (let number = 4; number < 6; number++) {
      call(b, 'add', number);
      b.post({ kind: 'restore-failed', actor: frail, epoch: 9, failure });
      expect(lastRefusal(b)).toMatchObject({ ...refusal, code: 'OUTCOME_UNKNOWN' });
    }
    const asked = b.heldRestores.length;
    call(b, 'add', 6);
    expect(lastRefusal(b)).toMatchObject({ ...refusal, code: 'OUTCOME_UNKNOWN' });
    expect(b.outcomes()).toHaveLength(3);
    expect(b.heldRestores).toHaveLength(asked);
  });

  it('takes no letter, says for how long, and takes each once when it is resumed', () => {
    const b = successor();
    b.message(letter(1, 9));
    b.message(letter(1, 9));
    expect(acks(b)).toMatchObject([{ upTo: 0 }, { upTo: 0 }]);
    for (const { heldMs } of acks(b)) expect(heldMs).toBeGreaterThan(0);
    wish(b, 8, 'live', 9);
    b.message(letter(1, 9));
    b.message(letter(1, 9));
    call(b, 'list', 4);
    expect(b.values().at(-1)).toEqual(['add1', 'l1']);
  });

  it('goes on with what had begun when it is resumed, and neither refuses it nor runs it twice', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(frail);
    call(a, 'hang', 1);
    const { work } = a.lastTurn();
    a.frame({ kind: 'step-begin', work, ordinal: 0, name: 'one' });
    wish(a, 7, 'given up');
    expect(a.outcomes()).toEqual([]);
    const b = new TestNode('b', world);
    b.place(frail, 9, seal('a'), 1, { wish: givenUp(7) });
    call(b, 'hang', 1);
    expect(b.outcomes()).toEqual([]);
    wish(b, 8, 'live', 9);
    call(b, 'hang', 1);
    const again = b.turns().filter(({ method }) => method === 'hang');
    expect(again).toHaveLength(1);
    b.end(b.lastTurn().work, 'done');
    expect(b.values()).toEqual(['done']);
  });

  it('has a whole count anew when it is resumed, and comes into memory though nobody asks', () => {
    const a = fallen();
    wish(a, 8, 'live');
    expect(a.runnerAt(frail)).toBeDefined();
    crashes(a, 4);
    a.tick(1_000);
    expect(ailing(a)).toMatchObject([{ actor: frail }]);
    expect(ailing(a)[0]?.givesUp).toBeUndefined();
    call(a, 'add', 5);
    expect(a.values().at(-1)).toBe(2);
    crashes(a, 6);
    crashes(a, 7);
    a.tick(1_000);
    expect(ailing(a)[0]?.givesUp).toEqual({ failures: 2, wishAt: 8 });
  });

  it('sends the letters of its turns from the next node too', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(frail);
    call(a, 'post', 1);
    crashes(a, 2);
    crashes(a, 3);
    const b = new TestNode('b', world);
    b.place(frail, 9, seal('a'), 1, { wish: givenUp(7) });
    expect(b.toLeader()).toContain('resolve');
    expect(b.work.filter(({ kind }) => kind === 'start-runner')).toEqual([]);
  });

  it('is not given up because the store was away', () => {
    const a = new TestNode('a');
    a.heldRestores = [];
    a.place(frail, 9, seal('lost'));
    const failure = { code: 'UNAVAILABLE', message: 'the store is away' } as const;
    for (let n = 0; n < 5; n++) {
      a.post({ kind: 'restore-failed', actor: frail, epoch: 9, failure });
      a.tick(60_000);
    }
    expect(ailing(a)).toMatchObject([{ loops: true }]);
    expect(ailing(a)[0]?.givesUp).toBeUndefined();
  });

  it('waits as long as its type says before it is tried again, and no longer than it says', () => {
    const a = new TestNode('a');
    a.heldRestores = [];
    a.place(frail, 9, seal('lost'));
    const failure = { code: 'UNAVAILABLE', message: 'the store is away' } as const;
    const fails = () => a.post({ kind: 'restore-failed', actor: frail, epoch: 9, failure });
    const isTried = (ms: number) => {
      const { length } = a.heldRestores ?? [];
      a.tick(ms);
      return (a.heldRestores?.length ?? 0) > length;
    };
    // Its type is known here once a runner has its bundle.
    a.place(other);
    a.call('add', 'x', { number: 1 }, { actor: other });
    fails();
    a.tick(2_000);
    fails();
    expect([isTried(3_000), isTried(1_000)]).toEqual([false, true]);
    fails();
    expect([isTried(4_000), isTried(1_000)]).toEqual([false, true]);
  });
});
