/**
 * A timer fires no earlier than it was set for: the back-off of a task, also when another leader lets
 * it end, the time limit of an attempt, the wait for a run that goes on, the wait that a block is, the
 * limit of a pause and of a run; and a timer of an actor.
 */
import { type Answered, decodeValue, type Outcome, type Request } from '@troupe/model';
import { actorTimersNeverEarly } from './actor-timers.ts';
import type { MakeChecker } from './checker.ts';
import { Decided, isEarly } from './decided.ts';

interface Waited {
  /** When it began at the earliest. */
  readonly since: number;
  /** Before it was decided: what is stored in the morning may be of the evening. */
  readonly nights: number;
  readonly ms: number;
}

export const timerNeverEarly: MakeChecker = (truth, violate) => {
  const backOffs = new Map<string, Waited>();
  const waits = new Map<string, Waited>();
  /** Blocks that wait, and runs that have a limit. */
  const blocks = new Map<string, Waited>();
  /** By task: what an attempt of it may take, and since when the present one runs. */
  const limits = new Map<string, number>();
  const attempts = new Map<string, Waited>();
  const decided = new Decided(truth.now);
  const ofActors = actorTimersNeverEarly(truth, violate);
  /** How long it took, when it was too short; in a night clocks leap. */
  const early = ({ since, nights, ms }: Waited): number | undefined => {
    const took = truth.now() - since;
    return nights === truth.nights && isEarly(took, ms) ? took : undefined;
  };
  const attemptEnded = (task: string, outcome: Outcome): void => {
    const attempt = attempts.get(task);
    attempts.delete(task);
    const took = attempt === undefined || !isByLimit(outcome) ? undefined : early(attempt);
    if (took === undefined) return;
    violate(
      `an attempt of ${task} is given up by its time limit after at most ${took.toFixed(0)} ms, its limit is ${attempt?.ms} ms`,
    );
  };
  return {
    journalFact(fact, _position, { id }) {
      decided.note(id);
      // While its first record is on its way a new leader decides what stands in the next.
      if (fact.kind === 'term-opened') decided.forget(id);
      const since = decided.at(id);
      if (fact.kind === 'block-waiting' || fact.kind === 'block-paused') {
        const ms = truth.ledgers.waitOf(fact.run, fact.block);
        const once = `${fact.run} ${fact.block}`;
        if (ms !== undefined) blocks.set(once, { since, nights: truth.nightsBefore, ms });
      } else if (fact.kind === 'block-ended') {
        const waited = blocks.get(`${fact.run} ${fact.block}`);
        blocks.delete(`${fact.run} ${fact.block}`);
        const isTimed = isOverTime(fact.outcome) || isNothing(fact.outcome);
        const took = waited === undefined || !isTimed ? undefined : early(waited);
        if (took === undefined) return;
        violate(`${fact.block} of ${fact.run} waits ${took.toFixed(0)} of ${waited?.ms} ms`);
      } else if (fact.kind === 'run-started') {
        const ms = truth.ledgers.limitOf(fact);
        if (ms !== undefined) blocks.set(fact.run, { since, nights: truth.nightsBefore, ms });
      } else if (fact.kind === 'run-ended') {
        const waited = blocks.get(fact.run);
        blocks.delete(fact.run);
        const took = waited === undefined || !isOutOfTime(fact) ? undefined : early(waited);
        if (took === undefined) return;
        violate(`${fact.run} is out of time after ${took.toFixed(0)} of ${waited?.ms} ms`);
      }
      if (fact.kind === 'task-submitted') limits.set(fact.task, fact.limitMs);
      if (fact.kind === 'task-ended') {
        attemptEnded(fact.task, fact.outcome);
        backOffs.delete(fact.task);
        limits.delete(fact.task);
      }
      if (fact.kind === 'task-preempted') attempts.delete(fact.task);
      if (fact.kind === 'task-retried') {
        attemptEnded(fact.task, fact.reason);
        backOffs.set(fact.task, { since, nights: truth.nightsBefore, ms: fact.waitMs });
      }
      if (fact.kind !== 'task-started') return;
      const ms = limits.get(fact.task) ?? 0;
      attempts.set(fact.task, { since: decided.at(id), nights: truth.nightsBefore, ms });
      const backOff = backOffs.get(fact.task);
      backOffs.delete(fact.task);
      const took = backOff === undefined ? undefined : early(backOff);
      if (took === undefined) return;
      violate(
        `attempt ${fact.attempt} of ${fact.task} starts at most ${took.toFixed(0)} ms after the one before it failed, ${backOff?.ms} were to be waited`,
      );
    },
    turnFact(fact, log, record) {
      ofActors.turnFact?.(fact, log, record);
    },
    sent(from, subject, message) {
      ofActors.sent?.(from, subject, message);
      if (!('kind' in message)) return;
      if (message.kind === 'request') {
        const { replyTo, number, body } = message as Request;
        const once = `${replyTo} ${number}`;
        if (body.kind !== 'wait-run' || waits.has(once)) return;
        waits.set(once, { since: truth.now(), nights: truth.nights, ms: body.waitMs });
      } else if (message.kind === 'answered') {
        const answered = message as Answered;
        const once = `${subject} ${answered.number}`;
        const wait = waits.get(once);
        const took = wait === undefined || !goesOn(answered) ? undefined : early(wait);
        if (took === undefined) return;
        violate(`${from} ends a wait of ${wait?.ms} ms for a run after ${took.toFixed(0)} ms`);
      }
    },
  };
};

function isOverTime(outcome: Outcome): boolean {
  return !outcome.ok && outcome.failure.code === 'DEADLINE_EXCEEDED';
}

/** What a wait comes to. */
function isNothing(outcome: Outcome): boolean {
  return outcome.ok && decodeValue(outcome.value) === null;
}

/** The run itself; a task in it may be out of its own time too. */
function isOutOfTime({ outcome }: { readonly outcome: Outcome }): boolean {
  if (outcome.ok || outcome.failure.code !== 'TIME_LIMIT') return false;
  return outcome.failure.details?.['block'] === undefined;
}

/** The last attempt of several may tell it as the reason why there is no further one. */
function isByLimit(outcome: Outcome): boolean {
  if (outcome.ok) return false;
  const { code, details } = outcome.failure;
  return code === 'TIME_LIMIT' || details?.['lastCode'] === 'TIME_LIMIT';
}

/** Nothing has happened in the run that would end a wait. */
function goesOn({ answer }: Answered): boolean {
  if (answer.kind !== 'run' || answer.run.outcome !== undefined) return false;
  return !answer.run.blocks.some(({ state }) => state === 'paused');
}
