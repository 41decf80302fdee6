/**
 * What marks a thing as a definition. A bundle carries its own copy of this package, so the runner
 * recognises definitions by brand and never by `instanceof`.
 *
 * D1  a definition is frozen, carries its kind under the brand, and says which SDK made it.
 * D2  a name that the cluster would refuse is refused here, where the stack shows the line.
 */
import { isTypeName, troupeError } from '@troupe/model';

/** The property that every definition has; its value is the definition's kind. */
export const definitionBrand: unique symbol = Symbol.for('troupe.definition');

export type DefinitionKind = 'actor' | 'task' | 'workflow';

/** What all definitions share. */
export interface Definition<K extends DefinitionKind> {
  readonly [definitionBrand]: K;
  /** Type of the actor, or name of the task or workflow. */
  readonly name: string;
  /** Version of the SDK that made it. */
  readonly sdk: string;
}

/** Refuses a name that may not stand in an id (D2). `what` says whose name it is. */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string' || !isTypeName(name)) {
    throw troupeError(
      'INVALID_ARGUMENT',
      `${what} ${JSON.stringify(name)} is no name: up to 128 letters, digits, "_", "$", "." or "-", ` +
        'with a letter, "_" or "$" first',
    );
  }
}

/** The largest numbers of the wire's `uint32` and `int32`. */
export const uint32Max: number = 2 ** 32 - 1;
export const int32Max: number = 2 ** 31 - 1;

/** Refuses what the wire cannot say, or would take for "not given". */
export function checkWhole(
  what: string,
  value: number | undefined,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  if (value === undefined) return;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const text = `${what} is ${value}; it must be a whole number from ${least} to ${most}`;
  throw troupeError('INVALID_ARGUMENT', text, { argument: what });
}

/** Refuses what is no positive whole number of milliseconds, or of whatever `what` counts. */
export function checkCount(what: string, value: number | undefined, least: number): void {
  if (value === undefined) return;
  if (!Number.isSafeInteger(value) || value < least) {
    throw troupeError(
      'INVALID_ARGUMENT',
      `${what} is ${String(value)}, not a whole number from ${least} on`,
    );
  }
}
