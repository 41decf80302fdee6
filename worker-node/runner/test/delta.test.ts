import { applyDelta, type Change, decode, encode } from '@troupe/model';
import fc from 'fast-check';
import { createDraft, finishDraft, freeze } from 'immer';
import { describe, expect, test } from 'vitest';
import { deltaOf } from '../src/delta.ts';

const leaf = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom('', 'a', 'b', null, true, undefined),
);
const key = fc.constantFrom('a', 'b', 'c', 'constructor', '1', '2', '10', 'toString');
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, tie('array'), tie('fields')),
  array: fc.array(tie('tree'), { maxLength: 5 }),
  fields: fc.array(fc.tuple(key, tie('tree')), { maxLength: 5 }).map(Object.fromEntries),
}));

const root = fc.array(fc.tuple(key, tree), { maxLength: 6 }).map(Object.fromEntries);

/** One thing that a method may do to what it finds along a path of choices. */
const act = fc.record({
  way: fc.array(fc.nat(9), { maxLength: 4 }),
  what: fc.constantFrom('set', 'delete', 'push', 'splice', 'unshift', 'reverse', 'move'),
  key,
  value: tree,
  at: fc.nat(5),
});

type Node = { [key: string]: unknown } | unknown[];

function perform(
  state: Node,
  { way, what, key, value, at }: typeof act extends fc.Arbitrary<infer A> ? A : never,
) {
  let node: Node = state;
  for (const step of way) {
    const inner: unknown[] = Object.values(node).filter((item) => typeof item === 'object' && item);
    const next = inner[step % Math.max(1, inner.length)];
    if (next === undefined) break;
    node = next as Node;
  }
  const copy = structuredClone(value);
  if (Array.isArray(node)) {
    if (what === 'push') node.push(copy);
    else if (what === 'unshift') node.unshift(copy);
    else if (what === 'reverse') node.reverse();
    else if (what === 'delete') node.pop();
    else if (what === 'move') node.push(node.shift());
    else if (what === 'splice') node.splice(at, 1, copy, copy);
    else node[Math.min(at, node.length)] = copy;
    return;
  }
  if (what === 'delete') delete node[key];
  else if (what === 'move') {
    if (!Object.hasOwn(node, key)) return;
    const moved = node[key];
    delete node[key];
    node[key] = moved;
  } else node[key] = copy;
}

/** Equal, with the keys of objects in the same order. */
function written(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (inner === undefined ? '∅' : inner));
}

describe('a delta', () => {
  test('leads a copy of the state before to the state after, whatever a method did (D1)', () => {
    fc.assert(
      fc.property(root, fc.array(act, { maxLength: 6 }), (start, acts) => {
        const before = freeze({ state: start }, true);
        const draft = createDraft(before);
        for (const one of acts) perform(draft.state, one);
        const after = finishDraft(draft) as typeof before;
        const delta = decode<Change[]>(encode(deltaOf(before.state, after.state)));
        const replayed = applyDelta(decode(encode(start)), delta);
        expect(written(replayed)).toBe(written(after.state));
        expect(replayed).toEqual(after.state);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of a push to a long list holds the new item only', () => {
    const before = freeze({ list: Array.from({ length: 10_000 }, (_, n) => ({ n })) }, true);
    const draft = createDraft(before);
    draft.list.push({ n: -1 });
    expect(deltaOf(before, finishDraft(draft))).toEqual([
      ['splice', ['list'], 10_000, 0, [{ n: -1 }]],
    ]);
  });

  test('of a shift holds no item at all', () => {
    const before = freeze({ list: [{ n: 1 }, { n: 2 }, { n: 3 }] }, true);
    const draft = createDraft(before);
    draft.list.shift();
    expect(deltaOf(before, finishDraft(draft))).toEqual([['splice', ['list'], 0, 1, []]]);
  });

  test('of a changed field deep inside names that field only', () => {
    const before = freeze({ users: { ann: { age: 1, tags: ['x'] }, bob: { age: 2 } } }, true);
    const draft = createDraft(before);
    draft.users.ann.age = 2;
    expect(deltaOf(before, finishDraft(draft))).toEqual([['set', ['users', 'ann', 'age'], 2]]);
  });

  test('of a new number among keys that are numbers holds that key only', () => {
    const before = freeze({ 10: 'a', 30: 'c', name: 'x' }, true);
    const after = { 10: 'a', 20: 'b', 30: 'c', name: 'x' };
    expect(deltaOf(before, after)).toEqual([['set', ['20'], 'b']]);
  });

  test('is refused with the path of the first value that cannot be carried (D2)', () => {
    const before = freeze({ sockets: [1] }, true);
    const after = { sockets: [1, { open: () => 1 }] };
    expect(() => deltaOf(before, after)).toThrow('state.sockets[1].open is a function');
  });
});
