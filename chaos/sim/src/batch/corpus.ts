/**
 * What once broke a promise, run first in every batch: seeds, which mean the same only as long as the
 * generator does, and plans, which hold what was asked and what failed. The chance of the network
 * still moves with the code, so each plan is tried under a few chances.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Plan } from '../plan/plan.ts';
import { planFrom } from '../plan/plan-file.ts';
import { type Result, runPlan } from '../run/run.ts';

export interface Remembered {
  /** What it once found. */
  readonly name: string;
  readonly plan: Plan;
}

const folder = new URL('../../corpus/', import.meta.url);
const seedsFile = new URL('../../corpus.txt', import.meta.url);
const chancesTried = 4;

export function corpus(): readonly number[] {
  const seeds: number[] = [];
  for (const line of readFileSync(seedsFile, 'utf8').split('\n')) {
    const seed = Number.parseInt(line, 10);
    if (Number.isInteger(seed)) seeds.push(seed);
  }
  return seeds;
}

export function keptPlans(): readonly Remembered[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => ({
    name: file.slice(0, -'.json'.length),
    plan: planFrom(readFileSync(new URL(file, folder), 'utf8')),
  }));
}

/** The first result that breaks a promise; undefined when none does. */
export async function tryAgain({ plan }: Remembered): Promise<Result | undefined> {
  for (let chance = 0; chance < chancesTried; chance++) {
    const result = await runPlan({ ...plan, seed: plan.seed + chance });
    if (result.violation !== undefined) return result;
  }
  return undefined;
}
