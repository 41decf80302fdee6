/** How long attempts of a task are expected to run: a moving average, learnt by this leader. */
import type { BundleHash } from '@troupe/model';

interface Named {
  readonly bundle: BundleHash;
  readonly name: string;
}

const firstGuessMs = 100;
/** Weight of the latest duration. */
const latestWeight = 0.2;

export class Durations {
  readonly #bundles = new Map<BundleHash, Map<string, number>>();

  expected({ bundle, name }: Named): number {
    return Math.max(this.#bundles.get(bundle)?.get(name) ?? firstGuessMs, 1);
  }

  learn({ bundle, name }: Named, tookMs: number): void {
    let names = this.#bundles.get(bundle);
    if (names === undefined) {
      names = new Map();
      this.#bundles.set(bundle, names);
    }
    const known = names.get(name);
    names.set(name, known === undefined ? tookMs : known + (tookMs - known) * latestWeight);
  }
}
