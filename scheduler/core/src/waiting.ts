/** Who waits for which answer. Volatile: a gateway asks again, and that is all it takes. */
import type { Address, RunId } from '@troupe/model';
import type { Deadline } from './deadlines.ts';

/** One request of a gateway. */
export interface Asker {
  readonly to: Address;
  readonly number: number;
}

export interface WaitingAsker extends Asker {
  readonly run: RunId;
  /** Shown to it is also what goes on. */
  readonly activity?: true;
  deadline?: Deadline;
}

/** Waits for an actor to be placed elsewhere. */
export interface MigrationAsker extends Asker {
  deadline?: Deadline;
}

/** Askers by what they wait for; a repeated request takes the place of the first. */
export class Waiting<Id extends string, A extends Asker> {
  readonly #askers = new Map<Id, A[]>();

  /** How many things are waited for. */
  get size(): number {
    return this.#askers.size;
  }

  /** Answers the asker whose place it took. */
  add(id: Id, asker: A): A | undefined {
    const askers = this.#askers.get(id);
    if (askers === undefined) {
      this.#askers.set(id, [asker]);
      return undefined;
    }
    const index = askers.findIndex(
      (other) => other.number === asker.number && other.to === asker.to,
    );
    if (index < 0) {
      askers.push(asker);
      return undefined;
    }
    const replaced = askers[index];
    askers[index] = asker;
    return replaced;
  }

  /** All that wait for it; none waits afterwards. */
  take(id: Id): readonly A[] {
    const askers = this.#askers.get(id);
    if (askers === undefined) return none;
    this.#askers.delete(id);
    return askers;
  }

  remove(id: Id, asker: A): void {
    const askers = this.#askers.get(id);
    if (askers === undefined) return;
    const left = askers.filter((other) => other !== asker);
    if (left.length === 0) this.#askers.delete(id);
    else this.#askers.set(id, left);
  }
}

const none: readonly never[] = [];
