/**
 * The leader's work on what becomes of actors: who falls ill and is well again becomes a fact, once, and
 * whoever supervises asks for the events since he asked last.
 *
 * SU1 an illness is journaled when it begins, when it becomes another one, and when the actor begins to be
 *     held back; not again for each time that its node says so, nor by each new leader.
 * SU2 an actor is given up when its node says so of the wish that stands: what it failed before it was resumed does
 *     not count.
 */
import {
  type AilingActor,
  type AilingActors,
  type GivenUpActor,
  limits,
  type SupervisionRequest,
} from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import type { Desk } from './desk.ts';
import type { Asker } from './waiting.ts';

/** As many as one message of a node names: of one that names fewer, all others there are well. */
const namedMax = 256;

export class Supervision {
  readonly #desk: Desk;
  readonly #giveUp: (actor: ActorRecord, why: GivenUpActor) => void;

  constructor(desk: Desk, giveUp: (actor: ActorRecord, why: GivenUpActor) => void) {
    this.#desk = desk;
    this.#giveUp = giveUp;
  }

  list(asker: Asker, { tenant, after, limit }: SupervisionRequest): void {
    const most = Math.min(limit, limits.supervisionKeptMax);
    const found = this.#desk.state.supervision.after(tenant, after, most);
    const next = found.events.at(-1)?.position ?? after;
    this.#desk.answer(asker, { kind: 'supervision', ...found, next });
  }

  /** All that are ill on a node now. */
  ailing({ incarnation, actors: named }: AilingActors): void {
    const { actors, supervision } = this.#desk.state;
    const ill = new Set<string>();
    for (const said of named) {
      const actor = actors.get(said.actor);
      if (actor?.epoch !== said.epoch || actor.node !== incarnation) continue;
      ill.add(actor.id);
      if (actor.life?.givenUp === undefined) this.#ails(actor, said);
    }
    if (named.length >= namedMax) return;
    for (const id of [...supervision.allIll()]) {
      if (ill.has(id) || actors.get(id)?.node !== incarnation) continue;
      this.#desk.decide({ kind: 'actor-well', actor: id });
    }
  }

  #ails(actor: ActorRecord, { failure, givesUp, ...said }: AilingActor): void {
    const { id, life } = actor;
    // One in quarantine is not held back.
    const loops = said.loops === true && failure.code !== 'PAST_CONFLICT';
    const known = this.#desk.state.supervision.ill(id);
    if (known?.failure.code !== failure.code || (loops && !known.loops)) {
      const fact = { kind: 'actor-ill', actor: id, failure } as const;
      this.#desk.decide(loops ? { ...fact, loops } : fact);
    }
    if (givesUp === undefined || life?.kind === 'ending') return;
    const { failures, wishAt } = givesUp;
    if ((life?.at ?? 0) === wishAt) this.#giveUp(actor, { failure, failures });
  }
}
