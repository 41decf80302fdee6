/**
 * Routes the frames of the node to the actors and tasks of one bundle, and theirs back.
 *
 * U1  every `turn`, `task` and `activate` is answered exactly once, unless the process dies.
 */
import {
  type ActorId,
  actorParts,
  type Failure,
  failure,
  type ToRunner,
  troupeError,
  unreachable,
  type WorkId,
} from '@troupe/model';
import type { Definitions } from '@troupe/sdk/internal';
import { Activation, type Host } from './activation.ts';
import { Configs, notConfigured } from './configs.ts';
import type { Emit } from './departures.ts';
import { BuiltState } from './held-state.ts';
import type { After } from './long-timer.ts';
import { failureOfUser } from './outcome.ts';
import { runTask } from './task-run.ts';
import type { TurnFrame } from './turn.ts';
import type { TurnMeter } from './turn-meter.ts';
import { type Clock, Turnstile } from './turnstile.ts';
import type { UseMeter } from './use-meter.ts';
import type { Work } from './work.ts';

/** Frames that bring work of their own: a task beside it is not measured. */
const brings: ReadonlySet<ToRunner['kind']> = new Set([
  'task',
  'turn',
  'activate',
  'build-ahead',
  'capture',
]);

export class Runner {
  readonly #definitions: Definitions;
  readonly #host: Host & { readonly meter: UseMeter | undefined };
  readonly #emit: Emit;
  readonly #works = new Map<WorkId, Work>();
  readonly #configs = new Configs();
  readonly #activations = new Map<ActorId, Activation | Failure>();
  /** States of actors that may soon be here, by the revision of their checkpoint. */
  readonly #ahead = new Map<ActorId, { readonly revision: number; readonly state: BuiltState }>();

  /** `after` are the timers that limits and back-offs go by, `wall` is the wall clock in ms; by the
   *  `clock` tenants share the process. */
  constructor(
    definitions: Definitions,
    emit: Emit,
    given: {
      readonly after: After;
      readonly wall: () => number;
      readonly meter?: UseMeter;
      readonly turnMeter?: TurnMeter;
      readonly clock?: Clock;
    },
  ) {
    this.#definitions = definitions;
    this.#emit = emit;
    const { after, wall, meter, turnMeter, clock } = given;
    const turnstile = new Turnstile(clock);
    this.#host = { emit, works: this.#works, after, wall, meter, turnMeter, turnstile };
  }

  /** User code is at work, or waits for what is neither this runner's nor its node's. */
  get engaged(): boolean {
    for (const work of this.#works.values()) if (work.engaged) return true;
    return false;
  }

  take(frame: ToRunner): void {
    if (brings.has(frame.kind)) this.#host.meter?.disturb();
    // Turns say themselves when they begin: those that wait in a line disturb nothing.
    if (brings.has(frame.kind) && frame.kind !== 'turn') this.#host.turnMeter?.disturb();
    switch (frame.kind) {
      case 'turn':
        return this.#turn(frame);
      case 'config':
        return this.#configs.give(frame);
      case 'step-go':
        return this.#works.get(frame.work)?.departures.go(frame.ordinal);
      case 'call-returned':
        return this.#works.get(frame.work)?.departures.returned(frame.ordinal, frame.outcome);
      case 'yields-seen':
        return this.#works.get(frame.work)?.stream?.seen(frame.upTo);
      case 'waits-seen': {
        const activation = this.#activations.get(frame.actor);
        return activation instanceof Activation ? activation.waitsSeen() : undefined;
      }
      case 'activate':
        return this.#activate(frame);
      case 'build-ahead':
        return this.#buildAhead(frame);
      case 'drop-ahead':
        this.#ahead.delete(frame.actor);
        return;
      case 'deactivate':
        return this.#deactivate(frame.actor);
      case 'task':
        return runTask(frame, this.#definitions.tasks, this.#host, this.#configs.of(frame.tenant));
      case 'capture':
        return this.#capture(frame.actor, frame.request);
      case 'cancel':
        return this.#cancel(frame.work);
      case 'recall': {
        const activation = this.#activations.get(frame.actor);
        const works = activation instanceof Activation ? activation.giveBack() : [];
        return this.#emit({ kind: 'recalled', actor: frame.actor, works });
      }
      default:
        return unreachable(frame);
    }
  }

  #activate(frame: Extract<ToRunner, { kind: 'activate' }>): void {
    const { actor, ahead: revision } = frame;
    const ahead = this.#ahead.get(actor);
    this.#ahead.delete(actor);
    try {
      const { type } = actorParts(actor);
      const definition = this.#definitions.actors.get(type);
      if (definition === undefined) {
        throw troupeError('UNKNOWN_TYPE', `the bundle has no actor type ${type}`);
      }
      if (revision !== undefined && ahead?.revision !== revision) {
        throw troupeError('INTERNAL', `its state at checkpoint ${revision} is not at hand here`);
      }
      const from = revision === undefined ? frame : { ...frame, state: ahead?.state };
      const activation = new Activation(actor, definition, this.#host, from);
      const migrated = frame.migrate === undefined ? undefined : activation.migrate(frame.migrate);
      this.#activations.set(actor, activation);
      const activated = { kind: 'activated', actor } as const;
      this.#emit(migrated === undefined ? activated : { ...activated, migrated });
    } catch (thrown) {
      const reason = failureAt(frame, failureOfUser(thrown));
      const why = { ...reason, message: `actor ${actor} cannot be activated: ${reason.message}` };
      this.#activations.set(actor, why);
      this.#emit({ kind: 'activate-failed', actor, failure: why });
    }
  }

  /** Nothing of the user's runs for it. */
  #buildAhead({ actor, revision, state }: Extract<ToRunner, { kind: 'build-ahead' }>): void {
    this.#ahead.delete(actor);
    try {
      this.#ahead.set(actor, { revision, state: new BuiltState(state) });
    } catch {
      // Who activates it is told why.
    }
    this.#emit({ kind: 'built-ahead', actor, revision, kept: this.#ahead.has(actor) });
  }

  #deactivate(actor: ActorId): void {
    this.#ahead.delete(actor);
    const activation = this.#activations.get(actor);
    this.#activations.delete(actor);
    if (activation instanceof Activation) activation.leave();
  }

  #turn(frame: TurnFrame): void {
    const activation = this.#activations.get(frame.actor);
    if (activation instanceof Activation) {
      const config = this.#configs.of(activation.tenant);
      return activation.take(config === notConfigured ? frame : { ...frame, config });
    }
    const why = activation ?? failure('INTERNAL', `actor ${frame.actor} is not active here`);
    const outcome = { ok: false, failure: why } as const;
    this.#emit({ kind: 'turn-done', work: frame.work, outcome, sends: [] });
  }

  #capture(actor: ActorId, request: number): void {
    const activation = this.#activations.get(actor);
    // Without an answer the node asks another time; an actor that is not here has no state.
    if (!(activation instanceof Activation)) return;
    this.#emit({ kind: 'captured', actor, request, state: activation.encodedState() });
  }

  #cancel(work: WorkId): void {
    const running = this.#works.get(work);
    if (running !== undefined) return running.cancel();
    for (const activation of this.#activations.values()) {
      if (activation instanceof Activation && activation.cancelQueued(work)) return;
    }
  }
}

/** Without a checkpoint or a delta nothing but the constructor has run. */
function failureAt(frame: Extract<ToRunner, { kind: 'activate' }>, reason: Failure): Failure {
  const { state, ahead, deltas } = frame;
  if (
    state !== undefined ||
    ahead !== undefined ||
    deltas.length > 0 ||
    reason.code !== 'USER_ERROR'
  )
    return reason;
  return failure('CONSTRUCTOR_FAILED', reason.message, reason.details);
}
