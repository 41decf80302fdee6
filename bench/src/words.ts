/**
 * The parts that are measured by themselves, by the word that asks for them. Each is a room of its own
 * and is loaded only when asked for.
 */
export interface BenchOptions {
  readonly json: boolean;
  readonly quick: boolean;
  /** Only what contains this in its name; empty for all. */
  readonly only: string;
  /** In place of the sizes that a bench has; only `actors` takes any. */
  readonly sizes?: readonly number[];
  /** The Markdown file whose section of this word is written anew. */
  readonly results?: string;
}

type Load = () => Promise<(options: BenchOptions) => Promise<void>>;

export const words = {
  actors: async () => (await import('./actors/index.ts')).actorsBench,
  autoscale: async () => (await import('./autoscale/index.ts')).autoscaleBench,
  balance: async () => (await import('./balance/index.ts')).balanceBench,
  dag: async () => (await import('./dag/index.ts')).dagBench,
  fairness: async () => (await import('./fairness/index.ts')).fairnessBench,
  placement: async () => (await import('./placement/index.ts')).placementBench,
  suspicion: async () => (await import('./suspicion/index.ts')).suspicionBench,
} satisfies { readonly [word: string]: Load };

export const wordNames: readonly string[] = Object.keys(words);

export function isWord(word: string): word is keyof typeof words {
  return Object.hasOwn(words, word);
}
