/**
 * Which actors leave memory: those without a turn for `idleMs`, and those that somebody stops. An actor
 * is checkpointed first if it did anything since its last checkpoint; then it costs storage only, and the
 * next call, letter or timer brings it back.
 *
 * Nothing is scanned: whoever was used last stands last, and as soon as one has left the next one may.
 *
 * Z1  who leaves memory has nothing to do, and its checkpoint holds, or will hold, all that it did.
 */
import type { ActorId } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import { unheard } from './memory.ts';

export class Passivation {
  readonly #core: Core;
  /** In memory, and since when without a turn: the longest first. */
  readonly #resting = new Map<Activation, number>();
  /** Idle for long enough: they leave as soon as there is room for their checkpoints. */
  readonly #due = new Set<Activation>();
  /** Due, and tried: something keeps them, such as a checkpoint on its way. */
  readonly #tried = new Set<Activation>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** How many actors take turns here, or could at once. */
  get inMemory(): number {
    return this.#resting.size + this.#due.size + this.#tried.size;
  }

  /** It came into memory, or a turn or read of it has ended. */
  used(activation: Activation): void {
    this.forget(activation);
    this.#resting.set(activation, this.#core.now);
  }

  /** It leaves memory as soon as it is idle, however short ago it was used. */
  stop(actor: ActorId, epoch: number): void {
    const activation = this.#core.actors.get(actor);
    if (activation?.epoch !== epoch || activation.phase !== 'live') return;
    this.forget(activation);
    this.#tried.add(activation);
    this.#leave(activation);
  }

  /** Its checkpoint is stored, which makes room for another one too. */
  onStored(activation: Activation): void {
    if (this.#tried.has(activation)) this.#leave(activation);
    this.#leaveDue();
  }

  /** It is not in memory any more. */
  forget(activation: Activation): void {
    this.#resting.delete(activation);
    this.#due.delete(activation);
    this.#tried.delete(activation);
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const activation of this.#tried) this.#due.add(activation);
    this.#tried.clear();
    for (const [activation, since] of this.#resting) {
      if (this.#core.now - since < this.#core.config.idleMs) break;
      this.#resting.delete(activation);
      this.#due.add(activation);
    }
    this.#leaveDue();
  }

  #leaveDue(): void {
    for (const activation of this.#due) {
      if (!this.#core.checkpointing.hasRoom) return;
      this.#due.delete(activation);
      this.#tried.add(activation);
      this.#leave(activation);
    }
  }

  #leave(activation: Activation): void {
    const { checkpointing, hosting } = this.#core;
    // Lost, or on its way elsewhere: when it is live again it is as if it had been used.
    if (activation.phase !== 'live') return this.forget(activation);
    // A capture under way would be lost, and nobody would know.
    if (!this.#isIdle(activation) || activation.checkpoint.underWay === 'capture') return;
    if (!checkpointing.isBehind(activation)) hosting.leaveMemory(activation);
    else if (checkpointing.hasRoom) checkpointing.begin(activation, 'idle');
  }

  #isIdle(activation: Activation): boolean {
    const { dispatched, mailbox, reads, memory } = activation;
    if (dispatched.length > 0 || mailbox.length > 0 || reads.size > 0) return false;
    if (memory !== undefined && unheard(memory) > 0) return false;
    return !this.#core.deadLetters.isAwaited(activation);
  }
}
