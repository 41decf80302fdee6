/**
 * Views that say what goes on right now: the nodes are asked when somebody looks, and the view is
 * answered with what they have said. Nothing of it is kept.
 *
 * X1  a view is answered once: when every node that was asked has answered, or is gone, or after
 *     `askMs`, without what is missing.
 */
import {
  type ActivityFound,
  type ActorActivity,
  type ActorId,
  type Incarnation,
  limits,
  type ProgressView,
  type TaskId,
} from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import type { Size } from './sizes.ts';

export interface Found {
  readonly actors: ReadonlyMap<ActorId, ActorActivity>;
  /** By task, of the attempt that was asked for. */
  readonly progress: ReadonlyMap<TaskId, ProgressView>;
}

interface Ask {
  /** Answers that each node still owes. */
  readonly open: Map<Incarnation, number>;
  readonly actors: Map<ActorId, ActorActivity>;
  readonly progress: Map<TaskId, ProgressView>;
  readonly done: (found: Found) => void;
  deadline?: Deadline;
}

interface Asked {
  readonly actors: { readonly actor: ActorId; readonly epoch: number }[];
  readonly attempts: { readonly task: TaskId; readonly attempt: number }[];
}

const askMs = 1_000;

export class Activities {
  readonly #desk: Desk;
  readonly #asks = new Map<number, Ask>();
  #last = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Z1 */
  sizes(): readonly Size[] {
    return [{ of: 'views that are asked for', size: this.#asks.size, most: 0 }];
  }

  ofActor(actor: ActorId, done: (activity: ActorActivity | undefined) => void): void {
    this.#ask([actor], [], ({ actors }) => done(actors.get(actor)));
  }

  /** Of the tasks among these that run now. */
  ofTasks(tasks: Iterable<TaskId>, done: (progress: Found['progress']) => void): void {
    this.#ask([], tasks, ({ progress }) => done(progress));
  }

  found({ incarnation: node, ask: number, actors, attempts }: ActivityFound): void {
    const ask = this.#asks.get(number);
    const owed = ask?.open.get(node);
    if (ask === undefined || owed === undefined) return;
    for (const { actor, epoch, activity } of actors) {
      if (this.#desk.state.actors.get(actor)?.epoch === epoch) ask.actors.set(actor, activity);
    }
    for (const { task, attempt, progress } of attempts) {
      const isIt = this.#desk.state.tasks.get(task)?.attempt === attempt;
      if (isIt && progress !== undefined) ask.progress.set(task, progress);
    }
    this.#heard(number, ask, node, owed - 1);
  }

  nodeLost(node: Incarnation): void {
    for (const [number, ask] of this.#asks) {
      if (ask.open.has(node)) this.#heard(number, ask, node, 0);
    }
  }

  due(number: number): void {
    const ask = this.#asks.get(number);
    if (ask !== undefined) this.#end(number, ask);
  }

  #ask(actors: Iterable<ActorId>, tasks: Iterable<TaskId>, done: (found: Found) => void): void {
    const asked = this.#byNode(actors, tasks);
    const ask: Ask = { open: new Map(), actors: new Map(), progress: new Map(), done };
    if (asked.size === 0) return done(ask);
    this.#last += 1;
    const number = this.#last;
    for (const [node, of] of asked) ask.open.set(node, this.#send(number, node, of));
    this.#asks.set(number, ask);
    const due = { kind: 'activity', ask: number } as const;
    ask.deadline = this.#desk.deadlines.set(this.#desk.now + askMs, due);
  }

  #byNode(actors: Iterable<ActorId>, tasks: Iterable<TaskId>): Map<Incarnation, Asked> {
    const { state } = this.#desk;
    const asked = new Map<Incarnation, Asked>();
    const at = (node: Incarnation): Asked => {
      const there = asked.get(node) ?? { actors: [], attempts: [] };
      asked.set(node, there);
      return there;
    };
    for (const actor of actors) {
      const record = state.actors.get(actor);
      if (record !== undefined) at(record.node).actors.push({ actor, epoch: record.epoch });
    }
    for (const id of tasks) {
      const task = state.tasks.get(id);
      if (task?.state.kind !== 'running') continue;
      at(task.state.node).attempts.push({ task: id, attempt: task.attempt });
    }
    return asked;
  }

  /** How many answers the node owes. */
  #send(ask: number, node: Incarnation, { actors, attempts }: Asked): number {
    const { term } = this.#desk;
    const most = limits.askedActorsMax;
    const count = Math.max(1, Math.ceil(attempts.length / most));
    for (let part = 0; part < count; part++) {
      const some = attempts.slice(part * most, (part + 1) * most);
      const named = part === 0 ? actors : [];
      this.#desk.toNode(node, { kind: 'ask-activity', term, ask, actors: named, attempts: some });
    }
    return count;
  }

  #heard(number: number, ask: Ask, node: Incarnation, owed: number): void {
    if (owed > 0) ask.open.set(node, owed);
    else ask.open.delete(node);
    if (ask.open.size === 0) this.#end(number, ask);
  }

  #end(number: number, ask: Ask): void {
    this.#asks.delete(number);
    this.#desk.deadlines.cancel(ask.deadline);
    ask.done(ask);
  }
}
