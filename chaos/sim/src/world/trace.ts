/** What a person reads of one run: what happened where, who said what to whom. */
import { type Bytes, decode } from '@troupe/model';
import type { Process } from './process.ts';
import type { Timeline } from './timeline.ts';

/** An arrow of the diagram. */
export interface Arrow {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly arrived: boolean;
}

const shownMax = 220;

export class Trace {
  readonly lines: string[] = [];
  readonly arrows: Arrow[] = [];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  say(who: string, what: string): void {
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
    const body = shown(decode(bytes));
    const way = fate === undefined ? `◀─ ${from.name}` : `──✗ to ${to.name} (${fate})`;
    const who = fate === undefined ? to.name : from.name;
    this.say(who, `${way}: ${body}${sentAt === undefined ? '' : `  sent ${sentAt.toFixed(1)}`}`);
    this.arrows.push({
      at: this.#timeline.now,
      from: from.name,
      to: to.name,
      text: kind,
      arrived: fate === undefined,
    });
  }

  /** What became durable. */
  record(log: string, kind: string, position: number, body: Bytes): void {
    const facts = kind === 'rec' ? decode<{ facts: unknown[] }>(body).facts : [kind];
    for (const fact of facts) this.say(log, `[${position}] ${shown(fact)}`);
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
    this.say('checkpoints', shown({ actor, revision, by, epoch, seq, floor, begun }));
  }

  #time(): string {
    return this.#timeline.now.toFixed(1).padStart(9);
  }
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
