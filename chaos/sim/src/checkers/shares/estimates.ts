/** What an attempt is expected to take: a moving average for each task, learnt by one leader. */
const firstGuessMs = 100;
const latestWeight = 0.2;

export class Estimates {
  readonly #known = new Map<string, number>();

  of(task: string): number {
    return Math.max(this.#known.get(task) ?? firstGuessMs, 1);
  }

  learn(task: string, tookMs: number): void {
    const known = this.#known.get(task);
    const learnt = known === undefined ? tookMs : known + (tookMs - known) * latestWeight;
    this.#known.set(task, learnt);
  }
}
