/** Scopes and their savepoints, as an application sees them. */
import { actorId, troupeError } from '@troupe/model';
import type { ActorCalls, AnyActorDefinition, UntypedCalls } from './actor.ts';
import { nameOf } from './handle.ts';
import type { SavepointMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

type Target = string | { readonly name: string; readonly turnLimitMs?: number };
type Former = <T>(target: Target, key: string, atTurn: number) => T;

export interface Scope {
  readonly name: string;
  /** The last consistent line through the turns of its actors that can be had, without stopping
   *  anybody. Under a name that is taken it finds the savepoint that is there. */
  savepoint(name: string): Promise<Savepoint>;
  savepoints(): Promise<readonly Savepoint[]>;
  /** Ids of the actors that are in it now; some thousands of them at most. */
  actors(): Promise<readonly string[]>;
  /** The line of a savepoint, or the last one with this turn of an actor before it, and what lies
   *  beyond: nothing goes back by it. `actor` is an id, `tenant/Type/key`. */
  line(to: LineTarget): Promise<ShownLine>;
  /** Takes all its actors back to such a line; they stand still meanwhile. What they have done to others
   *  since then stays done (see `line`); who waits for a call that had begun beyond it is told `REWOUND`.
   *  Fails with `TOO_FAR_BACK` when an actor or a letter in transit is not kept any more; then
   *  nobody has gone back. With `OUTCOME_UNKNOWN` it may have: see `line`. */
  rewind(to: LineTarget): Promise<Rewound>;
}

/** A savepoint, or an actor by its id, `tenant/Type/key`, and a turn of it. */
export type LineTarget =
  | { readonly savepoint: string }
  | { readonly actor: string; readonly turn: number };

export interface Rewound {
  /** By actor, the number of its last turn now. */
  readonly line: { readonly [actor: string]: number };
  /** Of the scope; it rises each time. */
  readonly incarnation: number;
}

export interface ShownLine {
  /** By actor, the number of its last turn before the line. */
  readonly line: { readonly [actor: string]: number };
  /** Its last turn of all, when the line was looked for. */
  readonly last: { readonly [actor: string]: number };
  /** The first turn at which it can still be had; none where its past is not kept. */
  readonly earliest: { readonly [actor: string]: number };
  /** What turns beyond the line have done to others; the first thousand at most. */
  readonly effects: readonly {
    readonly actor: string;
    readonly turn: number;
    /** `step`, `step-begun` (it may have taken effect or not), `call`, `letter`, `letter-taken` or `answer`. */
    readonly kind: string;
    readonly what: string;
  }[];
  readonly effectCount: number;
  /** Blocks of runs that turns beyond the line have answered, or that one under way works for; a thousand at
   *  most. A block stands there once for each actor. */
  readonly blocks: readonly {
    readonly run: string;
    /** With its round or branch: `ask[2][0]`. */
    readonly block: string;
    /** What has become of it by now: that of a block of a run, or `unknown`. */
    readonly state: string;
    readonly runState: string;
    readonly actor: string;
    /** The first of these turns, and the id of the call that it was. */
    readonly turn: number;
    readonly call: string;
    /** How many calls of it lie beyond the line. */
    readonly calls: number;
  }[];
  readonly blockCount: number;
}

export interface Savepoint {
  readonly name: string;
  /** By actor, the number of the last turn before the line; 0 is how it was born. */
  readonly line: { readonly [actor: string]: number };
  /** When it was made. */
  readonly at: Date;
  /** An actor as it was there: only its reads can be called, as long as its turns are kept. */
  actor<A extends AnyActorDefinition>(actor: A, key: string): ActorCalls<A>;
  actor(type: string, key: string): UntypedCalls;
  drop(): Promise<void>;
}

/** How long the cluster may look for a line. */
const surveyMs = 45_000;
/** How long one rewind may be waited for, whatever dies meanwhile. */
const rewindMs = 180_000;

export function scopeOf(unary: Unary, tenant: string, scope: string, former: Former): Scope {
  const made = (message: SavepointMessage): Savepoint => {
    return savepointOf({ unary, tenant, former }, message);
  };
  return {
    name: scope,
    async savepoint(savepoint) {
      const asked = { tenant, scope, savepoint };
      const answer = await unary.ask('ScopesService/MakeSavepoint', asked, { waitMs: surveyMs });
      return made(answer.savepoint);
    },
    async savepoints() {
      const found: SavepointMessage[] = [];
      for (let more = true; more; ) {
        const after = found.at(-1)?.savepoint ?? '';
        const asked = { tenant, scope, after };
        const page = await unary.ask('ScopesService/ListSavepoints', asked);
        found.push(...page.savepoints);
        more = page.more && page.savepoints.length > 0;
      }
      return found.map(made);
    },
    async rewind(to) {
      const asked = { tenant, scope, ...named(to), by: unary.newId() };
      const options = { waitMs: rewindMs, begins: true };
      return await unary.ask('ScopesService/Rewind', asked, options);
    },
    async line(to) {
      const asked = { tenant, scope, ...named(to) };
      const waitMs = 2 * surveyMs;
      const found = await unary.ask('ScopesService/ShowLine', asked, { waitMs });
      const { line, last, earliest, effects, effectCount, blocks, blockCount } = found;
      return { line, last, earliest, effects, effectCount, blocks, blockCount };
    },
    async actors() {
      const asked = { tenant, scope, after: '' };
      return (await unary.ask('ScopesService/ListSavepoints', asked)).actors;
    },
  };
}

function named(to: LineTarget): { savepoint: string; actor: string; turn: number } {
  return { savepoint: '', actor: '', turn: 0, ...to };
}

function savepointOf(
  { unary, tenant, former }: { unary: Unary; tenant: string; former: Former },
  { scope, savepoint, line, at }: SavepointMessage,
): Savepoint {
  return {
    name: savepoint,
    line,
    at: new Date(at),
    actor: <T>(target: Target, key: string): T => {
      const id = actorId(tenant, nameOf(target), key);
      const turn = line[id];
      if (turn !== undefined) return former<T>(target, key, turn);
      const what = `actor "${id}" was not in scope "${scope}" at savepoint "${savepoint}"`;
      throw troupeError('INVALID_ARGUMENT', what);
    },
    async drop() {
      await unary.ask('ScopesService/DropSavepoint', { tenant, scope, savepoint });
    },
  };
}
