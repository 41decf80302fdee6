import {
  actorId,
  decodeValue,
  encodeValue,
  type FromRunner,
  limits,
  type ToRunner,
} from '@troupe/model';
import { actor } from '@troupe/sdk';
import { definitionsOf } from '@troupe/sdk/internal';
import { describe, expect, test } from 'vitest';
import { Runner } from '../src/runner.ts';

const closed: string[] = [];

const Pages = actor('Pages', {
  state: () => ({ read: 0 }),
  methods: {
    async *count(c, to: number) {
      for (let at = 0; at < to; at++) yield at;
      c.state.read += to;
      return `counted ${to}`;
    },
    *plainly() {
      yield 'a';
      yield 'b';
      return 'c';
    },
    async *behind(c, to: number) {
      for (let at = c.continueStream(); at < to; at++) yield `again ${at}`;
      return 'went on';
    },
    async *large() {
      try {
        for (;;) yield 'x'.repeat(100_000);
      } finally {
        closed.push('large');
      }
    },
    async *tooLarge() {
      try {
        yield 'x'.repeat(limits.streamValueBytesMax + 1);
      } catch (thrown) {
        yield (thrown as { code: string }).code;
      }
      return 'went on';
    },
    async *uncarriable() {
      yield { open() {} };
    },
    async *fails() {
      yield 1;
      throw new RangeError('no more');
    },
    async *steps(c) {
      const fetched = await c.step('fetch', () => 'page');
      yield fetched;
      return 'read';
    },
  },
});

type Turn = Extract<ToRunner, { kind: 'turn' }>;

/** A runner in this process, turned by hand. */
class Hand {
  readonly said: FromRunner[] = [];
  readonly #actor = actorId('default', 'Pages', 'k');
  readonly #runner: Runner;
  readonly #timers: (() => void)[] = [];
  #waiting: (() => void)[] = [];

  constructor() {
    const emit = (frame: FromRunner): void => {
      this.said.push(frame);
      for (const look of this.#waiting.splice(0)) look();
    };
    const after = (_ms: number, fire: () => void) => {
      this.#timers.push(fire);
      return () => void this.#timers.splice(this.#timers.indexOf(fire), 1);
    };
    this.#runner = new Runner(definitionsOf({ Pages }), emit, { after, wall: () => 0 });
    this.#runner.take({ kind: 'activate', actor: this.#actor, deltas: [] });
  }

  turn(method: string, args: unknown[], more: Partial<Turn> = {}): void {
    this.#runner.take({
      kind: 'turn',
      work: 1,
      actor: this.#actor,
      method,
      args: encodeValue(args),
      read: false,
      callId: 'c',
      recorded: [],
      limitMs: 1_000,
      ...more,
    });
  }

  take(frame: ToRunner): void {
    this.#runner.take(frame);
  }

  /** The time limit of the turn passes. */
  expire(): void {
    for (const fire of this.#timers.splice(0)) fire();
  }

  async until(fits: () => boolean): Promise<void> {
    while (!fits()) await new Promise<void>((look) => this.#waiting.push(look));
  }

  get yielded(): unknown[] {
    return this.said.flatMap((frame) =>
      frame.kind === 'yielded' ? [[frame.position, decodeValue(frame.value)]] : [],
    );
  }

  get outcome(): unknown {
    const done = this.said.find((frame) => frame.kind === 'turn-done');
    if (done?.kind !== 'turn-done') return undefined;
    return done.outcome.ok ? decodeValue(done.outcome.value) : done.outcome.failure.code;
  }

  async ended(): Promise<unknown> {
    await this.until(() => this.outcome !== undefined);
    return this.outcome;
  }
}

describe('a method that yields', () => {
  test('tells each value under its position, and replies with what it returns', async () => {
    const hand = new Hand();
    hand.turn('count', [3], { yielded: 0 });
    expect(await hand.ended()).toBe('counted 3');
    expect(hand.yielded).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });

  test('may be a plain generator', async () => {
    const hand = new Hand();
    hand.turn('plainly', [], { yielded: 0 });
    expect(await hand.ended()).toBe('c');
    expect(hand.yielded).toEqual([
      [0, 'a'],
      [1, 'b'],
    ]);
  });

  test('tells nothing where nobody takes, and runs to its end', async () => {
    const hand = new Hand();
    hand.turn('count', [1_000]);
    expect(await hand.ended()).toBe('counted 1000');
    expect(hand.yielded).toEqual([]);
  });

  test('does not tell again what an earlier run has yielded', async () => {
    const hand = new Hand();
    hand.turn('count', [4], { yielded: 2 });
    expect(await hand.ended()).toBe('counted 4');
    expect(hand.yielded).toEqual([
      [2, 2],
      [3, 3],
    ]);
  });

  test('may go on behind what an earlier run has yielded', async () => {
    const hand = new Hand();
    hand.turn('behind', [4], { yielded: 2 });
    expect(await hand.ended()).toBe('went on');
    expect(hand.yielded).toEqual([
      [2, 'again 2'],
      [3, 'again 3'],
    ]);
  });

  test('waits while too much of it is not durable, and goes on when it is', async () => {
    const hand = new Hand();
    const { yieldsFlyingMax } = limits;
    hand.turn('count', [2 * yieldsFlyingMax], { yielded: 0 });
    await hand.until(() => hand.yielded.length === yieldsFlyingMax);
    hand.take({ kind: 'yields-seen', work: 1, upTo: 10 });
    await hand.until(() => hand.yielded.length === yieldsFlyingMax + 10);
    hand.take({ kind: 'yields-seen', work: 1, upTo: yieldsFlyingMax + 10 });
    expect(await hand.ended()).toBe(`counted ${2 * yieldsFlyingMax}`);
  });

  test('that waits is closed when its time is over', async () => {
    const hand = new Hand();
    hand.turn('large', [], { yielded: 0 });
    await hand.until(() => hand.yielded.length === 3);
    hand.expire();
    expect(await hand.ended()).toBe('TIME_LIMIT');
    await Promise.resolve();
    expect(closed).toEqual(['large']);
    expect(hand.yielded).toHaveLength(3);
  });

  test('hears at its yield that a value is too large', async () => {
    const hand = new Hand();
    hand.turn('tooLarge', [], { yielded: 0 });
    expect(await hand.ended()).toBe('went on');
    expect(hand.yielded.map((one) => (one as unknown[])[1])).toEqual(['TOO_LARGE']);
  });

  test('fails by a value that cannot be carried', async () => {
    const hand = new Hand();
    hand.turn('uncarriable', [], { yielded: 0 });
    expect(await hand.ended()).toBe('UNCARRIABLE');
  });

  test('may fail after it has yielded', async () => {
    const hand = new Hand();
    hand.turn('fails', [], { yielded: 0 });
    expect(await hand.ended()).toBe('USER_ERROR');
    expect(hand.yielded).toEqual([[0, 1]]);
  });

  test('takes steps between', async () => {
    const hand = new Hand();
    hand.turn('steps', [], { yielded: 0 });
    hand.take({ kind: 'step-go', work: 1, ordinal: 0 });
    expect(await hand.ended()).toBe('read');
    expect(hand.yielded).toEqual([[0, 'page']]);
  });
});
