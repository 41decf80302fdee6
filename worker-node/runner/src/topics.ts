/** What a turn asks of topics. */
import {
  type ActorId,
  actorParts,
  limits,
  publicationFault,
  topicType,
  troupeError,
} from '@troupe/model';
import { type Asked, ask } from './departures.ts';

/** A message, sent like a letter: it leaves with the turn. */
export function publication(topic: string, value: unknown): Asked {
  const fault = publicationFault(topic);
  if (fault !== undefined) throw troupeError('INVALID_ARGUMENT', fault);
  const asked = ask(topicType, topic, 'publish', [value]);
  const bytes = asked.args.length;
  const bytesMax = limits.topicMessageBytesMax;
  if (bytes <= bytesMax) return asked;
  throw troupeError('TOO_LARGE', `a message of topic "${topic}" has ${bytes} bytes`, {
    bytes,
    bytesMax,
  });
}

export function subscription(actor: string, topic: string, method: string): Asked {
  const { type, key } = actorParts(actor as ActorId);
  return ask(topicType, topic, 'subscribe', [type, key, method]);
}

export function unsubscription(actor: string, topic: string): Asked {
  const { type, key } = actorParts(actor as ActorId);
  return ask(topicType, topic, 'unsubscribe', [type, key]);
}
