/**
 * How much the loops of a condition would look at, known before it is asked. What stands outside of a loop
 * and is named inside (`l.all(x, x in m)`) is looked at in each round: two long lists would keep a leader
 * busy for minutes.
 */
import type { parse } from '@bufbuild/cel';

type Expr = NonNullable<ReturnType<typeof parse>['expr']>;
type Path = readonly [name: string, ...parts: (string | number)[]];

/** What is named of the values: all of it, whatever of it is largest, or what is found by a key. */
interface Named {
  readonly path: Path;
  readonly what: 'all' | 'largest' | 'keyed';
}

export interface ConditionLoop {
  /** What it goes through, where that is simply named. */
  readonly range: Path | undefined;
  readonly outside: readonly Named[];
}

/** Every loop over a list that stands in the expression. */
export function loopsOf(expression: Expr | undefined): readonly ConditionLoop[] {
  const { exprKind: kind } = expression ?? {};
  const inside = partsOf(expression).flatMap(loopsOf);
  if (kind?.case !== 'comprehensionExpr') return inside;
  const { iterRange, iterVar, iterVar2, accuVar, loopCondition, loopStep } = kind.value;
  const own = new Set([iterVar, iterVar2, accuVar]);
  const outside = [loopCondition, loopStep].flatMap((part) => namedIn(part, own));
  return [...inside, { range: pathOf(iterRange), outside }];
}

/** As what a number in a list takes is 1: a key of an object takes so much. */
const keyEffort = 10;

/** What they take in all; anything beyond `max` when it is more than that. */
export function workOf(
  loops: readonly ConditionLoop[],
  values: { readonly [name: string]: unknown },
  max: number,
): number {
  let work = 0;
  for (const { range, outside } of loops) {
    if (outside.length === 0) continue;
    let each = 0;
    for (const named of outside) each += effortOfNamed(named, values, max);
    const through = range === undefined ? undefined : at(range, values);
    const isList = typeof through === 'object' && through !== null;
    work += each * (isList ? Object.keys(through).length : effortOf(values, max));
  }
  return work;
}

function namedIn(expression: Expr | undefined, own: ReadonlySet<string>): readonly Named[] {
  const isOutside = (path: Path | undefined): path is Path =>
    path !== undefined && !own.has(path[0]);
  const path = pathOf(expression);
  if (path !== undefined) return isOutside(path) ? [{ path, what: 'all' }] : [];
  const kind = expression?.exprKind;
  if (kind?.case === 'callExpr') {
    const { function: name, args } = kind.value;
    const [of, by] = name === '@in' ? [args[1], args[0]] : args;
    const list = name === '@in' || name === '_[_]' ? pathOf(of) : undefined;
    if (isOutside(list)) {
      const what = name === '@in' ? 'keyed' : 'largest';
      return [{ path: list, what }, ...namedIn(by, own)];
    }
  }
  return partsOf(expression).flatMap((part) => namedIn(part, own));
}

/** `a`, `a.b` and `a[0]`. */
function pathOf(expression: Expr | undefined): Path | undefined {
  const kind = expression?.exprKind;
  if (kind?.case === 'identExpr') return [kind.value.name];
  if (kind?.case === 'selectExpr') {
    const path = pathOf(kind.value.operand);
    return path && [...path, kind.value.field];
  }
  if (kind?.case !== 'callExpr' || kind.value.function !== '_[_]') return undefined;
  const [of, by] = kind.value.args;
  const path = pathOf(of);
  const key = by?.exprKind.case === 'constExpr' ? by.exprKind.value.constantKind.value : undefined;
  if (path === undefined) return undefined;
  if (typeof key === 'string') return [...path, key];
  return typeof key === 'bigint' || typeof key === 'number' ? [...path, Number(key)] : undefined;
}

function partsOf(expression: Expr | undefined): readonly Expr[] {
  const kind = expression?.exprKind;
  const some = (...parts: readonly (Expr | undefined)[]) =>
    parts.flatMap((part) => (part === undefined ? [] : [part]));
  switch (kind?.case) {
    case 'selectExpr':
      return some(kind.value.operand);
    case 'callExpr':
      return some(kind.value.target, ...kind.value.args);
    case 'listExpr':
      return kind.value.elements;
    case 'structExpr':
      return kind.value.entries.flatMap(({ keyKind, value }) =>
        some(keyKind.case === 'mapKey' ? keyKind.value : undefined, value),
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
      return some(iterRange, accuInit, loopCondition, loopStep, result);
    }
    default:
      return [];
  }
}

/** On the way to it each object is gone through, whatever its keys. */
function effortOfNamed({ path, what }: Named, values: object, max: number): number {
  let effort = 0;
  let value: unknown = values;
  for (const [i, part] of path.entries()) {
    if (i > 0) effort += keysIn(value) * keyEffort;
    value = partOf(value, part);
  }
  if (what === 'all' || (what === 'keyed' && Array.isArray(value))) {
    return effort + effortOf(value, max);
  }
  effort += keysIn(value) * keyEffort;
  if (what === 'keyed' || typeof value !== 'object' || value === null) return effort + 1;
  let largest = 1;
  for (const part of Object.values(value)) largest = Math.max(largest, effortOf(part, max));
  return effort + largest;
}

/** To look at all of it; anything beyond `max` when it is more than that. */
function effortOf(value: unknown, max: number): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return 1 + value.length / 4;
  if (typeof value !== 'object' || value === null) return 1;
  let effort = 1 + keysIn(value) * keyEffort;
  for (const part of Object.values(value)) {
    if (effort > max) break;
    effort += effortOf(part, max - effort);
  }
  return effort;
}

function keysIn(value: unknown): number {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.keys(value).length : 0;
}

function at(path: Path, values: object): unknown {
  return path.reduce<unknown>(partOf, values);
}

function partOf(value: unknown, part: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
  return (value as Record<string | number, unknown>)[part];
}
