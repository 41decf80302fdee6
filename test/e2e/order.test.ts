/** Per-sender order while actors are forced from node to node: of clients, and of actors that write letters. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Troupe } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Counter, Sender } from '../agents/agents.ts';
import { expectOrder, keyOf, OrderedClients } from './ordered-clients.ts';
import { type Scene, scene } from './scene.ts';

const clients = 16;
const counters = 200;
const rounds = 10;
const roundMs = 2_000;
/** Counters that one post goes to. */
const lettersOfPost = 5;

let stage: Scene;
const open: Troupe[] = [];

afterEach(async () => {
  for (const troupe of open.splice(0)) await troupe.close();
  await stage?.stop();
});

/** Each client has an actor of its own that writes letters to counters, post after post. */
class Posters {
  /** By poster, what each of its posts went to, in order: all of them were acknowledged. */
  readonly posted: (readonly string[])[][];
  #stopped = false;
  readonly #all: Promise<unknown>;

  constructor(troupes: readonly Troupe[]) {
    this.posted = troupes.map(() => []);
    this.#all = Promise.all(troupes.map((troupe, number) => this.#post(troupe, number)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  /** What counters must have of each poster, in this order, and no more. */
  lettersTo(key: string): ReadonlyMap<string, readonly string[]> {
    return new Map(
      this.posted.map((posts, number) => {
        const ids = posts.flatMap((keys, post) => (keys.includes(key) ? [idOf(number, post)] : []));
        return [senderOf(number), ids];
      }),
    );
  }

  async #post(troupe: Troupe, number: number): Promise<void> {
    const posts = this.posted[number] ?? [];
    for (let post = 0; !this.#stopped; post++) {
      const first = number + post * lettersOfPost;
      const keys = Array.from({ length: lettersOfPost }, (_, at) => keyOf((first + at) % counters));
      await troupe.actor(Sender, senderOf(number)).post(keys, idOf(number, post));
      posts.push(keys);
    }
  }
}

const senderOf = (number: number) => `s${number}`;
const idOf = (number: number, post: number) => `${senderOf(number)}>${post}`;

it('16 clients and 16 actors keep their order at 200 actors that are moved every two seconds', async () => {
  stage = await scene({ nodes: 3 });
  const address = stage.cluster.addresses.join(',');
  open.push(...(await Promise.all(Array.from({ length: clients }, () => connect({ address })))));
  const { troupe } = stage;
  // All are there before they are moved.
  for (let n = 0; n < clients; n++) await troupe.actor(Sender, senderOf(n)).post([], 'first');
  const counting = Array.from({ length: counters }, (_, n) => troupe.actor(Counter, keyOf(n)));
  await Promise.all(counting.map((counter) => counter.ids()));
  const callers = new OrderedClients(open, counters);
  const posters = new Posters(open);
  const names = stage.cluster.nodes.map(({ name }) => name);
  const all = [
    ...Array.from({ length: counters }, (_, n) => ['Counter', keyOf(n)] as const),
    ...Array.from({ length: clients }, (_, n) => ['Sender', senderOf(n)] as const),
  ];
  let moves = 0;
  for (let round = 0; round < rounds; round++) {
    const asked = all.map(async ([type, key], n) => {
      const to = names[(n + round) % names.length] ?? '';
      const { state } = await troupe.migrate(type, key, { to });
      if (state === 'moved') moves += 1;
    });
    await Promise.all([...asked, pause(roundMs)]);
  }
  await Promise.all([callers.stop(), posters.stop()]);
  for (let n = 0; n < counters; n++) await expectLetters(posters, keyOf(n));
  expect(await expectOrder(troupe, callers)).toBeGreaterThan(5 * counters);
  expect(moves).toBeGreaterThan((rounds - 2) * counters);
}, 180_000);

/** All that was posted is there, once and in the order of its sender, as soon as it has arrived. */
async function expectLetters(posters: Posters, key: string): Promise<void> {
  const counter = stage.troupe.actor(Counter, key);
  const letters = posters.lettersTo(key);
  const count = [...letters.values()].reduce((sum, ids) => sum + ids.length, 0);
  await stage.until(`all letters to ${key}`, async () => {
    return (await counter.ids()).filter((id) => id.includes('>')).length >= count;
  });
  const there = await counter.ids();
  for (const [sender, ids] of letters) {
    expect(there.filter((id) => id.startsWith(`${sender}>`))).toEqual(ids);
  }
}
