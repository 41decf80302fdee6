import { type ChainLink, encodeValue, incarnation, logName, sessionId } from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bundle, ledger, node as nodeAt, other, shared, TestNode } from './harness.ts';

/** What may happen next. Numbers choose among the calls that are open. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'call' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('resend' as const), which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'letter' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'resend-letters' as const }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'commit-unheard' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash-runner' as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'wish' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'prepared' as const }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'leader-hears' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'host-dies' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'other-dies' as const }) },
);
type Happening = typeof happening extends fc.Arbitrary<infer H> ? H : never;

const term = { generation: 1, number: 0 };

/** A ledger that moves between two nodes, the leader that places it, and who writes to it. */
class Stage {
  readonly acknowledged = new Map<number, unknown>();
  readonly open = new Set<number>();
  readonly letters = { sent: 0, acknowledged: 0 };
  readonly #world = shared();
  #nodes = 0;
  #epoch = 2;
  #chain: ChainLink[] = [];
  #next = 1;
  host: TestNode;
  spare: TestNode;

  constructor() {
    this.host = this.#start(1_000);
    this.spare = this.#start(1_000);
    this.host.place(ledger, this.#epoch);
  }

  do(event: Happening): void {
    switch (event.kind) {
      case 'call':
        this.open.add(this.#next);
        this.say(this.#next);
        this.#next += 1;
        break;
      case 'resend': {
        const number = [...this.open][event.which];
        if (number !== undefined) this.say(number);
        break;
      }
      case 'letter':
        this.letters.sent += 1;
        this.#write(this.letters.sent);
        break;
      case 'resend-letters':
        this.sendLetters();
        break;
      case 'commit':
        this.host.commit();
        break;
      case 'commit-unheard':
        this.host.commit();
        this.host.replies.length = 0;
        break;
      case 'checkpoint':
        this.host.tick(2_000);
        break;
      case 'crash-runner':
        this.host.crashRunner();
        break;
      case 'wish':
        this.#wish();
        break;
      case 'prepared':
        this.host.message({ kind: 'prepared', actor: ledger, epoch: this.#epoch });
        break;
      case 'leader-hears':
        this.leaderHears();
        break;
      case 'host-dies':
        this.#hostDies();
        break;
      case 'other-dies':
        this.spare = this.#start(this.host.now);
        break;
    }
    this.hear();
  }

  say(number: number): void {
    const caller = { number, low: Math.min(...this.open), session: sessionId('s') };
    this.host.call('add', `id${number}`, caller, { epoch: this.#epoch });
  }

  sendLetters(): void {
    for (let n = this.letters.acknowledged + 1; n <= this.letters.sent; n++) this.#write(n);
  }

  hear(): void {
    for (const { message } of this.host.replies) {
      if (message.kind === 'letter-ack') this.letters.acknowledged = message.upTo;
    }
    for (const { number, outcome } of this.host.results()) {
      if (!outcome.ok) throw new Error(`${number}: ${outcome.failure.message}`);
      this.acknowledged.set(number, outcome.value);
      this.open.delete(number);
    }
    this.host.replies.length = 0;
  }

  /** All that was said by now: the actor may have been released, or its chain be needed no more. */
  leaderHears(): void {
    for (const send of this.host.sent.splice(0)) {
      if (send.kind !== 'to-leader') continue;
      const { message } = send;
      const actors = 'actors' in message ? message.actors : [];
      if (!actors.some(({ epoch }) => epoch === this.#epoch)) continue;
      if (message.kind === 'rebased') this.#chain = [];
      if (message.kind === 'released') return this.#released();
    }
  }

  list(): string[] {
    const caller = { number: this.#next, low: this.#next, session: sessionId('s') };
    this.host.call('list', '', caller, { epoch: this.#epoch });
    return this.host.values().at(-1) as string[];
  }

  #released(): void {
    const left = this.host;
    const seen = this.#epoch;
    [this.host, this.spare] = [this.spare, this.host];
    this.#chain = [];
    this.#epoch += 5;
    this.host.place(ledger, this.#epoch);
    left.message({ kind: 'release-seen', term, actors: [{ actor: ledger, epoch: seen }] });
    left.commit();
    this.host.autoCommit = left.autoCommit;
  }

  /** What was not durable dies with it; its log is sealed, and the other one takes over. */
  #hostDies(): void {
    const log = logName(`turns-${this.host.name}`);
    this.#chain = [...this.#chain, { log, from: 0, to: 1_000, epoch: this.#epoch }];
    const dead = this.host;
    this.host = this.spare;
    this.spare = this.#start(dead.now);
    this.#epoch += 5;
    this.host.place(ledger, this.#epoch, this.#chain);
  }

  #wish(): void {
    const leave = { to: incarnation(`${this.spare.name}.aaaaaaaa`), bundle };
    const place = { kind: 'place', term, actor: ledger, birth: 1, scope: ledger, bundle } as const;
    this.host.message({ ...place, epoch: this.#epoch, chain: this.#chain, leave });
  }

  #write(number: number): void {
    this.host.message({
      kind: 'letter',
      to: ledger,
      epoch: this.#epoch,
      from: other,
      fromBirth: 3,
      number,
      method: 'add',
      args: encodeValue([`letter${number}`]),
      replyTo: nodeAt('z'),
      scope: other,
      clock: {},
    });
  }

  #start(now: number): TestNode {
    const node = new TestNode(`n${this.#nodes}`, this.#world, { checkpointMs: 1_000 });
    this.#nodes += 1;
    node.now = now;
    node.autoCommit = false;
    return node;
  }
}

it('an actor that moves to and fro applies each call once and letters in order, whatever dies on the way', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 90 }), (happenings) => {
      const stage = new Stage();
      for (const event of happenings) stage.do(event);
      stage.host.autoCommit = true;
      stage.spare.autoCommit = true;
      // Whoever does not say that it is prepared is waited for, and then not.
      for (let n = 0; n < 15; n++) {
        stage.host.commit();
        stage.host.tick(1_000);
        stage.hear();
        stage.leaderHears();
      }
      for (const number of [...stage.open]) stage.say(number);
      stage.sendLetters();
      stage.hear();
      const list = stage.list();
      expect(stage.open.size).toBe(0);
      expect(list.filter((id) => id.startsWith('id')).sort()).toEqual(
        [...stage.acknowledged.keys()].map((number) => `id${number}`).sort(),
      );
      expect(stage.letters.acknowledged).toBe(stage.letters.sent);
      expect(list.filter((id) => id.startsWith('letter'))).toEqual(
        Array.from({ length: stage.letters.sent }, (_, n) => `letter${n + 1}`),
      );
    }),
    { numRuns: 1_500 },
  );
});
