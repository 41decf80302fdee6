/**
 * Amounts as whole thousandths, so that reserving and freeing fractions of a cpu never drifts.
 * A **shape** is what a task reserves and wishes; tasks of one shape are alike to placement.
 */
import { limits, type PlacementWishes, type Resources } from '@troupe/model';

export interface Amount {
  readonly name: string;
  readonly milli: number;
}

export interface Shape {
  /** Canonical: two demands of the same amounts have the same key. */
  readonly key: string;
  readonly amounts: readonly Amount[];
  readonly wishes?: PlacementWishes;
  /** Of a gang: how many tasks it is. */
  readonly members?: number;
}

/** Thousandths absorb this much of a float's error. */
const epsilon = 1e-6;
const resourcesMax = 32;
const nameLengthMax = 64;
/** Wishes without any. */
const nothing = '{}';

/** What is demanded, rounded up. Zero amounts demand nothing. */
export function shapeOf(resources: Resources, wishes?: PlacementWishes): Shape {
  const reserved = wishes?.gpus === undefined ? resources : withGpus(resources, wishes.gpus);
  const names = Object.keys(reserved);
  if (names.length > 1) names.sort();
  const amounts: Amount[] = [];
  for (const name of names) {
    const milli = Math.ceil((reserved[name] ?? 0) * 1000 - epsilon);
    if (milli > 0) amounts.push({ name, milli });
  }
  return shapeFrom(amounts, wishes);
}

/** `amounts` in the order of their names. */
export function shapeFrom(amounts: readonly Amount[], wishes?: PlacementWishes): Shape {
  let key = '';
  for (const { name, milli } of amounts) key += `${name}=${milli};`;
  if (wishes === undefined) return { key, amounts };
  const wished = JSON.stringify(wishes);
  // Who wishes nothing waits for the same as who has said nothing, and shares it with them.
  if (wished === nothing) return { key, amounts };
  return { key: key + wished, amounts, wishes };
}

/** How much of a resource it reserves. */
export function milliOf(shape: Shape, resource: string): number {
  for (const { name, milli } of shape.amounts) if (name === resource) return milli;
  return 0;
}

function withGpus(resources: Resources, gpus: NonNullable<PlacementWishes['gpus']>): Resources {
  return { ...resources, gpu: (gpus.count * gpus.milli) / 1000 };
}

/** What is offered, rounded down. */
export function capacityOf(resources: Resources): Map<string, number> {
  const capacity = new Map<string, number>();
  for (const [name, value] of Object.entries(resources)) {
    capacity.set(name, Math.floor(value * 1000 + epsilon));
  }
  return capacity;
}

/** The first thing wrong with amounts that somebody declared, for people. */
export function resourcesFault(resources: Resources): string | undefined {
  const entries = Object.entries(resources);
  if (entries.length > resourcesMax) return `more than ${resourcesMax} resources`;
  for (const [name, value] of entries) {
    // What is no own name of every object would be another one after the next restart.
    const isName = name.length > 0 && name.length <= nameLengthMax && name !== '__proto__';
    if (!isName) return `a resource named ${JSON.stringify(name.slice(0, nameLengthMax))}`;
    // Names of the scheduler's own, like that of what bounds the attempts on a node.
    if (name.startsWith('$')) return `resource "${name}", whose name begins with $: reserved`;
    if (!Number.isFinite(value) || value < 0 || value > 1e12)
      return `resource "${name}" = ${value}`;
    // Each GPU is counted by itself, so their number takes memory of the leader.
    if (name === 'gpu' && value > limits.nodeGpusMax)
      return `gpu = ${value}: at most ${limits.nodeGpusMax}`;
  }
  return undefined;
}

export function resourcesOf(amounts: ReadonlyMap<string, number>): Resources {
  const resources: Record<string, number> = {};
  for (const [name, milli] of amounts) resources[name] = milli / 1000;
  return resources;
}
