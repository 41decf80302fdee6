/** Workflows in few words, and what is asked of their runs. */
import {
  type Block,
  decodeValue,
  type Expression,
  encodeValue,
  type RunId,
  runId,
  type Workflow,
} from '@troupe/model';
import { cluster, type Scene, task, workflow } from '../scene.ts';

export const run = runId('r1');

export function ref(...path: (string | number)[]): Expression {
  return { $ref: path };
}

type Kind<K extends Block['kind']> = Partial<Extract<Block, { kind: K }>>;

export function work(id: string, given: Kind<'task'> = {}): Block {
  return { kind: 'task', task: 'work', id, after: [], input: null, ...given };
}
export function pause(id: string, given: Kind<'pause'> = {}): Block {
  return { kind: 'pause', id, after: [], prompt: null, ...given };
}
export function wait(id: string, ms: Expression, given: Kind<'wait'> = {}): Block {
  return { kind: 'wait', id, after: [], ms, ...given };
}
export function loop(id: string, given: Kind<'loop'> = {}): Block {
  return { kind: 'loop', id, after: [], rounds: { count: 2 }, ...given };
}
export function parallel(id: string, given: Kind<'parallel'> = {}): Block {
  return { kind: 'parallel', id, after: [], branches: { count: 2 }, ...given };
}
export function child(id: string, given: Kind<'run'> = {}): Block {
  return { kind: 'run', id, after: [], workflow: 'inner', input: null, ...given };
}
export function value(id: string, of: Expression, given: Kind<'value'> = {}): Block {
  return { kind: 'value', id, after: [], value: of, ...given };
}

/** A cluster with the workflow `flow`, and others. */
export function flow(
  blocks: readonly Block[],
  given: Partial<Workflow> = {},
  others: readonly Workflow[] = [],
): Scene {
  const { scene } = cluster(2);
  deploy(scene, blocks, given, others);
  return scene;
}

export function deploy(
  scene: Scene,
  blocks: readonly Block[],
  given: Partial<Workflow> = {},
  others: readonly Workflow[] = [],
  hash = 'b2',
): void {
  const flowing = { ...workflow('flow', blocks), ...given };
  const tasks = [task('work', { retries: 0, resources: { cpu: 0.01 } })];
  const answer = scene.deploys({ tasks, workflows: [flowing, ...others] }, hash);
  if (answer?.kind !== 'deployed') throw new Error(JSON.stringify(answer));
}

export function output(scene: Scene, id = 'r1'): unknown {
  const { outcome } = scene.view(id);
  if (outcome?.ok !== true) throw new Error(`no output: ${JSON.stringify(scene.view(id))}`);
  return decodeValue(outcome.value);
}

export function resume(scene: Scene, block: string, answer: unknown, id: RunId = run) {
  return scene.asks({ kind: 'resume-run', run: id, block, answer: encodeValue(answer) });
}

/** The message of a refusal. */
export function refusal(answer: ReturnType<typeof resume>): string {
  return answer?.kind === 'failed' ? answer.failure.message : '';
}

/** Ids of the blocks whose tasks are live, in order. */
export function live(scene: Scene, id = 'r1'): string[] {
  const prefix = `run:${id}:`;
  return scene.machine
    .durable()
    .tasks.live.flatMap((one) => (one.id.startsWith(prefix) ? [one.id.slice(prefix.length)] : []));
}
