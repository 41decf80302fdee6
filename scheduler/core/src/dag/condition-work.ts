/**
 * How much a condition would look at, known before it is asked: each list, object and text that it names and
 * goes through, as often as it does, and what its patterns take. What stands outside of a loop and is named
 * inside (`l.all(x, x in m)`) is looked at in each round: two long lists would keep a leader busy for minutes.
 */
import type { parse } from '@bufbuild/cel';

type Expr = NonNullable<ReturnType<typeof parse>['expr']>;
type Path = readonly [name: string, ...parts: (string | number)[]];

/** What is named of the values: all of it, whatever of it is largest, what is found by a key, or only that it is
 *  there, of a text how long it is. */
interface Named {
  readonly path: Path;
  readonly what: 'all' | 'largest' | 'keyed' | 'there';
  /** How often it is looked at; 1 unless given. */
  readonly times?: number;
}

interface ConditionLoop {
  /** What it goes through, where that is simply named. */
  readonly range: Path | undefined;
  readonly outside: readonly Named[];
  /** Patterns that are read in each round. */
  readonly matches: readonly Match[];
  /** What is called in each round. */
  readonly calls: number;
}

/** Every loop over a list that stands in the expression. */
function loopsOf(expression: Expr | undefined): readonly ConditionLoop[] {
  const { exprKind: kind } = expression ?? {};
  const inside = partsOf(expression).flatMap(loopsOf);
  if (kind?.case !== 'comprehensionExpr') return inside;
  const { iterRange, iterVar, iterVar2, accuVar, loopCondition, loopStep } = kind.value;
  const own = new Set([iterVar, iterVar2, accuVar]);
  const outside = eachOnce([loopCondition, loopStep].flatMap((part) => namedIn(part, own)));
  const matches = [loopCondition, loopStep].flatMap(matchesIn);
  const calls = callsIn(loopCondition) + callsIn(loopStep);
  return [...inside, { range: rangeOf(iterRange), outside, matches, calls }];
}

/** A text that a pattern is held against: by how large a one, where that is known beforehand. */
interface Match {
  readonly text: Path | undefined;
  readonly pattern: { readonly path: Path | undefined } | { readonly size: number };
}

/** What of a condition takes time. */
export interface ConditionParts {
  readonly loops: readonly ConditionLoop[];
  /** What is gone through once, outside of loops or as their range. */
  readonly once: readonly Named[];
  readonly matches: readonly Match[];
}

export function partsToAsk(expression: Expr | undefined): ConditionParts {
  return {
    loops: loopsOf(expression),
    once: eachOnce(goneThroughIn(expression)),
    matches: matchesIn(expression),
  };
}

/** As what a number in a list takes is 1: a key of an object takes so much. */
const keyEffort = 10;
/** And a call or operator in a round of a loop so much. */
const callEffort = 10;
/** What each part of a pattern takes before it is held against anything, more the more there are, and then
 *  for each character. */
const patternEffort = 25;
const patternGrowth = 0.001;
const matchEffort = 0.25;

/** What they take in all; anything beyond `max` when it is more than that. */
export function workOf(
  { loops, once, matches }: ConditionParts,
  values: { readonly [name: string]: unknown },
  max: number,
): number {
  const effortTo = (named: Named): number => effortOfNamed(named, values, max) * (named.times ?? 1);
  let work = 0;
  for (const named of once) {
    work += effortTo(named);
    if (work > max) return work;
  }
  for (const match of matches) {
    work += effortOfMatch(match, values);
    if (work > max) return work;
  }
  for (const { range, outside, matches: ofRounds, calls } of loops) {
    const through = range === undefined ? values : at(range, values);
    const isList = range !== undefined && typeof through === 'object' && through !== null;
    const rounds = isList ? Object.keys(through).length : effortOf(values, max);
    work += rounds * calls * callEffort;
    for (const named of rounds === 0 ? [] : outside) {
      work += effortTo(named) * rounds;
      if (work > max) return work;
    }
    for (const match of ofRounds) {
      work += effortOfMatch(match, values, rounds) + sizeOf(match, values) * effortOf(through, max);
      if (work > max) return work;
    }
  }
  return work;
}

/** These look at what they are given only so far as to go on. */
const joining: ReadonlySet<string> = new Set([
  '_&&_',
  '_||_',
  '!_',
  '_?_:_',
  '@not_strictly_false',
]);

/** What is named in it, each time that it is gone through. */
function goneThroughIn(expression: Expr | undefined): readonly Named[] {
  const path = pathOf(expression);
  if (path !== undefined) return [{ path, what: 'there' }];
  const kind = expression?.exprKind;
  if (kind?.case === 'comprehensionExpr') {
    const { iterRange, iterVar, iterVar2, loopCondition, loopStep } = kind.value;
    const range = pathOf(iterRange);
    if (range === undefined) return goneThroughIn(iterRange);
    const own = new Set([iterVar, iterVar2]);
    const times = 1 + countOf(loopCondition, own) + countOf(loopStep, own);
    return [{ path: range, what: 'all', times }];
  }
  if (kind?.case !== 'callExpr') return partsOf(expression).flatMap(goneThroughIn);
  const { function: name, args } = kind.value;
  if (joining.has(name) || name === 'size' || name === '_[_]') {
    return partsOf(expression).flatMap(goneThroughIn);
  }
  return partsOf(expression).flatMap((part): readonly Named[] => {
    const of = pathOf(part);
    if (of === undefined) return goneThroughIn(part);
    return [{ path: of, what: name === '@in' && part === args[1] ? 'keyed' : 'all' }];
  });
}

function callsIn(expression: Expr | undefined): number {
  const own = expression?.exprKind.case === 'callExpr' ? 1 : 0;
  return partsOf(expression).reduce((sum, part) => sum + callsIn(part), own);
}

/** What is named several times, so often; it is measured once. */
function eachOnce(all: readonly Named[]): readonly Named[] {
  const known = new Map<string, Named>();
  for (const named of all) {
    const key = JSON.stringify([named.what, ...named.path]);
    const times = (known.get(key)?.times ?? 0) + (named.times ?? 1);
    known.set(key, { ...named, times });
  }
  return [...known.values()];
}

/** How often one of the names stands in it. */
function countOf(expression: Expr | undefined, names: ReadonlySet<string>): number {
  const kind = expression?.exprKind;
  if (kind?.case === 'identExpr') return names.has(kind.value.name) ? 1 : 0;
  return partsOf(expression).reduce((sum, part) => sum + countOf(part, names), 0);
}

function matchesIn(expression: Expr | undefined): readonly Match[] {
  const kind = expression?.exprKind;
  if (kind?.case === 'comprehensionExpr') return matchesIn(kind.value.iterRange);
  const inside = partsOf(expression).flatMap(matchesIn);
  if (kind?.case !== 'callExpr' || kind.value.function !== 'matches') return inside;
  const [text, by] = [kind.value.target, ...kind.value.args];
  const constant = by?.exprKind.case === 'constExpr' ? by.exprKind.value.constantKind : undefined;
  const pattern =
    constant?.case === 'stringValue'
      ? { size: sizeOfPattern(constant.value) }
      : { path: pathOf(by) };
  return [...inside, { text: pathOf(text), pattern }];
}

/** So many times. */
function effortOfMatch(match: Match, values: object, times = 1): number {
  const size = sizeOf(match, values);
  const length = textAt(match.text, values)?.length ?? 0;
  return size * (patternEffort + size * patternGrowth + length * matchEffort) * times;
}

function sizeOf({ pattern }: Match, values: object): number {
  return 'size' in pattern ? pattern.size : sizeOfPattern(textAt(pattern.path, values));
}

function textAt(path: Path | undefined, values: object): string | undefined {
  const value = path === undefined ? undefined : at(path, values);
  return typeof value === 'string' ? value : undefined;
}

/** Repeated groups are written out when a pattern is read, up to a thousand times in all. */
const repeatsMax = 1_000;

/** How many parts a pattern has when its counted repetitions are written out, at most. */
function sizeOfPattern(pattern = ''): number {
  let size = pattern.length;
  let groups = 1;
  for (const [, before, least, most] of pattern.matchAll(/(.)\{(\d+)(?:,(\d*))?\}/gs)) {
    const count = Math.max(Number(least), Number(most ?? 0));
    if (before === ')') groups = Math.min(groups * Math.max(count, 1), repeatsMax);
    else size += count;
  }
  return size * groups;
}

/** What `map` and `filter` make has no more items than what they go through. */
function rangeOf(expression: Expr | undefined): Path | undefined {
  const kind = expression?.exprKind;
  return kind?.case === 'comprehensionExpr' ? rangeOf(kind.value.iterRange) : pathOf(expression);
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
  if (what === 'there') return effort + (typeof value === 'string' ? 1 + value.length / 4 : 1);
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

/** How many parts of it lie in one another; looked for without going down. */
export function depthOf(expression: Expr | undefined): number {
  let level = expression === undefined ? [] : [expression];
  let depth = 0;
  for (; level.length > 0; depth++) level = level.flatMap(partsOf);
  return depth;
}
