/** A tenant whose tasks are not all alike, or that has a quota, queues or room of its own. */
import type { Quota } from '@troupe/model';
import type { HeapItem } from '../heap.ts';
import type { Accounts } from './accounts.ts';
import { Backlog, type Lane, type Prices, type Queued } from './backlog.ts';
import { none, type Slot } from './contest-tables.ts';
import { QuotaUse } from './quota.ts';
import type { ShapeSet } from './shapes.ts';

export interface Assorted<T extends Queued> extends HeapItem {
  readonly name: string;
  readonly tenant: Slot;
  /** Its own shapes, while it stands apart. */
  shapes: ShapeSet | undefined;
  readonly backlog: Backlog<T>;
  readonly use: QuotaUse;
  readonly lanes: Map<string, Lane>;
  /** Lanes that wait for the quota. */
  readonly parked: Set<Lane>;
  /** Of its lanes, how many compete. */
  competing: number;
  /** Of those, the ones beyond `ownLanesMax`, which compete as one. */
  readonly crowd: { shapeSlot: Slot; contestSlot: Slot; lanes: number };
  /** When its rate lets it start again; only while it rests for that. */
  restsUntil: number;
}

export function assortedOf<T extends Queued>(
  { name, tenant }: { readonly name: string; readonly tenant: Slot },
  prices: Prices<T>,
  accounts: Accounts,
): Assorted<T> {
  return {
    slot: -1,
    name,
    tenant,
    shapes: undefined,
    backlog: new Backlog<T>(prices),
    use: new QuotaUse(accounts, tenant),
    lanes: new Map(),
    parked: new Set(),
    competing: 0,
    crowd: { shapeSlot: none, contestSlot: none, lanes: 0 },
    restsUntil: 0,
  };
}

/** Whether it could as well wait in a single file. */
export function isPlain<T extends Queued>(state: Assorted<T>): boolean {
  const { shapes, backlog, use, slot } = state;
  return slot < 0 && shapes === undefined && backlog.size === 0 && backlog.isPlain && isFree(use);
}

export function wakesBefore<T extends Queued>(left: Assorted<T>, right: Assorted<T>): boolean {
  if (left.restsUntil !== right.restsUntil) return left.restsUntil < right.restsUntil;
  return left.tenant < right.tenant;
}

function isFree({ quota }: { readonly quota: Quota }): boolean {
  return Object.keys(quota).length === 0;
}
