/** One figure of an actor's life that is measured by itself, at sizes that may be chosen. */
export interface Part<L = unknown> {
  /** `--only` looks for its text here. */
  name(size: number): string;
  readonly sizes: readonly number[];
  readonly quickSizes: readonly number[];
  /** The line is printed as JSON. */
  measure(size: number, quick: boolean): Promise<L>;
  /** What the lines mean, and their table. */
  text(lines: readonly L[]): readonly string[];
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

const lanes = 256;

/** Does it for each number below `count`, 256 at once; answers how many a second. */
export async function forEach(
  count: number,
  act: (n: number) => Promise<unknown>,
): Promise<number> {
  const before = performance.now();
  let next = 0;
  const lane = async () => {
    for (let n = next++; n < count; n = next++) await act(n);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
  return Math.round((count * 1_000) / (performance.now() - before));
}

/** Asks ten times a second, for ten minutes at most. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 600_000;
  while (performance.now() < end) {
    if (await holds()) return;
    await pause(100);
  }
  throw new Error(`never came: ${what}`);
}

export function pause(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs));
}
