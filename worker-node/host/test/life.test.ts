import { readFileSync } from 'node:fs';
import { actorId, failure, type Heartbeat } from '@troupe/model';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cell } from './harness.ts';

let cell: Cell;
beforeEach(async () => {
  cell = await Cell.start();
});
afterEach(() => cell.stop());

const counter = actorId('default', 'Counter', 'a');

test('a node that no leader answers keeps asking, and goes when told to', async () => {
  cell.welcome = false;
  const node = cell.spawnNode();
  const first = await cell.said('join');
  await cell.said('join', (said) => said !== first);
  node.process.kill('SIGTERM');
  expect((await node.exited).code).toBe(0);
});

test('a node that is refused prints why and goes', async () => {
  cell.welcome = false;
  const node = cell.spawnNode();
  const { incarnation } = await cell.said('join');
  const why = failure('VERSION_MISMATCH', 'node 0.0.1 does not fit a cluster of 0.1.0');
  cell.say(incarnation, { kind: 'join-refused', term: cell.term, failure: why });
  expect((await node.exited).code).toBe(1);
  expect(node.stderr()).toContain('VERSION_MISMATCH: node 0.0.1 does not fit a cluster of 0.1.0');
});

test('two nodes never share a name', async () => {
  await cell.startNode({ name: 'twin' });
  const second = cell.spawnNode({ name: 'twin' });
  expect((await second.exited).code).toBe(1);
  expect(second.stderr()).toMatch(/^NODE_NAME_TAKEN: .*twin/m);
});

test('a probe is answered by a heartbeat that says how busy the node is', async () => {
  const beats: Heartbeat[] = [];
  let wake = () => {};
  cell.fabric.beats.listen(cell.fabric.names.beats, (beat: Heartbeat) => {
    beats.push(beat);
    wake();
  });
  const { incarnation } = await cell.startNode();
  const upTo = async (count: number) => {
    while (beats.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await upTo(3);
  cell.say(incarnation, { kind: 'probe', term: cell.term });
  await upTo(4);
  expect(beats.map((beat) => beat.counter)).toEqual(
    beats.map((_, i) => (beats[0]?.counter ?? 0) + i),
  );
  const last = beats.at(-1);
  expect(last).toMatchObject({ incarnation, load: { actors: 0, turns: 0, tasks: 0 } });
  expect(last?.load.memory).toBeGreaterThan(10);
  expect(last?.load.cpu).toBeLessThanOrEqual(1);
});

test('no runner outlives its node, however the node ends', async () => {
  const bundle = await cell.bundle('counter');
  const node = await cell.startNode();
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  const pid = await cell.value(cell.call(node.incarnation, counter, 'pid', [], { epoch: 5 }));
  if (typeof pid !== 'number') throw new Error('a pid is a number');
  expect(() => process.kill(pid, 0)).not.toThrow();
  node.process.kill('SIGKILL');
  await node.exited;
  await gone(pid);
});

test('not even a runner whose user code never lets go outlives its node', async () => {
  const bundle = await cell.bundle('counter');
  const node = await cell.startNode();
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  const pid = await cell.value(cell.call(node.incarnation, counter, 'pid', [], { epoch: 5 }));
  if (typeof pid !== 'number') throw new Error('a pid is a number');
  cell.call(node.incarnation, counter, 'block', [], { epoch: 5 });
  await spins(pid);
  node.process.kill('SIGKILL');
  await node.exited;
  await gone(pid);
});

test('a node that cannot hand over in time goes all the same', async () => {
  const bundle = await cell.bundle('counter');
  const node = await cell.startNode({ drainMs: 300 });
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  const call = cell.call(node.incarnation, counter, 'block', [], { epoch: 5 });
  await cell.fabric.bus.flush();
  node.process.kill('SIGTERM');
  expect((await node.exited).code).toBe(0);
  expect(node.stderr()).toContain('failover does the rest');
  expect(cell.result(call.number)).toBeUndefined();
});

test('a second signal ends the node at once', async () => {
  const bundle = await cell.bundle('counter');
  const node = await cell.startNode();
  await cell.place(node.incarnation, counter, { bundle, epoch: 5 });
  cell.call(node.incarnation, counter, 'block', [], { epoch: 5 });
  node.process.kill('SIGTERM');
  await cell.said('leaving');
  node.process.kill('SIGTERM');
  expect((await node.exited).code).toBe(130);
});

/** Resolves when the process does nothing but compute: its state is `R` look after look. */
async function spins(pid: number): Promise<void> {
  for (let looks = 0; looks < 20; ) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    looks = stat.slice(stat.lastIndexOf(')') + 2).startsWith('R') ? looks + 1 : 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves when no process has this id any more. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
