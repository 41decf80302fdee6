/**
 * What becomes of an actor's memory when its scope goes back in time.
 *
 * Whatever lies between actors of the line goes back with it: what was received, answered and sent.
 * What lies between them and everybody else stays as it is, since those do not go back: a letter that was
 * sent to one of them is sent, one that was taken from him is taken, and what he was answered is not done
 * again.
 *
 * J1  numbers of turns, letters, calls and timers are never used a second time. What is sent again, sent by
 *     a turn before the line, keeps its number, so that it is known as the same to everybody outside.
 * J2  a call of somebody outside that had begun beyond the line is `REWOUND`: it never runs again.
 */
import {
  type ActorId,
  errorTable,
  type Failure,
  failure,
  knowsNothingBeyond,
  type Line,
  type Outcome,
  type Owed,
  type Passage,
  type SessionId,
  type VectorClock,
} from '@troupe/model';
import type { NodeFact } from './facts.ts';
import { LetterBook } from './letter-book.ts';
import { type Memory, memoryFrom, storeMemory } from './memory.ts';
import type { OlderLetters } from './older-letters.ts';
import { type KeptLetter, Outbox } from './outbox.ts';
import { clockOf, type Past } from './past.ts';
import { dropBegun } from './roll-forward.ts';
import { actorSessionPrefix, Sessions } from './sessions.ts';
import { TimerBook } from './timer-book.ts';

/** An actor, how it is and how it was at its line. */
export interface Rewound {
  readonly id: ActorId;
  readonly line: Line;
  readonly present: Memory;
  /** At the line, as it was then. */
  readonly former: Memory;
  readonly owed: Owed;
  /** Letters that neither holds any more. */
  readonly older?: OlderLetters;
}

/** Its memory from now on; which letter it owes and does not have, if that is so. */
export function rewoundMemory(rewound: Rewound, now: number): Memory | { readonly lacks: string } {
  const { line, present, former } = rewound;
  const letters = owedLetters(rewound);
  if ('lacks' in letters) return letters;
  const recv = new Map([
    ...[...present.recv].filter(([sender]) => !isInside(sender, line)),
    ...[...former.recv].filter(([sender]) => isInside(sender, line)),
  ]);
  return {
    seq: numberOf(present, former),
    // What only the turn under way had learnt is not known any more.
    clock: clamped(former.clock, line),
    prunings: present.prunings,
    recv,
    sessions: rewoundSessions(rewound, now),
    outbox: Outbox.rewound(present.outbox, former.outbox, {
      isInside: (to) => line[to] !== undefined,
      letters,
    }),
    signals: former.signals,
    timers: present.timers.isUsed
      ? TimerBook.rewound(former.timers, present.timers, now)
      : former.timers,
    letters: LetterBook.rewound(former.letters, present.letters, (sender) => {
      return isInside(sender, line);
    }),
    // What went back with the actor may come again, whoever sends it.
    letterKeys: former.letterKeys,
    begun: former.begun,
    madeBy: former.madeBy,
  };
}

/** How an actor that keeps all its turns is at the line: without the turn under way, unless that has
 *  called nobody and knows of nothing beyond. */
export function settledMemory(
  id: ActorId,
  present: Memory,
  past: Past,
  line: Line,
  now: number,
): Memory {
  const memory = memoryFrom(storeMemory(present, now), now);
  const { begun } = memory;
  const goesOn =
    begun?.recorded.every(({ kind }) => kind !== 'call') &&
    knowsNothingBeyond(present.clock, line, id);
  if (!goesOn) dropBegun(memory);
  for (const fact of past.facts) {
    if (fact.kind !== 'signalled' || knowsNothingBeyond(fact.clock, line)) continue;
    memory.signals.drop(fact.number);
  }
  // A signal that waits may have taught the actor something.
  if (memory.begun === undefined && memory.signals.size === 0) memory.clock = clockOf(past);
  return memory;
}

/** Which of what lies between actors of the line was done at it. */
export function passageOf(former: Memory, present: Outbox | undefined, line: Line): Passage {
  const sent: [ActorId, number][] = [];
  // Who is not there yet will be of this scope, if a letter makes it.
  const waiting = new Set(present?.receivers());
  for (const to of new Set([...former.outbox.addressees(), ...waiting])) {
    const isAsked = line[to] !== undefined || waiting.has(to);
    if (isAsked) sent.push([to, former.outbox.nextNumber(to) - 1]);
  }
  return { sent, taken: [...former.recv].filter(([sender]) => isInside(sender, line)) };
}

/** The past of an actor at its line, and what of it goes for good. `memory`: what it remembers from now on. */
export function rewoundPast(
  past: Past,
  at: { readonly seq: number; readonly memory: Memory; readonly line: Line },
  facts: readonly NodeFact[] | undefined,
): void {
  const { seq, memory, line } = at;
  past.anew = true;
  if (facts === undefined) {
    // It keeps all its turns. What only a turn under way had learnt that is dropped is not known, as in its memory.
    const learnt = memory.begun !== undefined || memory.signals.size > 0 ? past.learnt : {};
    past.learnt = clamped(learnt, line);
    past.facts = past.facts.filter((fact) => {
      return fact.kind === 'signalled' ? knowsNothingBeyond(fact.clock, line) : isUpTo(fact, seq);
    });
    if (memory.seq === seq) return;
    past.turns.push({ seq: memory.seq, clock: past.learnt, sent: [] });
    past.learnt = {};
    return;
  }
  const [first] = past.segments;
  past.abandoned.push(...past.segments.filter(({ to }) => to > seq));
  past.segments = past.segments.filter(({ to }) => to <= seq);
  past.from = past.segments.at(-1)?.to ?? first?.from ?? past.from;
  past.base = { seq: memory.seq, clock: memory.clock };
  past.turns.length = 0;
  past.learnt = {};
  past.facts = [...facts];
}

/** That an actor goes back has a number, as a turn has; a turn under way that comes to nothing had one. */
function numberOf(present: Memory, former: Memory): number {
  const last = present.begun?.seq ?? present.seq;
  if (former.seq < present.seq) return last + 1;
  return former.begun === undefined ? last : former.seq;
}

function isUpTo(fact: NodeFact, seq: number): boolean {
  return !('seq' in fact) || fact.seq <= seq;
}

function owedLetters({
  owed,
  present,
  former,
  older,
}: Rewound): Map<ActorId, KeptLetter[]> | { readonly lacks: string } {
  const isPassedOver = (to: ActorId, number: number): boolean => {
    const all = [former.outbox, ...(older?.outboxes ?? [])];
    return all.some((outbox) => outbox.isPassedOver(to, number));
  };
  const letters = new Map<ActorId, KeptLetter[]>();
  for (const [to, after] of owed) {
    const known = new Map<number, KeptLetter>();
    const open = [...present.outbox.letters(to), ...former.outbox.letters(to)];
    for (const letter of [...open, ...(older?.letters(to) ?? [])]) known.set(letter.number, letter);
    const last = former.outbox.nextNumber(to) - 1;
    const all: KeptLetter[] = [];
    for (let number = after + 1; number <= last; number += 1) {
      const letter = known.get(number);
      // A number that was passed over when the scope went back before is no letter.
      if (letter !== undefined) all.push(letter);
      else if (!isPassedOver(to, number)) return { lacks: `${to} ${number}` };
    }
    letters.set(to, all);
  }
  return letters;
}

function rewoundSessions({ line, present, former }: Rewound, now: number): Sessions {
  const lost =
    present.begun !== undefined && former.begun === undefined ? present.begun : undefined;
  const sessions = Sessions.rewound(present.sessions, former.sessions, {
    isInside: (session) => isInsideSession(session, line),
    // Whoever was refused was told that nothing is done, and so it is.
    answer: (outcome) => (wasRefused(outcome) ? outcome : rewoundOutcome),
    now,
  });
  if (lost?.cause.kind === 'call' && !isInsideSession(lost.cause.session, line)) {
    const { session, number } = lost.cause;
    sessions.record(lost.cause, rewoundOutcome, now);
    sessions.yields.dropOf(session, number);
  }
  return sessions;
}

function isInsideSession(session: SessionId, line: Line): boolean {
  if (!session.startsWith(actorSessionPrefix)) return false;
  return isInside(session.slice(actorSessionPrefix.length), line);
}

/** `sender#birth`, see `senderOf`. */
function isInside(sender: string, line: Line): boolean {
  return line[sender.slice(0, sender.lastIndexOf('#')) as ActorId] !== undefined;
}

/** What is known beyond a line is not known any more. */
function clamped(clock: VectorClock, line: Line): VectorClock {
  const entries = Object.entries(clock).map(([actor, known]) => {
    return [actor, Math.min(known, line[actor as ActorId] ?? known)] as const;
  });
  return Object.fromEntries(entries);
}

const rewoundFailure: Failure = failure(
  'REWOUND',
  'the scope went back to before this call; what it did to others stays done',
);
const rewoundOutcome: Outcome = { ok: false, failure: rewoundFailure };

function wasRefused(outcome: Outcome): boolean {
  return !outcome.ok && errorTable[outcome.failure.code].outcome === 'none';
}
