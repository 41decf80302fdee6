import { type ActorId, actorId, decodeValue } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureText, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
let made = 0;
export const Counter = actor('Counter', {
  state: (key) => ({ key, made: ++made, count: 0, list: [], when: new Date(5), bytes: new Uint8Array([1, 2]) }),
  methods: {
    inc(c, by) { c.state.count += by; return c.state.count; },
    async slow(c, by) { const before = c.state.count; await new Promise((r) => setTimeout(r, 5)); c.state.count = before + by; return c.state.count; },
    push(c, item) { c.state.list.push(item); return c.state.list; },
    whole(c, value) { c.state = value; },
    look(c) { return [c.key, c.id, c.callId, c.state.count]; },
    nothing() {},
    fail(c) { c.state.count = 99; c.state.list.push('lost'); throw new RangeError('no more'); },
    failCoded() { throw Object.assign(new Error('disk'), { code: 'ENOSPC' }); },
    failTroupe() { throw new TroupeError({ code: 'RESOURCE_EXHAUSTED', message: 'full', details: { left: 0 } }); },
    socket(c) { c.state.list.push({ open() {} }); },
    reply() { return { a: [new Map()] }; },
    itself(c) { const a = {}; a.a = a; c.state.list.push(a); },
    bump(c) { c.state.bytes[0] = 77; c.state.count += 1; },
    touch(c) { c.state.when.setTime(1); },
    renew(c) { c.state.bytes = Uint8Array.of(...c.state.bytes, 9); c.state.when = new Date(6); },
    big(c) { c.state.text = 'x'.repeat(900_000); },
    bigTogether(c) { for (let n = 0; n < 3; n++) c.send('Other', 'k').note('x'.repeat(200_000)); c.state.text = 'x'.repeat(200_000); return 'x'.repeat(200_000); },
    failBig() { throw new TroupeError({ code: 'USER_ERROR', message: 'x'.repeat(900_000), details: { body: 'x'.repeat(900_000) } }); },
    bigReply(c) { c.state.count = 5; return 'x'.repeat(600_000); },
    keep(c) { globalThis.kept = c; globalThis.draft = c.state; },
    late(c) { const said = []; for (const use of [() => globalThis.kept.state, () => globalThis.kept.step('x', () => 1), () => globalThis.kept.send('A', 'k').m(), () => globalThis.draft.count]) { try { use(); said.push('fine'); } catch (e) { said.push(e.message); } } return said; },
    sends(c) { c.send('Other', 'k').note('a', 1); c.send(Counter, 'z').inc(2); return 'sent'; },
    sendsAndFails(c) { c.send('Other', 'k').note('a'); throw new Error('no'); },
    sendsOnce(c, idempotencyKey, delayMs) { c.state.count = 99; c.send('Other', 'k').note('before'); c.send('Other', 'k', { idempotencyKey, delayMs }).note('a'); },
    sendsOnceHalf(c) { c.state.count = 99; c.send('Other', 'k', { idempotencyKey: 'half ' + String.fromCharCode(0xd800) }).note('a'); },
    sendsBadly(c) { c.send('Other', 'k').note({ f() {} }); },
    forever(c) { return new Promise(() => undefined); },
    listens(c) { return new Promise((_, reject) => c.signal.addEventListener('abort', () => reject(c.signal.reason))); },
  },
  reads: {
    current(c) { return c.state.count; },
    write(c) { c.state.count = 1; },
    writeAll(c) { c.state = {}; },
    bytes(c) { c.state.bytes[0] = 8; },
    step(c) { return c.step('x', () => 1); },
    async wait(c) { const seen = c.state.count; await new Promise((r) => setTimeout(r, 20)); return [seen, c.state.count]; },
  },
});
export const Broken = actor('Broken', { state: (key) => { if (key === 'bad') throw new TypeError('no state for ' + key); return new Map(); }, methods: { m() {} } });
export const Plain = actor('Plain', { state: () => 0, methods: { add(c, n) { c.state += n; return c.state; } } });
`;

let runner: RunnerProcess;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
});
afterAll(() => runner.stop());

let keys = 0;
const fresh = () => runner.activate('Counter', `k${++keys}`);

async function current(actor: ActorId): Promise<unknown> {
  return decodeValue(await runner.captured(actor));
}

describe('an actor in a runner', () => {
  test('answers with what its methods return and keeps what they change', async () => {
    const actor = await fresh();
    expect(replyOf((await runner.run(actor, 'inc', [2])).outcome)).toBe(2);
    expect(replyOf((await runner.run(actor, 'push', [{ a: 1 }])).outcome)).toEqual([{ a: 1 }]);
    expect(await current(actor)).toMatchObject({ count: 2, list: [{ a: 1 }] });
    const looked = replyOf((await runner.run(actor, 'look', [], { callId: 's1/7' })).outcome);
    expect(looked).toEqual([`k${keys}`, actor, 's1/7', 2]);
  });

  test('comes back to the same state from its deltas alone', async () => {
    const actor = await fresh();
    const deltas: Uint8Array[] = [];
    for (const [method, ...args] of [
      ['inc', 1],
      ['push', 'a'],
      ['renew'],
      ['nothing'],
      ['fail'],
      ['push', { deep: [1, 2, { x: null }] }],
      ['renew'],
      ['inc', 5],
    ] as const) {
      const { delta } = await runner.run(actor, method, args);
      if (delta !== undefined) deltas.push(delta);
    }
    const live = await current(actor);
    const again = await RunnerProcess.start(bundle);
    await again.next('loaded');
    const copy = await again.activate('Counter', `k${keys}`, undefined, deltas);
    expect(decodeValue(await again.captured(copy))).toEqual(live);
    await again.stop();
  });

  test('comes back from a checkpoint and the deltas after it', async () => {
    const actor = await fresh();
    await runner.run(actor, 'inc', [1]);
    const checkpoint = await runner.captured(actor);
    const { delta } = await runner.run(actor, 'push', ['later']);
    const live = await current(actor);
    runner.send({ kind: 'deactivate', actor });
    const same = await runner.activate('Counter', `k${keys}`, checkpoint, delta ? [delta] : []);
    expect(await current(same)).toEqual(live);
    expect(replyOf((await runner.run(same, 'inc', [1])).outcome)).toBe(2);
  });

  test('comes to life by a state that was built ahead, which is for it alone', async () => {
    const actor = await fresh();
    await runner.run(actor, 'inc', [1]);
    const state = await runner.captured(actor);
    const { delta } = await runner.run(actor, 'push', ['later']);
    const live = await current(actor);
    runner.send({ kind: 'deactivate', actor });
    runner.send({ kind: 'build-ahead', actor, revision: 7, state });
    expect(await runner.next('built-ahead')).toMatchObject({ revision: 7, kept: true });
    runner.send({ kind: 'activate', actor, ahead: 7, deltas: delta ? [delta] : [] });
    await runner.next('activated');
    expect(await current(actor)).toEqual(live);
    expect(replyOf((await runner.run(actor, 'inc', [1])).outcome)).toBe(2);
    // It was used, or is of another checkpoint, or was dropped: whoever asks for it is refused.
    const refused = async (ahead: number) => {
      runner.send({ kind: 'activate', actor, ahead, deltas: [] });
      expect((await runner.next('activate-failed')).failure.code).toBe('INTERNAL');
    };
    await refused(7);
    runner.send({ kind: 'build-ahead', actor, revision: 8, state });
    await refused(7);
    runner.send({ kind: 'build-ahead', actor, revision: 9, state });
    runner.send({ kind: 'drop-ahead', actor });
    await refused(9);
    runner.send({ kind: 'build-ahead', actor, revision: 10, state: new Uint8Array([0xd9, 0x20]) });
    const damaged = await runner.next('built-ahead', ({ revision }) => revision === 10);
    expect(damaged.kept).toBe(false);
  });

  test('records what its constructor made with the first turn, even if that changes nothing', async () => {
    const actor = await fresh();
    const first = await runner.run(actor, 'nothing');
    expect(first.delta).toBeDefined();
    expect((await runner.run(actor, 'nothing')).delta).toBeUndefined();
    const live = await current(actor);
    const again = await runner.activate('Counter', `k${keys}`, undefined, [
      first.delta ?? new Uint8Array(),
    ]);
    expect(await current(again)).toEqual(live);
  });

  test('may have a state that is one number, and take a whole new one', async () => {
    const plain = await runner.activate('Plain', 'p');
    await runner.run(plain, 'add', [2]);
    expect(replyOf((await runner.run(plain, 'add', [3])).outcome)).toBe(5);
    const actor = await fresh();
    await runner.run(actor, 'whole', [{ count: 7, list: [] }]);
    expect(await current(actor)).toEqual({ count: 7, list: [] });
  });

  test('runs its turns one after another in the order sent, plain or not', async () => {
    const actor = await fresh();
    const works = [
      runner.turn(actor, 'slow', [1]),
      runner.turn(actor, 'inc', [10]),
      runner.turn(actor, 'slow', [100]),
      runner.turn(actor, 'inc', [1000]),
    ];
    const replies: unknown[] = [];
    for (const work of works) replies.push(replyOf((await runner.done(work)).outcome));
    expect(replies).toEqual([1, 11, 111, 1111]);
  });
});

describe('a turn that fails', () => {
  test('changes nothing and says what was thrown', async () => {
    const actor = await fresh();
    await runner.run(actor, 'inc', [1]);
    const done = await runner.run(actor, 'fail');
    expect(failureText(done.outcome)).toMatch(/^USER_ERROR: RangeError: no more;/);
    expect(done.delta).toBeUndefined();
    expect(await current(actor)).toMatchObject({ count: 1, list: [] });
  });

  test('keeps the code of a foreign error as a detail and the code of ours as its own', async () => {
    const actor = await fresh();
    const foreign = (await runner.run(actor, 'failCoded')).outcome;
    expect(foreign).toMatchObject({ failure: { code: 'USER_ERROR', details: { code: 'ENOSPC' } } });
    const ours = (await runner.run(actor, 'failTroupe')).outcome;
    expect(ours).toMatchObject({
      failure: { code: 'RESOURCE_EXHAUSTED', message: 'full', details: { left: 0 } },
    });
  });

  test('is one that leaves in the state what cannot be carried, named by its path', async () => {
    const actor = await fresh();
    await runner.run(actor, 'push', [1]);
    const socket = failureText((await runner.run(actor, 'socket')).outcome);
    expect(socket).toMatch(/^UNCARRIABLE: state\.list\[1\]\.open is a function/);
    const itself = failureText((await runner.run(actor, 'itself')).outcome);
    expect(itself).toMatch(/^UNCARRIABLE: state\.list\[1\]\.a is a value that contains itself/);
    const reply = failureText((await runner.run(actor, 'reply')).outcome);
    expect(reply).toMatch(/^UNCARRIABLE: reply\.a\[0\] is an instance of Map/);
    expect(await current(actor)).toMatchObject({ list: [1] });
  });

  test('is one that changes bytes or a date in place, and they are put back', async () => {
    const actor = await fresh();
    await runner.run(actor, 'inc', [1]);
    const bytes = failureText((await runner.run(actor, 'bump')).outcome);
    expect(bytes).toMatch(/^UNCARRIABLE: state\.bytes was changed in place/);
    const date = failureText((await runner.run(actor, 'touch')).outcome);
    expect(date).toMatch(/^UNCARRIABLE: state\.when was changed in place/);
    expect(await current(actor)).toMatchObject({
      count: 1,
      when: new Date(5),
      bytes: Uint8Array.from([1, 2]),
    });
    replyOf((await runner.run(actor, 'renew')).outcome);
    expect(await current(actor)).toMatchObject({
      bytes: Uint8Array.from([1, 2, 9]),
      when: new Date(6),
    });
  });

  test('is one that changes or replies more than may be recorded', async () => {
    const actor = await fresh();
    expect(failureText((await runner.run(actor, 'big')).outcome)).toMatch(/^TOO_LARGE/);
    expect(failureText((await runner.run(actor, 'bigReply')).outcome)).toMatch(/^TOO_LARGE: reply/);
    const together = await runner.run(actor, 'bigTogether');
    expect(failureText(together.outcome)).toMatch(/^TOO_LARGE: the turn changes/);
    expect(together.sends).toEqual([]);
    expect(await current(actor)).not.toHaveProperty('text');
    expect(replyOf((await runner.run(actor, 'inc', [1])).outcome)).toBe(1);
  });

  test('is recorded with as much of its failure as a record can hold', async () => {
    const { outcome } = await runner.run(await fresh(), 'failBig');
    expect(failureText(outcome)).toMatch(/^USER_ERROR: x{16000} \(\d+ more\)$/);
    expect(JSON.stringify(outcome).length).toBeLessThan(25_000);
  });

  test('sends nothing, while one that succeeds sends in order', async () => {
    const actor = await fresh();
    const sent = await runner.run(actor, 'sends');
    expect(
      sent.sends.map((send) => [send.type, send.key, send.method, decodeValue(send.args)]),
    ).toEqual([
      ['Other', 'k', 'note', ['a', 1]],
      ['Counter', 'z', 'inc', [2]],
    ]);
    expect((await runner.run(actor, 'sendsAndFails')).sends).toEqual([]);
    const badly = failureText((await runner.run(actor, 'sendsBadly')).outcome);
    expect(badly).toMatch(/^UNCARRIABLE: args\[0\]\.f is a function/);
  });

  test('sends a letter with its idempotency key, also a delayed one', async () => {
    const key = 'report-2026-11-30 \u{1f4ec}';
    const { sends } = await runner.run(await fresh(), 'sendsOnce', [key, 0]);
    expect(sends.map(({ idempotencyKey }) => idempotencyKey)).toEqual([undefined, key]);
    const later = await runner.run(await fresh(), 'sendsOnce', ['x'.repeat(128), 5]);
    expect(later.timers).toMatchObject([{ kind: 'set', idempotencyKey: 'x'.repeat(128) }]);
  });

  test.each([
    ['empty', 'sendsOnce', ['', 0]],
    ['too long', 'sendsOnce', ['x'.repeat(129), 0]],
    ['no string', 'sendsOnce', [17, 0]],
    ['more than one line', 'sendsOnce', ['a\nb', 0]],
    ['too long, of a delayed send', 'sendsOnce', ['x'.repeat(129), 5]],
    ['half a character', 'sendsOnceHalf', []],
  ])(
    'changes nothing when an idempotency key is %s, and says what one is',
    async (_, method, args) => {
      const done = await runner.run(await fresh(), method, args);
      const what =
        'the idempotencyKey of letter Other/k.note must be a string of 1 to 128 characters';
      expect(failureText(done.outcome)).toContain(`INVALID_ARGUMENT: ${what}`);
      expect([done.delta, done.sends, done.timers]).toEqual([undefined, [], undefined]);
    },
  );

  test('is one whose method does not exist', async () => {
    const actor = await fresh();
    const missing = failureText((await runner.run(actor, 'toString')).outcome);
    expect(missing).toMatch(/^UNKNOWN_METHOD: actor type Counter has no method toString/);
  });

  test('ends at its time limit though it never returns, and the next turn runs', async () => {
    const actor = await fresh();
    const slow = runner.turn(actor, 'forever', [], { limitMs: 30 });
    const next = runner.turn(actor, 'inc', [1]);
    expect(failureText((await runner.done(slow)).outcome)).toMatch(/^TIME_LIMIT: turn Counter\/k/);
    expect(replyOf((await runner.done(next)).outcome)).toBe(1);
  });

  test('hears by its signal that it was cancelled; one that waits its turn never starts', async () => {
    const actor = await fresh();
    const listening = runner.turn(actor, 'listens', []);
    const queued = runner.turn(actor, 'inc', [1]);
    runner.send({ kind: 'cancel', work: queued });
    expect(failureText((await runner.done(queued)).outcome)).toMatch(/^CANCELLED/);
    runner.send({ kind: 'cancel', work: listening });
    expect(failureText((await runner.done(listening)).outcome)).toMatch(/^CANCELLED: turn Counter/);
    expect(await current(actor)).toMatchObject({ count: 0 });
  });
});

describe('the context of a turn', () => {
  test('is of no use after the turn has ended', async () => {
    const actor = await fresh();
    await runner.run(actor, 'keep');
    const said = replyOf((await runner.run(actor, 'late')).outcome) as string[];
    expect(said[0]).toMatch(/c\.state was used after turn Counter\/k\d+\.keep had ended/);
    expect(said[1]).toMatch(/c\.step was used after/);
    expect(said[2]).toMatch(/c\.send was used after/);
    expect(said[3]).toMatch(/revoked/);
  });
});

describe('a read', () => {
  test('sees the last finished turn while another turn runs', async () => {
    const actor = await fresh();
    await runner.run(actor, 'inc', [1]);
    const turn = runner.turn(actor, 'slow', [10]);
    const read = await runner.run(actor, 'current', [], { read: true });
    expect(replyOf(read.outcome)).toBe(1);
    expect(replyOf((await runner.done(turn)).outcome)).toBe(11);
  });

  test('keeps the state it began with until it ends', async () => {
    const actor = await fresh();
    const read = runner.turn(actor, 'wait', [], { read: true });
    await runner.run(actor, 'inc', [1]);
    expect(replyOf((await runner.done(read)).outcome)).toEqual([0, 0]);
  });

  test('cannot change anything, and says so', async () => {
    const actor = await fresh();
    await runner.run(actor, 'inc', [3]);
    const read = async (name: string) =>
      failureText((await runner.run(actor, name, [], { read: true })).outcome);
    expect(await read('write')).toMatch(/^USER_ERROR: a read cannot change the state/);
    expect(await read('writeAll')).toMatch(/^USER_ERROR: a read cannot change the state/);
    expect(await read('bytes')).toMatch(/^UNCARRIABLE: state\.bytes was changed in place/);
    expect(await read('step')).toMatch(/^WRONG_STATE: read .* c\.step is only for methods/);
    expect(await current(actor)).toMatchObject({ count: 3, bytes: Uint8Array.from([1, 2]) });
  });
});

describe('an actor whose state cannot be made', () => {
  test('says what its constructor threw, and so do the turns sent ahead', async () => {
    const actor = actorId('default', 'Broken', 'bad');
    runner.send({ kind: 'activate', actor, deltas: [] });
    const work = runner.turn(actor, 'm', []);
    const { failure } = await runner.next('activate-failed');
    expect(failure).toMatchObject({ code: 'CONSTRUCTOR_FAILED' });
    expect(failure.message).toContain('TypeError: no state for bad');
    expect(failureText((await runner.done(work)).outcome)).toContain('no state for bad');
  });

  test('says what of it cannot be carried', async () => {
    runner.send({ kind: 'activate', actor: actorId('default', 'Broken', 'map'), deltas: [] });
    const { failure } = await runner.next('activate-failed');
    expect(failure.code).toBe('UNCARRIABLE');
    expect(failure.message).toContain('state is an instance of Map');
  });

  test('says that its record has a gap', async () => {
    const actor = await fresh();
    await runner.run(actor, 'nothing');
    const { delta } = await runner.run(actor, 'push', [1]);
    const other = actorId('default', 'Counter', 'gap');
    runner.send({ kind: 'activate', actor: other, deltas: delta ? [delta] : [] });
    const { failure } = await runner.next('activate-failed');
    expect(failure.code).toBe('LOG_CORRUPT');
    expect(failure.message).toContain('does not fit the state at state.list');
  });

  test('is one of a type that the bundle does not have', async () => {
    runner.send({ kind: 'activate', actor: actorId('default', 'Nobody', 'k'), deltas: [] });
    const { failure } = await runner.next('activate-failed');
    expect(failure.code).toBe('UNKNOWN_TYPE');
  });
});
