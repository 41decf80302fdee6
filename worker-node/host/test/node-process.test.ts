import { join } from 'node:path';
import { actorId, decodeValue, encodeValue, taskId, tenantName } from '@troupe/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cell } from './harness.ts';

let cell: Cell;
beforeEach(async () => {
  cell = await Cell.start();
});
afterEach(() => cell.stop());

const counter = actorId('default', 'Counter', 'a');

test('a call is answered, and its turn stands in the turn log by then', async () => {
  const bundle = await cell.bundle('counter');
  const { incarnation } = await cell.startNode();
  await cell.place(incarnation, counter, { bundle, epoch: 5 });

  expect(await cell.value(cell.call(incarnation, counter, 'add', [3], { epoch: 5 }))).toBe(3);

  const turns = (await cell.facts(incarnation)).filter((fact) => fact.kind === 'turn');
  expect(turns).toMatchObject([{ actor: counter, seq: 1, method: 'add', epoch: 5 }]);
});

test('what was answered survives kill -9: a second node takes the actor over', async () => {
  const bundle = await cell.bundle('counter');
  const first = await cell.startNode();
  await cell.place(first.incarnation, counter, { bundle, epoch: 5 });
  for (const by of [1, 2, 3]) {
    await cell.value(cell.call(first.incarnation, counter, 'add', [by], { epoch: 5 }));
  }
  first.process.kill('SIGKILL');
  await first.exited;
  const link = await cell.seal(first.incarnation);

  const second = await cell.startNode({ name: 'n2' });
  await cell.place(second.incarnation, counter, { bundle, epoch: 9, chain: [link] });
  const count = cell.call(second.incarnation, counter, 'count', [], { epoch: 9 });
  expect(await cell.value(count)).toBe(6);
});

test('a runner that crashes takes only its own turn along, which runs again', async () => {
  const bundle = await cell.bundle('counter');
  const { incarnation, process } = await cell.startNode({ runners: 1 });
  await cell.place(incarnation, counter, { bundle, epoch: 5 });
  await cell.value(cell.call(incarnation, counter, 'add', [1], { epoch: 5 }));

  const marker = join(cell.folder, 'crashed');
  const crash = cell.call(incarnation, counter, 'crashOnce', [marker], { epoch: 5 });
  expect(await cell.value(crash)).toBe(101);
  expect(process.exitCode).toBeNull();
  const turns = (await cell.facts(incarnation)).filter((fact) => fact.kind === 'turn');
  expect(turns.map((turn) => turn.method)).toEqual(['add', 'crashOnce']);
});

test('a frozen node whose log was sealed says nothing when it wakes, and goes', async () => {
  const bundle = await cell.bundle('counter');
  const node = await cell.startNode();
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  await cell.value(cell.call(node.incarnation, counter, 'add', [1], { epoch: 5 }));

  node.process.kill('SIGSTOP');
  await cell.seal(node.incarnation);
  const late = cell.call(node.incarnation, counter, 'add', [1], { epoch: 5 });
  await cell.fabric.bus.flush();
  node.process.kill('SIGCONT');

  expect((await node.exited).code).toBe(4);
  const words = await cell.said('deposed');
  expect(words).toMatchObject({ incarnation: node.incarnation, appendsRefused: 1 });
  expect(words.repliesWithheld).toBe(1);
  expect(cell.result(late.number)).toBeUndefined();
});

test('a node that the journal declares dead lets the store refuse it before it goes', async () => {
  const node = await cell.startNode();
  await cell.seal(node.incarnation);
  const { term } = cell;
  cell.say(node.incarnation, { kind: 'die', term, incarnation: node.incarnation });

  expect((await node.exited).code).toBe(4);
  expect(await cell.said('deposed')).toMatchObject({ appendsRefused: 1, repliesWithheld: 0 });
});

test('a node obeys no leader of an older term', async () => {
  const node = await cell.startNode();
  const older = { generation: 1, number: 0 };
  cell.say(node.incarnation, { kind: 'die', term: older, incarnation: node.incarnation });
  const bundle = await cell.bundle('counter');
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  expect(await cell.value(cell.call(node.incarnation, counter, 'add', [1], { epoch: 5 }))).toBe(1);
});

test('a bundle that does not load is the caller’s failure, not the node’s', async () => {
  const bundle = await cell.bundle('broken');
  const { incarnation, process } = await cell.startNode();
  await cell.place(incarnation, counter, { bundle, epoch: 5 });
  const outcome = await cell.call(incarnation, counter, 'add', [1], { epoch: 5 }).answered;
  expect(outcome).toMatchObject({ ok: false, failure: { code: 'BUNDLE_LOAD_FAILED' } });
  expect(outcome.ok ? '' : outcome.failure.message).toContain('the licence file is missing');
  expect(process.exitCode).toBeNull();
});

test('a bundle can be looked at before it is deployed', async () => {
  const { incarnation } = await cell.startNode();
  const subject = `${cell.fabric.names.node(incarnation)}.inspect`;
  const inspect = async (name: string) => {
    const bundle = await cell.bundle(name);
    return cell.fabric.bus.ask(subject, { kind: 'inspect-bundle', bundle }, 20_000);
  };
  expect(await inspect('counter')).toMatchObject({
    manifest: { actors: [{ type: 'Counter', reads: ['count'] }], tasks: [{ name: 'double' }] },
  });
  expect(await inspect('broken')).toMatchObject({ failure: { code: 'BUNDLE_LOAD_FAILED' } });
});

test('a task runs and its result reaches the leader', async () => {
  const bundle = await cell.bundle('counter');
  const { incarnation } = await cell.startNode();
  const task = taskId('t1');
  cell.say(incarnation, {
    kind: 'run-task',
    started: 1,
    term: cell.term,
    task,
    attempt: 1,
    tenant: tenantName('default'),
    bundle,
    name: 'double',
    input: encodeValue(21),
    limitMs: 10_000,
  });
  const { outcome } = await cell.said('task-result', (said) => said.task === task);
  expect(outcome.ok && decodeValue(outcome.value)).toBe(42);
});

test('user code sees no variable that was not named for it', async () => {
  const bundle = await cell.bundle('counter');
  const { incarnation } = await cell.startNode({ environment: ['SHOWN'] });
  await cell.place(incarnation, counter, { bundle, epoch: 5 });
  const call = cell.call(incarnation, counter, 'environment', [], { epoch: 5 });
  const seen = await cell.value(call);
  expect(seen).toContain('SHOWN');
  expect(seen).not.toContain('NATS_PASSWORD');
});

test('SIGTERM hands the actors over and ends with 0; the next owner needs no log', async () => {
  const bundle = await cell.bundle('counter');
  const node = await cell.startNode();
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  await cell.value(cell.call(node.incarnation, counter, 'add', [7], { epoch: 5 }));

  node.process.kill('SIGTERM');
  const released = await cell.said('released');
  expect(released.actors).toEqual([{ actor: counter, epoch: 5 }]);
  expect((await node.exited).code).toBe(0);
  expect(cell.heard('deposed')).toBe(0);

  const second = await cell.startNode({ name: 'n2' });
  await cell.place(second.incarnation, counter, { bundle, epoch: 9 });
  const count = cell.call(second.incarnation, counter, 'count', [], { epoch: 9 });
  expect(await cell.value(count)).toBe(7);
});

test('a misspelt key of the configuration is named, with the right one', async () => {
  const node = cell.spawnNode({ runers: 3 });
  expect((await node.exited).code).toBe(2);
  expect(node.stderr()).toMatch(/^CONFIG_INVALID: .*"node\.runers".*"node\.runners"/);
});

test('a node without servers says which one it misses', async () => {
  const node = cell.spawnNode({}, { nats: { servers: ['nats://127.0.0.1:9'] } });
  expect((await node.exited).code).toBe(3);
  expect(node.stderr()).toMatch(/^NATS_UNREACHABLE: .*127\.0\.0\.1:9/m);
});
