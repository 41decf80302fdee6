/** One attempt of a task. */
import {
  callTask,
  dropMethod,
  limits,
  type Outcome,
  postboxOf,
  postboxType,
  resolveValue,
  type TaskId,
  type ToRunner,
  troupeError,
} from '@troupe/model';
import type { CallLimit, SendOptions } from '@troupe/sdk';
import { deliveryOf, makeHandle, nameOf, type TaskDefinition } from '@troupe/sdk/internal';
import type { Host } from './activation.ts';
import type { Configured, ConfigValues } from './configs.ts';
import { type Asked, ask, type Emit, observed } from './departures.ts';
import { encodeOutput, failed } from './outcome.ts';
import { publication } from './topics.ts';
import { callsFrom, callWithin, logOf } from './turn.ts';
import type { UseMeter } from './use-meter.ts';
import { Work } from './work.ts';

export type TaskFrame = Extract<ToRunner, { kind: 'task' }>;

/** Runs an attempt and answers with `task-done`. */
export function runTask(
  frame: TaskFrame,
  tasks: ReadonlyMap<string, TaskDefinition>,
  host: Host & { readonly meter: UseMeter | undefined },
  config: Configured,
): void {
  const measured = host.works.size === 0 ? host.meter?.begin() : undefined;
  const work: Work = new Work(frame, {
    name: `task ${frame.name} (${frame.task}, attempt ${frame.attempt})`,
    emit: host.emit,
    after: host.after,
    onEnd: (outcome, value) => {
      host.works.delete(frame.work);
      const done = {
        kind: 'task-done',
        work: frame.work,
        outcome: outcomeOf(outcome, value),
      } as const;
      const used = measured?.end();
      host.emit(used === undefined ? done : { ...done, used });
    },
  });
  host.works.set(frame.work, work);
  work.run(() => {
    const given = frame.objects ?? [];
    const objects = new Map(given.map(({ object, body }) => [object, body]));
    const input = resolveValue(frame.input, objects);
    if (frame.name === callTask) return callActor(work, input);
    const definition = tasks.get(frame.name);
    if (definition === undefined) {
      throw troupeError('UNKNOWN_TASK', `the bundle has no task ${frame.name}`);
    }
    const run = definition.run as (c: unknown, input: unknown) => unknown;
    return run(new TaskScope(frame, { work, emit: host.emit, config }), input);
  });
}

class TaskScope {
  readonly taskId: TaskId;
  readonly attempt: number;
  readonly gpus: readonly number[];
  readonly #work: Work;
  readonly #emit: Emit;
  readonly #config: Configured;

  constructor(
    frame: TaskFrame,
    given: { readonly work: Work; readonly emit: Emit; readonly config: Configured },
  ) {
    const { work, emit, config } = given;
    this.taskId = frame.task;
    this.attempt = frame.attempt;
    this.gpus = frame.gpus ?? [];
    this.#work = work;
    this.#emit = emit;
    this.#config = config;
  }

  get config(): ConfigValues {
    return this.#config.values;
  }

  get signal(): AbortSignal {
    return this.#work.signal;
  }

  readonly log = (text: string): void => {
    this.#work.checkOpen('c.log');
    this.#emit(logOf(this.#work, text));
  };

  readonly secret = (name: string): string => {
    this.#work.checkOpen('c.secret');
    return this.#config.secret(name);
  };

  readonly progress = (share: number, text?: string): void => {
    this.#work.checkOpen('c.progress');
    this.#work.tellProgress(share, text);
  };

  readonly actor = (
    actor: string | { readonly name: string },
    key: string,
    options: CallLimit = {},
  ): unknown => callsFrom(this.#work, actor, key, options);

  readonly send = (
    actor: string | { readonly name: string },
    key: string,
    { deadlineMs, ...options }: SendOptions & CallLimit = {},
  ): unknown => {
    const type = nameOf(actor);
    const delivery = deliveryOf(`letters to ${type}`, options);
    const limit = deadlineMs === undefined ? {} : { deadlineMs };
    return makeHandle((method, args) => {
      this.#work.checkOpen('c.send');
      const asked = dropped(this.taskId, ask(type, key, method, args), args, delivery);
      // Nobody may be awaiting it yet when it is refused.
      return observed(callWithin(this.#work, asked, limit).then(() => undefined));
    });
  };

  readonly publish = (topic: string, value: unknown, options: CallLimit = {}): Promise<unknown> => {
    this.#work.checkOpen('c.publish');
    return callWithin(this.#work, publication(topic, value), options);
  };
}

/** As a call of the task's postbox. */
function dropped(
  task: TaskId,
  { type, key, method }: Asked,
  args: readonly unknown[],
  delivery: object,
): Asked {
  return ask(postboxType, postboxOf(task), dropMethod, [type, key, method, args, delivery]);
}

/** The built-in task behind a `call` block. */
function callActor(work: Work, input: unknown): Promise<unknown> {
  if (!isCallInput(input)) {
    throw troupeError('INVALID_ARGUMENT', 'a call block needs type, key, method and args', {
      task: callTask,
    });
  }
  const { type, key, method, args } = input;
  return work.departures.call(ask(type, key, method, args), limits.deadlineMsMax);
}

interface CallInput {
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

function isCallInput(input: unknown): input is CallInput {
  if (typeof input !== 'object' || input === null) return false;
  const { type, key, method, args } = input as { readonly [name: string]: unknown };
  return (
    typeof type === 'string' &&
    typeof key === 'string' &&
    typeof method === 'string' &&
    Array.isArray(args)
  );
}

function outcomeOf(outcome: Outcome, value: unknown): Outcome {
  if (!outcome.ok) return outcome;
  try {
    return { ok: true, value: encodeOutput(value) };
  } catch (thrown) {
    return failed(thrown);
  }
}
