/**
 * Places that are held for a tenant stay held while their node takes new work, unless less is reserved from then on, or in a
 * standoff: then a tenant lets those go in which nothing runs, for work of another tenant that came before its own and that
 * starts at once.
 */
import type { TaskId, TenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker, Violate } from './checker.ts';
import type { Grounds } from './grounds.ts';
import { Together } from './records.ts';
import type { Truth } from './truth.ts';

interface Work {
  readonly tenant: TenantName;
  /** As `ledMs`. */
  readonly since: number;
}
interface Reserved {
  readonly tenant: TenantName;
  readonly reservation: string;
}
interface Place extends Reserved {
  readonly node: Parameters<Grounds['on']>[0];
}
type Step =
  | { readonly kind: 'gave'; readonly tenant: TenantName; readonly youngest: number }
  | ({ readonly kind: 'left'; readonly id: number } & Place)
  | ({ readonly kind: 'reserved' } & Reserved)
  | ({ readonly kind: 'started' } & Work);
type Left = Extract<Step, { kind: 'left' }>;
type LetGo = Extract<SchedulerFact, { kind: 'place-let-go' }>;
type Started = Extract<SchedulerFact, { kind: 'task-started' }>;

export const lastGivesWay: MakeChecker = (truth, violate) => {
  const standoffs = new Standoffs(truth, violate);
  return {
    journalFact(fact, position, { id }) {
      standoffs.next(id);
      standoffs.on(fact, position);
    },
    atRest: () => standoffs.end(),
  };
};

class Standoffs {
  readonly #truth: Truth;
  readonly #violate: Violate;
  readonly #places = new Map<number, Place>();
  readonly #inside = new Map<TaskId, number>();
  /** What never started. */
  readonly #waiting = new Map<TaskId, Work>();
  readonly #together: Together<Step>;

  constructor(truth: Truth, violate: Violate) {
    this.#truth = truth;
    this.#violate = violate;
    this.#together = new Together((steps) => this.#look(steps));
  }

  next(record: string): void {
    this.#together.next(record);
  }
  end(): void {
    this.#together.end();
  }

  on(fact: SchedulerFact, position: number): void {
    switch (fact.kind) {
      case 'place-held':
        this.#places.set(position, fact);
        return;
      case 'place-let-go':
        if (fact.why === undefined) this.#leaves(fact);
        else this.#gives(fact);
        this.#places.delete(fact.place);
        return;
      case 'reservation-put':
      case 'reservation-dropped':
        this.#together.add({ ...fact, kind: 'reserved' });
        return;
      case 'task-submitted':
        this.#waiting.set(fact.task, { tenant: fact.tenant, since: fact.ledMs });
        return;
      case 'task-started':
        return this.#start(fact);
      case 'task-preempted':
      case 'task-retried':
        this.#inside.delete(fact.task);
        return;
      case 'task-ended':
        this.#inside.delete(fact.task);
        this.#waiting.delete(fact.task);
        return;
      default:
    }
  }

  #start({ task, place }: Started): void {
    if (place !== undefined) this.#inside.set(task, place);
    const work = this.#waiting.get(task);
    if (work === undefined) return;
    this.#waiting.delete(task);
    this.#together.add({ kind: 'started', ...work });
  }

  /** Its node takes nothing new, or less is reserved. */
  #leaves({ place: id }: LetGo): void {
    const { alive, cordoned } = this.#truth.grounds;
    const place = this.#places.get(id);
    if (place === undefined || !alive.has(place.node) || cordoned.has(place.node)) return;
    this.#together.add({ ...place, kind: 'left', id });
  }

  #gives({ place: id, why = '' }: LetGo): void {
    const { tenant } = this.#places.get(id) ?? {};
    if (tenant === undefined) return this.#violate(`place ${id} is let go, and not held: ${why}`);
    if ([...this.#inside.values()].includes(id)) {
      this.#violate(`place ${id} of ${tenant} is let go, and is not empty: ${why}`);
    }
    const own = [...this.#waiting.values()].filter((work) => work.tenant === tenant);
    if (own.length === 0) this.#violate(`${tenant}, for which nothing waits, gives way: ${why}`);
    const youngest = Math.max(...own.map(({ since }) => since));
    this.#together.add({ kind: 'gave', tenant, youngest });
  }

  #look(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind === 'left') this.#lookAtLeft(step, steps);
      if (step.kind !== 'gave') continue;
      const { tenant, youngest } = step;
      const isServed = steps.some((other) => {
        return other.kind === 'started' && other.tenant !== tenant && other.since <= youngest;
      });
      if (!isServed) this.#violate(`${tenant} gives way, and nobody starts who came before`);
    }
  }

  #lookAtLeft({ id, node, tenant, reservation }: Left, steps: readonly Step[]): void {
    const isLess = steps.some((other) => {
      return (
        other.kind === 'reserved' && other.tenant === tenant && other.reservation === reservation
      );
    });
    if (!isLess) this.#violate(`place ${id} on ${node} is let go, and the node takes new work`);
  }
}
