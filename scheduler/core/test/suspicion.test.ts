import { expect, it } from 'vitest';
import { log10Tail, Phi, Suspicion, suspicionTerms, type Verdict } from '../src/suspicion/index.ts';

const { witnessMs, pauseMsMax } = suspicionTerms;

/** Nodes that beat each second until told otherwise, and an observer that ticks each 100 ms. */
class Watch {
  now = 0;
  readonly suspicion = new Suspicion(0);
  readonly verdicts: string[] = [];
  readonly #nodes: readonly string[];
  readonly silent = new Set<string>();

  constructor(...nodes: readonly string[]) {
    this.#nodes = nodes;
    for (const node of nodes) this.suspicion.watch(0, node);
  }

  run(ms: number): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 100;
      if (this.now % 1_000 === 0) {
        for (const node of this.#nodes) {
          if (!this.silent.has(node)) this.suspicion.beat(this.now, node);
        }
      }
      this.note(this.suspicion.tick(this.now));
    }
    return this;
  }

  note(verdicts: readonly Verdict[]): void {
    for (const { kind, node } of verdicts) this.verdicts.push(`${this.now} ${node} ${kind}`);
  }
}

it('suspects a silent node, and calls it dead when no witness answers', () => {
  const watch = new Watch('a', 'b').run(20_000);
  watch.silent.add('a');
  watch.run(6_000);
  expect(watch.verdicts).toEqual(['23100 a suspected', '24100 a dead']);
  expect(watch.suspicion.state('b')).toBe('trusted');
});

it('calls a node dead at once when its witness says that it is gone', () => {
  const watch = new Watch('a', 'b').run(20_100);
  const [verdict] = watch.suspicion.testify(watch.now, 'a', 'gone');
  expect(verdict).toMatchObject({ kind: 'dead', node: 'a' });
  expect(watch.suspicion.testify(watch.now, 'a', 'gone')).toEqual([]);
  watch.suspicion.beat(watch.now, 'a');
  expect(watch.suspicion.state('a')).toBe('dead');
});

it('waits for a paused node that a witness saw running, but not for ever', () => {
  const watch = new Watch('a', 'b').run(20_000);
  watch.silent.add('a');
  let asked = 0;
  while (watch.suspicion.state('a') !== 'dead' && watch.now < 120_000) {
    watch.run(100);
    if (watch.suspicion.state('a') !== 'suspected') continue;
    asked++;
    watch.note(watch.suspicion.testify(watch.now, 'a', 'runs'));
  }
  expect(watch.now - 20_000).toBeGreaterThanOrEqual(pauseMsMax);
  expect(watch.now - 20_000).toBeLessThanOrEqual(pauseMsMax + 200);
  expect(asked).toBeGreaterThan(10);
});

it('trusts a suspected node again at its next word', () => {
  const watch = new Watch('a', 'b').run(20_000);
  watch.silent.add('a');
  watch.run(3_500);
  expect(watch.suspicion.state('a')).toBe('suspected');
  watch.silent.delete('a');
  watch.run(30_000);
  expect(watch.verdicts).toEqual(['23100 a suspected']);
});

it('holds a stall of its own against nobody, and learns nothing from it', () => {
  const watch = new Watch('a', 'b').run(20_000);
  const before = watch.suspicion.phi(watch.now + 2_000, 'a');
  watch.now += 60_000;
  watch.run(30_000);
  expect(watch.verdicts).toEqual([]);
  expect(watch.suspicion.phi(watch.now + 2_000, 'a')).toBeCloseTo(before ?? 0, 0);
});

it('learns nothing from a gap in which somebody else was stalled', () => {
  const phi = new Phi(0, suspicionTerms);
  for (let now = 1_000; now <= 100_000; now += 1_000) phi.beat(now);
  const before = phi.silenceMs(5.61);
  for (let now = 105_000; now <= 600_000; now += 5_000) {
    phi.excuse(now);
    phi.beat(now + 10);
  }
  expect(phi.silenceMs(5.61)).toBe(before);
});

it('is patient with a crowd that falls silent at once, and finds those that stay silent', () => {
  const nodes = ['a', 'b', 'c', 'd', 'e', 'f'];
  const watch = new Watch(...nodes).run(20_000);
  for (const node of nodes.slice(0, 5)) watch.silent.add(node);
  watch.run(3_100 + witnessMs + 100);
  const deadSoon = watch.verdicts.filter((one) => one.endsWith('dead'));
  expect(deadSoon.length).toBeLessThanOrEqual(2);
  for (const node of nodes.slice(1, 5)) watch.silent.delete(node);
  watch.run(10_000);
  expect(watch.suspicion.state('a')).toBe('dead');
  expect(['c', 'd', 'e', 'f'].map((node) => watch.suspicion.state(node))).toEqual(
    Array.from({ length: 4 }, () => 'trusted'),
  );
});

it('adapts to a node whose beats come unevenly, within its bounds', () => {
  const suspicion = new Suspicion(0);
  suspicion.watch(0, 'even');
  suspicion.watch(0, 'uneven');
  let suspectedAt: Record<string, number> = {};
  for (let now = 100; now < 220_000; now += 100) {
    if (now < 200_000 && now % 1_000 === 0) suspicion.beat(now, 'even');
    if (now < 200_000 && (now % 2_000 === 0 || now % 2_000 === 400)) suspicion.beat(now, 'uneven');
    for (const { node, kind } of suspicion.tick(now)) {
      if (kind === 'suspected') suspectedAt = { ...suspectedAt, [node]: now };
    }
  }
  const { even = 0, uneven = 0 } = suspectedAt;
  expect(even).toBeGreaterThan(199_000 + suspicionTerms.silenceMsMin);
  expect(uneven).toBeGreaterThan(even - 600);
  expect(uneven).toBeLessThanOrEqual(198_400 + suspicionTerms.silenceMsMax + 100);
});

it('knows the tail of a normal distribution, far out too', () => {
  const known: readonly [number, number][] = [
    [0, -0.30103],
    [1, -0.79955],
    [3, -2.86971],
    [5.61, -7.99498],
    [7.03, -11.98536],
    [20, -88.56002],
  ];
  for (const [z, log10] of known) expect(log10Tail(z)).toBeCloseTo(log10, 2);
  expect(log10Tail(-9)).toBe(0);
  expect(log10Tail(50)).toBeLessThan(log10Tail(49));
});
