/**
 * The order in which inputs wait for their actor: the more urgent first, and else as they came.
 *
 * I1  letters of one sender keep their order: a more urgent one takes those before it along.
 * I2  nothing is overtaken more than `limits.overtakenMax` times, and a turn that has begun never.
 * I3  while turns are being taken back from a runner none is handed over.
 */
import { limits, type PriorityName } from '@troupe/model';
import type { Activation, Input, Turn } from './activation.ts';
import type { Core } from './core.ts';
import { sameCause } from './memory.ts';

type LetterInput = Input & { readonly cause: { readonly kind: 'letter' } };

/** Puts what has just come into the mailbox; takes less urgent turns back that wait at its runner. */
export function enqueue(core: Core, activation: Activation, input: Input): void {
  const { mailbox } = activation;
  const last = mailbox.at(-1);
  if (last === undefined || rankOf(last) >= rankOf(input)) mailbox.push(input);
  else insert(activation, takeAlong(mailbox, input), input);
  if (input.read) activation.readsWait = true;
  else if (rankOf(input) > rankMin) takeBack(core, activation, input);
}

/** The runner has given these turns back, in the order in which it was given them. */
export function onRecalled(core: Core, activation: Activation, works: readonly number[]): void {
  activation.recalling = false;
  const given = new Set(works);
  const inputs = activation.dispatched
    .filter(({ work }) => given.has(work))
    .map(({ input }) => input);
  const left = activation.dispatched.filter(({ work }) => !given.has(work));
  activation.dispatched.splice(0, activation.dispatched.length, ...left);
  // They came before all that waits and is no more urgent.
  for (const input of inputs.reverse()) putBack(activation, input);
  for (const input of inputs) core.mailboxes.dropCancelled(activation, input);
}

const ranks: Readonly<Record<PriorityName, number>> = { high: 2, normal: 1, low: 0 };
const rankMin = ranks.low;

function rankOf({ priority = 'normal' }: Input): number {
  return ranks[priority];
}

/** Before the last ones that are less urgent than `input` and may be overtaken, behind those that come along. */
function insert(activation: Activation, along: readonly Input[], input: Input): void {
  const { mailbox } = activation;
  const rank = rankOf(input);
  let at = mailbox.length;
  for (; at > 0; at--) {
    const before = mailbox[at - 1];
    if (before === undefined || !yields(activation, before, rank)) break;
  }
  for (const overtaken of mailbox.slice(at)) overtaken.overtaken = (overtaken.overtaken ?? 0) + 1;
  mailbox.splice(at, 0, ...along, input);
}

function yields({ memory }: Activation, input: Input, rank: number): boolean {
  if (rankOf(input) >= rank || isOldest(input)) return false;
  return memory?.begun === undefined || !sameCause(memory.begun.cause, input.cause);
}

/** Removes the letters of its sender that wait before it, from the first less urgent one on: what was given back by a
 *  runner may wait before a more urgent one. None is less urgent than this one now (I1). */
function takeAlong(mailbox: Input[], input: Input): readonly Input[] {
  if (!isLetter(input)) return [];
  const own = mailbox.filter((one) => isOfSameSender(one, input));
  const first = own.findIndex((one) => rankOf(one) < rankOf(input));
  if (first < 0) return [];
  const taken = own.slice(first);
  const left = mailbox.filter((one) => !taken.includes(one));
  mailbox.splice(0, mailbox.length, ...left);
  for (const one of taken) if (rankOf(one) < rankOf(input)) one.priority = input.priority;
  return taken;
}

/** Turns that have not begun wait at the runner, where nothing overtakes them: less urgent ones come back. */
function takeBack(core: Core, activation: Activation, { priority }: Input): void {
  const { runner, dispatched, recalling } = activation;
  if (runner === undefined || recalling) return;
  const rank = ranks[priority ?? 'normal'];
  const isAhead = ({ input }: Turn): boolean => rankOf(input) < rank && !isOldest(input);
  if (!dispatched.slice(1).some(isAhead)) return;
  activation.recalling = true;
  core.runners.frame(runner, { kind: 'recall', actor: activation.id });
}

function putBack(activation: Activation, input: Input): void {
  const { mailbox } = activation;
  const next = mailbox.findIndex((one) => isLetter(input) && isOfSameSender(one, input));
  const later = mailbox[next];
  if (later !== undefined && rankOf(later) > rankOf(input)) input.priority = later.priority;
  const rank = rankOf(input);
  const first = mailbox.findIndex((one) => rankOf(one) <= rank);
  const behind = first < 0 ? mailbox.length : first;
  const allowed = isOldest(input) ? 0 : behind;
  const place = next < 0 ? allowed : Math.min(allowed, next);
  input.overtaken = (input.overtaken ?? 0) + place;
  mailbox.splice(place, 0, input);
}

/** I2 */
function isOldest({ overtaken = 0 }: Input): boolean {
  return overtaken >= limits.overtakenMax;
}

function isLetter(input: Input): input is LetterInput {
  return input.cause.kind === 'letter';
}

function isOfSameSender(one: Input, { cause }: LetterInput): boolean {
  return (
    one.cause.kind === 'letter' &&
    one.cause.from === cause.from &&
    one.cause.fromBirth === cause.fromBirth
  );
}
