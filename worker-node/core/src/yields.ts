/**
 * What calls of an actor have yielded, as far as it is kept: the last values of each, for whoever takes
 * them, also when the call has ended. It lives as long as the session of its caller does.
 *
 * YV1 positions of a stream rise by one from 0, over all runs of its turn and over all epochs.
 * YV2 of a stream are kept its last values, without a gap.
 */
import { assert, type Bytes, limits, type SessionId } from '@troupe/model';
import type { NodeFact } from './facts.ts';
import type { Memory } from './memory.ts';

type YieldedFact = Extract<NodeFact, { kind: 'turn-yielded' }>;

export interface Stream {
  /** Position of the first value that is kept. */
  first: number;
  /** Position of the value that comes next. */
  next: number;
  readonly values: Bytes[];
  bytes: number;
  /** Below it everything was taken. */
  taken: number;
  /** Bytes of what is kept and was not. */
  aheadBytes: number;
  /** Monotonic ms of this node when it was last asked for. */
  askedAt: number;
}

/** As they stand in a checkpoint. */
export type StoredStream = readonly [
  session: SessionId,
  number: number,
  next: number,
  values: readonly Bytes[],
];

export class Yields {
  readonly #streams = new Map<SessionId, Map<number, Stream>>();
  /** Those of which values are kept, the oldest first. */
  readonly #kept = new Set<Stream>();
  #bytes = 0;

  of(session: SessionId, number: number): Stream | undefined {
    return this.#streams.get(session)?.get(number);
  }

  /** The first value of a stream whose beginning was forgotten comes at the position it has. */
  add(of: readonly [SessionId, number], position: number, value: Bytes, now: number): void {
    const stream = this.#streamOf(of, position, now);
    assert(position === stream.next, 'YV1: positions of a stream rise by one');
    stream.next += 1;
    stream.values.push(value);
    stream.bytes += value.length;
    stream.aheadBytes += value.length;
    this.#bytes += value.length;
    this.#kept.add(stream);
    while (isTooLong(stream)) this.#dropFirst(stream);
    for (const oldest of this.#kept) {
      if (this.#bytes <= limits.actorStreamBytesKeptMax) return;
      while (oldest.values.length > (oldest === stream ? 1 : 0)) this.#dropFirst(oldest);
    }
  }

  /** The session has nothing open below this number. */
  dropBelow(session: SessionId, low: number): void {
    const streams = this.#streams.get(session);
    for (const [number, stream] of streams ?? []) {
      if (number >= low) continue;
      streams?.delete(number);
      this.#forget(stream);
    }
    if (streams?.size === 0) this.#streams.delete(session);
  }

  dropOf(session: SessionId, number: number): void {
    const stream = this.of(session, number);
    if (stream === undefined) return;
    this.#streams.get(session)?.delete(number);
    this.#forget(stream);
  }

  drop(session: SessionId): void {
    this.dropBelow(session, Number.POSITIVE_INFINITY);
  }

  store(): StoredStream[] {
    return [...this.#streams].flatMap(([session, streams]) =>
      [...streams].map(
        ([number, { next, values }]) => [session, number, next, [...values]] as const,
      ),
    );
  }

  static from(stored: readonly StoredStream[], now: number): Yields {
    const yields = new Yields();
    for (const [session, number, next, values] of stored) {
      const first = next - values.length;
      const stream = yields.#streamOf([session, number], first, now);
      for (const [at, value] of values.entries()) {
        yields.add([session, number], first + at, value, now);
      }
      stream.next = next;
    }
    return yields;
  }

  #streamOf([session, number]: readonly [SessionId, number], first: number, now: number): Stream {
    const streams = this.#streams.get(session) ?? new Map<number, Stream>();
    this.#streams.set(session, streams);
    const known = streams.get(number);
    if (known !== undefined) return known;
    const at = { first, next: first, taken: first, askedAt: now };
    const stream: Stream = { ...at, values: [], bytes: 0, aheadBytes: 0 };
    streams.set(number, stream);
    return stream;
  }

  #dropFirst(stream: Stream): void {
    const bytes = stream.values.shift()?.length ?? 0;
    if (stream.first >= stream.taken) stream.aheadBytes -= bytes;
    stream.first += 1;
    stream.bytes -= bytes;
    this.#bytes -= bytes;
    if (stream.values.length === 0) this.#kept.delete(stream);
  }

  #forget(stream: Stream): void {
    this.#kept.delete(stream);
    this.#bytes -= stream.bytes;
  }
}

/** Whoever takes has everything below this position. */
export function noteTaken(stream: Stream, from: number, now: number): void {
  stream.askedAt = now;
  for (; stream.taken < Math.min(from, stream.next); stream.taken += 1) {
    stream.aheadBytes -= stream.values[stream.taken - stream.first]?.length ?? 0;
  }
}

/** Whether its method is so far ahead of whoever takes that it is held back. */
export function isAhead({ next, first, taken, aheadBytes }: Stream): boolean {
  const { streamAheadValuesMax, streamAheadBytesMax } = limits;
  return next - Math.max(first, taken) >= streamAheadValuesMax || aheadBytes >= streamAheadBytesMax;
}

/** The one place where a value that is yielded changes an actor's memory: live and at replay. */
export function applyYielded(memory: Memory, fact: YieldedFact, now: number): void {
  const { begun, sessions } = memory;
  if (begun === undefined || begun.cause.kind !== 'call') return;
  const { session, number, low } = begun.cause;
  begun.yielded = fact.position + 1;
  sessions.hear(session, low, now);
  sessions.yields.add([session, number], fact.position, fact.value, now);
}

function isTooLong({ values, bytes }: Stream): boolean {
  const { streamValuesKeptMax, streamBytesKeptMax } = limits;
  return values.length > streamValuesKeptMax || bytes > streamBytesKeptMax;
}
