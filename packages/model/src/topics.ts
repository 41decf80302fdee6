/**
 * Topics: what is published to one comes to each of its subscribers. A topic is an actor of a type that
 * every node has; its key is its name. No bundle has types whose names begin as this one does.
 */
import { type BundleHash, bundleHash, isActorKey, isTypeName } from './ids.ts';
import type { Manifest } from './manifest.ts';

export const topicType = '$topic';
/** See `postboxes.ts`. */
export const postboxType = '$postbox';

/** Stands where the hash of a bundle does, for actors that every node has. */
export const builtInBundle: BundleHash = bundleHash('0'.repeat(64));

export const builtInManifest: Manifest = {
  sdk: '',
  actors: [
    { type: topicType, methods: ['publish', 'subscribe', 'unsubscribe'], reads: ['view'] },
    { type: postboxType, methods: ['send'], reads: [] },
  ],
  tasks: [],
  workflows: [],
};

const livesName = '$lives';

/** How the leader calls a topic: with a batch of events, each of which it takes once by its position. */
export const toldMethod = '$told';
/** What the sessions begin with by which leaders call; the term follows. No door lets `toldMethod` in. */
export const leaderSessionPrefix = 'leader:';

/** The topic of what becomes of all actors of a tenant, of those of a type, or of one. Only the cluster
 *  publishes there. */
export function livesTopic(type?: string, key?: string): string {
  if (type === undefined) return livesName;
  return key === undefined ? `${livesName}/${type}` : `${livesName}/${type}/${key}`;
}

export function isLivesTopic(name: string): boolean {
  return name === livesName || name.startsWith(`${livesName}/`);
}

/** Why nobody but the cluster may publish there, if so. */
export function publicationFault(topic: string): string | undefined {
  if (!isLivesTopic(topic)) return undefined;
  return `topic "${topic}" tells what becomes of actors, and only the cluster publishes there`;
}

/** True of the types that every node of this version has. */
export function isKnownBuiltInType(type: string): boolean {
  return type === topicType || type === postboxType;
}

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
