import {
  encodeValue,
  limits,
  type NewsOfActor,
  type TimerChange,
  type TimerWhen,
  type ToNode,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { TimerBook } from '../src/timer-book.ts';
import { ledger, other, seal, shared, TestNode } from './harness.ts';

const after = (ms: number): TimerWhen => ({ kind: 'after', ms });
const every = (ms: number): TimerWhen => ({ kind: 'every', firstMs: ms, ms });

/** As it may itself stand in arguments. */
const bytes = (value: unknown): Uint8Array => Uint8Array.from(encodeValue(value));

function set(name: string, when: TimerWhen, method = 'add'): TimerChange {
  return { kind: 'set', name, when, method, args: bytes([name]) };
}

const later: TimerChange = {
  kind: 'set',
  when: after(5_000),
  method: 'add',
  args: bytes(['later']),
  to: { type: 'Ledger', key: 'other' },
};

let calls = 0;

class Actor extends TestNode {
  /** A turn that does this to timers. */
  time(...changes: TimerChange[]): void {
    calls += 1;
    const args = encodeValue(['time', ...changes]);
    this.call('time', 'time', { number: calls }, { args });
  }

  applied(epoch = 2): unknown {
    calls += 1;
    this.call('list', 'list', { number: calls }, { epoch });
    return this.values().at(-1);
  }

  due(number: number, firing = 1, birth = 1): void {
    const term = { generation: 1, number: 0 };
    this.message({
      kind: 'timers-due',
      term,
      timers: [{ actor: ledger, birth, number, firing }],
    });
  }

  seen(upTo: number, channel = 0, generation = 1): void {
    const term = { generation, number: 0 };
    const actors = [{ actor: ledger, birth: 1, channel, upTo }];
    this.message({ kind: 'timer-news-seen', term, actors });
  }

  /** What the leader was told, in order; forgets it. */
  told(): NewsOfActor[] {
    const told = this.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'timer-news' ? send.message.actors : [],
    );
    this.sent.length = 0;
    return told;
  }

  letters(): ToNode[] {
    return this.toNodes().filter(({ kind }) => kind === 'letter');
  }
}

function placed(): Actor {
  const node = new Actor('n1');
  node.place(ledger);
  return node;
}

describe('a timer', () => {
  test('is told to the leader when its turn is durable, and again until that has it', () => {
    const node = placed();
    node.autoCommit = false;
    node.time(set('a', after(5_000)));
    expect(node.told()).toEqual([]);
    node.commit();
    const news = [{ kind: 'set', number: 1, name: 'a', when: after(5_000), restMs: 5_000 }];
    const told = { actor: ledger, birth: 1, channel: 0, from: 1, news };
    expect(node.told()).toEqual([told]);
    node.autoCommit = true;
    node.tick(1_000);
    expect(node.told()).toEqual([{ ...told, news: [{ ...news[0], restMs: 4_000 }] }]);
    node.seen(1);
    node.tick(1_000);
    expect(node.told()).toEqual([]);
  });

  test('takes effect once, however often it is said to be due', () => {
    const node = placed();
    node.time(set('a', after(5_000)));
    node.due(1);
    node.due(1);
    node.tick(1_000);
    node.due(1);
    expect(node.applied()).toEqual(['a']);
    expect(node.told().at(-1)?.news.at(-1)).toEqual({ kind: 'fired', number: 1, firing: 1 });
  });

  test('takes effect once when it is due again while its turn waits to be durable', () => {
    const node = placed();
    node.time(set('a', after(5_000)));
    node.autoCommit = false;
    node.due(1);
    node.due(1);
    node.commit();
    node.autoCommit = true;
    expect(node.applied()).toEqual(['a']);
  });

  test('waits behind a long turn as one input, however often it is said to be due', () => {
    const node = placed();
    node.time(set('a', after(5_000)));
    node.call('hang', 'hang', { number: 10_000 });
    for (let again = 0; again < 5; again++) node.due(1);
    expect(node.machine.actors.get(ledger)?.dispatched).toHaveLength(2);
  });

  test('that comes again takes effect once for each of its firings', () => {
    const node = placed();
    node.time(set('a', every(5_000)));
    for (const firing of [1, 1, 2, 1, 2, 3, 4]) node.due(1, firing);
    node.due(1, 9);
    expect(node.applied()).toEqual(['a', 'a', 'a', 'a']);
  });

  test('whose method fails has fired', () => {
    const node = placed();
    node.time(set('a', after(5_000), 'fail'));
    node.due(1);
    node.due(1);
    const turns = node.log.filter((fact) => fact.kind === 'turn');
    expect(turns.map(({ cause }) => cause.kind)).toEqual(['call', 'timer']);
  });

  test('that a turn before it cancels or replaces does not run, however far it has come', () => {
    const node = placed();
    node.time(set('a', after(5_000)), set('b', after(5_000)));
    node.autoCommit = false;
    node.call('steps', 'steps', { number: 10_000 });
    // Behind a turn that has not ended.
    node.time({ kind: 'cancel', name: 'a' }, set('b', after(9_000)));
    node.due(1);
    node.due(2);
    node.autoCommit = true;
    node.commit();
    expect(node.applied()).toEqual(['steps']);
    node.due(3);
    expect(node.applied()).toEqual(['steps', 'b']);
    expect(node.machine.actors.get(ledger)?.queuedTimers.size).toBe(0);
  });

  test('whose firing was under way when its node died runs again, and once', () => {
    const disks = shared();
    const node = new Actor('n1', disks);
    node.place(ledger);
    node.time(set('a', after(5_000), 'steps'));
    node.autoCommit = false;
    node.due(1);
    node.commit();
    expect(node.log.at(-1)?.kind).toBe('turn-begun');
    const next = new Actor('n2', disks);
    next.place(ledger, 9, seal('n1'));
    next.due(1);
    next.due(1);
    expect(next.applied(9)).toEqual(['a']);
    expect(next.effects).toHaveLength(3);
  });

  test('that a dead node has set, fired or cancelled is known to the next, by its log alone', () => {
    const disks = shared();
    const node = new Actor('n1', disks);
    node.place(ledger);
    node.time(set('a', after(5_000)), set('b', every(5_000)), set('c', after(1)));
    node.due(1);
    node.due(2);
    node.time({ kind: 'cancel', name: 'c' });
    const next = new Actor('n2', disks);
    next.place(ledger, 9, seal('n1'));
    for (const number of [1, 2, 3]) next.due(number, 1);
    next.due(2, 2);
    expect(next.applied(9)).toEqual(['a', 'b', 'b']);
    expect(next.told()[0]).toMatchObject({ from: 1, news: { length: 6 } });
  });

  test('is in the checkpoint of its actor, with what the leader has not heard', () => {
    const disks = shared();
    const node = new Actor('n1', disks, { checkpointTurns: 1 });
    node.place(ledger);
    node.time(set('a', after(5_000)));
    node.seen(1);
    node.time(set('b', every(7_000)));
    const next = new Actor('n2', disks);
    next.place(ledger, 9, []);
    expect(next.told()).toEqual([
      {
        actor: ledger,
        birth: 1,
        channel: 0,
        from: 2,
        news: [{ kind: 'set', number: 2, name: 'b', when: every(7_000), restMs: 7_000 }],
      },
    ]);
    next.due(1);
    next.due(2);
    expect(next.applied(9)).toEqual(['a', 'b']);
  });

  test('wakes an actor that has left memory', () => {
    const node = new Actor('n1', shared(), { idleMs: 2_000 });
    node.place(ledger);
    node.time(set('a', after(60_000)));
    node.tick(3_000);
    // Not before the leader knows of the timer: nobody else would tell it.
    expect(node.machine.actors.get(ledger)?.phase).toBe('live');
    node.seen(1);
    for (let second = 0; second < 4; second++) node.tick(1_000);
    expect(node.machine.actors.get(ledger)?.phase).toBe('cold');
    node.due(1);
    node.due(1);
    expect(node.applied()).toEqual(['a']);
  });

  test('is told in pieces when there are many of them', () => {
    const node = placed();
    const names = Array.from({ length: limits.actorTimersMax }, (_, i) => `t${i}`);
    node.time(...names.map((name) => set(name, after(5_000))));
    let [told] = node.told();
    let pieces = 0;
    while (told !== undefined) {
      pieces += 1;
      const upTo = told.from + told.news.length - 1;
      node.tick(1_000);
      node.told();
      node.seen(upTo);
      [told] = node.told();
      if (told !== undefined) expect(told.from).toBe(upTo + 1);
    }
    expect(pieces).toBe(4);
    expect(node.machine.actors.get(ledger)?.memory?.timers.newsCount).toBe(0);
  });
});

describe('a delayed send', () => {
  test('leaves as a letter when its time has come, once, and in the order of the sender', () => {
    const node = placed();
    node.place(other, 5, [], 4);
    node.time(later);
    node.tick(1_000);
    expect(node.letters()).toEqual([]);
    node.due(1);
    node.due(1);
    expect(node.letters()).toMatchObject([{ to: other, from: ledger, number: 1, method: 'add' }]);
  });
});

describe('what the leader knows of timers', () => {
  const named = (name: string): TimerChange => set(name, after(5_000));

  test('is told anew when a leader of a newer journal has lost it', () => {
    const node = placed();
    node.time(named('a'), named('b'));
    node.seen(2);
    node.due(1);
    node.seen(3);
    node.told();
    // What comes late of the same journal, or knows more, changes nothing.
    node.seen(1);
    node.seen(3);
    node.tick(1_000);
    expect(node.told()).toEqual([]);
    node.time(named('c'));
    node.told();
    node.seen(0, 0, 2);
    const [told] = node.told();
    expect(told).toMatchObject({ channel: 1, from: 1 });
    expect(told?.news.map((one) => ('number' in one ? one.number : one.kind))).toEqual([
      'anew',
      2,
      3,
    ]);
    node.seen(4, 0, 2);
    expect(node.machine.actors.get(ledger)?.memory?.timers.newsCount).toBe(3);
    node.seen(3, 1, 2);
    expect(node.machine.actors.get(ledger)?.memory?.timers.newsCount).toBe(0);
  });

  test('is told anew when it was told in a channel that was lost here', () => {
    const book = new TimerBook();
    book.change([named('a')], 1_000);
    expect(book.seen({ actor: ledger, birth: 1, channel: 3, upTo: 5 }, 1, 1_500)).toBe(false);
    expect(book.channel).toBe(4);
    expect(book.news(1, 2_000)).toEqual([
      { kind: 'anew' },
      { kind: 'set', number: 1, name: 'a', when: after(5_000), restMs: 4_500 },
    ]);
  });

  test('survives a copy: a book that is stored and read back says the same', () => {
    const book = new TimerBook();
    book.change([named('a'), set('b', every(2_000))], 1_000);
    book.fired(2, 1);
    const copy = TimerBook.from(book.store(), 1_000);
    expect(copy.store()).toEqual(book.store());
    copy.change([{ kind: 'cancel', name: 'b' }], 1_000);
    expect(copy.pending().map(({ name }) => name)).toEqual(['a']);
    expect(() => copy.fired(2, 2)).toThrow('W2');
  });
});
