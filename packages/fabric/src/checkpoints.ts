/**
 * The last checkpoints of every actor: one stream for the cell, one subject a key, two messages a
 * subject, so that a broken last one leaves the one before it. Large bodies lie in the object store.
 *
 * P1  a put takes effect only after the revision it expects: a late writer hides nothing newer.
 * P2  what becomes of a put whose answer never came is found out by reading, never guessed.
 * P4  what was put on top of another one is given together with that one, or not at all.
 * P3  a cell keeps the number of replicas that it was made with until an operator changes it.
 */
import { randomUUID } from 'node:crypto';
import { type Bytes, troupeError } from '@troupe/model';
import {
  DiscardPolicy,
  ErrorCode,
  headers,
  type MsgHdrs,
  NatsError,
  RetentionPolicy,
  StorageType,
} from 'nats';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isNoMessage, jetStreamCode } from './nats-errors.ts';
import { Patience, untilAnswered } from './nats-retry.ts';
import { sha256 } from './object-store.ts';
import type { Checkpoints, ObjectStore, StoredCheckpoint } from './ports.ts';

const idHeader = 'Troupe-Checkpoint';
/** Object that holds the body of this message. */
const objectHeader = 'Troupe-Object';
/** Object that held the body of the message before. */
const objectBeforeHeader = 'Troupe-Object-Before';

/** Revision of the message that this one lies on. */
const onTopHeader = 'Troupe-On-Top-Of';

const bodyBytesMax = 900_000;
const readMs = 2_000;

interface Stored {
  readonly revision: number;
  readonly header: MsgHdrs;
  readonly body: Bytes;
}

interface Given {
  readonly key: string;
  readonly body: Bytes;
  readonly expected: number;
  readonly onTop: boolean;
}

export interface CheckpointsStart {
  readonly link: NatsLink;
  readonly names: Names;
  readonly objects: ObjectStore;
  readonly replicas: number;
}

export class StreamCheckpoints implements Checkpoints {
  readonly #start: CheckpointsStart;
  /** Objects of the last message and of the one before it, for keys that have any. */
  readonly #large = new Map<string, { last: string | undefined; before: string | undefined }>();

  constructor(start: CheckpointsStart) {
    this.#start = start;
  }

  /** Makes the stream; idempotent. */
  async open(): Promise<void> {
    const { link, names, replicas } = this.#start;
    try {
      await untilAnswered(link, 'making the stream of checkpoints', () =>
        link.jsm.streams.add({
          name: names.checkpointStream,
          subjects: [names.checkpoint('*')],
          retention: RetentionPolicy.Limits,
          storage: StorageType.File,
          discard: DiscardPolicy.Old,
          max_msgs_per_subject: 2,
          num_replicas: replicas,
          // With replicas a direct read may be older than the last write.
          allow_direct: replicas === 1,
        }),
      );
    } catch (cause) {
      if (apiCode(cause) !== jetStreamCode.nameInUse) throw cause;
      await this.#checkReplicas();
    }
  }

  /** P3: the first stream of a cell tells how many copies the cell was made with. */
  async #checkReplicas(): Promise<void> {
    const { link, names, replicas } = this.#start;
    const { config } = await untilAnswered(link, 'looking at the stream of checkpoints', () =>
      link.jsm.streams.info(names.checkpointStream),
    );
    if (config.num_replicas === replicas) return;
    const text =
      `the streams of cell "${names.cell}" were made with ${config.num_replicas} replicas, and ` +
      `\`replicas\` is ${replicas}: change the streams with the tools of NATS first`;
    throw troupeError('CONFIG_INVALID', text, { key: 'replicas' });
  }

  put(key: string, body: Bytes, expected: number): Promise<number | undefined> {
    return this.#put({ key, body, expected, onTop: false });
  }

  putOnTop(key: string, body: Bytes, expected: number): Promise<number | undefined> {
    return this.#put({ key, body, expected, onTop: true });
  }

  async #put(given: Given): Promise<number | undefined> {
    const { key, body, expected } = given;
    const { link, names, objects } = this.#start;
    const subject = names.checkpoint(sha256(key));
    const object = body.length > bodyBytesMax ? await objects.put(salted(key, body)) : undefined;
    const id = randomUUID();
    const patience = new Patience(link, `checkpoint of ${key}`);
    for (;;) {
      const revision = await this.#publish({ ...given, subject, id, object });
      if (typeof revision === 'number') return this.#settled(key, object, revision);
      const last = await this.#last(subject);
      if (last?.header.get(idHeader) === id) {
        return this.#settled(key, object, last.revision);
      }
      if ((last?.revision ?? 0) !== expected) return undefined;
      await patience.wait(revision.cause);
    }
  }

  async get(key: string, known?: StoredCheckpoint): Promise<StoredCheckpoint | undefined> {
    const subject = this.#start.names.checkpoint(sha256(key));
    let tried = 0;
    for (;;) {
      const last = await this.#last(subject);
      if (last === undefined) return undefined;
      const { revision, header } = last;
      const object = header.get(objectHeader) || undefined;
      const before = header.get(objectBeforeHeader) || undefined;
      if (object !== undefined || before !== undefined) {
        this.#large.set(key, { last: object, before });
      }
      if (known?.revision === revision) return known;
      try {
        const body = await this.#bodyOf(last);
        const onTopOf = Number(header.get(onTopHeader) || 0);
        if (onTopOf === 0) return { body, revision };
        return { body, revision, base: await this.#base(key, onTopOf, known) };
      } catch (cause) {
        // A writer may have gone on by two meanwhile, and what was there before is freed then.
        if (tried === revision) throw cause;
        tried = revision;
      }
    }
  }

  async drop(key: string): Promise<void> {
    const { link, names } = this.#start;
    const subject = names.checkpoint(sha256(key));
    const last = await this.#last(subject);
    if (last === undefined) return;
    await untilAnswered(link, 'dropping a checkpoint', () =>
      link.jsm.streams.purge(names.checkpointStream, { filter: subject }),
    );
    this.#large.delete(key);
    for (const header of [objectHeader, objectBeforeHeader]) {
      const object = last.header.get(header);
      if (object !== '') await this.#start.objects.delete(object);
    }
  }

  async prune(key: string, revision: number): Promise<void> {
    const last = await this.#last(this.#start.names.checkpoint(sha256(key)));
    if (last?.revision !== revision) return;
    await this.#purge(key, revision);
    const before = last.header?.get(objectBeforeHeader) || undefined;
    if (before !== undefined) await this.#start.objects.delete(before);
  }

  async dropUpTo(key: string, revision: number): Promise<void> {
    const last = await this.#last(this.#start.names.checkpoint(sha256(key)));
    await this.#purge(key, revision + 1);
    if (last?.revision !== revision) return;
    this.#large.delete(key);
    const object = last.header?.get(objectHeader) || undefined;
    if (object !== undefined) await this.#start.objects.delete(object);
  }

  async #purge(key: string, before: number): Promise<void> {
    const { link, names } = this.#start;
    const filter = names.checkpoint(sha256(key));
    await untilAnswered(link, 'freeing a checkpoint', () =>
      link.jsm.streams.purge(names.checkpointStream, { filter, seq: before }),
    );
  }

  /** P4 */
  async #base(key: string, revision: number, known?: StoredCheckpoint): Promise<Bytes> {
    if (known?.revision === revision && known.base === undefined) return known.body;
    const { link, names, replicas } = this.#start;
    const read = replicas === 1 ? directNumbered : leaderNumbered;
    const found = await untilAnswered(link, 'reading a checkpoint', () =>
      read(link, names.checkpointStream, revision),
    ).catch((cause: unknown) => {
      if (!isNoMessage(cause)) throw cause;
      const text = `a checkpoint of "${key}" lies on revision ${revision}, which is not there`;
      throw troupeError('LOG_CORRUPT', text, { key, revision }, cause);
    });
    return await this.#bodyOf(found);
  }

  async #bodyOf({ header, body }: Stored): Promise<Bytes> {
    const object = header.get(objectHeader) || undefined;
    if (object === undefined) return body;
    return unsalted(await this.#start.objects.get(object));
  }

  async #publish(
    put: Given & {
      readonly subject: string;
      readonly id: string;
      readonly object: string | undefined;
    },
  ): Promise<number | { cause: unknown }> {
    const { link, names } = this.#start;
    const fresh = headers();
    fresh.set(idHeader, put.id);
    const before = this.#large.get(put.key)?.last;
    if (put.object !== undefined) fresh.set(objectHeader, put.object);
    if (before !== undefined) fresh.set(objectBeforeHeader, before);
    if (put.onTop) fresh.set(onTopHeader, `${put.expected}`);
    const body = put.object === undefined ? put.body : new Uint8Array(0);
    try {
      const expect = { streamName: names.checkpointStream, lastSubjectSequence: put.expected };
      const ack = await link.whileConnected(() =>
        link.js.publish(put.subject, body, { headers: fresh, expect }),
      );
      return ack.seq;
    } catch (cause) {
      if (link.isClosed) {
        throw troupeError('UNAVAILABLE', `checkpoint of ${put.key}: connection closed`, {}, cause);
      }
      return { cause };
    }
  }

  async #last(subject: string): Promise<Stored | undefined> {
    const { link, names, replicas } = this.#start;
    const read = replicas === 1 ? directLast : leaderLast;
    try {
      return await untilAnswered(link, 'reading a checkpoint', () =>
        read(link, names.checkpointStream, subject),
      );
    } catch (cause) {
      if (isNoMessage(cause)) return undefined;
      throw cause;
    }
  }

  /** Frees the object that no message of this key refers to any more. */
  #settled(key: string, object: string | undefined, revision: number): number {
    const known = this.#large.get(key);
    if (known === undefined && object === undefined) return revision;
    const last = known?.last;
    if (object === undefined && last === undefined) this.#large.delete(key);
    else this.#large.set(key, { last: object, before: last });
    const freed = known?.before;
    if (freed !== undefined && freed !== last && freed !== object) {
      this.#start.objects.delete(freed).catch((reason: unknown) => {
        const fields = { key, object: freed, reason: String(reason) };
        this.#start.link.logger.warn(fields, 'an old checkpoint object stays behind');
      });
    }
    return revision;
  }
}

function directLast(link: NatsLink, stream: string, subject: string): Promise<Stored> {
  return direct(link, `${stream}.${subject}`, '');
}

function directNumbered(link: NatsLink, stream: string, seq: number): Promise<Stored> {
  return direct(link, stream, JSON.stringify({ seq }));
}

/** From whichever server answers: right only where there is but one copy. */
async function direct(link: NatsLink, of: string, which: string): Promise<Stored> {
  const message = await link.connection.request(`$JS.API.DIRECT.GET.${of}`, which, {
    timeout: readMs,
  });
  const header = message.headers;
  const revision = Number(header?.get('Nats-Sequence') ?? '');
  if (header !== undefined && header.code === 0 && revision > 0) {
    return { revision, header, body: message.data };
  }
  // A status line in place of a message.
  const code = header?.code === 404 ? ErrorCode.JetStream404NoMessages : ErrorCode.Unknown;
  throw new NatsError(header?.description ?? 'no answer to a direct get', code);
}

async function leaderLast(link: NatsLink, stream: string, subject: string): Promise<Stored> {
  const message = await link.jsm.streams.getMessage(stream, { last_by_subj: subject });
  return { revision: message.seq, header: message.header, body: message.data };
}

async function leaderNumbered(link: NatsLink, stream: string, revision: number): Promise<Stored> {
  const message = await link.jsm.streams.getMessage(stream, { seq: revision });
  return { revision: message.seq, header: message.header, body: message.data };
}

const saltBytes = 32;

/** Starts with the key's own hash, so that an object belongs to one key and may be freed with it. */
function salted(key: string, body: Bytes): Bytes {
  return Buffer.concat([Buffer.from(sha256(key), 'hex'), body]);
}

function unsalted(bytes: Bytes): Bytes {
  return bytes.subarray(saltBytes);
}
