import type { Batch } from '@troupe/fabric';
import { BatchReader, type Clock, encodeBatch, type LogWriter, Loop } from '@troupe/fabric';
import {
  assert,
  type Bytes,
  decode,
  InvariantBroken,
  limits,
  logName,
  type Output,
  troupeError,
} from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

interface Fact {
  readonly number: number;
  readonly padding?: string;
}
interface Step {
  readonly facts: number;
  readonly sends: number;
  readonly replies: number;
}
/** What a machine said, and how many facts it had emitted when it said so. */
interface Said {
  readonly number: number;
  readonly after: number;
}

/** Time and turns of the event loop in the hand of the test. */
class HandClock implements Clock {
  #now = 0;
  #soon: (() => void)[] = [];
  #timers: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.#now;
  }
  wall(): number {
    return this.#now;
  }
  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  soon(run: () => void): void {
    this.#soon.push(run);
  }
  turn(): void {
    for (const run of this.#soon.splice(0)) run();
  }
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.fire();
  }
}

/** A log in memory whose appends are settled by the test. */
class MemoryLog implements LogWriter {
  readonly log = logName('turns-memory_00000000');
  readonly records: Bytes[] = [];
  last = 1;
  #waiting: { records: readonly Bytes[]; done: (at: number) => void; fail: (e: Error) => void }[] =
    [];

  append(records: readonly Bytes[]): Promise<number> {
    expect(this.#waiting, 'L2: at most one append is in flight').toEqual([]);
    return new Promise((done, fail) => {
      this.#waiting.push({ records, done, fail });
    });
  }
  get inFlight(): boolean {
    return this.#waiting.length > 0;
  }
  settle(): void {
    const append = this.#waiting.shift();
    if (append === undefined) return;
    this.records.push(...append.records);
    this.last += append.records.length;
    append.done(this.last);
  }
  refuse(): void {
    this.#waiting.shift()?.fail(troupeError('DEPOSED', 'sealed by a test'));
  }
  facts(): Fact[] {
    const reader = new BatchReader<Fact>(0);
    return this.records.flatMap((record) => [...reader.push(decode<Batch<Fact>>(record))]);
  }
}

/** A loop over a machine that emits what its events say, on a log and a clock held by the test. */
class Harness {
  readonly clock = new HandClock();
  readonly log = new MemoryLog();
  readonly sends: Said[] = [];
  readonly replies: Said[] = [];
  readonly drops: { reason: Error; withheld: number }[] = [];
  durable = 0;
  emitted = 0;
  handled = 0;
  saidSends = 0;
  saidReplies = 0;
  wake: number | undefined;
  readonly loop: Loop<Step, Fact, Said, Said, never>;

  constructor() {
    this.loop = new Loop<Step, Fact, Said, Said, never>({
      machine: { handle: (_now, step) => this.#handle(step), wakeAt: () => this.wake },
      writer: this.log,
      clock: this.clock,
      nextFact: 0,
      name: 'test',
      tick: () => {
        this.wake = undefined;
        return { facts: 1, sends: 0, replies: 0 };
      },
      rim: {
        work: () => {},
        send: (said) => {
          expect(this.durable, 'L1').toBeGreaterThanOrEqual(said.after);
          this.sends.push(said);
        },
        reply: (said) => {
          expect(this.durable, 'L1').toBeGreaterThanOrEqual(said.after);
          this.replies.push(said);
        },
        durable: (facts) => {
          this.durable += facts.length;
        },
        released: () => {},
        dropped: (reason, withheld) => this.drops.push({ reason, withheld }),
      },
    });
  }

  /** Promises settle in microtasks: one turn of the real event loop runs them all. */
  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async finish(): Promise<void> {
    do {
      this.clock.turn();
      this.log.settle();
      await this.breathe();
    } while (this.log.inFlight);
  }

  #handle(step: Step): Output<Fact, Said, Said, never> {
    this.handled += 1;
    assert(step.facts >= 0, 'T1: a test step asks for facts');
    const append = many(step.facts, () => ({ number: this.emitted++ }));
    const after = this.emitted;
    const send = many(step.sends, () => ({ number: this.saidSends++, after }));
    const reply = many(step.replies, () => ({ number: this.saidReplies++, after }));
    return { append, send, reply, work: [] };
  }
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

const numbers = (said: readonly Said[]) => said.map((one) => one.number);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

const step = fc.record({
  facts: fc.nat({ max: 3 }),
  sends: fc.nat({ max: 2 }),
  replies: fc.nat({ max: 2 }),
});
const act = fc.oneof(
  { weight: 4, arbitrary: step.map((one) => ({ kind: 'post', step: one }) as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'turn' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' } as const) },
);
const acts = fc.array(act, { maxLength: 40 });

async function play(
  harness: Harness,
  list: readonly (typeof act extends fc.Arbitrary<infer A> ? A : never)[],
) {
  for (const one of list) {
    if (one.kind === 'post') harness.loop.post(one.step);
    else if (one.kind === 'turn') harness.clock.turn();
    else {
      harness.log.settle();
      await harness.breathe();
    }
  }
}

describe('the driver loop', () => {
  test('releases nothing before its facts are durable, and everything once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (list) => {
        const harness = new Harness();
        await play(harness, list);
        await harness.finish();
        expect(numbers(harness.sends)).toEqual(upTo(harness.saidSends));
        expect(numbers(harness.replies)).toEqual(upTo(harness.saidReplies));
        expect(harness.log.facts().map((fact) => fact.number)).toEqual(upTo(harness.emitted));
        expect(harness.drops).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('a refused append drops the machine: nothing more is handled, released or appended', async () => {
    await fc.assert(
      fc.asyncProperty(acts, acts, async (before, after) => {
        const harness = new Harness();
        await play(harness, before);
        await harness.finish();
        harness.loop.post({ facts: 1, sends: 1, replies: 2 });
        harness.clock.turn();
        const released = [harness.sends.length, harness.replies.length];
        harness.log.refuse();
        await harness.breathe();
        const handled = harness.handled;
        await play(harness, after);
        await harness.finish();
        expect([harness.sends.length, harness.replies.length]).toEqual(released);
        expect(harness.handled).toBe(handled);
        expect(harness.log.inFlight).toBe(false);
        expect(harness.drops).toMatchObject([{ reason: { code: 'DEPOSED' }, withheld: 2 }]);
      }),
      { numRuns: 100 },
    );
  });

  test('what is said while an append travels waits for it, even without facts of its own', async () => {
    const harness = new Harness();
    harness.loop.post({ facts: 1, sends: 0, replies: 0 });
    harness.clock.turn();
    harness.loop.post({ facts: 0, sends: 1, replies: 1 });
    harness.clock.turn();
    expect(harness.sends).toEqual([]);
    expect(harness.replies).toEqual([]);
    await harness.finish();
    expect(harness.sends).toHaveLength(1);
    expect(harness.replies).toHaveLength(1);
  });

  test('events that arrive while an append travels share the next one', async () => {
    const harness = new Harness();
    harness.loop.post({ facts: 1, sends: 0, replies: 0 });
    harness.clock.turn();
    for (let i = 0; i < 50; i++) harness.loop.post({ facts: 1, sends: 0, replies: 1 });
    harness.clock.turn();
    await harness.finish();
    expect(harness.log.records).toHaveLength(2);
    expect(harness.replies).toHaveLength(50);
  });

  test('a machine that breaks an invariant is dropped, and its durable facts stay as they are', async () => {
    const harness = new Harness();
    harness.loop.post({ facts: 1, sends: 0, replies: 1 });
    await harness.finish();
    harness.loop.post({ facts: -1, sends: 0, replies: 0 });
    harness.clock.turn();
    expect(harness.drops).toHaveLength(1);
    await harness.loop.idle();
    expect(harness.log.facts()).toHaveLength(1);
  });

  test('replies whose append is in flight count as withheld when the machine breaks', () => {
    const harness = new Harness();
    harness.loop.post({ facts: 1, sends: 0, replies: 3 });
    harness.clock.turn();
    harness.loop.post({ facts: -1, sends: 0, replies: 0 });
    harness.clock.turn();
    expect(harness.drops).toMatchObject([{ withheld: 3 }]);
  });

  test('a machine is woken when it asked to be, and at once when it asks for the past', async () => {
    const harness = new Harness();
    harness.wake = 100;
    harness.loop.post({ facts: 0, sends: 0, replies: 0 });
    harness.clock.turn();
    harness.clock.advance(99);
    harness.clock.turn();
    expect(harness.handled).toBe(1);
    harness.clock.advance(1);
    harness.clock.turn();
    expect(harness.handled).toBe(2);
    await harness.finish();
  });

  test('idle waits for what travels, and answers at once when the machine is gone', async () => {
    const harness = new Harness();
    harness.loop.post({ facts: 1, sends: 1, replies: 0 });
    let idle = false;
    const waiting = harness.loop.idle().then(() => {
      idle = true;
    });
    harness.clock.turn();
    await harness.breathe();
    expect(idle).toBe(false);
    await harness.finish();
    await waiting;
    expect(harness.sends).toHaveLength(1);
    harness.loop.post({ facts: 1, sends: 0, replies: 0 });
    harness.clock.turn();
    harness.loop.stop();
    await harness.loop.idle();
  });
});

describe('a batch', () => {
  const facts = (lengths: readonly number[]): Fact[] =>
    lengths.map((length, number) => ({ number, padding: 'x'.repeat(length) }));
  const lengths = fc.array(fc.nat({ max: 400_000 }), { minLength: 1, maxLength: 12 });
  const readAll = (records: readonly Bytes[], reader = new BatchReader<Fact>(7)) =>
    records.flatMap((record) => [...reader.push(decode<Batch<Fact>>(record))]);

  test('larger than a record is split, each part fits, and it reads back whole', () => {
    fc.assert(
      fc.property(lengths, (list) => {
        const batch = facts(list);
        const records = encodeBatch(batch, 7);
        for (const record of records) {
          expect(record.length).toBeLessThanOrEqual(limits.recordBytesMax);
        }
        const marks = records.map((record) => decode<Batch<Fact>>(record).last);
        expect(marks).toEqual(records.map((_, index) => index === records.length - 1));
        expect(readAll(records)).toEqual(batch);
      }),
      { numRuns: 30 },
    );
  });

  test('whose end was never written is ignored, and the next writer uses its numbers again', () => {
    const long = encodeBatch(facts([500_000, 500_000, 500_000]), 7);
    expect(long.length).toBeGreaterThan(1);
    const reader = new BatchReader<Fact>(7);
    expect(readAll(long.slice(0, -1), reader)).toEqual([]);
    expect(reader.nextFact).toBe(7);
    const successor = facts([1, 2]);
    expect(readAll(encodeBatch(successor, 7), reader)).toEqual(successor);
    expect(reader.nextFact).toBe(9);
  });

  test('whose end was never written may be the front of what trimming left', () => {
    const long = encodeBatch(facts([500_000, 500_000, 500_000]), 7);
    const reader = new BatchReader<Fact>();
    expect(readAll(long.slice(0, -1), reader)).toEqual([]);
    const successor = facts([1, 2]);
    expect(readAll(encodeBatch(successor, 7), reader)).toEqual(successor);
    expect(reader.nextFact).toBe(9);
  });

  test('that does not continue the one before is refused as corrupt', () => {
    const reader = new BatchReader<Fact>(0);
    readAll(encodeBatch(facts([1, 2]), 0), reader);
    expect(() => readAll(encodeBatch(facts([1]), 3), reader)).toThrow(/fact 2 is missing/);
  });

  test('with a fact too large for any record is a broken invariant, not a silent loss', () => {
    expect(() => encodeBatch(facts([limits.recordBytesMax]), 0)).toThrow(InvariantBroken);
    expect(() => encodeBatch(facts([5, limits.recordBytesMax, 5]), 0)).toThrow(InvariantBroken);
  });
});
