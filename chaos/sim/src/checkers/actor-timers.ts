/**
 * A timer of an actor is due no earlier than it was set for, whoever says so and whatever has died since
 * then, and takes effect only when it is due.
 */
import type { ActorId, TimersDue, TimerWhen } from '@troupe/model';
import type { Checker, Violate } from './checker.ts';
import { Decided, isEarly } from './decided.ts';
import type { Truth } from './truth.ts';

interface Waiting {
  /** When it was set at the earliest. */
  readonly since: number;
  readonly nights: number;
  readonly when: TimerWhen;
}

export function actorTimersNeverEarly(
  truth: Truth,
  violate: Violate,
): Pick<Checker, 'turnFact' | 'sent'> {
  const waits = new Map<string, Waiting>();
  const decided = new Decided(truth.now);
  const check = (actor: ActorId, number: number, firing: number, who: string): void => {
    const wait = waits.get(`${actor} ${number}`);
    // In a night clocks leap.
    if (wait === undefined || wait.nights !== truth.nights) return;
    const ms = restOf(wait.when, firing);
    const took = truth.now() - wait.since;
    if (!isEarly(took, ms)) return;
    violate(
      `${who} firing ${firing} of timer ${number} of ${actor} after at most ${took.toFixed(0)} of ${ms} ms`,
    );
  };
  return {
    turnFact(fact, _log, { id }) {
      decided.note(id);
      if (fact.kind !== 'turn') return;
      const { actor, cause, timers = [] } = fact;
      if (cause.kind === 'timer') {
        check(actor, cause.number, cause.firing, 'a turn takes');
      }
      let number = truth.actors.get(actor)?.memory.timers.nextNumber ?? 1;
      for (const change of timers) {
        if (change.kind !== 'set') continue;
        const { when } = change;
        const since = decided.at(id);
        waits.set(`${actor} ${number}`, { since, nights: truth.nightsBefore, when });
        number += 1;
      }
    },
    sent(from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'timers-due') return;
      for (const { actor, number, firing } of (message as TimersDue).timers) {
        check(actor, number, firing, `${from} says as due`);
      }
    },
  };
}

/** How long after it was set this firing may come at the earliest. */
function restOf(when: TimerWhen, firing: number): number {
  switch (when.kind) {
    case 'after':
      return when.ms;
    case 'every':
      return when.firstMs + (firing - 1) * when.ms;
    case 'at':
    case 'cron':
      return 0;
  }
}
