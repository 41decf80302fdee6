/** What tasks declare, what they use, and how well their durations are estimated. */
export {
  type Attempt,
  Demands,
  type DemandTerms,
  type DurationFigures,
  demandTerms,
  type Finding,
} from './demands.ts';
