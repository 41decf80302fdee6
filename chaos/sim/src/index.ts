/** The whole cluster in one process, in virtual time, from one seed. */
export { runShare, type Share } from './batch/batch.ts';
export { corpus, keptPlans, type Remembered, tryAgain } from './batch/corpus.ts';
export { diagram } from './batch/diagram.ts';
export { loadsOf, type Minimal, minimize, optionsOf, shrinkPlan } from './batch/minimize.ts';
export { type Caught, catchMutant, mutantNames, whatEachNotices } from './batch/mutant-table.ts';
export { type Report, reportOf, Summary } from './batch/summary.ts';
export { type MutantName, mutantNamed, mutants } from './mutants/mutants.ts';
export { planFrom, planText } from './plan/plan-file.ts';
export { type Result, type RunWishes, runPlan, runSeed } from './run/run.ts';
