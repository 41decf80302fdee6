/**
 * A POSIX shell on some machine, here or far: what all providers stand on. A script gets arguments
 * and standard input, answers on standard output, and says a failure of its own as a last line
 * `failed CODE what`. The frame of an answer and the bounds are in `frame.ts` and `program.ts`.
 *
 * H1  scripts hold no single quote and no doubled backslash, so that login shells like sh, bash, zsh
 *     and fish pass them on untouched.
 * H2  a script that does not answer in time is given up: `HOST_SILENT` when it surely did and will do
 *     nothing, else `HOST_LOST`.
 */
import { type ErrorCode, failure, isErrorCode, TroupeError, troupeError } from '@troupe/model';
import { type Frame, readFrame } from './frame.ts';
import type { ProgramEnd, ProgramInput } from './program.ts';

export interface ScriptRun extends ProgramInput {
  /** For people: what is done to whom, such as `the start of node n4`. */
  readonly what: string;
  /** How much more time it may take from its begin to its end than one that only looks. */
  readonly moreMs?: number;
}

export interface Shell {
  /** The machine, as a person would name it. */
  readonly place: string;
  /** The answer of the script; a failure becomes a coded error. */
  run(script: string, args: readonly (string | number)[], run: ScriptRun): Promise<string>;
}

/** For scripts that only look, and for the way of any script to its begin. */
export const answerMsDefault = 30_000;

/** Bound on the time from the begin of a script to its end. */
export function boundOf({ held }: Frame, { moreMs = 0 }: ScriptRun): number {
  return held.msMax + moreMs;
}

/** The command line that runs a script, for any login shell. */
export function shellCommand(script: string, args: readonly (string | number)[]): string {
  return [
    'exec',
    'sh',
    '-c',
    quoted(script),
    'troupe',
    ...args.map((arg) => quoted(`${arg}`)),
  ].join(' ');
}

/** H1. */
function quoted(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  throw troupeError('INVALID_ARGUMENT', `${JSON.stringify(text)} holds a single quote`);
}

/** What a script came to. */
export function scriptResult(place: string, frame: Frame, end: ProgramEnd, run: ScriptRun): string {
  const { what } = run;
  const { begun, code, answer } = readFrame(frame, end.stdout);
  const told = (given: ErrorCode, how: string) =>
    troupeError(given, `${place}: ${what} ${how}`, { place });
  if (code === 0) return answer;
  if (code !== undefined) {
    const last = answer.trimEnd().split('\n').at(-1) ?? '';
    const [, own = '', reason = ''] = /^failed ([A-Z_]+) (.*)$/.exec(last) ?? [];
    if (isErrorCode(own)) throw troupeError(own, `${place}: ${reason}`, { place });
    const full = /No space left|Disk quota exceeded/.test(end.stderr);
    const how = `ended with code ${code}, saying: ${lastWords(end.stderr)}`;
    throw told(full ? 'HOST_FULL' : 'HOST_UNSUITABLE', how);
  }
  if (end.givenUp) {
    const seconds = (end.went ? boundOf(frame, run) : frame.held.msMax) / 1_000;
    const where =
      begun || end.stderr.trim() !== '' ? '' : '; its shell has not even run the script';
    const words = end.stderr.trim() === '' ? where : `, saying: ${lastWords(end.stderr)}`;
    throw end.went
      ? told('HOST_LOST', `did not end within ${seconds} s and was given up${words}`)
      : told('HOST_SILENT', `did not begin within ${seconds} s and was given up${words}`);
  }
  const how = end.signal === null ? `code ${end.code}` : `signal ${end.signal}`;
  if (begun) throw told('HOST_LOST', `was cut short (${how}), saying: ${lastWords(end.stderr)}`);
  const words = lastWords(`${end.stdout}\n${end.stderr}`);
  throw told(
    'HOST_UNSUITABLE',
    `was not run by the shell there, which ended (${how}), saying: ${words}`,
  );
}

/** An answer that no script of ours gives. */
export function unexpected(place: string, what: string, answer: string): TroupeError {
  const said = JSON.stringify(answer.slice(0, 200));
  const how = `${place}: ${what} gave an answer that is none: ${said}`;
  const next = 'see what the shell there prints by itself, and whether the folder there is damaged';
  const details = { place };
  return new TroupeError({
    ...failure('HOST_UNSUITABLE', how, details),
    message: `${how}; ${next}`,
  });
}

export function lastWords(text: string): string {
  return text.trim().split('\n').slice(-4).join('; ').slice(-2_000) || '(nothing)';
}
