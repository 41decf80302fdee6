/**
 * What the scripts answer about a node, read once into the words of a provider. Anything else is
 * an error: nobody is told of a node by lines that no script of ours wrote.
 */
import { failure, isErrorCode, TroupeError } from '@troupe/model';
import { z } from 'zod';
import type { NodeState } from '../provider.ts';

export interface NodeReport {
  readonly state: NodeState;
  readonly restarts: number;
}

const readyLine = z.object({ ready: z.object({ incarnation: z.string() }) });

const reportLine =
  /^node (yes|no) (yes|no) (none|running|waiting|exited|crash-loop) (\d+) (\d+) (\d+)$/;

/** The two lines of a report; absent when they are none. */
export function readReport(lines: readonly string[]): NodeReport | undefined {
  const match = reportLine.exec(lines[0] ?? '');
  if (match === null) return undefined;
  const [, supervised, alive, kind = 'none', restarts, since, code] = match;
  return {
    restarts: Number(restarts),
    state: stateOf({
      supervised: supervised === 'yes',
      alive: alive === 'yes',
      kind,
      sinceMs: Number(since) * 1_000,
      number: Number(code),
      incarnation: incarnationOf(lines[1] ?? ''),
    }),
  };
}

interface Told {
  readonly supervised: boolean;
  readonly alive: boolean;
  readonly kind: string;
  readonly sinceMs: number;
  /** A pid while it runs, else an exit code. */
  readonly number: number;
  readonly incarnation: string | undefined;
}

function stateOf({ supervised, alive, kind, sinceMs, number, incarnation }: Told): NodeState {
  if (alive) {
    const known = incarnation === undefined ? {} : { incarnation };
    return { kind: 'running', pid: number, sinceMs, supervised, ...known };
  }
  if (kind === 'waiting' && supervised) return { kind, code: number, sinceMs };
  if (kind === 'crash-loop') return { kind, code: number, sinceMs };
  if (kind === 'exited') return { kind, code: number, sinceMs };
  return { kind: 'exited' };
}

function incarnationOf(line: string): string | undefined {
  try {
    return readyLine.safeParse(JSON.parse(line)).data?.ready.incarnation;
  } catch {
    // Nothing was printed yet.
    return undefined;
  }
}

/** Why a node ended before it was welcomed: its own code when its last words hold one. */
export function startFailure(
  name: string,
  place: string,
  { state }: NodeReport,
  lines: readonly string[],
): TroupeError {
  const words = lines.slice(2).join('\n').trim();
  const details = { name, place };
  const [, code = '', reason] = [...words.matchAll(/^([A-Z][A-Z_]+): (.*)$/gm)].at(-1) ?? [];
  const what = `node ${name} on ${place} ${howItFailed(state)}`;
  if (isErrorCode(code)) {
    return new TroupeError({ code, message: `${what}: ${reason}`, details });
  }
  const said = words === '' ? 'it said nothing' : `its last words:\n${words}`;
  return new TroupeError({ ...failure('NODE_FAILED', what, details), message: `${what}; ${said}` });
}

function howItFailed(state: NodeState): string {
  const code = 'code' in state ? ` with code ${state.code}` : '';
  return state.kind === 'running' ? 'was not welcomed in time' : `ended${code} before it was ready`;
}
