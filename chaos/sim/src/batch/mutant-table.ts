/** Every deliberate fault: how many busy seeds it takes to notice it, and which checkers could alone. */
import { checkerNames } from '../checkers/checks.ts';
import { type MutantName, mutants } from '../mutants/mutants.ts';
import { runSeed } from '../run/run.ts';

export interface Caught {
  readonly mutant: MutantName;
  /** Busy seeds it took; undefined when it was never noticed. */
  readonly seeds: number | undefined;
  readonly checker: string | undefined;
}

const mutantSeedsMax = 500;

const lineMax = 100;
const nameMax = 34;

export const mutantNames = Object.keys(mutants) as readonly MutantName[];

/** `alone`: only this checker looks; `from`: the first seed tried. */
export async function catchMutant(
  mutant: MutantName,
  seedsMax = mutantSeedsMax,
  alone?: string,
  from = 1,
): Promise<Caught> {
  for (let seed = from; seed <= seedsMax; seed++) {
    const { violation } = await runSeed(seed, { mutant, checker: alone, busy: true });
    if (violation !== undefined) return { mutant, seeds: seed, checker: violation.checker };
  }
  return { mutant, seeds: undefined, checker: undefined };
}

export const tableHead = `${'deliberate fault'.padEnd(nameMax)} seeds  first noticed by`;

/** At most 100 columns: what a fault is stands under its name. */
export function rowOf({ mutant, seeds, checker }: Caught): readonly string[] {
  const needed = seeds === undefined ? 'never' : String(seeds);
  const row = `${mutant.padEnd(nameMax)} ${needed.padStart(5)}  ${checker ?? '-'}`;
  return [row, ...wrapped(mutants[mutant].split(' '), '    ')];
}

/** By checker: the deliberate faults that it notices by itself, whatever others saw before. */
export async function whatEachNotices(
  seeds: number,
): Promise<ReadonlyMap<string, readonly MutantName[]>> {
  const found = new Map<string, MutantName[]>(checkerNames.map((name) => [name, []]));
  for (const mutant of mutantNames) {
    const noticed = new Set<string>();
    for (let seed = 1; seed <= seeds; seed++) {
      const result = await runSeed(seed, { mutant, goesOn: true, busy: true });
      for (const name of result.noticed) noticed.add(name);
    }
    for (const name of noticed) found.get(name)?.push(mutant);
  }
  return found;
}

export function checkerLines(checker: string, noticed: readonly MutantName[]): readonly string[] {
  const count = noticed.length === 0 ? 'notices nothing' : `notices ${noticed.length}`;
  const names = noticed.map((name, index) => (index + 1 < noticed.length ? `${name},` : name));
  return [`${checker}: ${count}`, ...wrapped(names, '    ')];
}

function wrapped(words: readonly string[], indent: string): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < lineMax) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(`${indent}${word}`);
  }
  return lines;
}
