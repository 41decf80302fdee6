/** Every deliberate fault, and how many seeds it takes to notice it. */
import { type MutantName, mutants } from '../mutants/mutants.ts';
import { runSeed } from '../run/run.ts';

export interface Caught {
  readonly mutant: MutantName;
  /** Seeds it took; undefined when it was never noticed. */
  readonly seeds: number | undefined;
  readonly checker: string | undefined;
}

const mutantSeedsMax = 500;

export async function catchMutant(mutant: MutantName, seedsMax = mutantSeedsMax): Promise<Caught> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violation } = await runSeed(seed, { mutant });
    if (violation !== undefined) return { mutant, seeds: seed, checker: violation.checker };
  }
  return { mutant, seeds: undefined, checker: undefined };
}

export async function* catchMutants(): AsyncGenerator<Caught> {
  for (const mutant of Object.keys(mutants) as MutantName[]) yield await catchMutant(mutant);
}

export function rowOf({ mutant, seeds, checker }: Caught): string {
  const needed = seeds === undefined ? 'never' : String(seeds);
  return `${mutant.padEnd(34)} ${needed.padStart(5)}  ${(checker ?? '-').padEnd(24)} ${mutants[mutant]}`;
}
