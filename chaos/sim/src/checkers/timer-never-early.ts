/**
 * A timer fires no earlier than it was set for, by the clock of the leader that lets it fire: the
 * back-off of a task, and the wait for a run that goes on.
 *
 * A clock that was set meanwhile is no witness; then the timer is not judged.
 */
import type { Answered, Request } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { writerOf } from './one-writer-per-log.ts';

/** What rounding to whole milliseconds may take away. */
const roundingMs = 2;
/** Clocks differ by at most so much in speed. */
const rateMin = 0.94;
/** A fact is decided no earlier than the record before the last one was stored. */
const recordsLooked = 3;

interface BackOff {
  readonly until: number;
  readonly waitMs: number;
  /** Who wrote it, and by how much its wall clock was ahead of its other one. */
  readonly writer: string;
  readonly ahead: number;
  readonly waited: number;
}

export const timerNeverEarly: MakeChecker = (truth, violate) => {
  const backOffs = new Map<string, BackOff>();
  const waits = new Map<
    string,
    { readonly at: number; readonly nights: number; readonly ms: number }
  >();
  /** By writer: how much its wall clock was ahead when it wrote its last records. */
  const aheads = new Map<string, number[]>();
  /** How much that of the leader was when its term began. */
  let openedAhead = 0;
  /** Undefined when the clock was set lately. */
  const steadyAhead = (writer: string): number | undefined => {
    const [first, ...rest] = aheads.get(writer) ?? [];
    const steady = rest.every((ahead) => Math.abs(ahead - (first ?? 0)) <= roundingMs);
    return steady ? first : undefined;
  };
  return {
    record(log, { id }) {
      const clock = truth.clocks.get(writerOf(id));
      if (!log.startsWith('journal') || clock === undefined) return;
      const known = aheads.get(writerOf(id)) ?? [];
      aheads.set(writerOf(id), [...known, clock.wall() - clock.now()].slice(-recordsLooked));
    },
    journalFact(fact, _position, record) {
      if (fact.kind === 'term-opened') openedAhead = aheads.get(writerOf(record.id))?.at(-1) ?? 0;
      if (fact.kind === 'task-ended') backOffs.delete(fact.task);
      if (fact.kind !== 'task-retried' && fact.kind !== 'task-started') return;
      const writer = writerOf(record.id);
      const ahead = steadyAhead(writer);
      const clock = truth.clocks.get(writer);
      if (fact.kind === 'task-retried') {
        backOffs.delete(fact.task);
        if (ahead === undefined || fact.waitMs === 0) return;
        const until = fact.at + fact.waitMs;
        backOffs.set(fact.task, { until, waitMs: fact.waitMs, writer, ahead, waited: fact.at });
        return;
      }
      const backOff = backOffs.get(fact.task);
      backOffs.delete(fact.task);
      if (backOff === undefined || ahead === undefined || clock === undefined) return;
      const before = backOff.writer === writer ? backOff.ahead : openedAhead;
      const set = Math.abs(ahead - before) > roundingMs;
      const early = backOff.until - clock.wall() - roundingMs;
      if (set || early <= 0) return;
      const after = clock.wall() - backOff.waited;
      violate(
        `attempt ${fact.attempt} of ${fact.task} starts by the clock of ${writer} ${after} ms after the one before it failed, ${backOff.waitMs} were to be waited`,
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
        waits.delete(once);
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
