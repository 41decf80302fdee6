/** What is acknowledged is there exactly once, whatever dies: checked per call id. */
import { connect, type Troupe } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { expectExactlyOnce, startCallers } from './callers.ts';
import { type Scene, scene } from './scene.ts';

const load = { counters: 200, callers: 64 };
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('when two of three nodes are killed in turn', async () => {
  stage = await scene({ nodes: 3 });
  const callers = startCallers(stage.troupe, load);
  await callers.acknowledged(2_000);
  for (const node of stage.cluster.nodes.slice(0, 2)) {
    node.kill('SIGKILL');
    await node.exited;
    await callers.acknowledged(3_000);
  }
  const history = await callers.stop();
  await expectExactlyOnce(stage.troupe, history);
  const status = await stage.troupe.status();
  expect(status.counts.nodesLost).toBe(2);
});

it('when the leading scheduler is killed', async () => {
  stage = await scene({ nodes: 3, schedulers: 2 });
  const { schedulers, addresses } = stage.cluster;
  const { leader, term } = await stage.troupe.status();
  const at = schedulers.findIndex(({ name }) => name === leader);
  const leading = schedulers[at];
  if (leading === undefined) throw new Error(`the leader ${leader} is not one of ours`);
  // Its calls go by the leader's own gateway, so that they lose both at once.
  const near = [...addresses.slice(at), ...addresses.slice(0, at)].join(',');
  await using troupe = closed(await connect({ address: near }));
  const callers = startCallers(troupe, load);
  await callers.acknowledged(2_000);
  leading.kill('SIGKILL');
  await leading.exited;
  await callers.acknowledged(3_000);
  // A new leader must be there for what only a leader can do: bring a dead node's actors back.
  stage.cluster.nodes[0]?.kill('SIGKILL');
  await callers.acknowledged(3_000);
  await expectExactlyOnce(stage.troupe, await callers.stop());
  const after = await stage.troupe.status();
  expect(after.leader).not.toBe(leader);
  expect(after.term.number).toBeGreaterThan(term.number);
});

it('when nats-server is killed and started again, and etcd after it', async () => {
  stage = await scene({ nodes: 3 });
  const callers = startCallers(stage.troupe, load);
  await callers.acknowledged(2_000);
  await stage.cluster.restart('nats', { signal: 'SIGKILL' });
  await callers.acknowledged(3_000);
  await stage.cluster.restart('etcd', { signal: 'SIGKILL' });
  await callers.acknowledged(3_000);
  await expectExactlyOnce(stage.troupe, await callers.stop());
  const status = await stage.troupe.status();
  expect(status.counts.nodesLost, 'a broken broker is not a dead node').toBe(0);
});

/** Closed when the test ends, also when it fails. */
function closed(troupe: Troupe): Troupe & AsyncDisposable {
  return Object.assign(troupe, { [Symbol.asyncDispose]: async () => troupe.close() });
}
