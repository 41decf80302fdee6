/** Failure detection by phi accrual, with a witness against false alarms. */
export { Phi, type PhiTerms } from './phi.ts';
export { Suspicion, type SuspicionTerms, suspicionTerms, type Verdict } from './suspicion.ts';
