/** Requests about reservations: what may be declared, what a repeated request finds, and how it stands. */
import {
  type Failure,
  failure,
  isShortName,
  limits,
  type PlaceShape,
  type RequestBody,
  type ReservationView,
} from '@troupe/model';
import type { Desk } from './desk.ts';
import { wishesFault } from './placement/index.ts';
import type { PlaceRecord, ReservationRecord, ReservationTable } from './reservation-table.ts';
import { resourcesFault, shapeOf } from './resources.ts';
import type { Tasks } from './tasks.ts';
import type { Asker } from './waiting.ts';

type PutReservation = Extract<RequestBody, { kind: 'put-reservation' }>;
type DropReservation = Extract<RequestBody, { kind: 'drop-reservation' }>;
type Declared = Pick<ReservationRecord, 'declared' | 'count'>;

export class Reserving {
  readonly #desk: Desk;
  readonly #tasks: Tasks;

  constructor(desk: Desk, tasks: Tasks) {
    this.#desk = desk;
    this.#tasks = tasks;
  }

  /** Idempotent: the same again finds what the first one made. */
  put(asker: Asker, body: PutReservation): void {
    const { tenant, reservation } = body;
    const { state } = this.#desk;
    if (state.deployments.tenant(tenant) === undefined) {
      const what = `there is no tenant "${tenant}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_TENANT', what, { tenant });
    }
    const known = state.reservations.get(tenant, reservation);
    const wished = declaredBy(body, known);
    const fault = 'code' in wished ? wished : countFault(wished, known, state.reservations);
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    if (!('code' in wished) && !isSame(known, wished)) this.#decide(body, known, wished);
    this.#answer(asker, body);
  }

  /** Idempotent but for its answer: what is not there is said. */
  drop(asker: Asker, { tenant, reservation }: DropReservation): void {
    if (this.#desk.state.reservations.get(tenant, reservation) === undefined) {
      return this.#desk.answer(asker, { kind: 'failed', failure: unknown(tenant, reservation) });
    }
    this.#desk.decide({ kind: 'reservation-dropped', tenant, reservation });
    this.#tasks.reservationsChanged(tenant);
    this.#desk.answer(asker, { kind: 'done' });
  }

  #decide(
    { tenant, reservation }: PutReservation,
    known: ReservationRecord | undefined,
    { declared, count }: Declared,
  ): void {
    // Of another shape they are let go by the fact itself.
    const isOther = known !== undefined && shapeKey(known.declared) !== shapeKey(declared);
    const tooMany = known === undefined || isOther ? 0 : known.places.size - count;
    for (const { id } of known === undefined ? [] : leastNeeded(known, this.#tasks, tooMany)) {
      this.#desk.decide({ kind: 'place-let-go', place: id });
    }
    this.#desk.decide({ kind: 'reservation-put', tenant, reservation, shape: declared, count });
    this.#tasks.reservationsChanged(tenant);
  }

  #answer(asker: Asker, { tenant, reservation }: PutReservation): void {
    const record = this.#desk.state.reservations.get(tenant, reservation);
    if (record === undefined) return;
    const view = viewReservation(this.#tasks, record);
    this.#desk.answer(asker, { kind: 'reservation', reservation: view });
  }
}

export function viewReservation(tasks: Tasks, record: ReservationRecord): ReservationView {
  const { tenant, reservation, declared: shape, count, places } = record;
  const used = [...places.keys()].filter((place) => tasks.isPlaceUsed(place)).length;
  const view = { tenant, reservation, shape, count, held: places.size, used };
  return places.size === count ? view : { ...view, why: tasks.whyNotHeld(record) };
}

/** All that it is to be, or what is wrong with the wish. */
function declaredBy(
  body: PutReservation,
  known: ReservationRecord | undefined,
): Declared | Failure {
  const { tenant, reservation, shape, count, existing } = body;
  const wrong = (what: string) => failure('INVALID_ARGUMENT', what, { tenant, reservation });
  if (!isShortName(reservation)) {
    return wrong(`reservation name ${JSON.stringify(reservation)} is not [a-z0-9-]{1,63}`);
  }
  if (existing === true && known === undefined) return unknown(tenant, reservation);
  const declared = shape ?? (existing === true ? known?.declared : undefined);
  const places = count ?? (existing === true ? known?.count : undefined);
  const name = `reservation "${reservation}" of tenant "${tenant}"`;
  if (declared === undefined) return wrong(`${name} says nothing of what a place holds`);
  if (places === undefined) return wrong(`${name} says nothing of how many places it is`);
  const fault = shapeFault(declared);
  if (fault !== undefined) return wrong(`${name}: ${fault}`);
  if (!(Number.isInteger(places) && places >= 1)) {
    return wrong(`${name} has count ${places}; give a whole number from 1 on`);
  }
  const wished = { declared, count: places };
  if (known === undefined || existing === true || isSame(known, wished)) return wished;
  const what = `${name} is there already, with ${known.count} places or another shape`;
  return failure('ALREADY_EXISTS', what, { tenant, reservation });
}

function shapeFault({ resources, placement }: PlaceShape): string | undefined {
  const fault = resourcesFault(resources) ?? wishesFault(placement ?? {}, resources);
  if (fault !== undefined) return fault;
  const { amounts } = shapeOf(resources, placement);
  return amounts.length === 0 ? 'a place would hold nothing' : undefined;
}

/** There are bounds for all reservations of the cell together. */
function countFault(
  { count }: Declared,
  known: ReservationRecord | undefined,
  all: ReservationTable,
): Failure | undefined {
  const { reservationsMax, reservedPlacesMax } = limits;
  if (known === undefined && all.size >= reservationsMax) {
    const what = `there are ${all.size} reservations, ${reservationsMax} may be`;
    return failure('INVALID_ARGUMENT', what);
  }
  const places = all.count - (known?.count ?? 0) + count;
  if (places <= reservedPlacesMax) return undefined;
  const what = `all reservations would have ${places} places, ${reservedPlacesMax} may be`;
  return failure('INVALID_ARGUMENT', what, { count });
}

/** So many of the places: those in which nothing runs first, then the youngest. */
function leastNeeded(
  { places }: ReservationRecord,
  tasks: Tasks,
  count: number,
): readonly PlaceRecord[] {
  if (count <= 0) return [];
  const youngest = [...places.values()].reverse();
  const used = new Set(youngest.filter(({ id }) => tasks.isPlaceUsed(id)));
  return [...youngest.filter((place) => !used.has(place)), ...used].slice(0, count);
}

function isSame(known: ReservationRecord | undefined, { declared, count }: Declared): boolean {
  return known?.count === count && shapeKey(known.declared) === shapeKey(declared);
}

function shapeKey({ resources, placement }: PlaceShape): string {
  return shapeOf(resources, placement).key;
}

function unknown(tenant: string, reservation: string): Failure {
  const what = `tenant "${tenant}" has no reservation "${reservation}"`;
  return failure('UNKNOWN_RESERVATION', what, { tenant, reservation });
}
