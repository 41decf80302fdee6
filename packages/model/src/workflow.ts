/**
 * A workflow as data: what the SDK's builder and the importers make, the manifest of a bundle
 * carries and the scheduler compiles. Expressions are JSON in which `{ $ref: [...] }` stands for a
 * value, `{ $text: [...] }` for the text that its parts make together, and `{ $first: [...] }` for the
 * first of its parts that is not null.
 */

/**
 * JSON with references: `{ $ref: ['input', 'folder'] }`, `{ $ref: ['blocks', 'plan', 'files'] }`;
 * inside a container or a block with `each` also `{ $ref: ['item'] }` and `{ $ref: ['index'] }` of
 * the innermost one, `{ $ref: ['around', 'rounds', 'index'] }` of one by its id. In a loop with a
 * `result`, `{ $ref: ['around', 'rounds', 'last'] }` is that of the round before: null, with every
 * path into it, in the first round. In an array a negative place counts from the end:
 * `{ $ref: ['blocks', 'drafts', -1] }`.
 *
 * A block that was skipped or that failed comes to null, and so does every path into it. Of one that
 * failed, `{ $ref: ['blocks', 'plan', 'error'] }` is its failure, `{ code, message }`. Any other path
 * that leads nowhere fails the block, unless the reference is `optional`: then it is null too.
 *
 * In what undoes a block, `{ $ref: ['done', 'hotel'] }` is what this block, named by its id, came to; null, with
 * every path into it, when it was at work as the run ended, so that nobody knows whether it was done.
 */
export type Expression =
  | null
  | boolean
  | number
  | string
  | readonly Expression[]
  | Reference
  | { readonly $text: readonly Expression[] }
  | { readonly $first: readonly Expression[] }
  | { readonly [key: string]: Expression };

export interface Reference {
  readonly $ref: readonly (string | number)[];
  readonly optional?: boolean;
  /** What it comes to instead of null where the block failed that it refers to as a whole. */
  readonly failed?: Expression;
}

/** A question in CEL (https://cel.dev) over named values: `score > 0.8 && size(files) > 0.0`. */
export interface Condition {
  readonly when: string;
  readonly values?: { readonly [name: string]: Expression };
}

interface BlockBase {
  /** Unique in its workflow. */
  readonly id: string;
  /** Ids of the blocks of its body that it comes after: edges from their `done`. */
  readonly after: readonly string[];
  /** The loop or parallel in whose body it stands. */
  readonly in?: string;
  /** Turns the block into one branch for each item; its output is the array of theirs, in order. */
  readonly each?: Expression;
  /** Branches of `each` or of a parallel in flight at once; `limits.branchesInFlight` unless given. */
  readonly inFlightMax?: number;
  /** What undoes it when its run ends without its output; of tasks, routes, calls and runs. With `each`
   *  each branch is undone. */
  readonly undo?: Undo;
}

/** What undoes a block: a task, or a call of an actor. A task is tried 5 more times unless it says otherwise. */
export type Undo = Tries &
  (
    | { readonly kind: 'task'; readonly task: string; readonly input: Expression }
    | {
        readonly kind: 'call';
        readonly type: string;
        readonly key: Expression;
        readonly method: string;
        readonly args: readonly Expression[];
      }
  );

/** How a block tries; what is not said is as its task declares, or the default of calls. */
export interface Tries {
  /** Tries after the first. */
  readonly retries?: number;
  /** Wait before each further try; the last one repeats. */
  readonly backoffMs?: readonly number[];
  /** Time for one try. */
  readonly limitMs?: number;
  /** `normal` unless given. */
  readonly priority?: 'low' | 'normal' | 'high';
}

export type Block = BlockBase &
  (
    | (Tries & { readonly kind: 'task'; readonly task: string; readonly input: Expression })
    | (Tries & {
        readonly kind: 'call';
        readonly type: string;
        readonly key: Expression;
        readonly method: string;
        readonly args: readonly Expression[];
      })
    | {
        /** Waits for a person; its output is what the person answers. */
        readonly kind: 'pause';
        readonly prompt: Expression;
        /** After so long unanswered it fails with `DEADLINE_EXCEEDED`. */
        readonly limitMs?: number;
      }
    | {
        /** Waits for a time of any length; nobody holds it meanwhile. */
        readonly kind: 'wait';
        readonly ms: Expression;
      }
    | {
        /** Leaves by the port of the first case that holds, else by `otherwise`; by none of them
         *  when there is neither. Its output is `{ port }`. */
        readonly kind: 'choice';
        readonly values?: { readonly [name: string]: Expression };
        readonly cases: readonly { readonly port: string; readonly when: string }[];
        readonly otherwise?: string;
      }
    | ({
        /** A task that says which port it leaves by: the `port` of its output. `error` and `settled` name none. */
        readonly kind: 'route';
        readonly task: string;
        readonly input: Expression;
      } & Tries)
    | {
        /** Its body, round after round. Its output is `{ results }`: of each round what its blocks
         *  came to, in the order in which they did; of one that failed `{ error }` with the message. */
        readonly kind: 'loop';
        /** A block of its body: the output is then the array of what this came to in each round, null
         *  where it was skipped or failed. */
        readonly result?: string;
        readonly rounds: Rounds;
        /** More rounds fail it with `RESOURCE_EXHAUSTED`; `limits.loopRoundsMax` unless given. */
        readonly roundsMax?: number;
      }
    | {
        /** Its body, in branches side by side. Its output is as a loop's. */
        readonly kind: 'parallel';
        readonly result?: string;
        readonly branches: { readonly count: Expression } | { readonly items: Expression };
      }
    | {
        /** Another workflow of the tenant as a run of its own; its output is that run's. */
        readonly kind: 'run';
        readonly workflow: string;
        readonly input: Expression;
      }
    /** A value, at once. */
    | { readonly kind: 'value'; readonly value: Expression }
    /** Ends the run with this output; what runs may end, nothing new starts. */
    | { readonly kind: 'answer'; readonly value: Expression }
  );

export type Rounds =
  | { readonly count: Expression }
  | { readonly items: Expression }
  /** Asked before each round. */
  | { readonly while: Condition }
  /** Asked after each round: there is at least one. */
  | { readonly until: Condition };

/** An edge that `after` and references do not say: from a port of a block. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /**
   * `done`, `error`, or a port of a choice or route. By `settled` an edge only makes wait: a block
   * runs when one of its other edges fired.
   */
  readonly port: string;
}

export interface Workflow {
  readonly name: string;
  readonly blocks: readonly Block[];
  readonly edges?: readonly Edge[];
  /** False: references make no edges; only `after` and `edges` do. True unless given. */
  readonly referencesAreEdges?: boolean;
  /** What a failure does that no error edge takes: `stop` (unless given) ends the run, `go-on` lets
   *  all else run first. */
  readonly onFailure?: 'stop' | 'go-on';
  /** How long a run may take from its start to its end, pauses included; no limit unless given. */
  readonly limitMs?: number;
  /** How long a run may be at work at a stretch, from its start, an answer or a time that has come to
   *  where nothing is left to do but to wait for the next; no limit unless given. A change of leaders
   *  begins the stretch anew. */
  readonly segmentLimitMs?: number;
  /** What the run comes to. */
  readonly output: Expression;
}
