/**
 * A timer fires no earlier than it was set for, by the time for which leaders have led: the back-off
 * of a task, and the wait for a run that goes on.
 */
import type { Answered, Request } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { writerOf } from './one-writer-per-log.ts';

/** What rounding to whole milliseconds may take away. */
const roundingMs = 2;
/** Clocks differ by at most so much in speed. */
const rateMin = 0.94;

export const timerNeverEarly: MakeChecker = (truth, violate) => {
  const backOffs = new Map<string, { readonly from: number; readonly waitMs: number }>();
  const waits = new Map<
    string,
    { readonly at: number; readonly nights: number; readonly ms: number }
  >();
  /** Of the last fact that says it. */
  let ledMs = 0;
  /** What had been led when the term began, less the leader's monotonic time then. */
  let ahead = 0;
  return {
    journalFact(fact, _position, record) {
      const writer = writerOf(record.id);
      if ('ledMs' in fact) ledMs = fact.ledMs;
      if (fact.kind === 'term-opened') ahead = ledMs - (truth.ledSince.get(writer) ?? 0);
      if (fact.kind === 'task-ended') backOffs.delete(fact.task);
      if (fact.kind === 'task-retried') {
        backOffs.set(fact.task, { from: fact.ledMs, waitMs: fact.waitMs });
      }
      if (fact.kind !== 'task-started') return;
      const backOff = backOffs.get(fact.task);
      const clock = truth.clocks.get(writer);
      backOffs.delete(fact.task);
      if (backOff === undefined || clock === undefined) return;
      const waitedMs = ahead + clock.now() - backOff.from;
      if (waitedMs + roundingMs >= backOff.waitMs) return;
      violate(
        `attempt ${fact.attempt} of ${fact.task} starts ${waitedMs.toFixed(0)} ms after the one before it failed, ${backOff.waitMs} were to be waited`,
      );
    },
    sent(from, subject, message) {
      if (!('kind' in message)) return;
      if (message.kind === 'request') {
        const { replyTo, number, body } = message as Request;
        const once = `${replyTo} ${number}`;
        if (body.kind !== 'wait-run' || waits.has(once)) return;
        waits.set(once, { at: truth.now(), nights: truth.nights, ms: body.waitMs });
      } else if (message.kind === 'answered') {
        const answered = message as Answered;
        const once = `${subject} ${answered.number}`;
        const wait = waits.get(once);
        if (wait === undefined || wait.nights !== truth.nights || !goesOn(answered)) return;
        const after = truth.now() - wait.at;
        if (after >= wait.ms * rateMin - roundingMs) return;
        violate(`${from} ends a wait of ${wait.ms} ms for a run after ${after.toFixed(0)} ms`);
      }
    },
  };
};

/** Nothing has happened in the run that would end a wait. */
function goesOn({ answer }: Answered): boolean {
  if (answer.kind !== 'run' || answer.run.outcome !== undefined) return false;
  return !answer.run.blocks.some(({ state }) => state === 'paused');
}
