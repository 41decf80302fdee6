/**
 * Who is served next: earliest eligible virtual deadline first (EEVDF; with exact costs WF²Q+), over
 * numbers in typed arrays. A **tenant** has a virtual start, which grows by cost / weight as it is
 * served, and the span of its next task, also cost / weight. It is eligible while its start is not
 * ahead of the virtual time, the weighted mean of the starts of all who compete, which leaps ahead where
 * it must; of the eligible the one whose start + span, its deadline, is least is next.
 *
 * A tenant stands in a **lane** for each **shape** of which it has tasks. A shape that fits nowhere is
 * closed, and its lanes are passed over together. Each shape has two heaps of lanes: those known to be
 * ahead by their starts, the others by their deadlines. Lanes change heaps when they come to the top,
 * so that most decisions cost two sifts: O(log tenants + log shapes).
 *
 * C1  who begins to compete starts no earlier than the mean start of those who wait for the same shape,
 *     or that of all, without leaps, where there are none: nothing is banked, debt is kept. A leap is
 *     past those for whom there is no room; who comes after it would owe it to them.
 * C2  somebody is next as long as an open shape has a lane: the server never idles.
 * C3  a lane is in one heap of its shape while its tenant competes, and in none otherwise.
 * C4  what a tenant could not use because its shapes were closed is kept up to a bound (`creditMax`).
 * C5  what one forfeits, all lose who were behind in the same shape: what they are owed among themselves
 *     stays. It is taken from each when it comes to the top, where it stands too early, if anywhere.
 */
import { assert } from '@troupe/model';
import { LaneTable, none, type Slot, TenantTable } from './contest-tables.ts';
import { KeyHeap } from './key-heap.ts';
import { Least } from './least.ts';
import { Mean } from './mean.ts';

interface Lanes {
  readonly ahead: KeyHeap;
  readonly eligible: KeyHeap;
  open: boolean;
  /** By how much the starts of those behind were moved in all, in virtual time (C5). */
  forfeited: number;
  /** Of the starts of those who compete. */
  readonly mean: Mean;
}

export class Contest {
  readonly #tenants = new TenantTable();
  readonly #lanes = new LaneTable();
  readonly #byShape: Lanes[] = [];
  /** Over the open shapes. */
  readonly #leastStart = new Least();
  readonly #leastDeadline = new Least();
  /** Of the starts of all who compete: what a fluid server would have given by now. */
  readonly #mean = new Mean();
  /** The same with all leaps (C2). */
  readonly #time = new Mean();
  #creditMax = Number.POSITIVE_INFINITY;

  get mean(): number {
    return this.#mean.value;
  }
  startOf(tenant: Slot): number {
    return this.#tenants.start(tenant);
  }
  spanOf(tenant: Slot): number {
    return this.#tenants.span(tenant);
  }
  /** Nought while it does not compete. */
  weightOf(tenant: Slot): number {
    return this.#tenants.weight(tenant);
  }
  competes(tenant: Slot): boolean {
    return this.weightOf(tenant) > 0;
  }
  tenantOf(lane: Slot): Slot {
    return this.#lanes.tenant(lane);
  }
  shapeOf(lane: Slot): Slot {
    return this.#lanes.shape(lane);
  }
  isOpen(shape: Slot): boolean {
    return this.#byShape[shape]?.open ?? false;
  }

  /** In units of cost. */
  boundCredit(creditMax: number): void {
    this.#creditMax = creditMax;
  }

  addTenant(): Slot {
    return this.#tenants.add();
  }

  addShape(): Slot {
    const { places } = this.#lanes;
    const [ahead, eligible] = [new KeyHeap(places), new KeyHeap(places)];
    this.#byShape.push({ ahead, eligible, open: true, forfeited: 0, mean: new Mean() });
    return this.#byShape.length - 1;
  }

  addLane(tenant: Slot, shape: Slot): Slot {
    const lane = this.#lanes.add(tenant, shape, this.#tenants.firstLane(tenant));
    this.#tenants.setFirstLane(tenant, lane);
    if (this.competes(tenant)) this.#insert(lane);
    return lane;
  }

  dropLane(lane: Slot): void {
    const tenant = this.tenantOf(lane);
    if (this.competes(tenant)) this.#remove(lane);
    const after = this.#lanes.after(lane);
    let other = this.#tenants.firstLane(tenant);
    if (other === lane) this.#tenants.setFirstLane(tenant, after);
    else {
      while (this.#lanes.after(other) !== lane) other = this.#lanes.after(other);
      this.#lanes.setAfter(other, after);
    }
    this.#lanes.drop(lane);
  }

  /** It has something to start, of this weight and span. */
  enter(tenant: Slot, weight: number, span: number): void {
    assert(!this.competes(tenant), 'C3: who competes does not enter');
    assert(weight > 0 && span >= 0, 'C1: weights are above nought');
    const start = Math.max(this.startOf(tenant), this.#levelFor(tenant));
    this.#tenants.setStart(tenant, start);
    this.#tenants.setSpan(tenant, span);
    this.#tenants.setWeight(tenant, weight);
    this.#mean.add(weight, start);
    this.#time.add(weight, start);
    this.#eachLane(tenant, (lane) => this.#insert(lane));
  }

  /** It has nothing more to start, or may not. */
  leave(tenant: Slot): void {
    this.#eachLane(tenant, (lane) => this.#remove(lane));
    const weight = this.#tenants.weight(tenant);
    this.#tenants.setWeight(tenant, 0);
    this.#mean.drop(weight, this.startOf(tenant));
    this.#time.drop(weight, this.startOf(tenant));
  }

  /** What it was charged is corrected by this much, in cost / weight. */
  charge(tenant: Slot, served: number): void {
    this.#tenants.setStart(tenant, this.startOf(tenant) + served);
    const weight = this.#tenants.weight(tenant);
    if (weight === 0) return;
    this.#moveTime(weight, served);
    this.#moved(tenant, weight, served);
    this.#settle(tenant);
  }

  /** It was next and is charged, in cost / weight; what it would start now has this weight and span. */
  serve(tenant: Slot, served: number, weight: number, span: number): void {
    const start = this.startOf(tenant) + served;
    const before = this.#tenants.weight(tenant);
    this.#tenants.setStart(tenant, start);
    this.#tenants.setSpan(tenant, span);
    this.#moveTime(before, served);
    this.#moved(tenant, before, served);
    if (weight !== before) this.#weigh(tenant, weight);
    if (start <= this.#time.value || !this.#trade(tenant, start)) this.#settle(tenant);
  }

  /** What it would start next is something else. */
  face(tenant: Slot, weight: number, span: number): void {
    const before = this.#tenants.weight(tenant);
    if (weight === before && span === this.#tenants.span(tenant)) return;
    if (weight !== before) this.#weigh(tenant, weight);
    this.#tenants.setSpan(tenant, span);
    this.#settle(tenant);
  }

  /** Its weight is changed by this factor: what it owes, or is owed, stays the same cost. */
  reweigh(tenant: Slot, factor: number): void {
    const weight = this.#tenants.weight(tenant);
    const ahead = this.startOf(tenant) - this.#mean.value;
    const moved = ahead / factor - ahead;
    if (ahead > 0 || weight > 0) this.#tenants.setStart(tenant, this.startOf(tenant) + moved);
    if (weight === 0) return;
    const change = weight * factor - weight;
    this.#moved(tenant, weight, moved);
    this.#weighedBy(tenant, change);
    this.#tenants.setWeight(tenant, weight * factor);
    // The mean does not move, since it is that from which it was ahead.
    this.#mean.weight += change;
    this.#time.weight += change;
    this.#tenants.setSpan(tenant, this.#tenants.span(tenant) / factor);
    this.#settle(tenant);
  }

  close(shape: Slot): void {
    this.#setOpen(shape, false);
  }

  reopen(shape: Slot): void {
    this.#setOpen(shape, true);
  }

  /** The lane that is next; -1 when no open shape has any. */
  next(): Slot {
    for (;;) {
      this.#admit();
      const lane = this.#firstEligible();
      if (lane === none) {
        const least = this.#leastStart.key;
        if (least === Number.POSITIVE_INFINITY) return none;
        // C2: nobody who could be served is eligible, so time leaps to the first who will be.
        this.#time.value = Math.max(this.#time.value, least);
        continue;
      }
      const tenant = this.tenantOf(lane);
      if (this.startOf(tenant) > this.#time.value) this.#setAside(tenant);
      else if (!this.#forfeits(tenant, lane)) return lane;
    }
  }

  check(): void {
    let weight = 0;
    let lanes = 0;
    for (let tenant = 0; tenant < this.#tenants.count; tenant++) {
      weight += this.#tenants.weight(tenant);
      if (this.competes(tenant)) this.#eachLane(tenant, () => lanes++);
    }
    const standing = this.#byShape.reduce((sum, { ahead, eligible }) => {
      return sum + ahead.size + eligible.size;
    }, 0);
    assert(lanes === standing, 'C3: a lane is in one heap while its tenant competes');
    const off = Math.abs(weight - this.#time.weight);
    assert(off <= 1e-6 * (1 + weight), 'C1: the weights are those of all who compete');
  }

  #setOpen(shape: Slot, open: boolean): void {
    const lanes = this.#byShape[shape];
    if (lanes === undefined || lanes.open === open) return;
    lanes.open = open;
    this.#show(shape, lanes);
  }

  #firstEligible(): Slot {
    if (this.#leastDeadline.key === Number.POSITIVE_INFINITY) return none;
    return this.#byShape[this.#leastDeadline.slot]?.eligible.first ?? none;
  }

  /** Whose start has come moves to the eligible. */
  #admit(): void {
    while (this.#leastStart.key <= this.#time.value) {
      const shape = this.#leastStart.slot;
      const lanes = this.#byShape[shape];
      if (lanes === undefined || lanes.ahead.size === 0) return;
      const lane = lanes.ahead.first;
      lanes.ahead.remove(lane);
      this.#lanes.setAhead(lane, false);
      this.#lanes.setForfeited(lane, lanes.forfeited);
      lanes.eligible.push(lane, this.#deadlineOf(this.tenantOf(lane)));
      this.#show(shape, lanes);
    }
  }

  /** Who was just served and is ahead now changes heaps with one whose start has come, if its only
   *  lane is first among the eligible of its shape: two sifts instead of four. */
  #trade(tenant: Slot, start: number): boolean {
    const lane = this.#tenants.firstLane(tenant);
    if (lane === none || this.#lanes.after(lane) !== none || this.#lanes.isAhead(lane))
      return false;
    const shape = this.shapeOf(lane);
    const lanes = this.#byShape[shape];
    if (lanes === undefined || lanes.eligible.first !== lane) return false;
    this.#lanes.setAhead(lane, true);
    if (lanes.ahead.firstKey <= this.#time.value) {
      const come = lanes.ahead.first;
      this.#lanes.setAhead(come, false);
      this.#lanes.setForfeited(come, lanes.forfeited);
      lanes.eligible.replaceFirst(come, this.#deadlineOf(this.tenantOf(come)));
      lanes.ahead.replaceFirst(lane, start);
    } else {
      lanes.eligible.remove(lane);
      lanes.ahead.push(lane, start);
    }
    this.#show(shape, lanes);
    return true;
  }

  /** It has come to the top and is not eligible. */
  #setAside(tenant: Slot): void {
    const start = this.startOf(tenant);
    this.#eachLane(tenant, (lane) => {
      if (this.#lanes.isAhead(lane)) return;
      const shape = this.shapeOf(lane);
      const lanes = this.#byShape[shape];
      if (lanes === undefined) return;
      lanes.eligible.remove(lane);
      this.#lanes.setAhead(lane, true);
      lanes.ahead.push(lane, start);
      this.#show(shape, lanes);
    });
  }

  /** C4, C5: true when it had more credit than is kept, or others of its shape had. */
  #forfeits(tenant: Slot, lane: Slot): boolean {
    const lanes = this.#byShape[this.shapeOf(lane)];
    if (lanes === undefined) return false;
    const start = this.startOf(tenant);
    const lost = lanes.forfeited - this.#lanes.forfeited(lane);
    // Nobody comes to owe by what others forfeit.
    const moved = Math.min(start + lost, Math.max(start, this.#time.value));
    const least = this.#time.value - this.#creditMax / this.#tenants.weight(tenant);
    // A rounding above the bound is no credit, and would go on for ever.
    const over = moved < least - 1e-9 * Math.abs(least);
    if (over) lanes.forfeited += least - moved;
    this.#lanes.setForfeited(lane, lanes.forfeited);
    if (!over && moved === start) return false;
    const to = over ? least : moved;
    this.#tenants.setStart(tenant, to);
    this.#moved(tenant, this.#tenants.weight(tenant), to - start);
    this.#settle(tenant);
    return true;
  }

  #weigh(tenant: Slot, weight: number): void {
    const change = weight - this.#tenants.weight(tenant);
    this.#weighedBy(tenant, change);
    this.#tenants.setWeight(tenant, weight);
    this.#mean.weigh(change, this.startOf(tenant));
    this.#time.weigh(change, this.startOf(tenant));
  }

  /** C1 */
  #levelFor(tenant: Slot): number {
    let level = Number.POSITIVE_INFINITY;
    this.#eachLane(tenant, (lane) => {
      const mean = this.#byShape[this.shapeOf(lane)]?.mean;
      if (mean !== undefined && mean.weight > 0) level = Math.min(level, mean.value);
    });
    if (level === Number.POSITIVE_INFINITY) return this.#mean.value;
    return Math.min(level, this.#time.value);
  }

  /** The start of one of this weight has changed by so much. */
  #moveTime(weight: number, by: number): void {
    this.#mean.move(weight, by);
    this.#time.move(weight, by);
  }

  /** Its start has changed by so much. */
  #moved(tenant: Slot, weight: number, by: number): void {
    for (let lane = this.#tenants.firstLane(tenant); lane !== none; ) {
      this.#byShape[this.shapeOf(lane)]?.mean.move(weight, by);
      lane = this.#lanes.after(lane);
    }
  }

  /** Its weight changes by so much, its start does not. */
  #weighedBy(tenant: Slot, change: number): void {
    const start = this.startOf(tenant);
    this.#eachLane(tenant, (lane) => {
      this.#byShape[this.shapeOf(lane)]?.mean.weigh(change, start);
    });
  }

  /** Its keys have changed: its lanes find their places, each in the heap that it is in. */
  #settle(tenant: Slot): void {
    const start = this.startOf(tenant);
    const deadline = this.#deadlineOf(tenant);
    for (let lane = this.#tenants.firstLane(tenant); lane !== none; ) {
      const shape = this.shapeOf(lane);
      const lanes = this.#byShape[shape];
      if (lanes === undefined) return;
      if (this.#lanes.isAhead(lane)) lanes.ahead.moved(lane, start);
      else lanes.eligible.moved(lane, deadline);
      this.#show(shape, lanes);
      lane = this.#lanes.after(lane);
    }
  }

  #insert(lane: Slot): void {
    const shape = this.shapeOf(lane);
    const lanes = this.#byShape[shape];
    if (lanes === undefined) return;
    const tenant = this.tenantOf(lane);
    this.#lanes.setAhead(lane, false);
    this.#lanes.setForfeited(lane, lanes.forfeited);
    lanes.mean.add(this.weightOf(tenant), this.startOf(tenant));
    lanes.eligible.push(lane, this.#deadlineOf(tenant));
    this.#show(shape, lanes);
  }

  #remove(lane: Slot): void {
    const shape = this.shapeOf(lane);
    const lanes = this.#byShape[shape];
    if (lanes === undefined) return;
    if (this.#lanes.isAhead(lane)) lanes.ahead.remove(lane);
    else lanes.eligible.remove(lane);
    const tenant = this.tenantOf(lane);
    lanes.mean.drop(this.weightOf(tenant), this.startOf(tenant));
    this.#show(shape, lanes);
  }

  #eachLane(tenant: Slot, visit: (lane: Slot) => void): void {
    for (let lane = this.#tenants.firstLane(tenant); lane !== none; ) {
      visit(lane);
      lane = this.#lanes.after(lane);
    }
  }

  #deadlineOf(tenant: Slot): number {
    return this.startOf(tenant) + this.#tenants.span(tenant);
  }

  /** What the other shapes see of this one. */
  #show(shape: Slot, { ahead, eligible, open }: Lanes): void {
    this.#leastStart.set(shape, open ? ahead.firstKey : Number.POSITIVE_INFINITY);
    this.#leastDeadline.set(shape, open ? eligible.firstKey : Number.POSITIVE_INFINITY);
  }
}
