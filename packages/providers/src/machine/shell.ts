/**
 * A POSIX shell on some machine, here or far: what all providers stand on. A script gets arguments
 * and standard input, answers on standard output, and says a failure of its own as a last line
 * `failed CODE what`.
 *
 * H1  scripts hold no single quote and no doubled backslash, so that login shells like sh, bash, zsh
 *     and fish pass them on untouched.
 */
import { type ErrorCode, isErrorCode, troupeError } from '@troupe/model';

export interface ShellInput {
  /** A file, or text. */
  readonly file?: string;
  readonly text?: string;
}

export interface Shell {
  /** The machine, as a person would name it. */
  readonly place: string;
  /** Standard output of the script; a failure becomes a coded error. */
  run(script: string, args: readonly (string | number)[], input?: ShellInput): Promise<string>;
}

export interface ShellEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
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

/** What a script that ended on its own came to. */
export function scriptResult(place: string, end: ShellEnd): string {
  if (end.code === 0) return end.stdout;
  const last = end.stdout.trimEnd().split('\n').at(-1) ?? '';
  const [, code = '', what = ''] = /^failed ([A-Z_]+) (.*)$/.exec(last) ?? [];
  if (isErrorCode(code)) throw troupeError(code, `${place}: ${what}`, { place });
  const how = end.signal === null ? `code ${end.code}` : `signal ${end.signal}`;
  throw strange(place, `a script ended with ${how}`, end.stderr);
}

/** A failure that the machine explains only in words. */
function strange(place: string, what: string, stderr: string) {
  const code: ErrorCode = /No space left|Disk quota exceeded/.test(stderr)
    ? 'HOST_FULL'
    : 'HOST_UNSUITABLE';
  const said = stderr.trim().split('\n').slice(-4).join('; ');
  return troupeError(code, `${place}: ${what}, saying: ${said || '(nothing)'}`, { place });
}
