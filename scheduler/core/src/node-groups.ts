/**
 * How many nodes each group of them should have, where the cell is configured so: decided from what waits, what
 * is reserved and the time for which leaders have led, by the rules of `autoscale/`. No node is started or stopped
 * here: an operator, or what acts for one, reads the decision from the status.
 *
 * A task belongs to the first group whose labels are what it selects, if there is one. A decision is a fact when its
 * size is another one than before, so that whoever leads next goes on from it. What the rules have learnt of
 * arrivals is volatile, and a forecast that has just begun lets nobody go.
 */
import type { Incarnation, Labels, NodeGroupView, NodeLoad, TenantName } from '@troupe/model';
import {
  clockRule,
  forecastTerms,
  Group,
  type GroupTerms,
  type GroupView,
  type LocalTime,
  type Sizing,
  thresholdTerms,
} from './autoscale/index.ts';
import type { Desk } from './desk.ts';
import type { AutoscaleConfig, NodeGroupConfig } from './events.ts';
import type { QuotaRoom } from './fair/index.ts';
import { matches } from './placement/labels.ts';
import type { Size } from './sizes.ts';
import type { TaskRecord } from './task-table.ts';

const lookMs = 5_000;
/** Tasks that wait are looked at one by one up to so many; beyond, the shares of groups are taken from these. */
const lookedAtMax = 50_000;

export interface Sights {
  /** Whether nodes may be asked for ahead of need. */
  mayForecast(): boolean;
  /** By its last beat. */
  loadOf(node: Incarnation): NodeLoad | undefined;
  /** What the quota of a tenant leaves; undefined when that has none. */
  roomOf(tenant: TenantName): QuotaRoom | undefined;
}

interface Sized {
  readonly config: NodeGroupConfig;
  readonly group: Group;
  sizing: Sizing | undefined;
  view: GroupView;
}

export class NodeGroups {
  readonly #desk: Desk;
  readonly #config: AutoscaleConfig | undefined;
  readonly #groups: readonly Sized[];
  readonly #sights: Sights;
  /** Since the last look an actor was asked for, and no node was there. */
  #asked = false;
  /** A firing was due and no node was there; until one is. */
  #firingWaits = false;

  constructor(desk: Desk, sights: Sights) {
    this.#desk = desk;
    this.#config = desk.config.autoscale;
    this.#sights = sights;
    this.#groups = (this.#config?.groups ?? []).map((config) => {
      const { size = config.min, grewMs } = desk.state.groups.get(config.name) ?? {};
      const group = new Group(desk.ledMs, termsOf(config), size, grewMs);
      return { config, group, sizing: undefined, view: none };
    });
    if (this.#config !== undefined) this.#lookIn(lookMs);
  }

  /** A new leader: groups that are configured no longer are forgotten. */
  takeOver(): void {
    const names = new Set(this.#groups.map(({ config }) => config.name));
    for (const { group } of [...this.#desk.state.groups.all()]) {
      if (!names.has(group)) this.#desk.decide({ kind: 'group-dropped', group });
    }
  }

  arrived(task: TaskRecord): void {
    const group = this.#groupOf(task);
    if (group === undefined) return;
    group.group.arrived(this.#desk.ledMs);
    // One that has fallen to nothing is woken at once.
    if (group.sizing?.size === 0) this.#decide(group, { ...group.view, queued: 1 });
  }

  /** An actor is asked for, and no node is there to take it: any will do. */
  noNodes(): void {
    this.#asked = true;
    const [first] = this.#groups;
    if (first?.sizing?.size === 0) this.#decide(first, { ...first.view, asked: true });
  }

  /** The same, by a timer of the actor: nobody asks again, so it is asked for until a node is there. */
  firingWaits(): void {
    if (this.#firingWaits) return;
    this.#firingWaits = true;
    this.noNodes();
  }

  ended(task: TaskRecord, tookMs: number): void {
    this.#groupOf(task)?.group.ended(this.#desk.ledMs, tookMs);
  }

  look(): void {
    if (this.#config === undefined) return;
    this.#lookIn(lookMs);
    const queued = this.#queued();
    if (this.#desk.state.nodes.presentCount > 0) this.#firingWaits = false;
    for (const sized of this.#groups) {
      const asked = (this.#asked || this.#firingWaits) && sized === this.#groups[0];
      const waiting = { queued: queued.get(sized) ?? 0, asked };
      this.#decide(sized, { ...this.#present(sized.config), ...waiting });
    }
    this.#asked = false;
  }

  /** In the order of the configuration. */
  views(): readonly NodeGroupView[] {
    return this.#groups.map(({ config, sizing, view }) => {
      const { name, min, max } = config;
      const known = this.#desk.state.groups.get(name);
      const {
        size = min,
        rule = 'floor',
        reason = 'it has not been looked at yet',
      } = sizing ?? known ?? {};
      const { ready, starting, queued } = view;
      return { group: name, size, min, max, rule, reason, ready, starting, queued };
    });
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { size } = this.#desk.state.groups;
    return [{ of: 'groups with a size', size, most: this.#groups.length }];
  }

  #decide(sized: Sized, view: GroupView): void {
    const { ledMs, state } = this.#desk;
    const sizing = sized.group.decide(ledMs, this.#localTime(), view, this.#sights.mayForecast());
    sized.sizing = sizing;
    sized.view = view;
    const { size, rule, reason } = sizing;
    const { name: group } = sized.config;
    if (state.groups.get(group)?.size === size) return;
    this.#desk.decide({ kind: 'group-sized', group, size, rule, reason, ledMs });
  }

  /** Members of the group: those that serve, those that join, what share of them is reserved, and the actors
   *  in memory on all of them. */
  #present({ labels }: NodeGroupConfig): Omit<GroupView, 'queued'> {
    const { nodes, tasks } = this.#desk.state;
    let [ready, starting, busy, running, live] = [0, 0, 0, 0, 0];
    for (const node of nodes.present()) {
      if (!hasAll(node.labels, labels)) continue;
      const load = this.#sights.loadOf(node.incarnation);
      live += load?.inMemory ?? load?.actors ?? 0;
      if (node.phase.kind === 'joining') starting++;
      else if (node.phase.kind === 'alive' && !node.cordoned) {
        ready++;
        busy += node.load;
        running += tasks.on(node.incarnation).size;
      }
    }
    return { ready, starting, busy, running, live };
  }

  /** Without what waits for a quota: no node helps that. */
  #queued(): ReadonlyMap<Sized, number> {
    const queued = new Map<Sized, { free: number; limited: number }>();
    const rooms = new Map<TenantName, QuotaRoom | undefined>();
    const { tasks } = this.#desk.state;
    let left = tasks.readyCount;
    let looked = 0;
    for (const task of tasks.live()) {
      if (left === 0 || looked === lookedAtMax) break;
      if (task.state.kind !== 'ready') continue;
      left--;
      looked++;
      const { tenant, shape } = task;
      if (!rooms.has(tenant)) rooms.set(tenant, this.#sights.roomOf(tenant));
      const room = rooms.get(tenant);
      const group = this.#groupOf(task);
      if (group === undefined || room?.take(shape) === false) continue;
      const counts = queued.get(group) ?? { free: 0, limited: 0 };
      if (room === undefined) counts.free++;
      else counts.limited++;
      queued.set(group, counts);
    }
    const share = left === 0 ? 1 : tasks.readyCount / looked;
    const all = ({ free, limited }: { readonly free: number; readonly limited: number }) =>
      Math.round(free * share) + limited;
    return new Map([...queued].map(([group, counts]) => [group, all(counts)]));
  }

  #groupOf({ shape }: TaskRecord): Sized | undefined {
    const selector = shape.wishes?.nodes;
    if (selector === undefined) return this.#groups[0];
    return this.#groups.find(({ config }) => matches(selector, config.labels));
  }

  /** By the wall clock of the leader: a floor that comes a little early or late harms nobody. */
  #localTime(): LocalTime {
    const minutes = Math.floor(this.#desk.wall / 60_000) + (this.#config?.utcOffsetMinutes ?? 0);
    const days = Math.floor(minutes / dayMinutes);
    return { weekday: (days + epochWeekday) % 7, minute: minutes - days * dayMinutes };
  }

  #lookIn(ms: number): void {
    this.#desk.deadlines.set(this.#desk.now + ms, { kind: 'sizing' });
  }
}

const none: GroupView = { ready: 0, starting: 0, busy: 0, queued: 0 };
const dayMinutes = 24 * 60;
/** The first of January 1970 was a Thursday. */
const epochWeekday = 4;

function hasAll(labels: Labels, asked: Labels): boolean {
  return Object.entries(asked).every(([name, value]) => labels[name] === value);
}

/** What is wrong with it was said when the configuration was read. */
function termsOf(config: NodeGroupConfig): GroupTerms {
  const { min, max, threshold, tasksPerNode, forecast, clock = [], idleMs } = config;
  return {
    min,
    max,
    ...(threshold === undefined ? {} : { threshold: { ...thresholdTerms, ...threshold } }),
    ...(tasksPerNode === undefined ? {} : { queue: { perMember: tasksPerNode } }),
    ...(forecast === undefined ? {} : { forecast: { ...forecastTerms, ...forecast } }),
    clock: clock.flatMap((text) => {
      const rule = clockRule(text);
      return 'fault' in rule ? [] : [rule];
    }),
    ...(idleMs === undefined ? {} : { idle: { afterMs: idleMs } }),
  };
}
