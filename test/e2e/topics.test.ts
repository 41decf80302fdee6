/** Topics on a real cluster: each message once to each subscriber and in order, whatever is killed. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { errorTable, TroupeError } from '@troupe/model';
import { afterEach, expect, it } from 'vitest';
import { type Heard, Listener, Speaker } from '../agents/topics.ts';
import { type Scene, scene } from './scene.ts';

const bundle = fileURLToPath(new URL('../agents/topics.ts', import.meta.url));
const topicName = 'news';
const topicActor = `default/$topic/${topicName}`;
const patient = { deadlineMs: 120_000 };

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

async function deployed(...options: Parameters<typeof scene>): Promise<void> {
  stage = await scene(...options);
  await stage.troupe.deploy((await bundleFile(bundle)).bytes);
}

/** Actors and a client that publish, one message after the other, until they are stopped. */
class Speakers {
  /** What the client was told of its own messages. */
  readonly byClient = new Map<string, 'ok' | 'none' | 'unknown'>();
  said = 0;
  readonly keys: readonly string[];
  #stopped = false;
  readonly #all: Promise<unknown>;

  constructor(count: number) {
    this.keys = Array.from({ length: count }, (_, n) => `s${n}`);
    this.#all = Promise.all([...this.keys.map((key) => this.#speak(key)), this.#publish()]);
  }

  async more(count: number): Promise<void> {
    const enough = this.said + count;
    await stage.until(`${count} more messages`, async () => this.said >= enough);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  async #speak(key: string): Promise<void> {
    while (!this.#stopped) {
      await stage.troupe.actor(Speaker, key, patient).say(topicName);
      this.said += 1;
    }
  }

  async #publish(): Promise<void> {
    for (let n = 1; !this.#stopped; n++) {
      const id = `client:${n}`;
      try {
        await stage.troupe.topic(topicName).publish(id);
        this.byClient.set(id, 'ok');
        this.said += 1;
      } catch (error) {
        if (!(error instanceof TroupeError)) throw error;
        const surelyNot = errorTable[error.code].outcome === 'none';
        this.byClient.set(id, surelyNot ? 'none' : 'unknown');
      }
    }
  }
}

const keysOf = (count: number) => Array.from({ length: count }, (_, n) => `l${n}`);

async function follow(count: number): Promise<readonly string[]> {
  const keys = keysOf(count);
  await Promise.all(
    keys.map((key) => stage.troupe.actor(Listener, key, patient).follow(topicName)),
  );
  return keys;
}

async function heardBy(key: string, count: number): Promise<readonly Heard[]> {
  const listener = stage.troupe.actor(Listener, key, patient);
  await stage.until(`${key} has ${count}`, async () => (await listener.count()) >= count);
  return await listener.heard();
}

/** Everybody has heard the same: each message, once, in the order of the topic and of its publisher. */
async function expectEachOnce(keys: readonly string[], speakers: Speakers): Promise<void> {
  const { published } = await topicAtRest();
  const [first = ''] = keys;
  const all = await heardBy(first, published);
  expect(all.map(({ number }) => number)).toEqual(all.map((_, at) => at + 1));
  for (const key of keys) expect(await heardBy(key, published), key).toEqual(all);
  for (const key of speakers.keys) {
    const said = await stage.troupe.actor(Speaker, key, patient).said();
    const mine = all.filter(({ from }) => from === `default/Speaker/${key}`);
    expect(mine.map(({ id }) => id)).toEqual(mine.map((_, at) => `${key}:${at + 1}`));
    expect(mine, `what ${key} said`).toHaveLength(said);
  }
  const byClient = all.filter(({ from }) => from === undefined).map(({ id }) => id);
  const expected = [...speakers.byClient].filter(([id, fate]) => {
    return fate === 'ok' || (fate === 'unknown' && byClient.includes(id));
  });
  expect(byClient).toEqual(expected.map(([id]) => id));
}

/** As it is when all that was said has come to it, and left it. */
async function topicAtRest() {
  const topic = stage.troupe.topic(topicName);
  let before = -1;
  await stage.until('the topic is at rest', async () => {
    const { published, kept, waiting } = await topic.view();
    const rests = published === before && kept === 0 && waiting === 0;
    before = published;
    return rests;
  });
  return await topic.view();
}

it('each message comes once and in order when the node that holds the topic is killed', async () => {
  await deployed({ nodes: 3 });
  const keys = await follow(12);
  const speakers = new Speakers(4);
  for (let kills = 0; kills < 3; kills++) {
    await speakers.more(100);
    const host = await stage.hostOf(topicActor);
    const node = stage.cluster.nodes.find(({ name }) => name === host);
    node?.kill('SIGKILL');
    await node?.exited;
    await stage.cluster.startNode();
  }
  await speakers.more(100);
  await speakers.stop();
  await expectEachOnce(keys, speakers);
}, 300_000);

it('each message comes once and in order when the leader is killed', async () => {
  await deployed({ nodes: 2, schedulers: 2 });
  const keys = await follow(12);
  const speakers = new Speakers(4);
  await speakers.more(100);
  const { leader } = await stage.troupe.status();
  const leading = stage.cluster.schedulers.find(({ name }) => name === leader);
  leading?.kill('SIGKILL');
  await leading?.exited;
  await speakers.more(100);
  await speakers.stop();
  await expectEachOnce(keys, speakers);
  expect((await stage.troupe.status()).leader).not.toBe(leader);
});

it('each message comes once and in order while the topic and its subscribers move', async () => {
  await deployed({ nodes: 3, nodeConfig: { idleMs: 200 } });
  const keys = await follow(6);
  const speakers = new Speakers(4);
  const nodes = stage.cluster.nodes.map(({ name }) => name);
  for (let moves = 0; moves < 12; moves++) {
    await speakers.more(30);
    const to = nodes[moves % nodes.length] ?? '';
    await stage.troupe.migrate('$topic', topicName, { to });
    await stage.troupe.migrate('Listener', keys[moves % keys.length] ?? '', { to });
  }
  await speakers.stop();
  await expectEachOnce(keys, speakers);
});

it('a thousand subscribers each hear each message once, though their topic dies on the way', async () => {
  await deployed({ nodes: 3 });
  const count = 1_000;
  const keys = await follow(count);
  const topic = stage.troupe.topic(topicName);
  for (const id of ['one', 'two']) await topic.publish(id);
  const host = await stage.hostOf(topicActor);
  const node = stage.cluster.nodes.find(({ name }) => name === host);
  node?.kill('SIGKILL');
  await node?.exited;
  await stage.cluster.startNode();
  expect(await topic.publish('three')).toBe(3);
  await topicAtRest();
  const all = await Promise.all(
    keys.map((key) => stage.troupe.actor(Listener, key, patient).heard()),
  );
  for (const heard of all) expect(heard.map(({ id }) => id)).toEqual(['one', 'two', 'three']);
});
