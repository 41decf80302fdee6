import { encodeValue, limits, runId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cluster, codeOf, failed, type Scene, task, tenant, workflow } from '../scene.ts';
import {
  child,
  deploy,
  flow,
  live,
  loop,
  output,
  parallel,
  pause,
  ref,
  refusal,
  resume,
  run,
  value,
  work,
} from './flow.ts';

const inner = workflow('inner', [work('a', { input: ref('input') })], ref('blocks', 'a'));

describe('a child run', () => {
  it('runs as a run of its own, whose output is that of the block', () => {
    const scene = flow([child('c', { input: ref('input') })], { output: [ref('blocks', 'c')] }, [
      inner,
    ]);
    scene.starts('flow', 5);
    expect(scene.view('r1/c')).toMatchObject({
      parent: { run: 'r1', block: 'c' },
      workflow: 'inner',
    });
    expect(scene.inputOf('a', 'r1/c')).toBe(5);
    scene.failOver();
    scene.pass(1_100);
    scene.blockFinishes('a', 6, 'r1/c');
    expect(output(scene)).toEqual([6]);
    expect(scene.decided('block-ended')).toEqual([]);
  });

  it('begins and ends, as all of its run does, while the leader is short of memory and takes in no other run', () => {
    const blocks = [work('b'), child('c', { after: ['b'], input: ref('blocks', 'b') })];
    const scene = flow(blocks, { output: [ref('blocks', 'c')] }, [inner]);
    scene.starts('flow');
    scene.tell({ kind: 'memory', short: true });
    const before = scene.facts.length;
    const body = { run: runId('r2'), tenant, workflow: 'flow', input: encodeValue(1) };
    const refused = scene.asks({ kind: 'start-run', ...body });
    expect(scene.code(refused)).toBe('RESOURCE_EXHAUSTED');
    expect(refusal(refused)).toContain('retry in');
    expect(scene.facts).toHaveLength(before);
    // It is the one that is there already.
    expect(scene.starts('flow').run).toBe(run);
    scene.blockFinishes('b', 5);
    scene.blockFinishes('a', 6, 'r1/c');
    expect(output(scene)).toEqual([6]);
  });

  it('of each round and branch has a run of its own', () => {
    const scene = flow(
      [loop('again'), child('c', { in: 'again', each: [1, 2], input: ref('item') })],
      { output: ref('blocks', 'again', 'results') },
      [inner],
    );
    scene.starts('flow');
    for (const id of ['c[0][1]', 'c[0][0]', 'c[1][0]', 'c[1][1]']) {
      scene.blockFinishes('a', id, `r1/${id}`);
    }
    expect(output(scene)).toEqual([[['c[0][0]', 'c[0][1]']], [['c[1][0]', 'c[1][1]']]]);
  });

  it('has an id that nobody else can take: a run of that form is refused, whoever asks for it', () => {
    const scene = flow([work('b'), child('c', { after: ['b'] })], {}, [inner]);
    scene.starts('flow');
    const body = { run: runId('r1/c'), tenant, workflow: 'inner', input: encodeValue(1) };
    const refused = scene.asks({ kind: 'start-run', ...body });
    expect(scene.code(refused)).toBe('INVALID_ARGUMENT');
    expect(refusal(refused)).toContain('run id "r1/c" has a "/", as only runs have');
    scene.blockFinishes('b', 1);
    scene.blockFinishes('a', 2, 'r1/c');
    expect(scene.view().state).toBe('done');
    // One that is there is shown, whatever it is called.
    const same = { ...body, input: encodeValue(null) };
    expect(scene.asks({ kind: 'start-run', ...same })).toMatchObject({ run: { state: 'done' } });
    expect(scene.code(scene.asks({ kind: 'start-run', ...body }))).toBe('ALREADY_EXISTS');
  });

  it('that fails fails the block, or goes out by its error edge', () => {
    const scene = flow([child('c')], {}, [inner]);
    scene.starts('flow');
    scene.finishes('run:r1/c:a', failed('USER_ERROR'));
    expect(codeOf(scene.view().outcome)).toBe('USER_ERROR');
    const mends = flow(
      [child('c'), work('mend')],
      { edges: [{ from: 'c', to: 'mend', port: 'error' }] },
      [inner],
    );
    mends.starts('flow');
    mends.asks({ kind: 'cancel-run', run: runId('r1/c') });
    expect(live(mends)).toEqual(['mend']);
  });

  it('is cancelled with its parent, and with the branch that it belongs to', () => {
    const scene = flow([child('c'), pause('p')], {}, [inner]);
    scene.starts('flow');
    scene.asks({ kind: 'cancel-run', run });
    expect(scene.view('r1/c').state).toBe('cancelled');
    expect(live(scene, 'r1/c')).toEqual([]);
    const side = flow(
      [parallel('side'), child('c', { in: 'side' }), work('mend')],
      { edges: [{ from: 'side', to: 'mend', port: 'error' }] },
      [inner],
    );
    side.starts('flow');
    side.finishes('run:r1/c[1]:a', failed('USER_ERROR'));
    expect(side.view('r1/c[0]').state).toBe('cancelled');
    expect(live(side)).toEqual(['mend']);
    // Nobody goes on waiting for it.
    expect(side.machine.durable().runs[0]?.state.abandoned).toEqual([]);
  });

  it('in itself without end is refused at a depth', () => {
    const scene = flow([child('c', { workflow: 'flow' })]);
    const { outcome } = scene.starts('flow');
    expect(codeOf(outcome)).toBe('RESOURCE_EXHAUSTED');
    expect(scene.decided('run-started')).toHaveLength(26);
  });

  it('in itself, and more than one of them, is refused when there are too many at once, and keeps nobody waiting meanwhile', () => {
    const scene = flow([parallel('side'), child('c', { in: 'side', workflow: 'flow' })]);
    scene.machine.checkInvariants = () => undefined;
    scene.starts('flow');
    let most = scene.facts.length;
    while (!scene.kinds().includes('run-ended')) {
      const before = scene.facts.length;
      scene.pass(1);
      if (!scene.kinds().includes('run-ended')) most = Math.max(most, scene.facts.length - before);
    }
    const ended = scene.decided('run-ended');
    expect(codeOf(ended.find((fact) => fact.run === run)?.outcome)).toBe('RESOURCE_EXHAUSTED');
    const runs = scene.decided('run-started').length;
    expect(runs).toBeGreaterThan(limits.runsWithinMax);
    // One whose block is refused fails, and so makes room for another.
    expect(runs).toBeLessThan(limits.runsWithinMax + 10);
    expect(ended).toHaveLength(runs);
    // Each step journals one fact.
    expect(most).toBeLessThan(5_100);
    expect(scene.machine.durable().runs.every(({ end }) => end !== undefined)).toBe(true);
  });

  it('that only waits counts among those within a run, under the next leader too', () => {
    const waits = workflow('inner', [pause('p')]);
    const scene = flow([child('c', { each: ref('input') })], {}, [waits]);
    scene.starts('flow', ['a', 'b', 'c']);
    for (const from of ['facts', 'image'] as const) {
      scene.failOver(from);
      scene.machine.checkInvariants();
      expect(scene.view().state).toBe('running');
    }
    for (const branch of [0, 1, 2]) resume(scene, 'p', 1, runId(`r1/c[${branch}]`));
    expect(scene.view().state).toBe('done');
  });

  it('of an unknown workflow, or with an id that is taken, fails its block', () => {
    const scene = flow([child('c', { workflow: 'none' })]);
    expect(codeOf(scene.starts('flow').outcome)).toBe('UNKNOWN_WORKFLOW');
    const waits = workflow('inner', [pause('p')]);
    const taken = flow([pause('p'), child('c', { after: ['p'] })], {}, [waits]);
    taken.starts('inner', 1, 'r1-c');
    asAnEarlierVersionNamed(taken, 'r1-c', 'r1/c');
    taken.starts('flow');
    resume(taken, 'p', 1);
    expect(codeOf(taken.view().outcome)).toBe('ALREADY_EXISTS');
    expect(taken.view('r1/c').state).toBe('waiting');
  });

  it('in a thousand rounds that end at once takes no stack', () => {
    const quick = workflow('inner', [value('v', ref('input'))], ref('blocks', 'v'));
    const scene = flow(
      [
        loop('again', { rounds: { count: 3_000 } }),
        child('c', { in: 'again', input: ref('index') }),
      ],
      { output: ref('blocks', 'again', 'results', 2_999) },
      [quick],
    );
    scene.machine.checkInvariants = () => undefined;
    scene.starts('flow');
    scene.pass(50);
    expect(output(scene)).toEqual([2_999]);
  });

  it('keeps to the version of its parent', () => {
    const scene = flow([pause('p'), child('c', { after: ['p'] })], {}, [inner]);
    scene.starts('flow');
    deploy(scene, [work('x')], {}, [workflow('inner', [work('other')])], 'b3');
    resume(scene, 'p', 1);
    expect(live(scene, 'r1/c')).toEqual(['a']);
    const body = { run: runId('r2'), tenant, workflow: 'inner', input: encodeValue(1) };
    scene.asks({ kind: 'start-run', ...body });
    expect(live(scene, 'r2')).toEqual(['other']);
  });
});

/** Users could name runs so. */
function asAnEarlierVersionNamed(scene: Scene, from: string, to: string): void {
  for (const [at, fact] of scene.facts.entries()) {
    if ('run' in fact && fact.run === from) scene.facts[at] = { ...fact, run: runId(to) };
  }
  scene.failOver();
}

describe('a run with more at work than there is room for', () => {
  /** A run has twelve tasks in two runs within, all runs room for four. */
  function crowded(): Scene {
    const { scene } = cluster(1);
    const six = workflow('inner', [work('a', { each: [1, 2, 3, 4, 5, 6] })]);
    const flowing = workflow('flow', [child('c'), child('d')]);
    const tasks = [task('work', { retries: 0, resources: { cpu: 1 } })];
    scene.deploys({ tasks, workflows: [six, flowing] }, 'b2');
    scene.starts('flow');
    expect(scene.decided('task-started')).toHaveLength(4);
    scene.starts('inner', null, 'other');
    return scene;
  }

  const ends: readonly (readonly [string, (scene: Scene) => void])[] = [
    ['is cancelled', (scene) => scene.asks({ kind: 'cancel-run', run })],
    ['fails', (scene) => scene.finishes('run:r1/c:a[0]', failed('USER_ERROR'))],
  ];

  it.each(ends)('that %s starts none of its tasks meanwhile, and others at once', (_, end) => {
    const scene = crowded();
    end(scene);
    expect(scene.view().state).not.toBe('running');
    const started = scene.decided('task-started').map((fact) => fact.task);
    expect(started.slice(4)).toEqual([0, 1, 2, 3].map((i) => `run:other:a[${i}]`));
  });
});
