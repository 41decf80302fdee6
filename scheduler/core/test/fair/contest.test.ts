import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Contest } from '../../src/fair/index.ts';
import { Mean } from '../../src/fair/mean.ts';

/** The rule of the contest, found by a look at all tenants each time. One shape, which is always open. */
class Naive {
  readonly #tenants: { start: number; span: number; weight: number }[] = [];
  readonly #mean = new Mean();
  readonly #time = new Mean();

  add(): void {
    this.#tenants.push({ start: 0, span: 0, weight: 0 });
  }

  enter(tenant: number, weight: number, span: number): void {
    const one = this.#at(tenant);
    const level =
      this.#mean.weight > 0 ? Math.min(this.#mean.value, this.#time.value) : this.#mean.value;
    Object.assign(one, { start: Math.max(one.start, level), weight, span });
    for (const mean of [this.#mean, this.#time]) mean.add(weight, one.start);
  }

  leave(tenant: number): void {
    const one = this.#at(tenant);
    for (const mean of [this.#mean, this.#time]) mean.drop(one.weight, one.start);
    one.weight = 0;
  }

  charge(tenant: number, served: number): void {
    const one = this.#at(tenant);
    one.start += served;
    if (one.weight > 0) {
      for (const mean of [this.#mean, this.#time]) mean.move(one.weight, served);
    }
  }

  face(tenant: number, weight: number, span: number): void {
    const one = this.#at(tenant);
    for (const mean of [this.#mean, this.#time]) mean.weigh(one.weight, weight, one.start);
    Object.assign(one, { weight, span });
  }

  next(): number {
    const waiting = [...this.#tenants.entries()].filter(([, { weight }]) => weight > 0);
    if (waiting.length === 0) return -1;
    const least = Math.min(...waiting.map(([, { start }]) => start));
    this.#time.value = Math.max(this.#time.value, least);
    const eligible = waiting.filter(([, { start }]) => start <= this.#time.value);
    eligible.sort(([, left], [, right]) => left.start + left.span - (right.start + right.span));
    return eligible[0]?.[0] ?? -1;
  }

  #at(tenant: number) {
    const one = this.#tenants[tenant];
    if (one === undefined) throw new Error(`there is no tenant ${tenant}`);
    return one;
  }
}

const action = fc.record({
  kind: fc.constantFrom('serve', 'serve', 'serve', 'depart', 'correct', 'enter', 'leave', 'face'),
  tenant: fc.nat(999),
  // Dyadic, so that what is equal by rule is equal by number, and ties are met.
  weight: fc.constantFrom(1, 2, 4),
  span: fc.integer({ min: 1, max: 64 }).map((quarters) => quarters / 4),
  more: fc.integer({ min: -20, max: 40 }).map((quarters) => quarters / 4),
});

interface Action {
  readonly kind: string;
  readonly tenant: number;
  readonly weight: number;
  readonly span: number;
  readonly more: number;
}

/** Plays the same on both; all who are `there` compete from the beginning. */
function play(count: number, there: number, actions: readonly Action[]): void {
  const contest = new Contest();
  const naive = new Naive();
  const shape = contest.addShape();
  for (let tenant = 0; tenant < count; tenant++) {
    contest.addTenant();
    naive.add();
    contest.addLane(tenant, shape);
    if (tenant >= there) continue;
    const [weight, span] = [1 << (tenant % 3), 0.25 + ((tenant * 37) % 256) / 4];
    naive.enter(tenant, weight, span);
    contest.enter(tenant, weight, span);
  }
  for (const { kind, tenant: drawn, weight, span, more } of actions) {
    const tenant = drawn % count;
    const competes = contest.competes(tenant);
    if (kind === 'serve' || kind === 'depart') {
      const lane = contest.next();
      const next = lane === -1 ? -1 : contest.tenantOf(lane);
      expect(next).toBe(naive.next());
      if (next === -1) continue;
      const served = contest.spanOf(next);
      naive.charge(next, served);
      if (kind === 'serve') {
        naive.face(next, weight, span);
        contest.serve(next, served, weight, span);
      } else {
        naive.leave(next);
        contest.depart(next, served);
      }
    } else if (kind === 'correct') {
      naive.charge(tenant, more);
      contest.charge(tenant, more);
    } else if (kind === 'enter' && !competes) {
      naive.enter(tenant, weight, span);
      contest.enter(tenant, weight, span);
    } else if (kind === 'leave' && competes) {
      naive.leave(tenant);
      contest.leave(tenant);
    } else if (kind === 'face' && competes) {
      naive.face(tenant, weight, span);
      contest.face(tenant, weight, span);
    }
    contest.check();
  }
}

it('the next is whom a look at all tenants would find, in any history', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 300, size: 'max' }), (actions) => {
      play(9, 0, actions);
    }),
    { numRuns: 300 },
  );
});

it('so it is among a thousand, of whom most stand far from their turn', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 200, maxLength: 600, size: 'max' }), (actions) => {
      play(1_000, 900, actions);
    }),
    { numRuns: 12 },
  );
});
