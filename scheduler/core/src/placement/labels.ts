/** Labels and the selectors that pick by them. */
import type { Labels, Requirement, Selector } from '@troupe/model';

/** Weights of preferences, summed for one node, stay within this on either side. */
export const weightMax = 1_000;

export function matches(selector: Selector, labels: Labels): boolean {
  return selector.every((requirement) => holds(requirement, labels));
}

export function clampWeight(weight: number): number {
  return Math.max(-weightMax, Math.min(weightMax, weight));
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const { label, op } = requirement;
  const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
  if (op === 'in') return value !== undefined && requirement.values.includes(value);
  if (op === 'not-in') return value === undefined || !requirement.values.includes(value);
  return (value !== undefined) === (op === 'exists');
}
