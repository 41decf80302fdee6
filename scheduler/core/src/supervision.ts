/**
 * The leader's work on what becomes of actors: who falls ill and is well again becomes a fact, once, and
 * whoever supervises asks for the events since he asked last.
 *
 * SU1 an illness is journaled when it begins, when it becomes another one, and when the actor begins to be
 *     held back; not again for each time that its node says so, nor by each new leader.
 */
import { type AilingActors, limits, type SupervisionRequest } from '@troupe/model';
import type { Desk } from './desk.ts';
import type { Asker } from './waiting.ts';

/** As many as one message of a node names: of one that names fewer, all others there are well. */
const namedMax = 256;

export class Supervision {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
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
    for (const { actor: id, epoch, failure, ...said } of named) {
      const actor = actors.get(id);
      if (actor?.epoch !== epoch || actor.node !== incarnation) continue;
      ill.add(id);
      // One in quarantine is not held back.
      const loops = said.loops === true && failure.code !== 'PAST_CONFLICT';
      const known = supervision.ill(id);
      if (known?.failure.code === failure.code && (known.loops || !loops)) continue;
      const fact = { kind: 'actor-ill', actor: id, failure } as const;
      this.#desk.decide(loops ? { ...fact, loops } : fact);
    }
    if (named.length >= namedMax) return;
    for (const id of [...supervision.allIll()]) {
      if (ill.has(id) || actors.get(id)?.node !== incarnation) continue;
      this.#desk.decide({ kind: 'actor-well', actor: id });
    }
  }
}
