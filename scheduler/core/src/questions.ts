/** Requests that change nothing: status and lists. Each may look at everything; none is hot. */
import type {
  ClusterView,
  Incarnation,
  NodeView,
  ProgressView,
  RequestBody,
  RunView,
  TaskId,
  TaskView,
  TenantView,
} from '@troupe/model';
import type { Activities } from './activities.ts';
import { type Ailments, pageOfActors } from './actor-list.ts';
import { settingsOf, type TenantRecord } from './deployments.ts';
import type { Desk } from './desk.ts';
import type { FailureDetection } from './failure-detection.ts';
import type { NodeGroups } from './node-groups.ts';
import type { NodeRecord } from './nodes.ts';
import { findingsOf } from './old-journal.ts';
import type { Pressure } from './pressure.ts';
import type { Quarantines } from './quarantines.ts';
import type { Rebalancing } from './rebalancing.ts';
import { viewReservation } from './reserving.ts';
import { resourcesOf } from './resources.ts';
import { viewRunShort } from './run-view.ts';
import type { TaskRecord } from './task-table.ts';
import type { Tasks } from './tasks.ts';
import { listTimers } from './timer-list.ts';
import type { Asker } from './waiting.ts';

type ListTasks = Extract<RequestBody, { kind: 'list-tasks' }>;

/** Rows of one answer; it must fit into a message. */
const rowsMax = 1_000;
/** Incarnations whose last words are told apart from repeated ones. */
const deposedMax = 10_000;
const findingsMax = 20;

export class Questions {
  readonly #desk: Desk;
  readonly #detection: FailureDetection;
  readonly #tasks: Tasks;
  readonly #quarantines: Quarantines;
  readonly #ailing: Ailments;
  readonly #rebalancing: Rebalancing;
  readonly #groups: NodeGroups;
  readonly #pressure: Pressure;
  readonly #deposed = new Set<Incarnation>();
  #appendsRefused = 0;
  #repliesWithheld = 0;

  constructor(
    desk: Desk,
    detection: FailureDetection,
    tasks: Tasks,
    shown: {
      readonly quarantines: Quarantines;
      readonly ailments: Ailments;
      readonly rebalancing: Rebalancing;
      readonly groups: NodeGroups;
      readonly pressure: Pressure;
    },
  ) {
    this.#desk = desk;
    this.#quarantines = shown.quarantines;
    this.#ailing = shown.ailments;
    this.#rebalancing = shown.rebalancing;
    this.#groups = shown.groups;
    this.#pressure = shown.pressure;
    this.#detection = detection;
    this.#tasks = tasks;
  }

  /** The last words of a fenced incarnation: counted once, for people. */
  deposed(node: Incarnation, words: { appendsRefused: number; repliesWithheld: number }): void {
    if (this.#deposed.has(node)) return;
    if (this.#deposed.size >= deposedMax) this.#deposed.clear();
    this.#deposed.add(node);
    this.#appendsRefused += words.appendsRefused;
    this.#repliesWithheld += words.repliesWithheld;
  }

  status(asker: Asker): void {
    this.#desk.answer(asker, { kind: 'status', status: this.#view() });
  }

  listRuns(asker: Asker, body: Extract<RequestBody, { kind: 'list-runs' }>): void {
    const { runs, tasks } = this.#desk.state;
    const found: RunView[] = [];
    for (const run of [...runs.all()].reverse()) {
      if (found.length === bounded(body.limit)) break;
      if (body.tenant !== undefined && run.tenant !== body.tenant) continue;
      found.push(viewRunShort(run, tasks));
    }
    this.#desk.answer(asker, { kind: 'runs', runs: found });
  }

  listTasks(asker: Asker, body: ListTasks, activities: Activities): void {
    if (body.activity !== true) return this.#tellTasks(asker, body);
    const ids = this.#tasksOf(body).shown.map(({ id }) => id);
    activities.ofTasks(ids, (progress) => this.#tellTasks(asker, body, progress));
  }

  #tellTasks(asker: Asker, body: ListTasks, progress?: ReadonlyMap<TaskId, ProgressView>): void {
    const { shown, total } = this.#tasksOf(body);
    const reasons = new Map<string, string>();
    const tasks = shown.map((task) => {
      const view = this.#viewTask(task, reasons);
      const said = progress?.get(task.id);
      return said === undefined || view.state === 'waiting' ? view : { ...view, progress: said };
    });
    this.#desk.answer(asker, { kind: 'tasks', tasks, total });
  }

  #tasksOf({ tenant, limit }: ListTasks): {
    readonly shown: readonly TaskRecord[];
    readonly total: number;
  } {
    const waiting: TaskRecord[] = [];
    const running: TaskRecord[] = [];
    let total = 0;
    for (const task of this.#desk.state.tasks.live()) {
      if (tenant !== undefined && task.tenant !== tenant) continue;
      total++;
      const rows = task.state.kind === 'ready' ? waiting : running;
      if (rows.length < bounded(limit)) rows.push(task);
    }
    return { shown: [...waiting, ...running].slice(0, bounded(limit)), total };
  }

  /** Tasks of one tenant that are alike, or gangs, wait for the same reason: it is found once. */
  #viewTask(task: TaskRecord, reasons: Map<string, string>): TaskView {
    const { id, tenant, name, attempt: attempts, state } = task;
    const view = { task: id, tenant, name, attempts };
    if (state.kind === 'running') {
      const { node, gpus } = state;
      const running = { ...view, state: 'running', node } as const;
      return gpus.length === 0 ? running : { ...running, gpus };
    }
    const restMs = task.since - this.#desk.ledMs;
    if (restMs > 0) {
      const why = `it is tried again in ${Math.ceil(restMs)} ms`;
      return { ...view, state: 'waiting', why };
    }
    const item = this.#tasks.waitsAs(task);
    const alike = `${tenant} ${item.shape.key}`;
    const why = reasons.get(alike) ?? this.#tasks.whyWaiting(item);
    reasons.set(alike, why);
    return { ...view, state: 'waiting', why };
  }

  listActors(asker: Asker, body: Extract<RequestBody, { kind: 'list-actors' }>): void {
    if (body.type === undefined && (body.prefix ?? '') !== '') {
      const what = `prefix "${body.prefix}" is of keys, which are of a type: give the type too, or no prefix`;
      return this.#desk.refuse(asker, 'INVALID_ARGUMENT', what, { argument: 'prefix' });
    }
    const page = pageOfActors(this.#desk.state, this.#ailing, body);
    this.#desk.answer(asker, { kind: 'actors', ...page });
  }

  listTimers(asker: Asker, body: Extract<RequestBody, { kind: 'list-timers' }>): void {
    const found = listTimers(this.#desk, { ...body, limit: bounded(body.limit) });
    if (found !== undefined) return this.#desk.answer(asker, { kind: 'timers', ...found });
    const what = `"after" is the "next" of the page before, not "${body.after}"`;
    this.#desk.refuse(asker, 'INVALID_ARGUMENT', what);
  }

  listDemands(asker: Asker, body: Extract<RequestBody, { kind: 'list-demands' }>): void {
    const { tenant, limit } = body;
    const owner = tenant === undefined ? undefined : this.#desk.state.deployments.tenant(tenant);
    if (tenant !== undefined && owner === undefined) {
      const what = `there is no tenant "${tenant}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_TENANT', what, { tenant });
    }
    const all = this.#tasks.demands.views(owner === undefined ? undefined : new Set(owner.bundles));
    const demands = all.slice(0, bounded(limit));
    this.#desk.answer(asker, { kind: 'demands', demands, total: all.length });
  }

  #view(): ClusterView {
    const { config, state, term } = this.#desk;
    const tenants = [...state.deployments.tenants()];
    const findings = [
      ...this.#quarantines.findings(),
      ...this.#tasks.standoffs,
      ...findingsOf(state.deployments, findingsMax),
    ];
    const rebalance = this.#rebalancing.view();
    const groups = this.#groups.views();
    const givenUp = this.#pressure.view();
    return {
      ...(findings.length === 0 ? {} : { findings }),
      ...(rebalance === undefined ? {} : { rebalance }),
      ...(groups.length === 0 ? {} : { groups }),
      ...(givenUp === undefined ? {} : { givenUp }),
      cell: config.cell,
      term,
      leader: state.term?.scheduler ?? '',
      version: config.version,
      nodes: [...state.nodes.kept()].map((node) => this.#viewNode(node)),
      tenants: tenants.slice(0, rowsMax).map((tenant) => this.#viewTenant(tenant)),
      reservations: [...state.reservations.all()].map((each) => viewReservation(this.#tasks, each)),
      bundles: tenants.flatMap(({ tenant, bundles }) =>
        bundles.map((bundle) => {
          const manifest = state.deployments.manifest(bundle);
          return {
            tenant,
            bundle,
            actors: manifest?.actors.map((actor) => actor.type) ?? [],
            tasks: manifest?.tasks.map((task) => task.name) ?? [],
            workflows: manifest?.workflows.map((workflow) => workflow.name) ?? [],
          };
        }),
      ),
      counts: {
        tenants: tenants.length,
        actors: state.actors.size,
        tasksQueued: state.tasks.readyCount,
        tasksRunning: state.tasks.runningCount,
        runs: state.runs.size,
        appendsRefused: this.#appendsRefused,
        repliesWithheld: this.#repliesWithheld,
        nodesLost: state.nodes.lost,
      },
    };
  }

  #viewTenant(tenant: TenantRecord): TenantView {
    const { waiting, inFlight, lag } = this.#tasks.share(tenant.tenant);
    // To a thousandth, and never -0.
    const behindMs = Math.round(lag * 1_000) / 1_000 || 0;
    return { ...settingsOf(tenant), waiting, inFlight, behindMs };
  }

  #viewNode(node: NodeRecord): NodeView {
    const { incarnation, name, resources, labels, phase } = node;
    const actors = this.#desk.state.actors.on(incarnation).size;
    const view = {
      name,
      incarnation,
      state: phase.kind === 'sealed' ? (actors > 0 ? 'dying' : 'gone') : phase.kind,
      resources,
      used: resourcesOf(node.used),
      labels,
      actors,
      tasks: this.#desk.state.tasks.on(incarnation).size,
      silentMs: this.#detection.silentMs(incarnation),
      ...(node.cordoned ? { cordoned: true } : {}),
    } as const;
    const load = this.#detection.load(incarnation);
    return load === undefined ? view : { ...view, load };
  }
}

function bounded(limit: number): number {
  return Number.isFinite(limit) ? Math.min(Math.max(Math.floor(limit), 1), rowsMax) : rowsMax;
}
