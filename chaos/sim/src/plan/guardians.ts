/** Actors that subscribe to what becomes of others, of a type or of all, and leave again; actors that are destroyed, and topics. */
import { actorId, livesTopic } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, hearMethod, tenant, topicId } from '../node/program.ts';
import { keyOf, type LoadShape, type Operation } from './load.ts';

const operationsMax = 7;
const deadlineMs = 30_000;
/** In a large cluster too. */
const guardiansMax = 4;

export function drawGuardians(
  { keys, fromMs, untilMs }: Pick<LoadShape, 'keys' | 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const agent = () => keyOf(chance.whole(0, keys - 1));
  const topic = () => {
    const drawn = chance.next();
    if (drawn < 0.3) return livesTopic();
    return drawn < 0.6 ? livesTopic(actorType) : livesTopic(actorType, agent());
  };
  return Array.from({ length: chance.whole(2, operationsMax) }, (): Operation => {
    const drawn = chance.next();
    // Most subscribe early, so that there is something to hear.
    const place = drawn < 0.6 ? chance.next() ** 3 : chance.next();
    const at = fromMs + place * (untilMs - fromMs);
    const of = topicId(topic());
    const key = keyOf(chance.whole(0, Math.min(keys, guardiansMax) - 1));
    const asked = { kind: 'topic', at, actor: of, deadlineMs } as const;
    if (drawn < 0.6) return { ...asked, method: 'subscribe', args: [actorType, key, hearMethod] };
    if (drawn < 0.7) return { ...asked, method: 'unsubscribe', args: [actorType, key] };
    if (drawn < 0.75) return { kind: 'life', at, actor: of };
    return { kind: 'life', at, actor: actorId(tenant, actorType, agent()) };
  }).sort((left, right) => left.at - right.at);
}
