import { actorId, builtInBundle, gatewayAddress, isFailure, topicType } from '@troupe/model';
import { expect, test } from 'vitest';
import { cluster, Scene, tenant } from './scene.ts';

const prices = actorId('default', topicType, 'prices');

function resolve(scene: Scene, actor = prices) {
  const replyTo = gatewayAddress('g1');
  scene.hear({ kind: 'resolve', actor, replyTo, scope: 'default/Cart/a' });
  const { message } = scene.replies.at(-1) ?? {};
  if (message?.kind !== 'located') throw new Error('no answer');
  return message.location;
}

test('a topic is placed without a bundle, and is in no scope but its own', () => {
  const scene = new Scene();
  scene.joins('n1.aaaaaaaa');
  scene.asks({ kind: 'put-tenant', tenant });
  const location = resolve(scene);
  if (isFailure(location)) throw new Error(location.message);
  expect(scene.to(location.node, 'place')[0]).toMatchObject({
    actor: prices,
    bundle: builtInBundle,
    scope: prices,
  });
});

test('a type of the cluster that this version does not know is refused', () => {
  const { scene } = cluster(1);
  expect(resolve(scene, actorId('default', '$future', 'a'))).toMatchObject({
    code: 'UNKNOWN_TYPE',
  });
});

test('a topic keeps what it runs by when it leaves its node', () => {
  const { scene } = cluster(2);
  const location = resolve(scene);
  if (isFailure(location)) throw new Error(location.message);
  const { node: incarnation, epoch } = location;
  scene.hear({ kind: 'released', incarnation, actors: [{ actor: prices, epoch }] });
  expect(scene.facts.at(-1)).toMatchObject({ kind: 'actor-placed', bundle: builtInBundle });
});

test('topics are listed where they are asked for, and not among the actors of a tenant', () => {
  const { scene } = cluster(1);
  scene.resolves('a');
  resolve(scene);
  resolve(scene, actorId('default', topicType, 'news'));
  const list = (asked: object) => {
    const answer = scene.asks({ kind: 'list-actors', tenant, limit: 100, ...asked });
    if (answer?.kind !== 'actors') throw new Error('no list');
    return [answer.total, ...answer.actors.map(({ actor }) => actor)];
  };
  expect(list({})).toEqual([1, 'default/Cart/a']);
  expect(list({ type: topicType })).toEqual([2, 'default/$topic/news', prices]);
  expect(list({ type: topicType, prefix: 'p' })).toEqual([1, prices]);
  // Whoever looks for what is ill, or paused, sees topics too.
  const birth = scene.asks({ kind: 'get-actor', actor: prices });
  if (birth?.kind !== 'actor') throw new Error('no topic');
  scene.asks({ kind: 'wish-actor', actor: prices, birth: birth.actor.birth, wish: 'paused' });
  expect(list({ state: 'paused' }).slice(1)).toEqual([prices]);
});
