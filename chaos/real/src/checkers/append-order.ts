/**
 * Append lists: what is acknowledged is there once, and nothing that nobody wrote; each writer's
 * items stand in the order in which it wrote them, letters without a gap; and what is seen of a list
 * only ever grows, as one list. A writer of letters has written what it acknowledged, and what it
 * wrote has arrived, no more and no less.
 */
import { z } from 'zod';
import type { Operation } from '../history/history.ts';
import {
  byKey,
  type Evidence,
  type Finding,
  finalOf,
  inputOf,
  told,
  type Verdict,
} from './verdict.ts';

const item = z.tuple([z.string(), z.number()]);
const list = z.array(item);
const tail = z.object({ length: z.number(), last: item.nullable() });
const appended = z.object({ writer: z.string(), number: z.number() });
const posted = z.object({ writer: z.string() });
type Item = z.infer<typeof item>;
type Find = (kind: Finding['kind'], what: string, operations?: readonly Operation[]) => void;

export function appendOrder(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, all] of byKey(operations)) {
    const find: Find = (kind, what, shown = []) =>
      findings.push({ kind, promise, key, what, operations: shown.map(({ id }) => id) });
    const items = list.safeParse(finalOf(finals, key));
    if (!items.success) {
      find('wrong', 'its final state was not read');
      continue;
    }
    checkWriters(items.data, find);
    checkAppends(items.data, all, find);
    checkGrowth(items.data, all, find);
    const own = finals.filter((one) => one.key.startsWith(`${key}/`));
    checkLetters(items.data, all, own, find);
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

/** Each writer's numbers rise; those of a letter writer, which has a slash in its name, by one. */
function checkWriters(items: readonly Item[], find: Find): void {
  const seen = new Map<string, Set<number>>();
  const last = new Map<string, number>();
  for (const [writer, number] of items) {
    const numbers = seen.get(writer) ?? new Set();
    seen.set(writer, numbers);
    const before = last.get(writer) ?? -1;
    if (numbers.has(number)) find('doubled', `${number} of ${writer} stands there twice`);
    else if (number < before) find('out-of-order', `${number} of ${writer} comes after ${before}`);
    else if (writer.includes('/') && number !== before + 1) {
      find('out-of-order', `${number} of ${writer} comes after ${before}: letters have no gaps`);
    }
    numbers.add(number);
    last.set(writer, Math.max(before, number));
  }
}

/** An acknowledged append stands at the place that its answer named; a refused one nowhere. */
function checkAppends(items: readonly Item[], operations: readonly Operation[], find: Find): void {
  const places = new Map<string, number>();
  for (const [index, [writer, number]] of items.entries()) {
    const name = `${writer}:${number}`;
    if (!places.has(name)) places.set(name, index);
  }
  for (const operation of operations) {
    if (operation.action !== 'append') continue;
    const { writer, number } = inputOf(appended, operation);
    const place = places.get(`${writer}:${number}`);
    places.delete(`${writer}:${number}`);
    if (operation.outcome === 'failed' && place !== undefined) {
      find('wrong', `${told(operation)} was said not to be done, and was done`, [operation]);
    }
    if (operation.outcome !== 'ok') continue;
    if (place === undefined) find('lost', `${told(operation)} is not in the list`, [operation]);
    else if (operation.output !== place + 1) {
      const what = `${told(operation)} was answered ${operation.output}, and stands at ${place + 1}`;
      find('out-of-order', what, [operation]);
    }
  }
  for (const name of places.keys()) {
    if (!name.includes('/')) find('wrong', `${name} stands there, and nobody wrote it`);
  }
}

/** By the writers of letters: what was acknowledged, what was written, what arrived. */
function checkLetters(
  items: readonly Item[],
  operations: readonly Operation[],
  finals: Evidence['finals'],
  find: Find,
): void {
  const posts = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.action !== 'post') continue;
    const { writer } = inputOf(posted, operation);
    posts.set(writer, [...(posts.get(writer) ?? []), operation]);
  }
  const arrived = new Map<string, number>();
  for (const [writer] of items) {
    if (writer.includes('/')) arrived.set(writer, (arrived.get(writer) ?? 0) + 1);
  }
  for (const writer of new Set([
    ...posts.keys(),
    ...arrived.keys(),
    ...finals.map(({ key }) => key),
  ])) {
    const own = posts.get(writer) ?? [];
    const written = z.number().safeParse(finalOf(finals, writer));
    if (!written.success) {
      find('wrong', `how much ${writer} wrote was not read`);
      continue;
    }
    checkPosts(writer, written.data, own, find);
    const there = arrived.get(writer) ?? 0;
    const what = `${there} of ${written.data} letters of ${writer} arrived`;
    if (there < written.data) find('lost', what);
    // One whose outcome is not known may have been written since.
    const late = own.filter(({ outcome }) => outcome === 'unknown').length;
    if (there > written.data + late) find('wrong', what);
  }
}

/** Each acknowledged post has a number of its own among those that were written. */
function checkPosts(writer: string, written: number, own: readonly Operation[], find: Find): void {
  const numbers = new Map<unknown, Operation>();
  let most = 0;
  for (const post of own) {
    if (post.outcome !== 'failed') most += 1;
    if (post.outcome !== 'ok') continue;
    const twin = numbers.get(post.output);
    numbers.set(post.output, post);
    if (twin !== undefined) {
      find('wrong', `${told(twin)} and ${told(post)} are both letter ${post.output}`, [twin, post]);
    } else if (!(Number(post.output) <= written)) {
      find('lost', `${told(post)} is letter ${post.output} of ${written} of ${writer}`, [post]);
    }
  }
  if (written > most)
    find('doubled', `${writer} wrote ${written} letters, and was asked for ${most}`);
}

/** Every view is a beginning of the final list, and never shorter than one that ended before it. */
function checkGrowth(items: readonly Item[], operations: readonly Operation[], find: Find): void {
  const views = operations.flatMap((operation) => {
    const length = lengthSeen(operation);
    if (length === undefined && operation.outcome === 'ok' && operation.action === 'read') {
      find('wrong', `${told(operation)} was not answered with a list`, [operation]);
    }
    return length === undefined ? [] : [{ operation, length }];
  });
  for (const { operation, length } of views) {
    const view = tail.safeParse(operation.output);
    if (!view.success) continue;
    if (JSON.stringify(items[length - 1] ?? null) !== JSON.stringify(view.data.last)) {
      find('wrong', `${told(operation)} saw what the list does not begin with`, [operation]);
    }
  }
  const ends = views.toSorted((left, right) => left.operation.until - right.operation.until);
  const starts = views.toSorted((left, right) => left.operation.from - right.operation.from);
  let longest: (typeof views)[number] | undefined;
  let next = 0;
  for (const view of starts) {
    for (let one = ends[next]; one && one.operation.until < view.operation.from; one = ends[next]) {
      if (longest === undefined || one.length > longest.length) longest = one;
      next += 1;
    }
    if (longest === undefined || view.length >= longest.length) continue;
    const what = `${told(view.operation)} saw ${view.length} items after ${longest.length} were there`;
    find('out-of-order', what, [longest.operation, view.operation]);
  }
}

/** How long the list was, as the operation was told. */
function lengthSeen({ action, outcome, output }: Operation): number | undefined {
  if (outcome !== 'ok') return undefined;
  if (action === 'append' && typeof output === 'number') return output;
  return action === 'read' ? tail.safeParse(output).data?.length : undefined;
}
