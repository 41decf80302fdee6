/**
 * A pool: so many actors of a type that are all alike, of which each call goes to one. They keep nothing
 * that another one would need, so whichever is asked will do.
 */
import type { ActorCalls, AnyActorDefinition } from './actor.ts';
import type { CallLimit, TurnContext } from './context.ts';
import { checkWhole } from './definition.ts';
import { makeHandle } from './handle.ts';
import { hashOf } from './semaphore.ts';

export interface PoolOptions {
  /** Members are `name.0`, `name.1` and so on; `pool` unless given. */
  readonly name?: string;
}

const poolMax = 1_000;

type Method = (...args: unknown[]) => Promise<unknown>;
type Member = { readonly [method: string]: Method | undefined };

/** Each call goes to the member that has the fewest of ours under way. */
export function poolOf<A extends AnyActorDefinition>(
  size: number,
  { name = 'pool' }: PoolOptions,
  memberOf: (key: string) => unknown,
): ActorCalls<A> {
  checkSize(size);
  const members = Array.from({ length: size }, (_, at) => ({
    calls: memberOf(`${name}.${at}`) as Member,
    open: 0,
    order: at,
  }));
  let calls = size;
  return makeHandle(async (method, args) => {
    const idle = members.reduce((best, one) => (isBefore(one, best) ? one : best));
    idle.open += 1;
    idle.order = calls++;
    try {
      return await idle.calls[method]?.(...args);
    } finally {
      idle.open -= 1;
    }
  });
}

/** Calls by turns that have one number each: the same when the turn runs again. */
const called = new WeakMap<object, number>();

/** A pool, for a turn. Which member each call goes to is the same when the turn runs again. */
export function poolIn<A extends AnyActorDefinition>(
  c: Pick<TurnContext<unknown>, 'callId' | 'actor'>,
  actor: A,
  size: number,
  { name = 'pool', ...limit }: PoolOptions & CallLimit = {},
): ActorCalls<A> {
  checkSize(size);
  return makeHandle((method, args) => {
    const number = (called.get(c) ?? 0) + 1;
    called.set(c, number);
    const at = (hashOf(c.callId) + number) % size;
    const member = c.actor(actor, `${name}.${at}`, limit) as unknown as Member;
    return member[method]?.(...args);
  });
}

function checkSize(size: number): void {
  checkWhole('size of the pool', size, 1, poolMax);
}

/** The one that was asked longest ago, of those with the fewest calls. */
function isBefore(
  left: { readonly open: number; readonly order: number },
  right: { readonly open: number; readonly order: number },
): boolean {
  return left.open < right.open || (left.open === right.open && left.order < right.order);
}
