/**
 * Deltas: what turns one state into the next. States share what did not change, so a comparison by
 * identity finds the changed parts without looking into the others.
 *
 * D1  `applyDelta(old, delta(old, new))` equals new, with the keys of objects in the same order.
 * D2  every value that a delta brings in is carriable, or the delta is refused with its path.
 */
import {
  type Change,
  checkCarriable,
  type StatePath as Path,
  placeOf,
  troupeError,
} from '@troupe/model';

type Fields = { readonly [key: string]: unknown };

/** What leads from one state to the next, in the order in which it must be done. */
export function deltaOf(before: unknown, after: unknown): Change[] {
  const changes: Change[] = [];
  compare(before, after, [], changes);
  for (const change of changes) checkChange(change);
  return changes;
}

function compare(before: unknown, after: unknown, path: Path, changes: Change[]): void {
  if (Object.is(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) compareArrays(before, after, path, changes);
  else if (isFields(before) && isFields(after)) compareFields(before, after, path, changes);
  else changes.push(['set', path, after]);
}

function compareFields(before: Fields, after: Fields, path: Path, changes: Change[]): void {
  const beforeKeys = Object.keys(before);
  for (const key of beforeKeys) {
    if (!Object.hasOwn(after, key)) changes.push(['cut', [...path, key]]);
  }
  // Keys keep their order as long as the new ones follow the old ones' order; from the first that
  // does not, each is cut and set again, which puts it at the end where it belongs (D1). Keys that
  // look like an index stand in front by themselves.
  let at = 0;
  let moved = false;
  for (const key of Object.keys(after)) {
    const inside = [...path, key];
    const old = Object.hasOwn(before, key);
    if (isIndex(key)) {
      if (old) compare(before[key], after[key], inside, changes);
      else changes.push(['set', inside, after[key]]);
      continue;
    }
    if (!moved) {
      while (at < beforeKeys.length && beforeKeys[at] !== key && old) at++;
      moved = !old || at >= beforeKeys.length;
    }
    if (!moved) compare(before[key], after[key], inside, changes);
    else {
      if (old) changes.push(['cut', inside]);
      changes.push(['set', inside, after[key]]);
    }
  }
}

function compareArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  changes: Change[],
): void {
  const least = Math.min(before.length, after.length);
  let head = 0;
  while (head < least && Object.is(before[head], after[head])) head++;
  let tail = 0;
  while (
    tail < least - head &&
    Object.is(before[before.length - 1 - tail], after[after.length - 1 - tail])
  ) {
    tail++;
  }
  let different = after.length - least;
  for (let i = head; i < least; i++) if (!Object.is(before[i], after[i])) different++;
  const middle = after.length - head - tail;
  if (before.length !== after.length && middle < different) {
    const items = after.slice(head, after.length - tail);
    changes.push(['splice', path, head, before.length - head - tail, items]);
    return;
  }
  for (let i = head; i < least; i++) compare(before[i], after[i], [...path, i], changes);
  if (before.length !== after.length) {
    changes.push(['splice', path, least, before.length - least, after.slice(least)]);
  }
}

function isIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 48 && first <= 57 && String(Number(key) >>> 0) === key && key !== '4294967295';
}

function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

function checkChange(change: Change): void {
  const path = change[1];
  if (change[0] === 'set') {
    if (path.at(-1) === '__proto__') refuseProto(path);
    checkCarriable(change[2], placeOf(path));
  }
  if (change[0] === 'splice') {
    change[4].forEach((item, index) => {
      checkCarriable(item, placeOf([...path, change[2] + index]));
    });
  }
}

function refuseProto(path: Path): never {
  const place = placeOf(path);
  throw troupeError('UNCARRIABLE', `${place} is a property named __proto__`, { path: place });
}
