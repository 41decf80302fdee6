/**
 * Who is served next: earliest eligible virtual deadline first (EEVDF; with exact costs WF²Q+), over
 * numbers in typed arrays. A **tenant** has a virtual start, which grows by cost / weight as it is
 * served, and the span of its next task, also cost / weight. It is eligible while its start is not
 * ahead of the virtual time, the weighted mean of the starts of all who compete, which leaps ahead where
 * it must; of the eligible the one whose start + span, its deadline, is least is next.
 *
 * A tenant stands in a **lane** for each **shape** of which it has tasks. A shape that fits nowhere is
 * closed, and its lanes are passed over together. Each shape has two queues of lanes: those known to be
 * ahead by their starts, the others by their deadlines. Lanes change queues when they come to the top:
 * a decision costs O(log shapes) and as good as nothing for more tenants (`key-queue.ts`).
 *
 * C1  who begins to compete starts no earlier than the mean start of those who wait for the same shape,
 *     or that of all, without leaps, where there are none: nothing is banked, debt is kept. A leap is
 *     past those for whom there is no room; who comes after it would owe it to them.
 * C2  somebody is next as long as an open shape has a lane: the server never idles.
 * C3  a lane is in one queue of its shape while its tenant competes, and in none otherwise.
 * C4  what a tenant could not use because its shapes were closed is kept up to a bound (`creditMax`).
 * C5  what one forfeits, all lose who were behind in the same shape: what they are owed among themselves
 *     stays. It is taken from each when it comes to the top, where it stands too early, if anywhere.
 * C6  a start is told finely enough that every span moves it. Where the virtual time has run so far that it
 *     would not be, it begins at nought again: one of little weight moves it far.
 */
import { assert } from '@troupe/model';
import { ContestTables, none, type Slot } from './contest-tables.ts';
import { KeyQueue } from './key-queue.ts';
import { Least } from './least.ts';
import { Mean } from './mean.ts';

interface Lanes {
  ahead: KeyQueue;
  eligible: KeyQueue;
  open: boolean;
  /** By how much the starts of those behind were moved in all, in virtual time (C5). */
  forfeited: number;
  /** Of the starts of those who compete. */
  readonly mean: Mean;
}

/** A span that is less than this part of the time would soon not move a start at all (C6). */
const finestSpan = 2 ** -36;

export class Contest {
  readonly #tables = new ContestTables();
  readonly #byShape: Lanes[] = [];
  /** Over the open shapes. */
  readonly #leastStart = new Least();
  readonly #leastDeadline = new Least();
  /** Of the starts of all who compete: what a fluid server would have given by now. */
  readonly #mean = new Mean();
  /** The same with all leaps (C2). */
  readonly #time = new Mean();
  #creditMax = Number.POSITIVE_INFINITY;
  /** So many spans more are faced too coarsely before time begins at nought again. */
  #coarseLeft = 0;

  get mean(): number {
    return this.#mean.value;
  }
  startOf(tenant: Slot): number {
    return this.#tables.start(tenant);
  }
  spanOf(tenant: Slot): number {
    return this.#tables.span(tenant);
  }
  /** Nought while it does not compete. */
  weightOf(tenant: Slot): number {
    return this.#tables.weight(tenant);
  }
  competes(tenant: Slot): boolean {
    return this.weightOf(tenant) > 0;
  }
  tenantOf(lane: Slot): Slot {
    return this.#tables.tenant(lane);
  }
  shapeOf(lane: Slot): Slot {
    return this.#tables.shape(lane);
  }
  isOpen(shape: Slot): boolean {
    return this.#byShape[shape]?.open ?? false;
  }

  /** In units of cost. */
  boundCredit(creditMax: number): void {
    this.#creditMax = creditMax;
  }

  addTenant(): Slot {
    return this.#tables.addTenant();
  }

  addShape(): Slot {
    const [ahead, eligible] = [this.#queue(), this.#queue()];
    this.#byShape.push({ ahead, eligible, open: true, forfeited: 0, mean: new Mean() });
    return this.#byShape.length - 1;
  }

  addLane(tenant: Slot, shape: Slot): Slot {
    const lane = this.#tables.addLane(tenant, shape);
    if (this.competes(tenant)) this.#insert(lane);
    return lane;
  }

  dropLane(lane: Slot): void {
    if (this.competes(this.tenantOf(lane))) this.#remove(lane);
    this.#tables.dropLane(lane);
  }

  /** It has something to start, of this weight and span. */
  enter(tenant: Slot, weight: number, span: number): void {
    assert(!this.competes(tenant), 'C3: who competes does not enter');
    assert(weight > 0 && span >= 0, 'C1: weights are above nought');
    const tables = this.#tables;
    const start = Math.max(tables.start(tenant), this.#levelFor(tenant));
    tables.setStart(tenant, start);
    tables.setSpan(tenant, span);
    tables.setWeight(tenant, weight);
    this.#mean.add(weight, start);
    this.#time.add(weight, start);
    for (let lane = tables.firstLane(tenant); lane !== none; lane = tables.after(lane)) {
      this.#insert(lane);
    }
    this.#keepFine(span);
  }

  /** It has nothing more to start, or may not. */
  leave(tenant: Slot): void {
    const tables = this.#tables;
    for (let lane = tables.firstLane(tenant); lane !== none; lane = tables.after(lane)) {
      this.#remove(lane);
    }
    const weight = tables.weight(tenant);
    tables.setWeight(tenant, 0);
    this.#mean.drop(weight, tables.start(tenant));
    this.#time.drop(weight, tables.start(tenant));
  }

  /** What it was charged is corrected by this much, in cost / weight. */
  charge(tenant: Slot, served: number): void {
    this.#pay(tenant, served);
    if (this.competes(tenant)) this.#settle(tenant);
  }

  /** It was next and is charged, in cost / weight; it has nothing more to start. */
  depart(tenant: Slot, served: number): void {
    this.#pay(tenant, served);
    this.leave(tenant);
  }

  /** It was next and is charged, in cost / weight; what it would start now has this weight and span. */
  serve(tenant: Slot, served: number, weight: number, span: number): void {
    this.#pay(tenant, served);
    this.#tables.setSpan(tenant, span);
    if (weight !== this.#tables.weight(tenant)) this.#weigh(tenant, weight);
    const start = this.startOf(tenant);
    if (start <= this.#time.value || !this.#trade(tenant, start)) this.#settle(tenant);
    this.#keepFine(span);
  }

  /** What it would start next is something else. */
  face(tenant: Slot, weight: number, span: number): void {
    const before = this.#tables.weight(tenant);
    if (weight === before && span === this.#tables.span(tenant)) return;
    if (weight !== before) this.#weigh(tenant, weight);
    this.#tables.setSpan(tenant, span);
    this.#settle(tenant);
    this.#keepFine(span);
  }

  /** Its weight is changed by this factor: what it owes, or is owed, stays the same cost. */
  reweigh(tenant: Slot, factor: number): void {
    const weight = this.#tables.weight(tenant);
    const ahead = this.startOf(tenant) - this.#mean.value;
    const moved = ahead / factor - ahead;
    if (ahead > 0 || weight > 0) this.#tables.setStart(tenant, this.startOf(tenant) + moved);
    if (weight === 0) return;
    const anew = weight * factor;
    this.#moved(tenant, weight, moved);
    this.#weighed(tenant, weight, anew);
    this.#tables.setWeight(tenant, anew);
    // The mean does not move, since it is that from which it was ahead.
    for (const mean of [this.#mean, this.#time]) mean.weigh(weight, anew, mean.value);
    this.#tables.setSpan(tenant, this.#tables.span(tenant) / factor);
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
    for (let tenant = 0; tenant < this.#tables.count; tenant++) {
      weight += this.#tables.weight(tenant);
      if (this.competes(tenant)) lanes += this.#lanesOf(tenant).length;
    }
    const standing = this.#byShape.reduce((sum, { ahead, eligible }) => {
      return sum + ahead.size + eligible.size;
    }, 0);
    assert(lanes === standing, 'C3: a lane is in one queue while its tenant competes');
    const off = Math.abs(weight - this.#time.weight);
    assert(off <= 1e-6 * weight, 'C1: the weights are those of all who compete');
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
      lanes.ahead.removeFirst();
      this.#tables.setAhead(lane, false);
      this.#tables.setForfeited(lane, lanes.forfeited);
      lanes.eligible.push(lane, this.#deadlineOf(this.tenantOf(lane)));
      this.#show(shape, lanes);
    }
  }

  /** Who was just served and is ahead now changes queues with one whose start has come, if its only
   *  lane is first among the eligible of its shape. */
  #trade(tenant: Slot, start: number): boolean {
    const tables = this.#tables;
    const lane = tables.firstLane(tenant);
    if (lane === none || tables.after(lane) !== none || tables.isAhead(lane)) return false;
    const shape = tables.shape(lane);
    const lanes = this.#byShape[shape];
    if (lanes === undefined || lanes.eligible.first !== lane) return false;
    tables.setAhead(lane, true);
    if (lanes.ahead.firstKey > this.#time.value) {
      lanes.eligible.removeFirst();
      lanes.ahead.push(lane, start);
    } else {
      const come = lanes.ahead.first;
      tables.setAhead(come, false);
      tables.setForfeited(come, lanes.forfeited);
      lanes.eligible.replaceFirst(come, this.#deadlineOf(tables.tenant(come)));
      lanes.ahead.replaceFirst(lane, start);
    }
    this.#show(shape, lanes);
    return true;
  }

  /** It has come to the top and is not eligible. */
  #setAside(tenant: Slot): void {
    const tables = this.#tables;
    const start = this.startOf(tenant);
    for (let lane = tables.firstLane(tenant); lane !== none; lane = tables.after(lane)) {
      if (tables.isAhead(lane)) continue;
      const shape = tables.shape(lane);
      const lanes = this.#byShape[shape];
      if (lanes === undefined) return;
      lanes.eligible.remove(lane);
      tables.setAhead(lane, true);
      lanes.ahead.push(lane, start);
      this.#show(shape, lanes);
    }
  }

  /** C4, C5: true when it had more credit than is kept, or others of its shape had. */
  #forfeits(tenant: Slot, lane: Slot): boolean {
    const lanes = this.#byShape[this.shapeOf(lane)];
    if (lanes === undefined) return false;
    const start = this.startOf(tenant);
    const lost = lanes.forfeited - this.#tables.forfeited(lane);
    const credit = (this.#time.value - start) * this.#tables.weight(tenant);
    if (lost === 0 && credit <= this.#creditMax) return false;
    // Nobody comes to owe by what others forfeit.
    const moved = Math.min(start + lost, Math.max(start, this.#time.value));
    const least = this.#time.value - this.#creditMax / this.#tables.weight(tenant);
    // A rounding above the bound is no credit, and would go on for ever.
    const over = moved < least - 1e-9 * Math.abs(least);
    if (over) lanes.forfeited += least - moved;
    this.#tables.setForfeited(lane, lanes.forfeited);
    if (!over && moved === start) return false;
    const to = over ? least : moved;
    this.#tables.setStart(tenant, to);
    this.#moved(tenant, this.#tables.weight(tenant), to - start);
    this.#settle(tenant);
    return true;
  }

  #weigh(tenant: Slot, weight: number): void {
    const before = this.#tables.weight(tenant);
    this.#weighed(tenant, before, weight);
    this.#tables.setWeight(tenant, weight);
    this.#mean.weigh(before, weight, this.startOf(tenant));
    this.#time.weigh(before, weight, this.startOf(tenant));
  }

  /** C1 */
  #levelFor(tenant: Slot): number {
    const tables = this.#tables;
    let level = Number.POSITIVE_INFINITY;
    for (let lane = tables.firstLane(tenant); lane !== none; lane = tables.after(lane)) {
      const mean = this.#byShape[tables.shape(lane)]?.mean;
      if (mean !== undefined && mean.weight > 0) level = Math.min(level, mean.value);
    }
    if (level === Number.POSITIVE_INFINITY) return this.#mean.value;
    return Math.min(level, this.#time.value);
  }

  /** Its start, which grows as it is served, and the means of which it is. */
  #pay(tenant: Slot, served: number): void {
    const tables = this.#tables;
    tables.setStart(tenant, tables.start(tenant) + served);
    const weight = tables.weight(tenant);
    if (weight === 0) return;
    // Of both means the weights are the same, and so they move alike.
    const by = (weight * served) / this.#mean.weight;
    this.#mean.value += by;
    this.#time.value += by;
    this.#moved(tenant, weight, served);
  }

  /** Its start has changed by so much. */
  #moved(tenant: Slot, weight: number, by: number): void {
    for (let lane = this.#tables.firstLane(tenant); lane !== none; ) {
      this.#byShape[this.shapeOf(lane)]?.mean.move(weight, by);
      lane = this.#tables.after(lane);
    }
  }

  /** Its weight changes, its start does not. */
  #weighed(tenant: Slot, before: number, weight: number): void {
    const start = this.startOf(tenant);
    for (const lane of this.#lanesOf(tenant)) {
      this.#byShape[this.shapeOf(lane)]?.mean.weigh(before, weight, start);
    }
  }

  /** Its keys have changed: its lanes find their places, each in the queue that it is in. */
  #settle(tenant: Slot): void {
    const start = this.startOf(tenant);
    const deadline = this.#deadlineOf(tenant);
    for (let lane = this.#tables.firstLane(tenant); lane !== none; ) {
      const shape = this.shapeOf(lane);
      const lanes = this.#byShape[shape];
      if (lanes === undefined) return;
      if (this.#tables.isAhead(lane)) lanes.ahead.moved(lane, start);
      else lanes.eligible.moved(lane, deadline);
      this.#show(shape, lanes);
      lane = this.#tables.after(lane);
    }
  }

  #insert(lane: Slot): void {
    const tables = this.#tables;
    const shape = tables.shape(lane);
    const lanes = this.#byShape[shape];
    if (lanes === undefined) return;
    const tenant = tables.tenant(lane);
    const start = tables.start(tenant);
    const isAhead = start > this.#time.value;
    tables.setAhead(lane, isAhead);
    tables.setForfeited(lane, lanes.forfeited);
    lanes.mean.add(tables.weight(tenant), start);
    this.#stand(lane);
    this.#show(shape, lanes);
  }

  /** In the queue that it is in by what is known of it. */
  #stand(lane: Slot): void {
    const tenant = this.tenantOf(lane);
    const lanes = this.#byShape[this.shapeOf(lane)];
    if (this.#tables.isAhead(lane)) lanes?.ahead.push(lane, this.startOf(tenant));
    else lanes?.eligible.push(lane, this.#deadlineOf(tenant));
  }

  #remove(lane: Slot): void {
    const shape = this.shapeOf(lane);
    const lanes = this.#byShape[shape];
    if (lanes === undefined) return;
    if (this.#tables.isAhead(lane)) lanes.ahead.remove(lane);
    else lanes.eligible.remove(lane);
    const tenant = this.tenantOf(lane);
    lanes.mean.drop(this.weightOf(tenant), this.startOf(tenant));
    this.#show(shape, lanes);
  }

  #lanesOf(tenant: Slot): readonly Slot[] {
    const lanes: Slot[] = [];
    for (let lane = this.#tables.firstLane(tenant); lane !== none; ) {
      lanes.push(lane);
      lane = this.#tables.after(lane);
    }
    return lanes;
  }

  /** C6 */
  #keepFine(span: number): void {
    if (span >= finestSpan * Math.abs(this.#time.value)) return;
    if (this.#coarseLeft === 0) this.#beginAtNought();
    else this.#coarseLeft--;
  }

  /** Looks at all tenants, and is not done again before as many spans make up for that. */
  #beginAtNought(): void {
    const { count } = this.#tables;
    this.#coarseLeft = count;
    const origin = this.#time.value;
    for (const mean of [this.#mean, this.#time, ...this.#byShape.map((lanes) => lanes.mean)]) {
      mean.value -= origin;
    }
    for (const lanes of this.#byShape) {
      lanes.ahead = this.#queue();
      lanes.eligible = this.#queue();
    }
    for (let tenant = 0; tenant < count; tenant++) {
      this.#tables.setStart(tenant, this.startOf(tenant) - origin);
      if (this.competes(tenant)) for (const lane of this.#lanesOf(tenant)) this.#stand(lane);
    }
    for (const [shape, lanes] of this.#byShape.entries()) this.#show(shape, lanes);
  }

  #queue(): KeyQueue {
    const tables = this.#tables;
    return new KeyQueue(tables.places, (entries, count) => tables.touch(entries, count));
  }

  #deadlineOf(tenant: Slot): number {
    return this.startOf(tenant) + this.#tables.span(tenant);
  }

  /** What the other shapes see of this one. */
  #show(shape: Slot, { ahead, eligible, open }: Lanes): void {
    this.#leastStart.set(shape, open ? ahead.firstKey : Number.POSITIVE_INFINITY);
    this.#leastDeadline.set(shape, open ? eligible.firstKey : Number.POSITIVE_INFINITY);
  }
}
