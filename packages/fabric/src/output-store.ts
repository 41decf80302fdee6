/**
 * Outputs of tasks that are too large for a record, in a stream of the cell: the chunks of an object
 * are messages under subjects that begin with its number.
 *
 * Not in the bucket of `object-store.ts`: there equal content is one object, so that deleting what
 * one owner does not need any more could take it from another. Here every object has one owner, and
 * one request deletes all that was stored for it, half or whole.
 *
 * O1  bytes are given out only if they are as many as they should be and have the hash they should.
 * O2  a put is done when every chunk is durable; putting the same again changes nothing.
 * O3  everything here ends within the time given, with `UNAVAILABLE` when the store does not answer.
 * O4  a delete names one object.
 */
import { assert, type Bytes, type StoredObject, TroupeError, troupeError } from '@troupe/model';
import { DiscardPolicy, RetentionPolicy, StorageType } from 'nats';
import { sha256 } from './hash.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isDefinite, isNoMessage, isStreamGone, jetStreamCode } from './nats-errors.ts';
import type { OutputStore } from './ports.ts';
import { pause, within } from './real-clock.ts';

const chunkBytes = 512 * 1024;
/** Chunks of one object on their way at once. */
const chunksAtOnce = 4;
/** After so long without an answer a chunk is asked for, or sent, again. */
const tryMs = 3_000;
const directMs = 1_000;
const pauseMs = 100;

export class StreamOutputStore implements OutputStore {
  readonly #link: NatsLink;
  readonly #names: Names;
  readonly #replicas: number;
  #made: Promise<unknown> | undefined;

  constructor(link: NatsLink, names: Names, replicas: number) {
    this.#link = link;
    this.#names = names;
    this.#replicas = replicas;
  }

  async put(object: number, body: Bytes, limitMs: number): Promise<StoredObject> {
    const stored = { object, hash: sha256(body), bytes: body.length };
    const what = `storing object ${object} of ${body.length} bytes`;
    const untilAnswered = this.#untilAnswered(what, limitMs);
    await untilAnswered(() => this.#make());
    await this.#eachChunk(stored, async (subject, from) => {
      const chunk = body.subarray(from, from + chunkBytes);
      await untilAnswered(() => this.#link.js.publish(subject, chunk, { timeout: tryMs }));
    });
    return stored;
  }

  async get(stored: StoredObject, limitMs: number): Promise<Bytes> {
    const { object, hash, bytes } = stored;
    const untilAnswered = this.#untilAnswered(`reading object ${object}`, limitMs);
    const body = new Uint8Array(bytes);
    let length = 0;
    await this.#eachChunk(stored, async (subject, from) => {
      const chunk = await untilAnswered(() => this.#chunk(subject));
      if (chunk === undefined) throw corrupt(stored, `has no bytes from ${from} on`);
      length += chunk.length;
      if (from + chunk.length > bytes) throw corrupt(stored, 'holds other bytes');
      body.set(chunk, from);
    });
    if (length !== bytes || sha256(body) !== hash) throw corrupt(stored, 'holds other bytes');
    return body;
  }

  async delete(object: number): Promise<void> {
    // Anything else might stand for more than one.
    assert(Number.isSafeInteger(object), 'O4: what is deleted has a number');
    const filter = this.#names.output(object, '>');
    try {
      await this.#link.jsm.streams.purge(this.#names.outputStream, { filter });
    } catch (cause) {
      // Nothing was ever stored.
      if (!isStreamGone(cause)) throw cause;
    }
  }

  async list(): Promise<readonly number[]> {
    const filter = this.#names.output('*', '>');
    try {
      const { state } = await this.#link.jsm.streams.info(this.#names.outputStream, {
        subjects_filter: filter,
      });
      const place = filter.split('.').indexOf('*');
      const found = Object.keys(state.subjects ?? {}).map((name) => Number(name.split('.')[place]));
      return [...new Set(found)].filter((object) => Number.isSafeInteger(object));
    } catch (cause) {
      if (isStreamGone(cause)) return [];
      throw cause;
    }
  }

  async #eachChunk(
    { object, hash, bytes }: StoredObject,
    act: (subject: string, from: number) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    let failed = false;
    const worker = async (): Promise<void> => {
      while (next < bytes && !failed) {
        const from = next;
        next += chunkBytes;
        await act(this.#names.output(object, `${hash}.${from / chunkBytes}`), from);
      }
    };
    const workers = Array.from({ length: chunksAtOnce }, () =>
      worker().catch((reason: unknown) => {
        failed = true;
        throw reason;
      }),
    );
    await Promise.allSettled(workers);
    await Promise.all(workers);
  }

  /** From whichever server answers; it may be behind, so what it does not have is asked of the one
   *  that leads. */
  async #chunk(subject: string): Promise<Bytes | undefined> {
    const { connection, jsm } = this.#link;
    const stream = this.#names.outputStream;
    const direct = await connection
      .request(`$JS.API.DIRECT.GET.${stream}.${subject}`, '', { timeout: directMs })
      .catch(() => undefined);
    if (direct?.headers?.code === 0 && direct.headers.has('Nats-Sequence')) return direct.data;
    try {
      return (await jsm.streams.getMessage(stream, { last_by_subj: subject })).data;
    } catch (cause) {
      if (isNoMessage(cause) || isStreamGone(cause)) return undefined;
      throw cause;
    }
  }

  /** Makes a request again until it is answered, at most for the time given (O3). */
  #untilAnswered(what: string, limitMs: number): <T>(request: () => Promise<T>) => Promise<T> {
    const { clock } = this.#link;
    const until = clock.now() + limitMs;
    const late = (cause?: unknown) =>
      troupeError('UNAVAILABLE', `${what} took longer than ${limitMs} ms`, {}, cause);
    return async (request) => {
      for (;;) {
        const leftMs = until - clock.now();
        if (leftMs <= 0) throw late();
        try {
          const asked = this.#link.whileConnected(request);
          return await within(clock, asked, Math.min(leftMs, tryMs), late);
        } catch (cause) {
          if (isDefinite(cause)) throw refused(what, cause);
          if (clock.now() + pauseMs >= until) throw late(cause);
        }
        await pause(clock, pauseMs);
      }
    };
  }

  #make(): Promise<unknown> {
    this.#made ??= this.#makeStream().catch((reason: unknown) => {
      this.#made = undefined;
      throw reason;
    });
    return this.#made;
  }

  async #makeStream(): Promise<void> {
    try {
      await this.#link.jsm.streams.add({
        name: this.#names.outputStream,
        subjects: [this.#names.output('*', '>')],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.Old,
        max_msgs_per_subject: 1,
        num_replicas: this.#replicas,
        allow_direct: true,
      });
    } catch (cause) {
      if (apiCode(cause) !== jetStreamCode.nameInUse) throw cause;
    }
  }
}

function corrupt({ object, hash }: StoredObject, what: string): TroupeError {
  return troupeError('OBJECT_CORRUPT', `object ${object} (sha-256 ${hash}) ${what}`, {
    object,
    hash,
  });
}

function refused(what: string, cause: unknown): TroupeError {
  if (cause instanceof TroupeError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return troupeError('UNAVAILABLE', `${what} was refused by the store: ${why}`, {}, cause);
}
