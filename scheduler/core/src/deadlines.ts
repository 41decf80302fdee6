/**
 * Everything the leader waits for, in one heap by monotonic time: resends, retries, limits, probes.
 * Volatile: a new leader sets its deadlines anew from the durable state.
 *
 * T1  deadlines of one instant fall due in the order in which they were set.
 */
import type { ActorId, Incarnation, RunId, TaskId, TenantName } from '@troupe/model';
import { Heap, type HeapItem } from './heap.ts';
import type { MigrationAsker, WaitingAsker } from './waiting.ts';

export type Due =
  /** Judge every node by its silence. */
  | { readonly kind: 'pulse' }
  | { readonly kind: 'probe'; readonly node: Incarnation }
  | { readonly kind: 'drain'; readonly node: Incarnation }
  | { readonly kind: 'places'; readonly node: Incarnation }
  | { readonly kind: 'attempts'; readonly node: Incarnation }
  | { readonly kind: 'leaves'; readonly node: Incarnation }
  | { readonly kind: 'configs'; readonly node: Incarnation }
  | { readonly kind: 'upgrades'; readonly node: Incarnation }
  /** The next wave of a rollout. */
  | { readonly kind: 'rollout'; readonly tenant: TenantName; readonly type: string }
  /** Somebody has waited long enough for a migration. */
  | { readonly kind: 'migration'; readonly actor: ActorId; readonly asker: MigrationAsker }
  | { readonly kind: 'retry'; readonly task: TaskId }
  | { readonly kind: 'limit'; readonly task: TaskId; readonly attempt: number }
  /** The rate of a tenant lets it start another task. */
  | { readonly kind: 'starts' }
  /** Somebody waits for room, perhaps for long. */
  | { readonly kind: 'kept-room' }
  /** Runs have more to do than one event should. */
  | { readonly kind: 'runs' }
  /** What waits for a time, or, without a block, the run itself has had its time. */
  | { readonly kind: 'run-time'; readonly run: RunId; readonly block?: string }
  | { readonly kind: 'tell-time' }
  | { readonly kind: 'wait'; readonly asker: WaitingAsker }
  /** A round of a survey is not answered yet. */
  | { readonly kind: 'survey'; readonly ask: number }
  /** Nodes have not said in time what goes on there. */
  | { readonly kind: 'activity'; readonly ask: number }
  /** The first timer of an actor may be due. */
  | { readonly kind: 'timers' }
  /** A topic of lives has not answered, or may be asked again. */
  | { readonly kind: 'lives' }
  | { readonly kind: 'timer-lane'; readonly node: Incarnation }
  /** It is decided how many nodes there should be. */
  | { readonly kind: 'sizing' }
  /** It is felt how much there is to bear. */
  | { readonly kind: 'pressure' }
  /** The load of the nodes is looked at. */
  | { readonly kind: 'rebalance' }
  | { readonly kind: 'retention' }
  /** The object store is searched for what nobody refers to. */
  | { readonly kind: 'sweep' };

export interface Deadline extends HeapItem {
  at: number;
  readonly order: number;
  readonly due: Due;
}

/** Each is set once, and again when it falls due: where nothing happens it finds nothing to do. */
const routine: ReadonlySet<Due['kind']> = new Set([
  'pulse',
  'rebalance',
  'sizing',
  'pressure',
  'retention',
  'sweep',
]);

export class Deadlines {
  readonly #heap = new Heap<Deadline>(
    (left, right) => left.at < right.at || (left.at === right.at && left.order < right.order),
  );
  #order = 0;

  set(at: number, due: Due): Deadline {
    const deadline = { at, order: this.#order++, due, slot: -1 };
    this.#heap.push(deadline);
    return deadline;
  }

  /** Nothing happens when it fell due or was cancelled before. */
  cancel(deadline: Deadline | undefined): void {
    if (deadline !== undefined && deadline.slot >= 0) this.#heap.remove(deadline);
  }

  get next(): number | undefined {
    return this.#heap.first?.at;
  }

  /** When the next is due that is not routine. */
  get nextBesideRoutine(): number | undefined {
    const passed: Deadline[] = [];
    let { first } = this.#heap;
    for (; first !== undefined && routine.has(first.due.kind); first = this.#heap.first) {
      this.#heap.remove(first);
      passed.push(first);
    }
    for (const deadline of passed) this.#heap.push(deadline);
    return first?.at;
  }

  /** How many there are of each kind; looks at all of them. */
  counts(): ReadonlyMap<Due['kind'], number> {
    const counts = new Map<Due['kind'], number>();
    for (const { due } of this.#heap.items()) counts.set(due.kind, (counts.get(due.kind) ?? 0) + 1);
    return counts;
  }

  /** Takes one that is due, the earliest first. */
  take(now: number): Due | undefined {
    const first = this.#heap.first;
    if (first === undefined || first.at > now) return undefined;
    this.#heap.remove(first);
    return first.due;
  }
}
