import { encodeValue, runId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cart, cluster, config, Scene, stateOf, tenant, workflow } from './scene.ts';

describe('a term', () => {
  it('is numbered by the position of its opening fact', () => {
    const { scene } = cluster(1);
    scene.failOver();
    const position = scene.facts.findLastIndex(({ kind }) => kind === 'term-opened');
    expect(scene.asks({ kind: 'status' })).toMatchObject({
      status: { term: { generation: 1, number: position }, leader: 's2' },
    });
  });

  it('stands in everything that is sent to nodes', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.resolves('a');
    scene.submits('t1');
    scene.failOver();
    const number = scene.machine.durable().term?.number;
    scene.hear({ kind: 'leaving', incarnation: node });
    scene.pass(1_000);
    const terms = scene.sends.flatMap((send) =>
      send.kind === 'to-node' && 'term' in send.message ? [send.message.term.number] : [],
    );
    expect(terms.length).toBeGreaterThan(3);
    expect(new Set(terms)).toEqual(new Set([number]));
  });

  it('gives a first leader the default tenant, and later ones nothing new', () => {
    const scene = new Scene();
    expect(scene.kinds()).toEqual(['term-opened', 'tenant-put']);
    scene.failOver();
    expect(scene.kinds()).toEqual(['term-opened', 'tenant-put', 'term-opened']);
  });
});

describe('a follower', () => {
  it('says and changes nothing', () => {
    const machine = new SchedulerMachine(config);
    const output = machine.handle(1, { kind: 'tick', wall: 1 });
    expect(output).toEqual({ append: [], send: [], reply: [], work: [] });
    expect(machine.wakeAt()).toBeUndefined();
    expect(machine.factCount).toBe(0);
  });
});

describe('a new leader regenerates', () => {
  it('the logs of nodes that were joining', () => {
    const scene = new Scene();
    const node = scene.asksToJoin('n1.aaaaaaaa');
    scene.failOver();
    expect(scene.orders('create-log')).toHaveLength(1);
    scene.tell({ kind: 'log-created', incarnation: node });
    expect(scene.to(node, 'welcome')).toHaveLength(1);
  });

  it('the seals of nodes that were dying, and the logs that they never had', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const unborn = scene.asksToJoin('n8.aaaaaaaa');
    scene.beating.delete(node);
    scene.dies(unborn);
    scene.failOver();
    expect(scene.orders('seal-log')).toEqual([{ kind: 'seal-log', incarnation: node }]);
    expect(scene.orders('create-log')).toEqual([{ kind: 'create-log', incarnation: unborn }]);
  });

  it('placements, because it cannot know which were seen', () => {
    const { scene } = cluster(1);
    scene.resolves('a');
    const { node, epoch } = scene.actor('a');
    scene.failOver();
    expect(scene.to(node, 'place')[0]).toMatchObject({ actor: cart('a'), epoch });
  });

  it('drains, deletions of logs and the trimming of the journal', () => {
    const { scene, nodes } = cluster(3);
    const [draining, dead] = nodes;
    if (draining === undefined || dead === undefined) throw new Error('no node');
    scene.hear({ kind: 'leaving', incarnation: draining });
    scene.dies(dead);
    scene.sealed(dead);
    scene.tell({ kind: 'image-written', object: 'o1', facts: 3, position: 9 });
    scene.tell({ kind: 'image-written', object: 'o2', facts: 4, position: 12 });
    scene.failOver();
    expect(scene.to(draining, 'drain')).toHaveLength(1);
    expect(scene.orders('delete-log')).toHaveLength(1);
    expect(scene.orders('trim-journal')).toEqual([{ kind: 'trim-journal', before: 9 }]);
  });

  it('actors that wait for a node, when one is alive', () => {
    const { scene } = cluster(1);
    scene.resolves('a');
    const { node } = scene.actor('a');
    scene.dies(node);
    scene.sealed(node);
    scene.failOver();
    const next = scene.joins('n5.aaaaaaaa');
    expect(scene.actor('a').node).toBe(next);
  });
});

describe('images', () => {
  it('trim the journal before the one before the last, an older one does nothing', () => {
    const { scene } = cluster(1);
    scene.tell({ kind: 'image-written', object: 'o1', facts: 3, position: 9 });
    scene.tell({ kind: 'image-written', object: 'o0', facts: 2, position: 5 });
    expect(scene.decided('image-stored')).toHaveLength(1);
    expect(scene.orders('trim-journal')).toEqual([]);
    scene.tell({ kind: 'image-written', object: 'o2', facts: 4, position: 12 });
    expect(scene.orders('trim-journal')).toEqual([{ kind: 'trim-journal', before: 9 }]);
  });

  it('give the whole state back, and what follows applies to it', () => {
    const { scene } = cluster(2);
    scene.deploys(
      { workflows: [workflow('flow', [{ kind: 'pause', id: 'p', after: [], prompt: null }])] },
      'b2',
    );
    scene.resolves('a');
    scene.submits('t1');
    scene.starts('flow');
    const restored = SchedulerMachine.restore(config, scene.machine.image());
    expect(stateOf(restored)).toBe(stateOf(scene.machine));
    const before = scene.facts.length;
    expect(restored.factCount).toBe(before);
    scene.dies(scene.actor('a').node);
    scene.finishes('t1');
    scene.asks({ kind: 'resume-run', run: runId('r1'), block: 'p', answer: encodeValue(1) });
    for (const fact of scene.facts.slice(before)) restored.apply(fact);
    restored.checkInvariants();
    expect(stateOf(restored)).toBe(stateOf(scene.machine));
  });
});

describe('deployments', () => {
  it('refuse a workflow that is broken, by name, and change nothing', () => {
    const { scene } = cluster(1);
    const before = scene.facts.length;
    const broken = workflow('flow', [{ kind: 'pause', id: 'p', after: ['q'], prompt: null }]);
    const answer = scene.deploys({ workflows: [broken] }, 'b2');
    expect(answer).toMatchObject({
      failure: { code: 'WORKFLOW_INVALID', details: { workflow: 'flow' } },
    });
    expect(scene.facts).toHaveLength(before);
  });

  it('are idempotent, and the latest serves', () => {
    const { scene } = cluster(1);
    scene.deploys({}, 'b2');
    scene.deploys({}, 'b2');
    expect(scene.decided('bundle-deployed')).toHaveLength(2);
    scene.submits('t1');
    expect(scene.started('t1')[0]?.bundle).toBe('b2');
    scene.deploys({}, 'b1');
    scene.submits('t2');
    expect(scene.started('t2')[0]?.bundle).toBe('b1');
  });

  it('need a tenant, whose weight is a positive number', () => {
    const { scene } = cluster(1);
    const before = scene.facts.length;
    const put = (name: string, weight: number) =>
      scene.code(scene.asks({ kind: 'put-tenant', tenant: name as never, weight }));
    expect(put('Bad Name', 1)).toBe('INVALID_ARGUMENT');
    expect(put('team', 0)).toBe('INVALID_ARGUMENT');
    expect(put('team', Number.NaN)).toBe('INVALID_ARGUMENT');
    expect(scene.facts).toHaveLength(before);
    expect(put('team', 2)).toBe('tenant');
    expect(put('team', 2)).toBe('tenant');
    expect(scene.facts).toHaveLength(before + 1);
  });
});

describe('questions', () => {
  it('list actors by type and prefix, and count them all', () => {
    const { scene } = cluster(1);
    for (const key of ['a1', 'a2', 'a3', 'b1']) scene.resolves(key);
    const answer = scene.asks({ kind: 'list-actors', tenant, type: 'Cart', prefix: 'a', limit: 2 });
    expect(answer).toMatchObject({
      total: 3,
      actors: [{ actor: cart('a1') }, { actor: cart('a2') }],
    });
  });

  it('show nodes with what is used of them', () => {
    const { scene } = cluster(1);
    scene.submits('t1');
    scene.resolves('a');
    expect(scene.asks({ kind: 'status' })).toMatchObject({
      status: {
        cell: 'test',
        nodes: [{ name: 'n1', state: 'alive', used: { cpu: 1 }, actors: 1, tasks: 1 }],
        counts: { actors: 1, tasksRunning: 1, tasksQueued: 0, runs: 0 },
      },
    });
  });
});
