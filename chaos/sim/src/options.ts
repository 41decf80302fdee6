/** What `npm run sim` is asked for: done as it stands, or refused before anything runs. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { checkerNames } from './checkers/checks.ts';
import { mutantNamed, mutants } from './mutants/mutants.ts';
import { isLoadName, type LoadName, loadNames } from './plan/loads.ts';
import type { RunWishes } from './run/run.ts';

export const help = `Usage: npm run sim -- [options]

  --seeds N         so many seeds (100), after the seeds and plans that once failed
  --from N          the first of them (1)
  --seed S          replays one seed and prints its trace and its last messages as a diagram
  --minimize        with --seed: looks for fewer faults and less of every load that break the same
                    promise
  --save FILE       with --minimize: keeps the plan with nothing in it that is not needed
  --plan FILE       replays a plan that was kept
  --without A,B     with --seed: leaves out faults by their number in the plan, from 0 on, and loads
                    by their name
  --operations N    at most so many operations of each client in each load
  --nodes N         so many nodes in every seed
  --busy            much comes together in every seed, not in one of twelve; always so with --mutants
  --mutant NAME     with a deliberate fault
  --mutants         tries every deliberate fault and says how many busy seeds it takes to notice it
  --checker NAME    only this checker looks, also with --mutants
  --checkers        says of each checker which deliberate faults it notices by itself in --seeds N, all busy
  --threads N       threads of a batch, or of --mutants
  --quiet           with --seed or --plan: no trace and no diagram

Exit codes: 0 no promise was broken, 1 one was, or not all was reached or noticed that should be,
2 asked wrongly, 3 inconclusive: not all that was asked for was run.

Examples:
  npm run sim -- --seeds 300
  npm run sim -- --seed 4711 --minimize
  npm run sim -- --seed 12 --nodes 200 --quiet
`;

const nodesMax = 10_000;
export const seedsMax = 10_000_000;

/** What was asked for cannot be done, and nothing was. */
export class UsageError extends Error {}

/** Which options each way to run has no use for. */
const idle = {
  mutants: [
    'checkers',
    'plan',
    'seed',
    'seeds',
    'from',
    'nodes',
    'busy',
    'operations',
    'without',
    'mutant',
    'quiet',
  ],
  checkers: [
    'plan',
    'seed',
    'from',
    'nodes',
    'busy',
    'operations',
    'without',
    'mutant',
    'checker',
    'threads',
    'quiet',
  ],
  plan: ['seed', 'seeds', 'from', 'nodes', 'busy', 'operations', 'without', 'minimize', 'threads'],
  seed: ['seeds', 'from', 'threads'],
  minimize: ['quiet'],
} as const;
const needs = {
  minimize: ['seed'],
  save: ['minimize'],
  without: ['seed'],
  quiet: ['seed', 'plan'],
} as const;

export type Options = ReturnType<typeof parsed>;

/** Throws a UsageError when it is not asked rightly. */
export function optionsFrom(args: readonly string[]): Options {
  const options = parsed(args);
  const given = (name: string): boolean =>
    Object.entries(options).some(([key, value]) => key === name && value !== false);
  for (const [way, names] of Object.entries(idle)) {
    const found = given(way) ? names.find(given) : undefined;
    if (found !== undefined) throw new UsageError(`--${found} does nothing beside --${way}`);
  }
  for (const [option, needed] of Object.entries(needs)) {
    if (!given(option) || needed.some(given)) continue;
    throw new UsageError(`--${option} needs --${needed.join(' or --')}`);
  }
  if (options.save !== undefined) refuseUnwritable('save', options.save);
  return options;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        plan: { type: 'string' },
        save: { type: 'string' },
        minimize: { type: 'boolean', default: false },
        without: { type: 'string' },
        operations: { type: 'string' },
        nodes: { type: 'string' },
        busy: { type: 'boolean', default: false },
        mutant: { type: 'string' },
        mutants: { type: 'boolean', default: false },
        checker: { type: 'string' },
        checkers: { type: 'boolean', default: false },
        threads: { type: 'string' },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

export function wishesOf(options: Options): RunWishes {
  const { nodes, busy, operations, without, mutant, checker } = options;
  const name = mutant === undefined ? undefined : mutantNamed(mutant);
  if (mutant !== undefined && name === undefined) {
    const names = Object.keys(mutants).join(', ');
    throw new UsageError(`there is no mutant "${mutant}"; there are ${names}`);
  }
  const out = without?.split(',') ?? [];
  return {
    nodes: nodes === undefined ? undefined : wholeNumber('nodes', nodes, 1, nodesMax),
    ...(busy ? { busy } : {}),
    operations: operations === undefined ? undefined : wholeNumber('operations', operations),
    without: out.filter((one) => /^\d+$/.test(one)).map(Number),
    withoutLoads: out.filter((one) => !/^\d+$/.test(one)).map(loadNamed),
    mutant: name,
    checker: checkerWished(checker),
  };
}

function loadNamed(text: string): LoadName {
  if (isLoadName(text)) return text;
  throw new UsageError(
    `--without takes numbers of faults and names of loads, not "${text}"; there are ${loadNames.join(', ')}`,
  );
}

export function checkerWished(checker: string | undefined): string | undefined {
  if (checker === undefined || checkerNames.includes(checker)) return checker;
  throw new UsageError(`there is no checker "${checker}"; there are ${checkerNames.join(', ')}`);
}

/** Of a plan with so many faults each that is left out has to be there. */
export function refuseUnknownFaults({ without }: RunWishes, faults: number): void {
  const unknown = without?.find((number) => number >= faults);
  if (unknown === undefined) return;
  const there = faults === 0 ? 'none' : `0 to ${faults - 1}`;
  throw new UsageError(`--without ${unknown}: there is no such fault; there are ${there}`);
}

export function wholeNumber(
  option: string,
  text: string,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const number = /^\d+$/.test(text) ? Number(text) : -1;
  if (number >= least && number <= most) return number;
  const on = most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
  const from = least === 0 ? '' : ` from ${least} ${on}`;
  throw new UsageError(`--${option} takes a whole number${from}, not "${text}"`);
}

/** Before the work whose fruit it is to hold. */
function refuseUnwritable(option: string, file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--${option} ${file} cannot be written: ${why}`, { cause });
  }
}
