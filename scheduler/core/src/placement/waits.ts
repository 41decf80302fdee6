/**
 * Who waits for whom. Gangs never wait while they hold, so they cannot block each other; whoever does
 * hold one reservation while asking for the next (a run whose child needs room, an operator's script)
 * is watched here, and a wait that would close a circle is refused with the circle named.
 *
 * L1  the waits that were let in form no circle, so somebody can always go on.
 */
export interface Circle {
  /** Each waits for what the next one holds; the last waits for the first. */
  readonly owners: readonly string[];
  /** `run-1 waits for r2 (held by run-2), run-2 waits for r1 (held by run-1)`. */
  readonly text: string;
}

export class Waits {
  /** Who holds a reservation. */
  readonly #holders = new Map<string, Set<string>>();
  /** What an owner waits for. */
  readonly #wanted = new Map<string, Set<string>>();

  /** The owner has it and waits for it no longer; refused when it then waits for who waits for this. */
  hold(owner: string, reservation: string): Circle | undefined {
    this.#drop(this.#wanted, owner, reservation);
    put(this.#holders, reservation, owner);
    const circle = this.#circleFrom(owner);
    if (circle !== undefined) this.#drop(this.#holders, reservation, owner);
    return circle;
  }

  /** The owner waits until others let it go; refused when that would be for ever. */
  wait(owner: string, reservation: string): Circle | undefined {
    put(this.#wanted, owner, reservation);
    const circle = this.#circleFrom(owner);
    if (circle !== undefined) this.#drop(this.#wanted, owner, reservation);
    return circle;
  }

  /** The owner holds it no longer, and does not wait for it either. */
  letGo(owner: string, reservation: string): void {
    this.#drop(this.#holders, reservation, owner);
    this.#drop(this.#wanted, owner, reservation);
  }

  #circleFrom(start: string): Circle | undefined {
    const path: { readonly owner: string; readonly wanted: string; readonly holder: string }[] = [];
    const seen = new Set<string>();
    const leadsBack = (owner: string): boolean => {
      for (const wanted of this.#wanted.get(owner) ?? []) {
        for (const holder of this.#holders.get(wanted) ?? []) {
          if (holder === owner) continue;
          path.push({ owner, wanted, holder });
          if (holder === start) return true;
          if (!seen.has(holder)) {
            seen.add(holder);
            if (leadsBack(holder)) return true;
          }
          path.pop();
        }
      }
      return false;
    };
    if (!leadsBack(start)) return undefined;
    const steps = path.map(({ owner, wanted, holder }) => {
      return `${owner} waits for ${wanted} (held by ${holder})`;
    });
    return { owners: path.map(({ owner }) => owner), text: steps.join(', ') };
  }

  #drop(from: Map<string, Set<string>>, key: string, value: string): void {
    const set = from.get(key);
    if (set?.delete(value) && set.size === 0) from.delete(key);
  }
}

function put(into: Map<string, Set<string>>, key: string, value: string): void {
  const set = into.get(key);
  if (set === undefined) into.set(key, new Set([value]));
  else set.add(value);
}
