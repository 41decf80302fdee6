/** The runner processes of one node: started, killed, crashed; frames in order over a pipe. */
import type { BundleHash, FromRunner, ToRunner, WorkId } from '@troupe/model';
import type { NodeEvent, RunnerId } from '@troupe/worker-node-core';
import { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type RunnerEvent =
  | Omit<Extract<NodeEvent, { kind: 'runner-ready' }>, 'wall'>
  | Omit<Extract<NodeEvent, { kind: 'bundle-failed' }>, 'wall'>
  | Omit<Extract<NodeEvent, { kind: 'runner-exited' }>, 'wall'>
  | Omit<Extract<NodeEvent, { kind: 'from-runner' }>, 'wall'>;

interface Started {
  readonly runner: ReturnType<World['runner']>;
  readonly process: Process;
  /** Call ids of the turns that it has. */
  readonly turns: Map<WorkId, string>;
}

const pipeMs = 0.05;

export class RunnerPool {
  readonly #world: World;
  readonly #node: Process;
  readonly #post: (event: RunnerEvent) => void;
  readonly #runners = new Map<RunnerId, Started>();
  #ids = 0;

  constructor(world: World, node: Process, post: (event: RunnerEvent) => void) {
    this.#world = world;
    this.#node = node;
    this.#post = post;
  }

  get size(): number {
    return this.#runners.size;
  }

  start(bundle: BundleHash): void {
    this.#ids += 1;
    const id = this.#ids;
    const process = new Process(this.#world, this.#node.host, `${this.#node.name}/r${id}`);
    const ms = this.#world.chance.spread(5, 120);
    this.#node.after(ms, () => {
      const runner = this.#world.runner({
        process,
        bundle,
        node: this.#node.name,
        emit: (frame) => this.#toNode(id, process, frame),
        crash: (why, callId) => this.kill(id, why, [callId]),
      });
      this.#runners.set(id, { runner, process, turns: new Map() });
      this.#post({
        kind: 'runner-ready',
        runner: id,
        bundle,
        manifest: this.#world.manifests.of(bundle),
      });
    });
  }

  send(id: RunnerId, frame: ToRunner): void {
    const started = this.#runners.get(id);
    if (started === undefined) return;
    const { runner, process, turns } = started;
    if (frame.kind === 'turn') turns.set(frame.work, frame.callId);
    const { passage } = this.#world;
    const instead = passage.insteadOfRunner(frame);
    if (instead !== undefined) return this.#toNode(id, process, instead);
    const heard = passage.toRunner(frame);
    this.#world.timeline.after(pipeMs, () => process.run(() => runner.hear(heard)));
  }

  /** `by`: whose doing it is; nobody's but of the turns at it, unless said. */
  kill(id: RunnerId, reason: string, by?: readonly string[]): void {
    const started = this.#runners.get(id);
    if (started === undefined) return;
    const turns = [...started.turns.values()];
    this.#world.checks.crashed(this.#node.name, by ?? turns);
    this.#world.passage.runnerDied(turns);
    started.process.end();
    this.#runners.delete(id);
    this.#world.trace?.say(started.process.name, `dies: ${reason}`);
    this.#node.soon(() => this.#post({ kind: 'runner-exited', runner: id, reason }));
  }

  /** Kills one of them, if there is any. */
  crashOne(): void {
    const [id] = this.#runners.keys();
    if (id !== undefined) this.kill(id, 'crashed');
  }

  end(): void {
    for (const { process } of this.#runners.values()) process.end();
    this.#runners.clear();
  }

  #toNode(id: RunnerId, process: Process, frame: FromRunner): void {
    if (!process.alive) return;
    if (frame.kind === 'turn-done' || frame.kind === 'turn-waits') {
      this.#runners.get(id)?.turns.delete(frame.work);
    }
    this.#world.timeline.after(pipeMs, () =>
      this.#node.run(() => this.#post({ kind: 'from-runner', runner: id, frame })),
    );
  }
}
