/** Topics, as one node after another holds them: who subscribed is played by the test. */
import {
  type ActorId,
  actorId,
  type Bytes,
  builtInBundle,
  type ChainLink,
  decodeValue,
  encodeValue,
  type Letter,
  leaderSessionPrefix,
  limits,
  logName,
  type SupervisionEvent,
  sessionId,
  type TopicMessage,
  type TopicView,
  toldMethod,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { node as addressOf, shared, TestNode } from './harness.ts';

const prices = actorId('default', '$topic', 'prices');
const publisher = actorId('default', 'Exchange', 'one');

/** A topic, its subscribers, who take or do not, and the nodes that hold it. */
class Scene {
  readonly world = shared();
  readonly config: object;
  node: TestNode;
  /** What each subscriber has taken, in order, each message once. */
  readonly taken = new Map<ActorId, number[]>();
  /** Those who take nothing. */
  readonly deaf = new Set<ActorId>();
  /** Messages by number. */
  readonly values = new Map<number, unknown>();
  #chain: readonly ChainLink[] = [];
  #epoch = 2;
  #number = 0;
  #letters = 0;
  #upTo = new Map<ActorId, number>();
  #heard = 0;
  #acknowledged = 0;

  constructor(config: object = {}) {
    this.config = config;
    this.node = new TestNode('a', this.world, config);
    this.#place();
  }

  call(method: string, ...args: readonly unknown[]): unknown {
    return this.callAs('c', method, ...args);
  }

  callAs(session: string, method: string, ...args: readonly unknown[]): unknown {
    const answered = this.node.replies.length;
    this.#number += 1;
    const caller = { number: this.#number, low: this.#number, session: sessionId(session) };
    const more = { actor: prices, epoch: this.#epoch, args: encodeValue(args) };
    this.node.call(method, '', caller, more);
    this.deliver();
    const [outcome] = this.node.replies.slice(answered).flatMap(({ message }) => {
      return message.kind === 'call-result' ? [message.outcome] : [];
    });
    if (outcome === undefined) return undefined;
    return outcome.ok ? decodeValue(outcome.value) : outcome.failure.code;
  }

  /** A publish by a turn of an actor: answers whether it was taken. */
  letter(value: unknown, number = this.#letters + 1): boolean {
    this.#letters = Math.max(this.#letters, number);
    this.node.message({
      kind: 'letter',
      to: prices,
      epoch: this.#epoch,
      from: publisher,
      fromBirth: 1,
      number,
      method: 'publish',
      args: encodeValue([value]),
      replyTo: addressOf('p'),
      scope: publisher,
      clock: {},
    });
    this.deliver();
    return this.node.replies.some(({ message }) => {
      return message.kind === 'letter-ack' && message.from === publisher && message.upTo >= number;
    });
  }

  subscribers(count: number): void {
    for (let at = 0; at < count; at++) this.call('subscribe', 'Trader', `t${at}`, 'onPrice');
  }

  /** Takes what was sent, until nothing more comes. */
  deliver(): void {
    for (let more = true; more; ) {
      more = this.#deliverLetters();
      for (; this.#acknowledged < this.node.replies.length; this.#acknowledged++) {
        const message = this.node.replies[this.#acknowledged]?.message;
        if (message?.kind !== 'letter-ack' || message.from !== prices) continue;
        this.node.message(message);
        more = true;
      }
    }
  }

  #deliverLetters(): boolean {
    const before = this.#heard;
    for (; this.#heard < this.node.sent.length; this.#heard++) {
      const send = this.node.sent[this.#heard];
      if (send?.kind !== 'to-node' && send?.kind !== 'to-leader') continue;
      const { message } = send;
      if (message.kind === 'resolve') {
        const location = { node: this.node.machine.config.incarnation, birth: 3, epoch: 4 };
        this.node.message({ kind: 'located', actor: message.actor, location });
      } else if (message.kind === 'letter') this.#letter(message);
    }
    return this.#heard > before;
  }

  /** Its node dies; another one holds it, by the log and what was stored. */
  failover(): void {
    const { now, name } = this.node;
    this.#chain = [...this.#chain, { log: logName(`turns-${name}`), from: 0, to: 1_000_000 }];
    this.node = new TestNode(`${name}x`, this.world, this.config);
    this.node.now = now;
    this.#heard = 0;
    this.#acknowledged = 0;
    this.#epoch += 5;
    this.#place();
    this.deliver();
  }

  view(...args: readonly number[]): TopicView {
    return this.call('view', ...args) as TopicView;
  }

  #letter(letter: Letter): void {
    if (letter.to === prices) return this.node.message(letter);
    if (this.deaf.has(letter.to)) return;
    const upTo = Math.max(this.#upTo.get(letter.to) ?? 0, letter.base ?? 0);
    if (letter.number > upTo + 1) return;
    if (letter.number === upTo + 1) {
      const [value, about] = decodeValue(letter.args) as [unknown, TopicMessage];
      this.values.set(about.number, value);
      const taken = this.taken.get(letter.to) ?? [];
      taken.push(about.number);
      this.taken.set(letter.to, taken);
      this.#upTo.set(letter.to, letter.number);
    }
    const { from, fromBirth } = letter;
    const ack = { kind: 'letter-ack', to: letter.to, from, fromBirth } as const;
    this.node.message({ ...ack, upTo: Math.max(upTo, letter.number) });
  }

  #place(): void {
    this.node.place(prices, this.#epoch, this.#chain, 1, { bundle: builtInBundle });
  }
}

const trader = (at: number): ActorId => actorId('default', 'Trader', `t${at}`);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

describe('a message of a topic', () => {
  test('comes to each subscriber with its number, and to nobody who came later', () => {
    const scene = new Scene();
    expect(scene.call('subscribe', 'Trader', 't0', 'onPrice')).toBe(0);
    expect(scene.call('publish', { eur: 1 })).toBe(1);
    expect(scene.call('subscribe', 'Trader', 't1', 'onPrice')).toBe(1);
    expect(scene.call('publish', { eur: 2 })).toBe(2);
    expect([...scene.taken]).toEqual([
      [trader(0), [1, 2]],
      [trader(1), [2]],
    ]);
    expect([...scene.values.values()]).toEqual([{ eur: 1 }, { eur: 2 }]);
  });

  test('takes an actor that comes to be by it into no scope of the topic', () => {
    const scene = new Scene();
    scene.subscribers(1);
    scene.call('publish', 1);
    const asked = scene.node.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'resolve' ? [send.message] : [],
    );
    expect(asked.map(({ actor }) => actor)).toEqual([trader(0)]);
    expect(asked[0]).not.toHaveProperty('scope');
  });

  test('needs no bundle: no runner is started for it', () => {
    const scene = new Scene();
    scene.subscribers(2);
    scene.call('publish', 1);
    expect(scene.node.work.filter(({ kind }) => kind === 'start-runner')).toEqual([]);
  });

  test('leaves only when it is durable that it was taken', () => {
    const scene = new Scene();
    scene.subscribers(1);
    scene.call('publish', 1);
    scene.node.autoCommit = false;
    expect(scene.call('publish', 2)).toBeUndefined();
    expect(scene.taken.get(trader(0))).toEqual([1]);
    scene.node.commit();
    scene.deliver();
    expect(scene.taken.get(trader(0))).toEqual([1, 2]);
  });

  test('names the actor that published it, and is taken once however often that sends it', () => {
    const scene = new Scene();
    scene.subscribers(1);
    expect(scene.letter('a')).toBe(true);
    expect(scene.letter('a', 1)).toBe(true);
    expect(scene.taken.get(trader(0))).toEqual([1]);
    const letter = scene.node.toNodes().find(({ kind }) => kind === 'letter') as Letter;
    expect(decodeValue(letter.args)).toEqual([
      'a',
      { topic: 'prices', number: 1, from: publisher },
    ]);
  });

  test('that was committed by a node that died comes from the next, by its log alone', () => {
    const scene = new Scene();
    scene.subscribers(3);
    scene.deaf.add(trader(1));
    for (const value of [1, 2, 3]) scene.call('publish', value);
    scene.deaf.clear();
    scene.failover();
    scene.call('publish', 4);
    for (const at of [0, 1, 2]) expect(scene.taken.get(trader(at))).toEqual([1, 2, 3, 4]);
  });

  test('is known to the next node by a checkpoint, with who subscribed', () => {
    const scene = new Scene({ checkpointTurns: 2 });
    scene.subscribers(5);
    for (const value of [1, 2, 3]) scene.call('publish', value);
    scene.failover();
    scene.call('publish', 4);
    for (const at of upTo(5)) expect(scene.taken.get(trader(at - 1))).toEqual([1, 2, 3, 4]);
    expect(scene.view()).toMatchObject({ published: 4, subscribers: 5, kept: 0 });
    // Nothing goes back with a topic, so nothing of its past is kept.
    expect(scene.world.segments.size).toBe(0);
  });

  test('too large for a topic is refused, and is no message', () => {
    const scene = new Scene();
    scene.subscribers(1);
    const large = new Uint8Array(limits.topicMessageBytesMax);
    expect(scene.call('publish', large)).toBe('TOO_LARGE');
    expect(scene.letter(large)).toBe(true);
    expect(scene.call('publish', 'small')).toBe(1);
    expect(scene.taken.get(trader(0))).toEqual([1]);
  });

  test('is not had by pretending to be the topic, or the leader', () => {
    const scene = new Scene();
    scene.subscribers(1);
    expect(scene.call('$go-on')).toBe('UNKNOWN_METHOD');
    expect(scene.call(toldMethod, [ended(1)])).toBe('UNKNOWN_METHOD');
  });
});

const ended = (position: number): SupervisionEvent => {
  return { position, actor: publisher, birth: 1, kind: 'ended' };
};

describe('an event that the leader tells', () => {
  /** As a leader calls the topic. */
  function tells(scene: Scene, term: number, ...positions: readonly number[]): unknown {
    return scene.callAs(`${leaderSessionPrefix}1.${term}`, toldMethod, positions.map(ended));
  }

  test('is one message, however often and by which leader it is told, and whatever node dies', () => {
    for (const checkpointTurns of [1, 1_000]) {
      const scene = new Scene({ checkpointTurns });
      scene.subscribers(2);
      expect(tells(scene, 7, 1)).toBeUndefined();
      tells(scene, 7, 1, 4);
      scene.failover();
      tells(scene, 9, 1, 4, 5);
      expect([...scene.values.values()]).toEqual([ended(1), ended(4), ended(5)]);
      for (const at of [0, 1]) expect(scene.taken.get(trader(at))).toEqual([1, 2, 3]);
    }
  });

  test('is taken before anybody has subscribed, and comes to nobody then', () => {
    const scene = new Scene();
    tells(scene, 7, 1, 2);
    scene.subscribers(1);
    tells(scene, 7, 1, 2, 3);
    expect(scene.taken.get(trader(0))).toEqual([3]);
    expect(scene.values.get(3)).toEqual(ended(3));
  });

  test('is answered only when it is durable that it was taken', () => {
    const scene = new Scene();
    scene.subscribers(1);
    scene.node.autoCommit = false;
    const before = scene.node.replies.length;
    tells(scene, 7, 1);
    expect(scene.node.replies).toHaveLength(before);
    scene.node.commit();
    expect(scene.node.replies.length).toBeGreaterThan(before);
  });

  test('waits while the topic keeps all that it may keep', () => {
    const scene = new Scene();
    scene.subscribers(30);
    for (let at = 0; at < 30; at++) scene.deaf.add(trader(at));
    const batch = 16;
    const next = (told: number) => tells(scene, 7, ...upTo(batch).map((one) => told + one));
    const most = limits.topicKeptMax + limits.topicFlyingMax;
    let told = 0;
    while (told < most && next(told) === undefined) told += batch;
    expect(next(told)).toBe('RESOURCE_EXHAUSTED');
    scene.deaf.clear();
    scene.node.tick(1_000);
    scene.deliver();
    expect(next(told)).toBeUndefined();
    expect(scene.taken.get(trader(29))).toEqual(upTo(told + batch));
  });
});

describe('a topic with more subscribers than one turn can write to', () => {
  const count = 400;

  test('sends each message to all of them, in order', () => {
    const scene = new Scene();
    scene.subscribers(count);
    for (const value of [1, 2, 3]) scene.call('publish', value);
    for (let at = 0; at < count; at++) expect(scene.taken.get(trader(at))).toEqual([1, 2, 3]);
    expect(scene.view()).toMatchObject({ kept: 0, keptBytes: 0, waiting: 0 });
  });

  test('goes on where it was when its node dies between two turns', () => {
    for (const checkpointTurns of [1, 1_000]) {
      const scene = new Scene({ checkpointTurns });
      scene.subscribers(count);
      scene.call('publish', 1);
      const before = scene.node.toNodes().length;
      scene.node.autoCommit = false;
      scene.call('publish', 2);
      scene.call('publish', 3);
      // The first turns are durable, and with them a part of the letters.
      scene.node.commit();
      expect(scene.node.toNodes().length - before).toBe(257);
      scene.failover();
      for (let at = 0; at < count; at++) expect(scene.taken.get(trader(at))).toEqual([1, 2, 3]);
    }
  });

  test('gives a message to none who subscribed while it was being sent', () => {
    const scene = new Scene();
    scene.subscribers(300);
    scene.node.autoCommit = false;
    scene.call('publish', 1);
    scene.call('subscribe', 'Trader', 'late', 'onPrice');
    scene.call('unsubscribe', 'Trader', 't299');
    scene.node.autoCommit = true;
    scene.node.commit();
    scene.deliver();
    expect(scene.taken.get(trader(298))).toEqual([1]);
    expect(scene.taken.get(trader(299))).toBeUndefined();
    expect(scene.taken.get(actorId('default', 'Trader', 'late'))).toBeUndefined();
    scene.call('publish', 2);
    expect(scene.taken.get(actorId('default', 'Trader', 'late'))).toEqual([2]);
  });

  test('writes no more than a record holds, however large its messages are', () => {
    const scene = new Scene();
    scene.subscribers(40);
    const value = new Uint8Array(limits.topicMessageBytesMax - 100);
    for (const _ of [1, 2, 3]) scene.call('publish', value);
    for (let at = 0; at < 40; at++) expect(scene.taken.get(trader(at))).toEqual([1, 2, 3]);
    for (const fact of scene.node.log) {
      if (fact.kind !== 'turn') continue;
      const bytes = fact.letters.reduce((sum, one) => sum + one.args.length, sizeOf(fact.delta));
      expect(bytes).toBeLessThan(limits.recordBytesMax - 100_000);
    }
  });
});

describe('a topic whose messages nobody takes', () => {
  /** All deaf, and as many messages as are taken. */
  function full(): { scene: Scene; published: number } {
    const scene = new Scene();
    scene.subscribers(30);
    for (let at = 0; at < 30; at++) scene.deaf.add(trader(at));
    let published = 0;
    let answer: unknown;
    do {
      answer = scene.call('publish', published);
      if (answer === published + 1) published += 1;
    } while (answer === published);
    expect(answer).toBe('RESOURCE_EXHAUSTED');
    return { scene, published };
  }

  test('takes no more by calls, says so, and lets letters wait with who sends them', () => {
    const { scene, published } = full();
    expect(scene.call('publish', 'more')).toBe('RESOURCE_EXHAUSTED');
    expect(scene.letter('more')).toBe(false);
    const { kept, waiting } = scene.view();
    expect(kept).toBe(limits.topicKeptMax);
    expect(waiting).toBeLessThan(limits.topicFlyingMax + 30);
    scene.deaf.clear();
    scene.node.tick(1_000);
    scene.deliver();
    expect(scene.letter('more', 1)).toBe(true);
    for (let at = 0; at < 30; at++) {
      expect(scene.taken.get(trader(at))).toEqual(upTo(published + 1));
    }
  });

  test('loses none of them when its node dies', () => {
    const { scene, published } = full();
    scene.failover();
    expect(scene.call('publish', 'more')).toBe('RESOURCE_EXHAUSTED');
    scene.deaf.clear();
    scene.node.tick(1_000);
    scene.deliver();
    expect(scene.taken.get(trader(29))).toEqual(upTo(published));
  });

  test('is freed when those who take nothing are unsubscribed', () => {
    const { scene } = full();
    for (let at = 0; at < 29; at++) scene.call('unsubscribe', 'Trader', `t${at}`);
    scene.deaf.delete(trader(29));
    scene.node.tick(10_000);
    scene.deliver();
    expect(scene.view()).toMatchObject({ kept: 0, waiting: 0, subscribers: 1 });
    expect(scene.call('publish', 'again')).toBeGreaterThan(0);
    scene.failover();
    expect(scene.view()).toMatchObject({ waiting: 0, subscribers: 1 });
  });

  test('keeps its order for one who is unsubscribed and comes back', () => {
    const scene = new Scene();
    scene.subscribers(1);
    scene.deaf.add(trader(0));
    scene.call('publish', 1);
    scene.call('publish', 2);
    expect(scene.call('unsubscribe', 'Trader', 't0')).toBe(true);
    expect(scene.call('unsubscribe', 'Trader', 't0')).toBe(false);
    scene.deaf.clear();
    expect(scene.call('subscribe', 'Trader', 't0', 'onPrice')).toBe(2);
    scene.call('publish', 3);
    scene.failover();
    scene.call('publish', 4);
    expect(scene.taken.get(trader(0))).toEqual([3, 4]);
  });
});

describe('a subscription', () => {
  test('is one for each actor, whose method may change', () => {
    const scene = new Scene();
    scene.subscribers(1);
    scene.call('publish', 1);
    expect(scene.call('subscribe', 'Trader', 't0', 'onPrice')).toBe(0);
    expect(scene.call('subscribe', 'Trader', 't0', 'onQuote')).toBe(0);
    scene.call('publish', 2);
    const letters = scene.node.toNodes().flatMap((one) => (one.kind === 'letter' ? [one] : []));
    expect(letters.map(({ method }) => method)).toEqual(['onPrice', 'onQuote']);
    expect(scene.view()).toMatchObject({ subscribers: 1 });
  });

  test('of what is no actor of a bundle, or no method, is refused', () => {
    const scene = new Scene();
    expect(scene.call('subscribe', '$topic', 'quotes', 'publish')).toBe('INVALID_ARGUMENT');
    expect(scene.call('subscribe', 'Trader', '', 'onPrice')).toBe('INVALID_ARGUMENT');
    expect(scene.call('subscribe', 'Trader', 't0', '$signal')).toBe('INVALID_ARGUMENT');
    expect(scene.call('subscribe')).toBe('INVALID_ARGUMENT');
    expect(scene.view()).toMatchObject({ subscribers: 0 });
  });

  test('beyond those of one topic is refused', () => {
    const scene = new Scene();
    scene.subscribers(limits.topicSubscribersMax);
    expect(scene.call('subscribe', 'Trader', 'more', 'onPrice')).toBe('RESOURCE_EXHAUSTED');
    expect(scene.call('unsubscribe', 'Trader', 't7')).toBe(true);
    expect(scene.call('subscribe', 'Trader', 'more', 'onPrice')).toBe(0);
  });

  test('is shown with what waits for it, page by page', () => {
    const scene = new Scene();
    scene.subscribers(5);
    scene.deaf.add(trader(1));
    scene.call('publish', 1);
    const first = scene.view(0, 2);
    expect(first.page).toEqual([
      { type: 'Trader', key: 't0', method: 'onPrice', after: 0, waiting: 0 },
      { type: 'Trader', key: 't1', method: 'onPrice', after: 0, waiting: 1 },
    ]);
    const second = scene.view(first.next ?? 0, 3);
    expect(second.page.map(({ key }) => key)).toEqual(['t2', 't3', 't4']);
    expect(second.next).toBeUndefined();
  });
});

test('many messages that wait for a topic are worked off by several events (BI2)', () => {
  const scene = new Scene();
  scene.subscribers(1);
  // It has left memory, and is read back when these have come.
  scene.node.tick(400_000);
  scene.node.tick(1_000);
  const { turns } = scene.node.machine.counts();
  const ended = () => scene.node.machine.counts().turns - turns;
  scene.node.autoCommit = false;
  scene.node.heldRestores = [];
  for (let number = 1; number <= 60; number++) scene.letter(number);
  expect(ended()).toBe(0);
  for (const order of scene.node.heldRestores) scene.node.readBack(order);
  expect(ended()).toBeGreaterThan(0);
  expect(ended()).toBeLessThan(60);
  expect(scene.node.machine.wakeAt()).toBe(scene.node.now);
  while (scene.node.machine.wakeAt() === scene.node.now) scene.node.tick(0);
  expect(ended()).toBe(60);
  scene.node.autoCommit = true;
  scene.node.commit();
  scene.deliver();
  expect(scene.taken.get(trader(0))).toEqual(upTo(60));
});

function sizeOf(bytes: Bytes | undefined): number {
  return bytes?.length ?? 0;
}
