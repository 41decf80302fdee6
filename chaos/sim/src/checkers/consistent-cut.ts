/**
 * The durable turns are a consistent cut at every moment: what a turn knows of others has happened
 * for good, it knows the whole past of every letter, call and answer it takes, and a letter that its receiver
 * has not taken is still held by its sender, also by one that was just read back. Of an actor that has ended nobody
 * need know anything any more, of one that lives nothing is forgotten.
 */
import {
  type ActorId,
  clockChanges,
  isTracked,
  limits,
  mergeClocks,
  tickClock,
  type VectorClock,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { beginningOf, isOfBirth, type NodeFact, replay } from '@troupe/worker-node-core';
import type { MakeChecker, Restored, Violate } from './checker.ts';
import type { ActorTruth, Truth } from './truth.ts';

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;

export const consistentCut: MakeChecker = (truth, violate) => {
  const pasts = new Pasts(truth, violate);
  return {
    journalFact(fact) {
      pasts.journal(fact);
    },
    turnFact(fact) {
      pasts.add(fact);
      if (fact.kind !== 'turn') return;
      const receiver = truth.actors.get(fact.actor);
      // Of a scope that has outgrown its clock nothing can be said.
      if (!isTracked(fact.clock) || !isTracked(receiver?.memory.clock ?? {})) return;
      checkClock(truth, fact, violate);
    },
    restored(restored) {
      if (truth.actors.get(restored.actor)?.node === restored.node) {
        checkOutbox(truth, restored, violate);
      }
    },
  };
};

interface Said {
  readonly by: ActorId;
  readonly birth: number;
  readonly scope: string;
  readonly clock: VectorClock;
}

/** What was said with which past, and that whoever was told knows all of it. */
class Pasts {
  readonly #truth: Truth;
  readonly #violate: Violate;
  readonly #letters = new Map<string, Said>();
  /** By session and number. */
  readonly #calls = new Map<string, Said>();
  readonly #answers = new Map<string, Said>();
  /** The numbers of the ends of those that were destroyed, the last one of each name. */
  readonly #ends = new Map<ActorId, number>();
  /** The number after which the turns of each begin. */
  readonly #living = new Map<ActorId, number>();
  /** The numbers of ends that are remembered. */
  readonly #stones = new Map<ActorId, number>();

  constructor(truth: Truth, violate: Violate) {
    this.#truth = truth;
    this.#violate = violate;
  }

  journal(fact: SchedulerFact): void {
    if (fact.kind === 'actor-created') {
      this.#living.set(fact.actor, this.#stones.get(fact.actor) ?? 0);
    } else if (fact.kind === 'actor-destroyed') {
      this.#living.delete(fact.actor);
      this.#stones.set(fact.actor, fact.seq ?? 0);
    } else if (fact.kind === 'tombstones-forgotten') {
      for (const actor of fact.actors) this.#stones.delete(actor);
    }
  }

  add(fact: NodeFact): void {
    if (fact.kind === 'clock-pruned') return this.#pruned(fact);
    if (!('seq' in fact)) return;
    if (fact.kind === 'actor-ended') {
      this.#ends.set(fact.actor, Math.max(this.#ends.get(fact.actor) ?? 0, fact.seq));
    }
    const actor = this.#truth.actors.get(fact.actor);
    if (actor === undefined || actor.epoch !== fact.epoch) return;
    const { id, birth, scope, memory } = actor;
    const added = 'clock' in fact ? fact.clock : undefined;
    const clock = added === undefined ? memory.clock : mergeClocks(memory.clock, added);
    if (!isTracked(clock)) return;
    const session = `actor:${id}#${birth}`;
    if (fact.kind === 'turn-recorded' && fact.recorded.kind === 'call') {
      const number = fact.seq * (limits.turnStepsMax + 1) + fact.recorded.ordinal;
      const call = `${session} ${number}`;
      if (fact.recorded.outcome === undefined) {
        this.#calls.set(call, { by: id, birth, scope, clock: tickClock(clock, id, fact.seq) });
      } else if (added !== undefined)
        this.#check(actor, clock, this.#answers.get(call), `the answer to ${call}`);
    }
    if (fact.kind !== 'turn' && fact.kind !== 'turn-begun') return;
    const { cause } = fact;
    if (cause.kind === 'call') {
      const call = `${cause.session} ${cause.number}`;
      this.#check(actor, clock, this.#calls.get(call), `call ${call}`);
      if (fact.kind === 'turn') this.#answers.set(call, { by: id, birth, scope, clock });
    } else if (cause.kind === 'letter') {
      const letter = `${cause.from}#${cause.fromBirth} ${id} ${cause.number}`;
      this.#check(actor, clock, this.#letters.get(letter), `letter ${letter}`);
    }
    if (fact.kind !== 'turn') return;
    for (const { to, number } of fact.letters) {
      this.#letters.set(`${id}#${birth} ${to} ${number}`, { by: id, birth, scope, clock });
    }
  }

  #check(
    { id, scope }: ActorTruth,
    clock: VectorClock,
    said: Said | undefined,
    what: string,
  ): void {
    if (said === undefined || said.scope !== scope) return;
    // Whoever asks the next one of a name is not answered by the one before it.
    if (this.#truth.actors.get(said.by)?.birth !== said.birth) return;
    const missing = Object.entries(clockChanges(clock, said.clock)) as [ActorId, number][];
    const first = missing.find(([actor, seq]) => actor !== id && !this.#isOver(actor, seq));
    if (first === undefined) return;
    this.#violate(`${id} has taken ${what} and does not know turn ${first[1]} of ${first[0]}`);
  }

  #pruned({ actor, ended }: Extract<NodeFact, { kind: 'clock-pruned' }>): void {
    for (const [other, seq] of Object.entries(ended) as [ActorId, number][]) {
      if (this.#isOver(other, seq)) continue;
      return this.#violate(`${actor} forgets turn ${seq} of ${other}, which has not ended by then`);
    }
  }

  /** Whoever had this turn has ended, and nobody else of the name may have one of its number. */
  #isOver(actor: ActorId, seq: number): boolean {
    return seq <= (this.#ends.get(actor) ?? 0) && seq <= (this.#living.get(actor) ?? seq);
  }
}

function checkClock(truth: Truth, fact: TurnFact, violate: Violate): void {
  for (const [other, seq] of Object.entries(fact.clock)) {
    if (other === fact.actor) {
      if (seq !== fact.seq) violate(`turn ${fact.seq} of ${fact.actor} has clock ${seq}`);
      continue;
    }
    const { memory } = truth.actors.get(other as ActorId) ?? {};
    // A turn that awaits this one has begun, and has not ended.
    const known = memory?.begun?.seq ?? memory?.seq ?? 0;
    if (seq > known) {
      violate(`turn ${fact.seq} of ${fact.actor} knows turn ${seq} of ${other}, at ${known}`);
    }
  }
}

/** What is between sender and receiver is in the sender's hands, whatever became of its node. */
function checkOutbox(truth: Truth, restored: Restored, violate: Violate): void {
  const actor = truth.actors.get(restored.actor);
  if (actor === undefined || actor.epoch !== restored.epoch) return;
  // What one that has ended owes is judged when it is destroyed.
  if (actor.endedAt !== undefined) return;
  const { checkpoint, facts } = restored;
  const { memory } = beginningOf(actor, checkpoint?.body, truth.now(), checkpoint?.base);
  try {
    for (const fact of facts) {
      if (isOfBirth(fact, actor.birth)) replay(memory, actor.id, fact, truth.now());
    }
  } catch {
    // A history with a hole is another promise.
    return;
  }
  for (const [to, letters] of actor.letters) {
    const taken = truth.settled(actor, to);
    const held = new Set(memory.outbox.letters(to).map(({ number }) => number));
    for (const { number } of letters.slice(taken)) {
      if (held.has(number)) continue;
      return violate(
        `${actor.id} on ${restored.node} is read back without letter ${number} to ${to}, which has taken ${taken}`,
      );
    }
  }
}
