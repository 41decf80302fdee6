/** Unary calls of a client: what is asked of the leader for each, and how its answer is told. */
import {
  type Answer,
  actorId,
  bundleHash,
  nodeName,
  type QuotaChange,
  type RequestBody,
  type RunId,
  type RunUndoView,
  type RunView,
  runId,
  taskId,
  tenantName,
  troupeError,
} from '@troupe/model';
import type { RunMessage, UnaryMethods } from '@troupe/sdk/door';
import { actorServices } from './actor-services.ts';
import { checkpointServices } from './checkpoint-services.ts';
import { rolloutServices } from './rollout-services.ts';
import { scopeServices } from './scope-services.ts';
import {
  type Ask,
  errorOf,
  type Method,
  progressOf,
  type Services,
  type Shelf,
  told,
} from './service.ts';

export async function serve<M extends Method>(
  method: M,
  request: UnaryMethods[M]['request'],
  { ask, shelf }: { readonly ask: Ask; readonly shelf: Shelf },
): Promise<UnaryMethods[M]['response']> {
  const service = services[method];
  if (service !== undefined) return await service(request, ask, shelf);
  const text = `a test cluster does not serve ${method}`;
  throw troupeError('INVALID_ARGUMENT', `${text}: try it on a real one`, { method });
}

/** The leader answers a wait by then; the client asks again. */
const waitMsMax = 60_000;

const services: Services = {
  ...actorServices,
  ...checkpointServices,
  ...rolloutServices,
  ...scopeServices,
  async 'ActorsService/Migrate'({ tenant, type, key, to, waitMs }, ask) {
    const where = to === '' ? {} : { to: nodeName(to) };
    const actor = actorId(tenantName(tenant), type, key);
    const moving = { kind: 'migrate-actor', actor, waitMs: Math.min(waitMs, waitMsMax) } as const;
    const { node, epoch, state } = told('migrated', await ask({ ...moving, ...where }));
    return { node, epoch, state };
  },
  async 'ActorsService/ListTimers'({ tenant: owner, type, key, after, limit }, ask) {
    const tenant = tenantName(owner);
    const of = type === '' && key === '' ? {} : { actor: actorId(tenant, type, key) };
    const from = after === '' ? {} : { after };
    const answer = await ask({ kind: 'list-timers', tenant, ...of, ...from, limit });
    const { timers, total, next = '' } = told('timers', answer);
    const messages = timers.map(({ name = '', everyMs = 0, cron = '', zone = '', ...timer }) => ({
      ...timer,
      name,
      everyMs,
      cron,
      zone,
    }));
    return { timers: messages, total, next };
  },
  async 'ActorsService/ListDeadLetters'({ tenant: owner, type, after, limit }, ask) {
    const tenant = tenantName(owner);
    const of = type === '' ? {} : { type };
    const from = after === '' ? {} : { after };
    const answer = await ask({ kind: 'list-dead-letters', tenant, ...of, ...from, limit });
    const { kind: _, next = '', ...page } = told('dead-letters', answer);
    return { ...page, next };
  },
  async 'TasksService/SubmitGang'({ tenant, gang, policy, priority, members }, ask) {
    await ask({
      kind: 'submit-gang',
      gang,
      tenant: tenantName(tenant),
      policy: policy as Extract<RequestBody, { kind: 'submit-gang' }>['policy'],
      ...(priority === '' ? {} : { priority: priority as 'low' | 'normal' | 'high' }),
      members: members.map(({ task, name, value }) => ({ task: taskId(task), name, input: value })),
    });
    return {};
  },
  async 'TasksService/List'({ tenant: owner, limit, activity: looks = false }, ask) {
    const activity = looks ? { activity: true as const } : {};
    const tenant = tenantName(owner);
    const answer = await ask({ kind: 'list-tasks', tenant, limit, ...activity });
    const { tasks, total } = told('tasks', answer);
    return {
      tasks: tasks.map(({ node = '', gpus = [], why = '', progress, ...task }) => ({
        ...task,
        node,
        gpus,
        why,
        ...progressOf(progress),
      })),
      total,
    };
  },
  async 'RunsService/Start'({ tenant, run: id, workflow, value, limitMs = 0, from }, ask) {
    const run = runId(id);
    const start = { kind: 'start-run', run, tenant: tenantName(tenant), workflow } as const;
    const answer = await ask({
      ...start,
      input: value,
      ...(limitMs === 0 ? {} : { limitMs }),
      ...(from === undefined ? {} : { from: fromOf(from) }),
    });
    return await runTold(run, answer, ask);
  },
  async 'RunsService/Move'({ run: id, bundle }, ask) {
    const run = runId(id);
    const to = bundle === '' ? {} : { bundle: bundleHash(bundle) };
    return await runTold(run, await ask({ kind: 'move-run', run, ...to }), ask);
  },
  async 'RunsService/Wait'({ run: id, waitMs, activity: looks = false }, ask) {
    const run = runId(id);
    const activity = looks ? { activity: true as const } : {};
    const waiting = { kind: 'wait-run', run, waitMs: Math.min(waitMs, waitMsMax) } as const;
    return await runTold(run, await ask({ ...waiting, ...activity }), ask);
  },
  async 'RunsService/Resume'({ run: id, block, value }, ask) {
    const run = runId(id);
    return await runTold(run, await ask({ kind: 'resume-run', run, block, answer: value }), ask);
  },
  async 'RunsService/Cancel'({ run: id }, ask) {
    const run = runId(id);
    return await runTold(run, await ask({ kind: 'cancel-run', run }), ask);
  },
  async 'RunsService/List'({ tenant, limit }, ask) {
    const { runs } = told(
      'runs',
      await ask({ kind: 'list-runs', tenant: tenantName(tenant), limit }),
    );
    return { runs: runs.map(messageOf) };
  },
  async 'ClusterService/Status'(_request, ask) {
    const { status } = told('status', await ask({ kind: 'status' }));
    return { json: JSON.stringify(status) };
  },
  async 'ClusterService/PutTenant'({ tenant, weight, priority, existing, ...rest }, ask) {
    const { queues, closed, strategy, lifted, ...limits } = rest;
    if (strategy !== '' || lifted.length > 0) {
      const text = 'a test cluster sets neither strategies nor lifts limits: try it on a real one';
      throw troupeError('INVALID_ARGUMENT', text);
    }
    const quota: QuotaChange = limits;
    const { settings } = told(
      'tenant',
      await ask({
        kind: 'put-tenant',
        tenant: tenantName(tenant),
        quota,
        queues: [...queues, ...closed.map((queue) => ({ queue, weight: null }))],
        ...(weight === undefined ? {} : { weight }),
        ...(existing ? { existing: true } : {}),
        ...(priority === '' ? {} : { priority: priority as 'low' | 'normal' | 'high' }),
      }),
    );
    const { quota: set, strategy: chosen = '', ...view } = settings;
    return { ...view, ...set, strategy: chosen };
  },
  async 'ClusterService/GetConfig'({ tenant }, ask) {
    return configMessage(await ask({ kind: 'get-config', tenant: tenantName(tenant) }));
  },
  async 'ClusterService/PutConfig'({ tenant, value, unset, version }, ask) {
    const of = version === undefined ? {} : { version };
    const body = { kind: 'put-config', tenant: tenantName(tenant), set: value, unset } as const;
    return configMessage(await ask({ ...body, ...of }));
  },
  async 'ClusterService/ListDemands'({ tenant, limit }, ask) {
    const of = tenant === '' ? {} : { tenant: tenantName(tenant) };
    const answer = told('demands', await ask({ kind: 'list-demands', ...of, limit }));
    const demands = answer.demands.map(({ resources, ...demand }) => ({
      ...demand,
      resources: resources.map(({ fault = '', ...resource }) => ({ ...resource, fault })),
    }));
    return { demands, total: answer.total };
  },
  async 'ClusterService/DrainNode'({ node }, ask) {
    await ask({ kind: 'drain-node', node: nodeName(node) });
    return {};
  },
  async 'ClusterService/CordonNode'({ node, cordoned }, ask) {
    await ask({ kind: 'cordon-node', node: nodeName(node), cordoned });
    return {};
  },
};

function configMessage(answer: Answer) {
  const { version, values } = told('config', answer);
  return { version, value: values };
}

/** A bare `done` says nothing of the run: it is asked for. */
async function runTold(run: RunId, answer: Answer, ask: Ask): Promise<{ run: RunMessage }> {
  if (answer.kind === 'run') return { run: messageOf(answer.run) };
  told('done', answer);
  const view = told('run', await ask({ kind: 'wait-run', run, waitMs: 0 }));
  return { run: messageOf(view.run) };
}

function fromOf(from: { readonly run: string; readonly block: string }) {
  const run = runId(from.run);
  return from.block === '' ? ({ run, failedOnly: true } as const) : { run, block: from.block };
}

function messageOf(view: RunView): RunMessage {
  const { run, tenant, workflow, state, outcome, progress = null, parent = null } = view;
  return {
    run,
    tenant,
    workflow,
    state,
    startedAt: Math.floor(view.startedAt),
    endedAt: Math.floor(view.endedAt ?? 0),
    blocks: view.blocks.map((block) => ({
      block: block.block,
      state: block.state,
      attempts: block.attempts,
      node: block.node ?? '',
      child: block.child ?? '',
      prompt: block.prompt ?? new Uint8Array(0),
      branchesDone: block.branches?.done ?? 0,
      branchesAll: block.branches?.all ?? 0,
      rounds:
        block.rounds === undefined ? null : { done: block.rounds.done, all: block.rounds.all ?? 0 },
      ...progressOf(block.progress),
    })),
    value: outcome?.ok === true ? outcome.value : new Uint8Array(0),
    objects: outcome?.ok === true ? (outcome.objects ?? []) : [],
    error: outcome?.ok === false ? errorOf(outcome.failure) : null,
    progress,
    parent,
    bundle: view.bundle ?? '',
    undo: view.undo === undefined ? null : undoOf(view.undo),
  };
}

function undoOf({ failure, blocks, ...counts }: RunUndoView): NonNullable<RunMessage['undo']> {
  const told = blocks.map(({ block, state, failure: why }) => ({
    block,
    state,
    error: why === undefined ? null : errorOf(why),
  }));
  return { error: errorOf(failure), ...counts, blocks: told };
}
