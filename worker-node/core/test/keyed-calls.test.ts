/** Calls under an idempotency key: the key names one call, with its method and its arguments. */
import { type Call, type CallResult, keyedPrint, limits, sessionId } from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { ledger, seal, shared, TestNode } from './harness.ts';

const session = sessionId('key:default:k');

/** As a gateway says it: the arguments themselves stand for their hash. */
function keyed(node: TestNode, method: string, id: string, more: Partial<Call> = {}): void {
  node.call(method, id, { session, print: keyedPrint(method, id) }, more);
}

function last(node: TestNode): CallResult | undefined {
  return node.results().at(-1);
}

/** The call is refused as another one, and its actor is what it was. */
function expectRefused(node: TestNode, differs: 'method' | 'arguments', text: string): void {
  const outcome = last(node)?.outcome;
  expect(outcome).toMatchObject({ ok: false, failure: { code: 'ALREADY_EXISTS' } });
  if (outcome?.ok !== false) return;
  expect(outcome.failure.details).toMatchObject({ argument: 'idempotency_key', differs });
  expect(outcome.failure.message).toContain(text);
}

function applied(node: TestNode): unknown {
  node.call('list', '', { session: sessionId('reader'), number: node.results().length + 1 });
  return node.values().at(-1);
}

function placed(world = shared()): TestNode {
  const node = new TestNode('a', world);
  node.place(ledger);
  return node;
}

/** Its node died: another one has it, by log and checkpoint. */
function takenOver(world: ReturnType<typeof shared>): TestNode {
  const node = new TestNode('b', world);
  node.place(ledger, 9, seal('a'));
  return node;
}

describe('a call under the idempotency key of another one', () => {
  test('is refused, says what differs, and changes nothing: the first one gets its reply still', () => {
    const a = placed();
    keyed(a, 'add', 'x');
    keyed(a, 'add', 'y');
    expectRefused(a, 'arguments', `another call of ${ledger}, of "add" with other arguments`);
    keyed(a, 'hang', 'x');
    expectRefused(a, 'method', 'of "add": this one is of "hang"');
    keyed(a, 'add', 'x');
    expect(a.values()).toEqual([1, 'ALREADY_EXISTS', 'ALREADY_EXISTS', 1]);
    expect(applied(a)).toEqual(['x']);
  });

  test('is told apart from it by each answer: under one key a gateway may wait for both', () => {
    const a = placed();
    keyed(a, 'hang', 'x');
    keyed(a, 'hang', 'y');
    a.end(a.lastTurn().work, 'done', 'x');
    keyed(a, 'hang', 'x');
    const [x, y] = [keyedPrint('hang', 'x'), keyedPrint('hang', 'y')];
    expect(a.results().map(({ print }) => print)).toEqual([y, x, x]);
  });

  test('is refused also while the first one is under way, which is answered where it was', () => {
    const a = placed();
    keyed(a, 'hang', 'x');
    const elsewhere = { replyTo: 'gateway.other' as Call['replyTo'] };
    keyed(a, 'hang', 'y', elsewhere);
    expectRefused(a, 'arguments', 'of "hang" with other arguments');
    a.end(a.lastTurn().work, 'done', 'x');
    const [refused, answered] = a.replies;
    expect(refused?.to).toBe(elsewhere.replyTo);
    expect(answered?.to).not.toBe(elsewhere.replyTo);
    expect(applied(a)).toEqual(['x']);
  });

  test('is refused while the first one waits for a signal without a runner', () => {
    const a = new TestNode('a', shared(), { idleMs: 60_000 });
    a.place(ledger);
    keyed(a, 'hang', 'x');
    const { work } = a.lastTurn();
    a.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
    a.giveUp(work, [0]);
    a.tick(120_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    keyed(a, 'add', 'y');
    expectRefused(a, 'method', 'of "hang": this one is of "add"');
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
  });

  test.each([
    ['the log', 1_000],
    ['a checkpoint', 1],
  ])('is refused also after its actor was read back from %s', (_, checkpointTurns) => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointTurns });
    a.place(ledger);
    keyed(a, 'add', 'x');
    expect(a.checkpoints.has(ledger)).toBe(checkpointTurns === 1);
    const b = takenOver(world);
    keyed(b, 'add', 'y', { epoch: 9 });
    expectRefused(b, 'arguments', 'of "add" with other arguments');
    keyed(b, 'add', 'x', { epoch: 9 });
    expect(last(b)?.outcome.ok).toBe(true);
    expect(applied(b)).toEqual(['x']);
  });

  test('is refused also when the turn of the first one had begun before its node died', () => {
    const world = shared();
    const a = placed(world);
    keyed(a, 'hang', 'x');
    a.frame({ kind: 'step-begin', work: a.lastTurn().work, ordinal: 0, name: 's' });
    const b = takenOver(world);
    keyed(b, 'hang', 'y', { epoch: 9 });
    expectRefused(b, 'arguments', 'of "hang" with other arguments');
  });

  test('is refused only when that is durable', () => {
    const a = placed();
    keyed(a, 'add', 'x');
    a.autoCommit = false;
    keyed(a, 'add', 'y');
    expect(a.values()).toEqual([1]);
    a.commit();
    expect(a.values()).toEqual([1, 'ALREADY_EXISTS']);
  });

  test('is answered as before where the first one came by a gateway that does not say what it asked', () => {
    const a = placed();
    a.call('add', 'x', { session });
    keyed(a, 'add', 'y');
    expect(a.values()).toEqual([1, 1]);
  });

  test('is a new call when the first one is known no more', () => {
    const a = placed();
    keyed(a, 'add', 'x');
    a.tick(limits.sessionMsMax + 1);
    a.tick(1_000);
    keyed(a, 'add', 'y');
    expect(applied(a)).toEqual(['x', 'y']);
  });
});
