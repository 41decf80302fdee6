/**
 * What a runner decided in a turn, and must decide again when the turn runs again: who won a race, and
 * that the turn has failed and is being undone.
 *
 * Z1  a decision is recorded before anything leaves that depends on it.
 * Z2  calls that have lost are given up: their callee is told, their results are not recorded.
 * Z3  a turn that crashes its runners is undone before it is recorded as failed, if it can be.
 */
import {
  type Decided,
  type FromRunner,
  failure,
  limits,
  type Outcome,
  type Recorded,
} from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Core } from './core.ts';
import { sameCause } from './memory.ts';

type Frame = Extract<FromRunner, { kind: 'decided' }>;
type Failed = Extract<Decided, { kind: 'failed' }>;

export class Decisions {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  onDecided({ work, decided }: Frame): void {
    const turn = this.#core.turns.turnOf(work);
    if (turn === undefined || turn.read) return;
    const { recorded } = this.#core.turns.begin(turn);
    if (recorded.some(({ ordinal }) => ordinal === decided.ordinal)) return;
    this.#core.turns.record(turn.activation, decided);
    this.#core.outgoing.lose(turn.activation, decided.lost);
    // To undo what it did it has its time once more.
    if (decided.kind === 'failed') turn.startedAt = this.#core.now;
  }

  /**
   * A turn has crashed too many runners. True when it is run once more, to be undone (Z3): all that is
   * not recorded is refused to it, and so is, most likely, what crashed.
   */
  undoCrashed(activation: Activation, input: Input, outcome: Outcome): boolean {
    const begun = activation.memory?.begun;
    if (begun === undefined || !sameCause(begun.cause, input.cause)) return false;
    if (failedOf(begun.recorded) !== undefined) return false;
    const ordinal = Math.max(-1, ...begun.recorded.map((one) => one.ordinal)) + 1;
    if (ordinal > limits.turnStepsMax) return false;
    const lost = begun.recorded.filter((one) => one.outcome === undefined).map(ordinalOf);
    this.#core.turns.record(activation, { kind: 'failed', ordinal, name: 'turn', outcome, lost });
    this.#core.outgoing.abandon(activation);
    return true;
  }

  /** What a turn comes to that crashes its runners also while it is undone. */
  crashedWhileUndone(activation: Activation, input: Input, outcome: Outcome): Outcome {
    const begun = activation.memory?.begun;
    if (begun === undefined || !sameCause(begun.cause, input.cause)) return outcome;
    const failed = failedOf(begun.recorded);
    const left = failed?.undo?.filter((name) => !isUndone(begun.recorded, failed, name)) ?? [];
    if (failed === undefined || failed.outcome.ok || outcome.ok || left.length === 0) {
      return outcome;
    }
    const steps = left.join(', ');
    const { code, message } = failed.outcome.failure;
    const text = `${input.method} failed (${code}: ${message}), and could not undo ${steps}`;
    const why = `${text}: ${outcome.failure.message}`;
    const details = { steps, code, actor: activation.id };
    return { ok: false, failure: failure('COMPENSATION_FAILED', why, details) };
  }
}

function failedOf(recorded: readonly Recorded[]): Failed | undefined {
  return recorded.find((one) => one.kind === 'failed');
}

function isUndone(recorded: readonly Recorded[], failed: Failed, name: string): boolean {
  return recorded.some(
    (one) => one.ordinal > failed.ordinal && one.name === `undo ${name}` && isDone(one),
  );
}

function isDone(one: Recorded): boolean {
  return one.kind === 'step' && one.outcome.ok;
}

function ordinalOf({ ordinal }: Recorded): number {
  return ordinal;
}
