/**
 * Where tasks run: the placement of a leader, over the nodes that serve. Volatile: a new leader builds
 * it anew from the nodes and from the attempts that run.
 *
 * P1  a task is placed only where all that it reserves is free.
 * P4  what runs here is exactly what runs by the journal.
 * P5  room that is kept for a shape is open to tasks of that shape, and to no others.
 */
import {
  assert,
  type Incarnation,
  type Labels,
  type StoredObject,
  type TaskId,
} from '@troupe/model';
import type { Desk } from './desk.ts';
import { priorityWeight } from './fair/priority.ts';
import { type GangItem, isGang, type QueueItem } from './gang-items.ts';
import type { NodeRecord, NodeTable } from './nodes.ts';
import {
  type Ask,
  type Company,
  type Gang,
  Gangs,
  isHopeless,
  type NodeSpec,
  nodesToKeep,
  othersOn,
  Placement,
  type PlacementConfig,
  planPreemption,
  type Task,
  wouldStart,
} from './placement/index.ts';
import { attemptResource } from './placement/site.ts';
import type { Shape } from './resources.ts';
import type { Size } from './sizes.ts';
import type { TaskRecord } from './task-table.ts';

/** A node, with the GPUs of it that a task gets. */
export interface TaskPlace {
  readonly node: NodeRecord;
  readonly gpus: readonly number[];
}

/** Attempts that run on one node at once, however little they reserve. */
const attemptsPerNodeMax = 1_000;
/** Kinds of tasks whose demand is kept compiled. */
const asksMax = 4_096;

export class TaskPlaces {
  readonly #desk: Desk;
  readonly #placement: Placement;
  readonly #gangs: Gangs;
  readonly #asks = new Map<string, Ask>();
  #changes = -1;
  #kept: { readonly key: string; readonly nodes: readonly string[] } | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#placement = new Placement(configOf(desk));
    this.#gangs = new Gangs(this.#placement);
  }

  /** A running attempt that another leader placed. */
  adopt(task: TaskRecord): void {
    assert(task.state.kind === 'running', 'P4: what is adopted runs');
    const { node, gpus } = task.state;
    this.#nodesChanged();
    this.#placement.reserve(this.#taskOf(task), node, gpus);
  }

  /** Reserves the best place that there is. */
  place(task: TaskRecord): TaskPlace | undefined {
    this.#nodesChanged();
    const choice = this.#within(task.shape, () => this.#placement.place(this.#taskOf(task)));
    if (choice.kind === 'refused') return undefined;
    return this.#placeOn(choice.node, choice.gpus);
  }

  /** Reserves for all members, in their order, or for none. */
  placeGang(item: GangItem): readonly TaskPlace[] | undefined {
    this.#nodesChanged();
    const gang = this.#gangOf(item);
    const plan = this.#within(item.shape, () =>
      isHopeless(this.#placement.sites(), gang)
        ? undefined
        : this.#gangs.hold(gang, this.#desk.now),
    );
    if (plan?.kind !== 'planned') return undefined;
    const whole = this.#gangs.confirm(gang.id);
    assert(whole, 'P4: what is held is there to be confirmed');
    return plan.places.map(({ node, gpus }) => this.#placeOn(node, gpus));
  }

  end(task: TaskRecord): void {
    if (this.#placement.grant(task.id) !== undefined) this.#placement.end(task.id);
  }

  /** Something was freed on the node: whether a task of this shape could start now. */
  mayFit(shape: Shape, node: Incarnation): boolean {
    this.#nodesChanged();
    const site = this.#placement.site(node);
    if (site === undefined) return false;
    // A gang is planned over all nodes.
    if (shape.members !== undefined) return true;
    const ask = this.#askOf(shape);
    // Whom it stood next to, or kept away, may be elsewhere.
    return (
      ask.social ||
      this.#within(shape, () => this.#placement.objection(site, { id: '', ask })) === undefined
    );
  }

  /** From now on room is kept for tasks like this; false when it would start on no node even then. */
  keepFor(item: QueueItem): boolean {
    this.#nodesChanged();
    this.letGo();
    const { members, policy } = this.#companyOf(item);
    const nodes = nodesToKeep(this.#placement, members, policy);
    if (nodes === undefined) return false;
    this.#kept = { key: item.shape.key, nodes };
    this.#setKept(true);
    return true;
  }

  /** Whether it would start on the nodes that are kept for it if they were empty. */
  keepsFor(item: QueueItem): boolean {
    this.#nodesChanged();
    const { nodes = [] } = this.#kept ?? {};
    if (nodes.some((node) => this.#placement.site(node)?.cordoned !== false)) return false;
    return this.#within(item.shape, () =>
      wouldStart(this.#placement, this.#companyOf(item), nodes),
    );
  }

  /** Whether something must still end on the nodes that are kept for it. */
  isInUse(item: QueueItem): boolean {
    const { nodes = [] } = this.#kept ?? {};
    return othersOn(this.#placement, this.#companyOf(item).members, nodes).length > 0;
  }

  letGo(): void {
    this.#setKept(false);
    this.#kept = undefined;
  }

  /** Why there is no place for it, for people; undefined when there is one. */
  refusal(task: TaskRecord): string | undefined {
    this.#nodesChanged();
    return this.#within(task.shape, () => {
      const choice = this.#placement.choose(this.#taskOf(task));
      return choice.kind === 'refused' ? choice.explain().text : undefined;
    });
  }

  /** The same of a gang. */
  gangRefusal(item: GangItem): string | undefined {
    this.#nodesChanged();
    const plan = this.#within(item.shape, () => this.#gangs.plan(this.#gangOf(item)));
    return plan.kind === 'refused' ? `its gang has no room: ${plan.text}` : undefined;
  }

  /** The running tasks that would have to end so that this one has a place. */
  victimsFor(task: TaskRecord): readonly TaskId[] {
    this.#nodesChanged();
    const { tenant } = task;
    // Between tenants the queue decides, by their shares.
    const own = (other: Task) => other.tenant === tenant;
    const plan = planPreemption(this.#placement, this.#taskOf(task), this.#desk.now, own);
    return plan.kind === 'planned' ? plan.victims.map((victim) => victim.task as TaskId) : [];
  }

  check(): void {
    this.#placement.check();
    const { tasks } = this.#desk.state;
    let placed = 0;
    for (const { task, site, gpus } of this.#placement.grants()) {
      const state = tasks.get(task.id as TaskId)?.state;
      const there = state?.kind === 'running' && state.node === site.spec.name;
      assert(there && String(state.gpus) === String(gpus), 'P4: what has a place here runs there');
      placed++;
    }
    assert(placed === tasks.runningCount, 'P4: what runs has its place here');
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { tasks } = this.#desk.state;
    return [
      {
        of: 'places of tasks',
        size: [...this.#placement.grants()].length,
        most: tasks.runningCount,
      },
      { of: 'gangs that hold room', size: this.#gangs.held, most: 0 },
      { of: 'kinds of tasks', size: this.#asks.size, most: asksMax },
    ];
  }

  get #nodes(): NodeTable {
    return this.#desk.state.nodes;
  }

  /** Sees to it that the nodes are those that serve; what runs on others stays where it is. */
  #nodesChanged(): void {
    if (this.#changes === this.#nodes.changes) return;
    this.#changes = this.#nodes.changes;
    for (const { spec } of [...this.#placement.sites()]) {
      const node = this.#nodes.get(spec.name as Incarnation);
      if (node === undefined || !serves(node)) {
        const present = node?.phase.kind === 'draining' || node?.phase.kind === 'alive';
        if (present) this.#placement.cordon(spec.name, true);
        else this.#placement.removeNode(spec.name);
      }
    }
    for (const node of this.#nodes.present()) {
      const { kind } = node.phase;
      if (kind !== 'alive' && kind !== 'draining') continue;
      const site = this.#placement.site(node.incarnation);
      if (site === undefined) this.#placement.addNode(specOf(node));
      else if (site.cordoned && serves(node)) this.#placement.cordon(node.incarnation, false);
    }
  }

  /** P5 */
  #within<T>({ key }: Shape, act: () => T): T {
    if (this.#kept?.key !== key) return act();
    this.#setKept(false);
    const done = act();
    this.#setKept(true);
    return done;
  }

  #setKept(kept: boolean): void {
    for (const node of this.#kept?.nodes ?? []) this.#placement.keep(node, kept);
  }

  #companyOf(item: QueueItem): Company {
    return isGang(item) ? this.#gangOf(item) : { members: [this.#taskOf(item)], policy: 'PACK' };
  }

  #gangOf({ id, policy, members }: GangItem): Gang {
    return { id, policy, members: members.map((member) => this.#taskOf(member)) };
  }

  #placeOn(name: string, gpus: readonly number[]): TaskPlace {
    const node = this.#nodes.get(name as Incarnation);
    assert(node !== undefined, 'P4: a place is on a node that serves');
    return { node, gpus };
  }

  #taskOf(task: TaskRecord): Task {
    return {
      id: task.id,
      ask: this.#askOf(task.shape),
      tenant: task.tenant,
      priority: priorityWeight(task.priority),
      at: this.#desk.now,
      // What may be tried only once, or needs the others of its gang, is not ended for another.
      spared: task.retries === 0 || task.gang !== undefined,
      ...(task.objects === undefined ? {} : { dataOn: this.#dataOf(task.objects) }),
    };
  }

  /** The node that made an object is the one that may have it in memory. */
  #dataOf(objects: readonly StoredObject[]): NonNullable<Task['dataOn']> {
    const sums = new Map<Incarnation, number>();
    for (const { object, bytes } of objects) {
      const node = this.#desk.state.objects.get(object)?.node;
      if (node !== undefined) sums.set(node, (sums.get(node) ?? 0) + bytes);
    }
    return Array.from(sums, ([node, bytes]) => ({ node, bytes }));
  }

  #askOf(shape: Shape): Ask {
    const known = this.#asks.get(shape.key);
    if (known !== undefined) return known;
    if (this.#asks.size >= asksMax) this.#asks.clear();
    const resources: Record<string, number> = { [attemptResource]: 1 };
    for (const { name, milli } of shape.amounts) resources[name] = milli / 1000;
    const ask = this.#placement.ask({ ...shape.wishes, resources });
    this.#asks.set(shape.key, ask);
    return ask;
  }
}

function serves({ phase, cordoned }: NodeRecord): boolean {
  return phase.kind === 'alive' && !cordoned;
}

function specOf(node: NodeRecord): NodeSpec {
  const { incarnation, name, resources, labels } = node;
  const gpuModel = labels['gpu-model'];
  const isolations = labels['isolation']?.split(',');
  return {
    name: incarnation,
    resources: { ...resources, [attemptResource]: attemptsPerNodeMax },
    labels: { ...labels, node: name } satisfies Labels,
    cordoned: !serves(node),
    ...(gpuModel === undefined ? {} : { gpuModel }),
    ...(isolations === undefined ? {} : { isolations }),
  };
}

function configOf({ config }: Desk): PlacementConfig {
  return { strategy: 'load-balanced', ...config.placement };
}
