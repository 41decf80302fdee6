/**
 * Who waits for what others hold. A wait that would close a circle is refused with the circle named: in it nobody
 * could ever go on.
 *
 * L1  the waits that were let in form no circle, so somebody can always go on.
 */
export interface Circle {
  /** Each waits for what the next one holds; the last waits for the first. */
  readonly owners: readonly string[];
  /** `a waits for x (held by b), b waits for y (held by a)`. */
  readonly text: string;
}

export class Waits {
  /** Who holds it. */
  readonly #holders = new Map<string, string>();
  /** What an owner waits for. */
  readonly #wanted = new Map<string, Set<string>>();

  hold(owner: string, held: string): void {
    this.#holders.set(held, owner);
  }

  /** The owner waits until it is let go; refused when that would be for ever. */
  wait(owner: string, wanted: string): Circle | undefined {
    const known = this.#wanted.get(owner);
    if (known === undefined) this.#wanted.set(owner, new Set([wanted]));
    else known.add(wanted);
    const circle = this.#circleFrom(owner);
    if (circle !== undefined) this.#wanted.get(owner)?.delete(wanted);
    return circle;
  }

  #circleFrom(start: string): Circle | undefined {
    const path: { readonly owner: string; readonly wanted: string; readonly holder: string }[] = [];
    const seen = new Set<string>();
    const leadsBack = (owner: string): boolean => {
      for (const wanted of this.#wanted.get(owner) ?? []) {
        const holder = this.#holders.get(wanted);
        if (holder === undefined || holder === owner) continue;
        path.push({ owner, wanted, holder });
        if (holder === start) return true;
        if (!seen.has(holder)) {
          seen.add(holder);
          if (leadsBack(holder)) return true;
        }
        path.pop();
      }
      return false;
    };
    if (!leadsBack(start)) return undefined;
    const steps = path.map(({ owner, wanted, holder }) => {
      return `${owner} waits for ${wanted} (held by ${holder})`;
    });
    return { owners: path.map(({ owner }) => owner), text: steps.join(', ') };
  }
}
