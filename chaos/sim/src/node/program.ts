/**
 * What user code does in the simulation: small programs that travel as arguments. A turn runs its
 * parts in order; unless it fails, its id joins the list that is the actor's state.
 */
import {
  type ActorId,
  actorId,
  actorParts,
  decodeValue,
  encodeValue,
  limits,
  type OutgoingSend,
  postboxType,
  type TimerWhen,
  type TopicMessage,
  topicType,
} from '@troupe/model';

/** How a letter is to be delivered. */
export type Manner = Pick<OutgoingSend, 'tries' | 'priority' | 'idempotencyKey'>;

export type Part =
  | Leg
  /** The first of several; what loses is not heard of. */
  | readonly ['race', legs: readonly Leg[]]
  /** A letter to another actor, with the program it shall run. */
  | readonly ['send', key: string, program: Program, manner?: Manner]
  | readonly ['sleep', ms: number]
  /** The runner dies under it, so many times. */
  | readonly ['crash', times: number]
  | readonly ['fail']
  /** It fails so many times, and then not. */
  | readonly ['balk', times: number]
  /** A value for whoever takes what the turn yields; it is another one in each run. */
  | readonly ['yield', name: string]
  /** A timer of this name, and the program that it shall run. */
  | readonly ['timer', name: string, when: TimerWhen, program: Program]
  | readonly ['cancel', name: string]
  /** A message of a topic, unique over the whole run. */
  | readonly ['publish', topic: string, message: string]
  /** A letter that waits so long before it leaves. */
  | readonly ['later', key: string, ms: number, program: Program, manner?: Manner];

/** What leaves the turn, and may race. */
export type Leg =
  /** A recorded side effect, which is undone when the turn fails. Its runner dies of it so many times,
   *  when it is done and nobody knows yet. */
  | readonly ['step', name: string, undo?: 'undo', crashes?: number]
  /** An awaited call. */
  | readonly ['call', key: string, program: Program]
  /** The actor subscribes to a topic, or leaves it. */
  | readonly ['follow' | 'leave', topic: string]
  /** A signal that is waited for. */
  | readonly ['wait', name: string, limitMs: number];

export interface Program {
  /** Unique over the whole run. */
  readonly id: string;
  readonly parts: readonly Part[];
  /** Of a timer that comes again: it is cancelled when it has come so often. */
  readonly repeats?: { readonly name: string; readonly times: number };
}

export const actorType = 'Agent';
export const tenant = 'default';

/** Ordinals that each compensation takes, as in a real runner. */
export const undoOrdinals: number = limits.undoCallsMax + 1;

/** The step that undoes the one of this name. */
export function undoOf(name: string): string {
  return `undo ${name}`;
}

/** How many ordinals a part takes. */
export function ordinalsOf(part: Part): number {
  if (part[0] === 'race') return part[1].length + 1;
  return isLeg(part) ? 1 : 0;
}

const legKinds: ReadonlySet<string> = new Set(['step', 'call', 'follow', 'leave', 'wait']);

export function isLeg(part: Part): part is Leg {
  return legKinds.has(part[0]);
}

export function encodeArgs(program: Program): Uint8Array {
  const { id, parts, repeats } = program;
  return encodeValue(repeats === undefined ? [id, parts] : [id, parts, repeats]);
}

/** What an actor does with a message of a topic that it follows. */
export const hearMethod = 'hear';

/** What a turn of an actor runs: each that hears a message runs a program of its own. */
export function programIn(method: string, args: Uint8Array, actor: ActorId): Program {
  if (method !== hearMethod) return decodeArgs(args);
  return { id: `${messageIn(args)}@${actorParts(actor).key}`, parts: [] };
}

export function messageIn(args: Uint8Array): string {
  const [message, about] = decodeValue(args) as readonly [unknown, TopicMessage?];
  // What becomes of an actor is told by several topics.
  const isLife = typeof message === 'object' && message !== null && 'position' in message;
  return isLife ? lifeMessage(about?.topic ?? '', Number(message.position)) : String(message);
}

/** An event as a message of a topic of lives. */
export function lifeMessage(topic: string, position: number): string {
  return `${topic}:${position}`;
}

export function topicId(topic: string): ActorId {
  return actorId(tenant, topicType, topic);
}

export function postboxId(postbox: string): ActorId {
  return actorId(tenant, postboxType, postbox);
}

export function isPostbox(actor: ActorId): boolean {
  return actorParts(actor).type === postboxType;
}

export function isTopic(actor: ActorId): boolean {
  return actorParts(actor).type === topicType;
}

export function decodeArgs(args: Uint8Array): Program {
  const [id, parts, repeats] = decodeValue(args) as [string, readonly Part[], Program['repeats']];
  return repeats === undefined ? { id, parts } : { id, parts, repeats };
}
