/** Runs as the client sees them: views, and the handle by which one is followed. */
import {
  type BlockView,
  decodeValue,
  encodeValue,
  incarnation,
  type RunState,
  type RunView,
  runId,
  TroupeError,
  tenantName,
  troupeError,
} from '@troupe/model';
import type { RunHandle } from './troupe.ts';
import { failureOfMessage } from './wire/failures.ts';
import type { RunMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

/** How long one question for a run waits at the cluster. */
const waitMs = 30_000;

export function runHandle<O>(unary: Unary, id: string): RunHandle<O> {
  return {
    id,
    async result() {
      for (;;) {
        const { run } = await unary.ask('RunsService/Wait', { run: id, waitMs }, { waitMs });
        const view = viewOf(id, run);
        if (view.state === 'running' || view.state === 'waiting') continue;
        if (view.outcome?.ok === true) return decodeValue(view.outcome.value) as O;
        if (view.outcome?.ok === false) throw new TroupeError(view.outcome.failure);
        if (view.state === 'cancelled') throw troupeError('CANCELLED', `run ${id} was cancelled`);
        throw troupeError('INTERNAL', `run ${id} is ${view.state} and has no outcome`);
      }
    },
    async view(wait = 0) {
      const asked = { run: id, waitMs: wait };
      return viewOf(id, (await unary.ask('RunsService/Wait', asked, { waitMs: wait })).run);
    },
    async resume(block, answer) {
      const value = encodeValue(answer, 'answer');
      const asked = { run: id, block, value };
      return viewOf(id, (await unary.ask('RunsService/Resume', asked, { once: true })).run);
    },
    async cancel() {
      return viewOf(id, (await unary.ask('RunsService/Cancel', { run: id })).run);
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
      ...(block.prompt.length === 0 ? {} : { prompt: block.prompt }),
      ...(block.branchesAll === 0
        ? {}
        : { branches: { done: block.branchesDone, all: block.branchesAll } }),
    })),
    ...(run.error === null
      ? ended && run.state === 'done'
        ? { outcome: { ok: true, value: run.value } }
        : {}
      : { outcome: { ok: false, failure: failureOfMessage(run.error) } }),
  };
}
