/**
 * The one driver loop. It drains the inbox, lets the machine handle many events, appends all their
 * facts as one record, and when that is durable releases sends, then replies. While an append
 * travels the next batch forms, so latency is one append and throughput is batch × appends.
 *
 * L1  nothing a machine said leaves before every fact emitted up to then is durable.
 * L2  at most one append is in flight.
 * L3  outputs are released in the order in which the machine gave them.
 * L4  a refused append drops the machine: nothing more is handled, released or appended.
 */
import {
  assert,
  type Bytes,
  encode,
  failure,
  InvariantBroken,
  limits,
  type Machine,
  TroupeError,
} from '@troupe/model';
import { crashPoint } from './crash-point.ts';
import type { Clock, LogWriter } from './ports.ts';

/** What a record of a log holds. */
export interface Batch<Fact> {
  /** Number of the first fact here; facts of a log are numbered without gaps. */
  readonly first: number;
  readonly facts: readonly Fact[];
  /** False: more records of the same batch follow; a batch without its last record is ignored. */
  readonly last: boolean;
}

export interface LoopRim<Fact, Send, Reply, Work> {
  /** At once, before anything is durable. */
  work(order: Work): void;
  send(message: Send): void;
  reply(answer: Reply): void;
  /** The facts of a batch are durable; `position` is that of its last record. Before its sends. */
  durable(facts: readonly Fact[], position: number): void;
  /** After everything of one batch was handed to `send` and `reply`. */
  released(): void;
  /** The end of this machine: `DEPOSED`, or a bug. Called once. `withheld` answers stay unsaid. */
  dropped(reason: Error, withheld: number): void;
}

export interface LoopStart<Event, Fact, Send, Reply, Work> {
  readonly machine: Machine<Event, Fact, Send, Reply, Work>;
  readonly writer: LogWriter;
  readonly rim: LoopRim<Fact, Send, Reply, Work>;
  readonly clock: Clock;
  /** Number of the next fact. */
  readonly nextFact: number;
  /** Made when the machine's `wakeAt` has come. */
  readonly tick: () => Event;
  /** Prefix of crash points, e.g. `node`. */
  readonly name: string;
}

interface Pending<Fact, Send, Reply> {
  facts: Fact[];
  sends: Send[];
  replies: Reply[];
}

/** How long one drain may run before the event loop breathes. */
const drainEventsMax = 2_000;

export class Loop<Event, Fact, Send, Reply, Work> {
  readonly #start: LoopStart<Event, Fact, Send, Reply, Work>;
  #inbox: Event[] = [];
  #pending: Pending<Fact, Send, Reply> = { facts: [], sends: [], replies: [] };
  #nextFact: number;
  #inFlight: Pending<Fact, Send, Reply> | undefined;
  #scheduled = false;
  #dropped = false;
  #wake: { at: number; cancel: () => void } | undefined;
  #idle: (() => void)[] = [];

  constructor(start: LoopStart<Event, Fact, Send, Reply, Work>) {
    this.#start = start;
    this.#nextFact = start.nextFact;
  }

  /** Puts an event into the inbox; it is handled soon, in order. Ignored once dropped. */
  post(event: Event): void {
    if (this.#dropped) return;
    this.#inbox.push(event);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#start.clock.soon(() => this.#drain());
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  /** Events, facts and outputs not yet released: what an orderly stop waits for. */
  idle(): Promise<void> {
    if (this.#dropped || this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Stops for good without a word: nothing more is handled or released. */
  stop(): void {
    this.#dropped = true;
    this.#wake?.cancel();
    this.#inbox = [];
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #drain(): void {
    this.#scheduled = false;
    if (this.#dropped) return;
    const events = this.#inbox.splice(0, drainEventsMax);
    try {
      for (const event of events) {
        this.#handle(event);
        if (this.#dropped) return;
      }
    } catch (reason) {
      this.#drop(reason);
      return;
    }
    if (this.#inbox.length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      this.#start.clock.soon(() => this.#drain());
    }
    this.#flush();
    this.#setWake();
  }

  #handle(event: Event): void {
    const output = this.#start.machine.handle(this.#start.clock.now(), event);
    for (const order of output.work) this.#start.rim.work(order);
    for (const fact of output.append) this.#pending.facts.push(fact);
    for (const message of output.send) this.#pending.sends.push(message);
    for (const answer of output.reply) this.#pending.replies.push(answer);
  }

  #flush(): void {
    if (this.#inFlight !== undefined || this.#dropped) return;
    const batch = this.#pending;
    if (batch.facts.length === 0) {
      if (batch.sends.length > 0 || batch.replies.length > 0) {
        this.#pending = { facts: [], sends: [], replies: [] };
        this.#guard(() => this.#release(batch));
      }
      this.#settleIdle();
      return;
    }
    this.#pending = { facts: [], sends: [], replies: [] };
    this.#inFlight = batch;
    let records: Bytes[];
    try {
      records = encodeBatch(batch.facts, this.#nextFact);
    } catch (reason) {
      this.#drop(reason);
      return;
    }
    this.#nextFact += batch.facts.length;
    crashPoint(`${this.#start.name}.before-append`);
    this.#start.writer.append(records).then(
      (position) => this.#appended(batch, position),
      (reason: unknown) => this.#drop(reason),
    );
  }

  #appended(batch: Pending<Fact, Send, Reply>, position: number): void {
    if (this.#dropped) return;
    assert(this.#inFlight === batch, 'L2: at most one append is in flight');
    crashPoint(`${this.#start.name}.after-append`);
    this.#guard(() => {
      this.#start.rim.durable(batch.facts, position);
      this.#inFlight = undefined;
      this.#release(batch);
    });
    this.#flush();
  }

  /** Whatever the rim throws is the end of the machine, not of the process's event loop. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (reason) {
      this.#drop(reason);
    }
  }

  #release(batch: Pending<Fact, Send, Reply>): void {
    for (const message of batch.sends) {
      if (this.#dropped) return;
      this.#start.rim.send(message);
    }
    for (const answer of batch.replies) {
      if (this.#dropped) return;
      this.#start.rim.reply(answer);
    }
    if (!this.#dropped) this.#start.rim.released();
  }

  #drop(reason: unknown): void {
    if (this.#dropped) return;
    const withheld = (this.#inFlight?.replies.length ?? 0) + this.#pending.replies.length;
    this.stop();
    const error = reason instanceof Error ? reason : new Error(String(reason));
    this.#start.rim.dropped(error, withheld);
  }

  #setWake(): void {
    const at = this.#start.machine.wakeAt();
    if (this.#wake !== undefined) {
      if (at !== undefined && this.#wake.at <= at) return;
      this.#wake.cancel();
      this.#wake = undefined;
    }
    if (at === undefined) return;
    const cancel = this.#start.clock.after(Math.max(0, at - this.#start.clock.now()), () => {
      this.#wake = undefined;
      this.post(this.#start.tick());
    });
    this.#wake = { at, cancel };
  }

  #isIdle(): boolean {
    return (
      this.#inbox.length === 0 && this.#inFlight === undefined && this.#pending.facts.length === 0
    );
  }

  #settleIdle(): void {
    if (this.#idle.length === 0 || !this.#isIdle()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Splits facts over records of at most `limits.recordBytesMax`, the last one marked. */
export function encodeBatch<Fact>(facts: readonly Fact[], first: number): Bytes[] {
  const whole = encode({ first, facts, last: true } satisfies Batch<Fact>);
  if (whole.length <= limits.recordBytesMax) return [whole];
  if (facts.length === 1) {
    const text = `a fact of ${whole.length} bytes is larger than a record may be`;
    throw new InvariantBroken(`L5: ${text} (${failure('TOO_LARGE', text).code})`);
  }
  const records: Bytes[] = [];
  let from = 0;
  while (from < facts.length) {
    const { to, record } = largestRecord(facts, from, first);
    records.push(record);
    from = to;
  }
  return records;
}

function largestRecord<Fact>(
  facts: readonly Fact[],
  from: number,
  first: number,
): { to: number; record: Bytes } {
  let to = facts.length;
  for (;;) {
    const part = facts.slice(from, to);
    const last = to === facts.length;
    const record = encode({ first: first + from, facts: part, last } satisfies Batch<Fact>);
    if (record.length <= limits.recordBytesMax) return { to, record };
    if (to - from === 1) throw new InvariantBroken('L5: every fact fits into a record');
    to = from + Math.max(1, Math.floor((to - from) / 2));
  }
}

/** Puts batches back together while a log is read: unmarked tails are ignored, gaps refused. */
export class BatchReader<Fact> {
  #held: Fact[] = [];
  #next: number | undefined;
  /** Number of the fact after the last complete batch. */
  #committed: number;

  /** `next` is the number of the first fact expected, or undefined to accept any start. */
  constructor(next?: number) {
    this.#next = next;
    this.#committed = next ?? 0;
  }

  /** Number that the next fact of a new writer gets. */
  get nextFact(): number {
    return this.#committed;
  }

  /** The facts that became complete with this record; none while a batch is open. */
  push(batch: Batch<Fact>): readonly Fact[] {
    if (this.#next === undefined) this.#committed = batch.first;
    if (this.#held.length > 0 && batch.first === this.#committed) {
      // A new writer took over: the open batch was never committed, its numbers are used again.
      this.#held = [];
      this.#next = this.#committed;
    }
    if (this.#next !== undefined && batch.first !== this.#next) {
      throw new TroupeError(
        failure('LOG_CORRUPT', `fact ${this.#next} is missing, found ${batch.first}`),
      );
    }
    this.#next = batch.first + batch.facts.length;
    this.#held.push(...batch.facts);
    if (!batch.last) return [];
    const complete = this.#held;
    this.#held = [];
    this.#committed = this.#next;
    return complete;
  }
}
