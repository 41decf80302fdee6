/**
 * Topics: what is published to one comes to each of its subscribers. A topic is an actor of a type that
 * every node has; its key is its name. No bundle has types whose names begin as this one does.
 */
import { type BundleHash, bundleHash, isActorKey, isTypeName } from './ids.ts';
import type { Manifest } from './manifest.ts';

export const topicType = '$topic';

/** Stands where the hash of a bundle does, for actors that every node has. */
export const builtInBundle: BundleHash = bundleHash('0'.repeat(64));

export const builtInManifest: Manifest = {
  sdk: '',
  actors: [{ type: topicType, methods: ['publish', 'subscribe', 'unsubscribe'], reads: ['view'] }],
  tasks: [],
  workflows: [],
};

/** True of the types that are the cluster's own, those of later versions among them. */
export function isBuiltInType(type: string): boolean {
  return type.startsWith('$');
}

/** What a subscriber is given behind the value: which message it is. */
export interface TopicMessage {
  readonly topic: string;
  /** Messages of a topic are numbered from 1, in the order in which it took them. */
  readonly number: number;
  /** The actor that published it; absent where a client did, or a task. */
  readonly from?: string;
}

/** An actor whose method is called with each message. */
export interface Subscriber {
  readonly type: string;
  readonly key: string;
  readonly method: string;
}

export interface SubscriberView extends Subscriber {
  /** Number of the last message before it subscribed. */
  readonly after: number;
  /** Messages on their way to it that it has not taken. */
  readonly waiting: number;
}

export interface TopicView {
  readonly topic: string;
  /** Messages that were taken so far: the number of the last one. */
  readonly published: number;
  readonly subscribers: number;
  /** Messages that are not on their way to all yet, and their bytes. */
  readonly kept: number;
  readonly keptBytes: number;
  /** Messages on their way, counted for each subscriber. */
  readonly waiting: number;
  /** A page of the subscribers, in the order in which they came. */
  readonly page: readonly SubscriberView[];
  /** What to ask for the next page with; absent when this is the last. */
  readonly next?: number;
}

/** Why this cannot subscribe, if so. */
export function subscriberFault({ type, key, method }: Subscriber): string | undefined {
  if (!isTypeName(type) || !isActorKey(key)) return `${type}/${key} names no actor`;
  if (isBuiltInType(type))
    return `${type}/${key} is one of the cluster's own, and cannot subscribe`;
  if (isTypeName(method) && !method.startsWith('$')) return undefined;
  return `"${method}" is no method that a message could be given to`;
}
