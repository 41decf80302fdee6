/**
 * How a script's answer is told from whatever else a login shell prints, and how a script learns
 * that it is still wanted. Every run has a token of its own.
 *
 *   script  troupe-TOKEN-answer        its first line
 *           troupe-TOKEN-go            it is ready to act, and waits
 *   we               go TOKEN          nobody who gave it up says that
 *   script  …                          its answer
 *           troupe-TOKEN-end CODE      also after a failure
 *
 * A1  only what stands between the first and the last line is an answer; without both there is none.
 * A2  a script makes nothing before it has the word. One that was given up finds its input at an
 *     end instead, however late it wakes, and ends.
 * A3  whoever changes a node takes its lock before it asks for the word, and holds it while it
 *     changes anything: one that was given up after the word stands in others' way until it ends.
 * A4  a script ends itself, with all it started in its group, some time after we would have given it
 *     up: also where nobody tells its machine that the connection is gone.
 */
import { randomUUID } from 'node:crypto';
import type { Held } from './program.ts';

export interface Frame {
  readonly token: string;
  readonly held: Held;
}

/** A script that does not get to its begin in this time is given up. */
export function newFrame(beginMsMax: number): Frame {
  const token = randomUUID();
  return {
    token,
    held: {
      asks: `${mark(token, 'go')}\n`,
      word: `go ${token}\n`,
      ends: mark(token, 'end'),
      msMax: beginMsMax,
    },
  };
}

/** How much later than we a script gives itself up (A4). */
const graceMs = 60_000;

/** The first arguments of a framed script. */
export function frameArgs({ token, held }: Frame, msMax: number): readonly string[] {
  return [token, `${Math.ceil((held.msMax + msMax + graceMs) / 1_000)}`];
}

/** The script with what it needs to frame its answer, beside its own arguments. */
export function framed(script: string): string {
  return `
token=$1 seconds_most=$2
shift 2
cleanup=
(
  trap - EXIT
  trap "" HUP PIPE
  while [ $seconds_most -gt 0 ] && kill -0 $$ 2>/dev/null; do
    sleep 1
    seconds_most=$((seconds_most - 1))
  done
  [ $seconds_most = 0 ] || exit 0
  trap "" TERM
  kill -TERM -- -$$ || kill -TERM $$
  sleep 2
  kill -KILL -- -$$ || kill -KILL $$
) < /dev/null > /dev/null 2>&1 &
watchdog=$!
finish() {
  ended=$?
  trap "" PIPE
  kill $watchdog 2>/dev/null
  eval "$cleanup"
  echo "troupe-$token-end $ended"
}
trap finish EXIT
trap "exit 1" HUP INT TERM PIPE
echo "troupe-$token-answer"
fail() { echo "failed $1 $2"; exit 9; }
begin() {
  echo "troupe-$token-go"
  word=
  read -r word
  [ "$word" = "go $token" ] || fail HOST_SILENT "it was given up before it began"
}
${script}`;
}

export interface Framed {
  /** The script began to run. */
  readonly begun: boolean;
  /** Its own end; absent when it did not come to one. */
  readonly code?: number;
  readonly answer: string;
}

/** A1. */
export function readFrame({ token, held }: Frame, stdout: string): Framed {
  const first = `${mark(token, 'answer')}\n`;
  const from = stdout.indexOf(first);
  if (from < 0) return { begun: false, answer: '' };
  const rest = stdout.slice(from + first.length).replace(held.asks, '');
  const to = rest.lastIndexOf(held.ends);
  const [, code] = /^ (\d+)\n/.exec(rest.slice(to + held.ends.length)) ?? [];
  if (to < 0 || code === undefined) return { begun: true, answer: rest };
  return { begun: true, code: Number(code), answer: rest.slice(0, to) };
}

function mark(token: string, what: 'answer' | 'go' | 'end'): string {
  return `troupe-${token}-${what}`;
}
