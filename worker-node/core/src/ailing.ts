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
 */
import { type AilingActors, type Failure, limits } from '@troupe/model';
import { type Activation, mayHaveToDo } from './activation.ts';
import type { Core } from './core.ts';

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
    const failures = (this.#ill.get(activation)?.failures ?? 0) + 1;
    const heldMs = Math.min(limits.heldBackMs * 2 ** (failures - heldFrom), limits.heldBackMsMax);
    const until = this.#core.now + heldMs;
    const isTried = !byTurns && !byHealth && code !== 'PAST_CONFLICT';
    this.#ill.set(activation, {
      failure: { code, message: message.slice(0, textLengthMax) },
      byTurns,
      byHealth,
      failures,
      heldUntil: failures < heldFrom || code === 'PAST_CONFLICT' ? 0 : until,
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
    const named = [...this.#ill].slice(0, namedMax);
    const actors = named.map(([{ id: actor, epoch }, { failure, failures }]) => {
      const loops = failures < heldFrom ? {} : ({ loops: true } as const);
      return { actor, epoch, failure, ...loops };
    });
    const message: AilingActors = { kind: 'ailing', incarnation, actors };
    this.#core.out.send({ kind: 'to-leader', message });
  }
}
