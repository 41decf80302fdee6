/** Speaks to a real runner process as its node would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import {
  type ActorId,
  actorId,
  type Bytes,
  decodeValue,
  encodeValue,
  type FromRunner,
  type ObjectBody,
  type Outcome,
  type Recorded,
  type ToRunner,
  taskId,
} from '@troupe/model';
import { runnerScript } from '../src/index.ts';
import { FramePipe } from '../src/pipe.ts';

type Kind = FromRunner['kind'];
type Of<K extends Kind> = Extract<FromRunner, { kind: K }>;

const sdk = new URL('../../../packages/sdk/dist/define.js', import.meta.url).href;

/** What a test says of a turn; the rest is made up. */
export interface TurnOrder {
  readonly read?: boolean;
  readonly recorded?: readonly Recorded[];
  readonly limitMs?: number;
  readonly callId?: string;
  readonly timer?: Extract<ToRunner, { kind: 'turn' }>['timer'];
}

export class RunnerProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly #pipe: FramePipe<FromRunner, ToRunner>;
  readonly #frames: FromRunner[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #folder: string;
  #work = 0;
  stderr = '';

  constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.#folder = folder;
    this.exited = new Promise((resolve) => child.once('exit', resolve));
    const stream = child.stdio[3];
    if (!(stream instanceof Duplex)) throw new Error('the runner has no pipe');
    stream.on('error', () => undefined);
    this.#pipe = new FramePipe(stream, (frame) => {
      this.#frames.push(frame);
      for (const look of [...this.#waiting]) look();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  /** Starts a runner on a bundle with this text; `actor`, `task` and `TroupeError` are imported. */
  static async start(text: string): Promise<RunnerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-runner-'));
    const file = join(folder, 'bundle.mjs');
    const head = `import { actor, task, workflow, TroupeError } from '${sdk}';\n`;
    await writeFile(file, head + text);
    const child = spawn(process.execPath, [runnerScript, file, 'hash'], {
      stdio: ['ignore', 'inherit', 'pipe', 'pipe'],
    });
    return new RunnerProcess(child, folder);
  }

  send(frame: ToRunner): void {
    this.#pipe.send(frame);
  }

  /** The next frame of this kind that fits, taken out of what has arrived. */
  async next<K extends Kind>(
    kind: K,
    fits: (frame: Of<K>) => boolean = () => true,
  ): Promise<Of<K>> {
    const isIt = (frame: FromRunner): frame is Of<K> => frame.kind === kind && fits(frame as Of<K>);
    return new Promise((resolve) => {
      const look = (): void => {
        const at = this.#frames.findIndex(isIt);
        const frame = this.#frames[at];
        if (frame === undefined || !isIt(frame)) return;
        this.#frames.splice(at, 1);
        this.#waiting.delete(look);
        resolve(frame);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** What has arrived and nobody has asked for. */
  get unread(): readonly FromRunner[] {
    return this.#frames;
  }

  async activate(
    type: string,
    key: string,
    state?: Bytes,
    deltas: readonly Bytes[] = [],
    timers: Pick<Extract<ToRunner, { kind: 'activate' }>, 'timers' | 'nextTimer'> = {},
    tenant = 'default',
  ) {
    const actor = actorId(tenant, type, key);
    const from = state === undefined ? timers : { ...timers, state };
    this.send({ kind: 'activate', actor, deltas, ...from });
    await this.next('activated', (frame) => frame.actor === actor);
    return actor;
  }

  /** Sends a turn and returns its number. */
  turn(actor: ActorId, method: string, args: readonly unknown[], order: TurnOrder = {}): number {
    const work = ++this.#work;
    this.send({
      kind: 'turn',
      work,
      actor,
      method,
      args: encodeValue(args),
      read: order.read ?? false,
      callId: order.callId ?? `call-${work}`,
      recorded: order.recorded ?? [],
      limitMs: order.limitMs ?? 10_000,
      ...(order.timer === undefined ? {} : { timer: order.timer }),
    });
    return work;
  }

  done(work: number): Promise<Of<'turn-done'>> {
    return this.next('turn-done', (frame) => frame.work === work);
  }

  /** Runs a turn to its end. */
  run(actor: ActorId, method: string, args: readonly unknown[] = [], order: TurnOrder = {}) {
    return this.done(this.turn(actor, method, args, order));
  }

  /** A task whose input holds handles of these objects. */
  taskWith(name: string, input: Bytes, objects: readonly ObjectBody[]): number {
    const work = ++this.#work;
    const task = taskId('t1');
    this.send({ kind: 'task', work, task, attempt: 1, name, input, objects, limitMs: 10_000 });
    return work;
  }

  task(name: string, input: unknown, limitMs = 10_000, gpus?: readonly number[]): number {
    const work = ++this.#work;
    this.send({
      kind: 'task',
      work,
      task: taskId('t1'),
      attempt: 1,
      name,
      input: encodeValue(input),
      limitMs,
      ...(gpus === undefined ? {} : { gpus }),
    });
    return work;
  }

  taskDone(work: number): Promise<Of<'task-done'>> {
    return this.next('task-done', (frame) => frame.work === work);
  }

  /** The state that the runner would give for a checkpoint. */
  async captured(actor: ActorId): Promise<Bytes> {
    const request = ++this.#work;
    this.send({ kind: 'capture', actor, request });
    return (await this.next('captured', (frame) => frame.request === request)).state;
  }

  /** Ends the pipe, as a node does that dies. */
  hangUp(): void {
    const stream = this.child.stdio[3];
    if (stream instanceof Duplex) stream.destroy();
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The value of an outcome that must be good. */
export function replyOf(outcome: Outcome): unknown {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
  return decodeValue(outcome.value);
}

/** `CODE: message` of an outcome that must be bad. */
export function failureText(outcome: Outcome): string {
  if (outcome.ok) throw new Error(`expected a failure, got ${JSON.stringify(replyOf(outcome))}`);
  return `${outcome.failure.code}: ${outcome.failure.message}`;
}

export function ok(value: unknown): Outcome {
  return { ok: true, value: encodeValue(value) };
}
