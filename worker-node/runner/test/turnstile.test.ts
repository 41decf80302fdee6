import type { TenantName } from '@troupe/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turnstile, type Waiting } from '../src/turnstile.ts';

/** A process in which time passes only while something begins. */
function process() {
  let now = 0;
  const later: (() => void)[] = [];
  const begun: string[] = [];
  const turnstile = new Turnstile({ now: () => now, soon: (go) => void later.push(go) });
  return {
    begun,
    turnstile,
    /** Turns of an actor, each of which holds the process for so long. */
    actor: (tenant: string, name: string, costs: readonly number[]): Waiting => {
      const left = [...costs];
      let nth = 0;
      return {
        tenant: tenant as TenantName,
        begin: () => {
          now += left.shift() ?? 0;
          begun.push(`${name}${nth++}`);
          return left.length > 0;
        },
      };
    },
    /** What has arrived meanwhile was heard. */
    heard: () => later.shift()?.(),
    get busy() {
      return later.length > 0;
    },
  };
}

const tens = (count: number) => Array.from({ length: count }, () => 10);

test('each begins as it comes while the process keeps up', () => {
  const { turnstile, actor, begun } = process();
  turnstile.join(actor('a', 'a', [1, 1]));
  turnstile.join(actor('b', 'b', [1]));
  expect(begun).toEqual(['a0', 'a1', 'b0']);
});

test('a tenant that comes late begins next, however many turns of another wait', () => {
  const one = process();
  for (let i = 0; i < 100; i++) one.turnstile.join(one.actor('a', `a${i}.`, [10]));
  expect(one.begun).toEqual(['a0.0']);
  one.turnstile.join(one.actor('b', 'b', tens(3)));
  for (let i = 0; i < 6; i++) one.heard();
  expect(one.begun).toEqual(['a0.0', 'a1.0', 'b0', 'a2.0', 'b1', 'a3.0', 'b2']);
});

test('two that wait hold the process for as long each, whatever their turns cost', () => {
  const one = process();
  one.turnstile.join(one.actor('x', 'x', [10]));
  one.turnstile.join(one.actor('a', 'a', tens(100)));
  one.turnstile.join(
    one.actor(
      'b',
      'b',
      Array.from({ length: 1_000 }, () => 1),
    ),
  );
  while (one.begun.length < 112) one.heard();
  const of = (name: string) => one.begun.filter((begun) => begun.startsWith(name)).length;
  expect(Math.abs(10 * of('a') - of('b'))).toBeLessThanOrEqual(10);
});

test('a tenant whose turns bring others of it to wait as they begin has no more of the process for it', () => {
  const one = process();
  one.turnstile.join(one.actor('x', 'x', [10]));
  let brought = 0;
  const bringing: Waiting = {
    tenant: 'a' as TenantName,
    begin: () => {
      one.turnstile.join(one.actor('a', `brought${brought++}.`, [10]));
      return one.actor('a', 'a', [10]).begin() || brought < 50;
    },
  };
  one.turnstile.join(bringing);
  one.turnstile.join(one.actor('b', 'b', tens(100)));
  while (one.begun.length < 61) one.heard();
  const ofB = one.begun.filter((name) => name.startsWith('b') && !name.startsWith('brought'));
  expect(Math.abs(ofB.length - 30)).toBeLessThanOrEqual(1);
});

test('who comes to wait has no credit for the time in which it did not', () => {
  const one = process();
  one.turnstile.join(one.actor('b', 'b', [10]));
  one.turnstile.join(one.actor('a', 'a', tens(100)));
  for (let i = 0; i < 50; i++) one.heard();
  one.turnstile.join(one.actor('b', 'late', tens(50)));
  const before = one.begun.length;
  for (let i = 0; i < 20; i++) one.heard();
  const late = one.begun.slice(before).filter((begun) => begun.startsWith('late')).length;
  expect(late).toBeGreaterThanOrEqual(9);
  expect(late).toBeLessThanOrEqual(11);
});

test('all begin, each once and in the order of its tenant, in any history', () => {
  const cost = fc.constantFrom(0, 1, 3, 10, 40);
  const arrival = fc.record({
    tenant: fc.constantFrom('a', 'b', 'c'),
    costs: fc.array(cost, { minLength: 1, maxLength: 5 }),
    heardBefore: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 60, size: 'max' }), (arrivals) => {
      const one = process();
      const expected: string[] = [];
      for (const [i, { tenant, costs, heardBefore }] of arrivals.entries()) {
        for (let n = 0; n < heardBefore; n++) one.heard();
        one.turnstile.join(one.actor(tenant, `${tenant}${i}.`, costs));
        for (const nth of costs.keys()) expected.push(`${tenant}${i}.${nth}`);
      }
      while (one.busy) one.heard();
      expect([...one.begun].sort()).toEqual(expected.sort());
      for (const tenant of ['a', 'b', 'c']) {
        const firsts = one.begun.filter((name) => name.startsWith(tenant) && name.endsWith('.0'));
        const order = firsts.map((name) => Number(name.slice(1, -2)));
        expect(order).toEqual([...order].sort((x, y) => x - y));
      }
    }),
  );
});
