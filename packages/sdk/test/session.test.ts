import { encodeValue, errorTable, limits } from '@troupe/model';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, type Troupe, TroupeError } from '../src/index.ts';
import { processPlatform } from '../src/platform.ts';
import { Session } from '../src/session/session.ts';
import { Channel } from '../src/wire/channel.ts';
import { StandIn } from './stand-in.ts';

let gateway: StandIn;
const open: Troupe[] = [];
beforeEach(async () => {
  gateway = await StandIn.start();
});
afterEach(async () => {
  for (const troupe of open.splice(0)) await troupe.close();
  gateway.stop();
});

async function connected(options: Parameters<typeof connect>[0] = {}): Promise<Troupe> {
  const troupe = await connect({ address: gateway.address, ...options });
  open.push(troupe);
  return troupe;
}

/** Calls `note` of the actor and keeps quiet about a rejection that the test looks at later. */
function note(troupe: Troupe, key: string, value: unknown = 1, options = {}): Promise<unknown> {
  const call = untyped(troupe, key, options)('note', value);
  call.catch(() => undefined);
  return call;
}

function untyped(troupe: Troupe, key: string, options = {}) {
  const handle = troupe.actor('Counter', key, options);
  return (method: string, ...args: unknown[]) => {
    const call = handle[method];
    if (call === undefined) throw new Error('a handle has every method');
    return call(...args);
  };
}

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'resolved',
    (thrown) => (thrown instanceof TroupeError ? thrown.code : String(thrown)),
  );

describe('a session', () => {
  test('says hello with its id, tenant and version, and answers with what the actor replied', async () => {
    const troupe = await connected({ tenant: 'acme' });
    const call = note(troupe, 'k', { a: [1] }, { scope: 'run-1' });
    const heard = await gateway.nextCall();
    expect(heard).toMatchObject({ type: 'Counter', key: 'k', method: 'note', scope: 'run-1' });
    expect(heard.deadlineMs).toBeGreaterThan(29_000);
    expect(heard.deadlineMs).toBeLessThanOrEqual(30_000);
    gateway.answer(heard.number, { ok: true });
    expect(await call).toEqual({ ok: true });
    expect(gateway.hellos).toMatchObject([{ tenant: 'acme', version: '0.1.0' }]);
    expect(gateway.hellos[0]?.session).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('numbers its calls, and tells each actor the least number still open for it', async () => {
    const troupe = await connected();
    const calls = ['a', 'a', 'b', 'a'].map((key) => note(troupe, key));
    const heard = [];
    for (let i = 0; i < 4; i++) heard.push(await gateway.nextCall());
    expect(heard.map(({ key, number, low }) => [key, number, low])).toEqual([
      ['a', 1, 1],
      ['a', 2, 1],
      ['b', 3, 3],
      ['a', 4, 1],
    ]);
    gateway.answer(2, 'second');
    expect(await calls[1]).toBe('second');
    void note(troupe, 'a');
    expect(await gateway.nextCall()).toMatchObject({ number: 5, low: 1 });
    gateway.answer(1, 'first');
    expect(await calls[0]).toBe('first');
    void note(troupe, 'a');
    expect(await gateway.nextCall()).toMatchObject({ number: 6, low: 4 });
  });

  test('sends all calls of one turn of the event loop as one frame', async () => {
    const troupe = await connected();
    for (let i = 0; i < 50; i++) void note(troupe, `k${i}`);
    const frames = new Set<number>();
    for (let i = 0; i < 50; i++) frames.add((await gateway.nextCall()).frame);
    expect(frames.size).toBe(1);
  });

  test('cuts what is too much for one frame', async () => {
    const troupe = await connected();
    const text = 'x'.repeat(400_000);
    for (let i = 0; i < 12; i++) void note(troupe, 'k', text);
    const frames = new Set<number>();
    for (let i = 0; i < 12; i++) frames.add((await gateway.nextCall()).frame);
    expect(frames.size).toBeGreaterThan(2);
  });

  test('asks again under the same numbers when its stream breaks', async () => {
    const troupe = await connected();
    const calls = [note(troupe, 'a'), note(troupe, 'b'), note(troupe, 'a')];
    for (let i = 0; i < 3; i++) await gateway.nextCall();
    gateway.answer(2, 'b');
    await calls[1];
    gateway.breakStreams();
    const again = [await gateway.nextCall(), await gateway.nextCall()];
    expect(again.map(({ number, low, key }) => [number, low, key])).toEqual([
      [1, 1, 'a'],
      [3, 1, 'a'],
    ]);
    expect(gateway.hellos).toHaveLength(2);
    expect(gateway.hellos[1]?.session).toBe(gateway.hellos[0]?.session);
    gateway.answer(1, 'one');
    gateway.answer(3, 'three');
    expect(await Promise.all([calls[0], calls[2]])).toEqual(['one', 'three']);
  });

  test('asks for nothing again after a sleep in which actors may have forgotten it', async () => {
    let sleptMs = 0;
    const channel = new Channel(gateway.address);
    const sinceBoot = () => performance.now() + sleptMs;
    const platform = { ...processPlatform, sinceBoot };
    const session = new Session({ doors: [channel], tenant: 'default', platform });
    const ask = (key: string) =>
      new Promise<Error>((resolve) => {
        session.ask({
          name: `call Counter/${key}.note`,
          body: {
            kind: 'call',
            message: { type: 'Counter', key, method: 'note', args: encodeValue([]), scope: '' },
            deadlineAt: performance.now() + 30_000,
            answerBy: performance.now() + 60_000,
          },
          resolve: () => undefined,
          reject: resolve,
        });
      });
    const before = ask('a');
    await gateway.nextCall();
    sleptMs = limits.sessionMsMax;
    gateway.breakStreams();
    expect(await before).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await gateway.hello(2);
    void ask('b');
    expect(await gateway.nextCall()).toMatchObject({ key: 'b' });
    session.close();
    channel.close();
  });

  test.each([7_200_000, -7_200_000])(
    'goes on as ever when its wall clock is set by %i ms',
    async (ms) => {
      vi.useFakeTimers({ toFake: ['Date'] });
      try {
        const troupe = await connected();
        const call = note(troupe, 'a');
        const { number } = await gateway.nextCall();
        vi.setSystemTime(Date.now() + ms);
        gateway.breakStreams();
        expect(await gateway.nextCall()).toMatchObject({ number });
        gateway.answer(number, 'there');
        expect(await call).toBe('there');
      } finally {
        vi.useRealTimers();
      }
    },
  );

  test('goes on at another address when its gateway is gone', async () => {
    const other = await StandIn.start();
    const troupe = await connected({ address: `${gateway.address}, ${other.address}` });
    const call = note(troupe, 'a');
    const { number } = await gateway.nextCall();
    gateway.stop();
    expect(await other.nextCall()).toMatchObject({ number, low: number });
    other.answer(number, 'there');
    expect(await call).toBe('there');
    await troupe.close();
    other.stop();
  });

  test('takes no gateway at its word for what one before it may have done', async () => {
    const troupe = await connected();
    const [refused, failed] = [note(troupe, 'a'), note(troupe, 'b')];
    for (let i = 0; i < 2; i++) await gateway.nextCall();
    gateway.breakStreams();
    for (let i = 0; i < 2; i++) await gateway.nextCall();
    gateway.fail(1, { code: 'NO_LEADER', message: 'found no place', detailsJson: '' });
    gateway.fail(2, { code: 'USER_ERROR', message: 'as asked', detailsJson: '' });
    expect(await codeOf(refused)).toBe('OUTCOME_UNKNOWN');
    expect(await codeOf(failed)).toBe('USER_ERROR');
  });

  test('gives the failure of the cluster with its code and details', async () => {
    const troupe = await connected();
    const call = note(troupe, 'a');
    const { number } = await gateway.nextCall();
    gateway.fail(number, { code: 'USER_ERROR', message: 'no', detailsJson: '{"code":"E1"}' });
    await expect(call).rejects.toMatchObject({
      name: 'TroupeError',
      code: 'USER_ERROR',
      message: 'no',
      details: { code: 'E1' },
      retryable: errorTable.USER_ERROR.retryable,
    });
  });

  test('lets further calls wait when the most that may be open are', async () => {
    const channel = new Channel(gateway.address);
    const session = new Session({ doors: [channel], tenant: 'default', callsMax: 2 });
    const answered: string[] = [];
    for (const key of ['a', 'b', 'c', 'd']) {
      session.ask({
        name: `call Counter/${key}.note`,
        body: {
          kind: 'call',
          message: { type: 'Counter', key, method: 'note', args: encodeValue([]), scope: '' },
          deadlineAt: performance.now() + 30_000,
          answerBy: performance.now() + 60_000,
        },
        resolve: () => answered.push(key),
        reject: (reason) => answered.push(reason.message),
      });
    }
    expect([(await gateway.nextCall()).key, (await gateway.nextCall()).key]).toEqual(['a', 'b']);
    expect(gateway.heard).toEqual([]);
    gateway.answer(2, 1);
    expect(await gateway.nextCall()).toMatchObject({ key: 'c', number: 3 });
    gateway.answer(1, 1);
    expect(await gateway.nextCall()).toMatchObject({ key: 'd', number: 4 });
    expect(answered).toEqual(['b', 'a']);
    session.close();
    channel.close();
  });
});

describe('a call', () => {
  test('that cannot be sent is refused before it leaves, by the path of what is wrong', async () => {
    const troupe = await connected();
    const bad = note(troupe, 'k', { sock: () => 1 });
    await expect(bad).rejects.toThrow('args[0].sock is a function');
    expect(await codeOf(note(troupe, 'k', 'x'.repeat(600_000)))).toBe('TOO_LARGE');
    expect(() => troupe.actor('Counter', 'k', { deadlineMs: 600_001 })).toThrow('600001');
    expect(() => troupe.actor('no type', 'k')).toThrow('names no actor');
    expect(() => troupe.actor('Counter', '')).toThrow('names no actor');
    expect(() => troupe.actor('Counter', 'x\n'.repeat(999))).toThrow(/^[^\n]{0,300}$/);
    expect(gateway.heard).toEqual([]);
  });

  test('that was never sent by its deadline surely did nothing', async () => {
    const troupe = await connected();
    gateway.welcome = null;
    gateway.breakStreams();
    await gateway.hello(2);
    expect(await codeOf(note(troupe, 'k', 1, { deadlineMs: 20 }))).toBe('DEADLINE_EXCEEDED');
  });

  test('that was sent and got no answer in time has an unknown outcome', async () => {
    const channel = new Channel(gateway.address);
    const session = new Session({ doors: [channel], tenant: 'default' });
    const outcome = new Promise<Error>((resolve) => {
      session.ask({
        name: 'call Counter/k.note',
        body: {
          kind: 'call',
          message: { type: 'Counter', key: 'k', method: 'note', args: encodeValue([]), scope: '' },
          deadlineAt: performance.now() + 100,
          answerBy: performance.now() + 600,
        },
        resolve: () => undefined,
        reject: resolve,
      });
    });
    await gateway.nextCall();
    expect(await outcome).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    session.close();
    channel.close();
  });

  test('may be cancelled: the cluster is told, and its word decides', async () => {
    const troupe = await connected();
    const leave = new AbortController();
    const call = note(troupe, 'k', 1, { signal: leave.signal });
    const { number } = await gateway.nextCall();
    leave.abort();
    expect(await gateway.next((heard) => 'cancel' in heard)).toMatchObject({ cancel: { number } });
    gateway.fail(number, { code: 'CANCELLED', message: 'dropped', detailsJson: '' });
    expect(await codeOf(call)).toBe('CANCELLED');
  });

  test('that took effect before it could be cancelled gives its result', async () => {
    const troupe = await connected();
    const leave = new AbortController();
    const call = note(troupe, 'k', 1, { signal: leave.signal });
    const { number } = await gateway.nextCall();
    leave.abort();
    gateway.answer(number, 'done');
    expect(await call).toBe('done');
  });

  test('that is cancelled without an answer says that it may have taken effect', async () => {
    const troupe = await connected();
    const leave = new AbortController();
    const call = note(troupe, 'k', 1, { signal: leave.signal });
    await gateway.nextCall();
    leave.abort();
    await expect(call).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(call).rejects.toThrow('may or may not have taken effect: it was aborted');
  });

  test('that was cancelled before it was sent is not sent', async () => {
    const troupe = await connected();
    expect(await codeOf(note(troupe, 'k', 1, { signal: AbortSignal.abort() }))).toBe('CANCELLED');
    const leave = new AbortController();
    gateway.welcome = null;
    gateway.breakStreams();
    await gateway.hello(2);
    const waiting = note(troupe, 'k', 1, { signal: leave.signal });
    leave.abort();
    expect(await codeOf(waiting)).toBe('CANCELLED');
    expect(gateway.heard).toEqual([]);
  });

  test('that is open when the connection is closed has an unknown outcome', async () => {
    const troupe = await connected();
    const call = note(troupe, 'k');
    await gateway.nextCall();
    await troupe.close();
    expect(await codeOf(call)).toBe('OUTCOME_UNKNOWN');
    expect(await codeOf(note(troupe, 'k'))).toBe('WRONG_STATE');
  });
});

describe('a submitted task', () => {
  test('keeps its id and number when it is asked for again', async () => {
    const troupe = await connected();
    const result = troupe.task('plan', { a: 1 }, { priority: 'high', retries: 0, limitMs: 9 });
    const first = await gateway.next((heard) => 'submit' in heard);
    gateway.breakStreams();
    const again = await gateway.next((heard) => 'submit' in heard);
    if (!('submit' in first) || !('submit' in again)) throw new Error('not a submit');
    expect(again.submit).toEqual(first.submit);
    expect(first.submit).toMatchObject({ name: 'plan', priority: 'high', retries: 0, limitMs: 9 });
    gateway.answer(again.submit.number, 'planned');
    expect(await result).toBe('planned');
  });

  test('says its queue and when it is due, and hears when a full queue has room again', async () => {
    const troupe = await connected();
    const result = troupe.task('plan', 1, { queue: 'reports', dueInMs: 5_000 });
    const heard = await gateway.next((one) => 'submit' in one);
    if (!('submit' in heard)) throw new Error('not a submit');
    expect(heard.submit).toMatchObject({ queue: 'reports', dueInMs: 5_000 });
    const detailsJson = '{"tenant":"acme","retryAfterMs":400}';
    gateway.fail(heard.submit.number, { code: 'RESOURCE_EXHAUSTED', message: 'full', detailsJson });
    const full = { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 400, retryable: true };
    await expect(result).rejects.toMatchObject(full);
  });

  test('is refused when its queue has an empty name, which would be none at all', async () => {
    const troupe = await connected();
    await expect(troupe.task('plan', 1, { queue: '' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('queue "" is no name of a queue; leave it out'),
    });
  });
});

const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;

describe('a number that the wire would take for another', () => {
  test.each<[string, (troupe: Troupe, wrong: number) => Promise<unknown>, readonly number[]]>([
    ['limitMs', (t, limitMs) => t.task('plan', 1, { limitMs }), [0, 2 ** 32]],
    ['retries', (t, retries) => t.task('plan', 1, { retries }), [2 ** 31]],
    ['dueInMs', (t, dueInMs) => t.task('plan', 1, { dueInMs }), [0, 2 ** 32]],
    ['limitMs', (t, limitMs) => t.start('plan', 1, { limitMs }), [0, 2 ** 53]],
    ['waitMs', (t, waitMs) => t.run('r').view(waitMs), [2 ** 32]],
    ['limit', (t, limit) => t.runs({ limit }), [0]],
    ['limit', (t, limit) => t.tasks({ limit }), [0]],
    ['limit', (t, limit) => t.actors({ limit }), [0]],
    ['limit', (t, limit) => t.demands({ limit }), [0]],
    ['connectMs', (_, ms) => connect({ address: gateway.address, connectMs: ms }), [0, 2 ** 31]],
    ['deadlineMs', (_, ms) => connect({ address: gateway.address, deadlineMs: ms }), [0]],
  ])('as %s is refused before it is sent, and named', async (name, ask, more) => {
    const troupe = await connected();
    for (const wrong of [nan, -1, 1.5, infinite, -infinite, ...more]) {
      await expect(ask(troupe, wrong)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`${name} is ${wrong}; it must be a whole number from `),
      });
    }
  });
});

describe('connecting', () => {
  test('fails clearly when nobody answers', async () => {
    gateway.stop();
    const late = connect({ address: gateway.address, connectMs: 300 });
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(late).rejects.toThrow(`no cluster answered at ${gateway.address} within 300 ms`);
    // The next move is said once.
    await expect(late).rejects.toThrow(/^(?!.*retry with back-off.*retry).*; retry with back-off$/);
  });

  test('fails at once when the versions do not go together', async () => {
    const refused = {
      code: 'VERSION_MISMATCH',
      message: 'client 0.1.0, cluster 9',
      detailsJson: '',
    };
    gateway.welcome = { refused };
    await expect(connect({ address: gateway.address })).rejects.toMatchObject({
      code: 'VERSION_MISMATCH',
    });
    gateway.welcome = { welcome: { cell: 'default', version: '9.0.0', gateway: 'g' } };
    await expect(connect({ address: gateway.address })).rejects.toThrow('version 9.0.0');
  });

  test('refuses an address that is none', async () => {
    await expect(connect({ address: 'nowhere' })).rejects.toThrow('is not host:port');
  });
});
