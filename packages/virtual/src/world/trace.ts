/** What a person reads of one run: what happened where, who said what to whom. */
import { type Bytes, decode } from '@troupe/model';
import type { Process } from './process.ts';
import type { Timeline } from './timeline.ts';

/** A message, or what goes into a log or is read from it. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly sentAt: number;
  /** When it arrived, or was lost. */
  readonly at: number;
  readonly text: string;
  /** What it says, to find out what it is about. */
  readonly about: string;
  /** Why it never arrived. */
  readonly fate?: string;
}

/** Something that happens in one process, or to it. */
export interface Note {
  readonly at: number;
  readonly who: string;
  readonly text: string;
}

const shownMax = 220;

export class Trace {
  readonly lines: string[] = [];
  readonly arrows: Arrow[] = [];
  readonly notes: Note[] = [];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  say(who: string, what: string): void {
    this.#line(who, what);
    this.notes.push({ at: this.#timeline.now, who, text: what });
  }

  #line(who: string, what: string): void {
    this.lines.push(`${this.#time()} ${who.padEnd(18)} ${what}`);
  }

  message(
    from: Process,
    to: Process,
    kind: string,
    bytes: Bytes,
    fate?: string,
    sentAt?: number,
  ): void {
    const message = decode<Numbered>(bytes);
    const about = shown(message);
    const way = fate === undefined ? `◀─ ${from.name}` : `──✗ to ${to.name} (${fate})`;
    const who = fate === undefined ? to.name : from.name;
    const at = this.#timeline.now;
    this.#line(who, `${way}: ${about}${sentAt === undefined ? '' : `  sent ${sentAt.toFixed(1)}`}`);
    const arrow = {
      from: from.name,
      to: to.name,
      sentAt: sentAt ?? at,
      at,
      text: named(kind, message),
      about,
    };
    this.arrows.push(fate === undefined ? arrow : { ...arrow, fate });
  }

  /** What became durable; `writer` wrote it. */
  record(
    log: string,
    writer: string,
    { kind, position, body }: { kind: string; position: number; body: Bytes },
  ): void {
    const facts = kind === 'rec' ? decode<{ facts: Numbered[] }>(body).facts : [{ kind }];
    const at = this.#timeline.now;
    for (const fact of facts) {
      const about = shown(fact);
      this.#line(log, `[${position}] ${about}`);
      const text = named(fact.kind ?? kind, fact);
      this.arrows.push({ from: writer, to: log, sentAt: at, at, text, about });
    }
  }

  /** What somebody reads of a log. */
  read(log: string, reader: string): void {
    const at = this.#timeline.now;
    const text = 'is read';
    this.arrows.push({ from: log, to: reader, sentAt: at, at, text, about: '' });
  }

  /** What was stored of an actor. */
  checkpoint(by: string, actor: string, revision: number, body: Bytes): void {
    const { epoch, seq, floor, memory } = decode<{
      epoch: number;
      seq: number;
      floor: object;
      memory: { begun?: { seq: number } };
    }>(body);
    const begun = memory.begun?.seq;
    this.#line('checkpoints', shown({ actor, revision, by, epoch, seq, floor, begun }));
  }

  #time(): string {
    return this.#timeline.now.toFixed(1).padStart(9);
  }
}

interface Numbered {
  readonly kind?: string;
  readonly seq?: number;
  readonly number?: number;
  readonly upTo?: number;
  readonly attempt?: number;
  readonly epoch?: number;
  readonly caller?: { readonly number: number };
}

/** Such as `turn 7` or `letter 3`: what tells one from the next. */
function named(kind: string, { seq, number, upTo, attempt, epoch, caller }: Numbered): string {
  const counted = seq ?? caller?.number ?? number ?? upTo ?? attempt ?? epoch;
  return counted === undefined ? kind : `${kind} ${counted}`;
}

/** A value on one line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Uint8Array) return readable(part);
    return part;
  });
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

function readable(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return null;
  try {
    return decode(new Uint8Array(bytes));
  } catch {
    return `${bytes.length} bytes`;
  }
}
