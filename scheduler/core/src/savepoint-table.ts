/**
 * The savepoints, durably: lines of scopes under names.
 *
 * Y8  a name stands for one line of its scope, until it is dropped, or the scope goes back behind it. Only
 *     actors that are destroyed leave the line.
 */
import { type ActorId, actorParts, assert, type Line, type TenantName } from '@troupe/model';
import type { SchedulerFact } from './facts.ts';

export interface SavepointRecord {
  readonly tenant: TenantName;
  readonly scope: string;
  readonly savepoint: string;
  readonly line: Line;
  readonly at: number;
}

export type SavepointsImage = readonly SavepointRecord[];

type SavepointFact = Extract<SchedulerFact, { kind: 'savepoint-made' | 'savepoint-dropped' }>;

/** Scopes belong to tenants; names of tenants hold no blanks. */
export function scopeKey(tenant: TenantName, scope: string): string {
  return `${tenant} ${scope}`;
}

export class SavepointTable {
  readonly #scopes = new Map<string, Map<string, SavepointRecord>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(tenant: TenantName, scope: string, savepoint: string): SavepointRecord | undefined {
    return this.#scopes.get(scopeKey(tenant, scope))?.get(savepoint);
  }

  /** Of one scope, in the order in which they were made. */
  of(tenant: TenantName, scope: string): readonly SavepointRecord[] {
    return [...(this.#scopes.get(scopeKey(tenant, scope))?.values() ?? [])];
  }

  apply(fact: SavepointFact): void {
    const { tenant, scope, savepoint } = fact;
    if (fact.kind === 'savepoint-made') {
      const { line, at } = fact;
      return this.#add({ tenant, scope, savepoint, line, at });
    }
    const key = scopeKey(tenant, scope);
    const named = this.#scopes.get(key);
    assert(named?.delete(savepoint) === true, 'Y8: only a savepoint that is there is dropped');
    this.#size -= 1;
    if (named.size === 0) this.#scopes.delete(key);
  }

  /** The actor is destroyed: its turns are not to be had any more, and one that gets its name later may
   *  have turns of the same numbers. */
  forget(actor: ActorId, scope: string): void {
    const named = this.#scopes.get(scopeKey(actorParts(actor).tenant, scope));
    for (const [savepoint, record] of named ?? []) {
      if (record.line[actor] === undefined) continue;
      const { [actor]: _, ...line } = record.line;
      named?.set(savepoint, { ...record, line });
    }
  }

  /** The scope went back: what lies beyond is no more. */
  rewound({ tenant, scope, line }: Extract<SchedulerFact, { kind: 'scope-rewound' }>): void {
    const key = scopeKey(tenant, scope);
    const named = this.#scopes.get(key);
    for (const { savepoint, line: saved } of [...(named?.values() ?? [])]) {
      const isBefore = Object.entries(saved).every(([actor, turn]) => {
        return turn <= (line[actor as ActorId] ?? turn);
      });
      if (isBefore) continue;
      named?.delete(savepoint);
      this.#size -= 1;
    }
    if (named?.size === 0) this.#scopes.delete(key);
  }

  image(): SavepointsImage {
    return [...this.#scopes.values()].flatMap((named) => [...named.values()]);
  }

  restore(image: SavepointsImage): void {
    for (const record of image) this.#add(record);
  }

  #add(record: SavepointRecord): void {
    const key = scopeKey(record.tenant, record.scope);
    const named = this.#scopes.get(key) ?? new Map<string, SavepointRecord>();
    assert(!named.has(record.savepoint), 'Y8: a name stands for one line of its scope');
    named.set(record.savepoint, record);
    this.#scopes.set(key, named);
    this.#size += 1;
  }
}
