/** `RunsService`: workflows started, waited for, answered, cancelled and listed. */
import { randomUUID } from 'node:crypto';
import { type Answer, type Outcome, type RunId, type RunView, troupeError } from '@troupe/model';
import {
  checkedBlock,
  checkedBundle,
  checkedKnownRun,
  checkedLimit,
  checkedName,
  checkedNumber,
  checkedRun,
  checkedTenant,
  jsonOf,
  tenantOf,
  valueGiven,
} from './checked.ts';
import { type Asked, errorMessage, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';
import { wholeValue } from './large-values.ts';
import type { AskOptions } from './requests.ts';

interface StartRequest {
  readonly tenant: string;
  readonly run: string;
  readonly workflow: string;
  readonly value: Uint8Array;
  readonly json: string;
  readonly limitMs: number;
  readonly from: StartFrom | null;
}

interface StartFrom {
  readonly run: string;
  readonly block: string;
  readonly failedOnly: boolean;
}

interface MoveRequest {
  readonly run: string;
  readonly bundle: string;
}

interface WaitRequest {
  readonly run: string;
  readonly waitMs: number;
  readonly byReference: boolean;
  readonly activity: boolean;
}

interface ResumeRequest {
  readonly run: string;
  readonly block: string;
  readonly value: Uint8Array;
  readonly json: string;
}

interface ListRequest {
  readonly tenant: string;
  readonly limit: number;
}

const listedRunsMax = 1_000;
/** The leader answers a wait by then; the client asks again. */
const waitMsMax = 60_000;
/** Time for the answer itself, beyond the wait. */
const answerMs = 30_000;

export function runsService(gateway: Gateway) {
  return {
    Start: unary(gateway, (asked: Asked<StartRequest>) => start(gateway, asked)),
    Wait: unary(gateway, (asked: Asked<WaitRequest>) => wait(gateway, asked)),
    Resume: unary(gateway, (asked: Asked<ResumeRequest>) => resume(gateway, asked)),
    Move: unary(gateway, (asked: Asked<MoveRequest>) => move(gateway, asked)),
    Cancel: unary(gateway, (asked: Asked<{ run: string }>) => cancel(gateway, asked)),
    List: unary(gateway, (asked: Asked<ListRequest>) => list(gateway, asked)),
  };
}

async function start(gateway: Gateway, { request, deadlineAt, signal }: Asked<StartRequest>) {
  const body = {
    kind: 'start-run',
    run: checkedRun(request.run === '' ? randomUUID() : request.run),
    tenant: tenantOf(request.tenant),
    workflow: checkedName('workflow', request.workflow),
    input: valueGiven(request.value, request.json).bytes,
    ...(request.from === null ? {} : { from: fromGiven(request.from) }),
    ...(request.limitMs === 0 ? {} : { limitMs: checkedNumber('limit_ms', request.limitMs) }),
  } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  return await runAnswer(gateway, body.run, answer, { deadlineAt, signal });
}

async function wait(gateway: Gateway, { request, deadlineAt, signal }: Asked<WaitRequest>) {
  const run = checkedKnownRun(request.run);
  const waitMs = Math.min(request.waitMs, waitMsMax);
  const until = deadlineAt ?? gateway.now() + waitMs + answerMs;
  const options = { deadlineAt: until, signal };
  const activity = request.activity ? ({ activity: true } as const) : {};
  const body = { kind: 'wait-run', run, waitMs, ...activity } as const;
  const answer = await gateway.requests.ask(body, options);
  if (request.byReference || answer.kind !== 'run') {
    return await runAnswer(gateway, run, answer, options);
  }
  return { run: runMessage(await withWholeOutcome(gateway, answer.run)) };
}

async function resume(gateway: Gateway, { request, deadlineAt, signal }: Asked<ResumeRequest>) {
  const run = checkedKnownRun(request.run);
  const answer = valueGiven(request.value, request.json).bytes;
  const body = { kind: 'resume-run', run, block: checkedBlock(request.block), answer } as const;
  const options = { deadlineAt, signal };
  return await runAnswer(gateway, run, await gateway.requests.ask(body, options), options);
}

async function move(gateway: Gateway, { request, deadlineAt, signal }: Asked<MoveRequest>) {
  const run = checkedKnownRun(request.run);
  const bundle = request.bundle === '' ? {} : { bundle: checkedBundle(request.bundle) };
  const options = { deadlineAt, signal };
  const answer = await gateway.requests.ask({ kind: 'move-run', run, ...bundle }, options);
  return await runAnswer(gateway, run, answer, options);
}

async function cancel(gateway: Gateway, { request, deadlineAt, signal }: Asked<{ run: string }>) {
  const run = checkedKnownRun(request.run);
  const options = { deadlineAt, signal };
  const answer = await gateway.requests.ask({ kind: 'cancel-run', run }, options);
  return await runAnswer(gateway, run, answer, options);
}

async function list(gateway: Gateway, { request, deadlineAt, signal }: Asked<ListRequest>) {
  const limit = checkedLimit(request.limit, listedRunsMax);
  const tenant = request.tenant === '' ? {} : { tenant: checkedTenant(request.tenant) };
  const body = { kind: 'list-runs', ...tenant, limit } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'runs') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return { runs: answer.runs.map(runMessage) };
}

function fromGiven({ run: id, block, failedOnly }: StartFrom) {
  const run = checkedKnownRun(id);
  if ((block === '') === failedOnly) {
    return failedOnly ? ({ run, failedOnly } as const) : { run, block: checkedBlock(block) };
  }
  const what = failedOnly ? 'both block and failed_only' : 'neither block nor failed_only';
  throw troupeError('INVALID_ARGUMENT', `from has ${what}`, { argument: 'from' });
}

/** A bare `done` says nothing of the run: it is asked for. */
async function runAnswer(gateway: Gateway, run: RunId, answer: Answer, options: AskOptions) {
  if (answer.kind === 'run') return { run: runMessage(answer.run) };
  if (answer.kind !== 'done') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  const view = await gateway.requests.ask({ kind: 'wait-run', run, waitMs: 0 }, options);
  if (view.kind !== 'run') throw troupeError('INTERNAL', `answered by "${view.kind}"`);
  return { run: runMessage(view.run) };
}

async function withWholeOutcome(gateway: Gateway, view: RunView): Promise<RunView> {
  const { outcome } = view;
  if (outcome?.ok !== true || outcome.objects === undefined) return view;
  const whole: Outcome = { ok: true, value: await wholeValue(gateway, outcome) };
  return { ...view, outcome: whole };
}

function runMessage(view: RunView): object {
  const { outcome, progress, parent } = view;
  return {
    run: view.run,
    tenant: view.tenant,
    workflow: view.workflow,
    state: view.state,
    startedAt: Math.floor(view.startedAt),
    endedAt: Math.floor(view.endedAt ?? 0),
    blocks: view.blocks.map((block) => ({
      block: block.block,
      state: block.state,
      attempts: block.attempts,
      node: block.node ?? '',
      child: block.child ?? '',
      ...(block.prompt === undefined
        ? {}
        : { prompt: block.prompt, promptJson: jsonOf(block.prompt) }),
      branchesDone: block.branches?.done ?? 0,
      branchesAll: block.branches?.all ?? 0,
      ...(block.rounds === undefined
        ? {}
        : { rounds: { done: block.rounds.done, all: block.rounds.all ?? 0 } }),
      ...(block.progress === undefined ? {} : { progress: block.progress }),
    })),
    ...(progress === undefined ? {} : { progress }),
    ...(parent === undefined ? {} : { parent }),
    bundle: view.bundle ?? '',
    ...(view.undo === undefined ? {} : { undo: undoMessage(view.undo) }),
    ...(outcome === undefined ? {} : outcomeFields(outcome)),
  };
}

function undoMessage({ failure, blocks, ...counts }: NonNullable<RunView['undo']>): object {
  return {
    error: errorMessage(failure),
    ...counts,
    blocks: blocks.map(({ block, state, failure: why }) => ({
      block,
      state,
      ...(why === undefined ? {} : { error: errorMessage(why) }),
    })),
  };
}

function outcomeFields(outcome: NonNullable<RunView['outcome']>): object {
  if (!outcome.ok) return { error: errorMessage(outcome.failure) };
  const { value, objects } = outcome;
  return objects === undefined ? { value, json: jsonOf(value) } : { value, objects };
}
