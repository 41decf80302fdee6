/**
 * Parcels: each letter that was sent is taken once, or is dead, or was discarded; those of one carrier that
 * do not fail are taken in their order; one that was delivered anew is taken, one that was discarded is
 * not.
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

const depot = z.object({ taken: z.array(z.string()), dead: z.array(z.string()) });
const brought = z.array(z.string());
const bring = z.object({ carrier: z.string() });
const about = z.object({ parcel: z.string() });

type Find = (kind: Finding['kind'], what: string, operation?: Operation) => void;

export function parcelsKept(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, all] of byKey(operations)) {
    const find: Find = (kind, what, operation) =>
      findings.push({ kind, promise, key, what, operations: operation ? [operation.id] : [] });
    const seen = depot.safeParse(finalOf(finals, key));
    if (!seen.success) {
      find('wrong', 'its final state was not read');
      continue;
    }
    const sent = sentIn(all, finals, find);
    checkParcels(seen.data, all, sent, find);
    checkOrder(seen.data.taken, sent, find);
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

/** By carrier what it says that it has brought, in order. */
function sentIn(
  operations: readonly Operation[],
  finals: Evidence['finals'],
  find: Find,
): ReadonlyMap<string, readonly string[]> {
  const sent = new Map<string, readonly string[]>();
  for (const operation of operations) {
    if (operation.action !== 'bring') continue;
    const { carrier } = inputOf(bring, operation);
    const ids = brought.safeParse(finalOf(finals, carrier));
    if (!ids.success) {
      find('wrong', `what ${carrier} has brought was not read`, operation);
      continue;
    }
    sent.set(carrier, ids.data);
    const times = ids.data.filter((id) => id === operation.id).length;
    if (times > 1) find('doubled', `${told(operation)} was done ${times} times`, operation);
    if (operation.outcome === 'ok' && times === 0) {
      find('lost', `${told(operation)} was not done`, operation);
    }
    if (operation.outcome === 'failed' && times > 0) {
      find('wrong', `${told(operation)} was said not to be done, and was`, operation);
    }
  }
  const asked = new Set(operations.map(({ id }) => id));
  for (const id of [...sent.values()].flat()) {
    if (!asked.has(id)) find('wrong', `${id} was brought, and nobody asked for it`);
  }
  return sent;
}

function checkParcels(
  { taken, dead }: z.infer<typeof depot>,
  operations: readonly Operation[],
  sent: ReadonlyMap<string, readonly string[]>,
  find: Find,
): void {
  const times = new Map<string, number>();
  for (const id of [...taken, ...dead]) times.set(id, (times.get(id) ?? 0) + 1);
  const fates = fatesIn(operations);
  for (const id of [...sent.values()].flat()) {
    for (const parcel of [`${id}.1`, `${id}.2`, `${id}.3`]) {
      const count = times.get(parcel) ?? 0;
      times.delete(parcel);
      const { discarded, delivered } = fates.get(parcel) ?? {};
      const isTaken = taken.includes(parcel);
      if (count > 1) find('doubled', `${parcel} is there ${count} times`);
      if (count === 0 && discarded === undefined)
        find('lost', `${parcel} is neither taken nor dead`);
      if (discarded?.outcome === 'ok' && count > 0) {
        find('wrong', `${told(discarded)}: ${parcel} is there all the same`, discarded);
      }
      if (delivered !== undefined && !isTaken) {
        find('lost', `${told(delivered)}: ${parcel} is not taken`, delivered);
      }
    }
  }
  for (const id of times.keys()) find('wrong', `${id} is there, and nobody brought it`);
}

interface Fate {
  /** That it was discarded, surely or perhaps. */
  discarded?: Operation;
  /** That it was delivered anew, surely. */
  delivered?: Operation;
}

function fatesIn(operations: readonly Operation[]): ReadonlyMap<string, Fate> {
  const fates = new Map<string, Fate>();
  for (const operation of operations) {
    const { action, outcome } = operation;
    if (action !== 'deliver' && action !== 'discard') continue;
    const { parcel } = inputOf(about, operation);
    const fate = fates.get(parcel) ?? {};
    fates.set(parcel, fate);
    if (action === 'deliver' && outcome === 'ok') fate.delivered = operation;
    if (action === 'discard' && outcome !== 'failed' && fate.discarded?.outcome !== 'ok') {
      fate.discarded = operation;
    }
  }
  return fates;
}

/** Of what does not fail; what does loses its place when it is dead. */
function checkOrder(
  taken: readonly string[],
  sent: ReadonlyMap<string, readonly string[]>,
  find: Find,
): void {
  for (const [carrier, ids] of sent) {
    const due = ids.flatMap((id) => [`${id}.1`, `${id}.3`]);
    const places = due.map((id) => taken.indexOf(id)).filter((place) => place >= 0);
    const isRising = places.every((place, at) => at === 0 || place > (places[at - 1] ?? 0));
    if (!isRising) find('out-of-order', `letters of ${carrier} were not taken in their order`);
  }
}
