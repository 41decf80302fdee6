/**
 * `npm run sim -- [options]`: searches for seeds that break a promise, or replays one. Ends with 0
 * when none was broken, 1 when one was, 2 when it was asked wrongly, and 3 when not all was run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runBatch } from './batch/batch.ts';
import { corpus, keptPlans, tryAgain } from './batch/corpus.ts';
import { diagram } from './batch/diagram.ts';
import { lookOptions, minimize, optionsOf, shrinkPlan } from './batch/minimize.ts';
import {
  checkerLines,
  mutantNames,
  rowOf,
  tableHead,
  whatEachNotices,
} from './batch/mutant-table.ts';
import { catchMutants } from './batch/mutant-threads.ts';
import { Summary, seedsForCoverage } from './batch/summary.ts';
import {
  checkerWished,
  help,
  type Options,
  optionsFrom,
  refuseUnknownFaults,
  seedsMax,
  UsageError,
  wholeNumber,
  wishesOf,
} from './options.ts';
import { drawPlan, type Plan } from './plan/plan.ts';
import { planFrom, planText } from './plan/plan-file.ts';
import { type RunWishes, runPlan } from './run/run.ts';

const diagramRows = 60;
const progressEvery = 500;
const seedsUsual = '100';

/** Not all that was asked for was run. */
class InconclusiveError extends Error {}

const brokenCode = 1;
const usageCode = 2;
const inconclusiveCode = 3;

async function main(options: Options): Promise<boolean> {
  if (options.help) {
    say(help);
    return true;
  }
  if (options.mutants) return showMutants(options);
  if (options.checkers) return showCheckers(options);
  const wishes = wishesOf(options);
  if (options.plan !== undefined) return replay(planIn(options.plan), wishes, options);
  if (options.seed === undefined) return search(wishes, options);
  const seed = wholeNumber('seed', options.seed);
  refuseUnknownFaults(
    wishes,
    drawPlan(seed, { nodes: wishes.nodes, busy: wishes.busy }).faults.length,
  );
  if (options.minimize) return shrink(seed, wishes, options);
  return replay(drawPlan(seed, wishes), wishes, options);
}

function planIn(file: string): Plan {
  try {
    return planFrom(readFileSync(file, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--plan ${file} is no plan that can be replayed: ${why}`, { cause });
  }
}

async function search(wishes: RunWishes, options: Options): Promise<boolean> {
  const from = wholeNumber('from', options.from ?? '1');
  const count = wholeNumber('seeds', options.seeds ?? seedsUsual, 1, seedsMax);
  const wished = threadsOf(options.threads);
  const fresh = Array.from({ length: count }, (_, index) => from + index);
  const seeds = [...new Set([...corpus(), ...fresh])];
  const back = wishes.mutant === undefined ? await tryCorpus() : [];
  const threads = Math.min(wished, seeds.length);
  const summary = new Summary();
  const begun = performance.now();
  const left = await runBatch({ seeds, wishes, threads }, (report) => {
    summary.add(report);
    if (report.failed !== undefined) {
      const { seed, checker, text } = report.failed;
      say(`seed ${seed} breaks ${checker}: ${text}`);
      say(`  replay: npm run sim -- ${optionsOf(seed, wishes)}`);
    }
    if (summary.seeds % progressEvery === 0) say(`${summary.seeds} of ${seeds.length} seeds`);
    return 'go on';
  });
  for (const line of summary.lines()) say(line);
  say(`${((performance.now() - begun) / 1_000).toFixed(1)} s on ${threads} threads`);
  const missed = wishes.mutant === undefined ? summary.missed : [];
  for (const state of missed) say(`never reached in ${seedsForCoverage} seeds or more: ${state}`);
  if (missed.length === 0 && summary.absent.length > 0) {
    say(`not reached, as may be in so few: ${summary.absent.join(', ')}`);
  }
  const failures = summary.failures.length + back.length;
  if (left.length > 0) {
    const what = `${left.length} of ${seeds.length} seeds were not run, such as ${left[0]}`;
    if (failures === 0) throw new InconclusiveError(`inconclusive: ${what}: their threads ended`);
    say(what);
  }
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

async function replay(plan: Plan, wishes: RunWishes, { quiet }: Options): Promise<boolean> {
  const { seed } = plan;
  const { violation, trace, events, virtualMs, hash } = await runPlan(plan, {
    ...wishes,
    traced: !quiet,
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

async function shrink(seed: number, wishes: RunWishes, { save }: Options): Promise<boolean> {
  const minimal = await minimize(seed, wishes);
  if (minimal === undefined) {
    say(`seed ${seed} breaks no promise`);
    return true;
  }
  const { plan, tries, checker } = minimal;
  const options = optionsOf(seed, { ...wishes, ...minimal.wishes });
  const faults = plan.faults.length;
  say(`${faults} faults and ${countOf(plan)} operations are enough to break ${checker}`);
  say(`  found in ${tries} tries; replay: npm run sim -- ${options}`);
  if (save !== undefined) {
    const least = await shrinkPlan(minimal, wishes);
    writeFileSync(save, planText(least));
    say(`${save} has ${least.faults.length} faults and ${countOf(least)} operations`);
    say(`  replay: npm run sim -- ${[`--plan ${save}`, ...lookOptions(wishes)].join(' ')}`);
  }
  return false;
}

function countOf({ operations }: Plan): number {
  return [...operations.values()].reduce((sum, list) => sum + list.length, 0);
}

async function showMutants({ checker, threads: asked }: Options): Promise<boolean> {
  const alone = checkerWished(checker);
  let all = true;
  say(tableHead);
  const threads = threadsOf(asked);
  const left = await catchMutants(mutantNames, { threads, alone }, (caught) => {
    for (const line of rowOf(caught)) say(line);
    all &&= caught.seeds !== undefined;
  });
  if (left.length === 0) return all;
  throw new InconclusiveError(
    `inconclusive: not tried, since their threads ended: ${left.join(', ')}`,
  );
}

async function showCheckers({ seeds }: Options): Promise<boolean> {
  const found = await whatEachNotices(wholeNumber('seeds', seeds ?? seedsUsual, 1, seedsMax));
  for (const [checker, noticed] of found) {
    for (const line of checkerLines(checker, noticed)) say(line);
  }
  return [...found.values()].every((noticed) => noticed.length > 0);
}

function threadsOf(asked: string | undefined): number {
  return wholeNumber('threads', asked ?? `${threadsUsual()}`, 1);
}

function threadsUsual(): number {
  return Math.max(1, Math.min(8, availableParallelism()));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

// `--seed 7 | head` closes our output early; that is no failure, and nobody reads on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : inconclusiveCode);
});

try {
  if (!(await main(optionsFrom(process.argv.slice(2))))) process.exitCode = brokenCode;
} catch (thrown) {
  const told = thrown instanceof UsageError || thrown instanceof InconclusiveError;
  const text = thrown instanceof Error && !told ? thrown.stack : undefined;
  say(text ?? (thrown instanceof Error ? thrown.message : String(thrown)));
  process.exitCode = thrown instanceof UsageError ? usageCode : inconclusiveCode;
}
