/**
 * Topics: who follows one hears each of its messages from then on, once, in the order of their numbers, and the same
 * as everybody else. What was acknowledged is among them, at the number that was answered; what was
 * surely not done is not. Of one client, what it published by calls is in its order, and so is what its
 * actor has cried.
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

const heardForm = z.array(z.tuple([z.number(), z.string()]));
const followed = z.object({ hearer: z.string() });
type Heard = z.infer<typeof heardForm>;
type Find = (kind: Finding['kind'], what: string, operations?: readonly Operation[]) => void;

export function heardByAll(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, all] of byKey(operations)) {
    const find: Find = (kind, what, shown = []) =>
      findings.push({ kind, promise, key, what, operations: shown.map(({ id }) => id) });
    const published = z.number().safeParse(finalOf(finals, key));
    if (!published.success) {
      find('wrong', 'how much was published was not read');
      continue;
    }
    /** By number, as the first hearer has it. */
    const messages = new Map<number, string>();
    for (const follow of all.filter(({ action }) => action === 'follow')) {
      checkHearer(follow, { finals, messages, published: published.data }, find);
    }
    const places = placesOf(messages, find);
    const follows = all.filter(({ action, outcome }) => action === 'follow' && outcome === 'ok');
    const since = Math.min(...follows.map(({ until }) => until));
    for (const operation of all) checkOne(operation, places, since, find);
    for (const action of ['publish', 'cry']) checkOrder(all, action, places, find);
    const asked = new Set(all.map(({ id }) => id));
    for (const id of places.keys()) {
      if (!asked.has(id)) find('wrong', `${id} was heard, and nobody published it`);
    }
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

/** All from the one after which it followed, to the last. */
function checkHearer(
  follow: Operation,
  given: {
    readonly finals: Evidence['finals'];
    readonly messages: Map<number, string>;
    readonly published: number;
  },
  find: Find,
): void {
  const { hearer } = inputOf(followed, follow);
  const read = heardForm.safeParse(finalOf(given.finals, hearer));
  if (!read.success) return find('wrong', `what ${hearer} has heard was not read`, [follow]);
  const heard: Heard = read.data;
  if (follow.outcome === 'failed' && heard.length > 0) {
    find('wrong', `${hearer} was said not to follow, and hears`, [follow]);
  }
  const first = heard[0]?.[0] ?? given.published + 1;
  const after = follow.outcome === 'ok' ? Number(follow.output) : first - 1;
  let last = after;
  for (const [number, id] of heard) {
    if (number <= last) {
      find('doubled', `${hearer} hears message ${number} after message ${last}`, [follow]);
    } else if (number > last + 1) {
      find('lost', `${hearer} hears message ${number} after message ${last}`, [follow]);
    }
    last = Math.max(last, number);
    const known = given.messages.get(number);
    if (known === undefined) given.messages.set(number, id);
    else if (known !== id) {
      find('wrong', `${hearer} hears ${id} as message ${number}, others ${known}`, [follow]);
    }
  }
  // One that may not follow has heard nothing, or all.
  const isBound = follow.outcome === 'ok' || heard.length > 0;
  if (isBound && last < given.published) {
    find('lost', `${hearer} has heard ${last} of ${given.published} messages`, [follow]);
  }
}

function placesOf(messages: ReadonlyMap<number, string>, find: Find): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [number, id] of messages) {
    const twin = places.get(id);
    if (twin !== undefined) find('doubled', `${id} is message ${twin}, and message ${number}`);
    else places.set(id, number);
  }
  return places;
}

/** `since` is when somebody surely followed. */
function checkOne(
  operation: Operation,
  places: ReadonlyMap<string, number>,
  since: number,
  find: Find,
): void {
  const { action, outcome, id, output, from } = operation;
  if (action === 'follow') return;
  const place = places.get(id);
  if (outcome === 'failed' && place !== undefined) {
    find('wrong', `${told(operation)} was said not to be done, and was heard`, [operation]);
  }
  if (outcome !== 'ok') return;
  if (place === undefined) {
    if (from > since) find('lost', `${told(operation)} was heard by nobody`, [operation]);
  } else if (action === 'publish' && place !== output) {
    const what = `${told(operation)} was answered ${output}, and is message ${place}`;
    find('out-of-order', what, [operation]);
  }
}

function checkOrder(
  all: readonly Operation[],
  action: string,
  places: ReadonlyMap<string, number>,
  find: Find,
): void {
  const last = new Map<string, { readonly operation: Operation; readonly place: number }>();
  const asked = all.filter((one) => one.action === action);
  for (const operation of asked.toSorted((left, right) => left.from - right.from)) {
    const place = places.get(operation.id);
    // What nobody knows the end of may be taken after what was asked for later.
    if (place === undefined || operation.outcome !== 'ok') continue;
    const before = last.get(operation.client);
    if (before !== undefined && before.place > place) {
      const what = `${told(operation)} is message ${place}, after message ${before.place}`;
      find('out-of-order', what, [before.operation, operation]);
    }
    last.set(operation.client, { operation, place });
  }
}
