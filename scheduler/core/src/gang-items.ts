/**
 * Gangs as items of the queue: tasks that start together or not at all wait as one, with all that they
 * reserve, and are charged together. Once they run, each is a task like any other: one that is tried
 * again starts by itself.
 */
import { assert, type GangPolicy } from '@troupe/model';
import type { Shape } from './resources.ts';
import type { TaskRecord } from './task-table.ts';

export interface GangItem {
  readonly id: string;
  readonly tenant: TaskRecord['tenant'];
  readonly priority: TaskRecord['priority'];
  readonly queue: TaskRecord['queue'];
  readonly due: TaskRecord['due'];
  /** When it became ready, as `ledMs` of facts. */
  readonly since: number;
  readonly shape: Shape;
  readonly policy: GangPolicy;
  readonly members: readonly TaskRecord[];
}

export type QueueItem = TaskRecord | GangItem;

export function isGang(item: QueueItem): item is GangItem {
  return 'members' in item;
}

/** Whether the task waits for the rest of its gang: it has never started. */
export function waitsInGang({ gang, attempt, state }: TaskRecord): boolean {
  return gang !== undefined && attempt === 0 && state.kind === 'ready';
}

export function gangOf({ members }: GangItem): string {
  return members[0]?.gang?.id ?? '';
}

/** The gangs that these tasks make, in the order of their first members. */
export function gangItems(tasks: readonly TaskRecord[]): readonly GangItem[] {
  const byGang = new Map<string, TaskRecord[]>();
  for (const task of tasks) {
    const id = task.gang?.id ?? '';
    const known = byGang.get(id);
    if (known === undefined) byGang.set(id, [task]);
    else known.push(task);
  }
  return [...byGang.values()].map(itemOf);
}

function itemOf(members: readonly TaskRecord[]): GangItem {
  const [first] = members;
  assert(first?.gang !== undefined, 'a gang has members');
  const { gang, tenant, priority, queue, due, since } = first;
  const shapes = members.map((member) => member.shape);
  const shape = shapeOfAll(gang.policy, shapes);
  const { id, policy } = gang;
  return { id: `gang ${id}`, tenant, priority, queue, due, since, shape, policy, members };
}

/** What all reserve together: a quota counts that. Gangs of equal members are alike to placement. */
export function shapeOfAll(policy: GangPolicy, members: readonly Shape[]): Shape {
  const sums = new Map<string, number>();
  for (const { amounts } of members) {
    for (const { name, milli } of amounts) sums.set(name, (sums.get(name) ?? 0) + milli);
  }
  const amounts = [...sums].sort(([left], [right]) => (left < right ? -1 : 1));
  const key = members.map((member) => member.key).sort();
  return {
    key: `gang ${policy} ${JSON.stringify(key)}`,
    amounts: amounts.map(([name, milli]) => ({ name, milli })),
    members: members.length,
  };
}
