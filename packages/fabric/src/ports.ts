/**
 * What the driver loop and the processes stand on. The NATS and etcd adapters fill these ports; the
 * simulation fills them with virtual ones and turns the very same loop.
 */
import type { Bytes, LogName, StoredObject } from '@troupe/model';

/** Monotonic and wall time, and timers. */
export interface Clock {
  /** Monotonic milliseconds, never going back; time in which the machine slept counts. */
  now(): number;
  /** Wall-clock milliseconds since the epoch: for people, nothing is decided by it. */
  wall(): number;
  /** Calls `fire` once after `ms`; the answer cancels it. */
  after(ms: number, fire: () => void): () => void;
  /** Calls `run` once, soon, after the I/O that is ready now. */
  soon(run: () => void): void;
}

/**
 * The writing end of one log: a single writer, one append in flight, fenced by the store.
 * `append` settles in one of two ways: it resolves with the position of the last record when every
 * record is durable, or it rejects with `DEPOSED` (a foreign record, a seal, or the stream is gone),
 * after which the writer is dead for good. Unknown outcomes are resolved inside, by reading.
 * A writer dies likewise with `LOG_CORRUPT` when records it had acknowledged are missing, and with
 * `UNAVAILABLE` when its connection is closed under it.
 */
export interface LogWriter {
  readonly log: LogName;
  /** Position (stream sequence) of the last record known durable. */
  readonly last: number;
  /** Appends the records one after another. Must not be called while another append is in flight. */
  append(records: readonly Bytes[]): Promise<number>;
}

export type LogRecordKind = 'open' | 'rec' | 'seal';

export interface LogRecord {
  readonly position: number;
  readonly kind: LogRecordKind;
  readonly body: Bytes;
}

/** Logs by name: made, read, sealed, trimmed, deleted. */
export interface Logs {
  /** Makes the stream with `opening` as record 1; idempotent for the same opening bytes. */
  create(log: LogName, opening: Bytes): Promise<void>;
  /** The writing end, at the present end of the log. Fails with `DEPOSED` on a sealed log. */
  writer(log: LogName): Promise<LogWriter>;
  /** The writing end at `last`, which the caller has read up to; nothing is asked of the store. */
  writerAt(log: LogName, last: number): LogWriter;
  /** One unconditional append; answers the position of the first seal. Idempotent. */
  seal(log: LogName, by: Bytes): Promise<number>;
  /** Records from `from` to the end at the time of the call (or to `to`), in order, gaps refused
   *  (a trimmed front is not a gap; an opening record is always read first when `from` <= 1). */
  read(log: LogName, from: number, to?: number): AsyncIterable<LogRecord>;
  /** Live records from `from` on, until `stop`. `caughtUp` fires at each arrival at the end. */
  follow(log: LogName, from: number, on: FollowLog): Promise<{ stop(): Promise<void> }>;
  /** Position of the last record. */
  end(log: LogName): Promise<number>;
  /** Frees records before `before`; opening and seal records stay. */
  trim(log: LogName, before: number): Promise<void>;
  delete(log: LogName): Promise<void>;
  list(): Promise<LogName[]>;
}

export interface FollowLog {
  record(record: LogRecord): void;
  caughtUp(position: number): void;
  /** The subscription broke for good (stream deleted); the follower starts anew. */
  broken(reason: Error): void;
}

/** Fire-and-forget messages, batched per subject: what is sent in one turn of the event loop (or
 *  while the socket is busy) travels as one NATS message. */
export interface Bus {
  send(subject: string, message: object): void;
  /** Every message of a batch is delivered alone; `decode` errors are counted and logged. */
  listen(subject: string, on: (message: never) => void): { stop(): void };
  /** One question, one answer; rejects with `UNAVAILABLE` (no one listens, or time ran out). */
  ask(subject: string, question: object, limitMs: number): Promise<unknown>;
  answer(subject: string, on: (question: never) => Promise<object>): { stop(): void };
  /** Everything sent so far has reached the broker. */
  flush(): Promise<void>;
  readonly connected: boolean;
  /** True: connected (again). Messages sent while disconnected are dropped: they are resent. */
  onConnection(on: (connected: boolean) => void): void;
  close(): Promise<void>;
}

/** Large values by content: put is idempotent, names are sha-256. */
export interface ObjectStore {
  put(bytes: Bytes): Promise<string>;
  /** Rejects with `LOG_CORRUPT` when it is absent or its bytes do not match their name. */
  get(hash: string): Promise<Bytes>;
  has(hash: string): Promise<boolean>;
  delete(hash: string): Promise<void>;
}

/** Large outputs, each under the number of the attempt whose output it is. */
export interface OutputStore {
  /** Resolves when all is durable; rejects with `UNAVAILABLE` when that takes longer. */
  put(object: number, body: Bytes, limitMs: number): Promise<StoredObject>;
  /** Rejects with `OBJECT_CORRUPT` when it is absent or its bytes do not match its hash. */
  get(stored: StoredObject, limitMs: number): Promise<Bytes>;
  /** All that was put under this number. */
  delete(object: number): Promise<void>;
  /** Numbers under which anything lies there. */
  list(): Promise<readonly number[]>;
}

export interface StoredCheckpoint {
  readonly body: Bytes;
  /** Store revision: the expectation of the next put. */
  readonly revision: number;
  /** Body of the one before, when this was put on top of it, and the revision of that. */
  readonly base?: Bytes;
  readonly baseRevision?: number;
}

/** One that is kept, read or not. */
export interface KeptVersion {
  readonly revision: number;
  /** Wall-clock ms of the store when it was put, for people. */
  readonly at: number;
  readonly bytes: number;
}

/**
 * One subject an actor; compare-and-set by revision, so that a late writer cannot hide a newer. The last
 * versions are kept, and each is known by its revision. Reading rejects with `LOG_CORRUPT`, and with `revision`,
 * when a version holds other bytes than were put.
 */
export interface Checkpoints {
  /** Answers the new revision, or undefined when `expected` is not the last revision any more. */
  put(key: string, body: Bytes, expected: number): Promise<number | undefined>;
  /** The same; what is put does not stand alone, but together with the one that it replaces. */
  putOnTop(key: string, body: Bytes, expected: number): Promise<number | undefined>;
  /** The last one. `revision` 0 and no body is `undefined`. What is `known` is not fetched again. */
  get(key: string, known?: StoredCheckpoint): Promise<StoredCheckpoint | undefined>;
  /** Those that are kept, the newest first. */
  versions(key: string): Promise<readonly KeptVersion[]>;
  /** One of these, undefined when it is not kept any more. */
  version(key: string, revision: number): Promise<StoredCheckpoint | undefined>;
  /** Frees those before this revision with their objects, and never the last one. */
  freeBefore(key: string, revision: number): Promise<void>;
  /** All that was put under this key. */
  drop(key: string): Promise<void>;
  /** Frees what stands there before this revision, with its objects. */
  prune(key: string, revision: number): Promise<void>;
  /** Frees what stands there up to this revision. */
  dropUpTo(key: string, revision: number): Promise<void>;
}
