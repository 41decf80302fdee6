/** A run to which things happen by chance, in any order, told to the engine and to the oracle alike. */
import { encodeValue } from '@troupe/model';
import { type Context, contextId, indicesOf } from '../../src/dag/instance.ts';
import type { RunState } from '../../src/dag/run-state.ts';
import type { Course, NaiveRun, Seen, Telling } from './oracle.ts';
import { type Chance, type Drawn, whole } from './random-plan.ts';

type Tell = (context: Context, telling: Telling) => void;

/** What befalls a context next; false when there is nothing left that could happen. */
export function step(run: RunState, drawn: Drawn, chance: Chance, tell: Tell): boolean {
  const atWork = [...run.active, ...run.paused];
  const choices = run.stopped ? atWork : [...run.ready, ...atWork, ...run.asking];
  const context = choices[whole(chance, 0, choices.length - 1)];
  if (context === undefined) return false;
  const { id, inner } = context.instance.vertexAt(context.slot);
  const isFailed = chance() < drawn.failing;
  if (run.asking.has(context)) {
    const more = chance() < 0.6;
    if (isFailed) return fail(run, context, tell);
    tell(context, { kind: 'asked', more });
    run.goOn(context, more);
    return true;
  }
  if (inner !== undefined) {
    if (isFailed) return fail(run, context, tell);
    const course = courseOf(inner.kind, chance);
    tell(context, { kind: 'opened', course });
    run.open(context, course);
    return true;
  }
  const begins = chance();
  if (run.ready.has(context) && begins < 0.85) {
    const isPause = begins < 0.2;
    tell(context, { kind: isPause ? 'paused' : 'started' });
    if (isPause) run.pause(context);
    else run.start(context);
    return true;
  }
  const named = drawn.ports.get(id) ?? [];
  const port = chance() < 0.3 ? 'done' : (named[whole(chance, 0, named.length - 1)] ?? 'done');
  if (port === 'error' || (isFailed && !named.includes('error'))) return fail(run, context, tell);
  // A port that no edge names leaves by those of `done`.
  const taken = port === 'done' && chance() < 0.1 ? 'unheard' : port;
  const output = encodeValue({ port: taken });
  if (drawn.answers.has(id)) {
    tell(context, { kind: 'concluded' });
    run.conclude(context, output);
  } else {
    tell(context, { kind: 'ended', port: taken });
    run.settle(context, output, taken);
  }
  return true;
}

function fail(run: RunState, context: Context, tell: Tell): true {
  tell(context, { kind: 'failed' });
  run.fail(context, undefined);
  return true;
}

function courseOf(kind: string, chance: Chance): Course {
  const count = whole(chance, 0, 3);
  if (kind === 'parallel') return { kind: 'branches', count, inFlightMax: whole(chance, 1, 3) };
  return chance() < 0.5 ? { kind: 'asks' } : { kind: 'rounds', count };
}

/** What is said of a task that was let go of comes late, and changes nothing. */
export function tellLate(run: RunState, letGo: readonly Context[], chance: Chance): void {
  const context = letGo[whole(chance, 0, letGo.length - 1)];
  if (context === undefined) return;
  if (chance() < 0.5) run.fail(context, undefined);
  else run.settle(context, undefined, 'done');
}

export function tellNaive(naive: NaiveRun): Tell {
  return (context, telling) => {
    const { id } = context.instance.vertexAt(context.slot);
    naive.tell(id, indicesOf(context), telling);
  };
}

export function seenOf(run: RunState, { states }: Seen): Seen {
  const ids = (contexts: Iterable<Context>) => Array.from(contexts, contextId).sort();
  const now = [...states.keys()].map((id): [string, string] => {
    const context = run.find(id);
    return [id, context === undefined ? 'not there' : run.stateOf(context)];
  });
  return {
    ready: ids(run.ready),
    active: ids(run.active),
    paused: ids(run.paused),
    asking: ids(run.asking),
    abandoned: [...run.abandoned].sort(),
    states: new Map(now),
    failures: run.failures,
    answer: run.answer && contextId(run.answer),
    over: run.over,
    known: run.known,
    settled: run.settled,
    planned: run.planned,
    unexplained: [],
  };
}

export function looked(naive: NaiveRun): Seen {
  const seen = naive.look();
  const sorted = (ids: readonly string[]) => [...ids].sort();
  return {
    ready: sorted(seen.ready),
    active: sorted(seen.active),
    paused: sorted(seen.paused),
    asking: sorted(seen.asking),
    abandoned: sorted(seen.abandoned),
    states: seen.states,
    failures: seen.failures,
    answer: seen.answer,
    over: seen.over,
    known: seen.known,
    settled: seen.settled,
    planned: seen.planned,
    unexplained: seen.unexplained,
  };
}
