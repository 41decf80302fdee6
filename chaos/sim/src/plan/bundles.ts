/** What is deployed in the simulation: one actor type, two tasks, and workflows of many shapes; in some
 *  runs others of all kinds, see `nests.ts`. */
import {
  type Block,
  type BundleHash,
  bundleHash,
  type Expression,
  type Manifest,
  type TaskManifest,
  version,
  type Workflow,
} from '@troupe/model';
import { Random } from '@troupe/virtual';
import { actorType } from '../node/program.ts';
import { nextVersionOf } from './nests.ts';

/** Two versions of one bundle: the second is deployed by a rolling upgrade. */
export const bundles: readonly BundleHash[] = [
  bundleHash('a'.repeat(64)),
  bundleHash('b'.repeat(64)),
];

/** Retries of the task that is tried again; the other is tried once. */
const workRetries = 6;

export const workflows: readonly Workflow[] = Array.from({ length: 8 }, (_, index) =>
  workflowOf(index, new Random(40 + index)),
);

const manifest: Manifest = {
  sdk: version,
  actors: [{ type: actorType, methods: ['run'], reads: ['list'] }],
  tasks: [
    {
      name: 'work',
      resources: { cpu: 1 },
      retries: workRetries,
      backoffMs: [100, 300],
      limitMs: 60_000,
    },
    { name: 'once', resources: {}, retries: 0, backoffMs: [], limitMs: 60_000 },
  ],
  workflows,
};

/** The second keeps its states in another form. */
const nextActors: Manifest['actors'] = manifest.actors.map((actor) => ({ ...actor, version: 2 }));

/** What the bundles of one run hold: beside what all have, the workflows that were drawn for it, in
 *  two versions, and the tasks of its scene. */
export class Manifests {
  readonly #byBundle: ReadonlyMap<BundleHash, Manifest>;

  readonly #tasks: ReadonlyMap<string, TaskManifest>;

  constructor(nests: readonly Workflow[], particular: readonly TaskManifest[] = []) {
    const tasks = [...manifest.tasks, ...particular];
    this.#tasks = new Map(tasks.map((task) => [task.name, task]));
    this.#byBundle = new Map(
      bundles.map((bundle, version) => {
        const own = version === 0 ? nests : nests.map(nextVersionOf);
        const actors = version === 0 ? manifest.actors : nextActors;
        return [bundle, { ...manifest, actors, tasks, workflows: [...workflows, ...own] }];
      }),
    );
  }

  of(bundle: BundleHash): Manifest {
    return this.#byBundle.get(bundle) ?? manifest;
  }

  /** Of the states of its actors. */
  versionOf(bundle: BundleHash): number {
    return this.of(bundle).actors[0]?.version ?? 1;
  }

  /** As it is declared; undefined for what calls an actor, which reserves nothing. */
  task(name: string): TaskManifest | undefined {
    return this.#tasks.get(name);
  }

  workflow(bundle: BundleHash, name: string): Workflow {
    const found = this.of(bundle).workflows.find((workflow) => workflow.name === name);
    if (found === undefined) throw new Error(`no workflow ${name}`);
    return found;
  }
}

function workflowOf(index: number, chance: Random): Workflow {
  const blocks: Block[] = [];
  const size = 2 + index;
  for (let number = 0; number < size; number++) {
    const earlier = blocks.map(({ id }) => id);
    const after = earlier.filter((_, at) => at === number - 1 || chance.chance(0.3));
    blocks.push(blockOf(`b${number}`, after, chance));
  }
  const output: Expression = blocks.map(({ id }) => ({ $ref: ['blocks', id] }));
  return { name: `shape${index}`, blocks, output };
}

function blockOf(id: string, after: readonly string[], chance: Random): Block {
  const base = { id, after };
  const kind = chance.whole(0, 9);
  if (kind === 0) return { ...base, kind: 'pause', prompt: `may ${id} go on?` };
  if (kind <= 3) {
    return {
      ...base,
      kind: 'call',
      type: actorType,
      key: { $ref: ['input', 'keys', id] },
      method: 'run',
      args: [{ $ref: ['input', 'ids', id] }, []],
    };
  }
  const before: Expression = after.map((one) => ({ $ref: ['blocks', one] }));
  const input: Expression = { id: { $ref: ['input', 'ids', id] }, before };
  const task: Block = { ...base, kind: 'task', task: 'work', input };
  return kind === 9 ? { ...task, each: { $ref: ['input', 'items'] }, inFlightMax: 2 } : task;
}
