/**
 * A postbox: what clients and tasks send to actors becomes letters of its own here. It has no state: what it
 * holds is its outbox, and its timers for what is delayed.
 *
 * PB1 whoever drops a letter is answered when the turn that holds it is durable, as of any call: from then on it is a
 *     letter like any other, or a delayed one.
 * PB2 letters of one postbox to one receiver are taken in the order in which they were dropped, as of any sender.
 */
import {
  actorParts,
  type Bytes,
  type Call,
  decodeForeign,
  dropMethod,
  droppedLetter,
  encode,
  type Failure,
  failure,
  limits,
  type ToRunner,
  troupeError,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Ran } from './topic.ts';

type TurnFrame = Extract<ToRunner, { kind: 'turn' }>;

/** As it stands in a checkpoint. */
export const postboxState: Bytes = encode({ format: 1 });

/** Throws what refuses it: then nothing has changed. */
export function runPostbox({
  method,
  args,
  timer,
}: Pick<TurnFrame, 'method' | 'args' | 'timer'>): Ran {
  // A delayed letter whose time has come.
  if (timer?.to !== undefined) return { value: null, sends: [{ ...timer.to, method, args }] };
  if (method !== dropMethod) {
    throw troupeError('UNKNOWN_METHOD', `a postbox has no method "${method}"`);
  }
  const { letter, delayMs } = droppedLetter(argumentsOf(args));
  if (delayMs === 0) return { value: null, sends: [letter] };
  const { type, key, ...errand } = letter;
  const when = { kind: 'after', ms: delayMs } as const;
  return { value: null, sends: [], timers: [{ kind: 'set', when, to: { type, key }, ...errand }] };
}

/** Why it takes no such letter now, if so: it has done nothing, and may be asked again. */
export function fullPostbox({ id, memory }: Activation, { args }: Call): Failure | undefined {
  if (memory === undefined) return undefined;
  const { outbox, timers } = memory;
  const { postboxLettersMax, postboxBytesMax, postboxReceiverLettersMax, actorTimersMax } = limits;
  const { tenant, key: box } = actorParts(id);
  if (outbox.size >= postboxLettersMax || outbox.bytes >= postboxBytesMax) {
    return full(`postbox "${box}" has ${outbox.size} letters that nobody has taken`);
  }
  const waiting = timers.size;
  if (outbox.size < postboxReceiverLettersMax && waiting < actorTimersMax) return undefined;
  const { type, key, delayed } = headOf(args);
  const to = `${tenant}/${type}/${key}`;
  const letters = outbox.letters(to as Activation['id']).length;
  if (!delayed && letters >= postboxReceiverLettersMax) {
    return full(`postbox "${box}" has ${letters} letters that ${to} has not taken`);
  }
  if (!delayed || waiting < actorTimersMax) return undefined;
  return full(`postbox "${box}" has ${waiting} delayed letters whose time has not come`);
}

function full(text: string): Failure {
  return failure('RESOURCE_EXHAUSTED', text, { retryAfterMs: limits.turnedAwayMs });
}

/** What is no letter is told so by its turn. */
function headOf(args: Bytes): { readonly type: unknown; readonly key: unknown; delayed: boolean } {
  try {
    const [type, key, , , delivery] = argumentsOf(args);
    const { delayMs } = Object(delivery) as { readonly delayMs?: unknown };
    return { type, key, delayed: delayMs !== undefined && delayMs !== 0 };
  } catch {
    return { type: '', key: '', delayed: false };
  }
}

function argumentsOf(args: Bytes): readonly unknown[] {
  const given = decodeForeign(args);
  if (Array.isArray(given)) return given;
  throw troupeError('INVALID_ARGUMENT', `the arguments of ${dropMethod} are not an array`);
}
