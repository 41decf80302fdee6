/**
 * Large values by content, in a JetStream object store bucket of the cell.
 *
 * O1  the name of an object is the sha-256 of its bytes, checked whenever it is read.
 * O2  a bucket is used only after the server has said that it is there.
 * O3  an object of which a byte is another one, or a piece is gone, is damaged: nobody waits for what will not come.
 */
import { type Bytes, troupeError } from '@troupe/model';
import { type ObjectStore as Bucket, DiscardPolicy, type JetStreamClient, StorageType } from 'nats';
import { sha256 } from './hash.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isNoMessage, jetStreamCode, textOf } from './nats-errors.ts';
import { Patience, untilAnswered } from './nats-retry.ts';
import type { ObjectStore } from './ports.ts';
import { directLast, leaderLast } from './stored-message.ts';

const chunkBytes = 512 * 1024;
const putMsMax = 10_000;
/** How the client says that the sum of an object is another one. */
const otherBytes = 'digests do not match';

export class BucketObjectStore implements ObjectStore {
  readonly #link: NatsLink;
  readonly #names: Names;
  readonly #replicas: number;
  /** Two puts of one name at once would leave orphaned chunks behind. */
  readonly #putting = new Map<string, Promise<string>>();
  #bucket: Promise<Bucket> | undefined;

  constructor(link: NatsLink, names: Names, replicas: number) {
    this.#link = link;
    this.#names = names;
    this.#replicas = replicas;
  }

  put(bytes: Bytes): Promise<string> {
    const hash = sha256(bytes);
    const underway = this.#putting.get(hash);
    if (underway !== undefined) return underway;
    const work = this.#put(hash, bytes).finally(() => this.#putting.delete(hash));
    this.#putting.set(hash, work);
    return work;
  }

  async get(hash: string): Promise<Bytes> {
    const bytes = await this.#ask(`reading object ${hash}`, (bucket) => this.#read(bucket, hash));
    if (bytes === 'absent') {
      throw troupeError('LOG_CORRUPT', `object ${hash} is not in the store`, { hash });
    }
    if (bytes === 'damaged' || sha256(bytes) !== hash) {
      throw troupeError('LOG_CORRUPT', `object ${hash} holds other bytes (O1)`, { hash });
    }
    return bytes;
  }

  has(hash: string): Promise<boolean> {
    return this.#ask(`looking for object ${hash}`, (bucket) => this.#isThere(bucket, hash));
  }

  async delete(hash: string): Promise<void> {
    if (!(await this.has(hash))) return;
    await this.#ask(`deleting object ${hash}`, (bucket) => bucket.delete(hash));
  }

  async #put(hash: string, bytes: Bytes): Promise<string> {
    const patience = new Patience(this.#link, `storing object ${hash}`);
    for (;;) {
      if (await this.has(hash)) return hash;
      try {
        const bucket = await this.#open();
        const meta = { name: hash, options: { max_chunk_size: chunkBytes } };
        const options = { timeout: putMsMax };
        await this.#link.whileConnected(() => bucket.put(meta, inPieces(bytes), options));
        return hash;
      } catch (cause) {
        await patience.wait(cause);
      }
    }
  }

  /** O3: the client waits for ever for an object that has no piece left, and of one with other bytes than
   *  were put it tells no more than of a question without an answer. */
  async #read(bucket: Bucket, hash: string): Promise<Bytes | 'absent' | 'damaged'> {
    const info = await bucket.info(hash);
    if (info === null || info.deleted) return 'absent';
    if (info.size === 0) return new Uint8Array(0);
    const last = await this.#lastPiece(info.nuid);
    if (last === undefined) return (await this.#isThere(bucket, hash)) ? 'damaged' : 'absent';
    if (info.chunks === 1) return last;
    try {
      return (await bucket.getBlob(hash)) ?? 'absent';
    } catch (cause) {
      if (!textOf(cause).includes(otherBytes)) throw cause;
      return (await this.#isThere(bucket, hash)) ? 'damaged' : 'absent';
    }
  }

  async #lastPiece(nuid: string): Promise<Bytes | undefined> {
    const bucket = this.#names.objects;
    const read = this.#replicas === 1 ? directLast : leaderLast;
    try {
      return (await read(this.#link, `OBJ_${bucket}`, `$O.${bucket}.C.${nuid}`)).body;
    } catch (cause) {
      if (isNoMessage(cause)) return undefined;
      throw cause;
    }
  }

  async #isThere(bucket: Bucket, hash: string): Promise<boolean> {
    const info = await bucket.info(hash);
    return info !== null && !info.deleted;
  }

  #ask<T>(what: string, request: (bucket: Bucket) => Promise<T>): Promise<T> {
    return untilAnswered(this.#link, what, async () => request(await this.#open()));
  }

  #open(): Promise<Bucket> {
    this.#bucket ??= this.#make().catch((reason) => {
      this.#bucket = undefined;
      throw reason;
    });
    return this.#bucket;
  }

  /**
   * O2: made here, since the client gives the server words that newer ones refuse, and takes a
   * question that was not answered for a bucket that is there.
   */
  async #make(): Promise<Bucket> {
    const { js, jsm } = this.#link;
    const bucket = this.#names.objects;
    try {
      await jsm.streams.add({
        name: `OBJ_${bucket}`,
        subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
        storage: StorageType.File,
        discard: DiscardPolicy.New,
        allow_rollup_hdrs: true,
        allow_direct: true,
        num_replicas: this.#replicas,
      });
    } catch (cause) {
      // Made before, when the configuration said something else: it is the bucket all the same.
      if (apiCode(cause) !== jetStreamCode.nameInUse) throw cause;
    }
    return heardOf(js).views.os(bucket);
  }
}

/**
 * The client begins to listen to the chunks of an object when it has sent the last one. A chunk that fails
 * while there are more to send would be a rejection that nobody has heard of, which ends the process.
 */
function heardOf(js: JetStreamClient): JetStreamClient {
  const publish: JetStreamClient['publish'] = (subject, payload, options) => {
    const published = js.publish(subject, payload, options);
    published.catch(() => undefined);
    return published;
  };
  return Object.create(js, { publish: { value: publish } }) as JetStreamClient;
}

/** With a breath between them: the client hashes and sends in one go what it is given at once, which stops the
 *  process for half a second at 50 MB. */
function inPieces(bytes: Bytes): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      controller.enqueue(bytes.subarray(at, at + chunkBytes));
      at += chunkBytes;
      if (at >= bytes.length) controller.close();
    },
  });
}
