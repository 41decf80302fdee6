/** What may be said of a block beside what it does. */
import type { Retries } from '@troupe/model';
import type { Made, Ref } from '../ref.ts';
import type { Port } from './port.ts';
import type { Undo, Undoer } from './undo.ts';

/** A block: its id, its result, or a way out of it. */
export type Earlier = string | Made<unknown> | Port;

export interface BlockOptions {
  /** Blocks that must have settled before, beside those whose results are used: ids, results, or
   *  ports. With ports the block runs only when one of what is named here has come about. */
  readonly after?: readonly Earlier[];
}

/** How a task or a call tries; what is not said is as its task declares. */
export interface Tried {
  /** Tries after the first, or `unlimited`. */
  readonly retries?: Retries;
  /** Wait before each further try; the last one repeats. */
  readonly backoffMs?: number | readonly number[];
  /** Time for one try. */
  readonly limitMs?: number;
  /** `normal` unless given. */
  readonly priority?: 'low' | 'normal' | 'high';
}

/** How a block tries. */
export interface TryOptions extends BlockOptions, Tried {}

export interface ParallelOptions extends BlockOptions {
  /** Branches in flight at once; 10 unless given. */
  readonly inFlightMax?: number;
}

/** Of a block with the result `O`. */
export interface RunOptions<O> extends BlockOptions {
  /**
   * What undoes the block when its run ends without its output: a task or a call, whose input may use
   * what the block came to, and whatever the block may use. It is null when the block was at work just then, so
   * that nobody knows whether it was done. What ended last is undone first.
   */
  readonly undo?: (done: Ref<O>, by: Undoer) => Undo;
}

/** Of a task, a route or a call with the result `O`. */
export interface WorkOptions<O> extends RunOptions<O>, Tried {}

export interface EachOptions<E = unknown, O = unknown> extends TryOptions {
  /** Branches in flight at once; 10 unless given. */
  readonly inFlightMax?: number;
  /** What undoes one branch, as of other blocks. */
  readonly undo?: (done: Ref<O>, by: Undoer, item: Ref<E>, index: Ref<number>) => Undo;
}

export interface LoopOptions extends BlockOptions {
  /** More rounds fail the loop with `RESOURCE_EXHAUSTED`; 100,000 unless given. */
  readonly roundsMax?: number;
}

export interface PauseOptions extends BlockOptions {
  /** After so long unanswered it fails with `DEADLINE_EXCEEDED`. */
  readonly limitMs?: number;
}

/** What a choice decides by: conditions in CEL (https://cel.dev), asked in order. */
export interface ChoiceCases<C extends string, E extends string> {
  /** Names that the conditions use. */
  readonly values?: { readonly [name: string]: unknown };
  /** By port, the condition under which it is taken. */
  readonly cases: { readonly [P in C]: string };
  /** The port that is taken when no case holds. */
  readonly otherwise?: E;
}

/** A question in CEL over named values. */
export interface Question {
  readonly when: string;
  readonly values?: { readonly [name: string]: unknown };
}
