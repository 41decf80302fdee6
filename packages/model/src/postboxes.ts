/**
 * Postboxes: what a client or a task sends to an actor is dropped into one, which sends it on as a letter of
 * its own. A postbox is an actor of a type that every node has.
 */
import { encodeValue } from './codec.ts';
import { type LetterTries, letterTriesDefault, letterTriesFault } from './dead-letters.ts';
import { troupeError } from './errors.ts';
import { isActorKey, isTypeName } from './ids.ts';
import { limits } from './limits.ts';
import { type Retries, retriesOf } from './manifest.ts';
import type { SaidPriority } from './priority.ts';
import type { OutgoingSend } from './runner-frames.ts';
import { whenFault } from './timers.ts';
import { isBuiltInType } from './topics.ts';

/** How a letter is dropped: with the type, the key and the method of its receiver, the arguments in an array,
 *  and how it is to be delivered. */
export const dropMethod = 'send';

/** Of a tenant; whoever sends has one of these, unless he names another. */
const postboxes = 64;

/** The postbox of one sender: all that it sends goes through this one, and so keeps its order. */
export function postboxOf(sender: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < sender.length; at++) {
    hash = Math.imul(hash ^ sender.charCodeAt(at), 0x01000193) >>> 0;
  }
  return String(hash % postboxes);
}

/** As whoever sends says it, in any language: only what is said of the letter. */
export interface Delivery {
  readonly delayMs?: number;
  readonly priority?: 'low' | 'normal' | 'high';
  readonly retries?: Retries;
  readonly backoffMs?: number | readonly number[];
  readonly idempotencyKey?: string;
}

export interface DroppedLetter {
  readonly letter: OutgoingSend;
  readonly delayMs: number;
}

/** Throws what is wrong with it. */
export function droppedLetter(given: readonly unknown[]): DroppedLetter {
  const [type, key, method, args, delivery] = given;
  const names = [type, key, method].every((one) => typeof one === 'string');
  if (!names || given.length > 5) {
    throw refused('a letter is dropped with a type, a key, a method, arguments and a delivery');
  }
  const to = { type: String(type), key: String(key), method: String(method) };
  const what = `letter ${to.type}/${to.key}.${to.method}`;
  if (!isTypeName(to.type) || !isActorKey(to.key)) throw refused(`${what} names no actor`);
  if (isBuiltInType(to.type))
    throw refused(`${what} is for one of the cluster's own, which takes none`);
  if (!isTypeName(to.method) || to.method.startsWith('$')) throw refused(`${what} names no method`);
  if (!Array.isArray(args)) throw refused(`the arguments of ${what} are not an array`);
  const { delayMs, ...manner } = deliveryOf(what, delivery);
  return { letter: { ...to, args: encodeValue(args, 'args'), ...manner }, delayMs };
}

const said: ReadonlySet<string> = new Set([
  'delayMs',
  'priority',
  'retries',
  'backoffMs',
  'idempotencyKey',
]);

function deliveryOf(
  what: string,
  given: unknown,
): Pick<OutgoingSend, 'tries' | 'priority' | 'idempotencyKey'> & { readonly delayMs: number } {
  if (given === undefined || given === null) return { delayMs: 0 };
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw refused(`how ${what} is delivered is no object`);
  }
  const unknown = Object.keys(given).find((name) => !said.has(name));
  if (unknown !== undefined) {
    throw refused(`${what} says ${unknown}, and nothing is known of that`, unknown);
  }
  const { delayMs = 0, priority, idempotencyKey, ...more } = given as Delivery;
  const fault = whenFault({ kind: 'after', ms: delayMs }, 0)?.replace('afterMs', 'delayMs');
  if (fault !== undefined) throw refused(`${what}: ${fault}`, 'delayMs');
  if (idempotencyKey !== undefined && !isIdempotencyKey(idempotencyKey)) {
    throw refused(idempotencyKeyFault(what), 'idempotencyKey');
  }
  const tries = triesOf(what, more);
  const urgent = priorityOf(what, priority);
  return {
    delayMs,
    ...(tries === undefined ? {} : { tries }),
    ...(urgent === undefined ? {} : { priority: urgent }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function triesOf(
  what: string,
  { retries, backoffMs }: Pick<Delivery, 'retries' | 'backoffMs'>,
): LetterTries | undefined {
  if (retries === undefined && backoffMs === undefined) return undefined;
  const tries: LetterTries = {
    retries: retries === undefined ? letterTriesDefault.retries : retriesOf(retries),
    backoffMs: backoffMs === undefined ? letterTriesDefault.backoffMs : [backoffMs].flat(),
  };
  const fault = letterTriesFault(what, tries);
  if (fault !== undefined) throw refused(fault);
  return tries;
}

function priorityOf(what: string, given: unknown): SaidPriority | undefined {
  if (given === undefined || given === 'normal') return undefined;
  if (given === 'low' || given === 'high') return given;
  throw refused(`priority of ${what} is ${JSON.stringify(given)}; it is low, normal or high`);
}

/** What is half of a pair has no form in UTF-8: two keys would become one. */
const unfit = /[\p{Cc}\p{Surrogate}]/u;

export function isIdempotencyKey(given: unknown): given is string {
  const most = limits.idempotencyKeyLengthMax;
  return typeof given === 'string' && given !== '' && given.length <= most && !unfit.test(given);
}

export function idempotencyKeyFault(what: string): string {
  const most = limits.idempotencyKeyLengthMax;
  return (
    `the idempotencyKey of ${what} must be a string of 1 to ${most} characters ` +
    'without control characters and halves of characters'
  );
}

function refused(text: string, argument?: string): Error {
  return troupeError('INVALID_ARGUMENT', text, argument === undefined ? {} : { argument });
}
