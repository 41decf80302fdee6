import { expect, it } from 'vitest';
import { ask, depthFault } from '../../src/dag/condition.ts';

const many = (count: number, of: (at: number) => unknown) =>
  Array.from({ length: count }, (_, at) => of(at));
const l = many(50_000, (at) => ({ id: at, kind: `k${at % 7}` }));
const m = many(50_000, (at) => at + 0.5);
const text = 'a'.repeat(50_000);
const order = { id: 49_999, lines: m, text, pattern: 'a{900}'.repeat(400) };
const named = Object.fromEntries(m.map((each) => [`k${each}`, 1]));
const few = { k1: 1, k2: 2 };

it.each([
  'l.all(x, !(x.id in m))',
  'l.all(x, !(x.id in order.lines))',
  'l.all(x, order.lines == m)',
  'm.all(x, size(text) > 1)',
  'm.exists(x, order.text.contains(string(x)))',
  'm.filter(x, x > 1.0).all(x, !(x in m))',
  'l.all(x, order == x)',
  'l.exists(x, x.kind in named)',
  'l.exists(x, has(named.k1))',
  'l.exists(x, named[x.kind] == 1)',
  '[m, m][0].all(x, m[0] == x || m == l)',
  'l.all(x, {"of": m}.of != l)',
  Array(40).fill('!(0.0 in l)').join(' && '),
  Array(20).fill('l != m && m == l').join(' || '),
  'text.matches("(a?){500}(a*)*b")',
  'text.matches(order.pattern)',
  'l.exists(x, x.kind.matches("^[a-z]+[0-9]+(-[a-z]+)*$"))',
])('a condition that would keep everybody waiting has no answer, which is said: %s', (when) => {
  expect(() => ask(when, { l, m, text, order, named })).toThrow(/would look at too much/);
});

it.each([
  ['l.exists(x, x.id == order.id)', true],
  ['l.exists(x, double(x.id) == order.lines[1])', false],
  ['m.all(x, x in [1.0, 2.0])', false],
  ['l.exists(x, x.kind in few && few[x.kind] == 2)', true],
  ['l.exists(x, has(few.k3))', false],
  ['l.exists(x, x.kind == "k5" && x.id == order["id"])', true],
  ['l.filter(x, x.kind == "k1").size() > 10', true],
  ['m.exists(x, x == m[4])', true],
  ['3.5 in m && text.contains("aa") && l != m', true],
  ['l.filter(x, x.id > 5.0).all(y, y.id > 5.0)', true],
  ['m.map(x, x + 1.0) != m && m.map(x, x) == m', true],
  ['-3.0 in m.map(x, x)', false],
  ['text.matches("^a+$") && order.lines[3] == 3.5', true],
])('a condition over a long list is answered: %s', (when, answer) => {
  expect(ask(when, { l, m, text, order, few })).toBe(answer);
});

it('a list to which two others are added stays what it was', () => {
  const when =
    '[a + b].all(x, x + [5.0] != x + [6.0] && (x + [5.0])[4] == 5.0 && x + x == a + b + a + b ' +
    '&& x == [1.0, 2.0, 3.0, 4.0] && x.size() == 4 && !(5.0 in x) && x + [] == x)';
  expect(ask(when, { a: [1, 2], b: [3, 4] })).toBe(true);
});

it('what a condition takes is told, be it a loop or not', () => {
  const told = (when: string) => {
    const spent: number[] = [];
    ask(when, { l, m, text }, (work) => spent.push(work));
    return spent.reduce((sum, work) => sum + work, 0);
  };
  for (const when of ['0.0 in m', 'm == m', 'm.all(x, x > 0.0)', 'text.matches("b")']) {
    expect([when, told(when) > 10_000]).toEqual([when, true]);
  }
  for (const when of ['size(l) > 3', 'l[4].id == 4.0', 'true']) {
    expect([when, told(when) < 100]).toEqual([when, true]);
  }
});

it.each([
  ['brackets', (n: number) => `${'('.repeat(n)}true${')'.repeat(n)}`, 100],
  ['brackets', (n: number) => `${'['.repeat(n)}${']'.repeat(n)} != []`, 100],
  ['operators', (n: number) => `${'1.0+'.repeat(n)}1.0 > 0.0`, 490],
] as const)('a condition goes no deeper than every leader can read: %s', (what, make, most) => {
  expect(depthFault(make(most))).toBeUndefined();
  expect(depthFault(make(most + 20))).toContain(`${what} in one another`);
});

it.each([
  ['has(x.f)', { f: null }, false],
  ['"f" in x', { f: null }, false],
  ['x.f == null', { f: null }, true],
  ['has(x.f)', {}, false],
  ['has(x.f)', { f: 0 }, true],
])(
  'a condition takes a field that is null for one that is not there, but reads it: %s of %j is %j',
  (when, x, expected) => {
    expect(ask(when, { x })).toBe(expected);
  },
);

it('a condition that reads what is not there fails with its name', () => {
  expect(() => ask('x.f == null', { x: {} })).toThrow('field not found: f');
});
