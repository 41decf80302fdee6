/** Lines, as far as a node sees them: which turns its actors have reached, and what they were before. */
import {
  type Beyond,
  type ChainLink,
  encodeValue,
  incarnation,
  type Line,
  type TurnsFound,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { pastKeptDefault } from '../src/past.ts';
import { bundle, ledger, other, seal, shared, TestNode } from './harness.ts';

const scope = 'bank';
const term = { generation: 1, number: 0 };

function hosting(world = shared(), config = {}): TestNode {
  const node = new TestNode('a', world, config);
  node.place(ledger, 2, [], 1, { scope });
  return node;
}

function add(node: TestNode, from: number, to: number): void {
  for (let number = from; number <= to; number++) node.call('add', `id${number}`, { number });
}

/** What the leader hears when it asks. */
function asked(node: TestNode, line?: Line, epoch = 2): unknown {
  const question = { kind: 'ask-turns', term, ask: 7, actors: [{ actor: ledger, epoch }] } as const;
  node.message(line === undefined ? question : { ...question, line });
  return told(node).at(-1)?.found[0]?.turn;
}

function told(node: TestNode): TurnsFound[] {
  return node.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'turns-found' ? [send.message] : [],
  );
}

/** The ids that it had applied after a turn. */
function listAt(node: TestNode, atTurn: number, number: number, epoch = 2): unknown {
  node.call('list', '', { number }, { atTurn, epoch });
  return node.values().at(-1);
}

const noBlocks = { blocks: [], blockCount: 0 };

/** As a task calls: each call under a session of its own. */
function callBy(node: TestNode, task: string, number: number, id: string): void {
  node.call('add', id, { session: `task:${task}:p1f` as never, number });
}

function block(task: string, turn: number) {
  return { actor: ledger, task, turn };
}

function link(node: string, epoch: number): ChainLink {
  return { ...(seal(node)[0] as ChainLink), epoch };
}

const ids = (count: number) => Array.from({ length: count }, (_, n) => `id${n + 1}`);

describe('asked for its last turn, a node', () => {
  it('names it only when it is durable', () => {
    const node = hosting();
    node.autoCommit = false;
    add(node, 1, 2);
    expect(asked(node)).toBeUndefined();
    node.commit();
    expect(told(node).at(-1)?.found).toEqual([{ actor: ledger, epoch: 2, turn: 2 }]);
  });

  it('names the last one that knows of nothing beyond a line', () => {
    const node = hosting();
    const letter = (number: number, clock: Line) =>
      node.message({
        kind: 'letter',
        to: ledger,
        epoch: 2,
        from: other,
        fromBirth: 3,
        number,
        method: 'add',
        args: new Uint8Array([0x91, 0xa1, 0x61]),
        replyTo: 'node:z.aaaaaaaa' as never,
        scope,
        clock,
      });
    add(node, 1, 1);
    letter(1, { [other]: 4 });
    add(node, 2, 2);
    letter(2, { [other]: 9 });
    expect(asked(node, { [ledger]: 100, [other]: 8 })).toBe(3);
    expect(asked(node, { [ledger]: 100, [other]: 3 })).toBe(1);
    expect(asked(node, { [ledger]: 2, [other]: 100 })).toBe(2);
    expect(asked(node, {})).toBe(0);
  });

  it('looks in the past that is kept for turns that are not at hand any more', () => {
    const node = hosting(shared(), { checkpointTurns: 100 });
    add(node, 1, 750);
    expect(asked(node, { [ledger]: 749 })).toBe(749);
    for (const turn of [720, 700, 699, 480, 200, 101, 100, 99, 3, 0]) {
      expect(asked(node, { [ledger]: turn })).toBe(turn);
    }
  });

  it('says so when the turns are not kept', () => {
    const past = { scopes: 'none', ms: 1e9, segmentsMax: 100, bytesMax: 1e9 } as const;
    const node = hosting(shared(), { past });
    add(node, 1, 600);
    expect(asked(node, { [ledger]: 599 })).toBe(599);
    expect(asked(node, { [ledger]: 5 })).toMatchObject({ code: 'TOO_FAR_BACK' });
  });

  it('brings an actor that is not in memory back, and then says', () => {
    const world = shared();
    add(hosting(world), 1, 5);
    const next = new TestNode('b', world);
    next.place(ledger, 9, seal('a'), 1, scope);
    expect(asked(next, undefined, 9)).toBe(5);
  });
});

describe('an actor as it was after a turn', () => {
  it('is read while it goes on, from before and after its checkpoints', () => {
    const node = hosting(shared(), { checkpointTurns: 4 });
    add(node, 1, 14);
    for (let turn = 0; turn <= 14; turn++) {
      expect(listAt(node, turn, 100 + turn)).toEqual(ids(turn));
    }
    node.call('list', '', { number: 200 });
    expect(node.values().at(-1)).toEqual(ids(14));
  });

  it('is read on another node after a failover, as far back as before', () => {
    const world = shared();
    add(hosting(world, { checkpointTurns: 4 }), 1, 10);
    const next = new TestNode('b', world, { checkpointTurns: 4 });
    next.place(ledger, 9, seal('a'), 1, scope);
    for (let number = 11; number <= 17; number++) {
      next.call('add', `id${number}`, { number }, { epoch: 9 });
    }
    for (let turn = 0; turn <= 17; turn++) {
      expect(listAt(next, turn, 100 + turn, 9)).toEqual(ids(turn));
    }
  });

  it('is read as it was also when one that had it before stores the same segment late', () => {
    const world = shared();
    add(hosting(world, { checkpointTurns: 4 }), 1, 6);
    const stored = { checkpoints: new Map(world.checkpoints), segments: new Map(world.segments) };
    // The checkpoint of that one is on its way while the next one goes on from before it.
    world.checkpoints.clear();
    world.segments.clear();
    const second = new TestNode('b', world, { checkpointTurns: 4 });
    second.place(ledger, 9, [link('a', 2)], 1, { scope });
    for (let number = 7; number <= 10; number++) {
      second.call('add', `id${number}`, { number }, { epoch: 9 });
    }
    expect(world.segments.size).toBe(1);
    const late = new Map(world.segments);
    world.segments.clear();
    for (const [actor, checkpoint] of stored.checkpoints) world.checkpoints.set(actor, checkpoint);
    for (const [key, body] of stored.segments) world.segments.set(key, body);
    const third = new TestNode('c', world, { checkpointTurns: 4 });
    third.place(ledger, 12, [link('a', 2), link('b', 9)], 1, { scope });
    for (const [key, body] of late) world.segments.set(key, body);
    for (let turn = 0; turn <= 10; turn++) {
      expect(listAt(third, turn, 100 + turn, 12)).toEqual(ids(turn));
    }
    // What nobody lists goes as soon as the leader knows that nobody goes on from there.
    const write = (from: number, to: number): void => {
      for (let number = from; number <= to; number++) {
        third.call('add', `id${number}`, { number }, { epoch: 12 });
      }
    };
    const isLate = ([key]: readonly [string, unknown]): boolean => late.has(key);
    write(11, 14);
    expect([...world.segments].filter(isLate)).toHaveLength(1);
    third.message({ kind: 'rebased-seen', term, actors: [{ actor: ledger, epoch: 12 }] });
    write(15, 18);
    expect([...world.segments].filter(isLate)).toHaveLength(0);
    for (let turn = 0; turn <= 18; turn++) {
      expect(listAt(third, turn, 200 + turn, 12)).toEqual(ids(turn));
    }
  });

  it('is read on the node that it has moved to, also of turns that were handed over as a rest', () => {
    const world = shared();
    const source = hosting(world);
    const to = incarnation('b.aaaaaaaa');
    add(source, 1, 5);
    const place = {
      kind: 'place',
      term,
      actor: ledger,
      birth: 1,
      epoch: 2,
      scope,
      bundle,
    } as const;
    source.message({ ...place, chain: [], leave: { to, bundle } });
    add(source, 6, 8);
    source.message({ kind: 'prepared', actor: ledger, epoch: 2 });
    expect(source.toLeader()).toContain('released');
    expect(source.sent.some((send) => send.kind === 'put-checkpoint' && send.onTop)).toBe(true);
    const target = new TestNode('b', world, { checkpointTurns: 2 });
    target.place(ledger, 7, [], 1, { scope });
    for (let number = 9; number <= 12; number++) {
      target.call('add', `id${number}`, { number }, { epoch: 7 });
    }
    for (let turn = 0; turn <= 12; turn++) {
      expect(listAt(target, turn, 100 + turn, 7)).toEqual(ids(turn));
    }
    expect(asked(target, { [ledger]: 6 }, 7)).toBe(6);
  });

  it('is had as far back as it is kept, and nothing is left of what is older', () => {
    const past = { scopes: 'all', ms: 1e9, segmentsMax: 3, bytesMax: 1e9 } as const;
    const node = hosting(shared(), { checkpointTurns: 4, past });
    add(node, 1, 30);
    expect(node.segments.size).toBe(3);
    expect(listAt(node, 20, 100)).toEqual(ids(20));
    expect(listAt(node, 19, 101)).toBe('TOO_FAR_BACK');
    expect(listAt(node, 31, 102)).toBe('TOO_FAR_BACK');
  });

  it('is kept for as long as it was in memory for the time that is asked for', () => {
    const past = { scopes: 'all', ms: 10_000, segmentsMax: 100, bytesMax: 1e9 } as const;
    const node = hosting(shared(), { checkpointTurns: 1, past });
    for (let number = 1; number <= 30; number++) {
      add(node, number, number);
      node.tick(1_000);
    }
    expect(listAt(node, 19, 100)).toEqual(ids(19));
    expect(listAt(node, 17, 101)).toBe('TOO_FAR_BACK');
  });

  it('cannot be written to', () => {
    const node = hosting();
    add(node, 1, 3);
    node.call('add', 'late', { number: 9 }, { atTurn: 2 });
    expect(node.values().at(-1)).toBe('INVALID_ARGUMENT');
    expect(node.log.filter(({ kind }) => kind === 'turn')).toHaveLength(3);
  });

  it('is not kept of one that has to do with nobody, unless that is asked for', () => {
    const node = new TestNode('a', shared(), { checkpointTurns: 2 });
    node.place(ledger);
    add(node, 1, 9);
    expect(node.segments.size).toBe(0);
    expect(listAt(node, 3, 100)).toBe('TOO_FAR_BACK');
    node.call('post', 'x', { number: 10 });
    add(node, 11, 14);
    expect(node.segments.size).toBeGreaterThan(0);
  });

  it('is refused when its runner dies under the read', () => {
    const node = hosting();
    add(node, 1, 3);
    node.call('slowList', '', { number: 9 }, { atTurn: 2 });
    node.crashRunner();
    expect(node.values().at(-1)).toBe('UNAVAILABLE');
  });
});

describe('beyond a line', () => {
  const beyond = (node: TestNode, line: Line): unknown => {
    const actors = [{ actor: ledger, epoch: 2 }];
    node.message({ kind: 'ask-beyond', term, ask: 8, actors, line });
    const said = node.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'beyond-found' ? [send.message] : [],
    );
    return said.at(-1)?.beyond;
  };

  it('lies what its turns have done to others, also before the last checkpoints', () => {
    const node = hosting(shared(), { checkpointTurns: 2 });
    node.message({
      kind: 'located',
      actor: other,
      location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
    });
    node.call('add', 'x', { number: 1 });
    node.call('steps', 'y', { number: 2 });
    node.call('post', 'z', { number: 3 });
    add(node, 4, 6);
    const effects = [
      { turn: 2, kind: 'step', what: `s0 (${ledger}#1/s1:2/0)` },
      { turn: 2, kind: 'step', what: `s1 (${ledger}#1/s1:2/1)` },
      { turn: 2, kind: 'step', what: `s2 (${ledger}#1/s1:2/2)` },
      { turn: 2, kind: 'answer', what: 's1:2' },
      { turn: 3, kind: 'letter', what: `${other} 1` },
      { turn: 3, kind: 'letter', what: `${other} 2` },
      { turn: 3, kind: 'answer', what: 's1:3' },
    ];
    const answers = [4, 5, 6].map((turn) => ({ turn, kind: 'answer', what: `s1:${turn}` }));
    const all = [...effects, ...answers].map((effect) => ({ actor: ledger, ...effect }));
    expect(beyond(node, { [ledger]: 1 })).toEqual({
      last: 6,
      earliest: 0,
      count: 10,
      effects: all,
      ...noBlocks,
    });
    const none = { last: 6, earliest: 0, count: 0, effects: [], ...noBlocks };
    expect(beyond(node, { [ledger]: 6 })).toEqual(none);
    // What stays within the scope is not outside.
    expect(beyond(node, { [ledger]: 2, [other]: 5 })).toMatchObject({ count: 4 });
  });

  it('lies what a turn has done that has not ended', () => {
    const node = hosting();
    node.message({
      kind: 'located',
      actor: other,
      location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
    });
    node.call('ask', 'x', { number: 1 });
    const effects = [{ actor: ledger, turn: 1, kind: 'call', what: 'Ledger/other.add' }];
    const found = { last: 0, earliest: 0, count: 1, effects, ...noBlocks };
    expect(beyond(node, { [ledger]: 0 })).toEqual(found);
  });

  it('lies every block of a run that its turns have answered, however many effects are named', () => {
    const node = hosting(shared(), { checkpointTurns: 50 });
    add(node, 1, 2);
    callBy(node, 'run:r1:read', 1, 'before');
    callBy(node, 'run:r1:ask[2][0]', 1, 'x');
    // A task of no run, and a client.
    callBy(node, 'alone', 1, 'y');
    add(node, 3, 250);
    callBy(node, 'run:r1:ask[2][0]', 2, 'z');
    callBy(node, 'run:a/b:c:read', 1, 'u');
    const shown = beyond(node, { [ledger]: 3 }) as Beyond;
    expect([shown.effects.length, shown.count]).toEqual([200, 252]);
    const asked = block('run:r1:ask[2][0]', 4);
    expect(shown.blocks).toEqual([
      { ...asked, call: 'task:run:r1:ask[2][0]:p1f:1', calls: 2 },
      { ...block('run:a/b:c:read', 255), call: 'task:run:a/b:c:read:p1f:1', calls: 1 },
    ]);
    expect(shown.blockCount).toBe(2);
  });

  it('lies the block that a turn under way works for', () => {
    const node = hosting();
    node.message({
      kind: 'located',
      actor: other,
      location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
    });
    const session = 'task:run:r1:read:p1f' as never;
    node.call('ask', 'x', { session, number: 1 });
    const { blocks, blockCount } = beyond(node, { [ledger]: 0 }) as Beyond;
    const waits = { ...block('run:r1:read', 1), call: `${session}:1`, calls: 1 };
    expect([blocks, blockCount]).toEqual([[waits], 1]);
  });

  it('lie so many blocks that some are not named, and how many there are is said', () => {
    const node = hosting(shared(), { checkpointTurns: 400 });
    for (let branch = 1; branch <= 1_003; branch++) {
      callBy(node, `run:r1:ask[${branch}]`, 1, `id${branch}`);
    }
    const { blocks = [], blockCount } = beyond(node, { [ledger]: 1 }) as Beyond;
    expect([blocks.length, blocks[0]?.task, blockCount]).toEqual([1_000, 'run:r1:ask[2]', 1_002]);
  });

  it.each([
    ['kept', {}],
    ['not kept', { past: { ...pastKeptDefault, scopes: 'none' } }],
  ])('lies a step that has begun, whatever comes of it, where the past is %s', (_, config) => {
    const node = hosting(shared(), config);
    const found = () => (beyond(node, { [ledger]: 0 }) as Beyond).effects;
    const effect = { actor: ledger, turn: 1 };
    const effectId = `(${ledger}#1/s1:1/0)`;
    node.call('hang', 'x', { number: 1 });
    expect(found()).toEqual([]);
    const step = () => ({ work: node.lastTurn().work, ordinal: 0, name: 'pay' });
    node.frame({ kind: 'step-begin', ...step() });
    expect(found()).toEqual([{ ...effect, kind: 'step-begun', what: `pay ${effectId}` }]);
    // Whoever runs it again does not know yet which step that was.
    node.crashRunner();
    expect(found()).toEqual([{ ...effect, kind: 'step-begun', what: `? ${effectId}` }]);
    node.frame({ kind: 'step-begin', ...step() });
    expect(found()).toEqual([{ ...effect, kind: 'step-begun', what: `pay ${effectId}` }]);
    const outcome = { ok: true, value: encodeValue(1) } as const;
    node.frame({ kind: 'step-done', ...step(), outcome });
    expect(found()).toEqual([{ ...effect, kind: 'step', what: `pay ${effectId}` }]);
    expect(beyond(node, { [ledger]: 1 })).toMatchObject({ effects: [], count: 0 });
  });

  it('lies a step that can be undone by its name, also when its runner has died at it', () => {
    const node = hosting(shared());
    const found = () => (beyond(node, { [ledger]: 0 }) as Beyond).effects;
    const what = `pay (${ledger}#1/s1:1/0)`;
    const begin = { kind: 'step-begin', ordinal: 0, name: 'pay', undo: true } as const;
    node.call('hang', 'x', { number: 1 });
    node.frame({ ...begin, work: node.lastTurn().work });
    const begun = { actor: ledger, turn: 1, kind: 'step-begun', what };
    expect(found()).toEqual([begun]);
    node.crashRunner();
    expect(found()[0]).toEqual(begun);
    const { work } = node.lastTurn();
    const outcome = { ok: true, value: encodeValue(1) } as const;
    node.frame({ ...begin, work });
    node.frame({ ...begin, kind: 'step-done', work, outcome });
    expect(found()).toEqual([{ ...begun, kind: 'step' }]);
  });
});
