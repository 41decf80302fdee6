/**
 * Who ran at a runner that crashed is tried apart, so that nobody is blamed for what another one did.
 *
 *   crash ──▶ queued ──▶ tried, alone at a runner ──▶ all of it has ended: back to the ordinary runners
 *               ▲              │           │
 *               │        crash │           └ long ──▶ acquitted where it is: others may join it there
 *               └──────────────┴──────────── crash ────┘
 *
 * Q1  a crash is blamed on nobody but the only input that ran, at a runner that never held another
 *     activation or task; whoever else ran at a runner that crashed is tried.
 * Q2  a bundle has at most `trialsMax` trials and `trialRunnersMax` runners for them.
 * Q3  of an activation on trial one input runs at a time.
 * Q4  every trial ends: with its inputs, or after a time that doubles with each crash that could not
 *     be blamed. So a turn that crashes late is alone for long enough after a few of them.
 */
import type { BundleHash, Failure } from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Alarm } from './alarms.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';

export interface Trial {
  readonly activation: Activation;
  /** What ran when the runner crashed; none when it was being brought into memory. */
  readonly inputs: ReadonlySet<Input>;
  state: 'queued' | 'tried' | 'acquitted';
  stand: Stand | undefined;
  /** Whether it is at the runner of its stand. */
  entered: boolean;
  /** Who waits for its runner. */
  got: ((runner: RunnerId | Failure) => void) | undefined;
  alarm: Alarm | undefined;
}

/** A runner for trials. */
interface Stand {
  /** Undefined while it starts. */
  runner: RunnerId | undefined;
  /** Whether it has held nobody yet. */
  fresh: boolean;
  /** Who is at it, or will be. */
  readonly trials: Set<Trial>;
}

interface Court {
  readonly queue: Trial[];
  readonly stands: Stand[];
}

const trialsMax = 2;
const trialRunnersMax = 4;
const trialMs = 2_000;
/** When no runner could be started. */
const againMs = 1_000;
/** Trials are not made longer after so many doublings. */
const doublingsMax = 12;

export class Trials {
  readonly #core: Core;
  readonly #courts = new Map<BundleHash, Court>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** These inputs of a lost activation are tried when it is brought into memory again. */
  summon(activation: Activation, inputs: readonly Input[], first: boolean): void {
    const trial: Trial = {
      activation,
      inputs: new Set(inputs),
      state: 'queued',
      stand: undefined,
      entered: false,
      got: undefined,
      alarm: undefined,
    };
    this.#close(activation.trial);
    activation.trial = trial;
    const { queue } = this.#court(activation.bundle);
    if (first) queue.unshift(trial);
    else queue.push(trial);
    this.#fill(activation.bundle);
  }

  /** Calls `got` with the runner of this trial, now or when it is its turn. */
  acquire(trial: Trial, got: (runner: RunnerId | Failure) => void): void {
    trial.got = got;
    this.#enter(trial);
  }

  onReady(runner: RunnerId, bundle: BundleHash): void {
    const stand = this.#court(bundle).stands.find((one) => one.runner === undefined);
    if (stand === undefined) return this.#core.runners.end(runner);
    stand.runner = runner;
    for (const trial of stand.trials) this.#enter(trial);
    this.#fill(bundle);
  }

  /** A runner for trials could not be started. Without any, nobody can be tried; but where the bundle
   *  has loaded, it will again. */
  onBundleFailed(bundle: BundleHash, reason: Failure, hasLoaded: boolean): void {
    const { queue, stands } = this.#court(bundle);
    const stand = stands.find((one) => one.runner === undefined);
    if (stand === undefined) return;
    stands.splice(stands.indexOf(stand), 1);
    queue.unshift(...this.#adjourn(stand));
    if (stands.length > 0 || hasLoaded) {
      this.#core.alarms.set(this.#core.now + againMs, () => this.#fill(bundle));
      return;
    }
    for (const { activation, got } of queue.splice(0)) {
      this.leave(activation);
      got?.(reason);
    }
  }

  /** Whoever was to be tried there, and was not there yet, is the next one. */
  onRunnerExited(runner: RunnerId, bundle: BundleHash): void {
    const court = this.#courts.get(bundle);
    const stand = court?.stands.find((one) => one.runner === runner);
    if (court === undefined || stand === undefined) return;
    court.stands.splice(court.stands.indexOf(stand), 1);
    const waiting = this.#adjourn(stand);
    court.queue.unshift(...waiting);
    // Nothing else may have been at that runner, so that nobody else would give them one.
    if (waiting.length > 0) this.#fill(bundle);
  }

  /** The trial is over, or is not needed any more. */
  leave(activation: Activation): void {
    const { trial, bundle } = activation;
    if (trial === undefined) return;
    activation.trial = undefined;
    this.#close(trial);
    this.#fill(bundle);
  }

  /** It goes to another node: nothing of it is tried here that is not at a runner. */
  onQuiet(activation: Activation): void {
    if (activation.trial === undefined || activation.runner !== undefined) return;
    this.leave(activation);
    if (activation.phase === 'starting') this.#core.hosting.revive(activation);
  }

  /** Runs what is to be tried next, alone (Q3); goes back to the ordinary runners when all has ended. */
  pump(activation: Activation, trial: Trial): void {
    const { dispatched, reads, checkpoint } = activation;
    const running = dispatched.length + reads.size > 0;
    if (running && trial.state === 'acquitted') return this.#core.mailboxes.pumpReads(activation);
    // The state that is being captured is that of this runner.
    if (running || checkpoint.underWay === 'capture') return;
    const next = nextOf(activation, trial);
    if (next === undefined) return this.#goBack(activation);
    if (trial.state === 'acquitted') return this.#again(activation, trial);
    activation.mailbox.splice(activation.mailbox.indexOf(next), 1);
    this.#arm(trial);
    if (next.read) this.#core.turns.dispatchRead(activation, next);
    else this.#core.turns.dispatch(activation, next);
  }

  #goBack(activation: Activation): void {
    activation.suspected = 0;
    this.#core.hosting.leaveRunner(activation);
    this.#core.hosting.revive(activation);
  }

  /** Others may have joined its runner: the rest is tried at another one. */
  #again(activation: Activation, trial: Trial): void {
    const rest = activation.mailbox.filter((input) => trial.inputs.has(input));
    this.#core.hosting.leaveRunner(activation);
    this.summon(activation, rest, false);
    this.#core.hosting.revive(activation);
  }

  /** Gives runners to those who wait, in order, as many as may be tried at once (Q2). */
  #fill(bundle: BundleHash): void {
    const { queue, stands } = this.#court(bundle);
    while (stands.filter(isTrying).length < trialsMax) {
      const trial = queue.shift();
      if (trial === undefined) break;
      trial.state = 'tried';
      trial.stand = this.#standFor(bundle, trial);
      trial.stand.trials.add(trial);
      this.#enter(trial);
    }
    if (queue.length > 0) return;
    for (const stand of stands.filter(isEmpty)) this.#end(stands, stand);
    if (stands.length === 0) this.#courts.delete(bundle);
  }

  /** Where it is alone, if that can be. One who was suspected again needs a runner of its own. */
  #standFor(bundle: BundleHash, { activation, inputs }: Trial): Stand {
    const { stands } = this.#court(bundle);
    const empty = stands.filter((stand) => stand.trials.size === 0);
    const isBlamed = activation.startCrashes > 0 || [...inputs].some(({ crashes }) => crashes > 0);
    const own = activation.suspected > 1 || isBlamed;
    const usable = empty.find(({ fresh }) => fresh) ?? (own ? undefined : empty[0]);
    if (usable !== undefined) return usable;
    const [used] = empty;
    if (stands.length >= trialRunnersMax && used !== undefined) this.#end(stands, used);
    if (stands.length < trialRunnersMax) return this.#open(bundle, stands);
    // Beside those who were acquitted: a crash there is blamed on nobody, and makes room.
    const [least] = stands
      .filter((stand) => !isTrying(stand))
      .sort((left, right) => left.trials.size - right.trials.size);
    return least ?? this.#open(bundle, stands);
  }

  #open(bundle: BundleHash, stands: Stand[]): Stand {
    const stand: Stand = { runner: undefined, fresh: true, trials: new Set() };
    stands.push(stand);
    this.#core.runners.startApart(bundle);
    return stand;
  }

  #end(stands: Stand[], stand: Stand): void {
    stands.splice(stands.indexOf(stand), 1);
    if (stand.runner !== undefined) this.#core.runners.end(stand.runner);
  }

  #close(trial: Trial | undefined): void {
    if (trial === undefined) return;
    this.#disarm(trial);
    trial.stand?.trials.delete(trial);
    const { queue } = this.#court(trial.activation.bundle);
    const queued = queue.indexOf(trial);
    if (queued >= 0) queue.splice(queued, 1);
  }

  #enter(trial: Trial): void {
    const { stand, got } = trial;
    if (stand?.runner === undefined || got === undefined) return;
    trial.got = undefined;
    trial.entered = true;
    stand.fresh = false;
    this.#core.runners.enter(stand.runner);
    this.#arm(trial);
    got(stand.runner);
  }

  /** Takes back those who were to be tried there and are not there yet. */
  #adjourn(stand: Stand): Trial[] {
    const waiting = [...stand.trials].filter(({ entered }) => !entered);
    for (const trial of waiting) {
      trial.state = 'queued';
      trial.stand = undefined;
    }
    return waiting;
  }

  #arm(trial: Trial): void {
    this.#disarm(trial);
    const { suspected } = trial.activation;
    const doublings = Math.min(doublingsMax, Math.max(0, suspected - 1));
    const at = this.#core.now + trialMs * 2 ** doublings;
    trial.alarm = this.#core.alarms.set(at, () => this.#acquit(trial));
  }

  #disarm(trial: Trial): void {
    if (trial.alarm !== undefined) this.#core.alarms.cancel(trial.alarm);
    trial.alarm = undefined;
  }

  /** It has lived for long: it goes on where it is, and the next one is tried. */
  #acquit(trial: Trial): void {
    trial.alarm = undefined;
    trial.state = 'acquitted';
    this.#fill(trial.activation.bundle);
    this.#core.mailboxes.pump(trial.activation);
  }

  #court(bundle: BundleHash): Court {
    const court = this.#courts.get(bundle) ?? { queue: [], stands: [] };
    this.#courts.set(bundle, court);
    return court;
  }
}

function isTrying({ trials }: Stand): boolean {
  return [...trials].some(({ state }) => state === 'tried');
}

function isEmpty({ trials, runner }: Stand): boolean {
  return trials.size === 0 && runner !== undefined;
}

/** The first turn in line, if it is to be tried and may run; else a read that is to be tried. */
function nextOf({ mailbox, parked }: Activation, { inputs }: Trial): Input | undefined {
  const turn = parked === undefined ? mailbox.find(({ read }) => !read) : undefined;
  if (turn !== undefined && inputs.has(turn)) return turn;
  return mailbox.find((input) => input.read && inputs.has(input));
}
