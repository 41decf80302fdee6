/** Of which gangs it is known that they are short of room. One that is forgotten is planned anew. */
import type { Placement } from './engine.ts';
import type { Gang, GangPlan } from './gangs.ts';
import { type Shortage, shortageAfter, shortageBefore } from './shortage.ts';

/** Each takes eight bytes a node. */
export const shortagesMax = 256;

export class Shortages {
  readonly #placement: Placement;
  /** By what gangs that are alike share. */
  readonly #known = new Map<string, Shortage>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Whether it is known to have no room as things are. */
  isShort(key: string): boolean {
    return this.#known.get(key)?.holds() ?? false;
  }

  /** Plans a gang of which it is not known that there is no room for it. */
  plan(key: string, gang: Gang, plan: () => GangPlan): GangPlan | undefined {
    if (this.isShort(key)) return undefined;
    this.#known.delete(key);
    const before = shortageBefore(this.#placement, gang);
    const made = before === undefined ? plan() : undefined;
    const shortage = made?.kind === 'refused' ? shortageAfter(this.#placement, gang, made) : before;
    if (shortage !== undefined) this.#keep(key, shortage);
    return made;
  }

  #keep(key: string, shortage: Shortage): void {
    if (this.#known.size >= shortagesMax) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(key, shortage);
  }
}
