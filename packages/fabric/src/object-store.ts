/**
 * Large values by content, in a JetStream object store bucket of the cell.
 *
 * O1  the name of an object is the sha-256 of its bytes, checked whenever it is read.
 * O2  a bucket is used only after the server has said that it is there.
 */
import { type Bytes, troupeError } from '@troupe/model';
import { type ObjectStore as Bucket, DiscardPolicy, type JetStreamClient, StorageType } from 'nats';
import { sha256 } from './hash.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, jetStreamCode } from './nats-errors.ts';
import { Patience, untilAnswered } from './nats-retry.ts';
import type { ObjectStore } from './ports.ts';

const chunkBytes = 512 * 1024;
const putMsMax = 10_000;

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
    const bytes = await this.#ask(`reading object ${hash}`, (bucket) => bucket.getBlob(hash));
    if (bytes === null) {
      throw troupeError('LOG_CORRUPT', `object ${hash} is not in the store`, { hash });
    }
    if (sha256(bytes) !== hash) {
      throw troupeError('LOG_CORRUPT', `object ${hash} holds other bytes (O1)`, { hash });
    }
    return bytes;
  }

  async has(hash: string): Promise<boolean> {
    const info = await this.#ask(`looking for object ${hash}`, (bucket) => bucket.info(hash));
    return info !== null && !info.deleted;
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
