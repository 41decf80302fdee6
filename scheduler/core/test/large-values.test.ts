/** Outputs in the object store: passed on as handles, held while anybody needs them, then deleted. */
import {
  type Block,
  decodeValue,
  encodeHandle,
  encodeValue,
  Handle,
  limits,
  type Outcome,
  type StoredObject,
  taskId,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { child, flow, loop, parallel, pause, ref, run, value, wait, work } from './runs/flow.ts';
import {
  cluster,
  codeOf,
  config,
  outcomeOf,
  type Scene,
  stateOf,
  task,
  workflow,
} from './scene.ts';

const hash = 'ab'.repeat(32);

/** The node that has the latest attempt has put its output and reports it. */
function brings(scene: Scene, id: string, bytes = 5_000_000): StoredObject {
  const last = scene.started(id).at(-1);
  if (last === undefined) throw new Error(`task ${id} was not started`);
  const stored = { object: last.started, hash, bytes };
  scene.finishes(id, { ok: true, value: encodeHandle(stored), objects: [stored] });
  return stored;
}

const blockBrings = (scene: Scene, block: string, bytes?: number) =>
  brings(scene, `run:r1:${block}`, bytes);

/** What stands in an input, with handles as they are. */
function inputOf(scene: Scene, block: string) {
  const last = scene.started(`run:r1:${block}`).at(-1);
  if (last === undefined) throw new Error(`block ${block} was not started`);
  return { value: decodeValue(last.input, (handle) => handle), objects: last.objects };
}

function deleted(scene: Scene): number[] {
  return scene.sends.flatMap((send) => (send.kind === 'delete-objects' ? send.objects : []));
}

function failureOf(scene: Scene, id?: string) {
  const { outcome } = scene.view(id);
  return outcome?.ok === false ? outcome.failure : undefined;
}

describe('a large output', () => {
  test('stands once in the facts of its run, as a handle of a few bytes', () => {
    const scene = flow(
      [work('a'), work('b', { input: ref('blocks', 'a') }), value('v', [ref('blocks', 'a')])],
      { output: ref('blocks', 'a') },
    );
    scene.starts('flow');
    const stored = blockBrings(scene, 'a');
    const ends = scene.decided('task-ended');
    expect(ends).toHaveLength(1);
    expect(encodeHandle(stored).length).toBeLessThan(100);
    scene.blockFinishes('b', 1);
    const view = scene.view();
    expect(view.outcome).toMatchObject({ ok: true, objects: [stored] });
    const outcome = view.outcome as Extract<Outcome, { ok: true }>;
    expect(decodeValue(outcome.value, ({ stored: it }) => it)).toEqual(stored);
  });

  test('goes whole, by a path, and inside other values into later blocks', () => {
    const scene = flow([
      work('a'),
      value('v', { of: ref('blocks', 'a'), n: 1 }),
      work('whole', { input: ref('blocks', 'a') }),
      work('part', { input: { it: ref('blocks', 'a', 'pages', -1) } }),
      work('through', { input: ref('blocks', 'v', 'of', 'title') }),
      work('plain', { input: ref('blocks', 'v', 'n') }),
    ]);
    scene.starts('flow');
    const stored = blockBrings(scene, 'a');
    const place = (handle: unknown) =>
      handle instanceof Handle ? [handle.stored, handle.path] : handle;
    expect(place(inputOf(scene, 'whole').value)).toEqual([stored, []]);
    expect(inputOf(scene, 'whole').objects).toEqual([stored]);
    const part = inputOf(scene, 'part').value as { it: unknown };
    expect(place(part.it)).toEqual([stored, ['pages', -1]]);
    expect(place(inputOf(scene, 'through').value)).toEqual([stored, ['title']]);
    expect(inputOf(scene, 'plain')).toEqual({ value: 1, objects: undefined });
  });

  test('that the scheduler itself would have to read fails the block, with its place and a way out', () => {
    const cases: Record<string, Block> = {
      condition: {
        kind: 'choice',
        id: 'x',
        after: [],
        values: { n: ref('blocks', 'a', 'n') },
        cases: [{ port: 'yes', when: 'n > 1.0' }],
      },
      text: value('x', { $text: ['it is ', ref('blocks', 'a', 'n')] }),
      'text of an object': value('x', { $text: [ref('blocks', 'v')] }),
      first: value('x', { $first: [ref('blocks', 'a', 'n'), 2] }),
      items: parallel('x', { branches: { items: ref('blocks', 'a', 'n') } }),
      count: loop('x', { rounds: { count: ref('blocks', 'a', 'n') } }),
      time: wait('x', ref('blocks', 'a', 'n')),
      prompt: pause('x', { prompt: ref('blocks', 'a', 'n') }),
      each: work('x', { each: ref('blocks', 'a', 'n') }),
    };
    for (const [name, block] of Object.entries(cases)) {
      const body =
        block.kind === 'loop' || block.kind === 'parallel' ? [work('y', { in: 'x' })] : [];
      const scene = flow([
        work('a'),
        value('v', { deep: [ref('blocks', 'a', 'n')] }),
        block,
        ...body,
      ]);
      scene.starts('flow');
      blockBrings(scene, 'a');
      const failure = failureOf(scene);
      expect([name, failure?.code]).toEqual([name, 'OUT_OF_REACH']);
      expect(failure?.message).toMatch(
        /block "x" of run "r1" failed: "blocks\.a\.n" lies in a value/,
      );
      expect(failure?.message).toMatch(/let a task read the value/);
    }
  });

  test('whose port a route would leave by is a failure of the route', () => {
    const scene = flow([{ kind: 'route', id: 'x', after: [], task: 'work', input: null }]);
    scene.starts('flow');
    blockBrings(scene, 'x');
    expect(failureOf(scene)?.code).toBe('OUT_OF_REACH');
  });

  test('makes an input that would be too large with all its objects TOO_LARGE', () => {
    const whole = ref('blocks', 'a');
    const scene = flow([work('a'), work('b', { input: [whole, whole, whole, whole, whole] })]);
    scene.starts('flow');
    blockBrings(scene, 'a', limits.objectBytesMax);
    expect(failureOf(scene)?.code).toBe('TOO_LARGE');
  });

  test('passes between a run and the run that is its block, and outlives the inner one', () => {
    const inner = workflow('inner', [work('w', { input: ref('input') })], ref('blocks', 'w'));
    const scene = flow(
      [
        work('a'),
        child('c', { input: ref('blocks', 'a') }),
        work('b', { input: ref('blocks', 'c') }),
      ],
      { output: ref('blocks', 'c') },
      [inner],
    );
    scene.starts('flow');
    const first = blockBrings(scene, 'a');
    expect(scene.started('run:r1/c:w').at(-1)?.objects).toEqual([first]);
    const second = brings(scene, 'run:r1/c:w');
    expect(inputOf(scene, 'b').objects).toEqual([second]);
    scene.pass(limits.finishedMs + 10_000);
    expect(scene.code(scene.asks({ kind: 'wait-run', run: runOf('r1/c'), waitMs: 0 }))).toBe(
      'UNKNOWN_RUN',
    );
    expect(deleted(scene)).toEqual([]);
  });
});

const runOf = (id: string) => id as typeof run;

describe('an object', () => {
  test('is deleted when the run that holds it is forgotten, and not before', () => {
    const scene = flow([work('a')], { output: ref('blocks', 'a') });
    scene.starts('flow');
    const { object } = blockBrings(scene, 'a');
    scene.pass(limits.finishedMs - 10_000);
    scene.tell({ kind: 'objects-listed', objects: [object] });
    expect(deleted(scene)).toEqual([]);
    scene.pass(20_000);
    expect(deleted(scene)).toEqual([object]);
    expect(scene.machine.durable().objects).toBeUndefined();
  });

  test('of a run started again is kept for as long as either of the two', () => {
    const blocks = [work('a'), work('b', { input: ref('blocks', 'a') })];
    const scene = flow(blocks, { output: ref('blocks', 'b') });
    scene.starts('flow');
    const { object } = blockBrings(scene, 'a');
    scene.finishes('run:r1:b', { ok: false, failure: { code: 'USER_ERROR', message: 'no' } });
    scene.pass(limits.finishedMs / 2);
    const from = { run, block: 'b' };
    const again = { workflow: 'flow', tenant: scene.view().tenant, from, input: new Uint8Array(0) };
    scene.asks({ kind: 'start-run', run: runOf('r2'), ...again });
    expect(
      scene
        .started('run:r2:b')
        .at(-1)
        ?.objects?.map((one) => one.object),
    ).toEqual([object]);
    scene.pass(limits.finishedMs / 2 + 10_000);
    expect(deleted(scene)).toEqual([]);
    scene.finishes('run:r2:b');
    scene.pass(limits.finishedMs + 10_000);
    expect(deleted(scene)).toEqual([object]);
  });

  test('that a run started again makes anew is not held by it', () => {
    const blocks = [work('a'), work('b', { input: ref('blocks', 'a') }), loop('l')];
    const scene = flow([...blocks, work('c', { in: 'l' })]);
    scene.starts('flow');
    const first = blockBrings(scene, 'a');
    const rounds = [blockBrings(scene, 'c[0]'), blockBrings(scene, 'c[1]')];
    const { object } = blockBrings(scene, 'b');
    scene.pass(limits.finishedMs / 2);
    const again = { workflow: 'flow', tenant: scene.view().tenant, input: new Uint8Array(0) };
    scene.asks({ kind: 'start-run', run: runOf('r2'), ...again, from: { run, block: 'b' } });
    scene.pass(limits.finishedMs / 2 + 10_000);
    expect(deleted(scene)).toEqual([object]);
    const held = scene.machine.durable().runs.find((one) => one.run === 'r2')?.objects ?? [];
    expect(held.map((one) => one.object).sort()).toEqual(
      [first, ...rounds].map((one) => one.object).sort(),
    );
  });

  test('of a finished task goes when the task is forgotten', () => {
    const { scene } = cluster(1);
    const number = scene.submits('t1');
    const stored = brings(scene, 't1');
    expect(outcomeOf(scene.answer(number))).toMatchObject({ ok: true, objects: [stored] });
    scene.pass(limits.finishedMs + 10_000);
    expect(deleted(scene)).toEqual([stored.object]);
  });

  test('beyond what finished tasks may keep makes the oldest of them be forgotten', () => {
    const { scene } = cluster(1);
    const count = limits.finishedObjectBytesMax / limits.objectBytesMax + 3;
    const objects = Array.from({ length: count }, (_, at) => {
      scene.submits(`t${at}`);
      return brings(scene, `t${at}`, limits.objectBytesMax).object;
    });
    scene.pass(2_000);
    expect(deleted(scene)).toEqual(objects.slice(0, 3));
  });

  test('that an attempt brings too late, or that nobody waits for, is deleted', () => {
    const { scene, nodes } = cluster(2);
    scene.submits('t1');
    const first = scene.started('t1').at(-1);
    if (first === undefined) throw new Error('not started');
    scene.asks({ kind: 'cancel-task-request', task: taskId('t1') });
    const stored = { object: first.started, hash, bytes: 600_000 };
    const outcome: Outcome = { ok: true, value: encodeHandle(stored), objects: [stored] };
    scene.reports(first.node, { task: first.task, attempt: 1, outcome, durationMs: 1 });
    expect(deleted(scene)).toEqual([stored.object]);
    expect(nodes).toContain(first.node);
  });

  test('of a lost node is found by the next search; that of an attempt that runs is left alone', () => {
    const { scene, nodes } = cluster(2);
    scene.submits('t1', { limitMs: 2 * limits.objectSweepMs });
    const lost = scene.started('t1').at(-1);
    scene.dies(lost?.node ?? nodes[0] ?? (undefined as never));
    const second = scene.started('t1').at(-1);
    expect(second?.attempt).toBe(2);
    scene.forgetWords();
    scene.pass(limits.objectSweepMs + 1_000);
    expect(scene.orders('list-objects').length).toBeGreaterThan(0);
    const facts = scene.facts.length;
    scene.tell({
      kind: 'objects-listed',
      objects: [lost?.started ?? -1, second?.started ?? -1],
    });
    expect(deleted(scene)).toEqual([lost?.started]);
    // B4: a leader that was deposed is refused this append, and so deletes nothing.
    expect(scene.facts.length).toBeGreaterThan(facts);
  });

  test('is searched for by every new leader, which knows what is held', () => {
    const scene = flow([work('a')], { output: ref('blocks', 'a') });
    scene.starts('flow');
    const { object } = blockBrings(scene, 'a');
    scene.failOver();
    expect(scene.orders('list-objects')).toHaveLength(1);
    scene.tell({ kind: 'objects-listed', objects: [object, object + 1_000] });
    expect(deleted(scene)).toEqual([object + 1_000]);
  });

  test('is in an image of the state, with its node and whoever holds it', () => {
    const scene = flow([work('a'), work('b', { input: ref('blocks', 'a') })]);
    scene.starts('flow');
    blockBrings(scene, 'a');
    scene.submits('t1');
    brings(scene, 't1');
    const restored = SchedulerMachine.restore(config, scene.machine.image());
    restored.checkInvariants();
    expect(stateOf(restored)).toBe(stateOf(scene.machine));
  });

  test('that is not the output of its attempt, or is described wrongly, fails the attempt', () => {
    for (const wrong of [{ object: 1 }, { hash: 'x' }, { bytes: limits.objectBytesMax + 1 }]) {
      const { scene } = cluster(1);
      const number = scene.submits('t1', { retries: 0 });
      const started = scene.started('t1').at(-1)?.started ?? -1;
      const stored = { object: started, hash, bytes: 600_000, ...wrong };
      scene.finishes('t1', { ok: true, value: encodeHandle(stored), objects: [stored] });
      expect(codeOf(outcomeOf(scene.answer(number)))).toBe('INTERNAL');
    }
  });

  test('cannot be named by a client or by user code', () => {
    const forged = encodeHandle({ object: 1, hash, bytes: 600_000 });
    const scene = flow([work('a'), work('b', { input: ref('blocks', 'a', 'x') })]);
    const body = { run, tenant: tenantOf(scene), workflow: 'flow', input: forged };
    expect(scene.code(scene.asks({ kind: 'start-run', ...body }))).toBe('INVALID_ARGUMENT');
    scene.starts('flow');
    scene.finishes('run:r1:a', { ok: true, value: forged });
    expect(failureOf(scene)?.code).toBe('INTERNAL');
    expect(() => encodeValue(new Handle({ object: 1, hash, bytes: 1 }))).toThrow(
      /cannot be carried/,
    );
  });
});

function tenantOf(scene: Scene) {
  return scene.machine.durable().deployments.tenants[0]?.tenant ?? (undefined as never);
}

describe('with the strategy locality', () => {
  test('a block that takes a large output is placed on the node that made it', () => {
    const { scene, nodes } = cluster(4);
    const near = task('near', { resources: { cpu: 1 }, placement: { strategy: 'locality' } });
    scene.deploys(
      {
        tasks: [near, task('work')],
        workflows: [
          workflow('flow', [
            work('a', { each: [1, 2, 3, 4] }),
            {
              kind: 'task',
              task: 'near',
              id: 'b',
              after: [],
              each: ref('blocks', 'a'),
              input: ref('item'),
            },
          ]),
        ],
      },
      'b2',
    );
    scene.starts('flow');
    const made = [0, 1, 2, 3].map((at) => {
      const id = `run:r1:a[${at}]`;
      const node = scene.started(id).at(-1)?.node;
      brings(scene, id);
      return node;
    });
    expect(new Set(made).size).toBe(4);
    expect([0, 1, 2, 3].map((at) => scene.started(`run:r1:b[${at}]`).at(-1)?.node)).toEqual(made);
    expect(nodes).toHaveLength(4);
  });
});
