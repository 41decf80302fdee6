/** Dead letters: found, looked at, delivered anew and discarded. */
import {
  type DeadLettersOfActor,
  type DeadLettersView,
  discardMethod,
  lettersMethod,
  redeliverMethod,
  troupeError,
} from '@troupe/model';
import type { AnyActorDefinition, UntypedCalls } from './actor.ts';
import type { ActorRef } from './actors.ts';
import { checkWhole, uint32Max } from './definition.ts';
import { nameOf } from './handle.ts';
import type { Unary } from './wire/unary.ts';

export interface DeadLettersAsked {
  readonly type?: string;
  /** `next` of the page before. */
  readonly after?: string;
  /** Actors of one page; 100 unless given, at most 200. */
  readonly limit?: number;
}

export interface DeadLettersPage {
  /** In the order of their ids. */
  readonly actors: readonly DeadLettersView[];
  /** On all nodes that have answered: actors with dead letters, and these. */
  readonly total: number;
  readonly letters: number;
  /** Actors of which it is not known now: they are being read back, or cannot be. */
  readonly unread: number;
  /** Names of nodes that have not answered in time. */
  readonly silent: readonly string[];
  readonly next?: string;
}

type Target = AnyActorDefinition | string;

export interface DeadLetters {
  /** Actors of the tenant that have dead letters, page by page. */
  (asked?: DeadLettersAsked): Promise<DeadLettersPage>;
  /** Those of one actor, the oldest first; `after` is `next` of the page before. */
  of(
    actor: Target,
    key: string,
    asked?: { readonly after?: number; readonly limit?: number },
  ): Promise<DeadLettersOfActor>;
  /** Runs the method of a dead letter once more, as a call, and answers with what it comes to. When that
   *  is well the letter is dead no longer; else it stays, with the new error. Its place in the order of
   *  its sender is lost. */
  redeliver(actor: Target, key: string, letter: number): Promise<unknown>;
  /** Resolves when it is gone for good. */
  discard(actor: Target, key: string, letter: number): Promise<void>;
}

const listedMax = 100;

export function deadLettersOf(
  unary: Unary,
  tenant: string,
  find: (actor: Target, key: string) => Promise<ActorRef<unknown> | undefined>,
): DeadLetters {
  /** Of the actor that is there: looking at letters makes none. */
  const ask = async (actor: Target, key: string, method: string, args: readonly number[]) => {
    const found = await find(actor, key);
    // Whatever it is, these methods it has.
    const call = (found?.calls as UntypedCalls | undefined)?.[method];
    if (call !== undefined) return await call(...args);
    throw troupeError('UNKNOWN_ACTOR', `there is no actor ${nameOf(actor)}/${key}`);
  };
  const list = async (asked: DeadLettersAsked = {}): Promise<DeadLettersPage> => {
    const { type = '', after = '', limit = listedMax } = asked;
    checkWhole('limit', limit, 1, uint32Max);
    const request = { tenant, type, after, limit };
    const { next, ...page } = await unary.ask('ActorsService/ListDeadLetters', request);
    return next === '' ? page : { ...page, next };
  };
  return Object.assign(list, {
    async of(actor: Target, key: string, { after = 0, limit = listedMax } = {}) {
      checkWhole('after', after, 0);
      checkWhole('limit', limit, 1);
      return (await ask(actor, key, lettersMethod, [after, limit])) as DeadLettersOfActor;
    },
    redeliver: (actor: Target, key: string, letter: number) =>
      ask(actor, key, redeliverMethod, [letter]),
    async discard(actor: Target, key: string, letter: number) {
      await ask(actor, key, discardMethod, [letter]);
    },
  });
}
