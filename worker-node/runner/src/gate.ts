/**
 * The promise that user code is given for a step, call, wait, race, or for all of several: it comes
 * to what that comes to, unless it loses a race first.
 *
 * E1  a gate settles once, and a gate that has lost is rejected whatever comes later.
 */
import type { TroupeError } from '@troupe/model';

export class Gate {
  readonly promise: Promise<unknown>;
  /** Absent for `c.all`, which is over when its members are. */
  readonly #ordinal: number | undefined;
  readonly #members: readonly Gate[];
  readonly #onLost: (ordinal: number) => void;
  #settled = false;
  #reject: (reason: TroupeError) => void = () => undefined;

  constructor(
    inner: Promise<unknown>,
    ordinal: number | undefined,
    members: readonly Gate[],
    onLost: (ordinal: number) => void = () => undefined,
  ) {
    this.#ordinal = ordinal;
    this.#members = members;
    this.#onLost = onLost;
    this.promise = new Promise((resolve, reject) => {
      this.#reject = reject;
      const settle = (end: () => void) => {
        if (this.#settled) return;
        this.#settled = true;
        end();
      };
      inner.then(
        (value) => settle(() => resolve(value)),
        (reason: unknown) => settle(() => reject(reason)),
      );
    });
  }

  /** Ordinals in it of what has not come to anything yet. */
  *unsettled(): Iterable<number> {
    if (this.#settled) return;
    if (this.#ordinal !== undefined) yield this.#ordinal;
    for (const member of this.#members) yield* member.unsettled();
  }

  /** Rejects what of it has one of these ordinals (E1). */
  lose(ordinals: ReadonlySet<number>, reason: TroupeError): void {
    for (const member of this.#members) member.lose(ordinals, reason);
    if (this.#ordinal === undefined || !ordinals.has(this.#ordinal)) return;
    this.#onLost(this.#ordinal);
    if (this.#settled) return;
    this.#settled = true;
    this.#reject(reason);
  }
}
