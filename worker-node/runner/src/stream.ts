/**
 * What a method yields, on its way to whoever takes it: numbered in the order in which it is yielded.
 *
 * G1  a position that an earlier run of the turn has recorded is not told again: the record counts.
 * G2  no more than so many values and bytes are told that are not known to be durable; the method
 *     waits at its `yield`, which throws when the turn is to stop.
 * G3  where nobody takes, nothing is told and nothing waits.
 */
import { encodeValue, limits, troupeError } from '@troupe/model';
import type { Emit } from './departures.ts';
import type { Work } from './work.ts';

type Generated =
  | AsyncGenerator<unknown, unknown, undefined>
  | Generator<unknown, unknown, undefined>;

export class Stream {
  readonly #work: Work;
  readonly #emit: Emit;
  /** Below it every position is recorded by earlier runs. */
  readonly #recorded: number | undefined;
  #next = 0;
  /** Sizes of what was told and is not known to be durable, the oldest first. */
  readonly #flying: number[] = [];
  #flyingBytes = 0;
  #seen: number;
  #onRoom: () => void = () => undefined;

  constructor(work: Work, emit: Emit, recorded: number | undefined) {
    this.#work = work;
    this.#emit = emit;
    this.#recorded = recorded;
    this.#seen = recorded ?? 0;
  }

  /** Yields behind what earlier runs have yielded. */
  goOn(): number {
    this.#next = Math.max(this.#next, this.#recorded ?? 0);
    return this.#next;
  }

  async give(value: unknown): Promise<void> {
    this.#work.checkOpen('yield');
    if (this.#recorded === undefined) return;
    const position = this.#next;
    this.#next += 1;
    if (position < this.#recorded) return;
    const bytes = encodeYielded(value);
    while (this.#isFull) await this.#room();
    this.#work.checkOpen('yield');
    this.#flying.push(bytes.length);
    this.#flyingBytes += bytes.length;
    this.#emit({ kind: 'yielded', work: this.#work.id, position, value: bytes });
  }

  /** Everything below is durable. */
  seen(upTo: number): void {
    for (; this.#seen < upTo && this.#flying.length > 0; this.#seen += 1) {
      this.#flyingBytes -= this.#flying.shift() ?? 0;
    }
    this.#onRoom();
  }

  get #isFull(): boolean {
    const { yieldsFlyingMax, yieldBytesFlyingMax } = limits;
    return this.#flying.length >= yieldsFlyingMax || this.#flyingBytes >= yieldBytesFlyingMax;
  }

  /** Resolves when there may be room; rejects when the turn is to stop. */
  #room(): Promise<void> {
    const { signal } = this.#work;
    return this.#work.waitsFor(
      new Promise((resolve, reject) => {
        const stop = (): void => reject(signal.reason);
        this.#onRoom = () => {
          signal.removeEventListener('abort', stop);
          resolve();
        };
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      }),
    );
  }
}

/** Runs a generator to its end, and comes to what it returns. */
export async function runOut(generated: Generated, stream: Stream): Promise<unknown> {
  let step = await generated.next();
  while (step.done !== true) {
    let refusal: { readonly thrown: unknown } | undefined;
    try {
      await stream.give(step.value);
    } catch (thrown) {
      refusal = { thrown };
    }
    // It is thrown where the method yields.
    step = refusal === undefined ? await generated.next() : await generated.throw(refusal.thrown);
  }
  return step.value;
}

/** True of what a method with `yield` in it returns. */
export function isGenerated(value: unknown): value is Generated {
  const tag = Object.prototype.toString.call(value);
  return tag === '[object AsyncGenerator]' || tag === '[object Generator]';
}

function encodeYielded(value: unknown): Uint8Array {
  const bytes = encodeValue(value, 'value');
  const bytesMax = limits.streamValueBytesMax;
  if (bytes.length <= bytesMax) return bytes;
  const text = `a value that is yielded has ${bytes.length} bytes, ${bytesMax} are allowed`;
  throw troupeError('TOO_LARGE', text, { bytes: bytes.length, bytesMax });
}
