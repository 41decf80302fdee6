/**
 * Random workflows of every kind of block, nested, and random histories of them: whatever happens in
 * whatever order, under whichever leader, every run ends, and the journal gives the state.
 */
import {
  type Block,
  type Edge,
  type Expression,
  encodeValue,
  runId,
  type Workflow,
} from '@troupe/model';
import { expect, it } from 'vitest';
import { SchedulerMachine } from '../../src/index.ts';
import { type Chance, chanceOf, whole } from '../dag/random-plan.ts';
import { cluster, config, failed, ok, type Scene, stateOf, task, tenant } from '../scene.ts';

const histories = Number(process.env['TROUPE_HISTORIES'] ?? 150);

const ports = ['done', 'done', 'done', 'left', 'right', 'error', 'settled'];

/** Blocks of a body and the edges among them. */
function draw(chance: Chance): Workflow {
  const blocks: Block[] = [];
  const edges: Edge[] = [];
  body(undefined, 0);
  const onFailure = chance() < 0.4 ? 'go-on' : 'stop';
  const limitMs = chance() < 0.1 ? { limitMs: 20_000 } : {};
  return { name: 'flow', blocks, edges, onFailure, output: { $text: ['end'] }, ...limitMs };

  function body(around: Block | undefined, depth: number): void {
    const container = around?.id;
    const members: Block[] = [];
    for (let at = 0; at < whole(chance, 1, depth === 0 ? 6 : 3); at++) {
      const id = `${container ?? ''}b${at}`;
      const block = {
        ...drawBlock(id, depth, around),
        ...(container === undefined ? {} : { in: container }),
      };
      blocks.push(block);
      for (const { id: from } of members) {
        if (chance() > 1.4 / members.length) continue;
        edges.push({ from, to: id, port: ports[whole(chance, 0, ports.length - 1)] ?? 'done' });
      }
      members.push(block);
      if (block.kind === 'loop' || block.kind === 'parallel') body(block, depth + 1);
    }
  }

  /** Every body has a first block. */
  function drawResult(id: string): { result?: string } {
    return chance() < 0.5 ? { result: `${id}b0` } : {};
  }

  function drawBlock(id: string, depth: number, around?: Block): Block {
    const after: string[] = [];
    const count = whole(chance, 0, 3);
    const kinds = depth < 3 ? 13 : 10;
    const tries = chance() < 0.3 ? { retries: whole(chance, 0, 2), backoffMs: [500] } : {};
    const each: { each?: Expression } =
      chance() < 0.15 ? { each: Array.from({ length: count }, (_, i) => i) } : {};
    switch (whole(chance, 0, kinds)) {
      case 0:
        return { kind: 'pause', id, after, prompt: 'well?', ...each };
      case 1:
        return { kind: 'pause', id, after, prompt: 'well?', limitMs: whole(chance, 1, 5_000) };
      case 2:
        return { kind: 'wait', id, after, ms: whole(chance, 0, 5_000), ...each };
      case 3:
        return {
          kind: 'choice',
          id,
          after,
          values: { n: chance() },
          cases: [{ port: 'left', when: 'n > 0.5' }],
          otherwise: 'right',
        };
      case 4:
        return { kind: 'route', task: 'work', id, after, input: null, ...drawUndo(id) };
      case 5:
        return { kind: 'run', id, after, workflow: 'inner', input: null, ...each, ...drawUndo(id) };
      case 6:
        return { kind: 'value', id, after, value: { $ref: ['input'] }, ...each };
      case 7:
        return chance() < 0.2
          ? { kind: 'answer', id, after, value: 'answered' }
          : { kind: 'value', id, after, value: { $ref: ['input', 'none'] } };
      case 11:
        return { kind: 'loop', id, after, rounds: { count }, ...drawResult(id) };
      case 12:
        return {
          kind: 'loop',
          id,
          after,
          rounds: { until: { when: 'i >= 1.0', values: { i: { $ref: ['index'] } } } },
        };
      case 13:
        return {
          kind: 'parallel',
          id,
          after,
          branches: { count },
          inFlightMax: whole(chance, 1, 3),
          ...drawResult(id),
        };
      default:
        return {
          kind: 'task',
          task: 'work',
          id,
          after,
          input: lastOf(around),
          ...tries,
          ...each,
          ...drawUndo(id),
        };
    }
  }

  function drawUndo(id: string): Pick<Block, 'undo'> {
    if (chance() < 0.4) return {};
    return { undo: { kind: 'task', task: 'work', input: { $ref: ['done', id] }, retries: 0 } };
  }
}

/** What the round before came to, where there are rounds with a result. */
function lastOf(around: Block | undefined): Expression {
  const has = around?.kind === 'loop' && around.result !== undefined;
  return has ? { $ref: ['around', around.id, 'last'] } : null;
}

const inner: Workflow = {
  name: 'inner',
  blocks: [
    {
      kind: 'task',
      task: 'work',
      id: 'a',
      after: [],
      input: null,
      undo: { kind: 'task', task: 'work', input: { $ref: ['done', 'a'] } },
    },
    { kind: 'pause', id: 'p', after: ['a'], prompt: 'inside?', limitMs: 3_000 },
  ],
  output: 'inner',
};

const undoOfTask = /^run:(.*):([^:]*)\/undo$/;

/** What a run that did not come to its output has undone is what it did, each once, what ended last first. */
function checkUndone(scene: Scene, flow: Workflow, seed: string): void {
  const undoable = new Set(flow.blocks.flatMap(({ id, undo }) => (undo === undefined ? [] : [id])));
  const done = new Map<string, string[]>();
  const undone = new Map<string, string[]>();
  const blocks = new Map<string, { readonly run: string; readonly block: string }>();
  const add = (to: Map<string, string[]>, run: string, block: string) =>
    to.set(run, [...(to.get(run) ?? []), block]);
  for (const fact of scene.facts) {
    if (fact.kind === 'task-submitted' && fact.run !== undefined) blocks.set(fact.task, fact.run);
    if (fact.kind === 'block-not-undone') add(undone, fact.run, fact.block);
    const of = fact.kind === 'task-ended' ? blocks.get(fact.task) : undefined;
    if (fact.kind !== 'task-ended' || of === undefined) continue;
    const undoes = undoOfTask.exec(fact.task)?.[2];
    if (undoes !== undefined) add(undone, of.run, undoes);
    else if (fact.outcome.ok) add(done, of.run, of.block);
  }
  for (const { run, state } of scene.decided('run-undoing')) {
    const order = [...(undone.get(run) ?? [])].reverse();
    expect(new Set(order).size, `${seed}, ${state} ${run}`).toBe(order.length);
    const known = (done.get(run) ?? []).filter((block) => {
      // Of a run within another the one block that is a task.
      return run.includes('/') || undoable.has(block.split('[')[0] ?? '');
    });
    const hadTime = flow.limitMs === undefined || run.includes('/');
    expect(
      order.filter((block) => known.includes(block)),
      `${seed}, ${state} ${run}`,
    ).toEqual(hadTime ? known : known.filter((block) => order.includes(block)));
  }
}

function one<T>(list: readonly T[], chance: Chance): T | undefined {
  return list[whole(chance, 0, Math.max(list.length - 1, 0))];
}

/** One thing that may happen. */
function step(scene: Scene, chance: Chance): void {
  const { tasks, runs } = scene.machine.durable();
  const chosen = one(tasks.live, chance);
  const drawn = chance();
  if (drawn < 0.55 && chosen?.state.kind === 'running') {
    const port = chance() < 0.5 ? 'left' : 'right';
    const outcome = chance() < 0.15 ? failed('USER_ERROR') : ok({ port });
    const { id: name, attempt } = chosen;
    return scene.reports(chosen.state.node, { task: name, attempt, outcome, durationMs: 1 });
  }
  if (drawn < 0.8) {
    const open = runs.filter(({ end }) => end === undefined);
    const run = one(open, chance);
    const paused =
      run === undefined ? [] : scene.view(run.run).blocks.filter(({ state }) => state === 'paused');
    const block = one(paused, chance)?.block ?? 'b0[7]';
    if (run !== undefined)
      scene.asks({ kind: 'resume-run', run: run.run, block, answer: encodeValue(1) });
    return;
  }
  if (drawn < 0.9) return scene.pass(whole(chance, 1, 3_000));
  if (drawn < 0.93) return scene.failOver();
  if (drawn < 0.94) {
    const run = one(runs, chance);
    if (run !== undefined) scene.asks({ kind: 'cancel-run', run: run.run });
  }
}

it(`every run ends and the journal gives the state, in ${histories} random histories`, () => {
  for (let seed = 1; seed <= histories; seed++) {
    const chance = chanceOf(seed);
    const { scene } = cluster(2);
    const flow = draw(chance);
    const work = task('work', { retries: 0, resources: { cpu: 0.01 } });
    const deployed = scene.deploys({ tasks: [work], workflows: [flow, inner] }, 'b2');
    if (deployed?.kind !== 'deployed') throw new Error(JSON.stringify(deployed));
    const start = (id: string, from?: string) =>
      scene.asks({
        kind: 'start-run',
        run: runId(id),
        tenant,
        workflow: 'flow',
        input: encodeValue({}),
        ...(from === undefined ? {} : { from: { run: runId(from), failedOnly: true } }),
      });
    start('r1');
    const images: { readonly bytes: Uint8Array; readonly facts: number }[] = [];
    let again = false;
    for (let steps = 0; steps < 600; steps++) {
      const open = scene.machine.durable().runs.some(({ end }) => end === undefined);
      if (!open && again) break;
      if (!open) {
        again = true;
        start('r2', 'r1');
      }
      step(scene, chance);
      if (chance() < 0.05) images.push({ bytes: scene.machine.image(), facts: scene.facts.length });
    }
    checkUndone(scene, flow, `seed ${seed}`);
    const live = stateOf(scene.machine);
    const { runs, tasks } = scene.machine.durable();
    expect(
      runs.filter(({ end }) => end === undefined),
      `seed ${seed}`,
    ).toEqual([]);
    expect(tasks.live, `seed ${seed}`).toEqual([]);
    const replayed = new SchedulerMachine(config);
    for (const fact of scene.facts) replayed.apply(fact);
    expect(stateOf(replayed), `seed ${seed}`).toBe(live);
    for (const { bytes, facts } of images) {
      const restored = SchedulerMachine.restore(config, bytes);
      restored.checkInvariants();
      for (const fact of scene.facts.slice(facts)) restored.apply(fact);
      expect(stateOf(restored), `seed ${seed}, from fact ${facts}`).toBe(live);
    }
  }
});
