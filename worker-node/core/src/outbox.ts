/**
 * Letters an actor has sent and the receivers have not acknowledged yet, in order per receiver.
 *
 * O1  numbers to one receiver rise by one and are never used twice.
 * O2  a letter stays until its receiver has committed it.
 * O3  numbers that a scope passed over when it went back in time are no letters.
 */
import { type ActorId, assert, type VectorClock, withoutEnded } from '@troupe/model';
import type { OutboxLetter } from './facts.ts';

/** A letter with the clock of the turn that sent it: all of that turn's past, and no more. */
export interface KeptLetter extends OutboxLetter {
  readonly clock: VectorClock;
}

export type Manner = Pick<OutboxLetter, 'tries' | 'priority' | 'idempotencyKey'>;

type Passed = readonly (readonly [first: number, last: number])[];

interface Channel {
  next: number;
  letters: KeptLetter[];
  /** Ranges of numbers (O3), in order; those that nobody can ask for any more are forgotten. */
  passed: Passed;
}

/** As it stands in a checkpoint. */
export type StoredChannel = readonly [
  to: ActorId,
  next: number,
  letters: readonly KeptLetter[],
  passed?: Passed,
];

export class Outbox {
  readonly #channels = new Map<ActorId, Channel>();
  #size = 0;
  #bytes = 0;

  /** Number of the next letter to this receiver; the letter must be added before the next one. */
  nextNumber(to: ActorId): number {
    return this.#channels.get(to)?.next ?? 1;
  }

  add(letter: OutboxLetter, clock: VectorClock): void {
    let channel = this.#channels.get(letter.to);
    if (channel === undefined) {
      channel = { next: 1, letters: [], passed: [] };
      this.#channels.set(letter.to, channel);
    }
    assert(letter.number === channel.next, 'O1: letter numbers rise by one');
    channel.next += 1;
    channel.letters.push({ ...letter, clock });
    this.#size += 1;
    this.#bytes += letter.args.length;
  }

  acknowledge(to: ActorId, upTo: number): void {
    const channel = this.#channels.get(to);
    if (channel === undefined) return;
    const kept = channel.letters.filter((letter) => letter.number > upTo);
    this.#size -= channel.letters.length - kept.length;
    this.#bytes -= bytesOf(channel.letters) - bytesOf(kept);
    channel.letters = kept;
    if (channel.passed.length > 0)
      channel.passed = channel.passed.filter(([, last]) => last > upTo);
  }

  letters(to: ActorId): readonly KeptLetter[] {
    return this.#channels.get(to)?.letters ?? [];
  }

  /** O3 */
  isPassedOver(to: ActorId, number: number): boolean {
    const { passed = [] } = this.#channels.get(to) ?? {};
    return passed.some(([first, last]) => first <= number && number <= last);
  }

  /** What these have done has happened for good: nobody need hear of it any more. */
  forgetEnded(ended: VectorClock): void {
    for (const channel of this.#channels.values()) {
      channel.letters = channel.letters.map((letter) => {
        const clock = withoutEnded(letter.clock, ended);
        return clock === letter.clock ? letter : { ...letter, clock };
      });
    }
  }

  /** Everybody that was ever written to. */
  addressees(): Iterable<ActorId> {
    return this.#channels.keys();
  }

  /** Everything to this receiver up to this number was taken. */
  takenBefore(to: ActorId): number {
    const channel = this.#channels.get(to);
    return (channel?.letters[0]?.number ?? channel?.next ?? 1) - 1;
  }

  /** Nobody takes these any more. Answers how many there were. */
  drop(to: ActorId): number {
    const dropped = this.letters(to).length;
    this.acknowledge(to, Number.POSITIVE_INFINITY);
    return dropped;
  }

  *receivers(): Iterable<ActorId> {
    for (const [to, channel] of this.#channels) if (channel.letters.length > 0) yield to;
  }

  /** Letters not yet acknowledged. */
  get size(): number {
    return this.#size;
  }

  /** Of their arguments. */
  get bytes(): number {
    return this.#bytes;
  }

  store(): StoredChannel[] {
    return [...this.#channels].map(([to, { next, letters, passed }]) => {
      return passed.length === 0 ? [to, next, letters] : [to, next, letters, passed];
    });
  }

  static from(stored: readonly StoredChannel[]): Outbox {
    const outbox = new Outbox();
    for (const [to, next, letters, passed = []] of stored) {
      outbox.#put(to, { next, letters: [...letters], passed });
    }
    return outbox;
  }

  /** After its scope went back: to receivers inside of it only these letters are open. The numbers of the
   *  others are passed over (O1). */
  static rewound(
    present: Outbox,
    former: Outbox,
    scope: {
      readonly isInside: (to: ActorId) => boolean;
      readonly letters: ReadonlyMap<ActorId, readonly KeptLetter[]>;
    },
  ): Outbox {
    const outbox = new Outbox();
    for (const [to, channel] of present.#channels) {
      if (!scope.isInside(to)) {
        outbox.#put(to, { ...channel, letters: [...channel.letters] });
        continue;
      }
      const before = former.#channels.get(to);
      const [first, last] = [before?.next ?? 1, channel.next - 1];
      const passed = [...(before?.passed ?? [])];
      if (first <= last) passed.push([first, last]);
      const letters = [...(scope.letters.get(to) ?? [])];
      outbox.#put(to, { next: channel.next, letters, passed });
    }
    return outbox;
  }

  #put(to: ActorId, channel: Channel): void {
    this.#channels.set(to, channel);
    this.#size += channel.letters.length;
    this.#bytes += bytesOf(channel.letters);
  }
}

/** How a letter is to be delivered: only what is said of it. */
export function mannerOf({ tries, priority, idempotencyKey }: Manner): Manner {
  return {
    ...(tries === undefined ? {} : { tries }),
    ...(priority === undefined ? {} : { priority }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function bytesOf(letters: readonly KeptLetter[]): number {
  return letters.reduce((sum, { args }) => sum + args.length, 0);
}
