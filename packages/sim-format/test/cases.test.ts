import { limits } from '@troupe/model';
import { compile } from '@troupe/scheduler-core/dag';
import { describe, expect, it } from 'vitest';
import { type Expected, readCases, type Seen, type SimCase } from './case-file.ts';
import { CaseRun, importCase } from './case-run.ts';

/** Where Troupe decided to do otherwise than Sim; each says when it applies, and what of it. */
interface Deviation {
  readonly name: string;
  readonly reason: string;
  /** Those of the shared cases that meet it. */
  readonly cases: readonly string[];
}

const deviations = {
  joinNotLost: {
    name: 'a join is released in every order in which its arms end',
    reason: 'Sim loses it when an arm is pruned late; the case says so in `saneExpectation`',
    cases: ['pruned-arm-joins-early-live-arm', 'indirectly-pruned-second-parent'],
  },
  cycleRefused: {
    name: 'a plain cycle is refused when the workflow is compiled',
    reason: 'Sim stalls silently and reports success',
    cases: [],
  },
  emptyBodyRefused: {
    name: 'a container without a body is refused when the workflow is compiled',
    reason: 'Sim finds it when the run comes to it',
    cases: [],
  },
  conditionRefused: {
    name: 'a condition that is no JavaScript, or that CEL cannot say, is refused at import',
    reason: 'in Sim a loop takes it for false, which hides the mistake',
    cases: ['while-bad-expression-means-false'],
  },
  pausedUntilAnswered: {
    name: 'a run is paused as long as any of its pauses is open',
    reason: 'Sim calls it completed after each answer that was not the last',
    cases: ['two-pauses-one-join', 'pause-inside-parallel-branches'],
  },
  cancelledInFlight: {
    name: 'what is in flight when a run fails is cancelled, and nobody waits for it',
    reason: 'Sim lets it end and throws its output away',
    cases: ['sibling-finishes-after-failure-but-tail-does-not-run'],
  },
  noOutputIsNull: {
    name: 'a run whose last blocks were all skipped comes to null',
    reason: 'in Sim it comes to an empty object',
    cases: ['condition-none-matches', 'run-from-block-missing-upstream'],
  },
  branchesQueue: {
    name: 'branches beyond those in flight begin one by one, as others end',
    reason: 'Sim begins them in batches of 20, each after the whole batch before it',
    cases: [],
  },
  ownMessages: {
    name: 'what the engine itself says of a failure is in its own words',
    reason: 'messages of blocks are carried as they are; those of the engine name its own terms',
    cases: [
      'foreach-missing-collection',
      'parallel-missing-collection',
      'run-from-block-inside-loop-refused',
      'run-from-block-missing-upstream',
      'ref-undeclared-top-field-fails',
    ],
  },
  noEngineFields: {
    name: 'the output of a container is its `results` alone',
    reason: 'Sim adds fields of its loop machinery when the container is the last block',
    cases: ['loop-without-successor'],
  },
} as const satisfies Record<string, Deviation>;

const { path, cases } = readCases();
/** Somebody's own cases: which of them meet a deviation is not known beforehand. */
const isOther = process.env['SIM_CASES'] !== undefined;
const met = new Map<Deviation, string[]>();

function deviates(by: Deviation, name: string): true {
  met.set(by, [...(met.get(by) ?? []), name]);
  return true;
}

describe.skipIf(cases.length === 0)(`the cases of Sim in ${path}`, () => {
  it.for(cases.map((one) => [one.name, one] as const))('%s', ([name, simCase], { skip }) => {
    judge(simCase);
    if (!isOther) return;
    const reasons = reasonsOf(name);
    // Who brings a file hears of it instead of a success.
    if (reasons.length > 0) skip(`Troupe does otherwise than Sim: ${reasons.join('; ')}`);
  });

  it('the deviations from Sim are these, and no case meets another', () => {
    for (const [by, where] of met) {
      console.log(`deviation: ${told(by)}: ${[...new Set(where)].join(', ')}`);
    }
    if (isOther) return;
    for (const one of Object.values<Deviation>(deviations)) {
      const where = [...new Set(met.get(one))].sort();
      expect([one.name, where]).toEqual([one.name, [...one.cases].sort()]);
    }
  });
});

if (cases.length === 0) it.skip(`there are no cases of Sim at ${path}`, () => undefined);

it('a case that somebody brings and that meets a deviation is told so by name, and does not pass', () => {
  const part = { enabled: true, config: { params: {} }, metadata: { id: 'function' } };
  const blocks = ['a', 'b'].map((id) => ({ ...part, id }));
  const start = { ...part, id: 'start', metadata: { id: 'start_trigger' } };
  const connections = [
    { source: 'start', target: 'a' },
    { source: 'a', target: 'b' },
    { source: 'b', target: 'a' },
  ];
  const name = 'a cycle that somebody brings';
  judge({
    name,
    tags: [],
    triggerBlockId: null,
    workflow: { blocks: [start, ...blocks], connections },
    blockBehaviours: {},
    expected: { status: 'completed', executed: ['start'] },
  });
  expect(reasonsOf(name)).toEqual([
    'a plain cycle is refused when the workflow is compiled (Sim stalls silently and reports success)',
  ]);
  met.clear();
});

function reasonsOf(name: string): readonly string[] {
  return [...met].flatMap(([by, where]) => (where.includes(name) ? [told(by)] : []));
}

function told({ name, reason }: Deviation): string {
  return `${name} (${reason})`;
}

function judge(simCase: SimCase): void {
  if (isRefused(simCase)) return;
  const run = new CaseRun(simCase);
  const expected = { ...simCase.expected, ...sane(simCase) };
  const isPart = simCase.options?.stopAfterBlockId !== undefined;
  compare(simCase, run.start(), expected, isPart);
  for (const [i, resumed] of (simCase.expectedAfterResume ?? []).entries()) {
    const { contextId, input } = simCase.resumes?.[i] ?? { contextId: '', input: undefined };
    const seen = run.resume(contextId, input);
    expect(names(seen.started)).toEqual(names(resumed.newlyExecuted));
    const isLast = i === (simCase.resumes?.length ?? 0) - 1;
    if (!isLast && resumed.status === 'completed' && seen.status === 'paused') {
      deviates(deviations.pausedUntilAnswered, simCase.name);
      continue;
    }
    expect(seen.status).toBe(resumed.status);
    if (seen.status === 'completed') expect(bare(seen.final)).toEqual(bare(resumed.finalOutput));
  }
  const { options, expectedSecondRun: second } = simCase;
  if (options?.runFromBlock === undefined || second === undefined) return;
  const seen = run.startFrom(options.runFromBlock);
  if (!('code' in seen)) return compare(simCase, seen, second, false);
  expect(second.status).toBe('failed');
  expect(second.executed).toEqual([]);
  deviates(deviations.ownMessages, simCase.name);
}

/** Decided deviations that end the comparison: the workflow never gets to run. */
function isRefused(simCase: SimCase): boolean {
  const { workflow, refusals, tasks } = importCase(simCase);
  if (workflow === undefined) {
    expect(refusals.map(({ what }) => what).join()).toContain('the condition');
    return deviates(deviations.conditionRefused, simCase.name);
  }
  const declared = tasks.map(({ name }) => {
    return { name, resources: {}, retries: 0, backoffMs: [], limitMs: 1 };
  });
  const compiled = compile(workflow, { tasks: declared });
  if (!('failure' in compiled)) return false;
  const { message } = compiled.failure;
  if (message.includes('a cycle:')) return deviates(deviations.cycleRefused, simCase.name);
  if (message.includes('has no body')) return deviates(deviations.emptyBodyRefused, simCase.name);
  throw new Error(message);
}

function sane({ saneExpectation, name, expected }: SimCase): Partial<Expected> {
  if (saneExpectation === undefined) return {};
  deviates(deviations.joinNotLost, name);
  // What Sim's own run came to after it lost a block says nothing of ours.
  const { trace: _trace, finalOutput: _final, ...rest } = { ...expected, ...saneExpectation };
  return { ...rest, orderIsDeterministic: false, trace: [], finalOutput: anything };
}

const anything = Symbol('anything');

function compare(simCase: SimCase, seen: Seen, expected: Expected, isPart: boolean): void {
  expect(seen.status).toBe(expected.status);
  const executed = blocksOf(seen.started);
  expect(new Set(executed)).toEqual(new Set(expected.executed));
  for (const block of expected.notExecuted ?? []) expect(executed).not.toContain(block);
  const branches = Math.max(0, ...Object.values(expected.parallelBranches ?? {}));
  const isQueued = branches > limits.branchesInFlight;
  if (isQueued) deviates(deviations.branchesQueue, simCase.name);
  if (expected.orderIsDeterministic === true && !isQueued) {
    expect(executed).toEqual(expected.executed);
    if (expected.trace !== undefined) expect(seen.started).toEqual(expected.trace);
  }
  if (expected.executionCounts !== undefined) {
    const counts = new Map<string, number>();
    for (const one of names(seen.started)) {
      const block = one.replace(/\[.*$/, '');
      counts.set(block, (counts.get(block) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual(expected.executionCounts);
  }
  for (const [before, after] of expected.mustPrecede ?? []) {
    const order = seen.started.map((one) => one.replace(/\[.*$/, ''));
    expect(order.indexOf(before)).toBeLessThan(order.indexOf(after));
  }
  const turns = { ...expected.loopIterations, ...expected.parallelBranches };
  for (const [container, count] of Object.entries(turns)) {
    expect([container, seen.turns[container]]).toEqual([container, count]);
  }
  for (const [block, count] of Object.entries(expected.tries ?? {})) {
    expect([block, seen.calls[block]]).toEqual([block, count]);
  }
  if (expected.blocksThatErrored !== undefined) {
    expect([...seen.errored].sort()).toEqual([...expected.blocksThatErrored].sort());
  }
  if (seen.cancelled.size > 0) deviates(deviations.cancelledInFlight, simCase.name);
  const paused = (expected.pausePoints ?? []).map(({ blockId }) =>
    blockId.replace(/(₍|__obranch|__clone).*$/, ''),
  );
  expect(blocksInOrder(seen.paused)).toEqual(paused);
  compareOutputs(simCase, seen, expected, isPart);
}

function compareOutputs(simCase: SimCase, seen: Seen, expected: Expected, isPart: boolean): void {
  for (const [block, output] of Object.entries(expected.outputs ?? {})) {
    if (typeof output === 'object' && output !== null && 'error' in output) {
      compareMessage(simCase, String(seen.errored.has(block)), 'true');
    } else {
      expect({ [block]: bare(seen.outputs[block]) }).toEqual({ [block]: bare(output) });
    }
  }
  if (expected.status === 'failed') {
    compareMessage(simCase, seen.message, expected.error ?? '');
  } else if (seen.status === 'completed' && !isPart && expected.finalOutput !== anything) {
    const { finalOutput } = expected;
    if (hasEngineFields(finalOutput)) deviates(deviations.noEngineFields, simCase.name);
    if (seen.final === null && isEmpty(finalOutput)) {
      deviates(deviations.noOutputIsNull, simCase.name);
    } else {
      expect(bare(seen.final)).toEqual(bare(finalOutput));
    }
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** What a block said must be in ours; what Sim's engine said is told in our words. */
function compareMessage(simCase: SimCase, message: string, expected: string): void {
  const said = expected.replace(/^[^:]*: /, '');
  const isOfBlock = JSON.stringify(simCase.blockBehaviours).includes(JSON.stringify(said));
  if (isOfBlock || said === 'true') expect(message).toContain(said);
  else deviates(deviations.ownMessages, simCase.name);
}

const engineFields = ['shouldContinue', 'shouldExit', 'selectedRoute', 'totalIterations'];

function hasEngineFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && 'results' in value && 'shouldExit' in value;
}

/** Without the port of what chooses, and without what only Sim's engine reads. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const left = ['port', ...(hasEngineFields(value) ? engineFields : [])];
  const kept = Object.entries(value).filter(([name]) => !left.includes(name));
  return Object.fromEntries(kept.map(([name, part]) => [name, bare(part)]));
}

function names(started: readonly string[]): readonly string[] {
  return [...started].sort();
}

function blocksInOrder(started: readonly string[]): readonly string[] {
  return started.map((one) => one.replace(/\[.*$/, ''));
}

function blocksOf(started: readonly string[]): readonly string[] {
  return [...new Set(blocksInOrder(started))];
}
