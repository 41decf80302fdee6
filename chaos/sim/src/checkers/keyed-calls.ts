/** What clients ask for under idempotency keys, and what became durable under them. */
import {
  type ActorId,
  type Incarnation,
  keySessionPrefix,
  limits,
  type Outcome,
  type SessionId,
} from '@troupe/model';
import { type ClientMessage, callerUnderKey } from '@troupe/virtual';
import type { TurnCause, UpgradeCause } from '@troupe/worker-node-core';

type ClientCall = Extract<ClientMessage, { kind: 'client-call' }>;

/** One call of a client. */
export interface KeyedAsk {
  readonly key: KeyTruth;
  /** What it asks for. */
  readonly print: string;
  /** What was durable under its key by then. */
  readonly before: KeyedTurn | undefined;
}

export interface KeyTruth {
  readonly name: string;
  /** What clients have asked for under it. */
  readonly prints: Set<string>;
  /** Several only when the key was forgotten in between. */
  readonly turns: KeyedTurn[];
}

/** A turn under a key, from when it has begun durably, or has ended. */
export interface KeyedTurn {
  readonly print: string | undefined;
  readonly node: Incarnation;
  /** Virtual time. */
  readonly at: number;
  /** Nights before it was decided. */
  readonly nights: number;
  outcome: Outcome | undefined;
}

/** By whatever clock, a key is not forgotten sooner; a run is that long only by its nights. */
const surelyKnownMs = limits.sessionMsMax / 2;

export class KeyedCalls {
  /** By client and its number. */
  readonly #asks = new Map<string, KeyedAsk>();
  readonly #keys = new Map<string, KeyTruth>();
  /** Nodes that are given up. */
  readonly dead = new Set<Incarnation>();

  sent(message: object): void {
    if (!('kind' in message) || message.kind !== 'client-call') return;
    const { client, number, idempotencyKey, actor, method, args } = message as ClientCall;
    if (idempotencyKey === undefined || this.#asks.has(`${client} ${number}`)) return;
    const { session, print = '' } = callerUnderKey({ actor, idempotencyKey, method, args });
    const key = this.key(actor, session);
    key.prints.add(print);
    this.#asks.set(`${client} ${number}`, { key, print, before: key.turns.at(-1) });
  }

  ask(client: string, number: number | undefined): KeyedAsk | undefined {
    return this.#asks.get(`client:${client} ${number}`);
  }

  key(actor: ActorId, session: SessionId): KeyTruth {
    const name = `${session} at ${actor}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = { name, prints: new Set<string>(), turns: [] };
    this.#keys.set(name, key);
    return key;
  }

  /** It has begun, or ended. */
  turned(actor: ActorId, cause: KeyedCause, turn: KeyedTurn): void {
    const { turns } = this.key(actor, cause.session);
    const last = turns.at(-1);
    if (last !== undefined && last.outcome === undefined) last.outcome = turn.outcome;
    else turns.push(turn);
  }
}

export type KeyedCause = Extract<TurnCause, { kind: 'call' }>;

export function isKeyed(cause: TurnCause | UpgradeCause): cause is KeyedCause {
  return cause.kind === 'call' && cause.session.startsWith(keySessionPrefix);
}

/** Its actor must know it still. */
export function isSurelyKnown(
  { at, nights }: KeyedTurn,
  truth: { readonly nights: number; readonly now: () => number },
): boolean {
  return nights === truth.nights && truth.now() - at <= surelyKnownMs;
}
