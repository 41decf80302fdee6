/**
 * Scopes that went back in time, or are about to, durably. Kept as long as the scope has actors.
 *
 *   begun (its actors are held) ──▶ rewound (they go back) ──▶ all are back
 *     └──▶ refused
 *
 * D10 incarnations of a scope rise: each is the position of the fact by which it went back.
 * D13 the last `donesMax` times that a scope went back are remembered with what they came to, so that who asks again
 *     is told, also when it went back since.
 */
import {
  type ActorId,
  actorParts,
  assert,
  type Line,
  type LineTarget,
  type Owed,
  type PlaceRewind,
  type TenantName,
} from '@troupe/model';
import type { ActorRecord, ActorTable } from './actors.ts';
import type { SchedulerFact } from './facts.ts';
import { scopeKey } from './savepoint-table.ts';

/** What it came to that a scope went back. */
export interface RewindDone {
  readonly by: string;
  readonly line: Line;
  readonly incarnation: number;
}

export interface ScopeTime {
  readonly tenant: TenantName;
  readonly scope: string;
  /** Position of the last fact about it. */
  at: number;
  /** 0 when it never went back. */
  incarnation: number;
  /** It is about to. */
  begun?: { readonly at: number; readonly by: string; readonly to: LineTarget };
  /** How it went back last. */
  last?: {
    readonly by: string;
    readonly line: Line;
    readonly owed: { readonly [actor: ActorId]: Owed };
  };
  /** How it went back before that, oldest first. Absent from older images. */
  before?: readonly RewindDone[];
}

const donesMax = 64;

type RewindFact = Extract<
  SchedulerFact,
  { kind: 'rewind-begun' | 'rewind-refused' | 'scope-rewound' }
>;

export class RewindTable {
  readonly #scopes = new Map<string, ScopeTime>();
  readonly #actors: ActorTable;

  constructor(actors: ActorTable) {
    this.#actors = actors;
  }

  get size(): number {
    return this.#scopes.size;
  }

  all(): IterableIterator<ScopeTime> {
    return this.#scopes.values();
  }

  get(tenant: TenantName, scope: string): ScopeTime | undefined {
    return this.#scopes.get(scopeKey(tenant, scope));
  }

  of({ id, scope }: Pick<ActorRecord, 'id' | 'scope'>): ScopeTime | undefined {
    if (this.#scopes.size === 0) return undefined;
    return this.get(actorParts(id).tenant, scope);
  }

  /** D13. Undefined when it did not go back under this `by`, or that is forgotten. */
  doneBy({ last, incarnation, before }: ScopeTime, by: string): RewindDone | undefined {
    if (last?.by === by) return { by, line: last.line, incarnation };
    return before?.find((done) => done.by === by);
  }

  /** Its actors are held, or some of them are not back yet. */
  isUnderWay(tenant: TenantName, scope: string): boolean {
    const time = this.get(tenant, scope);
    return time !== undefined && (time.begun !== undefined || this.isReturning(time));
  }

  isReturning({ tenant, scope }: ScopeTime): boolean {
    return this.#actors.returning(tenant, scope) > 0;
  }

  /** What the node of an actor is told of it. */
  placeOf(actor: ActorRecord): { readonly rewind?: PlaceRewind } {
    const time = this.of(actor);
    if (time === undefined) return {};
    const { at, incarnation, begun } = time;
    const rewind: PlaceRewind = {
      at,
      incarnation,
      ...(begun === undefined ? {} : { held: true }),
      ...(actor.back === true ? { back: true } : {}),
    };
    return { rewind };
  }

  apply(fact: RewindFact, position: number): void {
    const { tenant, scope } = fact;
    const key = scopeKey(tenant, scope);
    const time = this.#scopes.get(key) ?? { tenant, scope, at: position, incarnation: 0 };
    this.#scopes.set(key, time);
    time.at = position;
    switch (fact.kind) {
      case 'rewind-begun':
        assert(!this.isUnderWay(tenant, scope), 'D11: a scope goes back once at a time');
        time.begun = { at: position, by: fact.by, to: fact.to };
        return;
      case 'rewind-refused':
        delete time.begun;
        return;
      case 'scope-rewound': {
        assert(time.begun !== undefined, 'D11: actors are held before they go back');
        if (time.last !== undefined) {
          const { by, line } = time.last;
          const done = { by, line, incarnation: time.incarnation };
          time.before = [...(time.before ?? []), done].slice(1 - donesMax);
        }
        time.last = { by: time.begun.by, line: fact.line, owed: fact.owed };
        time.incarnation = position;
        delete time.begun;
      }
    }
  }

  /** An actor of it was destroyed: with the last one nothing is left to be told apart. */
  forget(tenant: TenantName, scope: string): void {
    if (this.#scopes.size === 0 || this.#actors.inScope(tenant, scope).length > 0) return;
    this.#scopes.delete(scopeKey(tenant, scope));
  }

  image(): readonly ScopeTime[] {
    return [...this.#scopes.values()].map((time) => ({ ...time }));
  }

  restore(image: readonly ScopeTime[]): void {
    for (const time of image) this.#scopes.set(scopeKey(time.tenant, time.scope), { ...time });
  }
}
