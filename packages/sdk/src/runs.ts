/** Runs as the client sees them: views, and the handle by which one is followed. */
import {
  type BlockView,
  bundleHash,
  encodeValue,
  incarnation,
  type RunState,
  type RunUndoView,
  type RunView,
  runId,
  TroupeError,
  tenantName,
  troupeError,
  type UndoneView,
} from '@troupe/model';
import { progressField } from './activity.ts';
import { checkWhole, uint32Max } from './definition.ts';
import { largeBytes, largeValue, type ReadObject } from './large-values.ts';
import type { RunHandle } from './troupe.ts';
import { failureOfMessage } from './wire/failures.ts';
import type { RunMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

/** How long one question for a run waits at the cluster. */
const waitMs = 30_000;

export function runHandle<O>(unary: Unary, id: string): RunHandle<O> {
  const waited = async (wait: number, activity = false) => {
    checkWhole('waitMs', wait, 0, uint32Max);
    const asked = { run: id, waitMs: wait, byReference: true, activity };
    return (await unary.ask('RunsService/Wait', asked, { waitMs: wait })).run;
  };
  const read: ReadObject = (stored) => unary.read(stored);
  const whole = async (run: RunMessage | null) => {
    const view = viewOf(id, run);
    const { outcome } = view;
    if (outcome?.ok !== true || run === null) return view;
    const value = await largeBytes(outcome.value, run.objects, read);
    return { ...view, outcome: { ok: true, value } } as const;
  };
  const viewNow = async (wait = 0, { activity = false } = {}): Promise<RunView> =>
    await whole(await waited(wait, activity));
  return {
    id,
    async result() {
      for (;;) {
        const run = await waited(waitMs);
        const view = viewOf(id, run);
        if (view.state === 'running' || view.state === 'waiting') continue;
        if (view.outcome?.ok === true) {
          return (await largeValue(view.outcome.value, run?.objects ?? [], read)) as O;
        }
        if (view.outcome?.ok === false) throw new TroupeError(view.outcome.failure);
        if (view.state === 'cancelled') throw troupeError('CANCELLED', `run ${id} was cancelled`);
        throw troupeError('INTERNAL', `run ${id} is ${view.state} and has no outcome`);
      }
    },
    view: viewNow,
    async resume(block, answer) {
      const value = encodeValue(answer, 'answer');
      const asked = { run: id, block, value };
      return await whole((await unary.ask('RunsService/Resume', asked, { once: true })).run);
    },
    async again(options) {
      const { run = unary.newId() } = options;
      const block = 'block' in options ? options.block : '';
      const failedOnly = 'failedOnly' in options;
      const { tenant, workflow } = await viewNow();
      // Without a value the input is that of the earlier run.
      const value = 'input' in options ? encodeValue(options.input, 'input') : new Uint8Array(0);
      const from = { run: id, block, failedOnly };
      const asked = { tenant, run, workflow, value, from };
      await unary.ask('RunsService/Start', asked, { begins: true });
      return runHandle<O>(unary, run);
    },
    async move(bundle = '') {
      return await whole((await unary.ask('RunsService/Move', { run: id, bundle })).run);
    },
    async cancel() {
      return await whole((await unary.ask('RunsService/Cancel', { run: id })).run);
    },
  };
}

export function viewOf(id: string, run: RunMessage | null): RunView {
  if (run === null) throw troupeError('INTERNAL', `the cluster answered nothing about run ${id}`);
  const ended = run.state === 'done' || run.state === 'failed' || run.state === 'cancelled';
  return {
    run: runId(run.run),
    tenant: tenantName(run.tenant),
    workflow: run.workflow,
    state: run.state as RunState,
    startedAt: run.startedAt,
    ...(run.endedAt === 0 ? {} : { endedAt: run.endedAt }),
    blocks: run.blocks.map((block) => ({
      block: block.block,
      state: block.state as BlockView['state'],
      attempts: block.attempts,
      ...(block.node === '' ? {} : { node: incarnation(block.node) }),
      ...(block.child === '' ? {} : { child: runId(block.child) }),
      ...(block.prompt.length === 0 ? {} : { prompt: block.prompt }),
      ...(block.branchesAll === 0
        ? {}
        : { branches: { done: block.branchesDone, all: block.branchesAll } }),
      ...(block.rounds === null ? {} : { rounds: roundsOf(block.rounds) }),
      ...progressField(block.progress),
    })),
    ...(run.progress === null ? {} : { progress: run.progress }),
    ...(run.parent === null ? {} : { parent: { ...run.parent, run: runId(run.parent.run) } }),
    ...(run.bundle === '' ? {} : { bundle: bundleHash(run.bundle) }),
    ...undoField(run.undo),
    ...(run.error === null
      ? ended && run.state === 'done'
        ? { outcome: { ok: true, value: run.value } }
        : {}
      : { outcome: { ok: false, failure: failureOfMessage(run.error) } }),
  };
}

function undoField(undo: RunMessage['undo']): { readonly undo?: RunUndoView } {
  if (undo === undefined || undo === null || undo.error === null) return {};
  const { error, done, failed, all } = undo;
  const blocks = undo.blocks.map(({ block, state, error: why }) => ({
    block,
    state: state as UndoneView['state'],
    ...(why === null ? {} : { failure: failureOfMessage(why) }),
  }));
  return { undo: { failure: failureOfMessage(error), done, failed, all, blocks } };
}

function roundsOf({ done, all }: { readonly done: number; readonly all: number }) {
  return all === 0 ? { done } : { done, all };
}
