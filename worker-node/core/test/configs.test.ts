/** Which configuration turns and attempts see on a node, and on the one after it. */
import {
  type ActorId,
  actorId,
  encodeValue,
  logName,
  type ToRunner,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { bundle, ledger, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };
const tenant = tenantName('default');

const valuesOf = (version: number) => encodeValue({ v: version });

function tells(node: TestNode, version: number, asked = version): void {
  node.message({ kind: 'config-told', term, tenant, asked, version, values: valuesOf(version) });
}

function asked(node: TestNode): number[] {
  return node.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'ask-config' ? [send.message.version] : [],
  );
}

/** Methods that the runner was given, each with the version that it saw. */
function seen(node: TestNode): [string, number][] {
  let version = 0;
  const frames = node.work.flatMap((one): ToRunner[] =>
    one.kind === 'to-runner' ? [one.frame] : [],
  );
  return frames.flatMap((frame) => {
    if (frame.kind === 'config') version = frame.version;
    return frame.kind === 'turn' ? [[frame.method, version] as [string, number]] : [];
  });
}

function placed(node: TestNode, config: number, actor: ActorId = ledger, epoch = 2): void {
  node.place(actor, epoch, [], 1, { config });
}

describe('an actor', () => {
  it('begins no turn before the version that its placement named is there', () => {
    const node = new TestNode('a');
    placed(node, 3);
    node.call('add', 'x');
    expect(seen(node)).toEqual([]);
    expect(asked(node)).toEqual([3]);
    node.tick(1_000);
    expect(asked(node)).toEqual([3, 3]);
    tells(node, 3);
    expect(seen(node)).toEqual([['add', 3]]);
    expect(node.values()).toEqual([1]);
    node.tick(5_000);
    expect(asked(node)).toEqual([3, 3]);
  });

  it('without a configuration asks nobody and waits for nobody', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x');
    expect(node.values()).toEqual([1]);
    expect(asked(node)).toEqual([]);
    expect(node.log.some((fact) => 'config' in fact)).toBe(false);
  });

  it('sees another version from its next turn on, once the values are there', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x');
    node.message({ kind: 'config-news', term, tenant, version: 1 });
    expect(node.toLeader()).toContain('config-seen');
    node.call('add', 'y', { number: 2 });
    tells(node, 1);
    node.call('list', '', { number: 3 });
    node.call('add', 'z', { number: 4 });
    expect(seen(node)).toEqual([
      ['add', 0],
      ['add', 0],
      ['list', 1],
      ['add', 1],
    ]);
    const turns = node.log.flatMap((fact) => (fact.kind === 'turn' ? [fact.config] : []));
    expect(turns).toEqual([undefined, undefined, 1]);
  });

  it('never sees an older version after a newer one, whatever comes late', () => {
    const node = new TestNode('a');
    placed(node, 2);
    tells(node, 2);
    node.call('add', 'x');
    tells(node, 1);
    placed(node, 1);
    node.message({ kind: 'config-news', term, tenant, version: 1 });
    node.call('add', 'y', { number: 2 });
    expect(seen(node)).toEqual([
      ['add', 2],
      ['add', 2],
    ]);
  });

  it('of a tenant that has nothing here is no reason to ask for its configuration', () => {
    const node = new TestNode('a');
    const other = tenantName('other');
    node.message({ kind: 'config-news', term, tenant: other, version: 4 });
    expect(asked(node)).toEqual([]);
    expect(node.toLeader()).toContain('config-seen');
  });
});

describe('a turn that had begun', () => {
  /** It waits for a signal, and was begun with version 1. */
  function waiting(shared?: ConstructorParameters<typeof TestNode>[1]): TestNode {
    const node = new TestNode('a', shared);
    placed(node, 1);
    tells(node, 1);
    node.call('hang', 'x');
    const { work } = node.lastTurn();
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'go' });
    node.giveUp(work, [0]);
    return node;
  }

  it('sees what it was begun with when its wait is over, and the next turn the latest', () => {
    const node = waiting();
    node.message({ kind: 'config-news', term, tenant, version: 2 });
    tells(node, 2);
    node.signal('go', 1);
    node.call('add', 'y', { number: 2 });
    node.end(node.lastTurn().work, 'done');
    expect(seen(node)).toEqual([
      ['hang', 1],
      ['hang', 1],
      ['add', 2],
    ]);
  });

  it('sees it on another node too, which asks for that version', () => {
    const shared = { logs: new Map(), checkpoints: new Map() };
    const dead = waiting(shared);
    const next = new TestNode('b', shared);
    const chain = [{ log: logName('turns-a'), from: 0, to: dead.log.length }];
    next.place(ledger, 9, chain, 1, { config: 2 });
    tells(next, 2);
    expect(asked(next)).toEqual([2, 1]);
    expect(seen(next)).toEqual([]);
    tells(next, 1);
    next.signal('go', 1);
    next.call('add', 'y', { number: 2 });
    next.end(next.lastTurn().work, 'done');
    expect(seen(next).slice(-2)).toEqual([
      ['hang', 1],
      ['add', 2],
    ]);
  });

  it('sees the latest when that version is not kept any more', () => {
    const shared = { logs: new Map(), checkpoints: new Map() };
    const dead = waiting(shared);
    const next = new TestNode('b', shared);
    const chain = [{ log: logName('turns-a'), from: 0, to: dead.log.length }];
    next.place(ledger, 9, chain, 1, { config: 200 });
    tells(next, 200);
    tells(next, 200, 1);
    next.signal('go', 1);
    expect(seen(next).at(-1)).toEqual(['hang', 200]);
  });

  it('keeps it through a checkpoint and a crash of its runner', () => {
    const node = waiting();
    node.message({ kind: 'config-news', term, tenant, version: 2 });
    tells(node, 2);
    node.tick(400_000);
    node.tick(1_000);
    expect(node.checkpoints.size).toBe(1);
    node.signal('go', 1);
    const first = node.lastTurn();
    node.crashRunner();
    node.tick(1_000);
    expect(node.lastTurn().work).not.toBe(first.work);
    expect(seen(node).map(([, version]) => version)).toEqual(Array(seen(node).length).fill(1));
  });
});

describe('what a node keeps', () => {
  it('is of tenants that have an actor there, and of no others for long', () => {
    const node = new TestNode('a');
    placed(node, 1);
    tells(node, 1);
    const other = tenantName('other');
    const order = { task: taskId('t1'), attempt: 1, tenant: other, bundle, name: 'work' } as const;
    const input = encodeValue(null);
    const more = { input, started: 1, limitMs: 9_000_000, config: 4 } as const;
    node.message({ kind: 'run-task', term, ...order, ...more });
    expect(asked(node)).toEqual([1, 4]);
    const values = valuesOf(4);
    node.message({ kind: 'config-told', term, tenant: other, asked: 4, version: 4, values });
    for (let n = 0; n < 70; n++) node.tick(1_000);
    node.message({ kind: 'config-news', term, tenant: other, version: 5 });
    node.message({ kind: 'config-news', term, tenant, version: 2 });
    expect(asked(node)).toEqual([1, 4, 2]);
  });
});

describe('two actors of two tenants at one runner', () => {
  it('each see their own', () => {
    const node = new TestNode('a');
    const other = actorId('other', 'Ledger', 'one');
    placed(node, 1);
    tells(node, 1);
    node.place(other);
    node.call('add', 'x');
    node.call('add', 'y', {}, { actor: other });
    const configs = node.work.flatMap((one) =>
      one.kind === 'to-runner' && one.frame.kind === 'config' ? [one.frame.tenant] : [],
    );
    expect(configs).toEqual(['default']);
  });
});
