/** What becomes of actors, and the topics by which actors hear of it. */
import {
  type Failure,
  isActorKey,
  isTypeName,
  livesTopic,
  type SupervisionKind,
  troupeError,
} from '@troupe/model';
import type { AnyActorDefinition } from './actor.ts';
import { nameOf } from './handle.ts';

export interface ActorEvent {
  /** Its number among the events of the tenant. Who goes on from it hears what came after. */
  readonly position: number;
  /** `tenant/Type/key` */
  readonly actor: string;
  readonly birth: number;
  readonly kind: SupervisionKind;
  /** Why, of what failed. */
  readonly failure?: Failure;
  /** So many events before this one were not kept until they could be told. */
  readonly missed?: number;
}

/**
 * The topic of what becomes of actors: of one, of all of a type, or of all. Its messages are of the form
 * `ActorEvent`, and only the cluster publishes them: `c.subscribe(lives(Librarian, 'team-7'), 'onLife')`.
 * Throws `INVALID_ARGUMENT` for what names no actor.
 */
export function lives(actor?: AnyActorDefinition | string, key?: string): string {
  const type = actor === undefined ? undefined : nameOf(actor);
  const topic = livesTopic(type, key);
  const isType = type === undefined ? key === undefined : isTypeName(type);
  // What is too long for a key is no name of a topic.
  const isKey = key === undefined || (isActorKey(key) && isActorKey(topic));
  if (isType && isKey) return topic;
  const what = `${String(type).slice(0, 80)}/${String(key).slice(0, 80)} names no actor to be heard of`;
  throw troupeError(
    'INVALID_ARGUMENT',
    `${what}: a type, and a key of at most 504 characters less the type`,
  );
}
