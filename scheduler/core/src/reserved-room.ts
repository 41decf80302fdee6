/**
 * The leader's work on reservations: it holds as many places as there is room for, tries again when room
 * comes, and lets places go whose node takes nothing new, so that they are held elsewhere. What is
 * declared and held stands durably in `reservation-table.ts`.
 *
 * R3  the places that are held here are exactly those of the journal, and in each are the tasks that
 *     started in it by the journal.
 */
import { assert, type Incarnation, type TaskId, type TenantName } from '@troupe/model';
import type { Desk } from './desk.ts';
import { isOpen } from './placement/filters.ts';
import type { Ask, Entered, Gang, HeldPlace, Placement, Task } from './placement/index.ts';
import { enterAll, Reservations } from './placement/index.ts';
import type { PlaceRecord, ReservationRecord } from './reservation-table.ts';
import type { Shape } from './resources.ts';
import type { Size } from './sizes.ts';
import type { TaskRecord } from './task-table.ts';

export class ReservedRoom {
  readonly #desk: Desk;
  readonly #placement: Placement;
  readonly #places: Reservations;
  readonly #askOf: (shape: Shape) => Ask;

  /** Of a placement whose nodes are kept up to date by who made it. */
  constructor(desk: Desk, placement: Placement, askOf: (shape: Shape) => Ask) {
    this.#desk = desk;
    this.#placement = placement;
    this.#places = new Reservations(placement);
    this.#askOf = askOf;
  }

  /** A new leader: what another one held, before the tasks that run are put in their places. */
  takeOver(): void {
    for (const reservation of this.#desk.state.reservations.all()) {
      for (const { id, node, gpus } of reservation.places.values()) {
        this.#hold(reservation, { id, node, gpus });
      }
    }
  }

  /** A task that runs in a place that is still held; false when it runs outside. */
  adopt(record: TaskRecord, task: Task): boolean {
    if (record.state.kind !== 'running') return false;
    const { place, gpus } = record.state;
    if (place === undefined || !this.#places.has(place)) return false;
    this.#places.adopt(task, place, gpus);
    return true;
  }

  enter(task: Task, anyGpus: boolean): Entered | undefined {
    return this.#places.enter(task, anyGpus);
  }
  enterAll(gang: Gang, anyGpus: boolean): readonly Entered[] | undefined {
    return enterAll(this.#places, gang, anyGpus);
  }
  end(task: TaskId): boolean {
    return this.#places.end(task);
  }
  fits(task: Task): boolean {
    return this.#places.fits(task);
  }
  countOf(tenant: TenantName): number {
    return this.#places.countOf(tenant);
  }
  isOn(node: Incarnation, tenant: string): boolean {
    return this.#places.isOn(node, tenant);
  }
  isUsed(place: number): boolean {
    return this.#places.isUsed(place);
  }
  nodeRemoved(node: string): void {
    this.#places.nodeRemoved(node);
  }

  /** Whether a place is held for the tenant in which nothing runs. */
  holdsEmpty(tenant: TenantName): boolean {
    for (const [reservation] of this.#empty()) if (reservation.tenant === tenant) return true;
    return false;
  }

  /** What `look` finds while the empty places of these tenants are open to all; it reserves nothing. */
  without<T>(tenants: ReadonlySet<TenantName>, look: () => T): T {
    const empty = [...this.#empty()].filter(([{ tenant }]) => tenants.has(tenant));
    for (const [, { id }] of empty) this.#places.letGo(id);
    const found = look();
    for (const [reservation, place] of empty) this.#hold(reservation, place);
    return found;
  }

  /** For good: others have waited for them for long. Where they were. */
  letGoEmpty(tenant: TenantName, why: string): readonly Incarnation[] {
    const empty = [...this.#empty()].filter(([reservation]) => reservation.tenant === tenant);
    return empty.map(([, { id, node }]) => {
      this.#desk.decide({ kind: 'place-let-go', place: id, why });
      this.#places.letGo(id);
      return node;
    });
  }

  /** Nodes, or what is declared, have changed. True when a place is held that was not before. */
  review(): boolean {
    if (this.#desk.state.reservations.size === 0 && this.#places.size === 0) return false;
    this.#letGoUnheld();
    this.#letGoClosed();
    return this.fill(() => true);
  }

  /** Room was freed on the node. True when a place is held that was not before. */
  freed(node: Incarnation): boolean {
    if (!this.#lacks) return false;
    const site = this.#placement.site(node);
    if (site === undefined) return false;
    return this.fill(({ ask }) => isOpen(site, ask));
  }

  /** Holds what is lacking, of those that may have room. True when there was room for any. */
  fill(mayFit: (task: Task) => boolean): boolean {
    if (!this.#lacks) return false;
    let filled = false;
    for (const reservation of this.#desk.state.reservations.all()) {
      while (reservation.places.size < reservation.count) {
        const task = this.#taskOf(reservation);
        const choice = mayFit(task) ? this.#placement.choose(task) : undefined;
        if (choice?.kind !== 'placed') break;
        const node = choice.node as Incarnation;
        const { gpus } = choice;
        const { tenant, reservation: name } = reservation;
        const fact = { kind: 'place-held', tenant, reservation: name, node } as const;
        const id = this.#desk.decide(gpus.length === 0 ? fact : { ...fact, gpus });
        this.#hold(reservation, { id, node, gpus });
        filled = true;
      }
    }
    return filled;
  }

  /** Why there is no room for another place, for people. */
  why(reservation: ReservationRecord): string {
    const { places, count } = reservation;
    const choice = this.#placement.choose(this.#taskOf(reservation));
    const text = choice.kind === 'refused' ? choice.explain().text : 'another is held soon';
    return `${places.size} of ${count} held: ${text}`;
  }

  /** R3 */
  check(): void {
    const { reservations, tasks } = this.#desk.state;
    this.#places.check();
    for (const id of this.#places.ids()) {
      assert(reservations.place(id) !== undefined, 'R3: what is held here is held by the journal');
    }
    assert(this.#places.size === reservations.heldCount, 'R3: what is held is held here');
    for (const { id, state } of tasks.live()) {
      const started = state.kind === 'running' ? state.place : undefined;
      const inside = started !== undefined && this.#places.has(started) ? started : undefined;
      assert(this.#places.placeOf(id) === inside, 'R3: tasks are in the places they started in');
    }
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { heldCount } = this.#desk.state.reservations;
    return [{ of: 'places held', size: this.#places.size, most: heldCount }];
  }

  get #lacks(): boolean {
    const { reservations } = this.#desk.state;
    return reservations.size > 0 && reservations.heldCount < reservations.count;
  }

  /** Places in which nothing runs. */
  *#empty(): Iterable<readonly [ReservationRecord, PlaceRecord]> {
    for (const reservation of this.#desk.state.reservations.all()) {
      for (const place of reservation.places.values()) {
        if (!this.#places.isUsed(place.id)) yield [reservation, place];
      }
    }
  }

  /** What is held by the journal no longer. */
  #letGoUnheld(): void {
    const { reservations } = this.#desk.state;
    for (const id of [...this.#places.ids()]) {
      if (reservations.place(id) === undefined) this.#places.letGo(id);
    }
  }

  /** Nothing starts on those nodes, so what is held there is of no use. */
  #letGoClosed(): void {
    for (const { places } of this.#desk.state.reservations.all()) {
      for (const { id, node } of [...places.values()]) {
        if (this.#placement.site(node)?.cordoned === false) continue;
        this.#desk.decide({ kind: 'place-let-go', place: id });
        this.#places.letGo(id);
      }
    }
  }

  #hold(
    { tenant, shape }: ReservationRecord,
    place: Pick<HeldPlace, 'id' | 'node' | 'gpus'>,
  ): void {
    this.#places.hold({ ...place, tenant, ask: this.#askOf(shape) });
  }

  #taskOf({ tenant, shape }: ReservationRecord): Task {
    return { id: '', ask: this.#askOf(shape), tenant };
  }
}
