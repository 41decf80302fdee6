/** Failure detection by phi accrual, with a witness against false alarms. */
export { log10Tail, Phi, type PhiTerms } from './phi.ts';
export {
  Suspicion,
  type SuspicionTerms,
  suspicionTerms,
  type Testimony,
  type Verdict,
} from './suspicion.ts';
