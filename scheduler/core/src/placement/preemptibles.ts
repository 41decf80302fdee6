/**
 * The tasks that may be preempted, by tenant and priority, the youngest first: so a plan looks at nodes where
 * somebody could end, those first where least would be lost, and at no others.
 *
 * W1  it holds what runs, is not spared and is in no reservation, each task once.
 */
import { assert } from '@troupe/model';
import { Heap, type HeapItem } from '../heap.ts';
import type { Ask } from './demand.ts';
import type { Grant, Task } from './engine.ts';
import type { Site } from './site.ts';

export interface Preemptible extends HeapItem {
  readonly site: Site;
  /** Since when it runs; of one that does not say so, infinity. */
  readonly at: number;
  readonly order: number;
  readonly pool: Pool;
}

/** All of one tenant and one priority. */
export interface Pool {
  readonly tenant: string | undefined;
  readonly priority: number;
  readonly youngest: Heap<Preemptible>;
  /** None of them holds a smaller part of its node. */
  partMin: number;
}

export class Preemptibles {
  readonly #byTenant = new Map<string | undefined, Map<number, Pool>>();
  readonly #byTask = new Map<string, Preemptible>();
  #order = 0;

  add({ task, site }: Grant): void {
    if (!mayEnd(task)) return;
    assert(!this.#byTask.has(task.id), 'W1: a task is here once');
    const pool = this.#pool(task.tenant, task.priority ?? 0);
    pool.partMin = Math.min(pool.partMin, partOf(site, task.ask));
    const at = task.at ?? Number.POSITIVE_INFINITY;
    const one: Preemptible = { slot: -1, site, at, order: this.#order++, pool };
    pool.youngest.push(one);
    this.#byTask.set(task.id, one);
  }

  remove(task: string): void {
    const one = this.#byTask.get(task);
    if (one === undefined) return;
    this.#byTask.delete(task);
    const { pool } = one;
    pool.youngest.remove(one);
    if (pool.youngest.size > 0) return;
    const pools = this.#byTenant.get(pool.tenant);
    pools?.delete(pool.priority);
    if (pools?.size === 0) this.#byTenant.delete(pool.tenant);
  }

  /** Those below the priority, the lowest first: of one tenant, or of all. */
  below(priority: number, tenant: string | undefined): readonly Pool[] {
    const tenants = tenant === undefined ? this.#byTenant.values() : [this.#byTenant.get(tenant)];
    const pools: Pool[] = [];
    for (const each of tenants) {
      for (const pool of each?.values() ?? []) if (pool.priority < priority) pools.push(pool);
    }
    return pools.sort((left, right) => left.priority - right.priority);
  }

  /** Compares with what runs. */
  check(running: Iterable<Grant>): void {
    let count = 0;
    for (const { task, site } of running) {
      if (!mayEnd(task)) continue;
      count++;
      const one = this.#byTask.get(task.id);
      const { pool } = one ?? {};
      const isOne = one?.site === site && pool?.tenant === task.tenant;
      assert(isOne && pool?.priority === (task.priority ?? 0), 'W1: who may be preempted is here');
      assert(pool.partMin <= partOf(site, task.ask), 'W1: no part is smaller than is said');
    }
    assert(count === this.#byTask.size, 'W1: nobody else is');
  }

  #pool(tenant: string | undefined, priority: number): Pool {
    let pools = this.#byTenant.get(tenant);
    if (pools === undefined) {
      pools = new Map();
      this.#byTenant.set(tenant, pools);
    }
    let pool = pools.get(priority);
    if (pool === undefined) {
      const youngest = new Heap<Preemptible>(isYounger);
      pool = { tenant, priority, youngest, partMin: Number.POSITIVE_INFINITY };
      pools.set(priority, pool);
    }
    return pool;
  }
}

/** The largest part of the node that the ask holds of any resource. */
export function partOf(site: Site, { amounts, gpu }: Ask): number {
  let part = 0;
  for (const { resource, milli } of amounts) {
    part = Math.max(part, milli / (site.capacity[resource] || milli));
  }
  if (gpu !== undefined) part = Math.max(part, (gpu.count * gpu.milli) / (site.gpus.length * 1000));
  return part;
}

function mayEnd({ spared, reserved }: Task): boolean {
  return spared !== true && reserved === undefined;
}

function isYounger(left: Preemptible, right: Preemptible): boolean {
  return left.at === right.at ? left.order < right.order : left.at > right.at;
}
