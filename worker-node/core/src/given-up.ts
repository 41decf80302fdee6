/**
 * Actors that their type gives up after so many failures in a row: the journal says so, by a wish to be paused
 * that says why, which comes with every placement. A node of an earlier version takes it for that alone.
 *
 *   ill ──so often──▶ the leader is told ──▶ given up ──resumed──▶ brought into memory, and counted anew
 *
 * GU1 one that is given up is at no runner, whoever asks for it: only going back in time brings it to one.
 * GU2 a call is refused at once when it surely did nothing: what was answered is answered again, what has begun
 *     goes on when it is resumed, and of one whose record cannot be read nobody knows.
 * GU3 its own letters go out; those to it wait with their senders, and its timers with the leader.
 */
import { asGivenUp, type Call, type Failure, type Letter, limits } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { TurnCause } from './facts.ts';
import { sameCause } from './memory.ts';
import { asUnknown } from './refusals.ts';

export function isGivenUp({ wish }: Activation): boolean {
  return wish.kind === 'paused' && wish.givenUp !== undefined;
}

/** Why its calls are refused, if it is. */
export function refusalOf({ id, wish }: Activation): Failure | undefined {
  const isSo = wish.kind === 'paused' && wish.givenUp !== undefined;
  return isSo ? asGivenUp(id, wish.givenUp) : undefined;
}

/** What it does is decided by that its scope goes back. */
function goesBack({ rewind }: Activation): boolean {
  return rewind.held || rewind.back === 'due';
}

function isBegun({ memory }: Activation, cause: TurnCause): boolean {
  return memory?.begun !== undefined && sameCause(memory.begun.cause, cause);
}

export class GivenUp {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** It may be read back, and no more than that (GU1). */
  holds(activation: Activation): boolean {
    return isGivenUp(activation) && !goesBack(activation);
  }

  /** Its letters go out though no runner has it (GU3). */
  sends(activation: Activation): boolean {
    return activation.phase === 'cold' && this.holds(activation);
  }

  /** The journal says so since now. */
  begin(activation: Activation): void {
    this.#core.ailing.isWell(activation, true);
    if (goesBack(activation)) return;
    if (activation.phase === 'live' || activation.phase === 'starting') this.#layDown(activation);
    if (activation.phase !== 'cold') return;
    this.#refuseQueued(activation);
    this.#answerWaiting(activation);
  }

  /** It is resumed: whether it is well is seen at once. */
  end(activation: Activation): void {
    this.#core.ailing.isWell(activation, true);
    this.#core.hosting.wake(activation);
  }

  /** It was read back. True when it goes no further. */
  onRestored(activation: Activation): boolean {
    if (!this.holds(activation)) return false;
    activation.phase = 'cold';
    activation.building = undefined;
    this.#core.ailing.isWell(activation, true);
    this.#core.lines.onLive(activation);
    this.#core.post.resendAll(activation);
    this.#answerWaiting(activation);
    this.#core.departures.changed(activation);
    return true;
  }

  /** GU2 */
  take(activation: Activation, message: Call | Letter): void {
    const { memory, waiting } = activation;
    if (message.kind === 'letter') {
      if (memory === undefined || this.#core.rewinds.isOfAnother(activation, message)) return;
      const { turnedAwayMs } = limits;
      return this.#core.mailboxes.acknowledge(activation, message, message.replyTo, turnedAwayMs);
    }
    if (memory !== undefined) {
      const hasBegun = isBegun(activation, { kind: 'call', ...message.caller });
      if (!hasBegun) this.#core.mailboxes.accept(activation, message);
      return;
    }
    if (this.#core.ailing.isHeldBack(activation)) return this.#unknown(activation, message);
    if (waiting.length >= limits.mailboxCallsMax) return;
    waiting.push(message);
    this.#core.hosting.wake(activation);
  }

  /** It could not be read back. */
  onFailed(activation: Activation): void {
    for (const message of activation.waiting.splice(0)) {
      if (message.kind === 'call') this.#unknown(activation, message);
    }
  }

  /** Letters and timers are left where they wait. */
  #refuseQueued(activation: Activation): void {
    const reason = refusalOf(activation);
    if (reason === undefined) return;
    const outcome = { ok: false, failure: reason } as const;
    for (const input of activation.mailbox.splice(0)) {
      const isRefused = input.cause.kind === 'call' && !isBegun(activation, input.cause);
      if (isRefused) this.#core.mailboxes.answerUnrun(activation, input, outcome);
      else activation.mailbox.push(input);
    }
  }

  #unknown(activation: Activation, call: Call): void {
    const reason = refusalOf(activation);
    if (reason !== undefined) this.#core.mailboxes.refuse(call, asUnknown(reason));
  }

  #answerWaiting(activation: Activation): void {
    for (const message of activation.waiting.splice(0)) this.take(activation, message);
  }

  /** What its runner had waits, or is refused: a read that runs does not change that. */
  #layDown(activation: Activation): void {
    this.#core.turns.takeOut(activation);
    this.#core.checkpointing.onRunnerLost(activation);
    this.#core.passivation.forget(activation);
    this.#core.health.forget(activation);
    this.#core.hosting.leaveRunner(activation);
    this.#core.trials.leave(activation);
    activation.phase = 'cold';
    activation.building = undefined;
  }
}
