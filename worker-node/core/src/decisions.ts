/**
 * What a runner decided in a turn, and must decide again when the turn runs again: who won a race, and
 * that the turn has failed and is being undone.
 *
 * Z1  a decision is recorded before anything leaves that depends on it.
 * Z2  calls that have lost are given up: their callee is told, their results are not recorded.
 * Z3  a turn that crashes its runners is undone before it is recorded as failed, if it can be; what was
 *     at work in it then is undone too, since it may have been done.
 * Z4  a compensation that crashes its runners has failed for good, and keeps no other from running.
 */
import {
  type Decided,
  type FromRunner,
  failure,
  limits,
  type Outcome,
  type Recorded,
} from '@troupe/model';
import type { Activation, Input, Turn } from './activation.ts';
import type { Core } from './core.ts';
import { isFound, sameCause } from './memory.ts';

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
    if (recorded.some((one) => one.ordinal === decided.ordinal && !isFound(one))) return;
    this.#core.turns.record(turn.activation, decided);
    this.#core.outgoing.lose(turn.activation, decided.lost);
    // To undo what it did it has its time once more.
    if (decided.kind === 'failed') turn.startedAt = this.#core.now;
  }

  /**
   * A turn has crashed too many runners. True when it is run once more, to be undone (Z3): nothing that is
   * not recorded begins in it, and so, most likely, not what crashed.
   */
  undoCrashed({ activation, input, atWork = new Map() }: Turn, outcome: Outcome): boolean {
    const begun = activation.memory?.begun;
    if (begun === undefined || !sameCause(begun.cause, input.cause)) return false;
    const failed = failedOf(begun.recorded);
    if (failed !== undefined) return this.#giveUpCompensation(activation, failed, atWork, outcome);
    const { recorded } = begun;
    const ordinal = Math.max(-1, ...recorded.map(ordinalOf), ...atWork.keys()) + 1;
    if (ordinal > limits.turnStepsMax) return false;
    const open = recorded.filter((one) => one.outcome === undefined).map(ordinalOf);
    const lost = [...new Set([...open, ...atWork.keys()])];
    const undo = recorded
      .filter(isToUndo)
      .sort((left, right) => right.ordinal - left.ordinal)
      .map(({ name }) => name);
    const found = {
      kind: 'failed',
      ordinal,
      name: 'turn',
      outcome,
      lost,
      undo,
      found: true,
    } as const;
    this.#core.turns.record(activation, found);
    this.#core.outgoing.abandon(activation);
    return true;
  }

  /** True when a compensation was at work: it has failed for good, and the next one has its turn. */
  #giveUpCompensation(
    activation: Activation,
    failed: Failed,
    atWork: NonNullable<Turn['atWork']>,
    outcome: Outcome,
  ): boolean {
    const own = [...atWork.values()].find(({ ordinal }) => ordinal > failed.ordinal);
    if (own === undefined || isFound(failed)) return false;
    const { ordinal, name } = own;
    this.#core.turns.record(activation, { kind: 'step', ordinal, name, outcome });
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

/** A step that was done or may have been, and can be undone. */
function isToUndo(one: Recorded): boolean {
  return one.kind === 'step' && one.undo === true && one.outcome?.ok !== false;
}

function isDone(one: Recorded): boolean {
  return one.kind === 'step' && one.outcome?.ok === true;
}

function ordinalOf({ ordinal }: Recorded): number {
  return ordinal;
}
