/**
 * The last checkpoints of every actor: one stream for the cell, one subject a key, the last few messages a
 * subject, so that a broken last one leaves those before it. Large bodies lie in the object store.
 *
 * P1  a put takes effect only after the revision it expects: a late writer hides nothing newer.
 * P2  what becomes of a put whose answer never came is found out by reading, never guessed.
 * P4  what was put on top of another one is given together with that one, or not at all.
 * P3  a cell keeps the number of replicas that it was made with until an operator changes it.
 * P5  what holds other bytes than were put is never given: whoever reads it is told which one that is.
 * P6  whatever is freed, the last one of a key is not, unless all of the key is dropped.
 * P7  where the server has lost the last one, a put expects what stands before it.
 */
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';
import { type Bytes, TroupeError, troupeError } from '@troupe/model';
import {
  DiscardPolicy,
  headers,
  type MsgHdrs,
  RetentionPolicy,
  type SeqMsgRequest,
  StorageType,
} from 'nats';
import { sha256 } from './hash.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isNoMessage, jetStreamCode } from './nats-errors.ts';
import { Patience, untilAnswered } from './nats-retry.ts';
import type { Checkpoints, KeptVersion, ObjectStore, StoredCheckpoint } from './ports.ts';
import {
  directLast,
  directNumbered,
  leaderLast,
  leaderNumbered,
  type Stored,
} from './stored-message.ts';
import { isSound, putSum } from './sum.ts';

const idHeader = 'Troupe-Checkpoint';
/** Object that holds the body of this message. */
const objectHeader = 'Troupe-Object';
/** Object that held the body of the message before: all that older versions know of. */
const objectBeforeHeader = 'Troupe-Object-Before';
/** Those of the messages before, the newest first, separated by commas; nothing where there was none. */
const objectsBeforeHeader = 'Troupe-Objects-Before';
/** Size of what lies in an object. */
const bytesHeader = 'Troupe-Bytes';

/** Revision of the message that this one lies on. */
const onTopHeader = 'Troupe-On-Top-Of';

/** With `next_by_subj`: the first at or after `seq` on that subject. */
type MessageQuery = SeqMsgRequest & { next_by_subj?: string };

const bodyBytesMax = 900_000;

/** How the body is packed; as it is where this is absent. */
const packedHeader = 'Troupe-Packed';
const packedAs = 'deflate';
/** Smaller bodies are stored as they are, and those that it would save less than a tenth of. */
const packedBytesMin = 1_024;
const savedShareMin = 0.1;

/** Looks at a key whose versions come and go meanwhile. */
const looksMax = 1_000;

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
  /** Versions of one key, at most; two at least. */
  readonly kept: number;
  /** Older versions cannot read what is compressed. */
  readonly compress: boolean;
}

const [deflate, inflate] = [promisify(deflateRaw), promisify(inflateRaw)];

/** Objects of the last message of a key and of those before it. */
type Objects = readonly (string | undefined)[];

export class StreamCheckpoints implements Checkpoints {
  readonly #start: CheckpointsStart;
  /** Of keys that have any. */
  readonly #large = new Map<string, Objects>();

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
          max_msgs_per_subject: this.#start.kept,
          num_replicas: replicas,
          // With replicas a direct read may be older than the last write.
          allow_direct: replicas === 1,
        }),
      );
    } catch (cause) {
      if (apiCode(cause) !== jetStreamCode.nameInUse) throw cause;
      await this.#adopt();
    }
  }

  /** P3: the first stream of a cell tells how many copies the cell was made with. How many versions are
   *  kept is what was configured last. */
  async #adopt(): Promise<void> {
    const { link, names, replicas, kept } = this.#start;
    const { config } = await untilAnswered(link, 'looking at the stream of checkpoints', () =>
      link.jsm.streams.info(names.checkpointStream),
    );
    if (config.num_replicas === replicas) {
      if (config.max_msgs_per_subject === kept) return;
      await untilAnswered(link, 'changing the stream of checkpoints', () =>
        link.jsm.streams.update(names.checkpointStream, { max_msgs_per_subject: kept }),
      );
      return;
    }
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
    const packed = await this.#packed(body);
    const stored = packed ?? body;
    const object =
      stored.length > bodyBytesMax ? await objects.put(salted(key, stored)) : undefined;
    const id = randomUUID();
    const patience = new Patience(link, `checkpoint of ${key}`);
    /** Of the last one, by the server: where it has lost that, none. */
    let known = expected;
    for (;;) {
      const inline = object === undefined ? stored : new Uint8Array(0);
      const isPacked = packed !== undefined;
      const revision = await this.#publish({
        ...given,
        subject,
        id,
        object,
        inline,
        isPacked,
        known,
      });
      if (typeof revision === 'number') return this.#settled(key, object, revision);
      const last = await this.#last(subject);
      if (last?.header.get(idHeader) === id) {
        return this.#settled(key, object, last.revision);
      }
      const isLost = last === undefined && expected > 0;
      const standing = isLost ? (await this.#messages(key))[0] : last;
      if ((standing?.revision ?? 0) !== expected) return undefined;
      if (isLost && known > 0) known = 0;
      else await patience.wait(revision.cause);
    }
  }

  async get(key: string, known?: StoredCheckpoint): Promise<StoredCheckpoint | undefined> {
    const subject = this.#start.names.checkpoint(sha256(key));
    let tried = 0;
    for (;;) {
      const last = await this.#last(subject);
      if (last === undefined) return await this.#absent(key, known);
      const { revision } = last;
      this.#hold(key, objectsOf(last.header));
      if (known?.revision === revision) return known;
      try {
        return await this.#whole(key, last, known);
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
    await this.#freeObjects(objectsOf(last.header));
  }

  async versions(key: string): Promise<readonly KeptVersion[]> {
    const messages = await this.#messages(key);
    const whole = messages.filter(({ header }, at) => {
      // P4: what it lies on may be given up before it, but for the last one.
      const onTopOf = Number(header.get(onTopHeader) || 0);
      return at === 0 || onTopOf === 0 || messages.some((one) => one.revision === onTopOf);
    });
    return whole.map(({ revision, header, body, at = 0 }) => {
      return { revision, at, bytes: Number(header.get(bytesHeader) || body.length) };
    });
  }

  async version(key: string, revision: number): Promise<StoredCheckpoint | undefined> {
    const { link, names } = this.#start;
    try {
      const found = await untilAnswered(link, 'reading a checkpoint', () =>
        link.jsm.streams.getMessage(names.checkpointStream, { seq: revision }),
      );
      if (found.subject !== names.checkpoint(sha256(key))) return undefined;
      return await this.#whole(key, { revision, header: found.header, body: found.data });
    } catch (cause) {
      if (isNoMessage(cause)) return undefined;
      throw cause;
    }
  }

  async freeBefore(key: string, revision: number): Promise<void> {
    const messages = await this.#messages(key);
    const [last] = messages;
    if (last === undefined) return;
    const kept = messages.filter((one) => one.revision >= revision).length;
    // P6
    if (kept === 0 || kept === messages.length) return;
    await this.#purge(key, revision);
    const objects = objectsOf(last.header);
    const left = objects.slice(0, kept);
    this.#hold(key, left);
    await this.#freeObjects(objects.slice(kept).filter((one) => !left.includes(one)));
  }

  async prune(key: string, revision: number): Promise<void> {
    const last = await this.#last(this.#start.names.checkpoint(sha256(key)));
    if (last?.revision !== revision) return;
    await this.#purge(key, revision);
    const [object, ...before] = objectsOf(last.header);
    this.#hold(key, [object]);
    await this.#freeObjects(before);
  }

  async dropUpTo(key: string, revision: number): Promise<void> {
    const last = await this.#last(this.#start.names.checkpoint(sha256(key)));
    await this.#purge(key, revision + 1);
    if (last?.revision !== revision) return;
    this.#large.delete(key);
    await this.#freeObjects(objectsOf(last.header));
  }

  async #purge(key: string, before: number): Promise<void> {
    const { link, names } = this.#start;
    const filter = names.checkpoint(sha256(key));
    await untilAnswered(link, 'freeing a checkpoint', () =>
      link.jsm.streams.purge(names.checkpointStream, { filter, seq: before }),
    );
  }

  /** P5: a server that finds a message damaged on its disk gives it no more, and says that there is no last one.
   *  Those before it may still be there. */
  async #absent(
    key: string,
    known: StoredCheckpoint | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const [before] = await this.#messages(key);
    if (before === undefined) return undefined;
    // It was put since.
    const last = await this.#last(this.#start.names.checkpoint(sha256(key)));
    if (last !== undefined) return await this.get(key, known);
    const text = `the last checkpoint of "${key}", which came after ${before.revision}, is lost`;
    throw troupeError('LOG_CORRUPT', text, { key, after: before.revision });
  }

  /** All messages of a key, the newest first. */
  async #messages(key: string): Promise<readonly (Stored & { readonly at?: number })[]> {
    const { link, names } = this.#start;
    const next_by_subj = names.checkpoint(sha256(key));
    const found: (Stored & { readonly at: number })[] = [];
    for (let look = 0, seq = 1; look < looksMax; look++) {
      const query: MessageQuery = { seq, next_by_subj };
      const message = await untilAnswered(link, 'listing checkpoints', () =>
        link.jsm.streams.getMessage(names.checkpointStream, query),
      ).catch((cause: unknown) => {
        if (isNoMessage(cause)) return undefined;
        throw cause;
      });
      if (message === undefined) break;
      const { header, data: body, time } = message;
      found.push({ revision: message.seq, header, body, at: time.getTime() });
      seq = message.seq + 1;
    }
    return found.reverse();
  }

  /** What a message says, with what it lies on (P4). */
  async #whole(key: string, stored: Stored, known?: StoredCheckpoint): Promise<StoredCheckpoint> {
    const { revision, header } = stored;
    const body = await this.#bodyOf(key, stored);
    const onTopOf = Number(header.get(onTopHeader) || 0);
    if (onTopOf === 0) return { body, revision };
    const base = await this.#base(key, onTopOf, known);
    return { body, revision, base, baseRevision: onTopOf };
  }

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
    return await this.#bodyOf(key, found);
  }

  /** Beside the loop, which goes on meanwhile. */
  async #packed(body: Bytes): Promise<Bytes | undefined> {
    if (!this.#start.compress || body.length < packedBytesMin) return undefined;
    const packed = await deflate(body, { level: constants.Z_BEST_SPEED });
    return packed.length <= body.length * (1 - savedShareMin) ? packed : undefined;
  }

  /** P5 */
  async #bodyOf(key: string, { revision, header, body }: Stored): Promise<Bytes> {
    if (!isSound(header, sumsUp(key, header), body)) {
      const text = `checkpoint ${revision} of "${key}" holds other bytes than were stored`;
      throw troupeError('LOG_CORRUPT', text, { key, revision });
    }
    const object = header.get(objectHeader) || undefined;
    const isPacked = header.get(packedHeader) === packedAs;
    if (object === undefined) return isPacked ? await inflate(body) : body;
    try {
      const stored = unsalted(await this.#start.objects.get(object));
      return isPacked ? await inflate(stored) : stored;
    } catch (cause) {
      if (!(cause instanceof TroupeError) || cause.code !== 'LOG_CORRUPT') throw cause;
      const text = `checkpoint ${revision} of "${key}" cannot be read: ${cause.message}`;
      throw troupeError('LOG_CORRUPT', text, { key, revision }, cause);
    }
  }

  async #publish(
    put: Given & {
      readonly subject: string;
      readonly id: string;
      readonly object: string | undefined;
      readonly inline: Bytes;
      readonly isPacked: boolean;
      readonly known: number;
    },
  ): Promise<number | { cause: unknown }> {
    const { link, names } = this.#start;
    const fresh = headers();
    fresh.set(idHeader, put.id);
    const before = this.#large.get(put.key)?.slice(0, this.#start.kept - 1) ?? [];
    if (put.object !== undefined) fresh.set(objectHeader, put.object);
    if (put.isPacked) fresh.set(packedHeader, packedAs);
    if (put.object !== undefined || put.isPacked) fresh.set(bytesHeader, `${put.body.length}`);
    if (before[0] !== undefined) fresh.set(objectBeforeHeader, before[0]);
    if (before.some((one) => one !== undefined)) {
      fresh.set(objectsBeforeHeader, before.map((one) => one ?? '').join(','));
    }
    if (put.onTop) fresh.set(onTopHeader, `${put.expected}`);
    const body = put.inline;
    putSum(fresh, sumsUp(put.key, fresh), body);
    try {
      const expect = { streamName: names.checkpointStream, lastSubjectSequence: put.known };
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

  /** Frees the objects that no message of this key refers to any more. */
  #settled(key: string, object: string | undefined, revision: number): number {
    const known = this.#large.get(key) ?? [];
    const all = [object, ...known];
    const left = all.slice(0, this.#start.kept);
    this.#hold(key, left);
    const gone = all.slice(left.length).filter((one) => !left.includes(one));
    this.#freeObjects(gone).catch((reason: unknown) => {
      const fields = { key, reason: String(reason) };
      this.#start.link.logger.warn(fields, 'an old checkpoint object stays behind');
    });
    return revision;
  }

  #hold(key: string, objects: Objects): void {
    if (objects.every((one) => one === undefined)) this.#large.delete(key);
    else this.#large.set(key, objects);
  }

  async #freeObjects(objects: Objects): Promise<void> {
    for (const object of new Set(objects)) {
      if (object !== undefined) await this.#start.objects.delete(object);
    }
  }
}

/** Objects of this message and of those before it. */
function objectsOf(header: MsgHdrs): Objects {
  const before = header.get(objectsBeforeHeader) || header.get(objectBeforeHeader);
  const listed = before === '' ? [] : before.split(',');
  return [header.get(objectHeader), ...listed].map((one) => (one === '' ? undefined : one));
}

/** What the body of this message is. */
function sumsUp(key: string, header: MsgHdrs): string {
  const names = [objectHeader, onTopHeader, packedHeader];
  return [key, ...names.map((name) => header.get(name))].join(' ');
}

const saltBytes = 32;

/** Starts with the key's own hash, so that an object belongs to one key and may be freed with it. */
function salted(key: string, body: Bytes): Bytes {
  return Buffer.concat([Buffer.from(sha256(key), 'hex'), body]);
}

function unsalted(bytes: Bytes): Bytes {
  return bytes.subarray(saltBytes);
}
