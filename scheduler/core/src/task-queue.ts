/**
 * What waits to be started, alone or in gangs: who is next by `fair/`, and where it goes by
 * `task-places.ts`. A new leader fills it anew.
 */
import { assert, type Incarnation, type TaskId, type TenantName } from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import { type Charge, FairQueue, type TenantShare } from './fair/fair-queue.ts';
import { priorityWeight } from './fair/priority.ts';
import { neverWithin, type QuotaRoom } from './fair/quota.ts';
import {
  type GangItem,
  gangItems,
  gangOf,
  isGang,
  type QueueItem,
  waitsInGang,
} from './gang-items.ts';
import { KeptRoom } from './kept-room.ts';
import { countedWeight } from './old-journal.ts';
import type { ReservationRecord } from './reservation-table.ts';
import type { Size } from './sizes.ts';
import { Standoffs } from './standoffs.ts';
import { Supply } from './supply.ts';
import type { TaskDemands } from './task-demands.ts';
import { type TaskPlace, TaskPlaces } from './task-places.ts';
import type { TaskRecord } from './task-table.ts';

/** What is done with tasks as the queue decides. */
export interface QueueEffects {
  start(task: TaskRecord, place: TaskPlace, charge: Charge): void;
  /** Ends its attempt to make room for the other; it waits again when that has started. */
  preempt(victim: TaskRecord, node: Incarnation, by: TaskId): void;
}

export class TaskQueue {
  readonly #desk: Desk;
  readonly #demands: TaskDemands;
  readonly #effects: QueueEffects;
  readonly #queue: FairQueue<QueueItem, readonly TaskPlace[]>;
  /** Gangs that wait, by the id of the gang. */
  readonly #gangs = new Map<string, GangItem>();
  readonly #places: TaskPlaces;
  readonly #room: KeptRoom;
  readonly #standoffs: Standoffs;
  readonly #supply: Supply;
  #starts: Deadline | undefined;
  /** Ended to make room in the pick at hand; they wait again after it. */
  #preempted: TaskRecord[] = [];

  constructor(desk: Desk, demands: TaskDemands, effects: QueueEffects) {
    this.#desk = desk;
    this.#demands = demands;
    this.#effects = effects;
    this.#places = new TaskPlaces(desk);
    this.#standoffs = new Standoffs(desk, this.#places);
    this.#supply = new Supply(desk);
    this.#room = new KeptRoom(desk, this.#places, (item) => this.#queue.isAllowed(item));
    this.#queue = new FairQueue<QueueItem, readonly TaskPlace[]>({
      costOf: (item) => this.#costOf(item),
      coefficientOf: (shape) => this.#supply.coefficientOf(shape),
      place: (_shape, item) => this.#placesFor(item),
    });
  }

  get size(): number {
    return this.#queue.size;
  }

  /** A new leader: the tenants, and the places that are held for them. */
  takeOver(): void {
    const { deployments, reservations } = this.#desk.state;
    for (const { tenant } of deployments.tenants()) this.put(tenant);
    for (const { tenant } of reservations.all()) this.#queue.setApart(tenant, true);
    this.#places.takeOver();
  }

  /** It runs already. */
  adopt(task: TaskRecord): void {
    this.#queue.adopt(task);
    this.#places.adopt(task);
  }

  /** Its times are as `ledMs` of facts, so that every leader queues it alike. */
  push(item: QueueItem): void {
    const { now, ledMs } = this.#desk;
    const ahead = now - ledMs;
    const since = Math.min(now, item.since + ahead);
    const times = item.due === undefined ? { since } : { since, deadline: item.due + ahead };
    this.#queue.push(item, now, times);
  }

  /** Members of gangs that have never started. */
  pushGangs(members: readonly TaskRecord[]): void {
    for (const item of gangItems(members)) {
      this.#gangs.set(gangOf(item), item);
      this.push(item);
    }
  }

  /** Whether a gang of this id waits. */
  hasGang(id: string): boolean {
    return this.#gangs.has(id);
  }

  /** As what a ready task waits: by itself, or as its gang. */
  waitsAs(task: TaskRecord): QueueItem {
    const gang = waitsInGang(task) ? this.#gangs.get(task.gang?.id ?? '') : undefined;
    return gang ?? task;
  }

  /** It will not be started. */
  withdraw(item: QueueItem): void {
    if (isGang(item)) this.#gangs.delete(gangOf(item));
    this.#queue.remove(item, this.#desk.now);
    if (this.#room.gone(item)) this.openAll();
  }

  /** Weight, quota and queues of the tenant, as they are now. */
  put(name: TenantName): void {
    const tenant = this.#desk.state.deployments.tenant(name);
    if (tenant === undefined) return;
    const weight = countedWeight(tenant.weight) * priorityWeight(tenant.priority);
    const { now, ledMs } = this.#desk;
    const { quota, starts } = tenant;
    const budget = starts && { starts: starts.starts, at: starts.at + (now - ledMs) };
    this.#queue.put(name, { weight, quota, budget }, now);
    for (const [queue, share] of tenant.queues) {
      this.#queue.weighQueue(name, queue, countedWeight(share));
    }
    this.#queue.keepQueues(name, tenant.queues);
    this.#places.tenantPut(name);
  }

  /** Starts whatever can start now. */
  dispatch(): void {
    for (;;) {
      const picked = this.#queue.take(this.#desk.now);
      if (picked === undefined) break;
      const { task: item, place: places, cost, tenant } = picked;
      if (this.#room.gone(item)) this.openAll();
      if (isGang(item)) this.#startAll(item, places);
      else this.#startOn(item, places[0], { cost, tenant });
      const victims = this.#preempted.splice(0);
      for (const victim of victims) this.push(victim);
      // They may leave more room than was needed.
      if (victims.length > 0) this.freed(places[0]?.node.incarnation);
    }
    const wakeAt = this.#queue.wakeAt();
    if (wakeAt === this.#starts?.at && (wakeAt === undefined || this.#starts?.slot !== -1)) return;
    this.#desk.deadlines.cancel(this.#starts);
    this.#starts =
      wakeAt === undefined ? undefined : this.#desk.deadlines.set(wakeAt, { kind: 'starts' });
  }

  /** Somebody may have waited for room for long. */
  lookAtRoom(): void {
    if (this.#room.look()) this.openAll();
    const standoff = this.#standoffs.look(this.#room.ofAge());
    if (standoff === undefined) return;
    this.#places.keepingFor(standoff.first, standoff.nodes, () => {
      this.#queue.unblock(() => true);
      this.dispatch();
    });
    this.openAll();
  }

  /** Who stood in each other's way lately, for people. */
  get standoffs(): readonly string[] {
    return this.#standoffs.findings();
  }

  /** Its attempt is over: its room is free, and its tenant pays what it took, if that is known. */
  landed(task: TaskRecord, took?: { readonly charged: Charge; readonly ms: number }): void {
    const { now } = this.#desk;
    if (took === undefined) return this.#queue.landed(task, now);
    const real = this.#supply.shareOf(task.shape) * Math.max(took.ms, 1);
    const { cost: charged, tenant } = took.charged;
    this.#queue.landed(task, now, { charged, real, tenant });
  }

  /** It holds no room any more. */
  leave(task: TaskRecord): void {
    this.#places.end(task);
  }

  /** Something has ended there: what has room on the node now may be picked again. */
  freed(node: Incarnation | undefined): void {
    if (node === undefined) return;
    if (this.#places.waryEnded()) return this.openAll();
    const isHeld = this.#places.freed(node);
    this.#queue.unblock((shape, owner) => {
      return (isHeld && owner !== undefined) || this.#places.mayFit(shape, node, owner);
    });
  }

  /** There may be room for anything: first for what is reserved. */
  openAll(): void {
    this.review();
    this.#queue.unblock(() => true);
  }

  /** Holds what is reserved and lacks a place. */
  review(): void {
    this.#places.review();
  }

  /** Whether room is held for the tenant, so that it waits by itself. */
  setApart(tenant: TenantName): void {
    const { reservations } = this.#desk.state;
    const isApart = [...reservations.all()].some((reservation) => reservation.tenant === tenant);
    this.#queue.setApart(tenant, isApart);
  }

  /** Whether tasks run in the place. */
  isPlaceUsed(place: number): boolean {
    return this.#places.isPlaceUsed(place);
  }

  /** Why no more places are held, for people. */
  whyNotHeld(reservation: ReservationRecord): string {
    return this.#places.whyNotHeld(reservation);
  }

  /** How a tenant stands beside the others. */
  roomOf(tenant: TenantName): QuotaRoom | undefined {
    return this.#queue.roomOf(tenant);
  }

  share(tenant: TenantName): TenantShare {
    return this.#queue.share(tenant);
  }

  /** In how long a tenant that has so many tasks too many may submit again. */
  retryAfterMs(tenant: TenantName, tooMany: number): number {
    return this.#queue.retryAfterMs(tenant, tooMany);
  }

  /** Why what is ready has not started, for people. */
  whyWaiting(item: QueueItem): string {
    const never = neverWithin(this.#queue.share(item.tenant).quota, item.shape);
    if (never !== undefined) {
      const { needs, most } = never;
      const what = `${isGang(item) ? 'its gang' : 'it'} ${needs}, and its tenant by its quota ${most}`;
      return `${what}: raise the quota, or cancel it and submit fewer`;
    }
    const refusal = isGang(item) ? this.#places.gangRefusal(item) : this.#places.refusal(item);
    if (refusal !== undefined) return refusal;
    if (!this.#queue.isWithinQuota(item, this.#desk.now))
      return 'the quota of its tenant is used up';
    return 'others are before it';
  }

  check(): void {
    this.#queue.check();
    this.#places.check();
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { readyCount, runningCount } = this.#desk.state.tasks;
    return [
      { of: 'queue entries', size: this.#queue.size, most: readyCount },
      { of: 'tasks in flight of the queue', size: this.#queue.inFlight, most: runningCount },
      { of: 'gangs', size: this.#gangs.size, most: readyCount },
      { of: 'tasks without room', size: this.#room.size, most: readyCount },
      ...this.#places.sizes(),
    ];
  }

  #costOf(item: QueueItem): number {
    if (!isGang(item)) return this.#supply.shareOf(item.shape) * this.#demands.expectedMs(item);
    return item.members.reduce((sum, member) => sum + this.#costOf(member), 0);
  }

  /** From here on each of them is a task like any other. */
  #startAll(item: GangItem, places: readonly TaskPlace[]): void {
    this.#gangs.delete(gangOf(item));
    this.#queue.landed(item, this.#desk.now);
    for (const [index, member] of item.members.entries()) {
      const tenant = this.#queue.adopt(member);
      this.#startOn(member, places[index], { cost: this.#costOf(member), tenant });
    }
  }

  #startOn(task: TaskRecord, place: TaskPlace | undefined, charge: Charge): void {
    assert(place !== undefined, 'P1: what starts has a place');
    this.#effects.start(task, place, charge);
    // Who wants to be near it, or evenly spread with it, may have a place now.
    if (this.#places.isSocial) this.#queue.unblock((shape) => this.#places.cares(shape));
  }

  #placesFor(item: QueueItem): readonly TaskPlace[] | undefined {
    const places = isGang(item) ? this.#places.placeGang(item) : this.#placeAlone(item);
    if (places === undefined) this.#room.refused(item);
    return places;
  }

  #placeAlone(task: TaskRecord): readonly TaskPlace[] | undefined {
    const place = this.#place(task);
    return place === undefined ? undefined : [place];
  }

  /** Reserves a place; a task that may makes room for itself where there is none. */
  #place(task: TaskRecord): TaskPlace | undefined {
    const place = this.#places.place(task);
    if (place !== undefined || task.shape.wishes?.preempts !== true) return place;
    const victims = this.#places.victimsFor(task);
    if (victims.length === 0) return undefined;
    for (const id of victims) this.#preempt(id, task.id);
    const made = this.#places.place(task);
    assert(made !== undefined, 'P1: who was preempted for it leaves room');
    return made;
  }

  #preempt(id: TaskId, by: TaskId): void {
    const victim = this.#desk.state.tasks.get(id);
    assert(victim?.state.kind === 'running', 'A1: only what runs is preempted');
    this.#effects.preempt(victim, victim.state.node, by);
    this.#preempted.push(victim);
  }
}
