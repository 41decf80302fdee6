/**
 * What is far from its turn: items with keys, in buckets that say only roughly when. Entries lie in chunks of
 * one pool, those of a bucket side by side, so that putting one in and draining a bucket touch few lines
 * of a processor's cache, however many there are. An entry's **spot** is where it lies in the pool. What
 * comes is laid into the **inbox** first, the first few chunks, and put into its bucket together with
 * others: their waits for memory go on side by side.
 *
 * B1  a chunk is of one bucket, or free, or of the inbox; all chunks of a bucket but the first are full.
 */
import { assert } from '@troupe/model';

const chunkBits = 4;
const chunkSize = 1 << chunkBits;
const noChunk = -1;
const chunksFirst = 32;
const inboxChunks = 16;
/** So many lie in the inbox at most, at the spots from 0 on. */
export const inboxMax = inboxChunks * chunkSize;

export class KeyBuckets {
  /** Of each spot its key and its item, side by side. */
  #entries = new Float64Array(0);
  /** Of each chunk its bucket, and the next chunk of that, or the next free one. */
  #chunks = new Int32Array(0);
  #chunkCount = inboxChunks;
  #free = noChunk;
  /** Of each bucket its first chunk, and how many entries it has. */
  #buckets = new Int32Array(0);
  #inboxSize = 0;

  /** So many buckets from now on; all that were are empty. */
  setOut(count: number): void {
    if (this.#buckets.length < 2 * count) this.#buckets = new Int32Array(2 * count);
    for (let at = 0; at < 2 * count; at += 2) {
      this.#buckets[at] = noChunk;
      this.#buckets[at + 1] = 0;
    }
  }

  sizeOf(bucket: number): number {
    return this.#buckets[2 * bucket + 1] as number;
  }
  bucketOf(spot: number): number {
    return this.#chunks[2 * (spot >> chunkBits)] as number;
  }
  keyAt(spot: number): number {
    return this.#entries[2 * spot] as number;
  }
  itemAt(spot: number): number {
    return this.#entries[2 * spot + 1] as number;
  }
  setKey(spot: number, key: number): void {
    this.#entries[2 * spot] = key;
  }

  get inboxSize(): number {
    return this.#inboxSize;
  }
  get isInboxFull(): boolean {
    return this.#inboxSize === inboxMax;
  }
  emptyInbox(): void {
    this.#inboxSize = 0;
  }

  /** Into the inbox: the spot where it lies now. */
  lay(item: number, key: number): number {
    if (this.#entries.length === 0) this.#grow();
    const spot = this.#inboxSize++;
    this.#entries[2 * spot] = key;
    this.#entries[2 * spot + 1] = item;
    return spot;
  }

  /** The spot where it lies now. */
  put(bucket: number, item: number, key: number): number {
    const buckets = this.#buckets;
    const count = buckets[2 * bucket + 1] as number;
    const within = count & (chunkSize - 1);
    if (within === 0) this.#addChunk(bucket);
    buckets[2 * bucket + 1] = count + 1;
    const spot = ((buckets[2 * bucket] as number) << chunkBits) + within;
    this.#entries[2 * spot] = key;
    this.#entries[2 * spot + 1] = item;
    return spot;
  }

  /** Takes out what lies there. The last of its bucket, or of the inbox, lies there now, unless that was it:
   *  where that lay. */
  take(spot: number): number {
    if (spot < inboxMax) {
      const last = --this.#inboxSize;
      this.#move(last, spot);
      return last;
    }
    const bucket = this.bucketOf(spot);
    const count = this.sizeOf(bucket) - 1;
    assert(count >= 0, 'B1: what is taken out of a bucket is in it');
    const within = count & (chunkSize - 1);
    const last = ((this.#buckets[2 * bucket] as number) << chunkBits) + within;
    this.#move(last, spot);
    this.#buckets[2 * bucket + 1] = count;
    if (within === 0) this.#dropChunk(bucket);
    return last;
  }

  /** Writes the key and the item of each entry of a bucket from there on, and empties it. */
  drain(bucket: number, into: Float64Array, from: number): void {
    const entries = this.#entries;
    let to = from;
    for (let left = this.sizeOf(bucket); left > 0; ) {
      const inChunk = ((left - 1) & (chunkSize - 1)) + 1;
      const first = (2 * (this.#buckets[2 * bucket] as number)) << chunkBits;
      for (let at = 0; at < 2 * inChunk; at++) into[to + at] = entries[first + at] as number;
      this.#dropChunk(bucket);
      to += 2 * inChunk;
      left -= inChunk;
    }
    this.#buckets[2 * bucket + 1] = 0;
  }

  #move(from: number, to: number): void {
    this.#entries[2 * to] = this.#entries[2 * from] as number;
    this.#entries[2 * to + 1] = this.#entries[2 * from + 1] as number;
  }

  #addChunk(bucket: number): void {
    let chunk = this.#free;
    if (chunk === noChunk) {
      chunk = this.#chunkCount++;
      if (2 * chunk === this.#chunks.length) this.#grow();
    } else this.#free = this.#chunks[2 * chunk + 1] as number;
    this.#chunks[2 * chunk] = bucket;
    this.#chunks[2 * chunk + 1] = this.#buckets[2 * bucket] as number;
    this.#buckets[2 * bucket] = chunk;
  }

  #dropChunk(bucket: number): void {
    const chunk = this.#buckets[2 * bucket] as number;
    this.#buckets[2 * bucket] = this.#chunks[2 * chunk + 1] as number;
    this.#chunks[2 * chunk + 1] = this.#free;
    this.#free = chunk;
  }

  /** Nothing is reserved before the first is put in: most shapes never have so many lanes. */
  #grow(): void {
    const count = Math.max(chunksFirst, this.#chunks.length);
    const chunks = new Int32Array(2 * count);
    chunks.set(this.#chunks);
    this.#chunks = chunks;
    const entries = new Float64Array(2 * chunkSize * count);
    entries.set(this.#entries);
    this.#entries = entries;
  }
}
