/**
 * What a task came to, as told by somebody who may run a user's code: checked for its form before
 * anything is done with it, since whoever takes it for an outcome must not end by it.
 *
 * F1  it is an outcome that a fact can hold, or a failure that says why it is none.
 * F2  a handle stands in it only where the list beside it names its object.
 */
import { holdsHandle } from './codec.ts';
import { type Failure, failure, isErrorCode, type Outcome } from './errors.ts';
import type { StoredObject } from './handle.ts';
import type { TaskId } from './ids.ts';
import { objectsFault } from './objects.ts';

/** Of a process that runs user code: it names no objects. */
export function outcomeOfRunner(told: unknown, task: TaskId): Outcome {
  const outcome = formedOutcome(told, task);
  return outcome.ok && outcome.objects !== undefined ? none(task, 'it names objects') : outcome;
}

export function formedOutcome(told: unknown, task: TaskId): Outcome {
  if (!isObject(told)) return none(task, 'it is no object');
  if (told['ok'] === false) {
    const reason = told['failure'];
    return isFailureFormed(reason)
      ? { ok: false, failure: reason }
      : none(task, 'its failure has no code, no text, or details that are none');
  }
  const { ok, value, objects } = told;
  if (ok !== true || !(value instanceof Uint8Array)) return none(task, 'it has no value');
  if (objects === undefined) {
    return holdsHandle(value) ? none(task, 'it refers to objects of others') : { ok, value };
  }
  if (!Array.isArray(objects) || !objects.every(isObject)) return none(task, 'it lists no objects');
  const listed = objects as unknown as readonly StoredObject[];
  const fault = objectsFault(listed);
  return fault === undefined ? { ok, value, objects: listed } : none(task, fault);
}

function none(task: TaskId, why: string): Outcome {
  const what = `what task "${task}" came to is no outcome: ${why}`;
  return { ok: false, failure: failure('INTERNAL', what, { task }) };
}

function isFailureFormed(told: unknown): told is Failure {
  if (!isObject(told)) return false;
  const { code, message, details } = told;
  if (typeof code !== 'string' || !isErrorCode(code) || typeof message !== 'string') return false;
  if (details === undefined) return true;
  return isObject(details) && Object.values(details).every(isDetail);
}

function isDetail(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function isObject(told: unknown): told is Record<string, unknown> {
  return typeof told === 'object' && told !== null;
}
