/** Savepoints: lines of a scope under names. */
import type { ActorId, TenantName } from './ids.ts';
import type { Line } from './line.ts';

export type SavepointRequest =
  /** The last line that can be had, without stopping anybody. Under a name that is taken it finds
   *  what stands there. */
  | {
      readonly kind: 'make-savepoint';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly savepoint: string;
    }
  | { readonly kind: 'list-savepoints'; readonly tenant: TenantName; readonly scope: string }
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

export type SavepointAnswer =
  | { readonly kind: 'savepoint'; readonly savepoint: SavepointView }
  | {
      readonly kind: 'savepoints';
      readonly savepoints: readonly SavepointView[];
      readonly actors: readonly ActorId[];
    };
