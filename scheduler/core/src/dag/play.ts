/**
 * Plays a compiled workflow by itself, without a scheduler: blocks that would run elsewhere do what
 * the caller says they do, one after the other in the order in which they start. Pure.
 */
import {
  type Block,
  decodeValue,
  encodeValue,
  type Failure,
  failure,
  type Outcome,
} from '@troupe/model';
import type { CompiledWorkflow } from './compile.ts';
import { type Context, contextId } from './instance.ts';
import { type AtWork, courseOf, decideRound, nextOf, outputOf, settle, stepAt } from './next.ts';
import { RunState } from './run-state.ts';
import { RunValues } from './values.ts';

/** One context that asks for its outcome. `input` is decoded: of a pause its prompt, of a wait its
 *  milliseconds. */
export interface Played {
  readonly id: string;
  readonly block: Block;
  readonly input: unknown;
}

export type Behaviour = (
  played: Played,
) => { readonly value: unknown } | { readonly failure: Failure };

export interface Play {
  readonly outcome: Outcome;
  readonly state: RunState;
  /** Every context that settled by itself, in order. */
  readonly ended: readonly { readonly id: string; readonly outcome: Outcome }[];
}

/** Contexts that are settled at most. */
const contextsMax = 1_000_000;

/** `pick` says which of so many waiting contexts settles next; the first unless given. */
export function play(
  compiled: CompiledWorkflow,
  input: unknown,
  behave: Behaviour,
  pick: (count: number) => number = () => 0,
): Play {
  const { workflow, graph } = compiled;
  const state = new RunState(graph, workflow.onFailure ?? 'stop');
  const values = new RunValues(compiled, state, encodeValue(input, 'the input'));
  const ended: { id: string; outcome: Outcome }[] = [];
  /** The first failure that no error edge took. */
  let lost: Failure | undefined;
  const end = (context: Context, outcome: Outcome): void => {
    const id = contextId(context);
    const before = state.failureCount;
    settle(compiled, state, context, outcome);
    if (state.failureCount > before && !outcome.ok) lost ??= outcome.failure;
    ended.push({ id, outcome });
  };
  const atWork: AtWork = { compiled, state, values };
  const begun = new Map<Context, Played>();
  while (!state.over && ended.length < contextsMax) {
    if (!state.stopped) beginAll(atWork, { begun, end });
    const context = at(state.active, pick(state.active.size));
    const played = context === undefined ? undefined : begun.get(context);
    if (context === undefined || played === undefined) {
      if (state.ready.size + state.asking.size > 0 && !state.stopped) continue;
      break;
    }
    begun.delete(context);
    const told = behave(played);
    end(
      context,
      'failure' in told
        ? { ok: false, failure: told.failure }
        : { ok: true, value: encodeValue(told.value) },
    );
  }
  return { outcome: outcomeOf(compiled, state, values, lost), state, ended };
}

interface Stage {
  readonly begun: Map<Context, Played>;
  readonly end: (context: Context, outcome: Outcome) => void;
}

function beginAll(run: AtWork, { begun, end }: Stage): void {
  const { compiled, state } = run;
  for (const context of state.ready) {
    if (state.stopped) return;
    const next = nextOf(run, context);
    if (next.kind === 'open') {
      state.open(context, courseOf(compiled, context, next.count));
    } else if (next.kind === 'end') {
      end(context, next.outcome);
    } else {
      const { block } = stepAt(compiled, context);
      const bytes = next.kind === 'pause' ? next.prompt : 'input' in next ? next.input : undefined;
      const input = next.kind === 'wait' ? next.ms : bytes && decodeValue(bytes);
      begun.set(context, { id: contextId(context), block, input });
      state.start(context);
    }
  }
  for (const context of state.asking) {
    if (state.stopped) return;
    const decision = decideRound(run, context);
    if ('failure' in decision) end(context, { ok: false, failure: decision.failure });
    else state.goOn(context, decision.more);
  }
}

function at<T>(set: ReadonlySet<T>, index: number): T | undefined {
  let passed = 0;
  for (const one of set) if (passed++ === index) return one;
  return undefined;
}

function outcomeOf(
  compiled: CompiledWorkflow,
  state: RunState,
  values: RunValues,
  lost: Failure | undefined,
): Outcome {
  if (state.answer !== undefined) {
    const { instance, slot } = state.answer;
    return { ok: true, value: instance.outputs[slot] ?? encodeValue(undefined) };
  }
  if (lost !== undefined) return { ok: false, failure: lost };
  if (state.over) return outputOf(compiled, values);
  return {
    ok: false,
    failure: failure('RESOURCE_EXHAUSTED', `the play has more than ${contextsMax} contexts`),
  };
}
