/** A runner that crashes, and who was at it. */
import {
  type ActorId,
  actorId,
  callTask,
  decodeValue,
  encodeValue,
  limits,
  type RunTask,
  type ToRunner,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { bundle, ledger, node as nodeAt, other, shared, TestNode } from './harness.ts';

type Turn = Extract<ToRunner, { kind: 'turn' }>;

const innocents = 20;
const actorOf = (n: number): ActorId => actorId('default', 'Ledger', `a${n}`);
const idOf = (turn: Turn): string => (decodeValue(turn.args) as [string])[0];

/** A node with one ordinary runner, at which a poison runs, and twenty others beside it. */
function besidePoison(config: ConstructorParameters<typeof TestNode>[2] = {}) {
  const node = new TestNode('a', shared(), config);
  node.place(ledger);
  for (let n = 0; n < innocents; n++) node.place(actorOf(n));
  for (let n = 0; n < innocents; n++) {
    const actor = actorOf(n);
    const method = n % 3 === 1 ? 'slowList' : 'hang';
    if (n % 3 === 2) node.message(letterTo(actor, `letter${n}`));
    else node.call(method, `id${n}`, { number: n + 1 }, { actor });
  }
  node.call('hang', 'poison', { number: 100 });
  return node;
}

function letterTo(to: ActorId, id: string) {
  return {
    kind: 'letter',
    to,
    epoch: 2,
    from: other,
    fromBirth: 3,
    number: 1,
    method: 'hang',
    args: encodeValue([id]),
    replyTo: nodeAt('z'),
    scope: other,
    clock: {},
  } as const;
}

/** Lets user code go on until nothing runs: a poison crashes its runner, whoever else ends. */
function goOn(node: TestNode): { crashes: number; most: number } {
  let crashes = 0;
  let most = 0;
  for (;;) {
    const [turn] = node.running;
    if (turn === undefined) return { crashes, most };
    most = Math.max(most, node.running.length);
    if (idOf(turn) === 'poison') {
      crashes += 1;
      node.crashRunner(node.runnerOf(turn.work));
    } else node.end(turn.work, idOf(turn), turn.read ? undefined : idOf(turn));
  }
}

const startedIn = (node: TestNode) =>
  node.work.filter(({ kind }) => kind === 'start-runner').length;
const endedIn = (node: TestNode) => node.work.filter(({ kind }) => kind === 'end-runner').length;
const turnsOf = (node: TestNode, id: string) => node.turns().filter((turn) => idOf(turn) === id);
const applied = (node: TestNode) =>
  node.log.flatMap((fact) =>
    fact.kind === 'turn' && fact.outcome.ok ? [String(decodeValue(fact.outcome.value))] : [],
  );

describe('a turn that cannot be stopped', () => {
  const overdueMs = limits.turnLimitMs + 6_000;

  test('fails by its limit once it was alone; who ran beside it is run again', () => {
    const node = new TestNode('a', shared());
    node.place(ledger);
    node.place(actorOf(0));
    node.call('hang', 'poison', { number: 1 });
    node.call('hang', 'id0', { number: 2 }, { actor: actorOf(0) });
    node.tick(overdueMs);
    expect(node.results()).toEqual([]);
    const innocent = node.running.find((turn) => idOf(turn) === 'id0');
    node.end(innocent?.work ?? 0, 'id0', 'id0');
    node.tick(overdueMs);
    expect(node.results()).toMatchObject([
      { number: 2, outcome: { ok: true } },
      { number: 1, outcome: { failure: { code: 'TIME_LIMIT', details: { actor: ledger } } } },
    ]);
    expect(turnsOf(node, 'poison')).toHaveLength(2);
    node.tick(1_000);
    expect(JSON.stringify(node.sent)).toContain('"kind":"ailing"');
  });

  test('undoes what it did, and is run for that once more', () => {
    const node = new TestNode('a', shared());
    node.place(ledger);
    node.call('hang', 'poison', { number: 1 });
    const { work } = node.lastTurn();
    node.frame({ kind: 'step-begin', work, ordinal: 0, name: 'hotel' });
    const outcome = { ok: true, value: encodeValue('booked') } as const;
    node.frame({ kind: 'step-done', work, ordinal: 0, name: 'hotel', outcome });
    node.tick(overdueMs);
    if (node.lastTurn().recorded.length < 2) node.tick(overdueMs);
    expect(node.lastTurn().recorded).toMatchObject([
      { kind: 'step', name: 'hotel' },
      { kind: 'failed', outcome: { failure: { code: 'TIME_LIMIT' } } },
    ]);
  });
});

describe('beside a method that crashes its runner', () => {
  test('calls, reads and letters are run again and take effect once; only the method fails', () => {
    const node = besidePoison();
    expect(node.running).toHaveLength(innocents + 1);
    node.crashRunner();
    const { crashes } = goOn(node);
    expect(crashes).toBeLessThanOrEqual(limits.turnCrashesMax + 1);
    const failed = node.results().filter(({ outcome }) => !outcome.ok);
    expect(failed.map(({ number }) => number)).toEqual([100]);
    expect(JSON.stringify(failed)).toContain('RUNNER_CRASHED');
    const answered = node.results().map(({ number }) => number);
    expect(new Set(answered).size).toBe(answered.length);
    const turns = Array.from({ length: innocents }, (_, n) => n).filter((n) => n % 3 !== 1);
    const ids = turns.map((n) => (n % 3 === 2 ? `letter${n}` : `id${n}`));
    expect(applied(node).sort()).toEqual(ids.sort());
    expect(answered).toHaveLength(
      Array.from({ length: innocents }, (_, n) => n).filter((n) => n % 3 !== 2).length + 1,
    );
    const letterFacts = node.log.filter(
      (fact) => fact.kind === 'turn' && fact.cause.kind === 'letter',
    );
    expect(letterFacts.every((fact) => fact.kind === 'turn' && fact.outcome.ok)).toBe(true);
  });

  test('the others crash with it once, and then it is alone', () => {
    const node = besidePoison();
    node.crashRunner();
    goOn(node);
    for (let n = 0; n < innocents; n++) {
      expect(turnsOf(node, n % 3 === 2 ? `letter${n}` : `id${n}`)).toHaveLength(2);
    }
  });

  test('who was idle is back at once, and does not wait for those that are tried', () => {
    const node = new TestNode('a');
    for (const actor of [ledger, actorOf(0), actorOf(1)]) node.place(actor);
    node.call('add', 'x', { number: 1 }, { actor: actorOf(0) });
    node.call('hang', 'poison', { number: 2 });
    node.crashRunner();
    node.call('add', 'y', { number: 3 }, { actor: actorOf(0) });
    expect(node.values()).toEqual([1, 2]);
  });

  test('a second one that crashes runners fails as well, and nobody else', () => {
    const node = besidePoison();
    node.place(other);
    node.call('hang', 'poison', { number: 101 }, { actor: other });
    node.crashRunner();
    goOn(node);
    const failed = node.results().filter(({ outcome }) => !outcome.ok);
    expect(failed.map(({ number }) => number).sort()).toEqual([100, 101]);
    expect(node.results()).toHaveLength(16);
  });

  test('few runners are for trials, and none when nobody is tried any more', () => {
    const node = besidePoison();
    node.crashRunner();
    const { most } = goOn(node);
    expect(most).toBeLessThanOrEqual(2);
    // One crashed, one in its place; of those for trials each crashed or was ended.
    const crashed = limits.turnCrashesMax + 1;
    expect(startedIn(node) - endedIn(node)).toBeLessThanOrEqual(crashed + 1 + 1);
    expect(startedIn(node)).toBeLessThanOrEqual(crashed + 4);
  });

  test('what waits behind a turn of the same actor is not blamed for it, nor it for what waits', () => {
    const node = new TestNode('a');
    node.place(ledger);
    for (const [at, id] of ['x', 'poison', 'y'].entries())
      node.call('hang', id, { number: at + 1 });
    node.call('slowList', 'r', { number: 4 });
    // All are at the runner, and nobody knows which of them was running.
    node.crashRunner();
    goOn(node);
    const ended = node.results().map(({ number, outcome }) => [number, outcome.ok] as const);
    expect(ended.sort(([one], [other]) => one - other)).toEqual([
      [1, true],
      [2, false],
      [3, true],
      [4, true],
    ]);
  });

  test('a read that crashes its runner fails alone', () => {
    const node = new TestNode('a');
    for (const actor of [ledger, other]) node.place(actor);
    node.call('hang', 'x', { number: 1 }, { actor: other });
    node.call('slowList', 'poison', { number: 2 });
    node.crashRunner();
    goOn(node);
    expect(node.values().sort()).toEqual(['RUNNER_CRASHED', 'x']);
  });
});

describe('a turn on trial that takes long', () => {
  test('is acquitted where it is, and is not begun anew', () => {
    const node = new TestNode('a');
    for (const actor of [ledger, other]) node.place(actor);
    node.call('hang', 'x', { number: 1 });
    node.call('hang', 'y', { number: 2 }, { actor: other });
    node.crashRunner();
    node.tick(60_000);
    expect(turnsOf(node, 'x')).toHaveLength(2);
    // Reads do not wait for it.
    node.call('list', 'r', { number: 3 });
    expect(node.values()).toEqual([[]]);
    goOn(node);
    expect(node.values()).toEqual([[], 'x', 'y']);
    node.call('add', 'z', { number: 4 });
    expect(node.values().at(-1)).toBe(2);
  });

  test('does not keep the others waiting, however many of them take long', () => {
    const node = besidePoison();
    node.crashRunner();
    node.tick(1);
    // Nothing ends by itself: all are tried one after the other, beside those that were acquitted.
    for (let seconds = 0; seconds < 60; seconds++) {
      node.tick(1_000);
      for (const turn of node.running) {
        if (idOf(turn) === 'poison') node.crashRunner(node.runnerOf(turn.work));
      }
    }
    expect(node.running).toHaveLength(innocents);
    const runners = new Set(node.running.map(({ work }) => node.runnerOf(work)));
    expect(runners.size).toBeLessThanOrEqual(4);
    goOn(node);
    expect(node.results().filter(({ outcome }) => !outcome.ok)).toHaveLength(1);
  });

  test('and crashes in the end is alone for long enough after a few crashes', () => {
    const node = besidePoison();
    node.crashRunner();
    // It lives for 25 s each time; the others for a minute.
    const since = new Map<number, number>();
    let crashes = 0;
    for (let second = 0; second < 2_000 && node.running.length > 0; second++) {
      node.tick(1_000);
      for (const turn of [...node.running]) {
        if (!node.running.includes(turn)) continue;
        const begun = since.get(turn.work) ?? second;
        since.set(turn.work, begun);
        if (idOf(turn) === 'poison' && second - begun >= 25) {
          crashes += 1;
          node.crashRunner(node.runnerOf(turn.work));
        } else if (idOf(turn) !== 'poison' && second - begun >= 60) {
          node.end(turn.work, idOf(turn), turn.read ? undefined : idOf(turn));
        }
      }
    }
    expect(crashes).toBeLessThanOrEqual(limits.turnCrashesMax + 6);
    expect(node.running).toEqual([]);
    const failed = node.results().filter(({ outcome }) => !outcome.ok);
    expect(failed.map(({ number }) => number)).toEqual([100]);
  });
});

describe('an actor that waits for its trial', () => {
  test('answers its callers when it has been tried, whatever comes meanwhile', () => {
    const node = new TestNode('a');
    for (let n = 0; n < 5; n++) node.place(actorOf(n));
    for (let n = 0; n < 5; n++)
      node.call('hang', `x${n}`, { number: n + 1 }, { actor: actorOf(n) });
    node.crashRunner();
    for (let n = 0; n < 5; n++)
      node.call('add', `y${n}`, { number: n + 11 }, { actor: actorOf(n) });
    for (let n = 0; n < 5; n++) node.call('list', '', { number: n + 21 }, { actor: actorOf(n) });
    expect(node.results()).toEqual([]);
    goOn(node);
    expect(node.results()).toHaveLength(15);
    expect(node.results().every(({ outcome }) => outcome.ok)).toBe(true);
  });

  test('leaves a node that is drained without it, and takes its calls along', () => {
    const node = new TestNode('a');
    for (let n = 0; n < 5; n++) node.place(actorOf(n));
    for (let n = 0; n < 5; n++)
      node.call('hang', `x${n}`, { number: n + 1 }, { actor: actorOf(n) });
    node.crashRunner();
    const term = { generation: 1, number: 0 };
    node.message({ kind: 'drain', term });
    node.tick(1_000);
    const gone = [2, 3, 4].map((n) => ({ actor: actorOf(n), epoch: 2 }));
    node.message({ kind: 'release-seen', term, actors: gone });
    const away = node.replies.flatMap(({ message }) =>
      message.kind === 'not-here' ? [message.number] : [],
    );
    expect(away.sort()).toEqual([3, 4, 5]);
    goOn(node);
    node.tick(1_000);
    const released = node.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'released' ? send.message.actors : [],
    );
    expect(new Set(released.map(({ actor }) => actor)).size).toBe(5);
  });

  test('hears no answer to what it had asked once it has left', () => {
    const node = new TestNode('a');
    const place = { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 };
    node.message({ kind: 'located', actor: other, location: place });
    for (let n = 0; n < 3; n++) node.place(actorOf(n));
    for (let n = 0; n < 3; n++) {
      const id = `x${n}`;
      node.call(n < 2 ? 'hang' : 'ask', id, { number: n + 1 }, { actor: actorOf(n) });
    }
    const [asked] = node.toNodes().flatMap((one) => (one.kind === 'call' ? [one] : []));
    if (asked === undefined) throw new Error('nothing was asked');
    node.crashRunner();
    node.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    node.tick(1_000);
    const factsOf = () => node.log.filter((one) => 'actor' in one && one.actor === actorOf(2));
    expect(node.machine.actors.get(actorOf(2))?.phase).toBe('released');
    const facts = factsOf().length;
    const { session, number } = asked.caller;
    const outcome = { ok: true, value: encodeValue(1) } as const;
    node.message({ kind: 'call-result', actor: other, session, number, outcome });
    expect(factsOf()).toHaveLength(facts);
  });

  test('waits on when no runner can be started for it, unless there is none at all', () => {
    for (const left of [1, 0]) {
      const node = new TestNode('a');
      for (let n = 0; n < 3; n++) node.place(actorOf(n));
      node.call('add', 'idle', { number: 1 }, { actor: actorOf(0) });
      for (const n of [1, 2]) {
        node.call('hang', `x${n}`, { number: n + 1 }, { actor: actorOf(n) });
      }
      node.startsLeft = left;
      node.crashRunner();
      node.startsLeft = 1;
      node.tick(1_000);
      node.startsLeft = Number.POSITIVE_INFINITY;
      node.tick(1_000);
      goOn(node);
      const failed = ['BUNDLE_LOAD_FAILED', 'BUNDLE_LOAD_FAILED'];
      expect(node.values().slice(1).sort()).toEqual(left === 1 ? ['x1', 'x2'] : failed);
    }
  });

  test('is tried at another runner when the one for it dies before it has been read back', () => {
    const node = new TestNode('a');
    node.place(actorOf(0));
    node.call('add', 'x', { number: 1 }, { actor: actorOf(0) });
    node.call('hang', 'x0', { number: 2 }, { actor: actorOf(0) });
    const orders: typeof node.restores = [];
    node.heldRestores = orders;
    node.crashRunner();
    expect(orders).toHaveLength(1);
    node.crashRunner(startedIn(node));
    node.heldRestores = undefined;
    for (const order of orders) node.readBack(order);
    goOn(node);
    expect(node.values()).toEqual([1, 'x0']);
  });

  test('is cancelled like any other that waits', () => {
    const node = new TestNode('a');
    for (let n = 0; n < 3; n++) node.place(actorOf(n));
    for (let n = 0; n < 3; n++)
      node.call('hang', `x${n}`, { number: n + 1 }, { actor: actorOf(n) });
    node.crashRunner();
    const session = 's1' as never;
    node.message({ kind: 'cancel-call', actor: actorOf(2), session, number: 3 });
    goOn(node);
    expect(node.values().sort()).toEqual(['CANCELLED', 'x0', 'x1']);
  });
});

describe('a task at a runner that crashes', () => {
  const order = (task: string, name: string): RunTask => ({
    kind: 'run-task',
    term: { generation: 1, number: 0 },
    task: taskId(task),
    attempt: 1,
    started: 40,
    tenant: tenantName('default'),
    bundle,
    name,
    input: encodeValue(1),
    limitMs: 60_000,
  });
  const codes = (node: TestNode) =>
    node.sent.flatMap((send) => {
      if (send.kind !== 'to-leader' || send.message.kind !== 'task-result') return [];
      const { task, outcome } = send.message;
      return [[task, outcome.ok ? 'ok' : outcome.failure.code]];
    });

  test('loses its attempt, which runs at most once; one that only calls an actor is not blamed', () => {
    const node = new TestNode('a');
    node.message(order('own', 'work'));
    node.message(order('calls', callTask));
    node.place(ledger);
    node.call('hang', 'poison', { number: 1 });
    node.crashRunner();
    goOn(node);
    expect(codes(node)).toEqual([
      ['own', 'RUNNER_CRASHED'],
      ['calls', 'OUTCOME_UNKNOWN'],
    ]);
    expect(node.values()).toEqual(['RUNNER_CRASHED']);
  });

  test('fails no turn that ran beside it, however often it comes again', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('hang', 'x', { number: 1 });
    for (let attempt = 1; attempt <= 4; attempt++) {
      node.call('hang', `x${attempt}`, { number: attempt + 1 });
      node.message({ ...order('t', 'work'), attempt });
      node.crashRunner();
      goOn(node);
    }
    expect(node.values()).toEqual(['x', 'x1', 'x2', 'x3', 'x4']);
    expect(codes(node)).toHaveLength(4);
  });
});

describe('an actor that crashes whatever runner brings it into memory', () => {
  /** Crashes the runner at which it is, as often as it comes. */
  const crashAtStart = (node: TestNode, bad: ActorId): number => {
    for (let crashes = 0; ; crashes++) {
      const runner = node.runnerAt(bad);
      if (runner === undefined) return crashes;
      node.crashRunner(runner);
    }
  };

  test('fails alone: its callers are told, and whoever ran beside it runs again', () => {
    const node = new TestNode('a');
    node.hangsAtStart.add(ledger);
    for (const actor of [ledger, actorOf(0), actorOf(1)]) node.place(actor);
    node.call('hang', 'x', { number: 1 }, { actor: actorOf(0) });
    node.call('add', 'y', { number: 2 }, { actor: actorOf(1) });
    node.call('add', 'never', { number: 3 });
    expect(crashAtStart(node, ledger)).toBeLessThanOrEqual(limits.turnCrashesMax + 2);
    goOn(node);
    expect(node.values().sort()).toEqual([1, 'RUNNER_CRASHED', 'x'].sort());
    // Asked again it is tried again, where it harms nobody.
    node.call('hang', 'z', { number: 4 }, { actor: actorOf(0) });
    node.call('add', 'never', { number: 5 });
    crashAtStart(node, ledger);
    expect(turnsOf(node, 'z')).toHaveLength(1);
    node.hangsAtStart.clear();
    node.call('add', 'now', { number: 6 });
    // It was held back meanwhile.
    node.tick(limits.heldBackMs);
    expect(node.values().at(-1)).toBe(1);
  });
});
