import {
  type ActorId,
  actorId,
  bundleHash,
  encodeValue,
  incarnation,
  type Leave,
  limits,
  logName,
  type ToNode,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { encodeCheckpoint, freshMemory } from '../src/index.ts';
import { bundle, ledger, node, other, seal, shared, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };
const b = incarnation('b.aaaaaaaa');
const leave: Leave = { to: b, bundle };

/** The leader says that the actor is to go from here. */
function wish(on: TestNode, to: Leave = leave, actor: ActorId = ledger, epoch = 2): void {
  const place = { kind: 'place', term, actor, birth: 1, epoch, scope: actor, bundle } as const;
  on.message({ ...place, chain: [], leave: to });
}

function prepared(on: TestNode, epoch = 2): void {
  on.message({ kind: 'prepared', actor: ledger, epoch });
}

function seen(on: TestNode, epoch = 2): void {
  on.message({ kind: 'release-seen', term, actors: [{ actor: ledger, epoch }] });
}

const puts = (on: TestNode) =>
  on.sent.flatMap((send) => (send.kind === 'put-checkpoint' ? [send] : []));
const to = <K extends ToNode['kind']>(on: TestNode, kind: K) =>
  on.toNodes().filter((message): message is Extract<ToNode, { kind: K }> => message.kind === kind);

/** A ledger that has added `x`, on a node whose wishes wait to be made durable. */
function source(world = shared()): TestNode {
  const a = new TestNode('a', world);
  a.place(ledger);
  a.call('add', 'x', { number: 1 });
  return a;
}

describe('an actor that is wished elsewhere', () => {
  it('works while its checkpoint is written and read ahead, and hands over only the rest', () => {
    const world = shared();
    const a = source(world);
    wish(a);
    expect(puts(a)).toHaveLength(1);
    expect(to(a, 'prepare')).toHaveLength(1);
    a.call('add', 'y', { number: 2 });
    expect(a.values()).toEqual([1, 2]);
    expect(a.toLeader()).not.toContain('released');
    prepared(a);
    expect(a.toLeader()).toContain('released');
    const [ahead, rest] = puts(a);
    expect(ahead?.onTop).toBeUndefined();
    expect(rest?.onTop).toBe(true);
    const target = new TestNode('b', world);
    target.place(ledger, 7);
    target.call('add', 'y', { number: 2 }, { epoch: 7 });
    target.call('list', '', { number: 3 }, { epoch: 7 });
    expect(target.values()).toEqual([2, ['x', 'y']]);
  });

  it('is not released while its last checkpoint is on its way, though it has left memory', () => {
    const a = source();
    a.autoCommit = false;
    a.tick(60_001);
    a.tick(300_000);
    wish(a);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.autoCommit = true;
    a.commit();
    a.tick(0);
    expect(puts(a)).toHaveLength(1);
    expect(a.toLeader()).toContain('released');
  });

  it('is released by its checkpoint alone: nothing is appended after its last turn', () => {
    const a = source();
    wish(a);
    a.call('add', 'y', { number: 2 });
    const before = a.log.length;
    prepared(a);
    expect(a.toLeader()).toContain('released');
    expect(a.log).toHaveLength(before);
  });

  it('that has done nothing since its checkpoint is released with that one alone', () => {
    const a = source();
    wish(a);
    prepared(a);
    expect(puts(a)).toHaveLength(1);
    expect(a.toLeader()).toContain('released');
  });

  it('that is not in memory is released without being read back', () => {
    const world = shared();
    const a = source(world);
    a.tick(301_000);
    a.tick(1_000);
    const restores = a.restores.length;
    wish(a);
    expect(a.toLeader()).toContain('released');
    expect(a.restores).toHaveLength(restores);
  });

  it('is released once, however often the leader says so', () => {
    const a = source();
    for (let n = 0; n < 5; n++) wish(a);
    expect(to(a, 'prepare')).toHaveLength(1);
    prepared(a);
    for (let n = 0; n < 5; n++) wish(a);
    expect(a.toLeader().filter((kind) => kind === 'released')).toHaveLength(1);
    seen(a);
    wish(a);
    expect(a.machine.actors.has(ledger)).toBe(false);
  });

  it('goes although the other node does not say that it is prepared', () => {
    const a = source();
    wish(a);
    for (let ms = 0; ms < limits.prepareMsMax; ms += 1_000) {
      expect(a.toLeader()).not.toContain('released');
      a.tick(1_000);
    }
    expect(to(a, 'prepare').length).toBeGreaterThan(5);
    expect(a.toLeader()).toContain('released');
  });

  it('is read ahead by the node that was asked for last', () => {
    const a = source();
    wish(a);
    wish(a, { to: incarnation('c.aaaaaaaa'), bundle });
    const told = a.sent.flatMap((send) =>
      send.kind === 'to-node' && send.message.kind === 'prepare' ? [send.node] : [],
    );
    expect(told).toEqual(['b.aaaaaaaa', 'c.aaaaaaaa']);
    wish(a, { bundle });
    expect(a.toLeader()).toContain('released');
  });

  it('goes at once when the other node is gone', () => {
    const a = source();
    wish(a);
    a.message({ kind: 'node-gone', term, incarnation: b });
    expect(a.toLeader()).toContain('released');
  });

  it('is not released before its last turn has ended, and begins no other', () => {
    const a = source();
    a.call('steps', 's', { number: 2 });
    a.call('hang', '', { number: 3 });
    wish(a, { bundle });
    a.call('add', 'z', { number: 4 });
    expect(a.toLeader()).not.toContain('released');
    expect(a.values()).toEqual([1, 'stepped']);
    a.crashRunner();
    a.crashRunner();
    a.crashRunner();
    a.tick(1_000);
    expect(a.toLeader()).toContain('released');
    seen(a);
    const sentAway = a.replies.flatMap(({ message }) =>
      message.kind === 'not-here' ? [message.number] : [],
    );
    expect(sentAway).not.toContain(2);
  });

  it('takes reads while its last turn runs: that one may wait for them', () => {
    const a = source();
    a.call('hang', '', { number: 2 });
    wish(a, { bundle });
    a.call('list', '', { number: 3 });
    expect(a.values()).toEqual([1, ['x']]);
  });

  it('answers a repeated call that it knows until it is released', () => {
    const a = source();
    a.call('hang', '', { number: 2 });
    wish(a, { bundle });
    a.call('add', 'x', { number: 1 });
    expect(a.values()).toEqual([1, 1]);
  });

  it('does not say of a call cancelled on its way that it surely never ran', () => {
    const a = source();
    a.call('hang', '', { number: 2 });
    wish(a, { bundle });
    a.call('add', 'y', { number: 3 });
    a.message({ kind: 'cancel-call', actor: ledger, session: 's1' as never, number: 3 });
    expect(a.values()).toEqual([1]);
  });
});

describe('checkpoints on top of others', () => {
  it('lie on a whole one: an actor that moves twice writes a whole one in between', () => {
    const world = shared();
    const a = source(world);
    wish(a);
    a.call('add', 'y', { number: 2 });
    prepared(a);
    const second = new TestNode('b', world);
    second.place(ledger, 7);
    wish(second, { to: incarnation('c.aaaaaaaa'), bundle }, ledger, 7);
    second.call('add', 'z', { number: 3 }, { epoch: 7 });
    prepared(second, 7);
    expect(puts(second).map(({ onTop }) => onTop)).toEqual([undefined, true]);
    const third = new TestNode('c', world);
    third.place(ledger, 9);
    third.call('list', '', { number: 4 }, { epoch: 9 });
    expect(third.values()).toEqual([['x', 'y', 'z']]);
  });

  it('lie on the last whole one, also when that was written by rule meanwhile', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointMs: 1_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a);
    a.call('add', 'y', { number: 2 });
    a.tick(2_000);
    a.call('add', 'z', { number: 3 });
    prepared(a);
    expect(puts(a).map(({ onTop }) => onTop)).toEqual([undefined, undefined, true]);
    const target = new TestNode('b', world);
    target.place(ledger, 7);
    target.call('list', '', { number: 4 }, { epoch: 7 });
    expect(target.values()).toEqual([['x', 'y', 'z']]);
  });

  it('are written whole when somebody has written over the one below', () => {
    const a = source();
    wish(a);
    a.call('add', 'y', { number: 2 });
    a.autoCommit = false;
    prepared(a);
    const rest = { kind: 'checkpoint-stored', actor: ledger, epoch: 2, seq: 2 } as const;
    a.post({ ...rest, baseGone: true });
    a.commit();
    expect(puts(a).map(({ onTop }) => onTop)).toEqual([undefined, true, undefined]);
    a.commit();
    a.commit();
    expect(a.toLeader()).toContain('released');
  });
});

describe('what waits for an actor that moves', () => {
  it('is sent on when the leader knows where it went, in the order in which it came', () => {
    const a = source();
    a.call('hang', '', { number: 2 });
    wish(a, { bundle });
    for (const number of [3, 4, 5]) a.call('add', `${number}`, { number });
    a.crashRunner();
    a.crashRunner();
    a.crashRunner();
    a.tick(1_000);
    a.call('add', '6', { number: 6 });
    a.replies.length = 0;
    seen(a);
    const numbers = a.replies.map(({ message }) => 'number' in message && message.number);
    expect(numbers).toEqual([...numbers].sort((left, right) => Number(left) - Number(right)));
    expect(numbers.at(-1)).toBe(6);
  });

  it('letters: one word to each sender is enough, and they follow at once', () => {
    const world = shared();
    const a = source(world);
    a.autoCommit = false;
    wish(a, { bundle });
    a.commit();
    a.commit();
    for (const number of [1, 2, 3]) {
      a.message({
        kind: 'letter',
        to: ledger,
        epoch: 2,
        from: other,
        fromBirth: 1,
        number,
        method: 'add',
        args: new Uint8Array(),
        replyTo: node('c'),
        scope: 's',
        clock: {},
      });
    }
    seen(a);
    a.commit();
    const refusals = a.replies.filter(({ message }) => message.kind === 'letter-not-here');
    expect(refusals).toHaveLength(1);
  });

  it('letters follow to the place that the leader names, without waiting for a resend', () => {
    const sender = new TestNode('c');
    sender.place(ledger);
    sender.call('post', 'p', { number: 1 });
    const located = (epoch: number, at: string) =>
      sender.message({
        kind: 'located',
        actor: other,
        location: { node: incarnation(`${at}.aaaaaaaa`), birth: 1, epoch },
      });
    located(5, 'a');
    expect(to(sender, 'letter').map(({ number }) => number)).toEqual([1, 2]);
    const refusal = { kind: 'letter-not-here', to: other, from: ledger, epoch: 5 } as const;
    sender.message(refusal);
    sender.message(refusal);
    located(8, 'b');
    expect(to(sender, 'letter').map(({ number, epoch }) => [number, epoch])).toEqual([
      [1, 5],
      [2, 5],
      [1, 8],
      [2, 8],
    ]);
  });

  it('an awaited call follows to the place that the leader names', () => {
    const caller = new TestNode('c');
    caller.place(ledger);
    caller.call('ask', 'q', { number: 1 });
    const located = (epoch: number) =>
      caller.message({
        kind: 'located',
        actor: other,
        location: { node: b, birth: 1, epoch },
      });
    located(5);
    const [call] = to(caller, 'call');
    if (call === undefined) throw new Error('no call');
    const { session, number } = call.caller;
    caller.message({ kind: 'not-here', actor: other, epoch: 5, session, number });
    located(5);
    expect(to(caller, 'call')).toHaveLength(1);
    caller.message({ kind: 'not-here', actor: other, epoch: 5, session, number });
    located(8);
    expect(to(caller, 'call').map(({ epoch }) => epoch)).toEqual([5, 8]);
  });
});

describe('a crash of the source', () => {
  /** The source is killed when so many of its appends are durable. */
  function killedAfter(commits: number): { world: ReturnType<typeof shared>; released: boolean } {
    const world = shared();
    const a = source(world);
    a.autoCommit = false;
    wish(a);
    a.call('add', 'y', { number: 2 });
    let told = false;
    for (let n = 0; n < commits; n++) {
      a.commit();
      if (!told && to(a, 'prepare').length > 0) {
        told = true;
        a.call('add', 'z', { number: 3 });
        prepared(a);
      }
    }
    return { world, released: a.toLeader().includes('released') };
  }

  it('in any phase loses nothing that was answered, and applies nothing twice', () => {
    let ended = false;
    for (let commits = 0; commits < 8; commits++) {
      const { world, released } = killedAfter(commits);
      ended ||= released;
      // Told that it was released or not, the leader may place it with the chain of a sealed log.
      const chain = seal('a').map((link) => ({ ...link, epoch: 2 }));
      for (const given of released ? [chain, []] : [chain]) {
        const target = new TestNode(`b${commits}`, world);
        target.place(ledger, 7, given);
        for (const [number, id] of ['x', 'y', 'z'].entries()) {
          target.call('add', id, { number: number + 1 }, { epoch: 7 });
        }
        target.call('list', '', { number: 4 }, { epoch: 7 });
        expect(target.values().at(-1), `after ${commits} appends`).toEqual(['x', 'y', 'z']);
      }
    }
    expect(ended).toBe(true);
  });
});

describe('an actor that comes back to a node', () => {
  it('brings along what it did elsewhere, though its checkpoint lies in the log of that node', () => {
    const world = shared();
    const a = source(world);
    wish(a, { bundle });
    seen(a);
    const elsewhere = new TestNode('b', world);
    elsewhere.place(ledger, 7);
    elsewhere.call('add', 'y', { number: 2 }, { epoch: 7 });
    // The other node died before it wrote a checkpoint.
    a.place(ledger, 9, [{ ...(seal('b')[0] as never as object), epoch: 7 } as never]);
    a.call('list', '', { number: 3 }, { epoch: 9 });
    expect(a.values().at(-1)).toEqual(['x', 'y']);
  });

  it('and is lost there again has its history in order: here, elsewhere, here', () => {
    const world = shared();
    const a = source(world);
    wish(a, { bundle });
    seen(a);
    const elsewhere = new TestNode('b', world);
    elsewhere.place(ledger, 7);
    elsewhere.call('add', 'y', { number: 2 }, { epoch: 7 });
    const [link] = seal('b').map((one) => ({ ...one, epoch: 7 }));
    if (link === undefined) throw new Error('no link');
    a.place(ledger, 9, [link]);
    a.call('add', 'z', { number: 3 }, { epoch: 9 });
    const third = new TestNode('c', world);
    third.place(ledger, 11, [link, ...seal('a').map((one) => ({ ...one, epoch: 9 }))]);
    third.call('list', '', { number: 4 }, { epoch: 11 });
    expect(third.values()).toEqual([['x', 'y', 'z']]);
  });
});

describe('many actors that go', () => {
  const crowd = Array.from({ length: 600 }, (_, n) => actorId('t', 'Ledger', `k${n}`));
  const toldOf = (node: TestNode) =>
    node.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'released' ? send.message.actors : [],
    );

  it('are bounded, and those that an operator asked for go before those of a drain', () => {
    const a = new TestNode('a');
    for (const actor of crowd) {
      a.place(actor);
      a.call('add', 'x', { number: 1 }, { actor });
    }
    a.autoCommit = false;
    a.message({ kind: 'drain', term });
    const last = crowd.at(-1);
    if (last === undefined) throw new Error('no crowd');
    wish(a, { bundle }, last);
    a.commit();
    expect(puts(a)).toHaveLength(limits.departuresMax);
    for (let n = 0; n < 3; n++) a.commit();
    const told = toldOf(a);
    expect(told.findIndex(({ actor }) => actor === last)).toBeLessThan(2 * limits.departuresMax);
    for (let n = 0; n < 30; n++) a.commit();
    expect(new Set(toldOf(a).map(({ actor }) => actor)).size).toBe(600);
  });
});

describe('a node that an actor is about to come to', () => {
  const prepare = {
    kind: 'prepare',
    actor: ledger,
    epoch: 2,
    bundle,
    from: incarnation('a.aaaaaaaa'),
  } as const;

  it('has a runner and the checkpoint at hand before it says that it is prepared', () => {
    const target = new TestNode('b');
    target.message(prepare);
    expect(target.work.map(({ kind }) => kind)).toEqual(['start-runner', 'read-ahead']);
    expect(to(target, 'prepared')).toEqual([{ kind: 'prepared', actor: ledger, epoch: 2 }]);
    target.message(prepare);
    expect(to(target, 'prepared')).toHaveLength(2);
    expect(target.work).toHaveLength(2);
  });

  it('prepares for so many and no more, and keeps nobody waiting for it', () => {
    const target = new TestNode('b');
    for (let n = 0; n < 1_100; n++) {
      target.message({ ...prepare, actor: actorId('t', 'Ledger', `k${n}`) });
    }
    expect(to(target, 'prepared')).toHaveLength(1_100);
    expect(target.work.filter(({ kind }) => kind === 'read-ahead')).toHaveLength(1_024);
    target.tick(61_000);
    target.message(prepare);
    expect(target.work.filter(({ kind }) => kind === 'read-ahead')).toHaveLength(1_025);
  });

  const framesOf = (on: TestNode) =>
    on.work.flatMap((one) => (one.kind === 'to-runner' ? [one.frame] : []));
  const kindsOf = (on: TestNode) => framesOf(on).map(({ kind }) => kind);
  const activation = (on: TestNode) => framesOf(on).find(({ kind }) => kind === 'activate');

  /** A target that was asked to prepare for an actor whose checkpoint was written ahead. */
  function preparing(world = shared(), held = false): { source: TestNode; target: TestNode } {
    const from = source(world);
    wish(from);
    const target = new TestNode('b', world);
    if (held) target.heldAhead = [];
    target.message(prepare);
    return { source: from, target };
  }

  it('has its state built by its runner ahead: of what comes later only the rest is given to it', () => {
    const { source: from, target } = preparing();
    from.call('add', 'y', { number: 2 });
    prepared(from);
    target.place(ledger, 7);
    const frame = activation(target);
    expect(frame).toMatchObject({ kind: 'activate', ahead: 1 });
    expect(frame).not.toHaveProperty('state');
    expect(frame?.kind === 'activate' && frame.deltas).toHaveLength(1);
    target.call('list', '', { number: 3 }, { epoch: 7 });
    expect(target.values()).toEqual([['x', 'y']]);
  });

  it('says that it is prepared when the state is built, or its runner has died', () => {
    const { target } = preparing(shared(), true);
    expect(to(target, 'prepared')).toHaveLength(0);
    const [built] = target.heldAhead ?? [];
    if (built === undefined) throw new Error('nothing is built ahead');
    target.post({ kind: 'from-runner', runner: 1, frame: built });
    expect(to(target, 'prepared')).toHaveLength(1);
    const { target: other } = preparing(shared(), true);
    other.crashRunner(1);
    expect(to(other, 'prepared')).toHaveLength(1);
  });

  it('gives its runner the whole state when another one was built, or none is left (R4)', () => {
    const world = shared();
    const { source: from, target } = preparing(world);
    // Another whole one is written after that.
    from.call('add', 'y', { number: 2 });
    from.tick(60_001);
    prepared(from);
    target.place(ledger, 7);
    expect(activation(target)).toHaveProperty('state');
    target.call('list', '', { number: 3 }, { epoch: 7 });
    expect(target.values()).toEqual([['x', 'y']]);
    const { source: left, target: crashed } = preparing();
    prepared(left);
    crashed.crashRunner(1);
    crashed.place(ledger, 7);
    expect(activation(crashed)).toHaveProperty('state');
    const { source: gone, target: unbuilt } = preparing(shared(), true);
    const built = { kind: 'built-ahead', actor: ledger, revision: 1, kept: false } as const;
    unbuilt.post({ kind: 'from-runner', runner: 1, frame: built });
    prepared(gone);
    unbuilt.place(ledger, 7);
    expect(activation(unbuilt)).toHaveProperty('state');
  });

  it('builds it anew for one that was upgraded meanwhile, at a runner of its new bundle, and forgets the older one', () => {
    const { target } = preparing();
    const next = bundleHash('c'.repeat(64));
    target.message({ ...prepare, bundle: next });
    expect(kindsOf(target)).toEqual(['build-ahead', 'drop-ahead', 'build-ahead']);
    target.message({ ...prepare, epoch: 1 });
    target.place(ledger, 7, [], 1, { bundle: next });
    const given = target.work.flatMap((one) =>
      one.kind === 'to-runner' && one.frame.kind === 'activate' ? [one.runner] : [],
    );
    const started = target.work.flatMap((one) => (one.kind === 'start-runner' ? [one.bundle] : []));
    expect(given.map((runner) => started[runner - 1])).toEqual([next]);
    expect(activation(target)).toMatchObject({ ahead: 1 });
  });

  it('drops what was built for one that does not come, and builds nothing for one that has come', () => {
    const { source: from, target } = preparing();
    target.tick(61_000);
    expect(kindsOf(target)).toEqual(['build-ahead', 'drop-ahead']);
    prepared(from);
    target.place(ledger, 7);
    target.message(prepare);
    expect(kindsOf(target).filter((kind) => kind === 'build-ahead')).toHaveLength(1);
    expect(to(target, 'prepared')).toHaveLength(2);
  });

  it('builds no more ahead than it may, and keeps nobody waiting for it (R3)', () => {
    const world = shared();
    const target = new TestNode('b', world);
    const mb = 1024 * 1024;
    const many = limits.builtAheadBytesMax / mb + 3;
    for (let n = 0; n < many; n++) {
      const actor = actorId('t', 'Ledger', `k${n}`);
      const floor = { log: logName('turns-a'), position: 0 };
      const head = { actor, birth: 1, epoch: 2, seq: 1, floor };
      const state = encodeValue(['x'.repeat(mb - 100)]);
      const at = { now: 0, wall: 0 };
      const body = encodeCheckpoint(head, freshMemory(), state, at);
      world.checkpoints.set(actor, { body, revision: n + 1 });
      target.message({ ...prepare, actor });
    }
    const built = kindsOf(target).filter((kind) => kind === 'build-ahead').length;
    expect(built).toBe(limits.builtAheadBytesMax / mb);
    expect(to(target, 'prepared')).toHaveLength(many);
    target.tick(61_000);
    target.message(prepare);
    target.message({ ...prepare, actor: actorId('t', 'Ledger', 'k0'), epoch: 3 });
    expect(kindsOf(target).filter((kind) => kind === 'build-ahead')).toHaveLength(built + 1);
  });

  /** All that the source has said to the node that it goes to. */
  function handOver(from: TestNode, target: TestNode): void {
    for (const message of to(from, 'handed-over')) target.message(message);
  }

  it('goes on from what was handed over, without a look into the store, when the leader says that it follows', () => {
    for (const changes of [[], ['y']]) {
      const { source: from, target } = preparing();
      for (const id of changes) from.call('add', id, { number: 2 });
      prepared(from);
      handOver(from, target);
      target.place(ledger, 7, [], 1, { follows: 2 });
      expect(target.restores.map(({ handed }) => handed?.revision)).toEqual([1 + changes.length]);
      target.call('add', 'z', { number: 3 }, { epoch: 7 });
      target.call('list', '', { number: 4 }, { epoch: 7 });
      expect(target.values().at(-1)).toEqual(['x', ...changes, 'z']);
    }
  });

  it('looks into the store when another release came between, or nobody says which one it was (R5)', () => {
    for (const follows of [undefined, 5]) {
      const world = shared();
      const { source: from, target } = preparing(world);
      from.call('add', 'y', { number: 2 });
      prepared(from);
      handOver(from, target);
      // It was elsewhere meanwhile.
      const elsewhere = new TestNode('c', world);
      elsewhere.place(ledger, 5);
      elsewhere.call('add', 'c', { number: 3 }, { epoch: 5 });
      wish(elsewhere, { bundle }, ledger, 5);
      target.place(ledger, 7, [], 1, follows === undefined ? {} : { follows });
      expect(target.restores.map(({ handed }) => handed)).toEqual([undefined]);
      target.call('list', '', { number: 4 }, { epoch: 7 });
      expect(target.values().at(-1)).toEqual(['x', 'y', 'c']);
    }
  });

  it('is told what a released actor lies on only if it has prepared, and if that fits into a message', () => {
    const from = source();
    wish(from);
    from.message({ kind: 'node-gone', term, incarnation: b });
    expect(from.toLeader()).toContain('released');
    expect(to(from, 'handed-over')).toEqual([]);
    const large = source();
    wish(large);
    large.call('add', 'y'.repeat(limits.handedBytesMax), { number: 2 });
    prepared(large);
    expect(large.toLeader()).toContain('released');
    expect(puts(large).at(-1)?.onTop).toBe(true);
    expect(to(large, 'handed-over')).toEqual([]);
  });
});
