import { TroupeError } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as bundle from './agents.ts';

const { double, Librarian, large, outside, publish, stumble } = bundle;

let cluster: TestCluster;

beforeEach(async () => {
  outside.clear();
  cluster = await TestCluster.start({ bundle, seed: 7 });
});

afterEach(async () => {
  await cluster.stop();
});

describe('a test cluster', () => {
  test('serves calls, reads, steps, letters and nested calls as a real one does', async () => {
    const troupe = cluster.connect();
    const librarian = troupe.actor(Librarian, 'team-7');
    expect(await librarian.learn('page')).toBe(1);
    expect(await librarian.ask('team-8', 'hello')).toBe(1);
    await librarian.tell('team-8', 'a letter');
    await cluster.advance('1s');
    expect(await librarian.notes()).toEqual(['page, read']);
    expect(await troupe.actor(Librarian, 'team-8').notes()).toEqual(['hello', 'a letter']);
    expect(outside.get('page')).toBe(1);
  });

  test('makes, lists, pauses and destroys actors', async () => {
    const { actors, ...troupe } = cluster.connect();
    const made = await actors.create(Librarian, 'team-9', { labels: { team: 'red' } });
    expect(await made.calls.note('a')).toBe(1);
    await made.pause();
    expect((await actors({ labels: { team: 'red' } })).actors).toMatchObject([
      { actor: made.view.actor, state: 'paused' },
    ]);
    const waiting = made.calls.note('b');
    await cluster.advance('1s');
    expect(await made.calls.notes()).toEqual(['a']);
    await actors.resume(Librarian, 'team-9');
    expect(await waiting).toBe(2);
    await made.destroy();
    await expect(made.calls.note('c')).rejects.toMatchObject({ code: 'GONE' });
    expect(await actors.getIfExists(Librarian, 'team-9')).toBeUndefined();
    expect(await troupe.actor(Librarian, 'team-9').notes()).toEqual([]);
  });

  test('runs tasks, retries them, and runs workflows that wait for a person', async () => {
    const troupe = cluster.connect();
    expect(await troupe.task(double, 21)).toBe(42);
    expect(await troupe.task(stumble, undefined)).toBe('arrived');
    const run = await troupe.start(publish, { text: 'a draft' });
    const result = run.result();
    await cluster.advance('3h');
    const { blocks, state } = await run.view();
    expect(state).toBe('waiting');
    const open = blocks.find((block) => block.state === 'paused');
    await run.resume(open?.block ?? '', 'yes');
    expect(await result).toEqual({ draft: 1, answer: 'yes' });
    expect((await troupe.runs()).map((one) => one.state)).toEqual(['done']);
  });

  test('starts gangs, and carries outputs that are too large for a message', async () => {
    const troupe = cluster.connect();
    const members = [1, 2, 3].map((input) => ({ task: double, input }));
    expect(await troupe.gang(members)).toEqual([2, 4, 6]);
    expect(await troupe.task(large, undefined)).toHaveLength(600_000);
  });

  test('takes back a call that still waits behind another', async () => {
    const troupe = cluster.connect();
    const dreaming = troupe.actor(Librarian, 'a').dream();
    dreaming.catch(() => undefined);
    const leave = new AbortController();
    const { signal } = leave;
    const waiting = troupe.actor(Librarian, 'a', { signal }).note('never written');
    const told = expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    await troupe.actor(Librarian, 'b').note('x');
    leave.abort();
    await told;
  });

  test('lets the limit of a pause run out in virtual time', async () => {
    const troupe = cluster.connect();
    const run = await troupe.start(publish, { text: 'a draft' });
    const failed = expect(run.result()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await cluster.advance('1d');
    await failed;
  });

  test.each([
    ['what a method throws', 'USER_ERROR', () => at('a').forget()],
    ['a write in a read', 'USER_ERROR', () => at('a').spoil()],
    ['a cycle of calls', 'DEADLOCK', () => at('a').askAround(['b', 'a'])],
    [
      'a type that is not deployed',
      'UNKNOWN_TYPE',
      () => cluster.connect().actor('Ghost', 'a')['haunt']?.(),
    ],
    [
      'a method that is not there',
      'UNKNOWN_METHOD',
      () => cluster.connect().actor('Librarian', 'a')['fly']?.(),
    ],
    ['a key that is none', 'INVALID_ARGUMENT', async () => at('\n')],
    ['a host that is not there', 'INVALID_ARGUMENT', () => cluster.crash('node-9')],
    [
      'a node that is down already',
      'WRONG_STATE',
      () => cluster.crash('node-1').then(() => cluster.crash('node-1')),
    ],
    ['a start of what runs', 'WRONG_STATE', () => cluster.restart('node-1')],
    ['a time that is none', 'INVALID_ARGUMENT', () => cluster.advance('soon')],
    ['an actor that nobody called', 'GONE', () => cluster.whereIs(Librarian, 'nobody')],
    [
      'what only a real cluster does',
      'INVALID_ARGUMENT',
      () => cluster.connect().dropReservation('default', 'r'),
    ],
    [
      'the bytes of a bundle',
      'INVALID_ARGUMENT',
      () => cluster.connect().deploy(new Uint8Array(1)),
    ],
    ['a task that is not deployed', 'UNKNOWN_TASK', () => cluster.connect().task('ghost', 1)],
  ] as const)('refuses %s with %s', async (_what, code, ask) => {
    const thrown = await Promise.resolve()
      .then(ask)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(thrown).toBeInstanceOf(TroupeError);
    expect(thrown).toMatchObject({ code });
  });

  test('deploys another version, and serves several tenants', async () => {
    const hash = await cluster.deploy({ Librarian, double }, { tenant: 'acme' });
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    await cluster.connect({ tenant: 'acme' }).actor(Librarian, 'k').note('theirs');
    await cluster.connect().actor(Librarian, 'k').note('ours');
    expect(await cluster.connect({ tenant: 'acme' }).actor(Librarian, 'k').notes()).toEqual([
      'theirs',
    ]);
    const { nodes, tenants } = await cluster.connect().status();
    expect(nodes.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
      'node-1 alive',
      'node-2 alive',
      'node-3 alive',
    ]);
    expect(tenants.map(({ tenant }) => tenant).sort()).toEqual(['acme', 'default']);
  });

  test('tells who still waits when it is stopped, and answers nobody afterwards', async () => {
    const troupe = cluster.connect();
    const dreaming = troupe.actor(Librarian, 'a').dream();
    const told = expect(dreaming).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await troupe.actor(Librarian, 'b').note('x');
    await cluster.stop();
    await told;
    await expect(cluster.advance(1)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(troupe.actor(Librarian, 'b').note('y')).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });

  test('that cannot come to serve says so instead of waiting for ever', async () => {
    const starting = TestCluster.start({ bundle, chaos: { storeLoss: 1 } });
    await expect(starting).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('says what it was like when it was asked to keep a trace, and prints nothing', async () => {
    const traced = await TestCluster.start({ bundle, nodes: 1, schedulers: 1, trace: true });
    await traced.connect().actor(Librarian, 'a').note('remember');
    expect(traced.trace().some((line) => line.includes('Librarian/a'))).toBe(true);
    await traced.stop();
    expect(() => cluster.trace()).toThrow('trace: true');
  });
});

function at(key: string) {
  return cluster.connect().actor(Librarian, key);
}
