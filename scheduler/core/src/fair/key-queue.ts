/**
 * A queue of small numbers with a key each. Those whose turn is near stand in a heap, the **front**, which
 * fits into a processor's cache; all others lie in buckets (`key-buckets.ts`), each of which is poured into
 * the front when those before it are used up. So a step costs about the same among a million as among a
 * thousand, where a heap of all would reach for memory at each of its levels. What lies past the last
 * bucket is spread over new ones when its turn comes: an item is moved a few times in all. Of a few the
 * front has all.
 *
 * K2  the least key is first; of equal keys the least item, so that order never depends on history.
 * K3  the bucket of a key never falls as keys grow, and in the front is who is of a bucket below the edge.
 * K4  somebody is in the front unless nobody is anywhere.
 * K5  an item's place is its index in the front, or minus its spot in the buckets, less one.
 */
import { inboxMax, KeyBuckets } from './key-buckets.ts';
import { KeyHeap, type Places, placeOf, setPlace } from './key-heap.ts';

/** So many a bucket gets, about. */
const bucketSize = 64;
/** While there are no more, all stand in the front. */
const fewMax = 256;
const sampleMax = 64;
/** Of the width of nearly all, that the buckets reach: what comes later mostly comes within it. */
const reach = 4;

/** Reads at once what is known of so many items, whose keys and numbers stand here side by side. */
type Touch = (entries: Float64Array, count: number) => void;

export class KeyQueue {
  readonly #places: Places;
  readonly #touch: Touch;
  readonly #front: KeyHeap;
  readonly #far = new KeyBuckets();
  #farSize = 0;
  /** K3: the bucket of a key is (key - base) * scale, rounded down. Those below the edge were poured out. */
  #base = 0;
  #scale = 1;
  #edge = Number.POSITIVE_INFINITY;
  /** The bucket with this number has all that lies past the others. */
  #bucketCount = 0;
  /** With more in the front, all are spread anew. */
  #frontMax = 2 * fewMax;
  #drained = new Float64Array(0);

  /** Whose turn is near is touched: many reads of memory go on side by side, where each would be waited for
   *  alone when its turn has come. */
  constructor(places: Places, touch: Touch) {
    this.#places = places;
    this.#touch = touch;
    this.#front = new KeyHeap(places);
  }

  get size(): number {
    return this.#front.size + this.#farSize;
  }

  /** -1 when empty. */
  get first(): number {
    return this.#front.first;
  }

  /** Infinity when empty. */
  get firstKey(): number {
    return this.#front.firstKey;
  }

  push(item: number, key: number): void {
    const bucket = (key - this.#base) * this.#scale;
    if (bucket < this.#edge) {
      this.#front.push(item, key);
      if (this.#front.size > this.#frontMax) this.#spread(this.#edge);
    } else {
      this.#putFar(item, key);
      this.#pour();
    }
  }

  remove(item: number): void {
    const place = placeOf(this.#places, item);
    if (place < 0) this.#takeFar(-1 - place);
    else {
      this.#front.remove(item);
      this.#pour();
    }
  }

  removeFirst(): void {
    this.#front.removeFirst();
    this.#pour();
  }

  /** This item for the first one, which leaves. */
  replaceFirst(item: number, key: number): void {
    const bucket = (key - this.#base) * this.#scale;
    if (bucket < this.#edge) this.#front.replaceFirst(item, key);
    else {
      this.#putFar(item, key);
      this.#front.removeFirst();
      this.#pour();
    }
  }

  /** The key of this item has changed. */
  moved(item: number, key: number): void {
    const place = placeOf(this.#places, item);
    const bucket = (key - this.#base) * this.#scale;
    if (place >= 0 && bucket < this.#edge) this.#front.moved(item, key);
    else if (place < 0 && this.#staysFar(-1 - place, bucket)) this.#far.setKey(-1 - place, key);
    else {
      this.remove(item);
      this.push(item, key);
    }
  }

  #bucketOf(bucket: number): number {
    return bucket < this.#bucketCount ? Math.floor(bucket) : this.#bucketCount;
  }

  /** Whether what lies there needs only another key to be of this bucket. */
  #staysFar(spot: number, bucket: number): boolean {
    if (spot < inboxMax) return bucket >= this.#edge;
    return this.#far.bucketOf(spot) === this.#bucketOf(bucket);
  }

  #putFar(item: number, key: number): void {
    const far = this.#far;
    if (far.isInboxFull) this.#sort();
    setPlace(this.#places, item, -1 - far.lay(item, key));
    this.#farSize++;
  }

  /** From the inbox into the buckets. */
  #sort(): void {
    const far = this.#far;
    const count = far.inboxSize;
    for (let spot = 0; spot < count; spot++) {
      const item = far.itemAt(spot);
      const key = far.keyAt(spot);
      const to = far.put(this.#bucketOf((key - this.#base) * this.#scale), item, key);
      setPlace(this.#places, item, -1 - to);
    }
    far.emptyInbox();
  }

  #takeFar(spot: number): void {
    const from = this.#far.take(spot);
    if (from !== spot) setPlace(this.#places, this.#far.itemAt(spot), -1 - spot);
    this.#farSize--;
  }

  /** K4 */
  #pour(): void {
    if (this.#front.firstKey === Number.POSITIVE_INFINITY && this.#farSize > 0) this.#pourNext();
  }

  #pourNext(): void {
    this.#sort();
    while (this.#far.sizeOf(this.#edge) === 0) this.#edge++;
    const bucket = this.#edge;
    const count = this.#far.sizeOf(bucket);
    if (bucket === this.#bucketCount || count > this.#frontMax) this.#spread(bucket);
    else {
      const entries = this.#entriesFor(count);
      this.#far.drain(bucket, entries, 0);
      this.#farSize -= count;
      this.#edge++;
      this.#touch(entries, count);
      for (let at = 0; at < 2 * count; at += 2) {
        this.#front.push(entries[at + 1] as number, entries[at] as number);
      }
    }
  }

  /** Lays all out anew; from this bucket on there is something. */
  #spread(bucket: number): void {
    this.#sort();
    const count = this.size;
    const entries = this.#entriesFor(count);
    let at = 2 * this.#front.size;
    this.#front.drain(entries);
    for (let from = bucket; this.#farSize > 0; from++) {
      const inBucket = this.#far.sizeOf(from);
      this.#far.drain(from, entries, at);
      this.#farSize -= inBucket;
      at += 2 * inBucket;
    }
    this.#setOut(entries, count);
    for (at = 0; at < 2 * count; at += 2) {
      const key = entries[at] as number;
      const item = entries[at + 1] as number;
      const to = (key - this.#base) * this.#scale;
      if (to < this.#edge) this.#front.push(item, key);
      else this.#putFar(item, key);
    }
    // All are not laid out anew before as many have come to the front as make up for that: where all who come are
    // near, the front grows instead.
    this.#frontMax = Math.max(2 * fewMax, 2 * this.#front.size, Math.floor(count / 2));
  }

  /** New buckets, as fit these. */
  #setOut(entries: Float64Array, count: number): void {
    const sample = sampleOf(entries, count);
    const [least, middle, high] = [0.0, 0.5, 0.9].map((part) => {
      return sample[Math.floor(part * sample.length)] as number;
    }) as [number, number, number];
    const scale = count / bucketSize / 2 / (middle - least);
    const buckets = Math.ceil(reach * (high - least) * scale) + 1;
    const isSpread = count > fewMax && Number.isFinite(scale) && buckets <= count;
    this.#edge = isSpread ? 1 : Number.POSITIVE_INFINITY;
    this.#base = least;
    this.#scale = isSpread ? scale : 1;
    this.#bucketCount = isSpread ? buckets : 0;
    if (isSpread) this.#far.setOut(buckets + 1);
  }

  #entriesFor(count: number): Float64Array {
    if (count > fewMax) return new Float64Array(2 * count);
    if (2 * count > this.#drained.length) this.#drained = new Float64Array(4 * count);
    return this.#drained;
  }
}

/** A few of the keys, in order. */
function sampleOf(entries: Float64Array, count: number): Float64Array {
  const size = Math.min(count, sampleMax);
  const at = (i: number) => entries[2 * Math.floor((i * count) / size)] as number;
  return Float64Array.from({ length: size }, (_, i) => at(i)).sort();
}
