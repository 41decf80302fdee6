/** Savepoints: lines of a scope under names. */
import type { BlockBeyond } from './blocks-beyond.ts';
import type { ActorId, RunId, TenantName } from './ids.ts';
import type { Line, OutsideEffect } from './line.ts';
import type { BlockView, RunState } from './requests.ts';

/** To where a scope would go back: to the line of a savepoint, or to the last one with this turn. */
export type LineTarget =
  | { readonly savepoint: string }
  | { readonly actor: ActorId; readonly turn: number };

/** The line there, and what lies beyond it. */
export interface LineView {
  readonly scope: string;
  readonly line: Line;
  /** The last turn of each actor when it was looked for. */
  readonly last: Line;
  /** The first turn at which each can still be had, of those whose past is kept. */
  readonly earliest: Line;
  readonly effects: readonly OutsideEffect[];
  /** How many there are in all. */
  readonly effectCount: number;
  /** The first of the blocks of runs that these turns have answered, or that one under way works for; one
   *  stands there once for each actor. */
  readonly blocks: readonly BlockBeyondView[];
  readonly blockCount: number;
}

/** A block of a run that has to do with turns beyond a line, and what has become of it by now. */
export interface BlockBeyondView extends Omit<BlockBeyond, 'task'> {
  readonly run: RunId;
  readonly block: string;
  /** `unknown` when nothing is known of it any more. */
  readonly state: BlockView['state'] | 'unknown';
  readonly runState: RunState | 'unknown';
}

export type SavepointRequest =
  | {
      readonly kind: 'show-line';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly to: LineTarget;
    }
  /** The last line that can be had, without stopping anybody. Under a name that is taken it finds
   *  what stands there. */
  | {
      readonly kind: 'make-savepoint';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly savepoint: string;
    }
  /** Takes the scope back to there. Asked again under the same `by` it finds what came of it. */
  | {
      readonly kind: 'rewind';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly to: LineTarget;
      readonly by: string;
    }
  /** What came of one: `done` when there was none under this `by`, or that is forgotten. */
  | {
      readonly kind: 'find-rewind';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly by: string;
    }
  | {
      readonly kind: 'list-savepoints';
      readonly tenant: TenantName;
      readonly scope: string;
      /** Those that were made after the one of this name; all when it is not there. */
      readonly after?: string;
    }
  | {
      readonly kind: 'drop-savepoint';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly savepoint: string;
    };

export interface SavepointView {
  readonly scope: string;
  readonly savepoint: string;
  readonly line: Line;
  /** Wall-clock ms, for people. */
  readonly at: number;
}

/** A scope that has gone back. */
export interface RewoundView {
  readonly scope: string;
  readonly line: Line;
  /** Incarnation of the scope since then. */
  readonly incarnation: number;
}

export type SavepointAnswer =
  | { readonly kind: 'rewound'; readonly rewound: RewoundView }
  | { readonly kind: 'line'; readonly line: LineView }
  | { readonly kind: 'savepoint'; readonly savepoint: SavepointView }
  | {
      readonly kind: 'savepoints';
      /** As many as fit, in the order in which they were made. */
      readonly savepoints: readonly SavepointView[];
      readonly more: boolean;
      /** The actors of the scope, as many as fit. */
      readonly actors: readonly ActorId[];
    };
