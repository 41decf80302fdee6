/** Manifests with something odd in them, at a leader that has to live. */
import type { Manifest, Outcome } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ok, Scene } from './scene.ts';

const near = { across: 'node', tasks: [{ label: 'app', op: 'in', values: ['a'] }] };
const tries = { retries: 1, backoffMs: [10], limitMs: 1_000, priority: 'low' };
const ref = (...path: readonly (string | number)[]) => ({ $ref: path });

/** Of every kind of block, and of every field of what a task wishes. */
const rich = {
  sdk: '0.1.0',
  actors: [{ type: 'Cart', methods: ['add'], reads: ['get'], turnLimitMs: 1_000 }],
  tasks: [
    { name: 'work', resources: { cpu: 1 }, retries: 1, backoffMs: [10], limitMs: 1_000 },
    {
      name: 'picky',
      resources: { cpu: 1 },
      retries: 0,
      backoffMs: [],
      limitMs: 1_000,
      placement: {
        strategy: 'best-fit',
        labels: { app: 'a' },
        nodes: [{ label: 'zone', op: 'absent' }],
        nodesPreferred: [{ weight: 1, term: [{ label: 'disk', op: 'not-in', values: ['b'] }] }],
        near: [],
        apart: [{ ...near, tasks: [{ label: 'app', op: 'in', values: ['z'] }] }],
        nearPreferred: [{ weight: 1, term: near }],
        apartPreferred: [{ weight: 1, term: near }],
        spread: [{ ...near, skewMax: 5, required: false }],
        gpus: { count: 1, milli: 500 },
        gpuModels: [],
        preempts: true,
      },
    },
  ],
  workflows: [
    {
      name: 'flow',
      edges: [{ from: 'pick', to: 'last', port: 'one' }],
      referencesAreEdges: true,
      onFailure: 'go-on',
      limitMs: 60_000,
      segmentLimitMs: 60_000,
      output: { $first: [{ $text: ['a', ref('blocks', 'v')] }] },
      blocks: [
        { id: 'v', kind: 'value', after: [], value: [1, 2] },
        {
          id: 't',
          kind: 'task',
          after: ['v'],
          task: 'work',
          input: ref('blocks', 'v', 0),
          ...tries,
        },
        {
          id: 'e',
          kind: 'task',
          after: [],
          task: 'work',
          input: ref('item'),
          each: [1],
          inFlightMax: 1,
        },
        {
          id: 'r',
          kind: 'route',
          after: [],
          task: 'work',
          input: { $ref: ['input'], optional: true },
        },
        {
          id: 'c',
          kind: 'call',
          after: [],
          type: 'Cart',
          key: 'k',
          method: 'add',
          args: [1],
          ...tries,
        },
        { id: 'p', kind: 'pause', after: [], prompt: 'well?', limitMs: 1_000 },
        { id: 'w', kind: 'wait', after: [], ms: 5 },
        {
          id: 'pick',
          kind: 'choice',
          after: [],
          values: { x: 1 },
          cases: [{ port: 'one', when: 'x > 0.0' }],
          otherwise: 'two',
        },
        { id: 'l', kind: 'loop', after: [], result: 'in', rounds: { count: 2 }, roundsMax: 3 },
        { id: 'in', kind: 'value', after: [], in: 'l', value: ref('index') },
        {
          id: 'm',
          kind: 'loop',
          after: [],
          rounds: { while: { when: 'i < 2.0', values: { i: ref('index') } } },
        },
        { id: 'inm', kind: 'value', after: [], in: 'm', value: 1 },
        {
          id: 'b',
          kind: 'parallel',
          after: [],
          result: 'inb',
          branches: { items: [1] },
          inFlightMax: 1,
        },
        { id: 'inb', kind: 'value', after: [], in: 'b', value: ref('item') },
        { id: 'child', kind: 'run', after: [], workflow: 'small', input: 1 },
        { id: 'last', kind: 'answer', after: [], value: 1 },
      ],
    },
    { name: 'small', blocks: [{ id: 'v', kind: 'value', after: [], value: 1 }], output: null },
  ],
};

const absent = Symbol('absent');
const oddities = [null, '', 0, -1, 1.5, {}, [], [null], Number.NaN, true, absent];

type Place = readonly (string | number)[];

function placesIn(value: unknown, here: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [here];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [here, ...keys.flatMap((key) => placesIn(Reflect.get(value, key), [...here, key]))];
}

function changed(place: Place, odd: unknown): Partial<Manifest> {
  const manifest = structuredClone(rich);
  let parent: object = manifest;
  for (const key of place.slice(0, -1)) parent = Reflect.get(parent, key);
  const last = place.at(-1) ?? '';
  if (odd === absent) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, structuredClone(odd));
  // The scene's own would stand in for a part that is absent.
  return {
    sdk: undefined,
    actors: undefined,
    tasks: undefined,
    workflows: undefined,
    ...manifest,
  } as never;
}

/** The refusal, or what the run came to once all that it started was done. */
function serve(manifest: Partial<Manifest>): string {
  const scene = new Scene();
  const answer = scene.deploys(manifest);
  if (answer?.kind !== 'deployed') {
    return answer?.kind === 'failed' ? `${answer.failure.code} ${answer.failure.message}` : '?';
  }
  scene.joins('n1.aaaaaaaa', { cpu: 40, memory: 100, gpu: 1 });
  scene.submits('a');
  scene.submits('b', { name: 'picky' });
  const body = { tenant: 'default', input: new Uint8Array([1]) };
  scene.asks({ kind: 'start-run', run: 'r1', workflow: 'flow', ...body } as never);
  const seen = new Set<string>();
  for (let round = 0; round < 4; round++) {
    scene.pass(700);
    for (const send of [...scene.sends]) {
      if (send.kind !== 'to-node' || send.message.kind !== 'run-task') continue;
      const { task, attempt } = send.message;
      if (seen.has(`${task} ${attempt}`)) continue;
      seen.add(`${task} ${attempt}`);
      const outcome: Outcome = ok({ port: 'x' });
      scene.reports(send.node, { task, attempt, outcome, durationMs: 5 });
    }
  }
  return 'served';
}

describe('a manifest', () => {
  it('that is rich and right is served', () => {
    expect(serve(rich as never)).toBe('served');
  });

  it('with anything odd in it is refused or served, and the leader lives', () => {
    const ends: string[] = [];
    for (const place of placesIn(rich).slice(1)) {
      for (const odd of oddities) {
        try {
          expect(serve(changed(place, odd))).not.toContain('INTERNAL');
        } catch (error) {
          ends.push(`${place.join('.')} = ${JSON.stringify(odd)}: ${String(error)}`);
        }
      }
    }
    expect(ends).toEqual([]);
  }, 120_000);

  it('of a wrong form is refused with the place and what must be there', () => {
    const at = (place: Place, odd: unknown) => serve(changed(place, odd));
    const picky = ['tasks', 1, 'placement'];
    expect(at([...picky, 'nodesPreferred', 0], null)).toContain(
      'INVALID_ARGUMENT tasks[1].placement.nodesPreferred[0] must be an object',
    );
    expect(at([...picky, 'nearPreferred', 0, 'term', 'across'], absent)).toContain(
      'INVALID_ARGUMENT tasks[1].placement.nearPreferred[0].term.across must be a text',
    );
    expect(at(['workflows', 0, 'blocks', 6, 'after'], absent)).toContain(
      'INVALID_ARGUMENT workflows[0].blocks[6].after must be a list',
    );
    expect(at(['workflows', 0, 'blocks', 8, 'rounds'], {})).toContain(
      'INVALID_ARGUMENT workflows[0].blocks[8].rounds must be an object with one of count, items, while, until',
    );
  });

  it('may have fields that this version does not know', () => {
    expect(serve({ ...rich, since: 2 } as never)).toBe('served');
    expect(serve(changed(['tasks', 1, 'since'], 2))).toBe('served');
  });

  it('may wish nothing of a place that this version does not know: it would not be kept', () => {
    const picky = ['tasks', 1, 'placement'];
    const at = (...place: Place) => serve(changed([...picky, ...place], 1));
    expect(at('label')).toContain(
      'INVALID_ARGUMENT tasks[1].placement must be without "label"; known are strategy, labels, ' +
        'nodes, nodesPreferred, near, apart, nearPreferred, apartPreferred, spread, gpuModels, gpus, ' +
        'isolation, preempts',
    );
    expect(at('gpus', 'share')).toContain(
      'tasks[1].placement.gpus must be without "share"; known are count, milli',
    );
    expect(at('nodes', 0, 'value')).toContain('placement.nodes[0] must be without "value"');
    expect(at('spread', 0, 'skew')).toContain('placement.spread[0] must be without "skew"');
    expect(at('nearPreferred', 0, 'term', 'of')).toContain('[0].term must be without "of"');
    expect(at('nodesPreferred', 0, 'of')).toContain('nodesPreferred[0] must be without "of"');
  });
});
