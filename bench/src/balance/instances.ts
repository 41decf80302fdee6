/** The instances of the shared data, with the best solutions known, as snapshots. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BalanceSnapshot } from '@troupe/scheduler-core/balance';

export interface LbInstance {
  readonly name: string;
  readonly resources: readonly string[];
  readonly nodes: readonly (readonly number[])[];
  readonly agents: readonly (readonly number[])[];
  readonly initial: readonly number[];
  readonly optimal?: { readonly maxL: number };
}

export interface Known {
  readonly initialMaxL: number;
  readonly lpBound: number;
  readonly bestKnown: number;
  readonly migrationLimited?: Readonly<Record<string, { readonly maxL: number; status: string }>>;
}

export function readSmall(room: string): readonly LbInstance[] {
  return parsed(join(room, 'small.json'));
}

export function readKnown(room: string): Readonly<Record<string, Known>> {
  return parsed(join(room, 'optima.json'));
}

export function readInstance(room: string, name: string): LbInstance {
  return parsed(join(room, 'instances', `${name}.json`));
}

/** With everyone where the instance puts them, or without any place. */
export function snapshotOf(instance: LbInstance, placed: boolean): BalanceSnapshot {
  const amounts = (values: readonly number[]) =>
    Object.fromEntries(instance.resources.map((name, at) => [name, values[at] ?? 0]));
  return {
    nodes: instance.nodes.map((supply, at) => ({ id: `node-${at}`, supply: amounts(supply) })),
    actors: instance.agents.map((demand, at) => ({
      id: `actor-${at}`,
      demand: amounts(demand),
      ...(placed ? { node: `node-${instance.initial[at]}` } : {}),
    })),
  };
}

/** The files are made for this bench: their form is trusted. */
function parsed<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8'));
}
