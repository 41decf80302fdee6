/**
 * Actors whose type says how it is told that they are well: they are asked now and then, by a read that
 * nobody else can ask for, and those that are ill are brought into memory anew.
 *
 * J1  an actor that is ill by its own word is listed so until it says that it is well.
 * J2  one is brought into memory anew only while it runs nothing; one that stays ill is held back,
 *     which lets it come to that.
 * J3  a check that is not answered costs its runner: what asks there is blocked. Of those that were asked there the first
 *     is ill, once nothing else was there that can have blocked it, or when it is silent again.
 */
import {
  decodeValue,
  type FromRunner,
  failure,
  healthMethod,
  limits,
  type Outcome,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Alarm } from './alarms.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';
import { typeOf } from './hosting.ts';

interface Check {
  readonly activation: Activation;
  readonly runner: RunnerId;
  /** Monotonic ms. */
  readonly askedAt: number;
}

/** How long a check may go on beyond the limit it was given before its runner is killed. */
const limitGraceMs = 5_000;

export class Health {
  readonly #core: Core;
  /** The one that was asked first is the first. */
  readonly #checks = new Map<number, Check>();
  /** Those that have not answered, when something else may have kept them from it (J3). */
  readonly #silent = new Set<Activation>();
  /** When those in memory are asked next. */
  readonly #asked = new Map<Activation, Alarm>();
  /** Ill ones that are to be brought into memory anew. */
  readonly #ill = new Set<Activation>();

  constructor(core: Core) {
    this.#core = core;
  }

  onLive(activation: Activation): void {
    if (this.#everyMs(activation) === undefined || this.#asked.has(activation)) return;
    this.#later(activation);
  }

  /** It is not in memory any more: what comes back is brought into it anew anyway. */
  forget(activation: Activation): void {
    const alarm = this.#asked.get(activation);
    if (alarm !== undefined) this.#core.alarms.cancel(alarm);
    this.#asked.delete(activation);
    this.#ill.delete(activation);
    this.#silent.delete(activation);
  }

  onFrame(frame: FromRunner): boolean {
    if (frame.kind !== 'turn-done') return false;
    const check = this.#checks.get(frame.work);
    if (check === undefined) return false;
    this.#checks.delete(frame.work);
    const { activation, runner } = check;
    if (activation.runner === runner) this.#told(activation, frame.outcome);
    return true;
  }

  onRunnerExited(runner: RunnerId): void {
    for (const [work, check] of this.#checks) {
      if (check.runner === runner) this.#checks.delete(work);
    }
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#killOverdue();
    for (const activation of this.#ill) this.#restart(activation);
  }

  #killOverdue(): void {
    const killed = new Set<RunnerId>();
    for (const [work, { activation, runner, askedAt }] of this.#checks) {
      const silentMs = this.#core.now - askedAt;
      if (silentMs < limits.healthMsMax + limitGraceMs) return;
      if (killed.has(runner)) continue;
      killed.add(runner);
      this.#checks.delete(work);
      this.#core.out.work({ kind: 'kill-runner', runner });
      if (activation.runner === runner) this.#heardNothing(activation, runner, silentMs);
    }
  }

  /** J3 */
  #heardNothing(activation: Activation, runner: RunnerId, silentMs: number): void {
    const isAlone = !this.#core.turns.runsAt(runner) && !this.#core.tasks.runsAt(runner);
    if (!isAlone && !this.#silent.has(activation)) return void this.#silent.add(activation);
    const why = `its check was not answered within ${silentMs} ms and blocked its runner, which was killed`;
    const reason = failure('UNHEALTHY', `actor ${activation.id} is not well: ${why}`);
    // It is brought into memory anew as its runner is gone, and blocks the next one: that waits while it is held back.
    this.#core.ailing.fellIll(activation, reason, false, true);
  }

  #later(activation: Activation): void {
    const at = this.#core.now + (this.#everyMs(activation) ?? 0);
    this.#asked.set(
      activation,
      this.#core.alarms.set(at, () => this.#ask(activation)),
    );
  }

  #ask(activation: Activation): void {
    const { runner, id, phase } = activation;
    // Its runner has crashed, or it is about to leave: it is asked again when it is live.
    if (phase !== 'live' || runner === undefined) return void this.#asked.delete(activation);
    this.#later(activation);
    if (activation.trial !== undefined || this.#isAsked(activation)) return;
    const work = this.#core.turns.nextWork();
    this.#checks.set(work, { activation, runner, askedAt: this.#core.now });
    this.#core.configs.give(
      runner,
      activation.tenant,
      this.#core.configs.latest(activation.tenant),
    );
    this.#core.runners.frame(runner, {
      kind: 'turn',
      work,
      actor: id,
      method: healthMethod,
      args: noArgs,
      read: true,
      callId: `${id}/health`,
      recorded: [],
      limitMs: limits.healthMsMax,
    });
  }

  #told(activation: Activation, outcome: Outcome): void {
    this.#silent.delete(activation);
    const isWell = outcome.ok && decodeValue(outcome.value) !== false;
    if (isWell) {
      this.#ill.delete(activation);
      this.#core.ailing.isWell(activation, true);
      return this.#core.mailboxes.pump(activation);
    }
    const why = outcome.ok ? 'it said false' : outcome.failure.message;
    const reason = failure('UNHEALTHY', `actor ${activation.id} is not well: ${why}`);
    this.#core.ailing.fellIll(activation, reason, true, true);
    this.#ill.add(activation);
    this.#restart(activation);
  }

  /** J2 */
  #restart(activation: Activation): void {
    const { phase, dispatched, reads, trial, runner } = activation;
    if (phase !== 'live') return;
    const isBusy = dispatched.length > 0 || reads.size > 0 || this.#isAsked(activation);
    if (isBusy || trial !== undefined || runner === undefined) return;
    if (this.#core.departures.isQuiet(activation)) return;
    this.#ill.delete(activation);
    this.#core.hosting.restart(activation);
  }

  #isAsked(activation: Activation): boolean {
    for (const check of this.#checks.values()) if (check.activation === activation) return true;
    return false;
  }

  #everyMs(activation: Activation): number | undefined {
    return this.#core.runners.healthMs(activation.bundle, typeOf(activation));
  }
}

/** An encoded empty array. */
const noArgs = new Uint8Array([0x90]);
