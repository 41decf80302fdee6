/**
 * Actors here that are ill: they cannot be brought into memory, or crash the runner that runs them.
 * The leader is told when one falls ill or is well again, and every few seconds while there are any, so
 * that whoever leads can list them.
 *
 * L1  an actor is ill until it was brought into memory, or, where its turns crash, until one does not.
 * L2  one that falls ill again and again is held back, each time for twice as long up to
 *     `limits.heldBackMsMax`: what waits for it waits, and its runner serves others. One with two pasts
 *     costs no runner, and whoever asks is told so at once.
 * L3  one that cannot be brought into memory is tried again, later each time like L2, for as long as it may
 *     have something to do that nobody asks it for: a turn that has begun, letters and news to be sent.
 * L4  when its type gives it up after so many failures in a row, the leader is told under which wish it failed:
 *     what it then wishes stands in the journal (given-up.ts). Until that comes here it is held back.
 */
import {
  type AilingActor,
  type AilingActors,
  errorTable,
  type Failure,
  limits,
  type RestartPolicy,
} from '@troupe/model';
import { type Activation, mayHaveToDo } from './activation.ts';
import type { Core } from './core.ts';
import { isGivenUp } from './given-up.ts';
import { typeOf } from './hosting.ts';

/** Actors named in one message, in which an id may take 600 bytes. */
const namedMax = 256;
/** Ticks between two messages that say the same. */
const repeatTicks = 5;
const textLengthMax = 500;
/** An actor that has failed so often in a row is held back. */
const heldFrom = 2;

interface Illness {
  readonly failure: Failure;
  /** Its turns crash; it can be brought into memory. */
  readonly byTurns: boolean;
  /** By its own word: only that makes it well. */
  readonly byHealth: boolean;
  /** In a row. */
  readonly failures: number;
  /** Of these, those that are its own: not that the store could not be reached. */
  readonly ownFailures: number;
  /** So its type says (L4). */
  readonly isTooMuch: boolean;
  /** Monotonic ms until which it is held back; 0 when it is not. */
  heldUntil: number;
  /** Likewise, when it is tried again though nobody asks (L3). */
  readonly triedAt: number;
}

export class Ailing {
  readonly #core: Core;
  readonly #ill = new Map<Activation, Illness>();
  #ticks = 0;
  /** Messages that still have to say that nobody is ill: one may be lost. */
  #wellLeft = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  isIll(activation: Activation): boolean {
    return this.#ill.has(activation);
  }

  isHeldBack(activation: Activation): boolean {
    return (this.#ill.get(activation)?.heldUntil ?? 0) > this.#core.now;
  }

  /** Whether it may be tried to bring it into memory; where its turns crash, that is not the matter. */
  mayWake(activation: Activation): boolean {
    return this.#ill.get(activation)?.byTurns === true || !this.isHeldBack(activation);
  }

  fellIll(
    activation: Activation,
    { code, message }: Failure,
    byTurns = false,
    byHealth = false,
  ): void {
    const known = this.#ill.get(activation);
    const failures = (known?.failures ?? 0) + 1;
    const isPast = code === 'PAST_CONFLICT';
    const isOwn = byTurns || byHealth || !(errorTable[code].retryable || isPast);
    const ownFailures = (known?.ownFailures ?? 0) + (isOwn ? 1 : 0);
    const {
      backoffMs,
      backoffMsMax,
      failuresMax = Number.POSITIVE_INFINITY,
    } = this.#policy(activation);
    const isTooMuch = isOwn && ownFailures >= failuresMax;
    const backMs = Math.min(backoffMs * 2 ** (failures - heldFrom), backoffMsMax);
    const until = this.#core.now + (isTooMuch ? Math.max(backMs, limits.heldBackMsMax) : backMs);
    const isTried = !byTurns && !byHealth && !isPast;
    const isHeld = isTooMuch || (failures >= heldFrom && !isPast);
    this.#ill.set(activation, {
      failure: { code, message: message.slice(0, textLengthMax) },
      byTurns,
      byHealth,
      failures,
      ownFailures,
      isTooMuch,
      heldUntil: isHeld ? until : 0,
      triedAt: isTried ? until : Number.POSITIVE_INFINITY,
    });
    this.#ticks = 0;
  }

  /** It is in memory: whether its turns crash is not known yet. */
  isLive(activation: Activation): void {
    if (this.#ill.get(activation)?.byTurns === false) this.isWell(activation);
  }

  /** `itself`: by its own word, or it is not here any more. */
  isWell(activation: Activation, itself = false): void {
    if (!itself && this.#ill.get(activation)?.byHealth === true) return;
    if (!this.#ill.delete(activation)) return;
    this.#ticks = 0;
    this.#wellLeft = 3;
  }

  /** Every `resendMs`. */
  tick(): void {
    if (this.#ill.size === 0 && this.#wellLeft === 0) return;
    if (this.#ticks % repeatTicks === 0) this.#tell();
    this.#ticks += 1;
    for (const [activation, illness] of this.#ill) {
      const { heldUntil, triedAt } = illness;
      if (triedAt <= this.#core.now && mayHaveToDo(activation))
        this.#core.hosting.wakeAgain(activation);
      if (heldUntil === 0 || heldUntil > this.#core.now) continue;
      illness.heldUntil = 0;
      if (activation.waiting.length > 0 || illness.byHealth) this.#core.hosting.wake(activation);
      this.#core.mailboxes.pump(activation);
    }
  }

  #tell(): void {
    if (this.#ill.size === 0) this.#wellLeft -= 1;
    const { incarnation } = this.#core.config;
    const named = [...this.#ill].filter(([activation]) => !isGivenUp(activation));
    const actors = named
      .slice(0, namedMax)
      .map(([activation, illness]) => said(activation, illness));
    const whole: AilingActors = { kind: 'ailing', incarnation, actors };
    const message = named.length > namedMax ? ({ ...whole, cut: true } as const) : whole;
    this.#core.out.send({ kind: 'to-leader', message });
  }

  #policy(activation: Activation): RestartPolicy {
    const declared = this.#core.runners.restartOf(activation.bundle, typeOf(activation));
    if (declared !== undefined) return declared;
    return { backoffMs: limits.heldBackMs, backoffMsMax: limits.heldBackMsMax };
  }
}

function said({ id: actor, epoch, wish }: Activation, illness: Illness): AilingActor {
  const { failure, failures, ownFailures, isTooMuch } = illness;
  const bare = { actor, epoch, failure };
  const held = failures < heldFrom ? bare : ({ ...bare, loops: true } as const);
  return isTooMuch ? { ...held, givesUp: { failures: ownFailures, wishAt: wish.at } } : held;
}
