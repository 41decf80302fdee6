/**
 * What goes on here right now, for whoever looks: which turn an actor runs, what waits for it, and how far
 * turns and attempts say that they have come. Kept beside the work itself, and gone with it.
 */
import {
  type ActivityFound,
  type ActorActivity,
  type AskActivity,
  type AttemptActivity,
  type FromRunner,
  limits,
  type Progress,
  type ProgressView,
  type RunTask,
  type TurnActivity,
} from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Core } from './core.ts';

interface Told extends Progress {
  readonly at: number;
}

export class Activities {
  readonly #core: Core;
  readonly #told = new WeakMap<Input | RunTask, Told>();

  constructor(core: Core) {
    this.#core = core;
  }

  onProgress({ work, progress }: Extract<FromRunner, { kind: 'progress' }>): void {
    const of = this.#core.turns.turnOf(work)?.input ?? this.#core.tasks.orderOf(work);
    if (of === undefined) return;
    const { share, text } = progress;
    if (typeof share !== 'number' || !(share >= 0 && share <= 1)) return;
    const cut = typeof text === 'string' ? { text: text.slice(0, limits.progressTextMax) } : {};
    this.#told.set(of, { share, ...cut, at: this.#core.now });
  }

  onAsk({ ask, actors, attempts }: AskActivity): void {
    const message: ActivityFound = {
      kind: 'activity-found',
      incarnation: this.#core.config.incarnation,
      ask,
      actors: actors.flatMap(({ actor, epoch }) => {
        const activation = this.#core.actors.get(actor);
        if (activation?.epoch !== epoch) return [];
        return [{ actor, epoch, activity: this.#ofActor(activation) }];
      }),
      attempts: attempts.flatMap(({ task, attempt }) => this.#ofAttempt(task, attempt) ?? []),
    };
    this.#core.out.send({ kind: 'to-leader', message });
  }

  #ofActor(activation: Activation): ActorActivity {
    const { phase, mailbox, waiting, dispatched, parked } = activation;
    const behind = Math.max(dispatched.length - 1, 0);
    const queued = mailbox.length + waiting.length + behind;
    const use = this.#core.uses.of(activation);
    const inMemory = phase === 'live' || phase === 'releasing';
    const { since, at } = activation.restoring;
    const restoring = phase === 'restoring' ? { restoring: { forMs: this.#since(since), at } } : {};
    const activity = { inMemory, queued, ...restoring, ...(use === undefined ? {} : { use }) };
    const [first] = dispatched;
    const input = parked ?? first?.input;
    if (input === undefined) return activity;
    const forMs = parked === undefined ? { forMs: this.#since(first?.startedAt) } : {};
    const turn: TurnActivity = { method: input.method, ...forMs, ...this.#progressOf(input) };
    return { ...activity, turn };
  }

  #ofAttempt(task: RunTask['task'], attempt: number): AttemptActivity | undefined {
    const order = this.#core.tasks.orderFor(task, attempt);
    if (order === undefined) return undefined;
    return { task, attempt, ...this.#progressOf(order) };
  }

  #progressOf(of: Input | RunTask): { readonly progress?: ProgressView } {
    const told = this.#told.get(of);
    if (told === undefined) return {};
    const { at, ...progress } = told;
    return { progress: { ...progress, agoMs: this.#since(at) } };
  }

  #since(at = this.#core.now): number {
    return Math.max(0, Math.round(this.#core.now - at));
  }
}
