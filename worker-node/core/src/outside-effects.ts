/**
 * What turns beyond a line have done to others: nobody outside of a scope goes back with it.
 *
 * Y11 everything that has left the scope by a turn that is durable is named, also by one that has not
 *     ended.
 * Y13 so is what may have: a step that has begun, and of which no outcome is recorded.
 */
import { type ActorId, actorParts, type Line, type OutsideEffect } from '@troupe/model';
import { type Activation, callIdOf } from './activation.ts';
import type { NodeFact, TurnCause, UpgradeCause } from './facts.ts';
import { actorOfSession } from './sessions.ts';

/** In the order of the turns. `line` names every actor of the scope. */
export function outsideEffects(
  { actor, birth }: { readonly actor: ActorId; readonly birth: number },
  facts: readonly NodeFact[],
  line: Line,
): OutsideEffect[] {
  const effects: OutsideEffect[] = [];
  const after = line[actor] ?? 0;
  let cause: TurnCause | undefined;
  let failed: number | undefined;
  let isGiven = false;
  /** Of steps at work in the turn, where they stand among the effects. */
  const begun = new Map<number, number>();
  for (const fact of facts) {
    if (!('seq' in fact) || fact.seq <= after) continue;
    const add = (kind: OutsideEffect['kind'], what: string): void => {
      effects.push({ actor, turn: fact.seq, kind, what });
    };
    switch (fact.kind) {
      case 'turn-begun':
        cause = fact.cause;
        failed = fact.failed;
        begun.clear();
        // What it yields is given before it ends.
        isGiven = fact.streamed === true;
        if (isGiven) addCause(fact.cause, line, add);
        break;
      case 'turn-recorded': {
        const { kind, name, ordinal } = fact.recorded;
        const callId = cause === undefined ? '' : callIdOf(actor, birth, cause, failed);
        if (kind === 'step') {
          const what = `${name} (${callId}/${ordinal})`;
          const how = fact.recorded.outcome === undefined ? 'step-begun' : 'step';
          const at = begun.get(ordinal) ?? effects.length;
          effects[at] = { actor, turn: fact.seq, kind: how, what };
          begun.set(ordinal, at);
        } else if (fact.recorded.outcome === undefined && isOutside(calledBy(actor, name), line)) {
          add('call', name);
        }
        break;
      }
      case 'turn':
        cause = undefined;
        for (const { to, number } of fact.letters) {
          if (isOutside(to, line)) add('letter', `${to} ${number}`);
        }
        // One that is tried again is not taken.
        if (!isGiven && fact.letterEnd?.kind !== 'again') addCause(fact.cause, line, add);
        isGiven = false;
        break;
    }
  }
  return effects;
}

/** Y13. Of a turn that is to run again nobody knows whether it had begun a step: it may have. `failed`: how often its
 *  letter has failed before. */
export function stepsUnderWay(
  { id: actor, birth, memory, dispatched }: Activation,
  line: Line,
  failed: number,
): OutsideEffect[] {
  const begun = memory?.begun;
  if (begun === undefined || begun.seq <= (line[actor] ?? 0)) return [];
  const { seq: turn, cause, recorded, parked } = begun;
  const callId = callIdOf(actor, birth, cause, failed);
  const effect = (ordinal: number, name: string): OutsideEffect => {
    return { actor, turn, kind: 'step-begun', what: `${name} (${callId}/${ordinal})` };
  };
  const steps = dispatched[0]?.atWork?.values();
  const known = new Set(recorded.map(({ ordinal }) => ordinal));
  if (steps !== undefined) {
    const unrecorded = [...steps].filter(({ ordinal }) => !known.has(ordinal));
    return unrecorded.map(({ ordinal, name }) => effect(ordinal, name));
  }
  const next = Math.max(-1, ...recorded.map(({ ordinal }) => ordinal)) + 1;
  return parked ? [] : [effect(next, '?')];
}

/** The answer that a call waits for whose turn has begun, and of which nothing was given yet. */
export function answerUnderWay(
  { id: actor, memory }: Activation,
  line: Line,
): OutsideEffect | undefined {
  const begun = memory?.begun;
  if (begun === undefined || begun.seq <= (line[actor] ?? 0)) return undefined;
  const { seq: turn, cause, yielded } = begun;
  // What it has yielded so far is given, and so named already.
  if (cause.kind !== 'call' || yielded !== undefined) return undefined;
  return { actor, turn, kind: 'answer', what: `${cause.session}:${cause.number}` };
}

function addCause(
  cause: TurnCause | UpgradeCause,
  line: Line,
  add: (kind: OutsideEffect['kind'], what: string) => void,
): void {
  if (cause.kind === 'letter') {
    if (isOutside(cause.from, line)) add('letter-taken', `${cause.from} ${cause.number}`);
    return;
  }
  // A timer is the actor's own, and so is its code.
  if (cause.kind !== 'call') return;
  const caller = actorOfSession(cause.session);
  if (caller !== undefined && !isOutside(caller.actor, line)) return;
  add('answer', `${cause.session}:${cause.number}`);
}

function isOutside(actor: ActorId, line: Line): boolean {
  return line[actor] === undefined;
}

/** Calls are named `Type/key.method`. */
function calledBy(actor: ActorId, name: string): ActorId {
  return `${actorParts(actor).tenant}/${name.slice(0, name.lastIndexOf('.'))}` as ActorId;
}
