/** `task(name, run, options)`: a unit of work that the scheduler dispatches and tries again. */
import {
  limits,
  type PlacementWishes,
  type Resources,
  type Retries,
  retriesOf,
  troupeError,
  version,
} from '@troupe/model';
import type { TaskContext } from './context.ts';
import { checkCount, checkName, type Definition, definitionBrand } from './definition.ts';

export interface TaskDefinition<I = never, O = unknown> extends Definition<'task'> {
  readonly run: (c: TaskContext, input: I) => O | Promise<O>;
  readonly resources: Resources;
  readonly retries: number;
  readonly backoffMs: readonly number[];
  readonly limitMs: number;
  readonly placement?: PlacementWishes;
}

export interface TaskOptions {
  /** What one attempt reserves; `{ cpu: 1 }` unless given. */
  readonly resources?: Resources;
  /** Tries after the first; 3 unless given. With `unlimited` it is tried until it ends well, or in a way
   *  in which it always would. */
  readonly retries?: Retries;
  /** Wait before each further try; the last one repeats. */
  readonly backoffMs?: number | readonly number[];
  /** Time for one attempt. */
  readonly limitMs?: number;
  /** Where it may go: labels of nodes, other tasks, GPUs, a strategy. Checked when it is deployed. */
  readonly placement?: PlacementWishes;
}

/** Defines a task. Export it from the bundle that is deployed. */
export function task<I = undefined, O = unknown>(
  name: string,
  run: (c: TaskContext, input: I) => O | Promise<O>,
  options: TaskOptions = {},
): TaskDefinition<I, O> {
  checkName('task', name);
  if (typeof run !== 'function') {
    throw troupeError('INVALID_ARGUMENT', `task ${name} has no function`);
  }
  const { resources = { cpu: 1 } } = options;
  const retries = retriesOf(options.retries ?? limits.taskRetriesMax);
  const { backoffMs = limits.taskBackoffMs, limitMs = limits.taskLimitMs, placement } = options;
  checkCount(`retries of task ${name}`, retries, 0);
  checkCount(`limitMs of task ${name}`, limitMs, 1);
  for (const [what, amount] of Object.entries(resources)) {
    if (!Number.isFinite(amount) || amount < 0) {
      throw troupeError('INVALID_ARGUMENT', `${what} of task ${name} is no amount: ${amount}`);
    }
  }
  const waits = typeof backoffMs === 'number' ? [backoffMs] : [...backoffMs];
  for (const wait of waits) checkCount(`backoffMs of task ${name}`, wait, 0);
  return Object.freeze({
    [definitionBrand]: 'task' as const,
    name,
    sdk: version,
    run,
    resources: Object.freeze({ ...resources }),
    retries,
    backoffMs: Object.freeze(waits),
    limitMs,
    ...(placement === undefined ? {} : { placement }),
  });
}
