/** Random histories of one stream: its runner crashes, its node dies, records are lost before they are
 *  durable, and two clients take from it through it all. */
import { decodeValue, encodeValue, gatewayAddress, limits, logName, takenIn } from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ledger, shared, TestNode } from './harness.ts';

const actions = [
  'yield',
  'yield',
  'take',
  'other takes',
  'crash',
  'die',
  'lag',
  'catch up',
  'wait',
];
type Action = (typeof actions)[number];

class Taker {
  readonly values: unknown[] = [];
  readonly #replyTo: ReturnType<typeof gatewayAddress>;
  #heard = 0;
  #at: TestNode | undefined;
  end: unknown;

  constructor(name: string) {
    this.#replyTo = gatewayAddress(name);
  }

  /** Asks for what follows what it has. */
  take({ node, epoch }: Scene): void {
    this.hear(node);
    node.call('hang', 'w', {}, { from: this.values.length, replyTo: this.#replyTo, epoch });
    this.hear(node);
  }

  hear(node: TestNode): void {
    if (this.#at !== node) this.#heard = 0;
    this.#at = node;
    const replies = node.replies.slice(this.#heard);
    this.#heard = node.replies.length;
    for (const { to, message } of replies) {
      if (to !== this.#replyTo || message.kind !== 'call-result' || !message.outcome.ok) continue;
      const { position, values, end } = takenIn(message.outcome.value);
      const known = this.values.length - position;
      if (known < 0) continue;
      this.values.push(...values.slice(known).map((value) => decodeValue(value)));
      if (end?.ok === true) this.end = decodeValue(end.value);
    }
  }
}

class Scene {
  readonly world = shared();
  node = new TestNode('n1', this.world);
  epoch = 2;
  readonly #dead: TestNode[] = [];
  #crashes = 0;
  #waits = 0;
  #work = 0;
  #position = 0;

  constructor() {
    this.node.place(ledger);
  }

  yield(): void {
    this.#look();
    const { work, yielded = 0 } = this.node.lastTurn();
    const value = encodeValue(`${this.node.name}.${work}: ${this.#position}`);
    this.node.frame({ kind: 'yielded', work, position: this.#position, value });
    this.#position = Math.max(this.#position, yielded) + 1;
  }

  end(): void {
    this.node.autoCommit = true;
    this.node.commit();
    this.#look();
    this.node.end(this.#work, 'done', 'w');
  }

  die(): void {
    this.#dead.push(this.node);
    this.#crashes = 0;
    this.#waits = 0;
    this.epoch += 7;
    this.node = new TestNode(`n${this.#dead.length + 1}`, this.world);
    const chain = this.#dead.map(({ name }) => {
      return { log: logName(`turns-${name}`), from: 0, to: 1_000_000 };
    });
    this.node.place(ledger, this.epoch, chain);
  }

  /** Once more and its turn would be failed for it. */
  crash(): void {
    this.#crashes += 1;
    if (this.#crashes < limits.turnCrashesMax) this.node.crashRunner();
  }

  /** Until it is checkpointed, and not until its turn is overdue. */
  wait(): void {
    this.#waits += 1;
    if (this.#waits <= 3) this.node.tick(60_000);
  }

  /** Everything that was made durable, by position. */
  recorded(): unknown[] {
    const facts = [...this.#dead, this.node].flatMap(({ log }) => log);
    const values: unknown[] = [];
    for (const fact of facts) {
      if (fact.kind !== 'turn-yielded') continue;
      expect(fact.position).toBe(values.length);
      values.push(decodeValue(fact.value));
    }
    return values;
  }

  /** A turn that runs anew yields from behind what is recorded. */
  #look(): void {
    const { work, yielded = 0 } = this.node.lastTurn();
    if (work === this.#work && this.#isHere) return;
    this.#work = work;
    this.#seen = this.node;
    this.#position = yielded;
  }

  #seen: TestNode | undefined;

  get #isHere(): boolean {
    return this.#seen === this.node;
  }
}

function play(history: readonly Action[]): void {
  const scene = new Scene();
  const [one, other] = [new Taker('one'), new Taker('other')];
  one.take(scene);
  for (const action of history) {
    // A call that nobody has begun durably is gone with its node, until it is asked for again.
    if (scene.node.turns().length === 0) one.take(scene);
    if (action === 'yield') scene.yield();
    else if (action === 'take') one.take(scene);
    else if (action === 'other takes') other.take(scene);
    else if (action === 'crash') scene.crash();
    else if (action === 'die') scene.die();
    else if (action === 'lag') scene.node.autoCommit = false;
    else if (action === 'wait') scene.wait();
    else {
      scene.node.autoCommit = true;
      scene.node.commit();
    }
    for (const taker of [one, other]) taker.hear(scene.node);
  }
  if (scene.node.turns().length === 0) one.take(scene);
  scene.end();
  for (const taker of [one, other]) {
    for (let asked = 0; asked < 100 && taker.end === undefined; asked++) taker.take(scene);
    expect(taker.end).toBe('done');
    expect(taker.values).toEqual(scene.recorded());
  }
}

it('each position is given once and is what is recorded, whatever dies and whoever takes', () => {
  const history = fc.array(fc.constantFrom(...actions), { maxLength: 25 });
  fc.assert(fc.property(history, play), { numRuns: 150 });
});
