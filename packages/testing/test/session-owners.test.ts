import { actor } from '@troupe/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../src/index.ts';

const Cart = actor('Cart', {
  state: () => ({ items: 0 }),
  methods: {
    add(c) {
      c.state.items += 1;
      return c.state.items;
    },
  },
});

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function opened() {
  cluster = await TestCluster.start({ bundle: { Cart } });
  const client = cluster.connect();
  const operator = cluster.connect();
  const cart = await client.actors.create(Cart, 'mine', { owner: 'session' });
  const isThere = async () => (await operator.actors.getIfExists(Cart, 'mine')) !== undefined;
  return { there: cluster, client, cart, isThere };
}

describe('an actor that its client owns', () => {
  it('lives while the client does, whoever leads and whatever gateway dies', async () => {
    const { there, cart, isThere } = await opened();
    await there.advance('10m');
    expect(await cart.calls.add()).toBe(1);
    for (let times = 0; times < 4; times++) {
      await there.crash('scheduler');
      await there.advance('90s');
      for (const name of ['scheduler-1', 'scheduler-2']) {
        await there.restart(name).catch(() => undefined);
      }
      await there.advance('30s');
    }
    expect(await isThere()).toBe(true);
    expect(await cart.calls.add()).toBe(2);
  });

  it('is destroyed when the client closes, and what it owns too', async () => {
    const { there, client, cart, isThere } = await opened();
    await client.actors.create(Cart, 'below', { owner: cart });
    await client.actors.create(Cart, 'free');
    await client.close();
    await there.advance('10s');
    expect(await isThere()).toBe(false);
    const operator = there.connect();
    const { actors } = await operator.actors({ type: 'Cart' });
    expect(actors.map((one) => one.actor)).toEqual(['default/Cart/free']);
  });
});
