/** Actors that follow topics and leave them, what they and clients publish, and topics that are destroyed. */
import { actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, hearMethod, type Part, tenant, topicId } from '../node/program.ts';
import { keyOf, type LoadShape, type Operation } from './load.ts';

/** So few that each has several followers. */
const topics = ['news', 'prices'] as const;
const operationsMax = 12;
const deadlineMs = 30_000;
/** In a large cluster too. */
const followersMax = 8;

export function drawTopicLoad(
  client: string,
  { keys, fromMs, untilMs }: Pick<LoadShape, 'keys' | 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const followers = Math.min(keys, followersMax);
  return Array.from({ length: chance.whole(2, operationsMax) }, (_, number): Operation => {
    const id = `${client}-topic${number}`;
    // Most subscribe early, so that there is somebody to hear what comes.
    const place = chance.next() ** (chance.chance(0.3) ? 3 : 1);
    const at = fromMs + place * (untilMs - fromMs);
    const topic = chance.pick(topics);
    const key = keyOf(chance.whole(0, followers - 1));
    const drawn = chance.next();
    const asked = { kind: 'topic', at, actor: topicId(topic), deadlineMs } as const;
    if (drawn < 0.25) return { ...asked, method: 'publish', args: [id] };
    if (drawn < 0.4) {
      return { ...asked, method: 'subscribe', args: [actorType, key, hearMethod] };
    }
    if (drawn < 0.46) return { ...asked, method: 'unsubscribe', args: [actorType, key] };
    if (drawn < 0.48) return { kind: 'life', at, actor: topicId(topic) };
    const actor = actorId(tenant, actorType, key);
    const program = { id, parts: drawParts(id, chance) };
    return { kind: 'call', at, actor, program, deadlineMs };
  }).sort((left, right) => left.at - right.at);
}

function drawParts(id: string, chance: Random): readonly Part[] {
  const count = chance.whole(1, 4);
  const parts = Array.from({ length: count }, (_, number): Part => {
    const topic = chance.pick(topics);
    const drawn = chance.next();
    if (drawn < 0.6) return ['publish', topic, `${id}.${number}`];
    if (drawn < 0.85) return ['follow', topic];
    if (drawn < 0.93) return ['leave', topic];
    return drawn < 0.97 ? ['sleep', Math.round(chance.spread(1, 900))] : ['crash', 1];
  });
  return chance.chance(0.1) ? [...parts, ['fail']] : parts;
}
