/** What a foreign client asks about the lives of actors, as it comes to the leader. */
import { type Answer, failure, incarnation, type RequestBody, tenantName } from '@troupe/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answered, deployed, joined, openStage, type Stage } from './gateway-stage.ts';
import { type Servers, startServers } from './servers.ts';

const node = incarnation('n1.aaaaaaaa');
const named = { tenant: 'default', type: 'Counter', key: 'a' };
const actor = 'default/Counter/a';
const view = { actor, node, birth: 7, epoch: 8, scope: actor, chain: 0, state: 'placed' } as const;

let servers: Servers;
let stage: Stage;

beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());
beforeEach(async () => {
  stage = await openStage(servers, `lives-${Math.floor(performance.now())}`);
  stage.journal(...deployed(tenantName('default')), ...joined(node));
});
afterEach(() => stage.close());

/** The leader answers each request so. */
function leads(answer: (body: RequestBody) => Answer): void {
  stage.leader = (message) => {
    if (message.kind !== 'request') return;
    stage.gateway.deliver({ ...answered(message), answer: answer(message.body) });
  };
}

function bodies(): RequestBody[] {
  return stage.asked.flatMap((message) => (message.kind === 'request' ? [message.body] : []));
}

describe('a foreign client', () => {
  test('makes an actor with labels, under an id of its request', async () => {
    leads(() => ({ kind: 'actor', actor: { ...view, labels: { team: 'red' } }, created: true }));
    const request = { ...named, by: 'r1', labels: { team: 'red' } };
    const made = await stage.client.call('ActorsService/Create', request);
    expect(bodies()).toEqual([{ kind: 'create-actor', actor, by: 'r1', labels: { team: 'red' } }]);
    expect(made).toMatchObject({ actor: { birth: '7', labels: { team: 'red' } }, created: true });
  });

  test('destroys the actor that is there, by its birth, and finds it done when there is none', async () => {
    leads((body) =>
      body.kind === 'get-actor' ? { kind: 'actor', actor: view } : { kind: 'done' },
    );
    await stage.client.call('ActorsService/Destroy', named);
    expect(bodies().at(-1)).toEqual({ kind: 'wish-actor', actor, birth: 7, wish: 'ending' });
    stage.asked.length = 0;
    leads(() => ({ kind: 'failed', failure: failure('UNKNOWN_ACTOR', 'none') }));
    await stage.client.call('ActorsService/Destroy', named);
    expect(bodies().map(({ kind }) => kind)).toEqual(['get-actor']);
    await expect(stage.client.call('ActorsService/Pause', named)).rejects.toMatchObject({
      code: 'UNKNOWN_ACTOR',
    });
  });

  test('gives a birth, and no other actor is meant', async () => {
    leads(() => ({ kind: 'done' }));
    await stage.client.call('ActorsService/Pause', { ...named, birth: 3 });
    await stage.client.call('ActorsService/Resume', { ...named, birth: 3, wishAt: 9 });
    await stage.client.call('ActorsService/Pause', { ...named, birth: 3, wishAt: 0 });
    expect(bodies()).toEqual([
      { kind: 'wish-actor', actor, birth: 3, wish: 'paused' },
      { kind: 'wish-actor', actor, birth: 3, wishAt: 9, wish: 'live' },
      { kind: 'wish-actor', actor, birth: 3, wishAt: 0, wish: 'paused' },
    ]);
  });

  test('lists actors page by page, with what is wrong with them', async () => {
    const ill = failure('CONSTRUCTOR_FAILED', 'no key');
    leads(() => ({
      kind: 'actors',
      actors: [{ ...view, state: 'failed', failure: ill }],
      total: 9,
      next: actor,
    }));
    const asked = { tenant: '', type: 'Counter', state: 'failed', labels: { a: 'b' }, after: 'x' };
    const page = await stage.client.call('ActorsService/List', asked);
    expect(bodies()).toMatchObject([
      { kind: 'list-actors', type: 'Counter', state: 'failed', labels: { a: 'b' }, after: 'x' },
    ]);
    expect(page).toMatchObject({
      actors: [{ state: 'failed', failure: { code: 'CONSTRUCTOR_FAILED' } }],
      total: '9',
      next: actor,
    });
  });

  test('is refused too many labels, and a state that there is not', async () => {
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`l${n}`, 'x']));
    const wrong = [
      ['Create', { ...named, by: 'r', labels }],
      ['List', { tenant: '', state: 'asleep' }],
    ] as const;
    for (const [method, request] of wrong) {
      await expect(stage.client.call(`ActorsService/${method}`, request)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect(bodies()).toEqual([]);
  });
});
