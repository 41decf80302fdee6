/**
 * The durable state: what the facts of the journal come to, and nothing else. Leader and followers
 * change it by `apply` alone.
 *
 * S1  applying the facts from an image on gives the same state as applying them all.
 * S5  the time for which leaders have led never goes back.
 */
import { actorParts, assert, type Bytes, decode, encode, encodeParts } from '@troupe/model';
import { type ActorImage, ActorTable } from './actors.ts';
import { type ConfigsImage, ConfigTable } from './config-table.ts';
import { type DeploymentsImage, DeploymentTable } from './deployments.ts';
import type { SchedulerFact } from './facts.ts';
import { type GivenUp, nothingGivenUp } from './given-up.ts';
import { GroupTable, type SizedGroup } from './group-table.ts';
import { type NodesImage, NodeTable } from './nodes.ts';
import { type ObjectsImage, ObjectTable } from './object-table.ts';
import { type ReservationsImage, ReservationTable } from './reservation-table.ts';
import { RewindTable, type ScopeTime } from './rewind-table.ts';
import { type RolloutsImage, RolloutTable } from './rollout-table.ts';
import { type RunsImage, RunTable } from './run-table.ts';
import { type SavepointsImage, SavepointTable } from './savepoint-table.ts';
import { type SupervisionImage, SupervisionTable } from './supervision-table.ts';
import { objectsOf, type TaskRecord, type TasksImage, TaskTable } from './task-table.ts';
import { type TimersImage, TimerTable } from './timer-table.ts';
import { type Tombstone, Tombstones } from './tombstones.ts';

export interface OpenedTerm {
  readonly scheduler: string;
  readonly generation: number;
  readonly number: number;
}

export interface StoredImage {
  readonly object: string;
  readonly facts: number;
  readonly position: number;
}

/** The durable state as plain data. */
export interface DurableState {
  readonly format: number;
  readonly factCount: number;
  readonly ledMs: number;
  readonly term?: OpenedTerm;
  readonly stored?: StoredImage;
  /** The image before that one; absent in images from before it was kept. */
  readonly storedBefore?: StoredImage;
  readonly nodes: NodesImage;
  readonly actors: readonly ActorImage[];
  readonly deployments: DeploymentsImage;
  /** Absent where no tenant has one. */
  readonly configs?: ConfigsImage;
  /** Absent when there are none, as in images from before there were any. */
  readonly reservations?: ReservationsImage;
  /** Absent where there are none. */
  readonly savepoints?: SavepointsImage;
  /** Absent where no scope ever went back. */
  readonly rewinds?: readonly ScopeTime[];
  readonly tasks: TasksImage;
  readonly runs: RunsImage;
  /** Absent where nothing ever befell an actor. */
  readonly supervision?: SupervisionImage;
  /** Absent where no type ever had one. */
  readonly rollouts?: RolloutsImage;
  /** Absent where there are none. */
  readonly objects?: ObjectsImage;
  /** Absent where no actor ever set one. */
  readonly timers?: TimersImage;
  readonly tombstones?: readonly Tombstone[];
  /** Absent where no group of nodes is sized. */
  readonly groups?: readonly SizedGroup[];
  /** Absent where nothing is given up. */
  readonly givenUp?: GivenUp;
}

/** In parts. */
const imageFormat = 5;
/** All in one piece: as it was written before there were parts. */
const wholeImageFormat = 4;

export class State {
  readonly nodes = new NodeTable();
  readonly tombstones = new Tombstones();
  readonly actors = new ActorTable(this.nodes, this.tombstones);
  readonly deployments = new DeploymentTable();
  readonly rollouts = new RolloutTable();
  readonly supervision = new SupervisionTable((topic) => this.actors.get(topic) !== undefined);
  readonly configs = new ConfigTable();
  readonly reservations = new ReservationTable(this.nodes);
  readonly savepoints = new SavepointTable();
  readonly rewinds = new RewindTable(this.actors);
  readonly objects = new ObjectTable();
  readonly timers = new TimerTable();
  readonly tasks = new TaskTable(this.nodes, this.objects);
  readonly runs = new RunTable(this.deployments, this.objects);
  readonly groups = new GroupTable();
  /** What is given up under pressure. */
  givenUp: GivenUp = nothingGivenUp;
  #factCount = 0;
  #ledMs = 0;
  #term: OpenedTerm | undefined;
  #stored: StoredImage | undefined;
  #storedBefore: StoredImage | undefined;

  /** Number that the next fact gets. */
  get factCount(): number {
    return this.#factCount;
  }
  /** For how long leaders have led, by the last fact that says so. */
  get ledMs(): number {
    return this.#ledMs;
  }
  get term(): OpenedTerm | undefined {
    return this.#term;
  }
  get stored(): StoredImage | undefined {
    return this.#stored;
  }
  /** From it on the journal is kept, so that it serves when the last one is damaged. */
  get storedBefore(): StoredImage | undefined {
    return this.#storedBefore;
  }

  /** Answers the position of the fact. */
  apply(fact: SchedulerFact): number {
    const position = this.#factCount++;
    if ('ledMs' in fact && fact.ledMs !== undefined) {
      assert(fact.ledMs >= this.#ledMs, 'S5: the time that was led never goes back');
      this.#ledMs = fact.ledMs;
    }
    switch (fact.kind) {
      case 'term-opened': {
        const { scheduler, generation } = fact;
        this.#term = { scheduler, generation, number: position };
        break;
      }
      case 'node-joining':
      case 'node-joined':
      case 'node-draining':
      case 'node-cordoned':
      case 'node-sealed':
      case 'log-deleted':
        this.nodes.apply(fact);
        break;
      case 'node-dying':
        this.nodes.apply(fact);
        this.reservations.nodeDying(fact.incarnation);
        break;
      case 'actor-ill':
      case 'actor-well':
        this.supervision.apply(fact, this.actors.get(fact.actor));
        break;
      case 'lives-taken':
        this.supervision.taken(fact);
        break;
      case 'actor-wished':
      case 'actor-placed':
        this.supervision.apply(fact, this.actors.get(fact.actor));
        this.actors.apply(fact, position);
        break;
      case 'actor-created':
      case 'actor-migrating':
      case 'actor-rebased':
      case 'actor-upgraded':
        this.actors.apply(fact, position);
        break;
      case 'savepoint-made':
      case 'savepoint-dropped':
        this.savepoints.apply(fact);
        break;
      case 'scope-rewound':
        this.actors.rewound(fact, position);
        this.savepoints.rewound(fact);
        this.rewinds.apply(fact, position);
        break;
      case 'rewind-begun':
      case 'rewind-refused':
        this.rewinds.apply(fact, position);
        break;
      case 'actor-destroyed': {
        const scope = this.actors.get(fact.actor)?.scope ?? fact.actor;
        this.supervision.apply(fact, this.actors.get(fact.actor));
        this.supervision.forgetTopic(fact.actor);
        this.savepoints.forget(fact.actor, scope);
        this.actors.apply(fact, position);
        this.rewinds.forget(actorParts(fact.actor).tenant, scope);
        this.timers.destroyed(fact.actor, fact.birth);
        break;
      }
      case 'tombstones-forgotten':
        for (const actor of fact.actors) this.tombstones.forget(actor);
        break;
      case 'tenant-put':
        this.deployments.apply(fact, this.#ledMs);
        break;
      case 'bundle-deployed':
        this.deployments.apply(fact, this.#ledMs);
        this.rollouts.apply(fact, position);
        break;
      case 'rollout-begun':
        this.deployments.apply(fact, this.#ledMs);
        this.rollouts.apply(fact, position);
        break;
      case 'upgrade-failed':
        this.supervision.apply(fact, this.actors.get(fact.actor));
        this.rollouts.apply(fact, position);
        break;
      case 'rollout-changed':
        this.rollouts.apply(fact, position);
        break;
      case 'config-put':
        this.configs.apply(fact);
        break;
      case 'reservation-put':
      case 'reservation-dropped':
      case 'place-held':
      case 'place-let-go':
        this.reservations.apply(fact, position);
        break;
      case 'task-submitted':
      case 'task-started':
      case 'task-preempted':
      case 'task-retried':
      case 'task-ended':
      case 'tasks-forgotten':
        this.#applyTask(fact, position);
        break;
      case 'run-started':
      case 'branches-expanded':
      case 'round-decided':
      case 'block-paused':
      case 'block-waiting':
      case 'block-ended':
      case 'run-moved':
      case 'run-undoing':
      case 'block-not-undone':
      case 'run-ended':
      case 'runs-forgotten':
        this.runs.apply(fact);
        break;
      case 'timers-told':
        this.timers.apply(fact);
        break;
      case 'group-sized':
      case 'group-dropped':
        this.groups.apply(fact);
        break;
      case 'measures-given-up':
        this.givenUp = { count: fact.count, reason: fact.reason };
        break;
      case 'time-led':
        break;
      case 'image-stored': {
        const { object, facts, position: at } = fact;
        this.#storedBefore = this.#stored;
        this.#stored = { object, facts, position: at };
        break;
      }
    }
    return position;
  }

  durable(): DurableState {
    const [tasks, runs, timers] = [this.tasks, this.runs, this.timers];
    return {
      ...this.#small(),
      actors: [...this.actors.image()],
      tasks: { live: [...tasks.imageOfLive()], ended: [...tasks.allEnded()] },
      runs: [...runs.image()],
      ...(timers.size === 0 ? {} : { timers: [...timers.image()] }),
    };
  }

  /** The durable state in parts, each packed when it is asked for: nothing may be applied until all are. */
  *imageParts(partBytes: number): Generator<Bytes> {
    yield encode(this.#small());
    yield* encodeParts(['actors'], this.actors.image(), partBytes);
    yield* encodeParts(['timers'], this.timers.image(), partBytes);
    yield* encodeParts(['tasks', 'live'], this.tasks.imageOfLive(), partBytes);
    yield* encodeParts(['tasks', 'ended'], this.tasks.allEnded(), partBytes);
    // In one: in which order they ended is told of all together.
    yield* encodeParts(['runs'], this.runs.image(), Number.POSITIVE_INFINITY);
  }

  /** All but what there may be very many of. */
  #small(): Omit<DurableState, 'actors' | 'timers' | 'tasks' | 'runs'> {
    return {
      format: imageFormat,
      factCount: this.#factCount,
      ledMs: this.#ledMs,
      ...(this.#term === undefined ? {} : { term: this.#term }),
      ...(this.#stored === undefined ? {} : { stored: this.#stored }),
      ...(this.#storedBefore === undefined ? {} : { storedBefore: this.#storedBefore }),
      nodes: this.nodes.image(),
      deployments: this.deployments.image(),
      ...(this.configs.size === 0 ? {} : { configs: this.configs.image() }),
      ...(this.reservations.size === 0 ? {} : { reservations: this.reservations.image() }),
      ...(this.savepoints.size === 0 ? {} : { savepoints: this.savepoints.image() }),
      ...(this.rewinds.size === 0 ? {} : { rewinds: this.rewinds.image() }),
      ...(this.supervision.isUsed ? { supervision: this.supervision.image() } : {}),
      ...(this.rollouts.size === 0 ? {} : { rollouts: this.rollouts.image() }),
      ...(this.objects.size === 0 ? {} : { objects: this.objects.image() }),
      ...(this.tombstones.size === 0 ? {} : { tombstones: this.tombstones.image() }),
      ...(this.groups.size === 0 ? {} : { groups: this.groups.image() }),
      ...(this.givenUp.count === 0 ? {} : { givenUp: this.givenUp }),
    };
  }

  static restore(image: Iterable<Bytes>): State {
    const state = new State();
    for (const part of image) state.restorePart(part);
    return state;
  }

  /** Of an image, part by part in their order, into a fresh state. An old one is one part with all. */
  restorePart(part: Bytes): void {
    const given = decode<Partial<DurableState>>(part);
    if (given.format !== undefined) this.#restoreSmall(given);
    else assert(this.#factCount > 0, 'S1: an image begins with its first part');
    this.actors.restore(given.actors ?? []);
    this.timers.restore(given.timers ?? []);
    const { live = [], ended = [] } = given.tasks ?? {};
    this.tasks.restore({ live, ended });
    this.runs.restore(given.runs ?? []);
  }

  #restoreSmall(given: Partial<DurableState>): void {
    const known = given.format === imageFormat || given.format === wholeImageFormat;
    assert(known, 'S1: an image is read by a version that knows it');
    this.#factCount = given.factCount ?? 0;
    this.#ledMs = given.ledMs ?? 0;
    this.#term = given.term;
    this.#stored = given.stored;
    this.#storedBefore = given.storedBefore;
    if (given.nodes !== undefined) this.nodes.restore(given.nodes);
    this.tombstones.restore(given.tombstones ?? []);
    this.groups.restore(given.groups ?? []);
    this.givenUp = given.givenUp ?? nothingGivenUp;
    if (given.deployments !== undefined) this.deployments.restore(given.deployments);
    this.configs.restore(given.configs ?? []);
    if (given.supervision !== undefined) this.supervision.restore(given.supervision);
    this.rollouts.restore(given.rollouts ?? []);
    this.reservations.restore(given.reservations ?? []);
    this.savepoints.restore(given.savepoints ?? []);
    this.rewinds.restore(given.rewinds ?? []);
    this.objects.restore(given.objects ?? []);
  }

  check(): void {
    this.nodes.check();
    this.actors.check();
    this.configs.check();
    this.tombstones.check();
    this.tasks.check();
    this.reservations.check(this.tasks);
    this.runs.check();
    this.timers.check();
    const held = new Map<number, number>();
    this.tasks.countHeld(held);
    this.runs.countHeld(held);
    this.objects.check(held);
  }

  #applyTask(fact: Parameters<TaskTable['apply']>[0], position: number): void {
    const large = fact.kind === 'task-ended' ? objectsOf(fact.outcome) : [];
    if (fact.kind === 'task-ended' && large.length > 0) {
      const state = this.tasks.get(fact.task)?.state;
      assert(state?.kind === 'running', 'B1: an object comes with the end of an attempt');
      this.objects.came(large, state.node);
    }
    const task = this.tasks.apply(fact, position);
    if (fact.kind === 'task-started' && task !== undefined) {
      this.deployments.started(task.tenant, this.#ledMs);
    }
    this.#tellRun(fact, task);
    this.objects.settled(large);
  }

  #tellRun(fact: Parameters<TaskTable['apply']>[0], task: TaskRecord | undefined): void {
    if (task?.run === undefined) return;
    const { run, block } = task.run;
    if (fact.kind === 'task-submitted') this.runs.taskSubmitted(run, block);
    if (fact.kind === 'task-ended') {
      const { attempt: attempts } = task;
      const node = task.state.kind === 'running' ? task.state.node : undefined;
      const attempt =
        node === undefined ? undefined : { node, attempt: attempts, ledMs: fact.ledMs };
      this.runs.taskEnded(run, block, { outcome: fact.outcome, attempts, attempt });
    }
  }
}
