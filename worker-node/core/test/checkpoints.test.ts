import { encodeValue, type LogName, logName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { stretchesOf } from '../src/index.ts';
import { ledger, node, other, seal, shared, TestNode } from './harness.ts';

const letter = {
  kind: 'letter',
  to: ledger,
  epoch: 2,
  from: other,
  fromBirth: 3,
  number: 1,
  method: 'add',
  args: encodeValue(['sent']),
  replyTo: node('z'),
  scope: other,
  clock: {},
} as const;

const term = { generation: 1, number: 0 };

describe('a checkpoint', () => {
  it('holds the letters that nobody has acknowledged, beside the state', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointMs: 1_000 });
    a.place(ledger);
    a.call('post', 'm');
    a.tick(2_000);
    expect(world.checkpoints.size).toBe(1);
    const b = new TestNode('b', world);
    const location = { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 };
    b.message({ kind: 'located', actor: other, location });
    b.place(ledger, 7, seal('a'));
    expect(b.toNodes().filter((message) => message.kind === 'letter')).toHaveLength(2);
  });

  it('holds what was answered and received: its twins are known to the next owner', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointMs: 1_000 });
    a.place(ledger);
    a.call('add', 'called', { number: 1 });
    a.message(letter);
    a.tick(2_000);
    expect(world.checkpoints.size).toBe(1);
    // Without a chain: all that it knows is in the checkpoint.
    const b = new TestNode('b', world);
    b.place(ledger, 7, []);
    b.call('add', 'called', { number: 1 });
    b.message(letter);
    b.call('list', '', { number: 2 });
    expect(b.values()).toEqual([1, ['called', 'sent']]);
    const acks = b.replies.filter(({ message }) => message.kind === 'letter-ack');
    expect(acks).toMatchObject([{ message: { from: other, upTo: 1 } }]);
  });

  it('must be stored before the log is trimmed of what it holds (D3)', () => {
    const a = new TestNode('a', shared(), { checkpointMs: 1_500, logBytesKeptMax: 0 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.post({ kind: 'log-durable', position: 1, bytes: 20_000_000 });
    a.call('add', 'y', { number: 2 });
    a.post({ kind: 'log-durable', position: 2, bytes: 20_000_000 });
    const trims = () => a.sent.filter((send) => send.kind === 'trim-log');
    a.tick(1_000);
    expect(trims()).toEqual([]);
    a.autoCommit = false;
    // The second tick comes while the checkpoint is on its way.
    a.tick(1_000);
    a.tick(1_000);
    a.commit();
    expect(a.sent.map((send) => send.kind)).toContain('put-checkpoint');
    expect(trims()).toEqual([]);
    a.tick(1_000);
    a.commit();
    expect(trims()).toEqual([{ kind: 'trim-log', before: 2 }]);
  });

  it('lets the log go in steps of a quarter of what is kept, so that little more than that is there', () => {
    const mebibyte = 1024 * 1024;
    const a = new TestNode('a', shared(), { logBytesKeptMax: 4 * mebibyte });
    for (let position = 1; position <= 6; position++) {
      a.post({ kind: 'log-durable', position, bytes: mebibyte });
    }
    a.tick(1_000);
    const trims = a.sent.filter((send) => send.kind === 'trim-log');
    expect(trims).toEqual([{ kind: 'trim-log', before: 2 }]);
  });

  it('is made of the oldest dirty actor first when the log holds too many bytes beyond them', () => {
    const world = shared();
    const a = new TestNode('a', world, { logBytesBeyondCheckpointsMax: 300 });
    for (const actor of [ledger, other]) a.place(actor);
    a.call('add', 'x', { number: 1 });
    a.tick(1_000);
    expect(world.checkpoints.size).toBe(0);
    a.call('add', 'x', { number: 1 }, { actor: other });
    a.tick(1_000);
    expect([...world.checkpoints.keys()]).toEqual([ledger]);
  });

  it('holds a turn that had begun, with the steps that it had recorded', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointMs: 1_000 });
    a.place(ledger);
    a.autoCommit = false;
    a.call('steps', 'x');
    a.commit();
    a.commit();
    a.tick(2_000);
    // The second step's record is durable behind the checkpoint, the third's never was.
    a.commit();
    expect(a.effects).toHaveLength(3);
    expect(world.checkpoints.size).toBe(1);
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    expect(b.effects).toEqual(a.effects.slice(2));
    b.call('list', '', { number: 2 });
    expect(b.values()).toEqual([['x']]);
  });
});

describe('an actor that is read back while its checkpoint is stored', () => {
  it('is read again from that one, when what it covers was gone already', () => {
    const a = new TestNode('a', shared(), { checkpointMs: 1_500 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.autoCommit = false;
    a.tick(2_000);
    a.crashRunner();
    const of = { actor: ledger, epoch: 2 };
    a.post({ kind: 'checkpoint-stored', ...of, seq: 1, revision: 1 });
    const failure = { code: 'LOG_CORRUPT', message: 'turn 1 is missing' } as const;
    a.heldRestores = [];
    a.post({ kind: 'restore-failed', ...of, failure });
    a.heldRestores = undefined;
    a.autoCommit = true;
    a.commit();
    expect(a.restores).toHaveLength(2);
    a.call('list', '', { number: 2 });
    expect(a.values()).toEqual([1, ['x']]);
  });
});

describe('an idle actor that is woken while its checkpoint is stored', () => {
  it('does not live by the one before, of whose turns the log was trimmed meanwhile', () => {
    const a = new TestNode('a', shared(), { checkpointMs: 1_500, idleMs: 3_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.autoCommit = false;
    a.tick(2_000);
    a.tick(2_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.call('list', '', { number: 2 });
    const of = { actor: ledger, epoch: 2 };
    a.post({ kind: 'checkpoint-stored', ...of, seq: 1, revision: 1 });
    a.heldRestores = [];
    a.post({ kind: 'restored', ...of, facts: [] });
    a.heldRestores = undefined;
    a.autoCommit = true;
    a.commit();
    expect(a.values()).toEqual([1, ['x']]);
  });
});

describe('an actor that was taken over', () => {
  it('is checkpointed soon, and the leader is told until it knows', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    b.tick(1_000);
    expect(b.toLeader()).not.toContain('rebased');
    b.tick(2_500);
    expect(b.toLeader()).toContain('rebased');
    const told = b.toLeader().length;
    b.tick(1_000);
    expect(b.toLeader()).toHaveLength(told + 1);
    b.message({ kind: 'rebased-seen', term, actors: [{ actor: ledger, epoch: 7 }] });
    b.tick(1_000);
    expect(b.toLeader()).toHaveLength(told + 1);
  });
});

describe('an idle actor', () => {
  it('stays in memory while its checkpoint is captured, and is free to go or to move after it', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    const b = new TestNode('b', world, { idleMs: 5_000, rebaseMs: 4_000 });
    b.place(ledger, 7, seal('a'));
    b.heldCaptures = [];
    for (let n = 0; n < 7; n++) b.tick(1_000);
    const phase = () => b.machine.actors.get(ledger)?.phase;
    expect(phase()).toBe('live');
    const [captured] = b.heldCaptures;
    if (captured === undefined) throw new Error('no capture');
    b.frame(captured);
    b.tick(1_000);
    expect(phase()).toBe('cold');
    b.message({ kind: 'drain', term });
    expect(b.toLeader()).toContain('released');
  });
});

describe('what of a chain lies beyond a checkpoint', () => {
  const [a, b] = [logName('a'), logName('b')];
  const head = (epoch: number, log: LogName, position: number) => ({
    actor: ledger,
    birth: 1,
    epoch,
    seq: 1,
    floor: { log, position },
  });

  it('is told by the epochs: here, elsewhere, here again', () => {
    const chain = [
      { log: b, from: 0, to: 10, epoch: 5 },
      { log: a, from: 0, to: 20, epoch: 7 },
    ];
    expect(stretchesOf(chain, undefined)).toEqual(chain);
    const [elsewhere, again] = chain;
    // Made here before it went elsewhere: the later turns here lie behind it too.
    expect(stretchesOf(chain, head(3, a, 6))).toEqual([elsewhere, { ...again, from: 7 }]);
    expect(stretchesOf(chain, head(5, b, 4))).toEqual([{ ...elsewhere, from: 5 }, again]);
    expect(stretchesOf(chain, head(5, b, 10))).toEqual([again]);
    expect(stretchesOf(chain, head(7, a, 6))).toEqual([{ ...again, from: 7 }]);
    expect(stretchesOf(chain, head(9, a, 20))).toEqual([]);
  });

  it('is told by the logs, where an older leader wrote no epochs', () => {
    const chain = [
      { log: a, from: 0, to: 10 },
      { log: b, from: 4, to: 20 },
    ];
    expect(stretchesOf(chain, head(1, logName('c'), 7))).toEqual(chain);
    expect(stretchesOf(chain, head(1, b, 6))).toEqual([{ log: b, from: 7, to: 20 }]);
    expect(stretchesOf(chain, head(1, b, 1))).toEqual([{ log: b, from: 4, to: 20 }]);
    expect(stretchesOf(chain, head(1, a, 10))).toEqual([{ log: b, from: 4, to: 20 }]);
  });
});
