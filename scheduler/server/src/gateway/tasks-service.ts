/** `TasksService`: one submit that answers when the task has ended. */
import { randomUUID } from 'node:crypto';
import { TroupeError, troupeError } from '@troupe/model';
import {
  checkedName,
  checkedPriority,
  checkedTask,
  jsonOf,
  placeInTenant,
  tenantOf,
  valueGiven,
} from './checked.ts';
import { type Asked, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';

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

export function tasksService(gateway: Gateway) {
  return {
    Submit: unary(gateway, (asked: Asked<SubmitRequest>) => submit(gateway, asked)),
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
  return input.asJson ? { json: jsonOf(outcome.value) } : { value: outcome.value };
}
