/** Options that user code gives, checked where it gives them, so that the stack shows the line. */
import { troupeError } from '@troupe/model';
import type { StepTries } from '@troupe/sdk';

/** Refuses what is no object, such as the options of something else. */
export function checkOptions(what: string, options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw troupeError('INVALID_ARGUMENT', `the options of ${what} are ${said(options)}, no object`);
}

/** How often something is tried, with which waits, and for how long. */
export function checkTries(what: string, options: StepTries): void {
  checkOptions(what, options);
  const { retries, backoffMs, limitMs, beatMs } = options;
  if (retries !== 'unlimited') checkNumber(what, 'retries', retries, 0, ', or "unlimited"');
  checkNumber(what, 'limitMs', limitMs, 1);
  checkNumber(what, 'beatMs', beatMs, 1);
  if (!Array.isArray(backoffMs)) return checkNumber(what, 'backoffMs', backoffMs, 0);
  if (backoffMs.length === 0) refuse(what, 'backoffMs', 'an empty list', 'has one wait at least');
  for (const wait of backoffMs as readonly unknown[]) {
    if (!isWhole(wait, 0)) refuse(what, 'backoffMs', `[${backoffMs.map(said).join(', ')}]`, waits);
  }
}

const waits = 'is whole numbers from 0 on';

/** Undefined means that nothing is said. */
export function checkNumber(
  what: string,
  option: string,
  given: unknown,
  least: number,
  or = '',
): void {
  if (given === undefined || isWhole(given, least)) return;
  refuse(what, option, said(given), `is a whole number from ${least} on${or}`);
}

function isWhole(given: unknown, least: number): boolean {
  return Number.isSafeInteger(given) && Number(given) >= least;
}

function refuse(what: string, option: string, given: string, must: string): never {
  const text = `${option} of ${what} is ${given}; it ${must}`;
  throw troupeError('INVALID_ARGUMENT', text, { argument: option });
}

function said(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given);
  return Array.isArray(given)
    ? 'a list'
    : typeof given === 'object'
      ? objectSaid(given)
      : String(given);
}

function objectSaid(given: object | null): string {
  return given === null ? 'null' : 'an object';
}
