import {
  type DueTimer,
  type Incarnation,
  isFailure,
  limits,
  type NewsOfActor,
  type TimerNews,
  type TimerWhen,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cart, cluster, config, type Scene, stateOf, tenant } from './scene.ts';

const after = (ms: number): TimerWhen => ({ kind: 'after', ms });
const every = (ms: number): TimerWhen => ({ kind: 'every', firstMs: ms, ms });

function set(number: number, when: TimerWhen, restMs?: number): TimerNews {
  const news = { kind: 'set', number, when } as const;
  return restMs === undefined ? news : { ...news, restMs };
}

const fired = (number: number, firing = 1): TimerNews => ({ kind: 'fired', number, firing });
const cancelled = (number: number): TimerNews => ({ kind: 'cancelled', number });

/** An actor on the stage that tells its news. */
class Teller {
  readonly scene: Scene;
  readonly key: string;
  node: Incarnation;
  readonly birth: number;
  #from = 1;

  constructor(scene: Scene, key: string) {
    this.scene = scene;
    this.key = key;
    const location = scene.resolves(key)?.location;
    if (location === undefined || isFailure(location)) throw new Error('not located');
    this.node = location.node;
    this.birth = location.birth;
    this.#placeSeen();
  }

  tell(...news: TimerNews[]): void {
    this.say({ from: this.#from, news });
    this.#from += news.length;
  }

  say(of: Partial<NewsOfActor> & Pick<NewsOfActor, 'news'>): void {
    const actor = { actor: cart(this.key), birth: this.birth, channel: 0, from: 1, ...of };
    this.scene.hear({ kind: 'timer-news', incarnation: this.node, actors: [actor] });
  }

  /** What the leader has said that it knows, at last. */
  seen() {
    return this.scene.to(this.node, 'timer-news-seen').at(-1)?.actors[0];
  }

  /** Where the actor was placed anew. */
  follows(): void {
    this.node = this.scene.actor(this.key).node;
    this.#placeSeen();
  }

  due(): string[] {
    return dueOn(this.scene, this.node)
      .filter(({ actor }) => actor === cart(this.key))
      .map(({ number, firing }) => `${number}.${firing}`);
  }

  #placeSeen(): void {
    const { id: actor, epoch } = this.scene.actor(this.key);
    const placed = [{ actor, epoch }];
    this.scene.hear({ kind: 'place-seen', incarnation: this.node, placed });
  }
}

function dueOn(scene: Scene, node: Incarnation): readonly DueTimer[] {
  return scene.to(node, 'timers-due').flatMap(({ timers }) => timers);
}

function stage(nodes = 2) {
  const { scene, nodes: joined } = cluster(nodes);
  return { scene, nodes: joined, actor: new Teller(scene, 'a') };
}

describe('a timer', () => {
  test('is said to be due when its time has come and not before (I3)', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(5_000)));
    scene.pass(4_999);
    expect(actor.due()).toEqual([]);
    scene.pass(2);
    expect(actor.due()).toEqual(['1.1']);
  });

  test('waits only for what was left of its time when the leader was told', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(5_000), 2_000));
    scene.pass(1_999);
    expect(actor.due()).toEqual([]);
    scene.pass(2);
    expect(actor.due()).toEqual(['1.1']);
  });

  test('is said again until its turn is durable, and then no more (I4)', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)));
    scene.pass(3_500);
    expect(actor.due()).toEqual(['1.1', '1.1', '1.1']);
    actor.tell(fired(1));
    scene.forgetWords();
    scene.pass(60_000);
    expect(actor.due()).toEqual([]);
    expect(scene.machine.durable().timers?.[0]?.[4]).toEqual([]);
  });

  test('that comes again keeps its times, and leaves out those that it missed', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, every(1_000)));
    scene.pass(1_200);
    actor.tell(fired(1, 1));
    scene.pass(790);
    expect(actor.due()).toEqual(['1.1']);
    scene.pass(20);
    expect(actor.due()).toEqual(['1.1', '1.2']);
    scene.pass(1_500);
    scene.forgetWords();
    actor.tell(fired(1, 2));
    scene.pass(480);
    expect(actor.due()).toEqual([]);
    scene.pass(20);
    expect(actor.due()).toEqual(['1.3']);
  });

  test('that was cancelled or has fired is never said to be due, whatever comes late', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)), set(2, after(1_000)), set(3, every(1_000)));
    actor.tell(cancelled(1));
    scene.pass(1_100);
    actor.tell(fired(2), fired(3), cancelled(3));
    scene.forgetWords();
    actor.say({ from: 1, news: [set(1, after(1_000)), set(2, after(1_000))] });
    actor.say({ from: 3, news: [set(3, every(1_000)), cancelled(1)] });
    scene.pass(10_000);
    expect(actor.due()).toEqual([]);
    expect(actor.seen()).toMatchObject({ channel: 0, upTo: 7 });
  });

  test('of which the news before are missing waits for them', () => {
    const { scene, actor } = stage();
    actor.say({ from: 2, news: [cancelled(1)] });
    expect(actor.seen()).toMatchObject({ upTo: 0 });
    actor.say({ from: 1, news: [set(1, after(1_000))] });
    actor.say({ from: 1, news: [set(1, after(1_000)), cancelled(1), set(2, after(500))] });
    expect(actor.seen()).toMatchObject({ upTo: 3 });
    scene.pass(2_000);
    expect(new Set(actor.due())).toEqual(new Set(['2.1']));
  });

  test('at a time of day comes by the wall clock of the leader, also when that is set', () => {
    const { scene, actor } = stage();
    const wall = scene.wall;
    actor.tell(set(1, { kind: 'at', wall: wall + 3_600_000 }), set(2, { kind: 'at', wall: 0 }));
    scene.pass(10);
    expect(actor.due()).toEqual(['2.1']);
    actor.tell(fired(2));
    scene.wall -= 7_200_000;
    scene.pass(3_600_000);
    expect(actor.due()).toEqual(['2.1']);
    scene.wall += 7_200_000;
    scene.pass(1_100);
    expect(actor.due()).toContain('1.1');
  });

  test('by a schedule comes at its next time, which is journaled once', () => {
    const { scene, actor } = stage();
    const hour = 3_600_000;
    const next = Math.ceil((scene.wall + 1) / hour) * hour;
    actor.tell(set(1, { kind: 'cron', cron: '0 * * * *', zone: 'UTC' }));
    scene.pass(next - scene.wall - 1);
    expect(actor.due()).toEqual([]);
    scene.pass(2);
    expect(actor.due()).toEqual(['1.1']);
    actor.tell(fired(1));
    const dues = scene.decided('timers-told').flatMap(({ decisions }) => decisions);
    expect(dues).toMatchObject([{ due: next }, { kind: 'again', firing: 2, due: next + hour }]);
  });
});

describe('a leader that takes over', () => {
  test('says what is due, not a moment earlier, and what was due before (I3)', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)), set(2, after(20_000)), set(3, every(2_000)));
    scene.pass(1_500);
    scene.failOver();
    scene.pass(600);
    // A new one knows the time that was led by the last fact that says it.
    expect(actor.due()).not.toContain('3.1');
    scene.pass(6_000);
    expect(new Set(actor.due())).toEqual(new Set(['1.1', '3.1']));
    scene.forgetWords();
    scene.pass(11_800);
    expect(actor.due()).not.toContain('2.1');
    scene.pass(6_000);
    expect(actor.due()).toContain('2.1');
  });

  test('knows the same by an image as by the facts', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)), set(2, every(2_000)), set(3, { kind: 'at', wall: 1 }));
    scene.pass(1_500);
    actor.tell(fired(1), fired(3));
    const replayed = new SchedulerMachine(config);
    for (const fact of scene.facts) replayed.apply(fact);
    const restored = SchedulerMachine.restore(config, scene.machine.image());
    expect(stateOf(replayed)).toBe(stateOf(scene.machine));
    expect(stateOf(restored)).toBe(stateOf(scene.machine));
    restored.checkInvariants();
  });

  test('hides no more than 5 s of the time that timers wait', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(60_000)));
    for (let term = 0; term < 5; term++) {
      scene.pass(12_000);
      scene.failOver();
    }
    scene.pass(25_000);
    expect(actor.due()).toContain('1.1');
  });
});

describe('what is due', () => {
  test('is said to the new node of an actor whose node has died', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)), set(2, after(6_000)));
    scene.pass(1_100);
    const dead = actor.node;
    scene.dies(dead);
    scene.pass(3_000);
    scene.forgetWords();
    scene.sealed(dead);
    actor.follows();
    expect(actor.node).not.toBe(dead);
    expect(actor.due()).toEqual(['1.1', '2.1']);
    expect(dueOn(scene, dead)).toEqual([]);
  });

  test('is said to the new node of an actor that was handed over', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)));
    scene.pass(1_100);
    const before = actor.node;
    const { id, epoch } = scene.actor('a');
    scene.hear({ kind: 'leaving', incarnation: before });
    scene.forgetWords();
    scene.hear({ kind: 'released', incarnation: before, actors: [{ actor: id, epoch }] });
    actor.follows();
    expect(actor.due()).toEqual(['1.1']);
    scene.pass(5_000);
    expect(dueOn(scene, before)).toEqual([]);
  });

  test('in one instant is admitted in windows, and all of it takes effect (V2)', () => {
    const { scene, nodes } = cluster(1);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const count = 10;
    const each = limits.actorTimersMax;
    const actors = Array.from({ length: count }, (_, i) => new Teller(scene, `k${i}`));
    for (const actor of actors) {
      actor.tell(...Array.from({ length: each }, (_, i) => set(i + 1, after(1_000))));
    }
    scene.pass(1_001);
    const done = new Set<string>();
    let largest = 0;
    for (let round = 0; round < 1_000 && done.size < count * each; round++) {
      const due = dueOn(scene, node);
      largest = Math.max(largest, due.length);
      scene.forgetWords();
      for (const actor of actors) {
        const mine = due.filter((one) => one.actor === cart(actor.key));
        for (const { number } of mine) done.add(`${actor.key}/${number}`);
        if (mine.length > 0) actor.tell(...mine.map(({ number }) => fired(number)));
      }
      scene.pass(1);
    }
    expect(done.size).toBe(count * each);
    expect(largest).toBeLessThanOrEqual(limits.timersFlyingMax);
    expect(scene.machine.sizes().find(({ of }) => of === 'firings to deliver')?.size).toBe(0);
  });

  test('and takes no effect for long keeps no other waiting', () => {
    const { scene, nodes } = cluster(1);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const stuck = new Teller(scene, 'stuck');
    stuck.tell(
      ...Array.from({ length: limits.timersFlyingMax }, (_, i) => set(i + 1, after(1_000))),
    );
    scene.pass(1_100);
    const actor = new Teller(scene, 'a');
    actor.tell(set(1, after(1_000)));
    scene.pass(2_000);
    expect(actor.due()).toEqual([]);
    scene.pass(5_000);
    expect(actor.due()).toContain('1.1');
    scene.forgetWords();
    scene.pass(15_000);
    expect(new Set(stuck.due()).size).toBe(limits.timersFlyingMax);
  });
});

describe('news', () => {
  test('of another channel replace all that was known of the actor', () => {
    const { scene, actor } = stage();
    actor.tell(set(1, after(1_000)), set(2, after(1_000)));
    actor.say({ channel: 2, from: 2, news: [cancelled(9)] });
    expect(actor.seen()).toMatchObject({ channel: 0, upTo: 2 });
    actor.say({ channel: 2, from: 1, news: [{ kind: 'anew' }, set(2, every(500), 0)] });
    expect(actor.seen()).toMatchObject({ channel: 2, upTo: 2 });
    actor.say({ channel: 0, from: 3, news: [cancelled(2)] });
    expect(actor.seen()).toMatchObject({ channel: 2, upTo: 2 });
    scene.pass(3_000);
    expect(new Set(actor.due())).toEqual(new Set(['2.1']));
  });

  test('of an actor that is not known are taken and come to nothing', () => {
    const { scene, actor } = stage();
    const before = scene.facts.length;
    actor.say({ birth: 999_999, news: [set(1, after(1))] });
    expect(actor.seen()).toMatchObject({ birth: 999_999, upTo: 1 });
    expect(scene.facts).toHaveLength(before);
  });

  test('told by a node that is no more are not heard', () => {
    const { scene, actor } = stage();
    const dead = actor.node;
    scene.dies(dead);
    scene.sealed(dead);
    const before = scene.facts.length;
    actor.tell(set(1, after(1)));
    expect(scene.facts).toHaveLength(before);
  });
});

test('timers are listed page by page, each once, with when they are due', () => {
  const { scene, actor } = stage();
  const other = new Teller(scene, 'b');
  actor.tell(set(1, after(9_000)), set(2, every(500)), set(3, { kind: 'at', wall: 5 }));
  other.tell(set(1, after(1_000)), cancelled(1), set(2, after(2_000)));
  const ask = (more: object) => {
    const answer = scene.asks({ kind: 'list-timers', tenant, limit: 2, ...more });
    if (answer?.kind !== 'timers') throw new Error(`no list: ${JSON.stringify(answer)}`);
    return answer;
  };
  const all: string[] = [];
  let page = ask({});
  for (;;) {
    for (const one of page.timers) all.push(`${one.actor}/${one.number}`);
    expect(page.total).toBe(4);
    if (page.next === undefined) break;
    page = ask({ after: page.next });
  }
  expect(all).toEqual([1, 2, 3].map((n) => `${cart('a')}/${n}`).concat(`${cart('b')}/2`));
  scene.pass(600);
  expect(ask({ actor: cart('a') }).timers).toMatchObject([
    { number: 1, kind: 'after', dueInMs: 8_400 },
    { number: 2, kind: 'every', everyMs: 500, dueInMs: 0 },
  ]);
  expect(ask({ actor: cart('nobody') })).toMatchObject({ timers: [], total: 0 });
  const bad = scene.asks({ kind: 'list-timers', tenant, limit: 2, after: 'junk' });
  expect(scene.code(bad)).toBe('INVALID_ARGUMENT');
});

test('however many timers wait, one alarm is set for all of them', () => {
  const { scene } = cluster(1);
  const each = limits.actorTimersMax;
  for (let i = 0; i < 10; i++) {
    const actor = new Teller(scene, `k${i}`);
    actor.tell(...Array.from({ length: each }, (_, n) => set(n + 1, after(86_400_000 + n))));
  }
  const sizeOf = (what: string) => scene.machine.sizes().find(({ of }) => of === what);
  expect(sizeOf('firings to deliver')).toMatchObject({ size: 0, most: 10 * each });
  expect(sizeOf('deadlines of kind timers')).toMatchObject({ size: 1 });
  expect(sizeOf('deadlines of kind timer-lane')).toMatchObject({ size: 0 });
});
