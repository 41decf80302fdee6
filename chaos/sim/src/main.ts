/** `npm run sim -- [options]`: searches for seeds that break a promise, or replays one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runBatch } from './batch/batch.ts';
import { corpus, keptPlans, tryAgain } from './batch/corpus.ts';
import { diagram } from './batch/diagram.ts';
import { minimize, optionsOf, shrinkPlan } from './batch/minimize.ts';
import {
  catchMutant,
  checkerLines,
  mutantNames,
  rowOf,
  tableHead,
  whatEachNotices,
} from './batch/mutant-table.ts';
import { Summary, seedsForCoverage } from './batch/summary.ts';
import { checkerNames } from './checkers/checks.ts';
import { type MutantName, mutantNamed, mutants } from './mutants/mutants.ts';
import { drawPlan, type Plan } from './plan/plan.ts';
import { planFrom, planText } from './plan/plan-file.ts';
import { type RunWishes, runPlan } from './run/run.ts';

const help = `Usage: npm run sim -- [options]

  --seeds N         so many seeds (100), after the seeds and plans that once failed
  --from N          the first of them (1)
  --seed S          replays one seed and prints its trace and its last messages as a diagram
  --minimize        with --seed: looks for fewer faults and less load that break the same promise
  --save FILE       with --minimize: keeps the plan with nothing in it that is not needed
  --plan FILE       replays a plan that was kept
  --without A,B     leaves out faults by their number in the plan
  --operations N    at most so many operations of each client
  --nodes N         so many nodes in every seed
  --mutant NAME     with a deliberate fault
  --mutants         tries every deliberate fault and says how many seeds it takes to notice it
  --checker NAME    only this checker looks, also with --mutants
  --checkers        says of each checker which deliberate faults it notices by itself in --seeds N
  --threads N       threads of a batch
  --quiet           with --seed: only what is broken

Examples:
  npm run sim -- --seeds 300
  npm run sim -- --seed 4711 --minimize
  npm run sim -- --seed 12 --nodes 200 --quiet
`;

const { values } = parseArgs({
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
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    checker: { type: 'string' },
    checkers: { type: 'boolean', default: false },
    threads: { type: 'string' },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const diagramRows = 60;
const progressEvery = 500;
const seedsUsual = '100';

/** Which options each way to run has no use for. */
const idle = {
  mutants: [
    'checkers',
    'plan',
    'seed',
    'seeds',
    'from',
    'nodes',
    'operations',
    'without',
    'mutant',
  ],
  checkers: ['plan', 'seed', 'from', 'nodes', 'operations', 'without', 'mutant', 'checker'],
  plan: ['seed', 'seeds', 'from', 'nodes', 'operations', 'without', 'minimize'],
  seed: ['seeds', 'from', 'threads'],
} as const;
const needs = { minimize: 'seed', save: 'minimize' } as const;

async function main(): Promise<boolean> {
  if (values.help) {
    say(help);
    return true;
  }
  refuseIdle();
  if (values.mutants) return showMutants();
  if (values.checkers) return showCheckers();
  const wishes = wishesOf();
  if (values.plan !== undefined) return replay(planFrom(readFileSync(values.plan, 'utf8')), wishes);
  if (values.seed === undefined) return search(wishes);
  const seed = wholeNumber('seed', values.seed);
  return values.minimize ? shrink(seed, wishes) : replay(drawPlan(seed, wishes), wishes);
}

/** What is asked for is done or refused. */
function refuseIdle(): void {
  const given = (name: string): boolean =>
    Object.entries(values).some(([key, value]) => key === name && Boolean(value));
  for (const [way, names] of Object.entries(idle)) {
    const found = given(way) ? names.find(given) : undefined;
    if (found !== undefined) throw new Error(`--${found} does nothing beside --${way}`);
  }
  for (const [option, needed] of Object.entries(needs)) {
    if (given(option) && !given(needed)) throw new Error(`--${option} needs --${needed}`);
  }
}

async function search(wishes: RunWishes): Promise<boolean> {
  const from = wholeNumber('from', values.from ?? '1');
  const count = wholeNumber('seeds', values.seeds ?? seedsUsual);
  const fresh = Array.from({ length: count }, (_, index) => from + index);
  const seeds = [...new Set([...corpus(), ...fresh])];
  const back = wishes.mutant === undefined ? await tryCorpus() : [];
  const threads = Math.min(
    wholeNumber('threads', values.threads ?? `${threadsUsual()}`),
    seeds.length,
  );
  const summary = new Summary();
  const begun = performance.now();
  await runBatch({ seeds, wishes, threads }, (report) => {
    summary.add(report);
    if (report.failed !== undefined) {
      const { seed, checker, text } = report.failed;
      say(`seed ${seed} breaks ${checker}: ${text}`);
      say(`  replay: npm run sim -- ${optionsOf(seed, wishes)}${mutantOption(wishes.mutant)}`);
    }
    if (summary.seeds % progressEvery === 0) say(`${summary.seeds} of ${seeds.length} seeds`);
    return 'go on';
  });
  for (const line of summary.lines()) say(line);
  say(`${((performance.now() - begun) / 1_000).toFixed(1)} s on ${threads} threads`);
  const missed = wishes.mutant === undefined ? summary.missed : [];
  for (const state of missed) say(`never reached in ${seedsForCoverage} seeds or more: ${state}`);
  const failures = summary.failures.length + back.length;
  say(failures === 0 ? 'no promise was broken' : `${failures} seeds and plans failed`);
  return failures === 0 && missed.length === 0;
}

/** Those that fail again. */
async function tryCorpus(): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const remembered of keptPlans()) {
    const result = await tryAgain(remembered);
    if (result?.violation === undefined) continue;
    const { name } = remembered;
    say(`"${name}" is back: it breaks ${result.violation.checker}: ${result.violation.text}`);
    say(`  replay: npm run sim -- --plan chaos/sim/corpus/${name}.json`);
    failed.push(name);
  }
  return failed;
}

async function replay(plan: Plan, wishes: RunWishes): Promise<boolean> {
  const { seed } = plan;
  const { violation, trace, events, virtualMs, hash } = await runPlan(plan, {
    ...wishes,
    traced: !values.quiet,
  });
  for (const line of trace?.lines ?? []) say(line);
  if (trace !== undefined) {
    const { at, who, text } = violation ?? { at: virtualMs, who: '*', text: 'the end' };
    say(['', ...diagram(trace, { at, who, text }, diagramRows), ''].join('\n'));
  }
  say(
    `seed ${seed}: ${events} events, ${(virtualMs / 1_000).toFixed(1)} s of cluster time, ${hash}`,
  );
  say(
    violation === undefined ? 'no promise was broken' : `${violation.checker}: ${violation.text}`,
  );
  return violation === undefined;
}

async function shrink(seed: number, wishes: RunWishes): Promise<boolean> {
  const minimal = await minimize(seed, wishes);
  if (minimal === undefined) {
    say(`seed ${seed} breaks no promise`);
    return true;
  }
  const { plan, tries, checker } = minimal;
  const options = optionsOf(seed, minimal.wishes) + mutantOption(wishes.mutant);
  const faults = plan.faults.length;
  say(`${faults} faults and ${countOf(plan)} operations are enough to break ${checker}`);
  say(`  found in ${tries} tries; replay: npm run sim -- ${options}`);
  if (values.save !== undefined) {
    const least = await shrinkPlan(minimal, wishes.mutant);
    writeFileSync(values.save, planText(least));
    say(`${values.save} has ${least.faults.length} faults and ${countOf(least)} operations`);
    say(`  replay: npm run sim -- --plan ${values.save}${mutantOption(wishes.mutant)}`);
  }
  return false;
}

function countOf({ operations }: Plan): number {
  return [...operations.values()].reduce((sum, list) => sum + list.length, 0);
}

async function showMutants(): Promise<boolean> {
  let all = true;
  say(tableHead);
  for (const mutant of mutantNames) {
    const caught = await catchMutant(mutant, undefined, checkerWished());
    for (const line of rowOf(caught)) say(line);
    all &&= caught.seeds !== undefined;
  }
  return all;
}

async function showCheckers(): Promise<boolean> {
  const found = await whatEachNotices(wholeNumber('seeds', values.seeds ?? seedsUsual));
  for (const [checker, noticed] of found) {
    for (const line of checkerLines(checker, noticed)) say(line);
  }
  return [...found.values()].every((noticed) => noticed.length > 0);
}

function checkerWished(): string | undefined {
  const { checker } = values;
  if (checker === undefined || checkerNames.includes(checker)) return checker;
  throw new Error(`there is no checker "${checker}"; there are ${checkerNames.join(', ')}`);
}

function wishesOf(): RunWishes {
  const { nodes, operations, without, mutant } = values;
  const name = mutant === undefined ? undefined : mutantNamed(mutant);
  if (mutant !== undefined && name === undefined) {
    throw new Error(`there is no mutant "${mutant}"; there are ${Object.keys(mutants).join(', ')}`);
  }
  return {
    nodes: nodes === undefined ? undefined : wholeNumber('nodes', nodes),
    operations: operations === undefined ? undefined : wholeNumber('operations', operations),
    without: without?.split(',').map((number) => wholeNumber('without', number)),
    mutant: name,
    checker: checkerWished(),
  };
}

function mutantOption(mutant: MutantName | undefined): string {
  return mutant === undefined ? '' : ` --mutant ${mutant}`;
}

function threadsUsual(): number {
  return Math.max(1, Math.min(8, availableParallelism()));
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`--${option} takes a whole number, not "${text}"`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (thrown) {
  say(thrown instanceof Error ? thrown.message : String(thrown));
  process.exitCode = 2;
}
