/** Requests about single tasks: what may be submitted, and what a repeated request finds. */
import {
  type Failure,
  failure,
  gangPolicies,
  limits,
  type RequestBody,
  type TaskId,
  type TaskManifest,
} from '@troupe/model';
import type { Served } from './deployments.ts';
import type { Desk } from './desk.ts';
import type { SchedulerFact } from './facts.ts';
import { priorityFault } from './fair/priority.ts';
import { demandFault } from './placement/index.ts';
import { resourcesFault } from './resources.ts';
import { runTaskPrefix } from './run-table.ts';
import type { TaskRecord } from './task-table.ts';
import type { Tasks } from './tasks.ts';
import type { Asker } from './waiting.ts';

type SubmitTask = Extract<RequestBody, { kind: 'submit-task' }>;
type SubmitGang = Extract<RequestBody, { kind: 'submit-gang' }>;
type Known = Pick<TaskRecord, 'id' | 'tenant' | 'name'> & { readonly gang?: TaskRecord['gang'] };
type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;

const gangMembersMax = 256;

const taskIdLengthMax = 200;
const retriesMax = 1_000;

export class Submissions {
  readonly #desk: Desk;
  readonly #tasks: Tasks;

  constructor(desk: Desk, tasks: Tasks) {
    this.#desk = desk;
    this.#tasks = tasks;
  }

  /** Idempotent by task id; answered when the task has ended. */
  submit(asker: Asker, body: SubmitTask): void {
    const { task: id, tenant, name } = body;
    const { tasks } = this.#desk.state;
    const known = tasks.get(id) ?? tasks.ended(id);
    if (known !== undefined) {
      if (known.tenant !== tenant || known.name !== name) {
        const what = `task id "${id}" is that of another task ("${known.name}")`;
        return this.#desk.refuse(asker, 'ALREADY_EXISTS', what, { task: id });
      }
      const ended = tasks.ended(id);
      if (ended === undefined) return this.#tasks.wait(id, asker);
      const { outcome } = ended;
      return this.#desk.answer(asker, { kind: 'task-ended', task: id, outcome });
    }
    const served = this.#desk.state.deployments.tenant(tenant)?.tasks.get(name);
    const fault = this.#submitFault(body, served);
    if (fault !== undefined || served === undefined) {
      const refusal = fault ?? unknownTask(body);
      return this.#desk.answer(asker, { kind: 'failed', failure: refusal });
    }
    const { bundle, declared } = served;
    const { queue, dueInMs } = body;
    const { wall: at, ledMs } = this.#desk;
    this.#tasks.submit({
      kind: 'task-submitted',
      task: id,
      tenant,
      name,
      bundle,
      input: body.input,
      resources: body.resources ?? declared.resources,
      ...(declared.placement === undefined ? {} : { placement: declared.placement }),
      priority: body.priority ?? 'normal',
      ...(queue === undefined ? {} : { queue }),
      ...(dueInMs === undefined ? {} : { due: ledMs + dueInMs }),
      retries: body.retries ?? declared.retries,
      backoffMs: declared.backoffMs,
      limitMs: body.limitMs ?? declared.limitMs,
      at,
      ledMs,
    });
    this.#tasks.wait(id, asker);
    this.#tasks.dispatch();
  }

  /** Idempotent by the ids of its tasks; answered when all are journaled. */
  submitGang(asker: Asker, body: SubmitGang): void {
    const { gang: id, tenant, policy, members, priority = 'normal' } = body;
    const { tasks, deployments } = this.#desk.state;
    const known = members.flatMap(({ task }) => tasks.get(task) ?? tasks.ended(task) ?? []);
    const isAgain = known.length > 0 && known.length === members.length;
    const fault =
      gangFault(body) ??
      (isAgain ? otherGang(body, known) : this.#newGangFault(body, known.length));
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    if (isAgain) return this.#desk.answer(asker, { kind: 'done' });
    const gang = { id, policy };
    const { wall: at, ledMs } = this.#desk;
    const facts = members.flatMap(({ task, name, input }): Submitted[] => {
      const served = deployments.tenant(tenant)?.tasks.get(name);
      if (served === undefined) return [];
      const { bundle, declared } = served;
      const given = {
        kind: 'task-submitted',
        task,
        tenant,
        bundle,
        input,
        priority,
        gang,
        at,
        ledMs,
      } as const;
      return [{ ...given, ...declared }];
    });
    this.#tasks.submitGang(facts);
    this.#desk.answer(asker, { kind: 'done' });
    this.#tasks.dispatch();
  }

  cancel(asker: Asker, id: TaskId): void {
    const { tasks } = this.#desk.state;
    if (tasks.get(id)?.run !== undefined) {
      const what = `task "${id}" is a block of a run; cancel the run`;
      return this.#desk.refuse(asker, 'WRONG_STATE', what, { task: id });
    }
    const known = this.#tasks.cancel(id, 'its caller asked for it') || tasks.ended(id);
    if (known) return this.#desk.answer(asker, { kind: 'done' });
    this.#desk.refuse(asker, 'UNKNOWN_TASK', `no task has the id "${id}"`, { task: id });
  }

  /** Of a gang of whose tasks so many are known. */
  #newGangFault(body: SubmitGang, known: number): Failure | undefined {
    const { gang, tenant, members, priority } = body;
    if (known > 0 || this.#tasks.hasGang(gang)) {
      const what = `gang "${gang}", or some of its tasks, are there already, with other members`;
      return failure('ALREADY_EXISTS', what, { gang });
    }
    const owner = this.#desk.state.deployments.tenant(tenant);
    const most = owner?.quota.inFlightMax;
    if (most !== undefined && members.length > most) {
      const what = `gang "${gang}" has ${members.length} members, and by its quota tenant "${tenant}" runs at most ${most} tasks at once`;
      return failure('INVALID_ARGUMENT', what, { gang });
    }
    const served = owner?.tasks;
    for (const { task, name, input } of members) {
      const one = { kind: 'submit-task', task, tenant, name, input } as const;
      const asked = priority === undefined ? one : { ...one, priority };
      const fault = this.#submitFault(asked, served?.get(name), members.length);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** Of one of so many that are submitted together. */
  #submitFault(
    body: SubmitTask,
    served: Served<TaskManifest> | undefined,
    together = 1,
  ): Failure | undefined {
    const { task, tenant, input, resources, priority, queue, dueInMs, retries, limitMs } = body;
    const owner = this.#desk.state.deployments.tenant(tenant);
    if (owner === undefined) {
      return failure('UNKNOWN_TENANT', `there is no tenant "${tenant}"`, { tenant });
    }
    if (served === undefined) return unknownTask(body);
    const fault = argumentFault(task, { resources, retries, limitMs, dueInMs });
    if (fault !== undefined) return failure('INVALID_ARGUMENT', fault, { task });
    const wrong = priority === undefined ? undefined : priorityFault(priority);
    if (wrong !== undefined) return wrong;
    if (queue !== undefined && !owner.queues.has(queue)) {
      const what = `tenant "${tenant}" has no queue "${queue}"`;
      return failure('UNKNOWN_QUEUE', what, { tenant, queue });
    }
    if (input.length > limits.payloadBytesMax) {
      const what = `the input of task "${task}" has ${input.length} bytes`;
      return failure('TOO_LARGE', what, { task, bytesMax: limits.payloadBytesMax });
    }
    const queued = this.#desk.state.tasks.readyOf(tenant);
    const { queuedMax: own = limits.queuedTasksMax } = owner.quota;
    const queuedMax = Math.min(limits.queuedTasksMax, own);
    const tooMany = queued + together - queuedMax;
    if (tooMany <= 0) return undefined;
    const retryAfterMs = this.#tasks.retryAfterMs(tenant, tooMany);
    return failure(
      'RESOURCE_EXHAUSTED',
      `tenant "${tenant}" has ${queued} tasks waiting, ${queuedMax} may; retry in ${retryAfterMs} ms`,
      {
        tenant,
        retryAfterMs,
      },
    );
  }
}

/** What is wrong with a gang whoever else is there. */
function gangFault({ gang, policy, members }: SubmitGang): Failure | undefined {
  const wrong = (what: string) => failure('INVALID_ARGUMENT', what, { gang });
  if (gang.length === 0 || gang.length > taskIdLengthMax) {
    return wrong(`a gang id has 1 to ${taskIdLengthMax} characters, this one ${gang.length}`);
  }
  if (!gangPolicies.includes(policy)) {
    return wrong(`policy "${policy}" is none of ${gangPolicies.join(', ')}`);
  }
  if (members.length === 0 || members.length > gangMembersMax) {
    return wrong(`a gang has 1 to ${gangMembersMax} members, "${gang}" has ${members.length}`);
  }
  if (new Set(members.map(({ task }) => task)).size < members.length) {
    return wrong(`two members of gang "${gang}" have one task id`);
  }
  return undefined;
}

/** The ids of a gang are known: why they are not those of this one. */
function otherGang(
  { gang, tenant, policy, members }: SubmitGang,
  known: readonly Known[],
): Failure | undefined {
  for (const [index, { id, ...task }] of known.entries()) {
    const details = { gang, task: id };
    if (task.tenant !== tenant || task.name !== members[index]?.name) {
      const what = `task id "${id}" of gang "${gang}" is that of another task ("${task.name}")`;
      return failure('ALREADY_EXISTS', what, details);
    }
    if (task.gang?.id !== gang) {
      const whose = task.gang === undefined ? 'a task by itself' : `gang "${task.gang.id}"`;
      const what = `task id "${id}" of gang "${gang}" is that of ${whose}`;
      return failure('ALREADY_EXISTS', what, details);
    }
    if (task.gang.policy !== policy) {
      const what = `gang "${gang}" is there already, with policy ${task.gang.policy}`;
      return failure('ALREADY_EXISTS', what, details);
    }
  }
  return undefined;
}

function unknownTask({ tenant, name }: SubmitTask): Failure {
  const what = `tenant "${tenant}" has deployed no task "${name}"`;
  return failure('UNKNOWN_TASK', what, { tenant, name });
}

function argumentFault(
  id: TaskId,
  given: {
    resources: SubmitTask['resources'] | undefined;
    retries: number | undefined;
    limitMs: number | undefined;
    dueInMs: number | undefined;
  },
): string | undefined {
  const { resources, retries, limitMs, dueInMs } = given;
  if (id.length === 0 || id.length > taskIdLengthMax) {
    return `a task id has 1 to ${taskIdLengthMax} characters, this one ${id.length}`;
  }
  if (id.startsWith(runTaskPrefix)) {
    return `task id "${id}" begins with "${runTaskPrefix}", which is reserved for blocks of runs`;
  }
  const resourceFault =
    resources === undefined ? undefined : (resourcesFault(resources) ?? demandFault({ resources }));
  if (resourceFault !== undefined) return `task "${id}" asks for ${resourceFault}`;
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    return `task "${id}" has retries ${retries}`;
  }
  if (retries !== undefined && retries > retriesMax) {
    return `task "${id}" has retries ${retries}, ${retriesMax} are allowed`;
  }
  if (limitMs !== undefined && !(limitMs > 0 && limitMs <= Number.MAX_SAFE_INTEGER)) {
    return `task "${id}" has limitMs ${limitMs}`;
  }
  if (dueInMs !== undefined && !(dueInMs > 0 && dueInMs <= Number.MAX_SAFE_INTEGER)) {
    return `task "${id}" has dueInMs ${dueInMs}`;
  }
  return undefined;
}
