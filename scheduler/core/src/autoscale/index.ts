/** How many members a group should have, and what is given up under pressure. */
export { type ClockRule, clockRule, isOn, type LocalTime } from './clock-rule.ts';
export {
  Degradation,
  type DegradationChange,
  type DegradationTerms,
  degradationTerms,
  type Measure,
  measures,
  type Pressure,
} from './degradation.ts';
export { type Forecast, type ForecastTerms, forecastTerms } from './forecast.ts';
export { Group, type GroupTerms, type Sizing, type SizingRule } from './group.ts';
export { HoltWinters, type Smoothing, smoothing } from './holt-winters.ts';
export {
  type GroupView,
  type QueueTerms,
  type ThresholdTerms,
  thresholdTerms,
} from './rules.ts';
