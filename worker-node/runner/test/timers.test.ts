import { type ActorId, decodeValue, encodeValue, limits, type PendingTimer } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
export const Clock = actor('Clock', {
  state: () => ({ rung: [] }),
  methods: {
    set(c, name, timer) { c.timers.set(name, { method: 'ring', ...timer }); return c.timers.list(); },
    setAt(c, name) { c.timers.set(name, { method: 'ring', at: new Date(99_000) }); return c.timers.list(); },
    cancel(c, name) { return [c.timers.cancel(name), c.timers.list().length]; },
    twice(c) { c.timers.set('a', { method: 'ring', afterMs: 1 }); c.timers.set('a', { method: 'ring', afterMs: 2 }); return c.timers.cancel('none'); },
    inAndOut(c) { c.timers.set('x', { method: 'ring', afterMs: 1 }); return c.timers.cancel('x'); },
    ring(c, text) { c.state.rung.push([c.callId, text]); return c.timers.list().map((one) => one.name); },
    again(c) { c.timers.set('again', { method: 'again', afterMs: 1 }); },
    fail(c) { c.timers.set('lost', { method: 'ring', afterMs: 1 }); throw new Error('no'); },
    later(c, delayMs) { c.send('Other', 'k', { delayMs }).note('a'); c.send('Other', 'k').note('b'); },
    many(c, count) { for (let i = 0; i < count; i++) c.timers.set('t' + i, { method: 'ring', afterMs: 1 }); },
    big(c) { for (let i = 0; i < 3; i++) c.timers.set('b' + i, { method: 'ring', afterMs: 1, args: ['x'.repeat(400_000)] }); },
    keep(c) { globalThis.timers = c.timers; },
    late() { return globalThis.timers.set('a', { method: 'ring', afterMs: 1 }); },
  },
  reads: { names(c) { return c.timers.list().map((one) => one.name); }, write(c) { c.timers.set('a', {}); } },
});
`;

let runner: RunnerProcess;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
});
afterAll(() => runner.stop());

let keys = 0;
const fresh = () => runner.activate('Clock', `k${++keys}`);
const names = async (actor: ActorId) =>
  replyOf((await runner.run(actor, 'names', [], { read: true })).outcome);
const fire = (actor: ActorId, number: number, firing = 1, method = 'ring', args = ['x']) =>
  runner.run(actor, method, args, { timer: { number, firing } });

describe('c.timers', () => {
  test('says with the end of the turn what it did, and lists what waits', async () => {
    const actor = await fresh();
    const set = await runner.run(actor, 'set', ['a', { afterMs: 500, args: ['hi'] }]);
    const ring = { name: 'a', method: 'ring' };
    expect(set.timers).toMatchObject([{ kind: 'set', ...ring, when: { kind: 'after', ms: 500 } }]);
    expect(replyOf(set.outcome)).toEqual([{ ...ring, args: ['hi'], fired: 0, afterMs: 500 }]);
    const again = await runner.run(actor, 'set', ['b', { everyMs: 1_000, afterMs: 5 }]);
    expect(again.timers).toMatchObject([{ when: { kind: 'every', firstMs: 5, ms: 1_000 } }]);
    const cron = await runner.run(actor, 'set', ['c', { cron: '0 9 * * 1', zone: 'Asia/Tokyo' }]);
    expect(cron.timers).toMatchObject([{ when: { kind: 'cron', zone: 'Asia/Tokyo' } }]);
    const at = await runner.run(actor, 'setAt', ['d']);
    expect(at.timers).toMatchObject([{ when: { kind: 'at', wall: 99_000 } }]);
    expect(await names(actor)).toEqual(['a', 'b', 'c', 'd']);
    const cancel = await runner.run(actor, 'cancel', ['b']);
    expect(replyOf(cancel.outcome)).toEqual([true, 3]);
    expect(cancel.timers).toEqual([{ kind: 'cancel', name: 'b' }]);
    expect(replyOf((await runner.run(actor, 'cancel', ['b'])).outcome)).toEqual([false, 3]);
  });

  test('says only the last of what a turn did under one name', async () => {
    const actor = await fresh();
    const twice = await runner.run(actor, 'twice');
    expect(twice.timers).toMatchObject([{ name: 'a', when: { ms: 2 } }]);
    const out = await runner.run(actor, 'inAndOut');
    expect([replyOf(out.outcome), out.timers]).toEqual([true, undefined]);
  });

  test('does nothing when the turn fails', async () => {
    const actor = await fresh();
    const failed = await runner.run(actor, 'fail');
    expect(failed.timers).toBeUndefined();
    expect(await names(actor)).toEqual([]);
  });

  test.each([
    ['two ways to say when', { afterMs: 1, at: 5 }, 'INVALID_ARGUMENT'],
    ['no way to say when', {}, 'INVALID_ARGUMENT'],
    ['a time below none', { afterMs: -1 }, 'afterMs is -1'],
    ['a period that is too short', { everyMs: 1 }, 'everyMs is 1'],
    ['a schedule that is none', { cron: 'daily' }, 'five fields'],
    ['a method that is not there', { afterMs: 1, method: 'nothing' }, 'UNKNOWN_METHOD'],
    ['args that are no array', { afterMs: 1, args: 'x' }, 'args in an array'],
  ])('refuses %s', async (_what, timer, why) => {
    const actor = await fresh();
    const done = await runner.run(actor, 'set', ['a', timer]);
    expect(failureText(done.outcome)).toContain(why);
  });

  test('refuses one more than an actor may have, and what does not fit into a record', async () => {
    const actor = await fresh();
    const most = limits.actorTimersMax;
    expect((await runner.run(actor, 'many', [most])).timers).toHaveLength(most);
    // The same names are no more timers than before.
    expect((await runner.run(actor, 'many', [most])).outcome.ok).toBe(true);
    expect(failureText((await runner.run(actor, 'many', [most + 1])).outcome)).toContain(
      'RESOURCE_EXHAUSTED',
    );
    expect(failureText((await runner.run(actor, 'later', [5])).outcome)).toContain('cancel some');
    await runner.run(actor, 'cancel', ['t0']);
    expect((await runner.run(actor, 'later', [5])).outcome.ok).toBe(true);
    const other = await fresh();
    expect(failureText((await runner.run(other, 'big')).outcome)).toContain('TOO_LARGE');
  });

  test('is over when its turn is, and only lists in a read', async () => {
    const actor = await fresh();
    await runner.run(actor, 'keep');
    expect(failureText((await runner.run(actor, 'late')).outcome)).toContain('had ended');
    const read = await runner.run(actor, 'write', [], { read: true });
    expect(read.outcome.ok).toBe(false);
  });
});

describe('a firing', () => {
  test('runs its method once; a timer that does not come again is gone by then', async () => {
    const actor = await fresh();
    await runner.run(actor, 'set', ['a', { afterMs: 1 }]);
    await runner.run(actor, 'set', ['b', { everyMs: 100 }]);
    expect(replyOf((await fire(actor, 1)).outcome)).toEqual(['b']);
    expect((await fire(actor, 1)).skipped).toBe(true);
    expect(replyOf((await fire(actor, 2, 1)).outcome)).toEqual(['b']);
    expect((await fire(actor, 2, 1)).skipped).toBe(true);
    expect((await fire(actor, 2, 2)).skipped).toBeUndefined();
    const state = decodeValue(await runner.captured(actor)) as { rung: unknown[] };
    expect(state.rung).toHaveLength(3);
  });

  test('does not run when a turn before it in the line cancels or replaces its timer', async () => {
    const actor = await fresh();
    await runner.run(actor, 'set', ['a', { afterMs: 1 }]);
    await runner.run(actor, 'set', ['b', { afterMs: 1 }]);
    runner.turn(actor, 'cancel', ['a']);
    runner.turn(actor, 'set', ['b', { afterMs: 2 }]);
    expect((await fire(actor, 1)).skipped).toBe(true);
    expect((await fire(actor, 2)).skipped).toBe(true);
    expect((await fire(actor, 3)).skipped).toBeUndefined();
  });

  test('counts when its method fails, and may set the same name anew', async () => {
    const actor = await fresh();
    await runner.run(actor, 'again');
    const again = await fire(actor, 1, 1, 'again', []);
    expect(again.timers).toMatchObject([{ kind: 'set', name: 'again' }]);
    expect((await fire(actor, 2, 1, 'fail', [])).outcome.ok).toBe(false);
    expect((await fire(actor, 2, 1, 'fail', [])).skipped).toBe(true);
  });

  test('of a delayed send sends the letter, and runs nothing', async () => {
    const actor = await fresh();
    const later = await runner.run(actor, 'later', [5_000]);
    expect(later.sends.map(({ args }) => decodeValue(args))).toEqual([['b']]);
    const to = { type: 'Other', key: 'k' };
    expect(later.timers).toMatchObject([{ kind: 'set', to, when: { ms: 5_000 } }]);
    expect(await names(actor)).toEqual([]);
    const timer = { number: 1, firing: 1, to };
    const sent = await runner.run(actor, 'note', ['a'], { timer });
    expect(sent.sends).toMatchObject([{ ...to, method: 'note' }]);
    expect((await runner.run(actor, 'note', ['a'], { timer })).skipped).toBe(true);
  });

  test('is known to a runner that is given the timers with the state', async () => {
    const args = encodeValue(['x']);
    const timer: PendingTimer = {
      number: 7,
      name: 'a',
      when: { kind: 'every', firstMs: 1, ms: 100 },
      method: 'ring',
      args,
      firing: 4,
    };
    const actor = await runner.activate('Clock', `k${++keys}`, undefined, [], {
      timers: [timer],
      nextTimer: 9,
    });
    expect((await fire(actor, 7, 3)).skipped).toBe(true);
    expect((await fire(actor, 7, 4)).skipped).toBeUndefined();
    await runner.run(actor, 'set', ['b', { afterMs: 1 }]);
    expect((await fire(actor, 9)).skipped).toBeUndefined();
  });
});
