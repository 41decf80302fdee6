/**
 * What a demand weighs, against all there is: the dominant share, which makes the cost, and the demand
 * coefficient, which an operator may switch on as a factor of the weight. The coefficient raises the
 * share of whoever declares more; so it is off by default, and then over-declaring only costs.
 *
 * Both are said in **cpus**: as so many of the cluster's cpus as are the same share. That is a factor
 * common to all, so it changes nothing between tenants; but a node more or less of the same kind leaves
 * every cost as it was, where shares would shrink and grow, and with them all that tenants are owed.
 */
import type { Shape } from '../resources.ts';

/** All of a resource that the cluster has, in thousandths. */
export type Totals = ReadonlyMap<string, number>;

/** How much each resource counts in the demand coefficient. */
export const demandCoefficients = { cpu: 0.4, memory: 0.3, io: 0.3 } as const;

/** What reserves nothing still counts a little, or no-ops of one tenant would starve the others. */
const cpusMin = 0.01;
const shareMin = 0.001;

/** The largest share of any resource, in cpus. */
export function dominantCpusOf(shape: Shape, totals: Totals): number {
  let cpus = cpusMin;
  for (const { name, milli } of shape.amounts) {
    const total = totals.get(name) ?? 0;
    if (total > 0) cpus = Math.max(cpus, (milli / total) * cpusOf(totals));
  }
  return cpus;
}

/** How many cpus a share of the whole is. Where there are none, it is as if there were one. */
export function cpusOf(totals: Totals): number {
  return (totals.get('cpu') || 1_000) / 1_000;
}

/** 0.4 × share of the cpus + 0.3 × share of the memory + 0.3 × share of the io. */
export function demandCoefficient(shape: Shape, totals: Totals): number {
  let sum = 0;
  for (const { name, milli } of shape.amounts) {
    const counts = name === 'cpu' || name === 'memory' || name === 'io';
    const total = totals.get(name) ?? 0;
    if (counts && total > 0) sum += (demandCoefficients[name] * milli) / total;
  }
  return Math.max(sum, shareMin);
}
