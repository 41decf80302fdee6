/**
 * Takes out of the clocks of the actors here those that have ended. What is known of them has happened for good,
 * and they are on no line: without that a scope that makes and destroys actors would outgrow its clocks. The
 * leader is asked, from time to time, which of those that they name are no more; each actor then forgets them by
 * a fact of its own, so that whoever reads it back comes to the same clock.
 *
 * CP1 an actor forgets another one only up to the number of its end: what it knows of the next one of that name
 *     stays, since that goes on from there.
 * CP2 what is not told costs bytes, and nothing else: of an actor that has ended long ago nothing is told any more.
 */
import { type ActorId, type EndedFound, limits, type VectorClock } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { NodeFact } from './facts.ts';
import { applyPruned } from './memory.ts';

interface Asked {
  readonly ask: number;
  readonly of: readonly Activation[];
  /** Looks until it is asked again. */
  looksLeft: number;
}

/** Looks, of which there is one every `resendMs`, between two questions. */
const restLooks = 10;
/** After so many all are asked about again, also those who have heard of nobody since. */
const allLooks = 300;
/** A clock that has grown by so much is not left to wait. */
const grownMax = 256;

export class Pruning {
  readonly #core: Core;
  /** Their clocks have changed since it was asked about them: how often since that was looked at. */
  readonly #due = new Map<Activation, number>();
  /** It was asked about these. */
  readonly #seen = new Set<Activation>();
  /** How many their clocks named then. */
  readonly #sizes = new WeakMap<Activation, number>();
  #asked: Asked | undefined;
  #asks = 0;
  #looks = 0;
  #restLeft = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  onLive(activation: Activation): void {
    this.#due.set(activation, 0);
  }

  onFact(activation: Activation, fact: NodeFact): void {
    if (!('clock' in fact) || fact.clock === undefined) return;
    for (const actor in fact.clock) {
      if (actor === activation.id) continue;
      this.#due.set(activation, (this.#due.get(activation) ?? 0) + 1);
    }
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#looks += 1;
    this.#restLeft -= 1;
    if (this.#looks % allLooks === 0) this.#again(this.#seen);
    if (this.#asked !== undefined) {
      this.#asked.looksLeft -= 1;
      if (this.#asked.looksLeft > 0) return;
      // The leader is another one, or of an earlier version.
      this.#again(this.#asked.of);
      this.#asked = undefined;
    }
    if (this.#due.size > 0 && (this.#restLeft <= 0 || this.#hasGrown())) this.#ask();
  }

  onFound({ ask, ended }: EndedFound): void {
    if (this.#asked?.ask !== ask) return;
    const { of } = this.#asked;
    this.#asked = undefined;
    let left: number = limits.lineIdsMax;
    for (const activation of of) {
      // Who is between two nodes, or goes back in time, is asked about when it is live again.
      if (!this.#isHere(activation)) continue;
      if (left <= 0) this.#due.set(activation, 0);
      else left -= this.#prune(activation, ended);
    }
    if (left <= 0) this.#restLeft = 0;
  }

  #ask(): void {
    const actors = new Set<ActorId>();
    const of: Activation[] = [];
    let length = 0;
    for (const activation of this.#due.keys()) {
      const clock = this.#isHere(activation) ? activation.memory?.clock : undefined;
      if (clock === undefined || this.#core.peerClocks.isSmall(clock)) {
        this.#due.delete(activation);
        continue;
      }
      if (actors.size >= limits.clockActorsMax || length >= limits.lineIdsMax) break;
      length += this.#name(clock, actors, limits.lineIdsMax - length);
      of.push(activation);
      this.#due.delete(activation);
      this.#seen.add(activation);
      this.#sizes.set(activation, sizeOf(clock));
    }
    if (actors.size === 0) return;
    this.#asks += 1;
    this.#asked = { ask: this.#asks, of, looksLeft: restLooks };
    this.#restLeft = this.#due.size === 0 ? restLooks : 0;
    const { incarnation } = this.#core.config;
    const message = {
      kind: 'ask-ended',
      incarnation,
      ask: this.#asks,
      actors: [...actors],
    } as const;
    this.#core.out.send({ kind: 'to-leader', message });
  }

  /** Those that are to be asked about, as far as they fit. Who lives here has not ended. */
  #name(clock: VectorClock, actors: Set<ActorId>, lengthMax: number): number {
    let length = 0;
    for (const id in clock) {
      const actor = id as ActorId;
      if (length >= lengthMax) break;
      if (actors.has(actor) || this.#core.actors.has(actor)) continue;
      actors.add(actor);
      length += actor.length;
    }
    return length;
  }

  /** Answers how long that is which it has forgotten. */
  #prune(activation: Activation, ended: VectorClock): number {
    const { id, epoch, memory } = activation;
    if (memory === undefined) return 0;
    const gone: Record<string, number> = {};
    let length = 0;
    for (const [actor, end] of Object.entries(ended)) {
      const known = memory.clock[actor as ActorId];
      if (actor === id || known === undefined || known > end) continue;
      gone[actor] = end;
      length += actor.length;
    }
    if (length === 0) return 0;
    const number = memory.prunings + 1;
    const fact = { kind: 'clock-pruned', actor: id, epoch, number, ended: gone } as const;
    this.#core.turns.fact(activation, fact);
    applyPruned(memory, fact);
    return length;
  }

  #hasGrown(): boolean {
    for (const [activation, changes] of this.#due) {
      if (changes < grownMax) continue;
      this.#due.set(activation, 0);
      const size = sizeOf(activation.memory?.clock ?? {});
      if (size - (this.#sizes.get(activation) ?? 0) >= grownMax) return true;
    }
    return false;
  }

  #again(some: Iterable<Activation>): void {
    for (const activation of some) {
      if (!this.#isHere(activation)) this.#seen.delete(activation);
      else if (!this.#due.has(activation)) this.#due.set(activation, 0);
    }
  }

  #isHere(activation: Activation): boolean {
    return this.#core.actors.get(activation.id) === activation && activation.phase === 'live';
  }
}

function sizeOf(clock: VectorClock): number {
  let size = 0;
  for (const _ in clock) size += 1;
  return size;
}
