/**
 * Everything at once: calls, calls of calls, letters, tasks and reads, while nodes are killed,
 * frozen and drained, the leader is killed and the broker restarts. Every id is accounted for.
 */
import { errorTable, TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { afterEach, expect, it } from 'vitest';
import { Counter, count, Sender } from '../agents/agents.ts';
import type { Fate } from './callers.ts';
import { type Scene, scene } from './scene.ts';

const counters = 40;
const keyOf = (number: number) => `k${number % counters}`;
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

/** What was asked under an id: where it must be found, and what its asker was told. */
interface Asked {
  readonly keys: readonly string[];
  readonly fate: Fate;
  readonly said: string;
}

/** Workers of every kind that ask until stopped, and remember. */
class Load {
  readonly asked = new Map<string, Asked>();
  readonly #troupe: Troupe;
  readonly #all: Promise<unknown>;
  #stopped = false;
  #ok = 0;
  #waiting: { readonly at: number; readonly resolve: () => void }[] = [];

  constructor(troupe: Troupe) {
    this.#troupe = troupe;
    const kinds = [this.#call, this.#nested, this.#letter, this.#task, this.#read];
    const workers = kinds.flatMap((kind, index) =>
      Array.from({ length: 8 }, (_, n) => this.#work(`${index}.${n}`, kind)),
    );
    this.#all = Promise.all(workers);
  }

  /** Resolves when so many more were acknowledged. */
  acknowledged(more: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at: this.#ok + more, resolve });
      this.#all.catch(reject);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  async #work(name: string, ask: (id: string, n: number) => Promise<readonly string[]>) {
    const offset = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7);
    for (let n = 0; !this.#stopped; n++) {
      const id = `${name}.${n}`;
      const number = offset + n * 7;
      try {
        const keys = await ask(id, number);
        if (keys.length > 0) this.asked.set(id, { keys, fate: 'ok', said: 'ok' });
        this.#ok += 1;
        for (const one of this.#waiting) if (this.#ok >= one.at) one.resolve();
        this.#waiting = this.#waiting.filter(({ at }) => this.#ok < at);
      } catch (error) {
        if (!(error instanceof TroupeError)) throw error;
        const fate = errorTable[error.code].outcome === 'none' ? 'failed' : 'unknown';
        this.asked.set(id, { keys: lettersOf(number), fate, said: error.message });
      }
    }
  }

  readonly #call = async (id: string, n: number) => {
    await this.#troupe.actor(Counter, keyOf(n)).add(id);
    return [keyOf(n)];
  };

  readonly #nested = async (id: string, n: number) => {
    await this.#troupe.actor(Sender, `asks${n % 10}`).ask(keyOf(n), id);
    return [keyOf(n)];
  };

  readonly #letter = async (id: string, n: number) => {
    await this.#troupe.actor(Sender, `posts${n % 10}`).post(lettersOf(n), id);
    return lettersOf(n);
  };

  readonly #task = async (id: string, n: number) => {
    await this.#troupe.task(count, { key: keyOf(n), id }, { id: `task-${id}` });
    return [keyOf(n)];
  };

  /** What one reader has seen of a counter never goes away again. */
  readonly #seen = new Map<string, readonly string[]>();
  readonly #read = async (id: string, n: number) => {
    const reader = `${id.slice(0, id.lastIndexOf('.'))}/${keyOf(n)}`;
    const before = this.#seen.get(reader) ?? [];
    const now = await this.#troupe.actor(Counter, keyOf(n)).ids();
    expect(now.slice(0, before.length), `${reader} goes only forward`).toEqual(before);
    this.#seen.set(reader, now);
    return [];
  };
}

/** A letter goes to three counters; the first is the one that a call would go to. */
function lettersOf(n: number): string[] {
  return [keyOf(n), keyOf(n + 1), keyOf(n + 2)];
}

type Fault = () => Promise<void>;

function faults(): { readonly [name: string]: Fault } {
  const { cluster } = stage;
  const anyNode = () => {
    const node = cluster.nodes.find(({ running }) => running);
    if (node === undefined) throw new Error('no node runs');
    return node;
  };
  const killed: Fault = async () => {
    const node = anyNode();
    node.kill('SIGKILL');
    await node.exited;
    await cluster.startNode();
  };
  return {
    'a node is killed': killed,
    'a node is drained, and killed in the midst of it': async () => {
      const node = anyNode();
      node.kill('SIGTERM');
      await stage.until('the node drains', async () => {
        const view = (await stage.troupe.status()).nodes.find(({ name }) => name === node.name);
        return view?.state !== 'alive';
      });
      await killed();
    },
    'a node is drained': async () => {
      const node = anyNode();
      node.kill('SIGTERM');
      await node.exited;
      await cluster.startNode();
    },
    'a node freezes, is taken for dead, and wakes up': async () => {
      const node = anyNode();
      const { nodesLost } = (await stage.troupe.status()).counts;
      node.kill('SIGSTOP');
      await stage.until('the frozen node is lost', async () => {
        return (await stage.troupe.status()).counts.nodesLost > nodesLost;
      });
      node.kill('SIGCONT');
      expect((await node.exited).code).toBe(4);
      await cluster.startNode();
    },
    'the leader is killed': async () => {
      const { leader } = await stage.troupe.status();
      const leading = cluster.schedulers.find(({ name }) => name === leader);
      leading?.kill('SIGKILL');
      await leading?.exited;
      await cluster.startScheduler({ name: leader, listen: leading?.address ?? '' });
    },
    'the broker restarts while a node dies': async () => {
      const node = anyNode();
      node.kill('SIGKILL');
      await cluster.restart('nats', { signal: 'SIGKILL' });
      await cluster.startNode();
    },
  };
}

it('whatever fails in whatever order, each id took effect where and as often as was said', async () => {
  stage = await scene({ nodes: 3, schedulers: 2 });
  const load = new Load(stage.troupe);
  const seed = Number(process.env['TROUPE_SEED'] ?? Date.now() % 1_000_000);
  const order = shuffled(Object.entries(faults()), seed);
  const story = `seed ${seed}: ${order.map(([name]) => name).join('; ')}`;
  for (const [, fault] of order) {
    await load.acknowledged(400);
    await fault();
  }
  await load.acknowledged(400);
  await load.stop();
  await expectAccounted(load, story);
}, 150_000);

async function expectAccounted({ asked }: Load, story: string): Promise<void> {
  const due = [...asked].filter(([, { fate }]) => fate === 'ok');
  const found = new Map<string, string[]>();
  // Letters may still be on their way; what must be there comes.
  await stage.until(`all letters arrive (${story})`, async () => {
    found.clear();
    for (let n = 0; n < counters; n++) {
      for (const id of await stage.troupe.actor(Counter, keyOf(n)).ids()) {
        found.set(id, [...(found.get(id) ?? []), keyOf(n)]);
      }
    }
    return due.every(([id, { keys }]) => (found.get(id)?.length ?? 0) >= keys.length);
  });
  for (const [id, { keys, fate, said }] of asked) {
    const places = found.get(id) ?? [];
    expect(new Set(places).size, `${id} is doubled: ${places} (${story})`).toBe(places.length);
    if (fate === 'ok') expect(places.sort(), `${id} (${story})`).toEqual([...keys].sort());
    if (fate === 'failed') expect(places, `${id} was not to be: ${said} (${story})`).toEqual([]);
  }
  for (const id of found.keys()) expect(asked.has(id), `${id} was asked (${story})`).toBe(true);
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  let state = seed;
  const draw = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const left = [...list];
  return list.flatMap(() => left.splice(draw(left.length), 1));
}
