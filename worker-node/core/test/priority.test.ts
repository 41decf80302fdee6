import {
  actorId,
  builtInBundle,
  encodeValue,
  incarnation,
  type LetterTries,
  limits,
  nodeAddress,
  type SaidPriority,
  sessionId,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, seal, shared, TestNode } from './harness.ts';

const replyTo = nodeAddress(incarnation('z.aaaaaaaa'));

let calls = 0;

/** Each of a client of its own. */
function call(node: TestNode, id: string, priority?: SaidPriority, method = 'add'): void {
  calls += 1;
  const caller = { session: sessionId(`client-${calls}`), number: 1, low: 1 };
  const said = priority === undefined ? {} : { priority };
  node.call(method, id, caller, { caller, ...said });
}

function letter(
  node: TestNode,
  number: number,
  id: string,
  priority?: SaidPriority,
  manner: { readonly method?: string; readonly tries?: LetterTries } = {},
): void {
  const { method = 'add', tries } = manner;
  node.message({
    kind: 'letter',
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
    ...(priority === undefined ? {} : { priority }),
    ...(tries === undefined ? {} : { tries }),
  });
}

/** An actor whose turn runs until `finish`. */
function busy(): { node: TestNode; finish: () => void } {
  const node = new TestNode('a');
  node.place(ledger);
  call(node, 'held', undefined, 'hang');
  const { work } = node.lastTurn();
  return { node, finish: () => node.end(work, 'held') };
}

function applied(node: TestNode): unknown {
  call(node, '', undefined, 'list');
  return node.values().at(-1);
}

describe('what waits for an actor', () => {
  it('runs by priority, and among equals as it came', () => {
    const { node, finish } = busy();
    for (const [id, priority] of [
      ['low 1', 'low'],
      ['normal 1', undefined],
      ['high 1', 'high'],
      ['low 2', 'low'],
      ['normal 2', undefined],
      ['high 2', 'high'],
    ] as const) {
      call(node, id, priority);
    }
    finish();
    expect(applied(node)).toEqual(['high 1', 'high 2', 'normal 1', 'normal 2', 'low 1', 'low 2']);
  });

  it('is overtaken also when its runner has it already, unless it has begun', () => {
    const { node, finish } = busy();
    call(node, 'normal');
    expect(node.turns().filter(({ method }) => method === 'add')).toHaveLength(1);
    call(node, 'high', 'high');
    finish();
    expect(applied(node)).toEqual(['high', 'normal']);
  });

  it('keeps letters of one sender in order: a more urgent one takes those before it along', () => {
    const { node, finish } = busy();
    call(node, 'a call');
    letter(node, 1, 'letter 1', 'low');
    letter(node, 2, 'letter 2');
    call(node, 'another');
    letter(node, 3, 'letter 3', 'high');
    letter(node, 4, 'letter 4', 'low');
    finish();
    expect(applied(node)).toEqual([
      'letter 1',
      'letter 2',
      'letter 3',
      'a call',
      'another',
      'letter 4',
    ]);
  });

  it('keeps letters of one sender in order also when the runner of a less urgent one ends', () => {
    const node = new TestNode('a');
    node.place(ledger);
    call(node, 'before');
    // The others wait in the mailbox, as it may fail.
    const tries = { retries: 1, backoffMs: [100] };
    letter(node, 1, 'letter 1', 'low', { method: 'hang', tries });
    letter(node, 2, 'letter 2', 'high');
    letter(node, 3, 'letter 3');
    node.autoCommit = false;
    node.crashRunner();
    letter(node, 4, 'letter 4', 'high');
    node.autoCommit = true;
    node.commit();
    call(node, 'a call');
    const letters = ['letter 1', 'letter 2', 'letter 3', 'letter 4'];
    for (const { work, method } of node.running) {
      if (method === 'hang') node.end(work, 'held', 'letter 1');
    }
    expect(applied(node)).toEqual(['before', ...letters, 'a call']);
  });

  it('keeps letters of one sender in order also while nothing runs', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.place(ledger, 2, [], 1, { wish: { kind: 'paused', at: 5 } });
    call(node, 'a call');
    letter(node, 1, 'letter 1', 'low');
    letter(node, 2, 'letter 2');
    call(node, 'urgent', 'high');
    letter(node, 3, 'letter 3', 'high');
    letter(node, 4, 'letter 4', 'low');
    node.place(ledger, 2, [], 1, { wish: { kind: 'live', at: 6 } });
    const letters = ['letter 1', 'letter 2', 'letter 3'];
    expect(applied(node)).toEqual(['urgent', ...letters, 'a call', 'letter 4']);
  });

  it('is overtaken only so often: what is not urgent runs in the end', () => {
    const { node, finish } = busy();
    call(node, 'patient', 'low');
    for (let n = 0; n < limits.overtakenMax + 10; n++) call(node, `h${n}`, 'high');
    finish();
    const all = applied(node) as string[];
    expect(all.indexOf('patient')).toBe(limits.overtakenMax);
  });

  it('never goes before a turn that has begun and is run again', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    call(a, 'begun', 'low', 'steps');
    const b = new TestNode('b', world);
    const begun = a.log.filter(({ kind }) => kind !== 'turn');
    a.log.splice(0, a.log.length, ...begun);
    call(b, 'urgent', 'high');
    b.place(ledger, 9, seal('a'));
    const order = b.turns().map(({ method }) => method);
    expect(order[0]).toBe('steps');
  });

  it('pauses an actor whose turns are given back after the wish', () => {
    const { node, finish } = busy();
    node.heldRecalls = [];
    call(node, 'normal');
    call(node, 'urgent', 'high');
    node.place(ledger, 2, [], 1, { wish: { kind: 'paused', at: 5 } });
    finish();
    expect(node.toLeader()).not.toContain('settled');
    for (const frame of node.heldRecalls.splice(0)) node.frame(frame);
    expect(node.toLeader()).toContain('settled');
    expect(applied(node)).toEqual([]);
  });

  it('answers each call once when turns are given back and their runner dies', () => {
    const { node } = busy();
    call(node, 'one');
    call(node, 'two', 'high');
    node.crashRunner();
    for (const { work } of node.running.filter(({ method }) => method === 'hang')) {
      node.end(work, 'held');
    }
    expect([...(applied(node) as string[])].sort()).toEqual(['one', 'two']);
  });

  it('of a topic that is being read back goes on, the more urgent before what came first', () => {
    const prices = actorId('default', '$topic', 'prices');
    const world = shared();
    const publish = (node: TestNode, number: number, priority?: 'high') => {
      const said = priority === undefined ? {} : { priority };
      const args = encodeValue([`price ${number}`]);
      node.call('publish', '', { number }, { actor: prices, args, ...said });
    };
    const a = new TestNode('a', world);
    a.place(prices, 2, [], 1, { bundle: builtInBundle });
    publish(a, 1);
    const b = new TestNode('b', world);
    b.heldRestores = [];
    b.place(prices, 9, seal('a'), 1, { bundle: builtInBundle });
    for (const number of [2, 3, 4]) publish(b, number);
    publish(b, 5, 'high');
    for (const order of b.heldRestores) b.readBack(order);
    publish(b, 6);
    expect(b.results().map(({ number }) => number)).toEqual([5, 2, 3, 4, 6]);
  });
});
