/** The shape of a file of cases, as its legend says. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export interface Behaviour {
  readonly output?: unknown;
  readonly byIteration?: readonly unknown[];
  readonly byBranch?: readonly unknown[];
  readonly sequence?: readonly unknown[];
  readonly echo?: boolean;
  readonly error?: string;
  readonly message?: string;
  readonly errorAt?: {
    readonly iteration?: number;
    readonly branch?: number;
    readonly invocation?: number;
    readonly message?: string;
  };
  readonly failFirst?: number;
  readonly choose?: unknown;
  readonly delayMs?: number | readonly number[];
}

export interface Expected {
  readonly status: string;
  readonly executed: readonly string[];
  readonly notExecuted?: readonly string[];
  readonly executionCounts?: { readonly [block: string]: number };
  readonly trace?: readonly string[];
  readonly orderIsDeterministic?: boolean;
  readonly mustPrecede?: readonly (readonly [string, string])[];
  readonly loopIterations?: { readonly [loop: string]: number };
  readonly parallelBranches?: { readonly [parallel: string]: number };
  readonly outputs?: { readonly [block: string]: unknown };
  readonly finalOutput?: unknown;
  readonly blocksThatErrored?: readonly string[];
  readonly tries?: { readonly [block: string]: number };
  readonly error?: string;
  readonly pausePoints?: readonly { readonly contextId: string; readonly blockId: string }[];
}

interface Resumed {
  readonly resumed: string;
  readonly status: string;
  readonly newlyExecuted: readonly string[];
  readonly pausePoints?: readonly unknown[];
  readonly finalOutput?: unknown;
}

interface CaseBlock {
  readonly id: string;
  readonly enabled: boolean;
  readonly config: { readonly params: { readonly [name: string]: unknown } };
  readonly metadata: { readonly id: string };
}

export interface SimCase {
  readonly name: string;
  readonly tags: readonly string[];
  readonly triggerBlockId: string | null;
  readonly workflow: {
    readonly blocks: readonly CaseBlock[];
    readonly connections: readonly { readonly source: string; readonly target: string }[];
  };
  readonly workflowVariables?: object;
  readonly options?: { readonly stopAfterBlockId?: string; readonly runFromBlock?: string };
  readonly blockBehaviours: { readonly [block: string]: Behaviour };
  readonly expected: Expected;
  readonly saneExpectation?: Partial<Expected>;
  readonly expectedSecondRun?: Expected;
  readonly resumes?: readonly { readonly contextId: string; readonly input: unknown }[];
  readonly expectedAfterResume?: readonly Resumed[];
}

/** What was seen of a run, with Sim's ids. */
export interface Seen {
  readonly status: string;
  readonly started: readonly string[];
  readonly errored: ReadonlySet<string>;
  readonly cancelled: ReadonlySet<string>;
  readonly outputs: { readonly [block: string]: unknown };
  /** Rounds of loops, branches of parallels. */
  readonly turns: { readonly [container: string]: number };
  readonly final: unknown;
  readonly message: string;
  readonly paused: readonly string[];
  readonly calls: { readonly [block: string]: number };
}

/** Data that is shared between checkouts lies beside them, unless it is named. */
export function sharedFile(path: string): string {
  const beside = resolve(import.meta.dirname, '../../../../shared');
  return resolve(process.env['TROUPE_SHARED'] ?? beside, 'sim', path);
}

export function readCases(): { readonly path: string; readonly cases: readonly SimCase[] } {
  const path = resolve(process.env['SIM_CASES'] ?? sharedFile('cases.json'));
  if (!existsSync(path)) return { path, cases: [] };
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly SimCase[] };
  return { path, cases };
}
