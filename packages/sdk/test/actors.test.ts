import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Troupe } from '../src/index.ts';
import type { CallMessage } from '../src/wire/messages.ts';
import { StandIn } from './stand-in.ts';

let gateway: StandIn;
let troupe: Troupe;
beforeAll(async () => {
  gateway = await StandIn.start();
  troupe = await connect({ address: gateway.address, deadlineMs: 5_000 });
});
afterAll(async () => {
  await troupe.close();
  gateway.stop();
});

type Named = { readonly type: string; readonly key: string; readonly birth: number };

function viewOf({ type, key }: Pick<Named, 'type' | 'key'>, birth = 7) {
  const actor = `default/${type}/${key}`;
  return { actor, node: 'n1.a', birth, epoch: birth + 1, scope: actor, chain: 0, state: 'placed' };
}

describe('an actor', () => {
  test('is made with a key, labels and scope, and called by its birth', async () => {
    const asked: object[] = [];
    gateway.unary = {
      Create: (request: Named) => {
        asked.push(request);
        return { actor: viewOf(request), created: true };
      },
    };
    const made = await troupe.actors.create('Counter', 'k', {
      labels: { team: 'red' },
      scope: 's',
    });
    expect(asked).toMatchObject([
      { type: 'Counter', key: 'k', labels: { team: 'red' }, scope: 's' },
    ]);
    expect([made.key, made.birth]).toEqual(['k', 7]);
    const heard = new Promise<CallMessage>((resolve) => {
      gateway.onAsk = (ask) => 'method' in ask && resolve(ask);
    });
    void made.calls['add']?.(1).catch(() => undefined);
    expect(await heard).toMatchObject({ type: 'Counter', key: 'k', method: 'add', birth: 7 });
  });

  test('without a name gets a key that nobody else has', async () => {
    gateway.unary = { Create: (request: Named) => ({ actor: viewOf(request), created: true }) };
    const made = [await troupe.actors.create('Counter'), await troupe.actors.create('Counter')];
    expect(made[0]?.key).not.toBe(made[1]?.key);
    expect(made[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('is owned by another one, by its birth, by a run, or by its client', async () => {
    const asked: { owner: object }[] = [];
    gateway.unary = {
      Create: (request: Named & { owner: object }) => {
        asked.push(request);
        return { actor: viewOf(request), created: true };
      },
    };
    const owner = await troupe.actors.create('Counter', 'k');
    await troupe.actors.create('Counter', 'child', { owner });
    await troupe.actors.create('Counter', 'step', { owner: { run: 'r1' } });
    await troupe.actors.create('Counter', 'mine', { owner: 'session' });
    expect(asked.map((one) => one.owner)).toEqual([
      null,
      { run: '', type: 'Counter', key: 'k', birth: 7, session: '' },
      { run: 'r1', type: '', key: '', birth: 0, session: '' },
      { run: '', type: '', key: '', birth: 0, session: expect.stringMatching(/^[\w-]+$/) },
    ]);
  });

  test('is destroyed by its birth, so that asking again never touches the next one', async () => {
    const asked: Named[] = [];
    gateway.unary = {
      Get: (request: Named) => ({ actor: viewOf(request, 12) }),
      Destroy: (request: Named) => {
        asked.push(request);
        return {};
      },
    };
    await troupe.actors.destroy('Counter', 'k');
    expect(asked).toMatchObject([{ type: 'Counter', key: 'k', birth: 12 }]);
  });

  test('is paused and resumed by its birth, each after the wish that was seen last', async () => {
    const asked: object[] = [];
    const note = ({ birth, wishAt }: Named & { readonly wishAt: number }) => {
      asked.push({ birth, wishAt });
      return {};
    };
    gateway.unary = {
      Get: (request: Named) => ({ actor: { ...viewOf(request, 5), wishAt: 7 * asked.length } }),
      Pause: note,
      Resume: note,
    };
    const found = await troupe.actors.getIfExists('Counter', 'k');
    await found?.pause();
    await found?.resume();
    expect(asked).toEqual([
      { birth: 5, wishAt: 0 },
      { birth: 5, wishAt: 7 },
    ]);
  });
});

describe('a list of actors', () => {
  test('is read a page at a time, as it is asked for', async () => {
    const asked: string[] = [];
    gateway.unary = {
      List: ({ after }: { after: string }) => {
        asked.push(after);
        const page = asked.length;
        const actors = [viewOf({ type: 'A', key: `k${page}` })];
        return page < 3 ? { actors, total: 3, next: `k${page}` } : { actors, total: 3 };
      },
    };
    const seen: string[] = [];
    for await (const { actor } of troupe.actors.list({ type: 'A', state: 'placed' })) {
      seen.push(actor);
      if (seen.length === 2) expect(asked).toHaveLength(2);
    }
    expect(seen).toEqual(['default/A/k1', 'default/A/k2', 'default/A/k3']);
    expect(asked).toEqual(['', 'k1', 'k2']);
  });
});

describe('a watch over actors', () => {
  test('by a prefix of keys without a type is refused, not a watch over all', async () => {
    const watch = troupe.actors.watch({ prefix: 'team-', after: 0 });
    await expect(watch.next()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('give `type` too'),
    });
  });
});
