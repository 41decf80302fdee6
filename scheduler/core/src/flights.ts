/** Attempts that run, as a leader remembers them: what their nodes are told, and until when they may. */
import {
  boundedFailure,
  encodeHandle,
  failure,
  type Incarnation,
  limits,
  type Outcome,
  objectsFault,
  type TaskId,
  type ToNode,
} from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import { Deliveries } from './deliveries.ts';
import type { Desk } from './desk.ts';
import type { Charge } from './fair/fair-queue.ts';
import { runTaskPrefix } from './run-table.ts';
import type { Size } from './sizes.ts';
import { objectsOf, type TaskRecord } from './task-table.ts';

interface Flight {
  readonly limit: Deadline;
  /** What its tenant was charged in advance; nothing by this leader if it runs from before. */
  readonly charged: Charge | undefined;
  readonly beganAt: number;
}

/** A node enforces the limit itself; the leader steps in this much later. */
const limitGraceMs = 5_000;

export class Flights {
  readonly #desk: Desk;
  readonly #attempts: Deliveries<TaskId>;
  readonly #flights = new Map<TaskId, Flight>();

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#attempts = new Deliveries(desk, 'attempts', (node, id) => this.#runTask(node, id));
  }

  /** Its node is told until it has heard of it. */
  begin(task: TaskRecord, node: Incarnation, charged: Charge | undefined): void {
    const { id, attempt } = task;
    const beganAt = this.#desk.now;
    const at = beganAt + task.limitMs + limitGraceMs;
    const limit = this.#desk.deadlines.set(at, { kind: 'limit', task: id, attempt });
    this.#flights.set(id, { limit, charged, beganAt });
    this.#attempts.add(node, id);
  }

  seen(node: Incarnation, task: TaskId): void {
    this.#attempts.confirm(node, task);
  }

  /** It is over, however. What it was charged in advance, and when it began; undefined when it was over
   *  before. */
  end(task: TaskRecord, node: Incarnation): Pick<Flight, 'charged' | 'beganAt'> | undefined {
    this.#attempts.confirm(node, task.id);
    const flight = this.#flights.get(task.id);
    if (flight === undefined) return undefined;
    this.#flights.delete(task.id);
    this.#desk.deadlines.cancel(flight.limit);
    return flight;
  }

  /** Its node is to end it. */
  cancel({ id: task, attempt }: TaskRecord, node: Incarnation): void {
    this.#desk.toNode(node, { kind: 'cancel-task', term: this.#desk.term, task, attempt });
  }

  resend(node: Incarnation): void {
    this.#attempts.resend(node);
  }

  /** The node hears nothing any more. */
  drop(node: Incarnation): void {
    this.#attempts.drop(node);
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { tasks, nodes } = this.#desk.state;
    const { runningCount } = tasks;
    return [
      { of: 'flights', size: this.#flights.size, most: runningCount },
      { of: 'attempts to deliver', size: this.#attempts.size, most: runningCount },
      { of: 'lanes of attempts', size: this.#attempts.lanes, most: nodes.presentCount },
    ];
  }

  #runTask(node: Incarnation, id: TaskId): ToNode | undefined {
    const task = this.#desk.state.tasks.get(id);
    if (task?.state.kind !== 'running' || task.state.node !== node) return undefined;
    const { attempt, tenant, bundle, name, input, limitMs, run, objects } = task;
    const { gpus, started } = task.state;
    const { term } = this.#desk;
    const kind = 'run-task';
    // Written out twice: spreading shows in the profile of the hottest path.
    const { version: config } = this.#desk.state.configs.latest(tenant);
    if (run === undefined && gpus.length === 0 && config === 0) {
      return { kind, term, task: id, attempt, started, tenant, bundle, name, input, limitMs };
    }
    const of = { task: id, attempt, started, tenant, bundle, name } as const;
    const order = { kind, term, ...of, input, limitMs } as const;
    const configured = config === 0 ? order : { ...order, config };
    const given = objects === undefined ? configured : { ...configured, objects };
    const scoped = run === undefined ? given : { ...given, scope: `${runTaskPrefix}${run.run}` };
    return gpus.length === 0 ? scoped : { ...scoped, gpus };
  }
}

/** What came of one that has the form of an outcome, as the journal can hold it. */
export function carriable(outcome: Outcome, { id: task, state }: TaskRecord): Outcome {
  if (!outcome.ok) return { ok: false, failure: boundedFailure(outcome.failure) };
  const [stored, ...others] = objectsOf(outcome);
  if (stored !== undefined) {
    const isOwn = state.kind === 'running' && state.started === stored.object;
    const fault =
      isOwn && others.length === 0 ? objectsFault([stored]) : 'it is not the output of its attempt';
    // It is made here, so that it holds nothing else.
    if (fault === undefined) return { ok: true, value: encodeHandle(stored), objects: [stored] };
    const what = `the output of task "${task}" is not one in the object store: ${fault}`;
    return { ok: false, failure: failure('INTERNAL', what, { task }) };
  }
  const bytes = outcome.value.length;
  if (bytes <= limits.payloadBytesMax) return outcome;
  const what = `the output of task "${task}" has ${bytes} bytes`;
  return { ok: false, failure: failure('TOO_LARGE', what, { task, bytes }) };
}
