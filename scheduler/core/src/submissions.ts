/** Requests about single tasks: what may be submitted, and what a repeated request finds. */
import {
  type Bytes,
  type Failure,
  type FailureDetails,
  failure,
  fingerprint,
  gangPolicies,
  limits,
  mayRetry,
  type RequestBody,
  sameBytes,
  type TaskId,
  type TaskManifest,
} from '@troupe/model';
import type { Served, TenantRecord } from './deployments.ts';
import type { Desk } from './desk.ts';
import type { SchedulerFact } from './facts.ts';
import { priorityFault } from './fair/priority.ts';
import { neverWithin } from './fair/quota.ts';
import { shapeOfAll } from './gang-items.ts';
import { typeFailure } from './old-journal.ts';
import { demandFault } from './placement/index.ts';
import type { Pressure } from './pressure.ts';
import { resourcesFault, type Shape, shapeOf } from './resources.ts';
import { runTaskPrefix } from './run-table.ts';
import type { EndedTask, TaskRecord } from './task-table.ts';
import type { Tasks } from './tasks.ts';
import type { Asker } from './waiting.ts';

type SubmitTask = Extract<RequestBody, { kind: 'submit-task' }>;
type SubmitGang = Extract<RequestBody, { kind: 'submit-gang' }>;
/** Of one that has ended less is known. */
type Known = Pick<TaskRecord, 'id' | 'tenant' | 'name'> &
  Partial<Pick<TaskRecord, 'gang' | 'priority' | 'input'>> &
  Pick<EndedTask, 'print'>;
type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;

const gangMembersMax = 256;

const taskIdLengthMax = 200;

export class Submissions {
  readonly #desk: Desk;
  readonly #tasks: Tasks;
  readonly #pressure: Pressure;

  constructor(desk: Desk, tasks: Tasks, pressure: Pressure) {
    this.#desk = desk;
    this.#tasks = tasks;
    this.#pressure = pressure;
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
      if (hasOtherInput(known, body.input)) {
        const what = `task id "${id}" is that of a task with another input`;
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

  /**
   * Idempotent by the ids of its tasks; answered when all are journaled. Asked for again it is the same
   * one when each of the tasks asked for is in that gang with what was given for it; it may be some of
   * them.
   */
  submitGang(asker: Asker, body: SubmitGang): void {
    const { gang: id, tenant, policy, members, priority = 'normal' } = body;
    const { tasks, deployments } = this.#desk.state;
    const known = members.flatMap(({ task }) => tasks.get(task) ?? tasks.ended(task) ?? []);
    const fault =
      gangFault(body) ?? (known.length > 0 ? otherGang(body, known) : this.#newGangFault(body));
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    if (known.length > 0) return this.#desk.answer(asker, { kind: 'done' });
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

  /** Of a gang of whose tasks none is known. */
  #newGangFault(body: SubmitGang): Failure | undefined {
    const { gang, tenant, members, priority } = body;
    if (this.#tasks.hasGang(gang)) {
      const what = `gang "${gang}" waits already, with other members`;
      return failure('ALREADY_EXISTS', what, { gang });
    }
    const owner = this.#desk.state.deployments.tenant(tenant);
    // Before whatever time mends.
    const never = owner === undefined ? undefined : gangQuotaFault(body, owner);
    if (never !== undefined) return never;
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
    const unserved = typeFailure(served.bundle, served.declared);
    if (unserved !== undefined) return unserved;
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
    const { cpuMax, memoryMax } = owner.quota;
    if (cpuMax !== undefined || memoryMax !== undefined) {
      const shape = shapeOf(resources ?? served.declared.resources);
      const never = quotaFault(`task "${task}"`, owner, shape, { task });
      if (never !== undefined) return never;
    }
    const queued = this.#desk.state.tasks.readyOf(tenant);
    const { queuedMax: own = limits.queuedTasksMax } = owner.quota;
    const queuedMax = Math.min(limits.queuedTasksMax, own);
    const tooMany = queued + together - queuedMax;
    if (tooMany <= 0) return this.#pressure.admissionFault(priority);
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

/** Ids of a gang are known: why they are not those of this one. */
function otherGang(
  { gang, tenant, policy, members, priority = 'normal' }: SubmitGang,
  known: readonly Known[],
): Failure | undefined {
  const given = new Map(members.map((member) => [member.task, member]));
  for (const { id, ...task } of known) {
    const details = { gang, task: id };
    const member = given.get(id);
    if (member === undefined || task.tenant !== tenant || task.name !== member.name) {
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
    if (task.priority !== undefined && task.priority !== priority) {
      const what = `task "${id}" of gang "${gang}" is there already, with priority ${task.priority}`;
      return failure('ALREADY_EXISTS', what, details);
    }
    if (hasOtherInput(task, member.input)) {
      const what = `task "${id}" of gang "${gang}" is there already, with another input`;
      return failure('ALREADY_EXISTS', what, details);
    }
    given.delete(id);
  }
  const [missing] = given.keys();
  if (missing === undefined) return undefined;
  const [there] = known;
  const ids = `task "${there?.id}" is in it, and ${named([...given.keys()])} not`;
  const what = `gang "${gang}" is there already, with other members: ${ids}`;
  return failure('ALREADY_EXISTS', what, { gang, task: missing });
}

/** `"a" and 3 more are`. */
function named([first, ...more]: readonly TaskId[]): string {
  return more.length === 0 ? `"${first}" is` : `"${first}" and ${more.length} more are`;
}

/** Of one that has ended a fingerprint is left. */
function hasOtherInput({ name, input, print }: Omit<Known, 'id'>, given: Bytes): boolean {
  if (input !== undefined) return !sameBytes(input, given);
  return print !== undefined && print !== fingerprint(name, given);
}

/** Why the quota of its tenant never lets it start. */
function quotaFault(
  what: string,
  { tenant, quota }: TenantRecord,
  shape: Shape,
  details: FailureDetails,
): Failure | undefined {
  const never = neverWithin(quota, shape);
  if (never === undefined) return undefined;
  const { needs, most } = never;
  return failure('OVER_QUOTA', `${what} ${needs}, and tenant "${tenant}" by its quota ${most}`, {
    tenant,
    ...details,
  });
}

/** The same of a gang. */
function gangQuotaFault(
  { gang, policy, members }: SubmitGang,
  owner: TenantRecord,
): Failure | undefined {
  const { tenant, quota, tasks } = owner;
  const { queuedMax } = quota;
  if (queuedMax !== undefined && members.length > queuedMax) {
    const has = `gang "${gang}" has ${members.length} members`;
    const what = `${has}, and by its quota tenant "${tenant}" has at most ${queuedMax} tasks waiting`;
    return failure('OVER_QUOTA', what, { tenant, gang });
  }
  const shapes = members.flatMap(({ name }) => {
    const served = tasks.get(name);
    return served === undefined ? [] : [shapeOf(served.declared.resources)];
  });
  return quotaFault(`gang "${gang}"`, owner, shapeOfAll(policy, shapes), { gang });
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
  if (retries !== undefined && !mayRetry(retries, limits.retriesMax)) {
    return `task "${id}" has retries ${retries}, ${limits.retriesMax} are allowed`;
  }
  if (limitMs !== undefined && !(limitMs > 0 && limitMs <= Number.MAX_SAFE_INTEGER)) {
    return `task "${id}" has limitMs ${limitMs}`;
  }
  if (dueInMs !== undefined && !(dueInMs > 0 && dueInMs <= Number.MAX_SAFE_INTEGER)) {
    return `task "${id}" has dueInMs ${dueInMs}`;
  }
  return undefined;
}
