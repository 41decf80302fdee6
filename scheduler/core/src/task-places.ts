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
  type TenantName,
} from '@troupe/model';
import type { Desk } from './desk.ts';
import { priorityWeight } from './fair/priority.ts';
import { type GangItem, isGang, type QueueItem } from './gang-items.ts';
import type { NodeRecord, NodeTable } from './nodes.ts';
import {
  type Ask,
  type Company,
  type Entered,
  type Gang,
  Gangs,
  type NodeSpec,
  nodesToKeep,
  othersOn,
  Placement,
  type PlacementConfig,
  planPreemption,
  Shortages,
  shortagesMax,
  type Task,
  wouldStart,
} from './placement/index.ts';
import { attemptResource } from './placement/site.ts';
import type { ReservationRecord } from './reservation-table.ts';
import { ReservedRoom } from './reserved-room.ts';
import type { Shape } from './resources.ts';
import type { Size } from './sizes.ts';
import type { TaskRecord } from './task-table.ts';

/** A node, with the GPUs of it that a task gets, and the place of a reservation if it runs in one. */
export interface TaskPlace {
  readonly node: NodeRecord;
  readonly gpus: readonly number[];
  readonly place?: number;
}

/** Attempts that run on one node at once, however little they reserve. */
const attemptsPerNodeMax = 1_000;
/** Kinds of tasks whose demand is kept compiled. */
const asksMax = 4_096;

export class TaskPlaces {
  readonly #desk: Desk;
  readonly #placement: Placement;
  readonly #gangs: Gangs;
  readonly #shortages: Shortages;
  readonly #reserved: ReservedRoom;
  readonly #asks = new Map<string, Ask>();
  #changes = -1;
  #waryEnded = false;
  /** Some kind of task cares where others are. */
  #social = false;
  #kept: { readonly key: string; readonly nodes: readonly string[] } | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#placement = new Placement(configOf(desk));
    this.#gangs = new Gangs(this.#placement);
    this.#shortages = new Shortages(this.#placement);
    this.#reserved = new ReservedRoom(desk, this.#placement, (shape) => this.#askOf(shape));
  }

  /** How nodes are chosen for the tasks of the tenant from now on. */
  tenantPut(tenant: TenantName): void {
    const strategy = this.#desk.state.deployments.tenant(tenant)?.strategy;
    this.#placement.setStrategy(tenant, strategy);
  }

  /** A new leader: the places that another one held. */
  takeOver(): void {
    this.#nodesChanged();
    this.#reserved.takeOver();
  }

  /** Nodes or reservations have changed. True when room is held for a tenant that was not before. */
  review(): boolean {
    this.#nodesChanged();
    return this.#reserved.review();
  }

  /** Something has ended there, and waits no longer for what it held. The same. */
  freed(node: Incarnation): boolean {
    this.#nodesChanged();
    return this.#reserved.freed(node);
  }

  isPlaceUsed(place: number): boolean {
    return this.#reserved.isUsed(place);
  }

  /** Why no more places are held, for people. */
  whyNotHeld(reservation: ReservationRecord): string {
    this.#nodesChanged();
    return this.#reserved.why(reservation);
  }

  /** A running attempt that another leader placed. */
  adopt(task: TaskRecord): void {
    assert(task.state.kind === 'running', 'P4: what is adopted runs');
    const { node, gpus } = task.state;
    this.#nodesChanged();
    const adopted = this.#taskOf(task);
    if (this.#reserved.adopt(task, adopted)) return;
    this.#placement.reserve(adopted, node, gpus);
  }

  /** Reserves in a place that is held for its tenant, else the best that there is. */
  place(task: TaskRecord): TaskPlace | undefined {
    this.#nodesChanged();
    const placed = this.#taskOf(task);
    const own = this.#reserved.enter(placed, false);
    if (own !== undefined) return this.#placeIn(own);
    const choice = this.#within(task.shape, () => this.#placement.place(placed));
    if (choice.kind === 'placed') return this.#placeOn(choice.node, choice.gpus);
    const last = this.#reserved.enter(placed, true);
    return last === undefined ? undefined : this.#placeIn(last);
  }

  /** Reserves for all members, in their order, or for none. */
  placeGang(item: GangItem): readonly TaskPlace[] | undefined {
    this.#nodesChanged();
    const gang = this.#gangOf(item);
    const { shape } = item;
    const own = this.#reserved.enterAll(gang, false);
    if (own !== undefined) return own.map((entered) => this.#placeIn(entered));
    const plan = this.#within(shape, () =>
      this.#shortages.plan(shape.key, gang, () => this.#gangs.hold(gang, this.#desk.now)),
    );
    if (plan?.kind !== 'planned') return this.#within(shape, () => this.#placePartly(gang));
    const whole = this.#gangs.confirm(gang.id);
    assert(whole, 'P4: what is held is there to be confirmed');
    return plan.places.map(({ node, gpus }) => this.#placeOn(node, gpus));
  }

  /** Where there is room for the gang neither in places nor beside them: some of it in places, if its
   *  policy lets it, the others beside. */
  #placePartly(gang: Gang): readonly TaskPlace[] | undefined {
    const { members, policy } = gang;
    if (this.#reserved.countOf(members[0]?.tenant as TenantName) === 0) return undefined;
    const last = this.#reserved.enterAll(gang, true);
    if (last !== undefined) return last.map((entered) => this.#placeIn(entered));
    if (policy === 'STRICT_PACK' || policy === 'STRICT_SPREAD') return undefined;
    const places = new Map<string, TaskPlace>();
    for (const member of members) {
      const entered = this.#reserved.enter(member, true);
      if (entered !== undefined) places.set(member.id, this.#placeIn(entered));
    }
    const inside = [...places.keys()];
    const others = members.filter(({ id }) => !places.has(id));
    const rest = this.#gangs.hold({ ...gang, members: others }, this.#desk.now);
    if (inside.length === 0 || rest.kind !== 'planned') {
      for (const id of inside) this.#reserved.end(id as TaskId);
      this.#gangs.release(gang.id);
      return undefined;
    }
    this.#gangs.confirm(gang.id);
    for (const { task, node, gpus } of rest.places) places.set(task, this.#placeOn(node, gpus));
    return members.flatMap(({ id }) => places.get(id) ?? []);
  }

  /** Tried, and undone. */
  #wouldStart(item: GangItem): boolean {
    const gang = this.#gangOf(item);
    const plan = this.#within(item.shape, () => this.#gangs.plan(gang));
    if (plan.kind === 'planned') return true;
    const placed =
      this.#reserved.enterAll(gang, false) ??
      this.#within(item.shape, () => this.#placePartly(gang));
    if (placed === undefined) return false;
    for (const { id } of gang.members) {
      if (!this.#reserved.end(id as TaskId)) this.#placement.end(id);
    }
    return true;
  }

  end(task: TaskRecord): void {
    if (this.#placement.grant(task.id) === undefined) return;
    if (this.#askOf(task.shape).demand.apart !== undefined) this.#waryEnded = true;
    if (!this.#reserved.end(task.id)) this.#placement.end(task.id);
  }

  /** Whether a task may have come into reach of a place by the start of another one. */
  get isSocial(): boolean {
    return this.#social;
  }

  /** Whether tasks of this shape care where others are; of a gang only its members know. */
  cares(shape: Shape): boolean {
    return shape.members !== undefined || this.#askOf(shape).social;
  }

  /** Whether something ended since this was asked last that kept others away from more than its node. */
  waryEnded(): boolean {
    const ended = this.#waryEnded;
    this.#waryEnded = false;
    return ended;
  }

  /** Something was freed on the node: whether a task of this shape could start now; of this tenant,
   *  if only that one's matter. */
  mayFit(shape: Shape, node: Incarnation, tenant?: string): boolean {
    this.#nodesChanged();
    if (tenant !== undefined && this.#reserved.isOn(node, tenant)) return true;
    const site = this.#placement.site(node);
    if (site === undefined) return false;
    // A gang is planned over all nodes, but not while it is known that they do not suffice.
    if (shape.members !== undefined)
      return !this.#within(shape, () => this.#shortages.isShort(shape.key));
    const ask = this.#askOf(shape);
    // Whom it stood next to, or kept away, may be elsewhere.
    return (
      ask.social ||
      this.#within(shape, () => this.#placement.objection(site, { id: '', ask })) === undefined
    );
  }

  /** Whether a place is held for the tenant in which nothing runs. */
  holdsEmpty(tenant: TenantName): boolean {
    return this.#reserved.holdsEmpty(tenant);
  }

  /** Whether it would start now if the empty places of these tenants were open to all. */
  wouldStartWithout(item: QueueItem, tenants: ReadonlySet<TenantName>): boolean {
    this.#nodesChanged();
    return this.#reserved.without(tenants, () =>
      isGang(item) ? this.#wouldStart(item) : this.refusal(item) === undefined,
    );
  }

  /** The empty places of the tenant are open to all. Where they were. */
  letGoEmpty(tenant: TenantName, why: string): readonly Incarnation[] {
    return this.#reserved.letGoEmpty(tenant, why);
  }

  /** While `act` runs what is free on these nodes is open to tasks like this alone. */
  keepingFor({ shape }: QueueItem, nodes: readonly string[], act: () => void): void {
    const kept = this.#kept;
    this.letGo();
    this.#kept = { key: shape.key, nodes };
    this.#setKept(true);
    act();
    this.letGo();
    this.#kept = kept;
    this.#setKept(true);
  }

  /** From now on room is kept for tasks like this; false when it would start even then on none of the
   *  nodes that are tried at this turn of it. */
  keepFor(item: QueueItem, turn: number): boolean {
    this.#nodesChanged();
    this.letGo();
    const nodes = nodesToKeep(this.#placement, this.#companyOf(item), turn);
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
    const asked = this.#taskOf(task);
    if (this.#reserved.fits(asked)) return undefined;
    const why = this.#within(task.shape, () => {
      const choice = this.#placement.choose(asked);
      return choice.kind === 'refused' ? choice.explain().text : undefined;
    });
    const held = this.#reserved.countOf(task.tenant);
    if (why === undefined || held === 0) return why;
    return `${why}, and none of the ${held} places held for its tenant has room for it`;
  }

  /** The same of a gang. */
  gangRefusal(item: GangItem): string | undefined {
    this.#nodesChanged();
    const plan = this.#within(item.shape, () => this.#gangs.plan(this.#gangOf(item)));
    if (plan.kind !== 'refused') return undefined;
    const why = `its gang has no room: ${plan.text}`;
    const held = this.#reserved.countOf(item.tenant);
    return held === 0
      ? why
      : `${why}; with the ${held} places held for its tenant it has none either`;
  }

  /** The running tasks that would have to end so that this one has a place. */
  victimsFor(task: TaskRecord): readonly TaskId[] {
    this.#nodesChanged();
    // Between tenants the queue decides, by their shares.
    const plan = planPreemption(this.#placement, this.#taskOf(task), this.#desk.now, task.tenant);
    return plan.kind === 'planned' ? plan.victims.map((victim) => victim.task as TaskId) : [];
  }

  check(): void {
    this.#placement.check();
    this.#reserved.check();
    const { tasks } = this.#desk.state;
    let placed = 0;
    for (const { task, site, gpus } of this.#placement.grants()) {
      if (task.reserved === 'held') continue;
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
    const grants = [...this.#placement.grants()].filter(({ task }) => task.reserved !== 'held');
    return [
      { of: 'places of tasks', size: grants.length, most: tasks.runningCount },
      ...this.#reserved.sizes(),
      { of: 'gangs that hold room', size: this.#gangs.held, most: 0 },
      { of: 'gangs known to be short', size: this.#shortages.size, most: shortagesMax },
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
        else {
          this.#reserved.nodeRemoved(spec.name);
          this.#placement.removeNode(spec.name);
        }
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

  #placeIn({ node, gpus, place }: Entered): TaskPlace {
    return { ...this.#placeOn(node, gpus), place };
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
    if (ask.social) this.#social = true;
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
  const cpuModel = labels['cpu-model'];
  const isolations = labels['isolation']?.split(',');
  return {
    name: incarnation,
    resources: { ...resources, [attemptResource]: attemptsPerNodeMax },
    labels: { ...labels, node: name } satisfies Labels,
    cordoned: !serves(node),
    ...(gpuModel === undefined ? {} : { gpuModel }),
    ...(cpuModel === undefined ? {} : { cpuModel }),
    ...(isolations === undefined ? {} : { isolations }),
  };
}

function configOf({ config }: Desk): PlacementConfig {
  return { strategy: 'load-balanced', ...config.placement };
}
