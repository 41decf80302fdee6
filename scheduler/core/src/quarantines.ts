/**
 * Actors in quarantine, as their nodes say: shown with the state of the cluster. Volatile: nodes tell it
 * again and again, whoever leads.
 */
import type { ActorId, Incarnation, Quarantined } from '@troupe/model';
import type { Desk } from './desk.ts';

interface Known {
  readonly node: Incarnation;
  readonly epoch: number;
  readonly text: string;
  heardAt: number;
}

/** How many are shown; more are counted. */
const shownMax = 20;
const knownMax = 10_000;
/** Not said for so many times the interval in which nodes say it: it is over. */
const patience = 5;

export class Quarantines {
  readonly #desk: Desk;
  readonly #known = new Map<ActorId, Known>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  hear({ incarnation, actors }: Quarantined): void {
    for (const { actor, epoch, failure } of actors) {
      const record = this.#desk.state.actors.get(actor);
      if (record?.epoch !== epoch || record.node !== incarnation) continue;
      if (this.#known.size >= knownMax && !this.#known.has(actor)) continue;
      const { message: text } = failure;
      this.#known.set(actor, { node: incarnation, epoch, text, heardAt: this.#desk.now });
    }
  }

  /** A sentence for each that is still in quarantine, the first ones. */
  findings(): readonly string[] {
    const { now, config, state } = this.#desk;
    for (const [actor, { heardAt, epoch }] of this.#known) {
      const isOver = now - heardAt > patience * config.resendMs;
      if (isOver || state.actors.get(actor)?.epoch !== epoch) this.#known.delete(actor);
    }
    const known = [...this.#known].map(([actor, { node, text }]) => {
      return `actor "${actor}" is in quarantine on ${node}: ${text}`;
    });
    if (known.length <= shownMax) return known;
    return [...known.slice(0, shownMax), `${known.length - shownMax} more are in quarantine`];
  }
}
