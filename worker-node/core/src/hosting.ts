/**
 * Which actors are placed here, and how each comes into memory and leaves it.
 *
 *   place ──▶ cold ──▶ restoring ──▶ starting ──▶ live ──▶ (idle) cold
 *                          ▲                       │ drain
 *                          └──── runner exited ────┤
 *                                                  ▼
 *                                              releasing ──▶ released
 *
 * Going back in time leads another way, see `rewinds.ts`.
 *
 * H1  an actor has at most one activation here, under the highest epoch seen.
 * H2  only a live activation takes a turn. It is live when its runner was given its state: what it is asked
 *     follows right behind, and comes back when its runner cannot make anything of that state.
 * H3  nobody lives by a checkpoint that is older than the one known to be stored.
 * H4  an actor that is to be destroyed comes into memory, and never to a runner.
 * H6  whoever had nothing to do where it was is not brought into memory here until somebody wants it: its
 *     release says so, or, of a node that has died, its checkpoint when there are no facts beyond it.
 * H5  reading back ends within `restoreMs`, one way or the other, and says where it was.
 */
import {
  type ActorId,
  actorParts,
  assert,
  type Bytes,
  decodeSeed,
  errorTable,
  type Failure,
  type FromRunner,
  failure,
  failureOf,
  isFailure,
  limits,
  type Place,
  type ToRunner,
  troupeError,
} from '@troupe/model';
import { type Activation, activationOf, mayHaveToDo, rest } from './activation.ts';
import { checkpointHead } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { NodeEvent, NodeSend, RunnerId } from './events.ts';
import { freshMemory, type Memory, replay, unheard } from './memory.ts';
import { freshPast } from './past.ts';
import { refuseConflict } from './quarantine.ts';
import { servingCode } from './state-code.ts';
import { beginningOf, headOf, isOfBirth } from './tombstone.ts';

/** A late twin of a placement comes within seconds. One that was held up for longer than this was sent by a
 *  leader, or to a node, that is fenced. */
const droppedMs = 3_600_000;

type Activate = Extract<ToRunner, { kind: 'activate' }>;
type Activated = Extract<FromRunner, { kind: 'activated' }>;
type Restored = Extract<NodeEvent, { kind: 'restored' }>;
type RestoreOrder = Extract<NodeSend, { kind: 'restore' }>;

export class Hosting {
  readonly #core: Core;
  readonly #actors: Map<ActorId, Activation>;
  /** Epochs under which actors were handed over, the oldest first: they never live here again under
   *  these (H1). */
  readonly #dropped = new Map<ActorId, { readonly epoch: number; readonly at: number }>();
  /** Those that are being read back, the first first. */
  readonly #restoring = new Set<Activation>();
  /** Time for which this machine was awake, by its ticks: one that slept has not tried. */
  #awakeMs = 0;
  #tickedAt = Number.POSITIVE_INFINITY;

  constructor(core: Core, actors: Map<ActorId, Activation>) {
    this.#core = core;
    this.#actors = actors;
  }

  onPlace(place: Place): void {
    this.#core.configs.hear(actorParts(place.actor).tenant, place.config);
    const known = this.#actors.get(place.actor);
    const epoch = known?.epoch ?? this.#dropped.get(place.actor)?.epoch ?? 0;
    // A late twin, or a wish: the actor is here already, or lives elsewhere by now.
    if (epoch >= place.epoch) {
      this.#seen(place);
      if (known?.epoch !== place.epoch) return;
      this.#core.wishes.onPlace(known, place);
      this.#core.rewinds.onPlace(known, place);
      this.#core.handover.onPlaced(known, place.leave);
      this.#core.upgrades.onPlace(known, place);
      return;
    }
    const back = place.rewind?.back === true ? known : undefined;
    const left = back === undefined ? undefined : this.#core.checkpointing.uncovered(back);
    if (known !== undefined) this.drop(known);
    const activation = activationOf(place, this.#core.durableAt, this.#core.now);
    this.#actors.set(place.actor, activation);
    // It goes back in time where it is: what its former epoch has done stands in this log.
    if (left !== undefined) this.#core.checkpointing.inherit(activation, left);
    this.#seen(place);
    // Placed right after its creation: no history can exist. Else its outbox and a turn that had
    // begun may wait, so it is read back at once, unless it is known that none does (H6).
    if (place.epoch === place.birth + 1 && !activation.heir && place.seed === undefined) {
      activation.memory = freshMemory();
      activation.past = freshPast(activation);
    } else if (!activation.asleep) {
      activation.isLookedAt = place.chain.length > 0 && place.rewind === undefined;
      this.wakeAgain(activation);
    }
    this.#core.wishes.onPlaced(activation);
    this.#core.rewinds.onPlaced(activation);
    this.#core.handover.onPlaced(activation, place.leave);
    this.#core.upgrades.onPlace(activation, place);
  }

  /** Brings a cold activation into memory: somebody wants something of it. */
  wake(activation: Activation): void {
    activation.isLookedAt = false;
    this.wakeAgain(activation);
  }

  /** Likewise, for the reason for which it was to be there before. */
  wakeAgain(activation: Activation): void {
    if (activation.phase !== 'cold' || this.#core.rewinds.isBeingStored(activation)) return;
    if (activation.wish.kind !== 'ending' && !this.#core.ailing.mayWake(activation)) return;
    if (this.#core.givenUp.holds(activation)) {
      if (activation.memory === undefined) this.#restore(activation);
      return;
    }
    // Nothing was ever written of it: the constructor makes its state.
    const { memory } = activation;
    const untouched = memory?.seq === 0 && memory.begun === undefined && memory.signals.count === 0;
    const isSeeded = activation.seed !== undefined;
    if (untouched && !isSeeded && activation.checkpoint.revision === 0 && !activation.rewind.held) {
      activation.building = { state: undefined, deltas: [] };
      this.start(activation);
      return;
    }
    this.#restore(activation);
  }

  onRestored(event: Restored): void {
    const activation = this.#current(event.actor, event.epoch);
    if (activation?.phase !== 'restoring') return;
    // A newer checkpoint was stored after this one was read: the facts between them may be gone.
    const { revision } = activation.checkpoint;
    const isStale =
      event.damaged === undefined
        ? (event.checkpoint?.revision ?? 0) < revision
        : activation.restoredFrom !== revision;
    if (isStale) {
      this.#restore(activation);
      return;
    }
    try {
      this.#rebuild(activation, event);
    } catch (thrown) {
      this.onRestoreFailed(event.actor, event.epoch, failureOf(thrown, 'LOG_CORRUPT'));
      return;
    }
    this.#restoring.delete(activation);
    if (activation.wish.kind === 'ending') return this.#core.wishes.onRestored(activation);
    const stored = headOf(event.checkpoint?.body, activation.birth)?.epoch ?? 0;
    if (this.#core.rewinds.onRestored(activation, stored)) return;
    if (this.#core.givenUp.onRestored(activation)) return;
    if (this.#mayLieDown(activation, event)) this.#lieDown(activation);
    else this.start(activation);
  }

  /** H6: its node has died, its checkpoint holds all that it did, and it has nothing to do. */
  #mayLieDown(activation: Activation, { facts, checkpoint, damaged }: Restored): boolean {
    if (!activation.isLookedAt || mayHaveToDo(activation)) return false;
    // Else the leader has not heard of its last upgrade, and hears of it when it lives.
    const { bundle } = servingCode(activation, activation.memory?.madeBy);
    if (bundle !== activation.placed.bundle) return false;
    const isWhole = headOf(checkpoint?.body, activation.birth) !== undefined;
    return isWhole && facts.length === 0 && damaged === undefined;
  }

  #lieDown(activation: Activation): void {
    this.leaveMemory(activation);
    activation.building = undefined;
    this.#core.ailing.isLive(activation);
    this.#core.checkpointing.rebase(activation);
    this.#core.departures.changed(activation);
  }

  onRestoreFailed(actor: ActorId, epoch: number, reason: Failure): void {
    const activation = this.#current(actor, epoch);
    if (activation?.phase !== 'restoring') return;
    // A checkpoint was stored meanwhile, and what it covers is free to go: it is read instead.
    if (activation.checkpoint.revision !== activation.restoredFrom) {
      this.#restore(activation);
      return;
    }
    this.#restoring.delete(activation);
    this.#core.out.work({
      kind: 'log',
      level: 'error',
      text: `${actor} could not be read back: ${reason.code}: ${reason.message}`,
    });
    // What is to be destroyed is so, whatever is left of it; what can be read later is left.
    const { retryable } = errorTable[reason.code];
    if (activation.wish.kind === 'ending' && !retryable) this.#core.wishes.onRestored(activation);
    else this.#fail(activation, reason);
  }

  onRestoreIsAt(actor: ActorId, epoch: number, at: string): void {
    const activation = this.#current(actor, epoch);
    if (activation?.phase === 'restoring') activation.restoring.at = at;
  }

  /** Every `resendMs`: H5 */
  tick(): void {
    const { restoreMs = limits.restoreMs, resendMs } = this.#core.config;
    const passedMs = Math.max(0, this.#core.now - this.#tickedAt);
    this.#awakeMs += Math.min(passedMs, 2 * resendMs);
    this.#tickedAt = this.#core.now;
    for (const activation of this.#restoring) {
      const { id, epoch, phase, restoring } = activation;
      if (phase !== 'restoring') this.#restoring.delete(activation);
      else if (this.#awakeMs - restoring.awakeAt < restoreMs) return;
      else {
        const where = restoring.at === '' ? 'it had not begun' : `it was ${restoring.at}`;
        const text = `actor ${id} was not read back within ${restoreMs} ms: ${where}`;
        activation.restoredFrom = activation.checkpoint.revision;
        this.onRestoreFailed(id, epoch, failure('UNAVAILABLE', text, { actor: id }));
      }
    }
  }

  onActivated({ actor, migrated }: Activated, runner: RunnerId): void {
    const activation = this.#actors.get(actor);
    if (activation === undefined || activation.runner !== runner) return;
    this.#core.starts.ended(activation, runner);
    const isLive = activation.starts && activation.phase !== 'starting';
    activation.starts = false;
    if (isLive) return this.#core.upgrades.onActivated(activation, migrated);
    if (activation.phase !== 'starting') return;
    activation.startCrashes = 0;
    activation.lived = true;
    activation.building = undefined;
    this.#core.upgrades.onActivated(activation, migrated);
    if (!this.#core.rewinds.onActivated(activation)) this.live(activation);
  }

  /** Its runner has its state, or is given it before all else, and it may take turns. */
  live(activation: Activation): void {
    activation.phase = 'live';
    activation.asleep = false;
    this.#core.passivation.used(activation);
    this.#core.ailing.isLive(activation);
    this.#core.turns.resumeBegun(activation);
    this.#takeIn(activation);
    // It may have gone back to the ordinary runners at once, and comes here again.
    if (!isLive(activation)) return;
    this.#core.timers.onLive(activation);
    this.#core.post.resendAll(activation);
    this.#core.lines.onLive(activation);
    this.#core.pruning.onLive(activation);
    this.#core.quarantine.release(activation);
    this.#core.checkpointing.onLive(activation);
    this.#core.health.onLive(activation);
    this.#core.departures.changed(activation);
    this.#core.upgrades.changed(activation);
  }

  onActivateFailed(actor: ActorId, runner: RunnerId, reason: Failure): void {
    const activation = this.#actors.get(actor);
    if (activation === undefined || activation.runner !== runner || !activation.starts) return;
    this.#core.runners.release(runner);
    this.#core.starts.ended(activation, runner);
    activation.runner = undefined;
    if (activation.phase !== 'starting') {
      // What followed its state has not run.
      this.#core.turns.takeOut(activation);
      this.#core.checkpointing.onRunnerLost(activation);
      this.#core.passivation.forget(activation);
      this.#core.health.forget(activation);
    }
    this.#fail(activation, reason);
  }

  /** Its runner is gone: what is durable is all that is left of the state. */
  onRunnerExited(runner: RunnerId): Activation[] {
    const lost: Activation[] = [];
    for (const activation of this.#actors.values()) {
      if (activation.runner !== runner) continue;
      activation.runner = undefined;
      activation.building = undefined;
      lost.push(activation);
    }
    return lost;
  }

  /** It crashes every runner that brings it into memory. */
  failStart(activation: Activation, reason: Failure): void {
    this.#fail(activation, reason);
  }

  /** What stands in the store cannot be what it has done: nobody has it in memory any more. */
  giveUp(activation: Activation, reason: Failure): void {
    this.#core.turns.takeOut(activation);
    this.#core.checkpointing.onRunnerLost(activation);
    this.#core.passivation.forget(activation);
    this.#core.health.forget(activation);
    this.leaveRunner(activation);
    this.#restoring.delete(activation);
    this.#fail(activation, reason);
    activation.memory = undefined;
    activation.past = undefined;
  }

  /** Reads a lost activation back and goes on. */
  revive(activation: Activation): void {
    activation.phase = 'cold';
    activation.starts = false;
    this.#core.rewinds.onRunnerLost(activation);
    this.wake(activation);
  }

  /** Brings one that runs nothing into memory anew, at another runner if there is one. */
  restart(activation: Activation): void {
    assert(activation.dispatched.length === 0, 'J2: an activation that is restarted has no turn');
    activation.avoids = activation.runner;
    this.leaveRunner(activation);
    this.#core.checkpointing.onRunnerLost(activation);
    this.revive(activation);
  }

  /** Leaves memory; the node still hosts it and wakes it at the next call. */
  leaveMemory(activation: Activation): void {
    assert(activation.dispatched.length === 0, 'H2: an activation that leaves memory has no turn');
    this.#core.passivation.forget(activation);
    this.#core.waits.onLeavesMemory(activation);
    this.#core.health.forget(activation);
    this.leaveRunner(activation);
    activation.phase = 'cold';
    activation.asleep = activation.memory?.begun === undefined;
    activation.deadWhenLeft = activation.memory?.letters.summary();
    activation.memory = undefined;
    activation.past = undefined;
    rest(activation);
  }

  /** No runner has it any more: what becomes of that one does not touch it. */
  leaveRunner(activation: Activation): void {
    this.#core.builtIns.forget(activation);
    if (activation.runner === undefined) return;
    this.#core.runners.frame(activation.runner, { kind: 'deactivate', actor: activation.id });
    this.#core.runners.release(activation.runner);
    this.#core.starts.ended(activation, activation.runner);
    activation.runner = undefined;
    activation.starts = false;
    this.#core.trials.leave(activation);
  }

  /** Forgets the activation altogether: it lives elsewhere now. */
  drop(activation: Activation): void {
    if (activation.phase === 'held') this.#core.mailboxes.sendAway(activation);
    this.leaveRunner(activation);
    this.#core.trials.leave(activation);
    activation.phase = 'released';
    this.#core.wishes.forget(activation);
    this.#core.rewinds.forget(activation);
    this.#core.configs.forget(activation);
    this.#core.health.forget(activation);
    this.#core.upgrades.forget(activation);
    this.#core.ailing.isWell(activation, true);
    this.#core.departures.forget(activation);
    this.#core.turns.abandon(activation);
    this.#core.checkpointing.forget(activation);
    this.#core.passivation.forget(activation);
    this.#core.quarantine.release(activation);
    if (this.#actors.get(activation.id) !== activation) return;
    this.#actors.delete(activation.id);
    this.#restoring.delete(activation);
    const { now } = this.#core;
    this.#dropped.delete(activation.id);
    this.#dropped.set(activation.id, { epoch: activation.epoch, at: now });
    for (const [id, { at }] of this.#dropped) {
      if (now - at < droppedMs) return;
      this.#dropped.delete(id);
    }
  }

  /** What came while it was not in memory. What it changes stands in its log, so that nothing more of it is
   *  taken in once the actor is read back from there. */
  #takeIn(activation: Activation): void {
    while (isLive(activation)) {
      const message = activation.waiting.shift();
      if (message === undefined) return this.#core.mailboxes.pump(activation);
      this.#core.mailboxes.accept(activation, message);
    }
  }

  #restore(activation: Activation): void {
    if (activation.phase !== 'restoring') {
      activation.restoring = { since: this.#core.now, awakeAt: this.#awakeMs, at: '' };
      this.#restoring.delete(activation);
      this.#restoring.add(activation);
    }
    activation.phase = 'restoring';
    activation.restoredFrom = activation.checkpoint.revision;
    const { incarnation: backAt } = activation.rewind;
    const { revision: known } = activation.checkpoint;
    const uncoveredFrom = this.#core.checkpointing.uncovered(activation);
    const handed = this.#core.arrivals.handedOver(activation);
    const order: RestoreOrder = {
      kind: 'restore',
      actor: activation.id,
      birth: activation.birth,
      epoch: activation.epoch,
      chain: activation.chain,
      // What its checkpoint holds is not looked for in a log that all share.
      uncoveredFrom,
      ownFrom: activation.lived ? activation.ownFrom : undefined,
      ...(isWholeFromBirth(activation) ? { fromBirth: true } : {}),
      ...(activation.seed === undefined ? {} : { seed: activation.seed }),
      ...(backAt === 0 ? {} : { backAt }),
      ...(known === 0 ? {} : { known }),
      ...(handed === undefined ? {} : { handed }),
    };
    // What is stored already does not wait for what others append.
    const isStored = uncoveredFrom === undefined && activation.checkpoint.underWay !== 'put';
    if (isStored) this.#core.out.work(order);
    else this.#core.out.send(order);
  }

  #rebuild(activation: Activation, event: Restored): void {
    const { now } = this.#core;
    const facts = event.facts.filter((fact) => isOfBirth(fact, activation.birth));
    const { checkpoint } = event;
    const head = headOf(checkpoint?.body, activation.birth);
    const known =
      checkpoint === undefined || head === undefined
        ? undefined
        : { head, revision: checkpoint.revision };
    refuseConflict(activation.id, facts, known);
    const began = beginningOf(activation, checkpoint?.body, now, checkpoint?.base);
    const { memory } = began;
    const state =
      began.stored === undefined ? this.#planted(activation, event, memory) : began.state;
    const past = this.#core.lines.pastOf(activation, began, facts);
    const deltas = [...began.deltas];
    for (const fact of facts) {
      const delta = replay(memory, activation.id, fact, now);
      if (delta !== undefined) deltas.push(delta);
    }
    // After a runner's crash the memory that lived on is at the same turn, and knows more: calls
    // answered meanwhile, sessions heard of.
    if (activation.memory === undefined) {
      activation.memory = memory;
      activation.past = past;
      activation.checkpoint.letters = unheard(memory);
      activation.checkpoint.parked = memory.begun?.parked === true;
    } else
      assert(activation.memory.seq === memory.seq, 'M1: replay reaches the turn that was live');
    if (checkpoint !== undefined) {
      activation.checkpoint.revision = checkpoint.revision;
      activation.checkpoint.isRest = checkpoint.base !== undefined;
      activation.checkpoint.bytes = (checkpoint.base ?? checkpoint.body).length;
      const { versions = [], abandoned = [], at = 0 } = began.stored ?? {};
      const { seq } = checkpointHead(checkpoint.body);
      activation.checkpoint.versions = [...versions, [checkpoint.revision, at, seq]];
      activation.checkpoint.abandoned = abandoned;
    }
    if (event.damaged !== undefined) this.#core.checkpointing.onDamaged(activation, event);
    const of = began.stored === undefined ? undefined : wholeOf(checkpoint);
    activation.building = { state, deltas, ...(of === undefined ? {} : { of }) };
  }

  /** The state that it was made with; it has no checkpoint yet. */
  #planted({ id, seed: key }: Activation, { seed }: Restored, memory: Memory): Bytes | undefined {
    if (key === undefined) return undefined;
    if (seed === undefined) {
      const text = `the state that actor ${id} was made with is not in the store`;
      throw troupeError('LOG_CORRUPT', text, { actor: id });
    }
    const { state, code } = decodeSeed(seed);
    if (code !== undefined)
      memory.madeBy = { ...code, at: 0, seq: memory.seq, since: this.#core.now };
    return state;
  }

  /** Hands its state to a runner. */
  start(activation: Activation): void {
    activation.phase = 'starting';
    this.#core.upgrades.onStart(activation);
    this.#core.configs.whenReady(activation, () => {
      if (activation.phase === 'starting') this.#enter(activation);
    });
  }

  #enter(activation: Activation): void {
    const ahead = this.#core.arrivals.take(activation);
    const entered = (got: RunnerId | Failure): void => {
      if (typeof got === 'object') {
        if (isFailure(got) && activation.phase === 'starting') this.#fail(activation, got);
        return;
      }
      if (activation.phase !== 'starting') return this.#core.runners.release(got);
      activation.runner = got;
      const { state, deltas, of } = activation.building ?? { state: undefined, deltas: [] };
      if (state !== undefined) this.#core.uses.isOf(activation, state.length);
      const timers = timersOf(activation);
      const more = { ...timers, ...this.#core.upgrades.migrateOf(activation) };
      const frame = { kind: 'activate', actor: activation.id, deltas, ...more } as const;
      const isBuilt = got === ahead?.runner && of === ahead.revision;
      const stored = state === undefined ? {} : { state };
      const from = isBuilt ? { ahead: of } : stored;
      activation.starts = true;
      this.#core.starts.begins(activation, got, !isBuilt && state === undefined);
      this.#core.runners.frame(got, { ...frame, ...from });
      if (!this.#goesOnAtOnce(activation)) return;
      activation.lived = true;
      activation.building = undefined;
      this.live(activation);
    };
    if (activation.trial === undefined && activation.startCrashes > 0) {
      this.#core.trials.summon(activation, [], false);
    }
    const { trial } = activation;
    const { avoids } = activation;
    activation.avoids = undefined;
    if (trial === undefined && ahead !== undefined) {
      this.#core.runners.enter(ahead.runner);
      entered(ahead.runner);
    } else if (trial === undefined) {
      this.#core.runners.acquire(activation.bundle, entered, avoids);
    } else this.#core.trials.acquire(trial, entered);
  }

  /** H2: unless what its runner says of the state decides how it goes on, or its runner may crash of it. */
  #goesOnAtOnce(activation: Activation): boolean {
    const { trial, startCrashes, memory, rewind } = activation;
    if (trial !== undefined || startCrashes > 0 || memory?.begun !== undefined) return false;
    if (rewind.back === 'due' || this.#core.ailing.isIll(activation)) return false;
    return !this.#core.upgrades.isTried(activation);
  }

  /** Back to cold; whoever waits is told why. The next call tries again, or the node does (L3). */
  #fail(activation: Activation, reason: Failure): void {
    if (this.#core.upgrades.onFailed(activation, reason)) return;
    activation.phase = 'cold';
    activation.starts = false;
    activation.building = undefined;
    this.#core.trials.leave(activation);
    this.#core.ailing.fellIll(activation, reason);
    this.#core.mailboxes.refuseAll(activation, reason);
    this.#core.lines.onFailed(activation, reason);
    this.#core.rewinds.onFailed(activation, reason);
    this.#core.rewinds.onRunnerLost(activation);
    this.#core.quarantine.onFailed(activation, reason);
  }

  #current(actor: ActorId, epoch: number): Activation | undefined {
    const activation = this.#actors.get(actor);
    return activation?.epoch === epoch ? activation : undefined;
  }

  #seen(place: Place): void {
    this.#core.out.send({
      kind: 'to-leader',
      message: {
        kind: 'place-seen',
        incarnation: this.#core.config.incarnation,
        placed: [
          {
            actor: place.actor,
            epoch: place.epoch,
            ...(place.wish === undefined ? {} : { wishAt: place.wish.at }),
            ...(place.rewind === undefined ? {} : { rewindAt: place.rewind.at }),
            ...(place.upgrade === undefined ? {} : { upgradeAt: place.upgrade.at }),
          },
        ],
      },
    });
  }
}

/** Revision of the whole checkpoint that a state is of. */
function wholeOf(checkpoint: Restored['checkpoint']): number | undefined {
  return checkpoint?.base === undefined ? checkpoint?.revision : checkpoint.baseRevision;
}

/** What there was before it under its name is known to its first checkpoint alone. */
function isWholeFromBirth({ heir, seed, rewind, birth, epoch, chain, lived }: Activation): boolean {
  if (seed !== undefined || rewind.incarnation > 0) return false;
  // It was placed for the first time right after it was created.
  const first = birth + 1;
  return !heir && (epoch === first ? lived : chain[0]?.epoch === first);
}

function isLive({ phase }: Activation): boolean {
  return phase === 'live';
}

/** What its runner has to know of timers. */
function timersOf({ memory }: Activation): Pick<Activate, 'timers' | 'nextTimer'> {
  if (memory?.timers.isUsed !== true) return {};
  return { timers: memory.timers.pending(), nextTimer: memory.timers.nextNumber };
}

/** Type of an actor, for looking its methods up. */
export function typeOf(activation: Pick<Activation, 'id'>): string {
  return actorParts(activation.id).type;
}
