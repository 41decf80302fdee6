/** A call of a client under an idempotency key on a real cluster: whoever asks again has the first reply. */
import { connect } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const order = { idempotencyKey: 'order-17', deadlineMs: 120_000 };

let stage: Scene;

beforeAll(async () => {
  stage = await scene({ nodes: 1, schedulers: 2 });
});
afterAll(async () => {
  await stage?.stop();
});

const client = () => connect({ address: stage.cluster.addresses.join(',') });

it('a client that died in the midst of a call has its first reply in another process, though the node and the leader died too', async () => {
  const victim = await stage.cluster.startNode(
    { name: 'victim' },
    { env: { TROUPE_CRASH_AT: 'node.turn' } },
  );
  await stage.troupe.actors.create(Counter, 'a', { orExisting: true });
  await stage.troupe.migrate('Counter', 'a', { to: victim.name });
  const first = await client();
  const dies = new AbortController();
  const asked = first.actor(Counter, 'a', { ...order, signal: dies.signal }).add('x');
  asked.catch(() => undefined);
  // Its turn is durable, and nobody has heard of it.
  expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
  dies.abort();
  await first.close();
  await expect(asked).rejects.toMatchObject({ code: 'CANCELLED' });
  await stage.troupe.actor(Counter, 'a', { deadlineMs: 120_000 }).add('y');
  await stage.killLeader();
  const second = await client();
  expect(await second.actor(Counter, 'a', order).add('x')).toBe(1);
  expect(await second.actor(Counter, 'a').ids()).toEqual(['x', 'y']);
  await expect(second.actor(Counter, 'a', order).add('z')).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    details: { differs: 'arguments', key: 'order-17' },
  });
  await second.close();
});
