/**
 * Topics, as a client sees them: what is published to one comes to each of its subscribers once, in the
 * order in which the topic took it.
 */
import { actorParts, isActorKey, type TopicView, topicType, troupeError } from '@troupe/model';
import type { AnyActorDefinition, UntypedCalls } from './actor.ts';
import type { Actors } from './actors.ts';
import { checkWhole } from './definition.ts';
import { nameOf } from './handle.ts';

export interface Topic<T = unknown> {
  readonly name: string;
  /** Resolves with the number of the message when it is durable that the topic has taken it: then it
   *  comes to everybody who has subscribed. */
  publish(value: T): Promise<number>;
  /** From the next message on the method is called with each, as a turn of its own: with the value, and
   *  with a `TopicMessage`. Resolves with the number of the last message before that. An actor subscribes
   *  once; another method takes the place of the former. */
  subscribe<A extends AnyActorDefinition>(
    actor: A,
    key: string,
    method: keyof A['methods'] & string,
  ): Promise<number>;
  subscribe(type: string, key: string, method: string): Promise<number>;
  /** What is on its way to it may still come, or not. False when it had not subscribed. */
  unsubscribe(actor: AnyActorDefinition | string, key: string): Promise<boolean>;
  /** Its numbers, and a page of its subscribers with what waits for each. */
  view(page?: { readonly after?: number; readonly limit?: number }): Promise<TopicView>;
}

export interface TopicsAsked {
  readonly prefix?: string;
  /** `next` of the page before. */
  readonly after?: string;
  readonly limit?: number;
}

export interface TopicsPage {
  readonly topics: readonly { readonly name: string; readonly node: string }[];
  readonly total: number;
  /** What to ask for the next page `after`; absent when this is the last. */
  readonly next?: string;
}

export function topicOf<T>(
  name: string,
  calls: (type: string, key: string) => UntypedCalls,
): Topic<T> {
  checkTopic(name);
  const ask = async (method: string, ...args: readonly unknown[]): Promise<unknown> =>
    await calls(topicType, name)[method]?.(...args);
  return {
    name,
    publish: (value) => ask('publish', value) as Promise<number>,
    subscribe: (actor: AnyActorDefinition | string, key: string, method: string) =>
      ask('subscribe', nameOf(actor), key, method) as Promise<number>,
    unsubscribe: (actor, key) => ask('unsubscribe', nameOf(actor), key) as Promise<boolean>,
    view({ after = 0, limit = pageDefault } = {}) {
      checkWhole('after', after, 0);
      checkWhole('limit', limit, 1);
      return ask('view', after, limit) as Promise<TopicView>;
    },
  };
}

/** A topic is there from its first message or subscriber on. */
export async function listTopics(
  actors: Actors,
  { prefix, after, limit }: TopicsAsked,
): Promise<TopicsPage> {
  const {
    actors: found,
    total,
    next,
  } = await actors({
    type: topicType,
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
  });
  const topics = found.map(({ actor, node }) => {
    return { name: actorParts(actor as never).key, node };
  });
  return next === undefined ? { topics, total } : { topics, total, next };
}

const pageDefault = 100;

function checkTopic(name: string): void {
  if (typeof name === 'string' && isActorKey(name)) return;
  const what = `${JSON.stringify(String(name).slice(0, 80))} is no name of a topic`;
  throw troupeError(
    'INVALID_ARGUMENT',
    `${what}: it is 1 to 512 characters, no control characters`,
  );
}
