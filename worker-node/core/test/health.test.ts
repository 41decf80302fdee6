/** Actors that say whether they are well. */
import { encodeValue, type Failure, healthMethod, limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, TestNode } from './harness.ts';

/** As the manifest of the harness says. */
const everyMs = 5_000_000;

function living(runners = 2): TestNode {
  const node = new TestNode('a', undefined, { runners, idleMs: 100 * everyMs });
  node.place(ledger);
  node.call('add', 'x');
  return node;
}

/** The checks that the actor was given, by number. */
function checks(node: TestNode): number[] {
  return node
    .turns()
    .filter(({ method }) => method === healthMethod)
    .map(({ work }) => work);
}

function says(node: TestNode, value: unknown, work = checks(node).at(-1) ?? 0): void {
  node.frame({
    kind: 'turn-done',
    work,
    outcome: { ok: true, value: encodeValue(value) },
    sends: [],
  });
}

/** What the leader was told last of who is ill. */
function ill(node: TestNode): (readonly [string, Failure['code']])[] {
  const told = node.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'ailing' ? [send.message] : [],
  );
  return (told.at(-1)?.actors ?? []).map(({ actor, failure }) => [actor, failure.code] as const);
}

describe('an actor whose type says how it is told to be well', () => {
  it('is asked again and again while it is in memory, and nobody hears of it while it is well', () => {
    const node = living();
    const { length } = node.log;
    for (let n = 0; n < 3; n++) {
      node.tick(everyMs);
      says(node, undefined);
    }
    expect(checks(node)).toHaveLength(3);
    expect(node.toLeader()).not.toContain('ailing');
    expect(node.log).toHaveLength(length);
    node.call(healthMethod, '', { number: 2 });
    expect(node.values().at(-1)).toBe('UNKNOWN_METHOD');
  });

  it('is listed when it says that it is ill, and brought into memory anew at another runner', () => {
    const node = living();
    const before = node.runnerAt(ledger);
    node.tick(everyMs);
    says(node, false);
    expect(node.runnerAt(ledger)).not.toBe(before);
    node.tick(1_000);
    expect(ill(node)).toEqual([[ledger, 'UNHEALTHY']]);
    node.call('add', 'y', { number: 2 });
    expect(node.values()).toEqual([1, 2]);
    node.tick(1_000);
    expect(ill(node)).toEqual([[ledger, 'UNHEALTHY']]);
    node.tick(everyMs);
    says(node, 'fine');
    node.tick(1_000);
    expect(ill(node)).toEqual([]);
  });

  it('is not taken out of a turn: it is brought into memory anew when that has ended', () => {
    const node = living();
    node.tick(everyMs - 1_000);
    node.call('hang', 'y', { number: 2 });
    const before = node.runnerAt(ledger);
    const hangs = node.lastTurn().work;
    node.tick(1_000);
    expect(checks(node)).toHaveLength(1);
    says(node, false);
    expect(node.runnerAt(ledger)).toBe(before);
    node.end(hangs, 'done', 'y');
    node.tick(1_000);
    expect(node.runnerAt(ledger)).not.toBe(before);
    node.call('list', '', { number: 3 });
    expect(node.values().at(-1)).toEqual(['x', 'y']);
  });

  it('that stays ill is held back for longer each time, and loses nothing', () => {
    const node = living();
    for (let n = 0; n < 3; n++) {
      node.tick(everyMs);
      says(node, false);
    }
    node.call('add', 'y', { number: 2 });
    expect(node.values()).toEqual([1]);
    node.tick(500);
    expect(node.values()).toEqual([1]);
    node.tick(5_000);
    expect(node.values()).toEqual([1, 2]);
  });

  it('is ill too when the check throws, and says what', () => {
    const node = living(1);
    node.tick(everyMs);
    const failure = { code: 'USER_ERROR', message: 'no disk' } as const;
    const work = checks(node).at(-1) ?? 0;
    node.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
    node.tick(1_000);
    expect(ill(node)).toEqual([[ledger, 'UNHEALTHY']]);
  });

  it('is not asked once it has left memory, or its runner is gone, until it is back', () => {
    const node = living();
    node.tick(everyMs);
    node.crashRunner(node.runnerAt(ledger));
    const asked = checks(node).length;
    node.tick(1_000);
    expect(checks(node).length).toBe(asked);
    node.tick(2 * everyMs);
    expect(checks(node).length).toBeGreaterThan(asked);
  });

  it('is ill when its check blocks its runner, which is killed, and who was beside it goes on', () => {
    const node = living(1);
    node.place(other);
    node.call('add', 'y', { number: 1 }, { actor: other });
    const before = node.runnerAt(ledger);
    node.tick(everyMs);
    const asked = checks(node)[0] ?? 0;
    node.tick(limits.healthMsMax);
    expect(node.runnerAt(ledger)).toBe(before);
    for (let n = 0; n < 6; n++) node.tick(1_000);
    expect(node.work).toContainEqual({ kind: 'kill-runner', runner: before });
    expect(ill(node)).toEqual([[ledger, 'UNHEALTHY']]);
    const told = node.sent.findLast((one) => 'message' in one && one.message.kind === 'ailing');
    expect(JSON.stringify(told)).toContain('was not answered within 15000 ms');
    node.call('add', 'z', { number: 2 }, { actor: other });
    node.call('add', 'z', { number: 2 });
    expect(node.values()).toEqual([1, 1, 2, 2]);
    // It is asked again, and is well by its own word.
    node.tick(everyMs);
    const again = node.turns().findLast(({ actor, method }) => {
      return actor === ledger && method === healthMethod;
    });
    expect(again?.work).toBeGreaterThan(asked);
    says(node, true, again?.work);
    node.tick(1_000);
    expect(ill(node)).toEqual([]);
  });

  it('is not ill for one answer that did not come while a turn may have blocked its runner', () => {
    const node = living(1);
    const live = node.now;
    const silence = (time: number) => {
      node.tick(live + time * everyMs - node.now - 1_000);
      node.call('hang', 'y', { number: 10 + time });
      const { work } = node.lastTurn();
      node.tick(1_000);
      expect(checks(node)).toHaveLength(time);
      for (let n = 0; n < 16; n++) node.tick(1_000);
      // By now the turn is alone.
      const again = node.lastTurn().work;
      expect(node.runnerOf(again)).not.toBe(node.runnerOf(work));
      node.end(again, 'done');
    };
    silence(1);
    expect(node.values()).toEqual([1, 'done']);
    expect(ill(node)).toEqual([]);
    silence(2);
    node.tick(1_000);
    expect(ill(node)).toEqual([[ledger, 'UNHEALTHY']]);
  });
});
