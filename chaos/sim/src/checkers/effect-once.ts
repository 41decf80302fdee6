/** A call, a letter, a firing of a timer and a step take effect once: no cause and no program twice in an actor's history,
 *  and no step again whose result was recorded. */
import { type ActorId, keySessionPrefix, leaderSessionPrefix, limits } from '@troupe/model';
import { callIdOf, type NodeFact, type TurnCause } from '@troupe/worker-node-core';
import { idIn } from '../node/form.ts';
import { decodeArgs, isTopic } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';
import { type ActorTruth, causeKey, failedBefore, type Truth, type TurnTruth } from './truth.ts';

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;

export const effectOnce: MakeChecker = (truth, violate) => {
  const programs = new Map<string, ActorId>();
  /** Step effects whose result is durable. */
  const recorded = new Set<string>();
  /** Programs that may run again: a task, or a client under a key, asked for them after their actor had forgotten it. */
  const forgotten = new Set<string>();
  const isForgotten = (program: string): boolean => {
    for (const one of forgotten) if (program === one || program.startsWith(`${one}.`)) return true;
    return false;
  };
  /** Letters that have failed: what they had called by then is called again by their next try. */
  const failed = new Set<string>();
  const isOfFailed = (program: string): boolean => {
    for (const one of failed) if (program.startsWith(`${one}.`)) return true;
    return false;
  };
  const noteFailed = ({ actor, cause, letterEnd }: TurnFact): void => {
    if (letterEnd === undefined || cause.kind !== 'letter') return;
    const sent = truth.lettersOf(cause.from, cause.fromBirth, actor)[cause.number - 1];
    if (sent !== undefined) failed.add(decodeArgs(sent.args).id);
  };
  const wasSilent = (first: TurnTruth): boolean =>
    truth.nights > first.nights || truth.now() - first.at > limits.deadlineMsMax;
  return {
    turnFact(fact) {
      if (fact.kind === 'barrier' || fact.kind === 'actor-released') return;
      if (fact.kind === 'actor-ended' || fact.kind === 'turn-yielded') return;
      const actor = truth.actors.get(fact.actor);
      if (actor === undefined) return;
      if (fact.kind === 'turn-recorded') {
        const begun = actor.memory.begun;
        const { kind, outcome } = fact.recorded;
        if (begun === undefined || kind !== 'step' || outcome === undefined) return;
        recorded.add(`${callIdIn(truth, actor, begun.cause)}/${fact.recorded.ordinal}`);
        return;
      }
      if (fact.kind === 'clock-pruned') return;
      const cause = causeKey(fact.cause);
      const first = actor.turns.get(cause);
      if (fact.kind === 'letter-discarded') {
        if (first !== undefined) violate(`discard ${cause} took effect twice at ${actor.id}`);
        return;
      }
      if (fact.kind === 'signalled') {
        if (first !== undefined) violate(`signal ${cause} took effect twice at ${actor.id}`);
        return;
      }
      if (fact.kind === 'turn-begun') {
        if (first !== undefined && isForgettable(cause) && wasSilent(first)) {
          forgotten.add(decodeArgs(fact.args).id);
        }
        return;
      }
      // What a leader tells a topic is known by its position in the journal, see `lives-each-once`.
      if (cause.startsWith(leaderSessionPrefix)) return;
      const again = first !== undefined && isForgettable(cause) && wasSilent(first);
      if (first !== undefined && !again) violate(`${cause} took effect twice at ${actor.id}`);
      noteFailed(fact);
      if (fact.delta === undefined || isTopic(fact.actor)) return;
      const program = idIn(fact.delta);
      if (program === undefined) return;
      const before = programs.get(program);
      if (again) forgotten.add(program);
      if (before !== undefined && !isForgotten(program) && !isOfFailed(program)) {
        violate(`${program} took effect at ${before} and at ${actor.id}`);
      }
      programs.set(program, actor.id);
    },
    effect({ effect, actor: id, node }) {
      const actor = id === undefined ? undefined : truth.actors.get(id);
      if (actor === undefined || actor.node !== node) return;
      const { begun } = actor.memory;
      const underWay =
        begun !== undefined && effect.startsWith(`${callIdIn(truth, actor, begun.cause)}/`);
      if (!underWay) violate(`${effect} happens before its turn is known to have begun`);
      if (recorded.has(effect) && forgotten.size === 0) {
        violate(`${effect} happens again after it was recorded`);
      }
    },
  };
};

/** An actor knows a task and a key for 15 minutes, as it knows a client, and whoever has one may ask again. */
function isForgettable(cause: string): boolean {
  return cause.startsWith('task:') || cause.startsWith(keySessionPrefix);
}

function callIdIn(truth: Truth, { id, birth }: ActorTruth, cause: TurnCause): string {
  return callIdOf(id, birth, cause, failedBefore(truth, { actor: id, cause }));
}
