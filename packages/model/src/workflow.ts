/**
 * A workflow as data: what the SDK's builder makes, the manifest of a bundle carries and the
 * scheduler compiles. Expressions are JSON in which `{ $ref: [...] }` stands for a value.
 */

/** JSON with references. `{ $ref: ['input', 'folder'] }`, `{ $ref: ['blocks', 'plan', 'files'] }`,
 *  inside a block with `each` also `{ $ref: ['item'] }` and `{ $ref: ['index'] }`. */
export type Expression =
  | null
  | boolean
  | number
  | string
  | readonly Expression[]
  | { readonly $ref: readonly (string | number)[] }
  | { readonly [key: string]: Expression };

interface BlockBase {
  /** Unique in its workflow. */
  readonly id: string;
  /** Ids of the blocks that must have settled before this one starts. */
  readonly after: readonly string[];
  /** Turns the block into one branch for each item; its output is the array of theirs, in order. */
  readonly each?: Expression;
  /** Branches of `each` in flight at once; `limits.branchesInFlight` unless given. */
  readonly inFlightMax?: number;
}

export type Block = BlockBase &
  (
    | { readonly kind: 'task'; readonly task: string; readonly input: Expression }
    | {
        readonly kind: 'call';
        readonly type: string;
        readonly key: Expression;
        readonly method: string;
        readonly args: readonly Expression[];
      }
    | {
        /** Waits for a person; its output is what the person answers. */
        readonly kind: 'pause';
        readonly prompt: Expression;
      }
  );

export interface Workflow {
  readonly name: string;
  readonly blocks: readonly Block[];
  /** What the run comes to. */
  readonly output: Expression;
}
