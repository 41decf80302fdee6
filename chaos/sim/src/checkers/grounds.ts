/** The nodes, and which tasks run where on them: by the facts of the journal, by what the plan says that
 *  nodes have, and by what bundles declare of tasks. */
import type { Incarnation, TaskId, TaskManifest } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Manifests } from '../plan/bundles.ts';
import { type Scene, type Site, siteOf } from '../plan/scene.ts';

export interface Placed {
  readonly task: TaskId;
  readonly attempt: number;
  readonly node: Incarnation;
  readonly gpus: readonly number[];
  /** Undefined for what calls an actor. */
  readonly declared: TaskManifest | undefined;
}

const nothing: ReadonlyMap<TaskId, Placed> = new Map();

export class Grounds {
  /** Joined, and neither draining nor dying. */
  readonly alive = new Set<Incarnation>();
  readonly draining = new Set<Incarnation>();
  readonly cordoned = new Set<Incarnation>();
  readonly #scene: Scene | undefined;
  readonly #manifests: Manifests;
  readonly #names = new Map<TaskId, string>();
  readonly #placed = new Map<TaskId, Placed>();
  readonly #onNode = new Map<Incarnation, Map<TaskId, Placed>>();

  constructor(manifests: Manifests, scene: Scene | undefined) {
    this.#manifests = manifests;
    this.#scene = scene;
  }

  siteOf(node: Incarnation): Site {
    const [host = ''] = node.split('.');
    return siteOf(this.#scene, host);
  }

  placed(task: TaskId): Placed | undefined {
    return this.#placed.get(task);
  }

  on(node: Incarnation): Iterable<Placed> {
    return (this.#onNode.get(node) ?? nothing).values();
  }

  all(): Iterable<Placed> {
    return this.#placed.values();
  }

  declared(task: TaskId): TaskManifest | undefined {
    return this.#manifests.task(this.#names.get(task) ?? '');
  }

  /** How the task would stand there. */
  place({ task, attempt, node, gpus = [] }: Started): Placed {
    return { task, attempt, node, gpus, declared: this.declared(task) };
  }

  apply(fact: SchedulerFact): void {
    switch (fact.kind) {
      case 'node-joined':
        this.alive.add(fact.incarnation);
        return;
      case 'node-draining':
        this.alive.delete(fact.incarnation);
        this.draining.add(fact.incarnation);
        return;
      case 'node-dying':
        this.alive.delete(fact.incarnation);
        this.draining.delete(fact.incarnation);
        this.cordoned.delete(fact.incarnation);
        return;
      case 'node-cordoned':
        if (fact.cordoned) this.cordoned.add(fact.incarnation);
        else this.cordoned.delete(fact.incarnation);
        return;
      case 'task-submitted':
        this.#names.set(fact.task, fact.name);
        return;
      case 'task-started': {
        this.#leave(fact.task);
        const placed = this.place(fact);
        this.#placed.set(fact.task, placed);
        const there = this.#onNode.get(fact.node) ?? new Map<TaskId, Placed>();
        this.#onNode.set(fact.node, there.set(fact.task, placed));
        return;
      }
      case 'task-preempted':
      case 'task-retried':
        return this.#leave(fact.task);
      case 'task-ended':
        this.#names.delete(fact.task);
        return this.#leave(fact.task);
      default:
    }
  }

  #leave(task: TaskId): void {
    const placed = this.#placed.get(task);
    if (placed === undefined) return;
    this.#placed.delete(task);
    this.#onNode.get(placed.node)?.delete(task);
  }
}

type Started = Extract<SchedulerFact, { kind: 'task-started' }>;
