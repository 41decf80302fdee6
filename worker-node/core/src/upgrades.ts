/**
 * Actors that are to go over to another bundle, between two turns. Whoever has a state of an earlier version
 * has it migrated by the runner of the new bundle, as it is brought into memory there; a turn of its own
 * records what became of it.
 *
 *   live ──(no turn runs, none has begun)──▶ restoring ──▶ starting, at the new bundle
 *                                                              │ activated        │ failed
 *                                                              ▼                  ▼
 *                                              live, by a turn of the upgrade   restoring, at the old one
 *
 * UP1 an upgrade counts by its turn: before that is durable nothing of it leaves the actor, and after it no
 *     failover, restart or older placement makes it again or takes it back.
 * UP2 one that fails has changed nothing: the actor lives on with the bundle that it had, and the leader is
 *     told why.
 * UP3 a turn that has begun ends with the code that it began with: its actor is upgraded after it.
 * UP4 to an older version goes only the state that was kept when it was left, and when turns have been taken
 *     since, only when those may be given up.
 * UP5 every order is answered for, also one that comes while an older one is carried out.
 */
import {
  assert,
  type CodeVersion,
  type Failure,
  failure,
  limits,
  type MigratedState,
  type Place,
  type ToRunner,
  type UpgradedActor,
  type UpgradedSeen,
  type UpgradeOrder,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';
import { type FormerState, servingCode, type UpgradedTo } from './state-code.ts';

type Migrate = Extract<ToRunner, { kind: 'activate' }>['migrate'];

/** Actors in one message to the leader, in which an id and a failure may take 3 KB. */
const toldMax = 64;
const textLengthMax = 2_000;

/** It is being brought into memory at the new bundle. */
interface Attempt {
  readonly order: UpgradeOrder;
  readonly from: CodeVersion;
  readonly migrate: Migrate;
  /** Monotonic ms since which its runner has it; undefined before. */
  since: number | undefined;
}

export class Upgrades {
  readonly #core: Core;
  readonly #orders = new Map<Activation, UpgradeOrder>();
  readonly #attempts = new Map<Activation, Attempt>();
  /** Whose migration was killed for taking too long. */
  readonly #overdue = new Set<Activation>();
  /** What was said, and is said again when the same is ordered again. */
  readonly #told = new Map<Activation, UpgradedActor>();
  /** Of these the leader has not said that it knows. */
  readonly #unseen = new Set<Activation>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** It is placed here, or its placement came again. */
  onPlace(activation: Activation, { upgrade: order }: Place): void {
    if (order === undefined || activation.wish.kind === 'ending') return;
    const told = this.#told.get(activation);
    if (told !== undefined && told.at >= order.at) return this.#say(activation, told);
    if ((this.#orders.get(activation)?.at ?? 0) >= order.at) return;
    this.#orders.set(activation, order);
    this.changed(activation);
  }

  /** It runs no more turns before it is upgraded, but for one that has begun (UP3). */
  holds(activation: Activation): boolean {
    return this.#orders.has(activation) && activation.memory?.begun === undefined;
  }

  /** A turn of it has ended, it lives, or it may live again. */
  changed(activation: Activation): void {
    if (!this.#orders.has(activation)) return;
    const { phase, dispatched, trial, recalling } = activation;
    const { wish, rewind, left } = activation;
    if (wish.kind !== 'live' || rewind.held) return;
    // One whose turn waits stays out of memory until that goes on.
    if (phase === 'cold')
      return left === undefined ? this.#core.hosting.wake(activation) : undefined;
    if (phase !== 'live' || dispatched.length > 0 || trial !== undefined || recalling) return;
    if (!this.#isFree(activation) || this.#core.departures.isQuiet(activation)) return;
    // Its reads are run again at the other runner.
    this.#core.turns.takeOut(activation);
    this.#core.hosting.restart(activation);
  }

  /** It is about to be handed to a runner: of which bundle, and what to do to its state there. */
  onStart(activation: Activation): void {
    const { memory } = activation;
    if (memory === undefined) return;
    const from = servingCode(activation, memory.madeBy);
    this.#attempts.delete(activation);
    const order = this.#orders.get(activation);
    if (order === undefined || !this.#isFree(activation)) {
      // It was paused while it was being tried, and its runner is lost.
      this.#core.wishes.onTurnEnd(activation);
      return this.#serve(activation, from);
    }
    if (order.bundle === from.bundle) {
      this.#settle(activation, order, from);
      return this.#serve(activation, from);
    }
    const planned = this.#overdue.has(activation)
      ? tookTooLong(activation)
      : planOf(activation, order, from);
    if ('code' in planned) {
      this.#settle(activation, order, from, planned);
      return this.#serve(activation, from);
    }
    if (planned.building !== undefined) activation.building = planned.building;
    const { migrate } = planned;
    this.#attempts.set(activation, { order, from, migrate, since: undefined });
    this.#serve(activation, order);
  }

  /** What its runner, which is about to have it, is to do to its state. */
  migrateOf(activation: Activation): { readonly migrate?: NonNullable<Migrate> } {
    const attempt = this.#attempts.get(activation);
    if (attempt === undefined) return {};
    attempt.since = this.#core.now;
    const { migrate } = attempt;
    return migrate === undefined ? {} : { migrate };
  }

  /** It is being brought into memory at another bundle. */
  isTried(activation: Activation): boolean {
    return this.#attempts.has(activation);
  }

  /** Its runner has its state. If that is of the new bundle it is upgraded by a turn (UP1). */
  onActivated(activation: Activation, migrated: MigratedState | undefined): void {
    const attempt = this.#attempts.get(activation);
    if (attempt === undefined) return this.#sayUnknown(activation);
    const { order, from } = attempt;
    this.#attempts.delete(activation);
    this.#overdue.delete(activation);
    const { bundle, version, at } = order;
    const isMigrated = attempt.migrate !== undefined && 'from' in attempt.migrate;
    const former = isMigrated ? formerOf(from, order, migrated) : undefined;
    const upgrade: UpgradedTo =
      former === undefined ? { bundle, version, at } : { bundle, version, at, former };
    this.#core.turns.upgrade(activation, upgrade, migrated?.delta);
    this.#settle(activation, order, order);
    this.#core.wishes.onTurnEnd(activation);
  }

  /** It cannot be brought into memory at the new bundle. True when it is tried at the old one (UP2). */
  onFailed(activation: Activation, reason: Failure): boolean {
    const attempt = this.#attempts.get(activation);
    if (attempt === undefined) return false;
    this.#attempts.delete(activation);
    this.#core.trials.leave(activation);
    activation.startCrashes = 0;
    activation.building = undefined;
    const why = this.#overdue.has(activation) ? tookTooLong(activation) : reason;
    this.#settle(activation, attempt.order, attempt.from, why);
    this.#serve(activation, attempt.from);
    this.#core.wishes.onTurnEnd(activation);
    this.#core.hosting.revive(activation);
    return true;
  }

  onSeen({ actors }: UpgradedSeen): void {
    for (const { actor, epoch, at } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch) continue;
      const told = this.#told.get(activation);
      if (told?.at === at) this.#unseen.delete(activation);
    }
  }

  forget(activation: Activation): void {
    this.#orders.delete(activation);
    this.#attempts.delete(activation);
    this.#overdue.delete(activation);
    this.#told.delete(activation);
    this.#unseen.delete(activation);
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#tell([...this.#unseen].flatMap((activation) => this.#told.get(activation) ?? []));
    this.#killOverdue();
    for (const activation of this.#orders.keys()) this.changed(activation);
  }

  /** Of those at one runner the first is the one that does not come to an end. */
  #killOverdue(): void {
    const killed = new Set<RunnerId>();
    for (const [activation, { since }] of this.#attempts) {
      const { runner } = activation;
      if (runner === undefined || since === undefined || killed.has(runner)) continue;
      if (this.#core.now - since < limits.migrateMsMax) continue;
      killed.add(runner);
      this.#overdue.add(activation);
      this.#core.out.work({ kind: 'kill-runner', runner });
    }
  }

  /** A held, paused or ending actor takes no turn, and a begun turn is ended first (UP3). */
  #isFree({ memory, wish, rewind }: Activation): boolean {
    const isStill = rewind.held || rewind.back === 'due' || wish.kind !== 'live';
    return !isStill && memory !== undefined && memory.begun === undefined;
  }

  #serve(activation: Activation, { bundle }: CodeVersion): void {
    if (activation.bundle === bundle) return;
    // What it is tried at is a runner of the other one.
    this.#core.trials.leave(activation);
    activation.bundle = bundle;
  }

  /** The leader placed it as another one than its record says: an upgrade that it has not heard of, or one
   *  that went back with its scope. */
  #sayUnknown(activation: Activation): void {
    const { memory, placed, id: actor, epoch } = activation;
    const { bundle } = servingCode(activation, memory?.madeBy);
    if (bundle === placed.bundle || this.#told.has(activation)) return;
    this.#say(activation, { actor, epoch, bundle, at: memory?.madeBy?.at ?? 0 });
  }

  #settle(
    activation: Activation,
    { at }: UpgradeOrder,
    { bundle }: CodeVersion,
    reason?: Failure,
  ): void {
    // UP5
    if ((this.#orders.get(activation)?.at ?? at) <= at) this.#orders.delete(activation);
    this.#overdue.delete(activation);
    const bare = { actor: activation.id, epoch: activation.epoch, bundle, at };
    if (reason === undefined) return this.#say(activation, bare);
    const { code, message } = reason;
    const text = `${activation.id} could not be upgraded: ${code}: ${message}`;
    this.#core.out.work({ kind: 'log', level: 'warn', text });
    const told = { code, message: message.slice(0, textLengthMax) };
    this.#say(activation, { ...bare, failure: told });
  }

  #say(activation: Activation, entry: UpgradedActor): void {
    this.#told.set(activation, entry);
    this.#unseen.add(activation);
    this.#tell([entry]);
  }

  #tell(entries: readonly UpgradedActor[]): void {
    const { incarnation } = this.#core.config;
    for (let from = 0; from < entries.length; from += toldMax) {
      const actors = entries.slice(from, from + toldMax);
      const message = { kind: 'upgraded', incarnation, actors } as const;
      this.#core.out.send({ kind: 'to-leader', message });
    }
  }
}

interface Plan {
  readonly migrate: Migrate;
  /** What it is built from instead of its present state. */
  readonly building?: NonNullable<Activation['building']>;
}

function planOf(
  { id, memory, building }: Activation,
  order: UpgradeOrder,
  from: CodeVersion,
): Plan | Failure {
  assert(memory !== undefined, 'UP1: only what is in memory is upgraded');
  if (order.version === from.version) return { migrate: undefined };
  // What the constructor makes is recorded: a checkpoint on its way to the store may hold what that of the
  // other version made.
  const asMade: Plan = { migrate: { stored: true }, building: { state: undefined, deltas: [] } };
  if (order.version > from.version) {
    const isStored = building?.state !== undefined || (building?.deltas.length ?? 0) > 0;
    return isStored ? { migrate: { from: from.version } } : asMade;
  }
  const { madeBy: code, seq } = memory;
  const former = code?.former;
  // No turn ever wrote of its state.
  if (code !== undefined && former === undefined && code.seq === 1 && seq === 1) return asMade;
  if (former?.version !== order.version) {
    const what = `the state that ${id} had with version ${order.version} is not kept`;
    return failure('TOO_FAR_BACK', what, { actor: id, version: order.version });
  }
  const turns = seq - (code?.seq ?? seq);
  if (turns === 0 || order.discard === true) {
    return { migrate: { stored: true }, building: { state: former.state, deltas: [] } };
  }
  const what = `${id} took ${turns} turns with version ${from.version}, which would be given up`;
  return failure('WRONG_STATE', what, { actor: id, turns });
}

/** What is kept of the state before, so that it can be rolled back. */
function formerOf(
  from: CodeVersion,
  to: CodeVersion,
  migrated: MigratedState | undefined,
): FormerState | undefined {
  if (migrated === undefined || to.version <= from.version) return undefined;
  const { former: state, delta } = migrated;
  if (state.length > limits.formerStateBytesMax) return undefined;
  if (state.length + (delta?.length ?? 0) > limits.turnBytesMax) return undefined;
  return { bundle: from.bundle, version: from.version, state };
}

function tookTooLong({ id }: Activation): Failure {
  const what = `the migration of ${id} took longer than ${limits.migrateMsMax} ms`;
  return failure('TIME_LIMIT', what, { actor: id });
}
