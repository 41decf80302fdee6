/**
 * What a node and its runner say to each other over their pipe: length-prefixed `encode`d arrays of
 * frames (4 bytes big-endian length, then msgpack). A runner reaches nothing of the cluster but
 * this. One runner serves one bundle, given on its command line.
 */

import type { Progress } from './activity.ts';
import type { ConfigVersion, ResolvedSecrets } from './config.ts';
import type { LetterTries } from './dead-letters.ts';
import type { Failure, Outcome } from './errors.ts';
import type { ActorId, BundleHash, Bytes, TaskId, TenantName } from './ids.ts';
import type { Manifest, Resources } from './manifest.ts';
import type { SaidPriority } from './priority.ts';
import type { PendingTimer, TimerChange } from './timers.ts';

/** Number that the node gives to a turn or task while the runner has it. */
export type WorkId = number;

/** What a turn did before it left its actor, recorded durably: replayed by ordinal. */
export type Recorded =
  | {
      readonly ordinal: number;
      readonly kind: 'step';
      readonly name: string;
      /** Absent while it is at work: that is recorded of one that is undone when its turn fails. */
      readonly outcome?: Outcome;
      /** It is undone when its turn fails. */
      readonly undo?: true;
    }
  | {
      readonly ordinal: number;
      readonly kind: 'call';
      readonly name: string;
      /** Absent while the reply has not come: the runner asks again and waits. */
      readonly outcome?: Outcome;
    }
  | {
      /** `c.waitFor`: the outcome is absent while no signal has come. */
      readonly kind: 'wait';
      readonly ordinal: number;
      readonly name: string;
      readonly limitMs?: number;
      readonly outcome?: Outcome;
      /** Number of the signal that it was given: it is kept no longer. */
      readonly signal?: number;
    }
  | Decided;

/** What the runner chose and must choose again. What is `lost` is not heard of any more. */
export type Decided =
  | {
      /** `c.race`: the outcome is the place of the winner in its list. */
      readonly kind: 'race';
      readonly ordinal: number;
      readonly name: string;
      readonly outcome: Outcome;
      readonly lost: readonly number[];
    }
  | {
      /** The turn has failed for good, with this outcome: what it did is undone, step by step. */
      readonly kind: 'failed';
      readonly ordinal: number;
      readonly name: string;
      readonly outcome: Outcome;
      readonly lost: readonly number[];
      /** What is to be undone, in this order. */
      readonly undo?: readonly string[];
      /** A node found that the turn fails: `undo` is what it knows of, and the runner that undoes the turn
       *  says all of it in a record of its own, which takes the place of this one. */
      readonly found?: true;
    };

export interface ObjectBody {
  readonly object: number;
  readonly body: Bytes;
}

export type ToRunner =
  | {
      /** Build the state: the constructor's when there is no checkpoint, then the deltas in order. */
      readonly kind: 'activate';
      readonly actor: ActorId;
      /** Encoded state of a checkpoint. */
      readonly state?: Bytes;
      /** Instead: the state that was built ahead of this revision. */
      readonly ahead?: number;
      /** Deltas as `turn-done` gave them. */
      readonly deltas: readonly Bytes[];
      /** Absent when none wait. */
      readonly timers?: readonly PendingTimer[];
      /** Number of the next timer that is set; 1 when absent. */
      readonly nextTimer?: number;
      /** The state is of this earlier version, and becomes one of the bundle's; or it is `stored`, and
       *  recorded whole as it is. */
      readonly migrate?: { readonly from: number } | { readonly stored: true };
    }
  /** The actor may soon be here: build the state of this checkpoint, and keep it until `activate`,
   *  `deactivate` or `drop-ahead`. Answered by `built-ahead`. */
  | {
      readonly kind: 'build-ahead';
      readonly actor: ActorId;
      readonly revision: number;
      readonly state: Bytes;
    }
  | { readonly kind: 'drop-ahead'; readonly actor: ActorId }
  | { readonly kind: 'deactivate'; readonly actor: ActorId }
  | {
      /** Turns of one actor run one after another in the order sent; reads run at once. */
      readonly kind: 'turn';
      readonly work: WorkId;
      readonly actor: ActorId;
      readonly method: string;
      readonly args: Bytes;
      readonly read: boolean;
      /** Stable id of this call: prefix of effect ids. */
      readonly callId: string;
      readonly recorded: readonly Recorded[];
      readonly limitMs: number;
      /** What it yields is taken, and so many values of it are recorded; absent when nobody takes any. */
      readonly yielded?: number;
      /** The firing that it is; with `to` nothing runs, and the letter is sent there. */
      readonly timer?: {
        readonly number: number;
        readonly firing: number;
        readonly to?: { readonly type: string; readonly key: string };
      };
    }
  | {
      readonly kind: 'task';
      readonly work: WorkId;
      readonly task: TaskId;
      readonly attempt: number;
      readonly tenant: TenantName;
      readonly name: string;
      readonly input: Bytes;
      /** What the handles in the input stand for. */
      readonly objects?: readonly ObjectBody[];
      readonly limitMs: number;
      readonly gpus?: readonly number[];
    }
  /** What turns, reads and attempts of this tenant see that are sent from now on. */
  | ({
      readonly kind: 'config';
      readonly tenant: TenantName;
      /** Added by the process of the node on the way: no machine ever has one. */
      readonly secrets?: ResolvedSecrets;
    } & ConfigVersion)
  /** The side effect of this step may begin: all that came before it is durable. */
  | { readonly kind: 'step-go'; readonly work: WorkId; readonly ordinal: number }
  /** Of an awaited call or of a wait. */
  | {
      readonly kind: 'call-returned';
      readonly work: WorkId;
      readonly ordinal: number;
      readonly outcome: Outcome;
    }
  /** What it has yielded below this position is durable, and there is room for more. */
  | { readonly kind: 'yields-seen'; readonly work: WorkId; readonly upTo: number }
  /** That its turn waits is known: turns sent from now on are to be run. */
  | { readonly kind: 'waits-seen'; readonly actor: ActorId }
  /** Give the full state at the last finished turn. */
  | { readonly kind: 'capture'; readonly actor: ActorId; readonly request: number }
  | { readonly kind: 'cancel'; readonly work: WorkId }
  /** Give back the turns of this actor that have not begun; answered by `recalled`. */
  | { readonly kind: 'recall'; readonly actor: ActorId };

export interface MigratedState {
  /** As `turn-done` gives it. */
  readonly delta?: Bytes;
  /** The state before, as a checkpoint holds it. */
  readonly former: Bytes;
}

export type FromRunner =
  | { readonly kind: 'loaded'; readonly bundle: BundleHash; readonly manifest: Manifest }
  | { readonly kind: 'load-failed'; readonly failure: Failure }
  | {
      readonly kind: 'activated';
      readonly actor: ActorId;
      /** What became of its state, where that was to be migrated and it had one. */
      readonly migrated?: MigratedState;
    }
  | { readonly kind: 'activate-failed'; readonly actor: ActorId; readonly failure: Failure }
  | {
      readonly kind: 'built-ahead';
      readonly actor: ActorId;
      readonly revision: number;
      /** False: nothing is kept, since the state could not be built. */
      readonly kept: boolean;
    }
  | {
      readonly kind: 'turn-done';
      readonly work: WorkId;
      readonly outcome: Outcome;
      /** What changed in the state; absent when nothing did, or the turn failed, or it was a read. */
      readonly delta?: Bytes;
      /** `c.send`s of the turn, in order; none when it failed. */
      readonly sends: readonly OutgoingSend[];
      /** What it did to timers, in order; absent when nothing, or when it failed. */
      readonly timers?: readonly TimerChange[];
      /** Cpu time, where that could be told. */
      readonly cpuMs?: number;
      /** It was a firing of a timer that a turn before it had cancelled: nothing ran. */
      readonly skipped?: true;
      /** Letters to these that were not taken are not to be sent any more. */
      readonly withdrawn?: readonly Pick<OutgoingSend, 'type' | 'key'>[];
    }
  | {
      readonly kind: 'task-done';
      readonly work: WorkId;
      readonly outcome: Outcome;
      /** As in `TaskResult`. */
      readonly used?: Resources;
    }
  /** A step wants to begin; wait for `step-go`. */
  | {
      readonly kind: 'step-begin';
      readonly work: WorkId;
      readonly ordinal: number;
      readonly name: string;
      readonly undo?: true;
    }
  | {
      readonly kind: 'step-done';
      readonly work: WorkId;
      readonly ordinal: number;
      readonly name: string;
      readonly outcome: Outcome;
      readonly undo?: true;
    }
  | {
      /** A turn or task calls an actor and awaits it. `name` is `Type/key.method`. */
      readonly kind: 'call-out';
      readonly work: WorkId;
      readonly ordinal: number;
      readonly name: string;
      readonly type: string;
      readonly key: string;
      readonly method: string;
      readonly args: Bytes;
      readonly deadlineMs: number;
      readonly priority?: SaidPriority;
    }
  /** A turn waits for a signal; answered by `call-returned`. */
  | {
      readonly kind: 'wait-begin';
      readonly work: WorkId;
      readonly ordinal: number;
      readonly name: string;
      readonly limitMs?: number;
    }
  /** The turn has nothing to do but to wait, and is given up here: when it need not wait any longer
   *  it is sent again with its record. Until `waits-seen` the runner drops turns of the actor. */
  | {
      readonly kind: 'turn-waits';
      readonly work: WorkId;
      /** What it waits for. */
      readonly ordinals: readonly number[];
    }
  /** Of these nothing has run, nor will here. */
  | { readonly kind: 'recalled'; readonly actor: ActorId; readonly works: readonly WorkId[] }
  | { readonly kind: 'decided'; readonly work: WorkId; readonly decided: Decided }
  /** A value for whoever takes what the turn yields; answered by `yields-seen` when there is room. */
  | {
      readonly kind: 'yielded';
      readonly work: WorkId;
      readonly position: number;
      readonly value: Bytes;
    }
  | {
      readonly kind: 'captured';
      readonly actor: ActorId;
      readonly request: number;
      readonly state: Bytes;
    }
  /** How far it has come: told at most ten times a second, the last word counts. */
  | { readonly kind: 'progress'; readonly work: WorkId; readonly progress: Progress }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly text: string;
    };

export interface OutgoingSend {
  /** Absent: as the receiver declares. */
  readonly tries?: LetterTries;
  readonly priority?: SaidPriority;
  /** Of all letters to its receiver with this key one takes effect. */
  readonly idempotencyKey?: string;
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly args: Bytes;
}
