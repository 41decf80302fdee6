/** Topics of lives, as a leader tells them what becomes of actors: what they take is played by the test. */
import {
  type ActorId,
  actorId,
  type Call,
  decodeValue,
  encodeValue,
  failure,
  gatewayAddress,
  type Incarnation,
  limits,
  livesTopic,
  type Outcome,
  type ToldEvent,
  topicType,
} from '@troupe/model';
import { expect, onTestFinished, test } from 'vitest';
import { cart, cluster, type Scene } from './scene.ts';

const broken = { code: 'CONSTRUCTOR_FAILED', message: 'no state' } as const;
const lives = (...of: [type?: string, key?: string]) =>
  actorId('default', topicType, livesTopic(...of));
const ofAll = lives();
const ofCarts = lives('Cart');
const ofA = lives('Cart', 'a');

/** With two carts, and these topics. */
function staged(...topics: readonly ActorId[]): { scene: Scene; node: Incarnation } {
  const { scene, nodes } = cluster(1);
  for (const key of ['a', 'b']) scene.resolves(key);
  for (const actor of topics) {
    scene.hear({ kind: 'resolve', actor, replyTo: gatewayAddress('g1') });
  }
  const [node] = nodes;
  if (node === undefined) throw new Error('no node');
  return { scene, node };
}

/** These carts are ill on their node, and no others. */
function ail(scene: Scene, node: Incarnation, ...keys: readonly string[]): void {
  const actors = keys.map((key) => {
    return { actor: cart(key), epoch: scene.actor(key).epoch, failure: broken };
  });
  scene.hear({ kind: 'ailing', incarnation: node, actors });
}

/** A topic is called with these, in order. */
function calls(scene: Scene, topic: ActorId): Call[] {
  return scene.sends.flatMap((send) => {
    const isCall = send.kind === 'to-node' && send.message.kind === 'call';
    return isCall && send.message.actor === topic ? [send.message as Call] : [];
  });
}

const eventsOf = (call: Call | undefined): readonly ToldEvent[] => {
  return call === undefined ? [] : (decodeValue(call.args) as [ToldEvent[]])[0];
};
const toldOf = (call: Call | undefined) => eventsOf(call).map(({ actor, kind }) => [actor, kind]);

const done: Outcome = { ok: true, value: encodeValue(undefined) };

/** Its node answers the last call of a topic. */
function answers(scene: Scene, topic: ActorId, outcome: Outcome = done, nth = -1): void {
  const { actor, caller } = calls(scene, topic).at(nth) ?? {};
  if (actor === undefined || caller === undefined) throw new Error(`${topic} was not called`);
  const { session, number } = caller;
  scene.hear({ kind: 'call-result', actor, session, number, outcome });
}

test('what becomes of an actor is told to the topics of it, of its type and of all, as far as they are there', () => {
  const { scene, node } = staged(ofAll, ofA);
  ail(scene, node, 'a');
  expect(toldOf(calls(scene, ofAll).at(-1))).toEqual([[cart('a'), 'failed']]);
  expect(eventsOf(calls(scene, ofA).at(-1))).toMatchObject([{ position: 1, failure: broken }]);
  expect(calls(scene, ofCarts)).toEqual([]);
  expect(scene.machine.durable().supervision?.waiting).toHaveLength(2);
});

test('what a topic has not taken is told again until it has, and what follows only then', () => {
  const { scene, node } = staged(ofCarts);
  ail(scene, node, 'a');
  ail(scene, node, 'a', 'b');
  const [first] = calls(scene, ofCarts);
  expect(calls(scene, ofCarts)).toHaveLength(1);
  scene.pass(1_500);
  expect(calls(scene, ofCarts)).toHaveLength(2);
  expect(calls(scene, ofCarts)[1]).toEqual(first);
  answers(scene, ofCarts);
  expect(toldOf(calls(scene, ofCarts).at(-1))).toEqual([[cart('b'), 'failed']]);
  // An answer to a copy of what was answered is none to what follows.
  answers(scene, ofCarts, done, 0);
  expect(scene.decided('lives-taken')).toHaveLength(1);
  answers(scene, ofCarts);
  scene.pass(10_000);
  expect(calls(scene, ofCarts)).toHaveLength(3);
  expect(scene.machine.durable().supervision).not.toHaveProperty('waiting');
});

test.each(['facts', 'image'] as const)(
  'a new leader tells what was not taken, and nothing else, from its %s',
  (from) => {
    const { scene, node } = staged(ofCarts);
    ail(scene, node, 'a');
    answers(scene, ofCarts);
    ail(scene, node, 'a', 'b');
    scene.failOver(from);
    const told = calls(scene, ofCarts);
    expect(told.map(toldOf)).toEqual([[[cart('b'), 'failed']]]);
    answers(scene, ofCarts);
    expect(scene.machine.durable().supervision).not.toHaveProperty('waiting');
  },
);

test('a topic that cannot take any is asked again later, and others are told meanwhile', () => {
  const { scene, node } = staged(ofAll, ofCarts);
  ail(scene, node, 'a');
  const full = failure('RESOURCE_EXHAUSTED', 'it keeps all that it may keep');
  answers(scene, ofCarts, { ok: false, failure: full });
  answers(scene, ofAll);
  ail(scene, node, 'a', 'b');
  expect(calls(scene, ofCarts)).toHaveLength(1);
  expect(calls(scene, ofAll)).toHaveLength(2);
  scene.pass(6_000);
  expect(toldOf(calls(scene, ofCarts)[1])).toEqual([
    [cart('a'), 'failed'],
    [cart('b'), 'failed'],
  ]);
});

test('a topic is told where it is placed anew, of that too', () => {
  const { scene, nodes } = cluster(2);
  scene.resolves('a');
  const { node, epoch } = scene.actor('a');
  for (let at = 0; at < 4; at++) {
    const actor = lives('Cart', `x${at}`);
    scene.hear({ kind: 'resolve', actor, replyTo: gatewayAddress('g1') });
  }
  scene.hear({ kind: 'resolve', actor: ofAll, replyTo: gatewayAddress('g1') });
  const home = scene.machine.durable().actors.find(({ id }) => id === ofAll)?.node;
  if (home === undefined) throw new Error('no topic');
  const actors = [{ actor: cart('a'), epoch, failure: broken }];
  scene.hear({ kind: 'ailing', incarnation: node, actors });
  scene.dies(home);
  scene.forgetWords();
  scene.sealed(home);
  scene.pass(2_000);
  const other = nodes.find((one) => one !== home);
  expect(scene.to(other ?? home, 'call').map(({ actor }) => actor)).toContain(ofAll);
  // What was not answered comes first, as it was; then what befell meanwhile.
  expect(toldOf(calls(scene, ofAll).at(-1))).toEqual([[cart('a'), 'failed']]);
  answers(scene, ofAll);
  expect(toldOf(calls(scene, ofAll).at(-1))).toContainEqual([ofAll, 'restarted']);
});

test('of what waits for a topic too long the first ones are kept, and the last, which say how many are gone', () => {
  const usual = limits.supervisionWaitingMax;
  Object.assign(limits, { supervisionWaitingMax: 400 });
  onTestFinished(() => void Object.assign(limits, { supervisionWaitingMax: usual }));
  const { scene, node } = staged(ofA);
  const rounds = limits.supervisionWaitingMax / 2 + 50;
  for (let round = 0; round < rounds; round++) {
    ail(scene, node, 'a');
    ail(scene, node);
  }
  const told: ToldEvent[] = [];
  for (let nth = 0; nth < calls(scene, ofA).length; nth++) {
    told.push(...eventsOf(calls(scene, ofA)[nth]));
    answers(scene, ofA, done, nth);
  }
  expect(told).toHaveLength(limits.supervisionWaitingMax);
  const gaps = told.filter(({ missed }) => missed !== undefined);
  expect(gaps).toMatchObject([{ missed: 100 }]);
  let position = 0;
  for (const event of told) {
    position += 1 + (event.missed ?? 0);
    expect(event.position).toBe(position);
  }
  expect(position).toBe(rounds * 2);
});

test('with a topic that is destroyed goes what waits for it', () => {
  const { scene, node } = staged(ofA);
  ail(scene, node, 'a');
  const found = scene.machine.durable().actors.find(({ id }) => id === ofA);
  if (found === undefined) throw new Error('no topic');
  scene.asks({ kind: 'wish-actor', actor: ofA, birth: found.birth, wish: 'ending' });
  const life = scene.machine.durable().actors.find(({ id }) => id === ofA)?.life;
  if (life === undefined) throw new Error('nothing is wished');
  const settled = [{ actor: ofA, epoch: found.epoch, wish: life }];
  scene.hear({ kind: 'settled', incarnation: node, actors: settled });
  scene.forgetWords();
  ail(scene, node, 'a', 'b');
  scene.pass(3_000);
  expect(calls(scene, ofA)).toEqual([]);
  expect(scene.machine.durable().supervision).not.toHaveProperty('waiting');
});
