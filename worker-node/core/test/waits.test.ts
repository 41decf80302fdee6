import {
  decodeValue,
  encodeValue,
  limits,
  logName,
  type Outcome,
  type Recorded,
  sessionId,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { ledger, shared, TestNode } from './harness.ts';

const minute = 60_000;
const idleMs = 300_000;

function placed(config = {}): TestNode {
  const node = new TestNode('n1', shared(), config);
  node.place(ledger);
  return node;
}

/** A turn that waits for a signal of this name, and has nothing else to do. */
function waiting(node: TestNode, limitMs?: number, name = 'approval'): number {
  node.call('hang', 'w');
  return waits(node, limitMs, name);
}

function waits(node: TestNode, limitMs?: number, name = 'approval'): number {
  const { work } = node.lastTurn();
  const frame = { kind: 'wait-begin', work, ordinal: 0, name } as const;
  node.frame(limitMs === undefined ? frame : { ...frame, limitMs });
  if (!node.told(work).has(0)) node.giveUp(work, [0]);
  return work;
}

function reply(outcome: Outcome | undefined): unknown {
  if (outcome === undefined) return undefined;
  return outcome.ok ? decodeValue(outcome.value) : outcome.failure.code;
}

function recordedIn(node: TestNode): Recorded[] {
  return node.log.flatMap((fact) => (fact.kind === 'turn-recorded' ? [fact.recorded] : []));
}

/** The node dies: another one takes the actor over by its log, and by that of the one before. */
function takeOver(node: TestNode, name: string, before?: TestNode): TestNode {
  const stores = shared();
  const nodes = before === undefined ? [node] : [before, node];
  for (const one of nodes) stores.logs.set(`turns-${one.name}`, one.log);
  for (const [actor, checkpoint] of node.checkpoints) stores.checkpoints.set(actor, checkpoint);
  const next = new TestNode(name, stores);
  const chain = nodes.map((one) => ({ log: logName(`turns-${one.name}`), from: 0, to: 1_000 }));
  next.place(ledger, 9, chain);
  return next;
}

describe('a turn that waits', () => {
  test('runs again with the signal that has come, and only then', () => {
    const node = placed();
    waiting(node);
    node.tick(10 * minute);
    expect(node.turns()).toHaveLength(1);
    node.signal('approval', { by: 'Ada' });
    expect(node.turns()).toHaveLength(2);
    const [wait] = node.lastTurn().recorded;
    expect(reply(wait?.outcome)).toEqual({ by: 'Ada' });
    node.end(node.lastTurn().work, 'approved', 'w');
    expect(node.values()).toEqual([null, 'approved']);
  });

  test('lets no other turn run before it has ended, and lets reads run', () => {
    const node = placed();
    waiting(node);
    node.call('add', 'later', { number: 2 });
    node.call('list', '', { number: 3 });
    expect(node.values()).toEqual([[]]);
    node.signal('approval', 1);
    node.end(node.lastTurn().work, 'first', 'w');
    expect(node.values()).toEqual([[], null, 'first', 2]);
  });

  test('takes back what its runner was to run after it, in order', () => {
    const node = placed();
    node.call('hang', 'w');
    const { work } = node.lastTurn();
    node.call('add', 'a', { number: 2 });
    node.call('add', 'b', { number: 3 });
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
    node.giveUp(work, [0]);
    expect(node.values()).toEqual([]);
    node.signal('approval', 1);
    node.end(node.lastTurn().work, 'w', 'w');
    expect(node.values()).toEqual([null, 'w', 2, 3]);
  });

  test('hears a signal at once while its runner still has it', () => {
    const node = placed();
    node.call('hang', 'w');
    const { work } = node.lastTurn();
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
    node.signal('approval', 7);
    expect(reply(node.told(work).get(0))).toBe(7);
  });

  test('runs again when a signal came while its runner gave it up', () => {
    const node = placed();
    node.call('hang', 'w');
    const { work } = node.lastTurn();
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
    node.signal('approval', 7);
    node.giveUp(work, [0]);
    expect(node.turns()).toHaveLength(2);
    expect(reply(node.lastTurn().recorded[0]?.outcome)).toBe(7);
  });

  test('goes on after its node has died, with the signal that came before or comes after', () => {
    const node = placed();
    waiting(node);
    const next = takeOver(node, 'n2');
    waits(next);
    next.message(signalTo(9));
    expect(next.lastTurn().recorded.map(({ outcome }) => reply(outcome))).toEqual(['yes']);
    const third = takeOver(next, 'n3', node);
    expect(third.lastTurn().recorded.map(({ outcome }) => reply(outcome))).toEqual(['yes']);
  });

  test('leaves memory like any other actor, and a signal brings it back', () => {
    const node = placed();
    waiting(node);
    node.tick(idleMs + 1_000);
    node.tick(1_000);
    expect(node.machine.actors.get(ledger)?.phase).toBe('cold');
    // Its caller asks each second; that alone brings nothing back.
    node.call('hang', 'w');
    expect(node.machine.actors.get(ledger)?.phase).toBe('cold');
    node.signal('approval', 'yes');
    expect(node.turns()).toHaveLength(2);
    expect(reply(node.lastTurn().recorded[0]?.outcome)).toBe('yes');
    node.end(node.lastTurn().work, 'done', 'w');
    expect(node.values()).toEqual([null, 'done']);
  });

  test('that a read brings into memory goes on waiting, and does not run', () => {
    const node = placed();
    waiting(node);
    node.tick(idleMs + 1_000);
    node.tick(1_000);
    node.call('list', '', { number: 2 });
    expect(node.values()).toEqual([[]]);
    expect(node.turns().map(({ method }) => method)).toEqual(['hang', 'list']);
  });

  test('hears that its caller does not wait any longer, instead of a signal', () => {
    const node = placed();
    waiting(node);
    node.message({ kind: 'cancel-call', actor: ledger, session: sessionId('s1'), number: 1 });
    expect(reply(node.lastTurn().recorded[0]?.outcome)).toBe('CANCELLED');
  });

  test('is handed over as it waits when its node is drained', () => {
    const node = placed();
    waiting(node);
    node.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    expect(node.toLeader()).toContain('released');
    const next = takeOver(node, 'n2');
    expect(next.turns()).toEqual([]);
    next.message(signalTo(9));
    expect(reply(next.lastTurn().recorded[0]?.outcome)).toBe('yes');
  });

  test('outlives a crash of the runner that held its state', () => {
    const node = placed();
    waiting(node);
    node.crashRunner();
    expect(node.turns()).toHaveLength(1);
    node.signal('approval', 'yes');
    expect(reply(node.lastTurn().recorded[0]?.outcome)).toBe('yes');
  });
});

describe('the limit of a wait', () => {
  test('ends it when it has passed, and not before', () => {
    const node = placed();
    waiting(node, minute);
    node.tick(minute - 1);
    expect(node.turns()).toHaveLength(1);
    node.tick(1);
    const outcome = node.lastTurn().recorded[0]?.outcome;
    expect(reply(outcome)).toBe('NO_SIGNAL');
    expect(outcome?.ok === false && outcome.failure.message).toMatch(
      /no signal "approval" came to default\/Ledger\/one within 60000 ms; signal the actor in time/,
    );
  });

  test('ends it also while the actor is not in memory', () => {
    const node = placed();
    waiting(node, 60 * minute);
    node.tick(idleMs + 1_000);
    node.tick(1_000);
    expect(node.machine.actors.get(ledger)?.phase).toBe('cold');
    node.tick(60 * minute - idleMs - 2_001);
    expect(node.turns()).toHaveLength(1);
    node.tick(1);
    node.tick(0);
    expect(reply(node.lastTurn().recorded[0]?.outcome)).toBe('NO_SIGNAL');
  });

  test('is not over early after a failover, and late by an eighth of it at most', () => {
    const node = placed();
    waiting(node, 80 * minute);
    for (let passed = 0; passed < 70; passed += 0.5) node.tick(minute / 2);
    const next = takeOver(node, 'n2');
    next.tick(10 * minute - 1);
    expect(next.turns()).toEqual([]);
    next.tick(10 * minute + 2 * minute);
    next.tick(0);
    expect(reply(next.lastTurn().recorded[0]?.outcome)).toBe('NO_SIGNAL');
  });

  test('does not end a wait that has heard its signal', () => {
    const node = placed();
    waiting(node, minute);
    node.signal('approval', 1);
    node.end(node.lastTurn().work, 'done', 'w');
    node.tick(10 * minute);
    expect(node.turns()).toHaveLength(2);
  });
});

describe('a signal', () => {
  test('that comes before its wait is kept, also by a checkpoint, and given once', () => {
    const node = placed();
    node.signal('approval', 'first');
    node.tick(idleMs + 1_000);
    node.tick(1_000);
    expect(node.machine.actors.get(ledger)?.phase).toBe('cold');
    const work = waiting(node);
    expect(reply(node.told(work).get(0))).toBe('first');
    node.end(work, 'done', 'w');
    const again = takeOver(node, 'n2');
    again.call('hang', 'x', { number: 2 }, { epoch: 9 });
    waits(again);
    expect(again.told(again.lastTurn().work).size).toBe(0);
  });

  test('is answered when it is durable, and once in effect however often it is sent', () => {
    const node = placed();
    node.autoCommit = false;
    node.signal('approval', 1);
    node.commit();
    node.commit();
    expect(node.values()).toEqual([null]);
    node.autoCommit = true;
    node.signal('approval', 1);
    expect(node.values()).toEqual([null, null]);
    expect(node.log.filter(({ kind }) => kind === 'signalled')).toHaveLength(1);
  });

  test('goes to the first wait of its name, the oldest first', () => {
    const node = placed();
    node.signal('other', 'o', { number: 1 });
    node.signal('approval', 'a', { number: 2 });
    node.signal('approval', 'b', { number: 3 });
    const work = waiting(node);
    node.frame({ kind: 'wait-begin', work, ordinal: 1, name: 'approval' });
    expect([0, 1].map((ordinal) => reply(node.told(work).get(ordinal)))).toEqual(['a', 'b']);
  });

  test('beyond those that an actor keeps is refused, with the time after which to retry', () => {
    const node = placed();
    for (let number = 1; number <= limits.signalsKeptMax + 1; number++) {
      node.signal('approval', number, { number, low: number });
    }
    const outcome = node.outcomes().at(-1);
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'RESOURCE_EXHAUSTED' } });
    expect(node.log.filter(({ kind }) => kind === 'signalled')).toHaveLength(limits.signalsKeptMax);
  });

  test('without a name is refused and changes nothing', () => {
    const node = placed();
    node.call('$signal', 'x', {}, { args: encodeValue([7]) });
    expect(node.values()).toEqual(['INVALID_ARGUMENT']);
    expect(node.log.some(({ kind }) => kind === 'signalled')).toBe(false);
  });

  test('given to a wait that loses its race unheard is kept for the next', () => {
    const node = placed();
    node.call('hang', 'w');
    const { work } = node.lastTurn();
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
    node.signal('approval', 'kept');
    const decided = {
      kind: 'race',
      ordinal: 2,
      name: 'of 2',
      outcome: { ok: true, value: encodeValue(1) },
      lost: [0],
    } as const;
    node.frame({ kind: 'decided', work, decided });
    node.frame({ kind: 'wait-begin', work, ordinal: 3, name: 'approval' });
    expect(reply(node.told(work).get(3))).toBe('kept');
    const next = takeOver(node, 'n2');
    const replayed = next.lastTurn().recorded;
    expect(replayed).toEqual(recordedIn(node).filter(({ outcome }) => outcome !== undefined));
    expect(next.machine.actors.get(ledger)?.memory?.signals.size).toBe(0);
  });
});

function signalTo(epoch: number) {
  const args = encodeValue(['approval', 'yes']);
  const node = new TestNode('x');
  const session = sessionId('s9');
  return {
    kind: 'call',
    actor: ledger,
    birth: 1,
    epoch,
    method: '$signal',
    args,
    caller: { session, number: 1, low: 1 },
    replyTo: 'gateway:g1' as never,
    sentAt: node.now,
    deadlineAt: node.now + 10 ** 9,
    standstills: 0,
    path: [],
  } as const;
}

test('nothing of a wait is left in its node once the turn has ended', () => {
  const node = placed();
  const before = node.machine.alarms.size;
  waiting(node, 10 ** 9);
  expect(node.machine.alarms.size).toBeGreaterThan(before);
  node.signal('approval', 'yes');
  node.end(node.lastTurn().work, 'done', 'w');
  // It is in memory now, and will be asked whether it is well.
  expect(node.machine.alarms.size).toBe(before + 1);
});
