import { type Incarnation, incarnation } from '@troupe/model';
import { expect, it } from 'vitest';
import { Phi, Suspicion, suspicionTerms, type Verdict } from '../src/suspicion/index.ts';
import { cluster } from './scene.ts';

const terms = suspicionTerms(1_000, 3_000);
const { witnessMs, pauseMsMax } = terms;
const node = (name: string): Incarnation => incarnation(`${name}.aaaaaaaa`);

/** Nodes that beat each second until told otherwise, and an observer that ticks each 100 ms. */
class Watch {
  now = 0;
  readonly suspicion = new Suspicion(terms);
  readonly verdicts: string[] = [];
  readonly #names: readonly string[];
  readonly silent = new Set<string>();
  readonly #hasWitness: boolean;

  constructor(names: string, hasWitness = true) {
    this.#names = [...names];
    this.#hasWitness = hasWitness;
    for (const name of names) this.suspicion.watch(0, node(name));
  }

  run(ms: number): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 100;
      if (this.now % 1_000 === 0) {
        for (const name of this.#names) {
          if (!this.silent.has(name)) this.suspicion.beat(this.now, node(name), this.#hasWitness);
        }
      }
      this.note(this.suspicion.tick(this.now));
    }
    return this;
  }

  /** Each question to a witness counts once. */
  note(verdicts: readonly Verdict[]): void {
    for (const { kind, node } of verdicts) {
      const told = `${node[0]} ${kind}`;
      if (this.verdicts.at(-1)?.endsWith(told) !== true) this.verdicts.push(`${this.now} ${told}`);
    }
  }

  state(name: string) {
    return this.suspicion.state(node(name));
  }
}

it('suspects a silent node, and calls it dead when no witness answers', () => {
  const watch = new Watch('ab').run(20_000);
  watch.silent.add('a');
  watch.run(6_000);
  expect(watch.verdicts).toEqual(['23100 a suspected', '24100 a dead']);
  expect(watch.state('b')).toBe('trusted');
});

it('calls a node without a witness dead as soon as it would be suspected', () => {
  const watch = new Watch('ab', false).run(20_000);
  watch.silent.add('a');
  watch.run(6_000);
  expect(watch.verdicts).toEqual(['23100 a dead']);
});

it('asks a witness several times, since a question may be lost', () => {
  const watch = new Watch('ab').run(20_000);
  watch.silent.add('a');
  watch.run(3_000);
  let asked = 0;
  for (; watch.state('a') !== 'dead'; watch.now += 100) {
    asked += watch.suspicion.tick(watch.now).filter(({ kind }) => kind === 'suspected').length;
  }
  expect(asked).toBe(5);
});

it('waits for a paused node whose witness says that it runs, but not for ever', () => {
  const watch = new Watch('ab').run(20_000);
  watch.silent.add('a');
  let asked = 0;
  while (watch.state('a') !== 'dead' && watch.now < 120_000) {
    watch.run(100);
    if (watch.state('a') !== 'suspected') continue;
    asked++;
    watch.suspicion.testify(watch.now, node('a'));
  }
  expect(watch.now - 20_000).toBeGreaterThanOrEqual(pauseMsMax);
  expect(watch.now - 20_000).toBeLessThanOrEqual(pauseMsMax + 200);
  expect(asked).toBeGreaterThan(10);
});

it('trusts a suspected node again at its next word, whether that is a beat or not', () => {
  for (const isBeat of [true, false]) {
    const watch = new Watch('ab').run(20_000);
    watch.silent.add('a');
    watch.run(3_500);
    expect(watch.state('a')).toBe('suspected');
    if (isBeat) watch.suspicion.beat(watch.now, node('a'), true);
    else watch.suspicion.hear(watch.now, node('a'));
    watch.silent.delete('a');
    watch.run(30_000);
    expect(watch.verdicts).toEqual(['23100 a suspected']);
  }
});

it('holds a stall of its own against nobody', () => {
  const watch = new Watch('ab').run(20_000);
  watch.now += 60_000;
  watch.suspicion.startAnew(watch.now);
  watch.run(30_000);
  expect(watch.verdicts).toEqual([]);
});

it('asks a witness again when it comes late to the end of its time: the answer may be there already', () => {
  const watch = new Watch('ab').run(20_000);
  watch.silent.add('a');
  watch.run(3_200);
  watch.now += witnessMs + 300;
  expect(watch.suspicion.tick(watch.now)).toEqual([{ kind: 'suspected', node: node('a') }]);
  watch.run(witnessMs + 100);
  expect(watch.state('a')).toBe('dead');
});

it('learns nothing from a gap in which somebody else was stalled, nor from words that are no beats', () => {
  const phi = new Phi(0, terms);
  for (let now = 1_000; now <= 100_000; now += 1_000) phi.beat(now);
  const before = phi.silenceMs(5.61);
  for (let now = 105_000; now <= 600_000; now += 5_000) {
    phi.excuse(now);
    phi.hear(now + 5);
    phi.beat(now + 10);
  }
  expect(phi.silenceMs(5.61)).toBe(before);
});

it('is patient with a crowd that falls silent at once, and finds those that stay silent', () => {
  const watch = new Watch('abcdef').run(20_000);
  for (const name of 'abcde') watch.silent.add(name);
  watch.run(3_100 + witnessMs + 100);
  const deadSoon = watch.verdicts.filter((one) => one.endsWith('dead'));
  expect(deadSoon.length).toBeLessThanOrEqual(2);
  for (const name of 'bcde') watch.silent.delete(name);
  watch.run(10_000);
  expect(watch.state('a')).toBe('dead');
  expect([...'cdef'].map((name) => watch.state(name))).toEqual(Array(4).fill('trusted'));
});

it('is patient with a node whose beats come unevenly, within its bounds', () => {
  const suspicion = new Suspicion(terms);
  const suspectedAt = new Map<Incarnation, number>();
  for (const name of ['even', 'uneven']) suspicion.watch(0, node(name));
  for (let now = 100; now < 220_000; now += 100) {
    const isOver = now > 200_000;
    if (!isOver && now % 1_000 === 0) suspicion.beat(now, node('even'), true);
    if (!isOver && (now % 2_000 === 0 || now % 2_000 === 400))
      suspicion.beat(now, node('uneven'), true);
    for (const { node: one } of suspicion.tick(now)) {
      if (!suspectedAt.has(one)) suspectedAt.set(one, now - 200_000);
    }
  }
  expect(suspectedAt.get(node('even'))).toBe(3_100);
  expect(suspectedAt.get(node('uneven'))).toBe(terms.silenceMsMax);
});

it('in the machine, a node whose loop stands still lives on by the word of its witness', () => {
  const { scene, nodes } = cluster(2);
  const [paused] = nodes;
  if (paused === undefined) throw new Error('no node');
  scene.beat(paused, true);
  scene.beating.delete(paused);
  const load = { cpu: 0, memory: 100, actors: 0, turns: 0, tasks: 0 };
  for (let asked = 0; asked < 6; asked++) {
    while (scene.orders('ask-witness').length === 0) scene.pass(100);
    scene.forgetWords();
    scene.tell({ kind: 'witness-answered', incarnation: paused });
    expect(scene.phase(paused)).toBe('alive');
  }
  scene.hear({ kind: 'heartbeat', incarnation: paused, counter: 2, load });
  scene.pass(2_000);
  expect(scene.phase(paused)).toBe('alive');
});
