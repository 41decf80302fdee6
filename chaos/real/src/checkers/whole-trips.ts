/**
 * Trips: one that ended well was booked and confirmed once, with the signal that it was given and the
 * winner that it told; one that failed was cancelled after whatever it had booked, under one effect
 * id, and one that was to fail was not confirmed; of one that was surely refused there is nothing; nothing
 * is done twice, and none that ended well is both confirmed and cancelled.
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

const entries = z.array(z.tuple([z.string(), z.string()]));
const given = z.object({ answer: z.number(), fails: z.boolean() });
const planned = z.object({ answer: z.number(), winner: z.string() });

type Find = (kind: Finding['kind'], what: string) => void;

/** Codes of a trip that ended, so that it was undone. */
const ended: ReadonlySet<string | undefined> = new Set(['USER_ERROR', 'NO_SIGNAL', 'TIME_LIMIT']);

export function wholeTrips(promise: string, { operations, finals }: Evidence): Verdict {
  const findings: Finding[] = [];
  for (const [key, trips] of byKey(operations)) {
    const findFor =
      (id: string): Find =>
      (kind, what) =>
        findings.push({ kind, promise, key, what, operations: [id] });
    const read = entries.safeParse(finalOf(finals, key));
    if (!read.success) {
      findFor(trips[0]?.id ?? '')('wrong', 'its final state was not read');
      continue;
    }
    const done = new Map<string, string[]>();
    for (const [id, what] of read.data) done.set(id, [...(done.get(id) ?? []), what]);
    for (const trip of trips) {
      checkTrip(trip, done.get(trip.id) ?? [], findFor(trip.id));
      done.delete(trip.id);
    }
    for (const id of done.keys()) {
      findFor(id)('wrong', `${id} was booked or cancelled, and nobody asked for it`);
    }
  }
  return { promise, checked: operations.length, undecided: 0, findings };
}

function checkTrip(trip: Operation, done: readonly string[], find: Find): void {
  const booked = done.filter((what) => what === 'booked');
  const confirmed = done.filter((what) => what.startsWith('confirmed'));
  const cancelled = done.filter((what) => what.startsWith('cancelled'));
  if (booked.length > 1) find('doubled', `${told(trip)} was booked ${booked.length} times`);
  if (confirmed.length > 1)
    find('doubled', `${told(trip)} was confirmed ${confirmed.length} times`);
  if (new Set(cancelled).size > 1) find('doubled', `${told(trip)} was undone by several effects`);
  if (cancelled.length > 0 && done.lastIndexOf('booked') > done.indexOf(cancelled[0] ?? '')) {
    find('out-of-order', `${told(trip)} was booked after it was cancelled`);
  }
  if (trip.outcome === 'ok') return checkDone(trip, done, find);
  if (inputOf(given, trip).fails && confirmed.length > 0) {
    find('wrong', `${told(trip)} was to fail before it was confirmed, and was ${confirmed[0]}`);
  }
  if (trip.outcome === 'failed' && !ended.has(trip.code) && done.length > 0) {
    find('wrong', `${told(trip)} was said not to be done, and its entries are ${done.join(', ')}`);
  }
  const undone = trip.outcome === 'failed' || ended.has(trip.code);
  if (undone && booked.length > 0 && cancelled.length === 0) {
    find('lost', `${told(trip)} was booked and is not cancelled`);
  }
}

function checkDone(trip: Operation, done: readonly string[], find: Find): void {
  const { answer, fails } = inputOf(given, trip);
  const output = planned.safeParse(trip.output);
  if (fails || !output.success || output.data.answer !== answer) {
    const said = JSON.stringify(trip.output) ?? 'nothing';
    return find('wrong', `${told(trip)} gave ${said}, its signal was ${answer}`);
  }
  const expected = ['booked', `confirmed ${output.data.winner}`];
  for (const what of expected) {
    if (!done.includes(what)) find('lost', `${told(trip)} was not ${what}`);
  }
  if (done.some((what) => !expected.includes(what))) {
    find('wrong', `${told(trip)} ended well, and its entries are ${done.join(', ')}`);
  }
}
