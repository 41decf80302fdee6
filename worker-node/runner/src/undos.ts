/**
 * What a turn would have to undo if it failed for good, in the order in which user code asked for it.
 *
 * U1  the order depends only on the order of the asking, not on what ended first.
 */
import { limits, troupeError } from '@troupe/model';
import type { Compensation, StepOptions, UndoContext, UndoOptions } from '@troupe/sdk';
import { checkTries } from './options.ts';
import type { Work } from './work.ts';

export interface Undo {
  readonly name: string;
  readonly run: (undo: UndoContext) => unknown;
  readonly options: UndoOptions;
  /** Its place among the ordinals of the turn. */
  readonly place: number;
}

/** Ordinals that each compensation has: its own, and those of its calls. */
export const undoOrdinals: number = limits.undoCallsMax + 1;

export class Undos {
  readonly #undos: Undo[] = [];

  get size(): number {
    return this.#undos.length;
  }

  add(undo: Undo): void {
    this.#undos.push(undo);
  }

  /** The last first (U1). */
  inReverse(): readonly Undo[] {
    return this.#undos
      .map((undo, order) => ({ undo, order }))
      .sort((left, right) => right.undo.place - left.undo.place || right.order - left.order)
      .map(({ undo }) => undo);
  }
}

/** What takes up the compensation of a step once it is known what the step came to, if it has one. */
export function compensationOf(
  work: Work,
  step: { readonly name: string; readonly options: StepOptions<never> },
  ordinal: number,
): ((result: unknown) => void) | undefined {
  const { compensate } = step.options;
  if (compensate === undefined) return undefined;
  const given = typeof compensate === 'function' ? { run: compensate } : compensate;
  checkRun(step.name, given?.run);
  checkTries(`the compensation of ${step.name}`, given);
  const { run, ...options } = given;
  work.departures.reserve(undoOrdinals);
  const compensation = run as Compensation<unknown>;
  return (result) =>
    work.undos.add({
      name: step.name,
      run: (undo) => compensation(result, undo),
      options,
      place: ordinal,
    });
}

/** `c.compensate`: it comes after the steps asked for before it. */
export function compensate(
  work: Work,
  name: string,
  run: (undo: UndoContext) => unknown,
  options: UndoOptions,
): void {
  if (typeof name !== 'string' || name === '') {
    throw troupeError('INVALID_ARGUMENT', 'c.compensate needs a name and a function');
  }
  checkRun(name, run);
  checkTries(`the compensation ${name}`, options);
  const { departures } = work;
  departures.reserve(undoOrdinals);
  work.undos.add({ name, run, options, place: departures.asked - 0.5 });
}

function checkRun(name: string, run: unknown): void {
  if (typeof run === 'function') return;
  throw troupeError('INVALID_ARGUMENT', `the compensation of ${name} is not a function`);
}
