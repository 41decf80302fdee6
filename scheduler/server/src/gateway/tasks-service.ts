/** `TasksService`: one submit that answers when the task has ended, and the tasks that have not. */
import { randomUUID } from 'node:crypto';
import { TroupeError, troupeError } from '@troupe/model';
import {
  checkedId,
  checkedLimit,
  checkedName,
  checkedPolicy,
  checkedPriority,
  checkedTask,
  checkedTenant,
  jsonOf,
  placeInTenant,
  tenantOf,
  valueGiven,
} from './checked.ts';
import { type Asked, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';
import { wholeValue } from './large-values.ts';

interface SubmitRequest {
  readonly tenant: string;
  readonly task: string;
  readonly name: string;
  readonly value: Uint8Array;
  readonly json: string;
  readonly priority: string;
  readonly queue: string;
  readonly dueInMs: number;
}

interface GangRequest {
  readonly tenant: string;
  readonly gang: string;
  readonly policy: string;
  readonly priority: string;
  readonly members: readonly {
    readonly task: string;
    readonly name: string;
    readonly value: Uint8Array;
    readonly json: string;
  }[];
}

interface ListRequest {
  readonly tenant: string;
  readonly limit: number;
  readonly activity: boolean;
}

const listedTasksMax = 1_000;

export function tasksService(gateway: Gateway) {
  return {
    Submit: unary(gateway, (asked: Asked<SubmitRequest>) => submit(gateway, asked)),
    SubmitGang: unary(gateway, (asked: Asked<GangRequest>) => submitGang(gateway, asked)),
    List: unary(gateway, (asked: Asked<ListRequest>) => list(gateway, asked)),
  };
}

async function submit(gateway: Gateway, { request, deadlineAt, signal }: Asked<SubmitRequest>) {
  const input = valueGiven(request.value, request.json);
  const body = {
    kind: 'submit-task',
    task: checkedTask(request.task === '' ? randomUUID() : request.task),
    tenant: tenantOf(request.tenant),
    name: checkedName('name', request.name),
    input: input.bytes,
    priority: checkedPriority(request.priority),
    ...placeInTenant(request),
  } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'task-ended') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  const { outcome } = answer;
  if (!outcome.ok) throw new TroupeError(outcome.failure);
  const value = await wholeValue(gateway, outcome);
  return input.asJson ? { json: jsonOf(value) } : { value };
}

async function submitGang(gateway: Gateway, { request, deadlineAt, signal }: Asked<GangRequest>) {
  const body = {
    kind: 'submit-gang',
    gang: checkedId('gang', request.gang),
    tenant: tenantOf(request.tenant),
    policy: checkedPolicy(request.policy),
    priority: checkedPriority(request.priority),
    members: request.members.map(({ task, name, value, json }) => ({
      task: checkedTask(task),
      name: checkedName('name', name),
      input: valueGiven(value, json).bytes,
    })),
  } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'done') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return {};
}

async function list(gateway: Gateway, { request, deadlineAt, signal }: Asked<ListRequest>) {
  const limit = checkedLimit(request.limit, listedTasksMax);
  const tenant = request.tenant === '' ? {} : { tenant: checkedTenant(request.tenant) };
  const activity = request.activity ? ({ activity: true } as const) : {};
  const body = { kind: 'list-tasks', ...tenant, limit, ...activity } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'tasks') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  const { tasks, total } = answer;
  return { tasks, total };
}
