/**
 * A worker node as the scheduler sees it, played by the test over the real bus: it joins, beats,
 * loads bundles by declaring a given manifest, and runs tasks as the test says.
 */
import { type Fabric, openFabric, silentLogger } from '@troupe/fabric';
import {
  type Incarnation,
  incarnation,
  type Manifest,
  type NodeToLeader,
  nodeName,
  type Outcome,
  type RunTask,
  type ToNode,
  version,
} from '@troupe/model';
import { parsedConfig } from '../src/config.ts';

export interface PlayedNode {
  readonly incarnation: Incarnation;
  readonly fabric: Fabric;
  /** Every `run-task` that came, resent ones too. */
  readonly tasks: RunTask[];
  finish(task: RunTask, outcome: Outcome): void;
  close(): Promise<void>;
}

export async function playNode(
  config: object,
  name: string,
  manifest: Manifest,
): Promise<PlayedNode> {
  const id = incarnation(`${name}.${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`);
  const fabric = await openFabric({
    config: parsedConfig(config),
    name: id,
    logger: silentLogger,
  });
  const { bus, beats, names } = fabric;
  const tasks: RunTask[] = [];
  const say = (message: NodeToLeader) => bus.send(names.leader, message);
  let counter = 0;
  const beat = () => {
    const load = { cpu: 0, memory: 0, actors: 0, turns: 0, tasks: 0 };
    beats.send(names.beats, { kind: 'heartbeat', incarnation: id, counter: counter++, load });
  };
  let welcome: () => void = () => {};
  const welcomed = new Promise<void>((resolve) => {
    welcome = resolve;
  });
  bus.listen(names.node(id), (message: ToNode) => {
    if (message.kind === 'welcome') welcome();
    if (message.kind === 'probe') beat();
    if (message.kind === 'run-task') {
      tasks.push(message);
      const { task, attempt } = message;
      say({ kind: 'task-seen', incarnation: id, attempts: [{ task, attempt }] });
    }
  });
  bus.answer(`${names.node(id)}.inspect`, async () => ({ manifest }));
  await bus.flush();
  const resources = { cpu: 4, memory: 4096 };
  const join = () => {
    say({
      kind: 'join',
      incarnation: id,
      name: nodeName(name),
      resources,
      labels: {},
      version,
    });
  };
  const joining = setInterval(join, 200);
  join();
  await welcomed;
  clearInterval(joining);
  const beating = setInterval(beat, 300);
  return {
    incarnation: id,
    fabric,
    tasks,
    finish({ task, attempt }, outcome) {
      say({ kind: 'task-result', incarnation: id, task, attempt, outcome, durationMs: 1 });
    },
    async close() {
      clearInterval(beating);
      await fabric.close();
    },
  };
}
