/** Long work in the main loop, in slices: whatever else has come is done between them. */
const sliceMs = 15;

export class Breath {
  #since = performance.now();

  /** To be looked at behind each small piece of the work. */
  get due(): boolean {
    return performance.now() - this.#since >= sliceMs;
  }

  async taken(): Promise<void> {
    await breathed();
    this.#since = performance.now();
  }
}

export function breathed(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
