/** Runs of workflows of all kinds, and what their client does to them: answers in any order, twice or
 *  wrongly, moves them to another version, cancels them, starts them again. */
import { encodeValue, type RunId, runId, type Workflow } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { keyOf, type Operation } from './load.ts';

/** How a client goes about a run. */
export interface Manner {
  /** Of its answers: how long after the question, in which order, how often and how wrong. */
  readonly seed: number;
  readonly moveAfterMs?: number;
  readonly cancelAfterMs?: number;
  /** Started when this one has ended. */
  readonly again?: {
    readonly id: RunId;
    /** What had failed, unless a block is named. */
    readonly block?: string;
    /** Empty for that of the first. */
    readonly input: Uint8Array;
  };
}

const runsMax = 2;

export function drawNestedRuns(
  client: string,
  given: {
    readonly nests: readonly Workflow[];
    readonly keys: number;
    readonly fromMs: number;
    readonly untilMs: number;
  },
  chance: Random,
): readonly Operation[] {
  const { nests, keys, fromMs, untilMs } = given;
  const workflow = nests.at(-1);
  if (workflow === undefined) return [];
  return Array.from({ length: chance.whole(0, runsMax) }, (_, number): Operation => {
    const id = `${client}-nest${number}`;
    const at = fromMs + chance.next() * 0.7 * (untilMs - fromMs);
    const manner: Manner = {
      seed: chance.whole(1, 1_000_000),
      ...(chance.chance(0.3) ? { moveAfterMs: Math.round(chance.spread(50, 6_000)) } : {}),
      ...(chance.chance(0.1) ? { cancelAfterMs: Math.round(chance.spread(50, 6_000)) } : {}),
      ...(chance.chance(0.35) ? { again: drawAgain(id, workflow, keys, chance) } : {}),
    };
    const input = inputOf(id, workflow, { keys, nests }, chance);
    return { at, kind: 'run', id: runId(`run-${id}`), workflow: workflow.name, input, manner };
  });
}

function drawAgain(
  id: string,
  workflow: Workflow,
  keys: number,
  chance: Random,
): NonNullable<Manner['again']> {
  const roots = workflow.blocks.filter((block) => block.in === undefined);
  const callsActors = workflow.blocks.some(({ kind }) => kind === 'call');
  // A program has an id of its own each time, so that none is taken for another.
  const isSame = !callsActors && chance.chance(0.5);
  const input = isSame
    ? new Uint8Array(0)
    : inputOf(`${id}-again`, workflow, { keys, nests: [workflow] }, chance);
  const block = chance.chance(0.5) ? chance.pick(roots).id : undefined;
  return { id: runId(`run-${id}-again`), input, ...(block === undefined ? {} : { block }) };
}

function inputOf(
  id: string,
  workflow: Workflow,
  { keys, nests }: { readonly keys: number; readonly nests: readonly Workflow[] },
  chance: Random,
): Uint8Array {
  const ids: Record<string, string> = {};
  const calls: Record<string, string> = {};
  const ports: Record<string, string> = {};
  for (const block of workflow.blocks) {
    if (block.kind === 'route') ports[block.id] = chance.pick(['left', 'right', 'done', 'nowhere']);
    if (block.kind !== 'call') continue;
    ids[block.id] = `${id}/${block.id}`;
    calls[block.id] = keyOf(chance.whole(0, keys - 1));
  }
  const parts: Record<string, unknown> = {};
  for (const { blocks } of nests) {
    for (const block of blocks) {
      if (block.kind !== 'task') continue;
      const fails = chance.chance(block.task === 'once' ? 0.35 : 0.04);
      if (fails) parts[block.id] = [['fail']];
      else if (chance.chance(0.3))
        parts[block.id] = [['sleep', Math.round(chance.spread(5, 1_500))]];
    }
  }
  const items = Array.from({ length: chance.whole(0, 3) }, (_, index) => index * 10);
  const named = chance.chance(0.5) ? { one: 1, two: 2 } : { one: 1 };
  const ms = Math.round(chance.spread(10, 1_200));
  const number = chance.whole(0, 3);
  return encodeValue({ number, ms, items, named, ids, keys: calls, ports, parts });
}
