/** A postbox, as one node after another holds it: receivers are played by the test. */
import {
  type ActorId,
  actorId,
  builtInBundle,
  type ChainLink,
  decodeValue,
  encodeValue,
  type Failure,
  type Letter,
  limits,
  logName,
  sessionId,
  unlimitedRetries,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { shared, TestNode } from './harness.ts';

const box = actorId('default', '$postbox', '7');
const account = actorId('default', 'Account', 'a');

class Scene {
  readonly world = shared();
  node = new TestNode('a', this.world);
  /** What each receiver has taken, in order, each letter once. */
  readonly taken: string[] = [];
  readonly letters: Letter[] = [];
  takes = true;
  #epoch = 2;
  #chain: readonly ChainLink[] = [];
  #number = 0;
  #heard = 0;
  readonly #upTo = new Map<ActorId, number>();

  constructor() {
    this.#place();
  }

  send(name: string, delivery: object = {}, key = 'a'): 'sent' | Failure | undefined {
    return this.call(['Account', key, 'note', [name], delivery]);
  }

  call(args: readonly unknown[]): 'sent' | Failure | undefined {
    this.#number += 1;
    return this.again(args);
  }

  /** Under the number of the call before. */
  again(args: readonly unknown[]): 'sent' | Failure | undefined {
    const answered = this.node.replies.length;
    const caller = { number: this.#number, low: this.#number, session: sessionId('c') };
    this.node.call('send', '', caller, { actor: box, epoch: this.#epoch, args: encodeValue(args) });
    this.deliver();
    const [outcome] = this.node.replies.slice(answered).flatMap(({ message }) => {
      return message.kind === 'call-result' ? [message.outcome] : [];
    });
    if (outcome === undefined) return undefined;
    return outcome.ok ? 'sent' : outcome.failure;
  }

  deliver(): void {
    for (; this.#heard < this.node.sent.length; this.#heard++) {
      const send = this.node.sent[this.#heard];
      if (send?.kind !== 'to-node' && send?.kind !== 'to-leader') continue;
      const { message } = send;
      if (message.kind === 'resolve') {
        const location = { node: this.node.machine.config.incarnation, birth: 3, epoch: 4 };
        this.node.message({ kind: 'located', actor: message.actor, location });
      } else if (message.kind === 'letter') this.#letter(message);
    }
  }

  /** The timer of this number is due. */
  due(number: number): void {
    const timers = [{ actor: box, birth: 1, number, firing: 1 }];
    this.node.message({ kind: 'timers-due', timers } as never);
    this.deliver();
  }

  /** Its node dies; another one holds it, by the log and what was stored. */
  failover(): void {
    const { name } = this.node;
    this.#chain = [...this.#chain, { log: logName(`turns-${name}`), from: 0, to: 1_000_000 }];
    this.node = new TestNode(`${name}x`, this.world);
    this.#heard = 0;
    this.#epoch += 5;
    this.#place();
    this.deliver();
  }

  #letter(letter: Letter): void {
    this.letters.push(letter);
    const upTo = Math.max(this.#upTo.get(letter.to) ?? 0, letter.base ?? 0);
    if (!this.takes || letter.number > upTo + 1) return;
    if (letter.number === upTo + 1) {
      this.#upTo.set(letter.to, letter.number);
      this.taken.push(String((decodeValue(letter.args) as readonly unknown[])[0]));
    }
    const { from, fromBirth, to } = letter;
    this.node.message({ kind: 'letter-ack', to, from, fromBirth, upTo: letter.number });
  }

  #place(): void {
    this.node.place(box, this.#epoch, this.#chain, 1, { bundle: builtInBundle });
  }
}

const refused = (scene: Scene, ...args: readonly unknown[]) =>
  (scene.call(args) as Failure).message;

describe('what is dropped into a postbox', () => {
  test('is answered, and leaves, only when it is durable', () => {
    const scene = new Scene();
    scene.node.autoCommit = false;
    expect(scene.send('one')).toBeUndefined();
    expect(scene.letters).toEqual([]);
    scene.node.commit();
    scene.deliver();
    expect(scene.node.replies.map(({ message }) => message.kind)).toContain('call-result');
    scene.node.commit();
    scene.deliver();
    expect(scene.letters.map(({ to, from }) => [to, from])).toContainEqual([account, box]);
  });

  test('is one letter, however often it is asked for, also at the next node', () => {
    const scene = new Scene();
    expect(scene.send('one')).toBe('sent');
    expect(scene.again(['Account', 'a', 'note', ['one'], {}])).toBe('sent');
    scene.failover();
    expect(scene.again(['Account', 'a', 'note', ['one'], {}])).toBe('sent');
    expect(scene.send('two')).toBe('sent');
    expect(scene.taken).toEqual(['one', 'two']);
  });

  test('is taken in its order when its node dies before anybody took it', () => {
    const scene = new Scene();
    scene.takes = false;
    const names = Array.from({ length: 20 }, (_, n) => `n${n}`);
    for (const name of names) scene.send(name);
    expect(scene.taken).toEqual([]);
    scene.takes = true;
    scene.failover();
    expect(scene.taken).toEqual(names);
  });

  test('is delivered in the manner that was asked for', () => {
    const scene = new Scene();
    scene.send('one', { priority: 'high', retries: 5, backoffMs: 10, idempotencyKey: 'k' });
    scene.send('two', { priority: 'normal', retries: 'unlimited' });
    const [one, two] = scene.letters;
    expect(one).toMatchObject({ priority: 'high', idempotencyKey: 'k' });
    expect(one?.tries).toEqual({ retries: 5, backoffMs: [10] });
    expect(two?.tries).toEqual({ retries: unlimitedRetries, backoffMs: [1_000] });
    expect(two).not.toHaveProperty('priority');
  });

  test('waits as a timer, and leaves once when that is due, also when its node has died meanwhile', () => {
    const scene = new Scene();
    expect(scene.send('later', { delayMs: 60_000, idempotencyKey: 'k' })).toBe('sent');
    expect(scene.letters).toEqual([]);
    scene.failover();
    scene.due(1);
    scene.due(1);
    expect(scene.taken).toEqual(['later']);
    expect(scene.letters[0]).toMatchObject({ method: 'note', idempotencyKey: 'k' });
  });

  test('takes an actor that comes to be by it into no scope of the postbox', () => {
    const scene = new Scene();
    scene.send('one');
    const asked = scene.node.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'resolve' ? [send.message] : [],
    );
    expect(asked.map(({ actor }) => actor)).toEqual([account]);
    expect(asked[0]).not.toHaveProperty('scope');
  });

  test('is refused when it is no letter, and says why', () => {
    const scene = new Scene();
    const no = (...args: readonly unknown[]) => refused(scene, ...args);
    expect(no('Account', 'a')).toContain('dropped with a type, a key, a method');
    expect(no('Account', '', 'note', [])).toContain('names no actor');
    expect(no('$topic', 'prices', 'publish', [1])).toContain("one of the cluster's own");
    expect(no('Account', 'a', '$discard', [1])).toContain('names no method');
    expect(no('Account', 'a', 'note', 'x')).toContain('are not an array');
    expect(no('Account', 'a', 'note', [], { every: 5 })).toContain('says every');
    expect(no('Account', 'a', 'note', [], [5])).toContain('is no object');
    expect(no('Account', 'a', 'note', [], { delayMs: 0.5 })).toContain('delayMs is 0.5');
    expect(no('Account', 'a', 'note', [], { priority: 'urgent' })).toContain('low, normal or high');
    expect(no('Account', 'a', 'note', [], { retries: -1 })).toContain('retries of');
    expect(no('Account', 'a', 'note', [], { backoffMs: [] })).toContain('backoffMs of');
    expect(no('Account', 'a', 'note', [], { idempotencyKey: '' })).toContain('1 to 128 characters');
    expect(scene.letters).toEqual([]);
  });
});

describe('a postbox that is full', () => {
  test('refuses letters to whoever takes none, and takes those to others', () => {
    const scene = new Scene();
    scene.takes = false;
    const most = limits.postboxReceiverLettersMax;
    for (let n = 0; n < most; n++) scene.send(`n${n}`);
    expect(scene.send('more')).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining(`has ${most} letters that default/Account/a has not taken`),
      details: { retryAfterMs: limits.turnedAwayMs },
    });
    expect(scene.send('other', {}, 'b')).toBe('sent');
    expect(scene.send('later', { delayMs: 1 })).toBe('sent');
  });

  test('refuses all letters beyond those that it may hold, whoever they are for, until some are taken', () => {
    const scene = new Scene();
    scene.takes = false;
    const each = limits.postboxReceiverLettersMax;
    for (let n = 0; n < limits.postboxLettersMax; n++) scene.send(`n${n}`, {}, `k${n % each}`);
    const refusal = scene.send('more', {}, 'another');
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect((refusal as Failure).message).toContain(`has ${limits.postboxLettersMax} letters`);
  });

  test('refuses letters beyond the bytes that it may hold', () => {
    const scene = new Scene();
    scene.takes = false;
    const large = 'x'.repeat(400_000);
    const fits = Math.ceil(limits.postboxBytesMax / large.length);
    const answers = Array.from({ length: fits + 1 }, (_, n) => scene.send(large, {}, `k${n}`));
    expect(answers.slice(0, fits - 1).every((answer) => answer === 'sent')).toBe(true);
    expect(answers.at(-1)).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  test('refuses what is to wait beyond the timers that an actor may have', () => {
    const scene = new Scene();
    for (let n = 0; n < limits.actorTimersMax; n++) scene.send(`n${n}`, { delayMs: 60_000 });
    expect(scene.send('more', { delayMs: 60_000 })).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(scene.send('now')).toBe('sent');
  });
});
