/**
 * What may have led to an event: everything that happened before it in its own process, and before
 * the sending of every message that reached those events.
 */
import type { Arrow, Note } from '@troupe/virtual';

export interface Story {
  readonly arrows: readonly Arrow[];
  readonly notes: readonly Note[];
}

/** The event that is asked about; `*` is everybody's. */
export interface Moment {
  readonly at: number;
  readonly who: string;
}

export function causalPast({ arrows, notes }: Story, { at, who }: Moment): Story {
  /** Up to when what happened in a process is in the past. */
  const until = new Map<string, number>([[who, at]]);
  const known = (name: string): number => {
    const all = name === '*' || who === '*' ? at : -1;
    return Math.max(until.get(name) ?? -1, all);
  };
  const past: Arrow[] = [];
  // Backwards in time: a sending is known to be past before what led to it is looked at.
  for (const arrow of [...arrows].sort((left, right) => right.at - left.at)) {
    const arrived = arrow.fate === undefined && arrow.at <= known(arrow.to);
    if (arrived) until.set(arrow.from, Math.max(known(arrow.from), arrow.sentAt));
    else if (arrow.sentAt > known(arrow.from)) continue;
    // What was sent and arrives later leads to nothing here; what is written stays written.
    if (arrived || arrow.fate !== undefined) past.push(arrow);
    else if (isLog(arrow.to)) past.push({ ...arrow, to: arrow.from, text: `writes ${arrow.text}` });
  }
  return {
    arrows: past.reverse(),
    notes: notes.filter((note) => note.at <= known(note.who)),
  };
}

function isLog(name: string): boolean {
  return name.startsWith('journal') || name.startsWith('turns-');
}
