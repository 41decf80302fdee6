/**
 * What an earlier version let into the journal and this one refuses at the door. Facts stand as they are
 * and are applied as they are, so that every version replays the same; what is done with them then:
 *
 * O1  a weight out of bounds counts as the nearest one within.
 * O2  a task type that is out of form, or asks for what cannot be placed, is there and is not started:
 *     submissions of it and blocks that are it fail with the reason.
 * O3  a task of such a kind that waits or runs is ended with the reason by the next leader, with its gang
 *     while that waits.
 * O4  each of O1 and O2 is told by the status of the cluster until it is put or deployed anew.
 *
 * A workflow was compiled before it was journaled, so there is none that does not compile.
 */
import { type Failure, failure, limits, type Resources, type TaskManifest } from '@troupe/model';
import { type DeploymentTable, retryFault, taskFault, weightFault } from './deployments.ts';
import { waitsInGang } from './gang-items.ts';
import { taskFormFault, wishesFormFault } from './manifest-form.ts';
import { demandFault, wishesFault } from './placement/index.ts';
import { resourcesFault, type Shape } from './resources.ts';
import type { TaskRecord, TaskTable } from './task-table.ts';

/** O1 */
export function countedWeight(weight: number): number {
  const { weightMin, weightMax } = limits;
  // What is no number is not greater either.
  return weight > weightMin ? Math.min(weight, weightMax) : weightMin;
}

/** O2; a declaration is judged once. */
const judged = new WeakMap<TaskManifest, { readonly fault: string | undefined }>();

function typeFault(declared: TaskManifest): string | undefined {
  const known = judged.get(declared);
  if (known !== undefined) return known.fault;
  const fault = taskFormFault(declared) ?? taskFault([declared]);
  judged.set(declared, { fault });
  return fault;
}

export function typeFailure(bundle: string, declared: TaskManifest): Failure | undefined {
  const fault = typeFault(declared);
  if (fault === undefined) return undefined;
  const { name } = declared;
  const what = `task "${name}" of bundle ${bundle} is not served, it was deployed before this was checked: ${fault}`;
  return failure('BUNDLE_LOAD_FAILED', what, { bundle, name });
}

/** O3, of many tasks. */
class TasksJudged {
  readonly #byShape = new Map<string, string | undefined>();

  failureOf(task: TaskRecord): Failure | undefined {
    const { id, shape } = task;
    const { key } = shape;
    if (!this.#byShape.has(key)) this.#byShape.set(key, shapeFault(shape));
    const fault = this.#byShape.get(key) ?? triesFault(task);
    if (fault === undefined) return undefined;
    const what = `task "${id}" cannot be started, it was submitted before this was checked: ${fault}`;
    return failure('INVALID_ARGUMENT', what, { task: id });
  }
}

/** O3: whom no leader could start, each with the reason. */
export function unstartable(
  tasks: TaskTable,
): readonly { readonly task: TaskRecord; readonly reason: Failure }[] {
  const judgement = new TasksJudged();
  const gangs = new Map<string, Failure>();
  const found = new Map<TaskRecord, Failure>();
  for (const task of tasks.live()) {
    const reason = judgement.failureOf(task);
    if (reason === undefined) continue;
    found.set(task, reason);
    if (waitsInGang(task)) gangs.set(task.gang?.id ?? '', reason);
  }
  for (const task of gangs.size === 0 ? [] : tasks.live()) {
    const reason = waitsInGang(task) ? gangs.get(task.gang?.id ?? '') : undefined;
    if (reason !== undefined && !found.has(task)) found.set(task, reason);
  }
  return [...found].map(([task, reason]) => ({ task, reason }));
}

/** O4 */
export function findingsOf(deployments: DeploymentTable, most: number): readonly string[] {
  const found: string[] = [];
  for (const { tenant, weight, queues, tasks } of deployments.tenants()) {
    const weights: readonly (readonly [string, number])[] = [
      [`tenant "${tenant}"`, weight],
      ...[...queues].map(([queue, of]) => [`queue "${queue}" of tenant "${tenant}"`, of] as const),
    ];
    for (const [whose, of] of weights) {
      if (weightFault(of, whose) === undefined) continue;
      found.push(`weight ${of} of ${whose} counts as ${countedWeight(of)}: put another one`);
    }
    for (const { bundle, declared } of tasks.values()) {
      const fault = typeFailure(bundle, declared);
      if (fault !== undefined) found.push(`tenant "${tenant}": ${fault.message}`);
    }
    if (found.length >= most) break;
  }
  if (found.length <= most) return found;
  return [...found.slice(0, most), 'and more, which are told when these are mended'];
}

/** Without the look at a whole form: there may be many tasks. */
function triesFault(task: TaskRecord): string | undefined {
  const hasForm = Array.isArray(task.backoffMs) && typeof task.limitMs === 'number';
  return hasForm ? retryFault(task) : 'backoffMs must be a list, and limitMs a number';
}

function shapeFault({ amounts, wishes }: Shape): string | undefined {
  const resources: Record<string, number> = {};
  for (const { name, milli } of amounts) {
    // What several GPUs come to is no wish of its own.
    if (name !== 'gpu' || wishes?.gpus === undefined) resources[name] = milli / 1000;
  }
  const asked: Resources = resources;
  if (wishes === undefined) return resourcesFault(asked) ?? demandFault({ resources: asked });
  return wishesFormFault(wishes) ?? resourcesFault(asked) ?? wishesFault(wishes, asked);
}
