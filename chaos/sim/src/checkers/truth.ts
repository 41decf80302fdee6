/**
 * What really happened, as the stores hold it: every fact that was ever made durable, in order, also
 * of logs that were trimmed or deleted since. Checkers compare with it what processes say and do.
 */
import {
  type ActorId,
  encodeValue,
  failure,
  type GangPolicy,
  type Incarnation,
  type LogName,
  type Outcome,
  type PriorityName,
  type Released,
  sameBytes,
  type TaskId,
  type TenantName,
  turnLogName,
} from '@troupe/model';
import { type SchedulerConfig, type SchedulerFact, SchedulerMachine } from '@troupe/scheduler-core';
import {
  freshMemory,
  type Memory,
  type NodeFact,
  type OutboxLetter,
  remainsOf,
  replay,
  type TurnCause,
  type UpgradeCause,
} from '@troupe/worker-node-core';
import { idIn } from '../node/form.ts';
import { isTopic } from '../node/program.ts';
import { Manifests } from '../plan/bundles.ts';
import type { Scene } from '../plan/scene.ts';
import { Asked } from './asked.ts';
import { Grounds } from './grounds.ts';
import { isKeyed, KeyedCalls } from './keyed-calls.ts';
import { Lives } from './lives.ts';
import { Owners } from './owners.ts';
import { Ledgers } from './runs/ledgers.ts';
import { Vaults } from './vaults.ts';

export interface ActorTruth {
  readonly id: ActorId;
  readonly birth: number;
  readonly scope: string;
  epoch: number;
  node: Incarnation;
  log: LogName;
  /** Every turn replayed, never trimmed. */
  readonly memory: Memory;
  /** The user state: ids of the programs that took effect, in order. */
  readonly ids: string[];
  readonly turns: Map<string, TurnTruth>;
  /** All letters ever sent, by receiver; the number of one is its index + 1. */
  readonly letters: Map<ActorId, OutboxLetter[]>;
  /** By receiver: letters up to this number were withdrawn, as far as they were not taken. */
  readonly withdrawn: Map<ActorId, number>;
  /** How many of `ids` were acknowledged to somebody. */
  acknowledged: number;
  releasedEpoch: number;
  /** Epoch of its last turn. */
  lastEpoch: number;
  /** One of its name was destroyed before it. */
  readonly heir: boolean;
  /** When its end became durable, in virtual time. */
  endedAt: number | undefined;
  /** By birth, what those of its name had sent that were destroyed before it. */
  readonly sentBefore: ReadonlyMap<number, Sent>;
  /** By birth, their states. */
  readonly idsBefore: ReadonlyMap<number, readonly string[]>;
}

type Sent = Pick<ActorTruth, 'letters' | 'withdrawn'>;

export interface TurnTruth {
  readonly seq: number;
  readonly epoch: number;
  readonly outcome: Outcome;
  /** Virtual time. */
  readonly at: number;
  /** Nights before it was decided. */
  readonly nights: number;
  /** How long `ids` was after it. */
  readonly length: number;
}

export interface TaskTruth {
  readonly task: TaskId;
  readonly tenant: TenantName;
  readonly name: string;
  readonly run: { readonly run: string; readonly block: string } | undefined;
  readonly input: Uint8Array;
  readonly gang?: { readonly id: string; readonly policy: GangPolicy };
  readonly queue?: string;
  attempt: number;
  node: Incarnation | undefined;
  ended: Outcome | undefined;
}

/** So long may an append, or its process, stand still: what it appends was decided before. */
const standstillMsMax = 10_000;

export class Truth {
  /** Follows the journal without ever being restored. */
  readonly follower: SchedulerMachine;
  readonly actors = new Map<ActorId, ActorTruth>();
  readonly tasks = new Map<TaskId, TaskTruth>();
  /** The latest of the usual tenant. */
  configVersion = 0;
  readonly ledgers: Ledgers;
  readonly grounds: Grounds;
  readonly asked = new Asked();
  readonly keyed = new KeyedCalls();
  /** What became of actors, and which topics are to be told. */
  readonly lives = new Lives();
  readonly owners: Owners;
  /** Of the scope that goes back in time; of its actors nothing else is known here. */
  readonly vaults = new Vaults();
  readonly weights = new Map<TenantName, number>();
  readonly priorities = new Map<TenantName, PriorityName>();
  /** By process that leads or led: its monotonic time when its last term began. */
  readonly ledSince = new Map<string, number>();
  /** The same in virtual time. */
  readonly ledFrom = new Map<string, number>();
  /** So many measures are given up under pressure. */
  givenUp = 0;
  /** Actors that are wished elsewhere, under which epoch. */
  readonly wished = new Map<ActorId, number>();
  /** Nights in which every host was suspended, longer than sessions are remembered. */
  nights = 0;
  #morningAt = Number.NEGATIVE_INFINITY;
  readonly #births = new Map<ActorId, { birth: number; scope: string }>();

  /** Virtual time. */
  readonly config: SchedulerConfig;
  readonly now: () => number;

  constructor(
    config: SchedulerConfig,
    now: () => number,
    manifests = new Manifests([]),
    scene?: Scene,
  ) {
    this.config = config;
    this.now = now;
    this.ledgers = new Ledgers(manifests);
    this.grounds = new Grounds(manifests, scene);
    this.owners = new Owners(now);
    this.follower = new SchedulerMachine(config);
  }

  /** Nights that were over when whatever happens now was decided. */
  get nightsBefore(): number {
    const lately = this.now() - this.#morningAt <= standstillMsMax;
    return lately ? this.nights - 1 : this.nights;
  }

  /** Every host was suspended for a night. */
  night(): void {
    this.nights += 1;
    this.#morningAt = this.now();
  }

  journal(fact: SchedulerFact, position: number): void {
    this.ledgers.apply(fact);
    this.follower.apply(fact);
    this.grounds.apply(fact);
    this.vaults.journal(fact, position);
    this.lives.journal(fact, position);
    this.owners.journal(fact, position);
    switch (fact.kind) {
      case 'node-dying':
        this.keyed.dead.add(fact.incarnation);
        return;
      case 'config-put':
        this.configVersion = fact.version;
        return;
      case 'actor-created':
        this.#births.set(fact.actor, { birth: position, scope: fact.scope });
        return;
      case 'actor-migrating':
        this.wished.set(fact.actor, fact.epoch);
        return;
      case 'actor-destroyed':
        this.wished.delete(fact.actor);
        return;
      case 'actor-placed':
        this.wished.delete(fact.actor);
        return this.#placed(fact.actor, fact.node, position);
      case 'measures-given-up':
        this.givenUp = fact.count;
        return;
      case 'tenant-put':
        this.weights.set(fact.tenant, fact.weight);
        if (fact.priority !== undefined) this.priorities.set(fact.tenant, fact.priority);
        return;
      case 'task-submitted': {
        const { task, tenant, name, run, input, gang, queue } = fact;
        const fresh = { attempt: 0, node: undefined, ended: undefined };
        const wishes = {
          ...(gang === undefined ? {} : { gang }),
          ...(queue === undefined ? {} : { queue }),
        };
        this.tasks.set(task, { task, tenant, name, run, input, ...wishes, ...fresh });
        return;
      }
      case 'task-started': {
        const task = this.tasks.get(fact.task);
        if (task === undefined) return;
        task.attempt = fact.attempt;
        task.node = fact.node;
        return;
      }
      case 'task-preempted':
      case 'task-retried': {
        const task = this.tasks.get(fact.task);
        if (task !== undefined) task.node = undefined;
        return;
      }
      case 'task-ended': {
        const task = this.tasks.get(fact.task);
        if (task !== undefined) task.ended = fact.outcome;
        return;
      }
      default:
    }
  }

  /** What this birth of an actor has sent to another one, in order. */
  lettersOf(from: ActorId, birth: number, to: ActorId): readonly OutboxLetter[] {
    return this.#sentBy(from, birth)?.letters.get(to) ?? [];
  }

  /** Up to which letter the receiver need not have what this birth of an actor has sent to it. */
  withdrawnFrom(from: ActorId, birth: number, to: ActorId): number {
    return this.#sentBy(from, birth)?.withdrawn.get(to) ?? 0;
  }

  /** Letters to a receiver up to this number are not waited for: taken, or withdrawn. */
  settled(sender: ActorTruth, to: ActorId): number {
    const taken = this.actors.get(to)?.memory.recv.get(`${sender.id}#${sender.birth}`) ?? 0;
    return Math.max(taken, sender.withdrawn.get(to) ?? 0);
  }

  /** The states of this birth of an actor and of those after it. */
  *statesSince(id: ActorId, birth: number): Iterable<readonly string[]> {
    const actor = this.actors.get(id);
    for (const [born, ids] of actor?.idsBefore ?? []) if (born >= birth) yield ids;
    yield actor?.ids ?? [];
  }

  /** Its node says that it acts there no more. */
  released({ actors }: Released): void {
    for (const { actor: id, epoch } of actors) {
      const actor = this.actors.get(id);
      if (actor !== undefined) actor.releasedEpoch = epoch;
    }
  }

  /** Throws when the fact does not follow the actor's history. */
  turn(fact: NodeFact): void {
    if (fact.kind === 'barrier') return;
    const actor = this.actors.get(fact.actor);
    if (actor === undefined) return;
    if (fact.kind === 'actor-ended') actor.endedAt ??= this.now();
    const { begun } = actor.memory;
    const delta = replay(actor.memory, actor.id, fact, this.now());
    if (fact.kind === 'signalled' || fact.kind === 'letter-discarded') {
      actor.turns.set(causeKey(fact.cause), {
        seq: actor.memory.seq,
        epoch: fact.epoch,
        outcome: { ok: true, value: encodeValue(null) },
        at: this.now(),
        nights: this.nightsBefore,
        length: actor.ids.length,
      });
    }
    if (fact.kind === 'actor-ended' && begun !== undefined) {
      // The turn that had begun comes to its end with its actor.
      const reason = failure('USER_ERROR', `${actor.id} was destroyed under it`);
      const outcome: Outcome = { ok: false, failure: reason };
      this.#keyedTurn(actor, begun.cause, outcome);
      this.#note(actor, begun.cause, { seq: fact.seq, epoch: fact.epoch, outcome });
    }
    if (fact.kind === 'turn-begun') this.#keyedTurn(actor, fact.cause, undefined);
    if (fact.kind !== 'turn') return;
    this.#keyedTurn(actor, fact.cause, fact.outcome);
    const id = delta === undefined || isTopic(actor.id) ? undefined : idIn(delta);
    if (id !== undefined) actor.ids.push(id);
    const { seq, epoch, outcome, letters, withdrawn = [] } = fact;
    actor.lastEpoch = epoch;
    // A letter that is tried again is not taken.
    if (fact.letterEnd?.kind !== 'again') this.#note(actor, fact.cause, { seq, epoch, outcome });
    for (const to of withdrawn) actor.withdrawn.set(to, actor.letters.get(to)?.length ?? 0);
    for (const letter of letters) {
      const sent = actor.letters.get(letter.to) ?? [];
      sent.push(letter);
      actor.letters.set(letter.to, sent);
    }
  }

  #sentBy(from: ActorId, birth: number): Sent | undefined {
    const sender = this.actors.get(from);
    return sender?.birth === birth ? sender : sender?.sentBefore.get(birth);
  }

  #keyedTurn(
    { id, node }: ActorTruth,
    cause: TurnCause | UpgradeCause,
    outcome: Outcome | undefined,
  ): void {
    if (!isKeyed(cause)) return;
    const { print } = cause;
    const [at, nights] = [this.now(), this.nightsBefore];
    this.keyed.turned(id, cause, { print, node, at, nights, outcome });
  }

  #note(
    actor: ActorTruth,
    cause: TurnCause | UpgradeCause,
    turn: Pick<TurnTruth, 'seq' | 'epoch' | 'outcome'>,
  ): void {
    actor.turns.set(causeKey(cause), {
      ...turn,
      at: this.now(),
      nights: this.nightsBefore,
      length: actor.ids.length,
    });
  }

  #placed(id: ActorId, node: Incarnation, epoch: number): void {
    const known = this.actors.get(id);
    const log = turnLogName(node);
    const born = this.#births.get(id);
    if (known !== undefined && known.birth === born?.birth) {
      known.epoch = epoch;
      known.node = node;
      known.log = log;
      return;
    }
    if (born === undefined) return;
    // What was received and answered under the name is known to the next one.
    const memory = known === undefined ? freshMemory() : remainsOf(known.memory, this.now());
    this.actors.set(id, {
      id,
      ...born,
      epoch,
      node,
      log,
      memory,
      ids: [],
      // Timers are numbered anew by each birth.
      turns: new Map([...(known?.turns ?? [])].filter(([cause]) => !cause.startsWith('timer:'))),
      letters: new Map(),
      withdrawn: new Map(),
      heir: known !== undefined,
      endedAt: undefined,
      sentBefore: new Map([
        ...(known?.sentBefore ?? []),
        ...(known === undefined
          ? []
          : [[known.birth, { letters: known.letters, withdrawn: known.withdrawn }] as const]),
      ]),
      idsBefore: new Map([
        ...(known?.idsBefore ?? []),
        ...(known === undefined ? [] : [[known.birth, known.ids] as const]),
      ]),
      acknowledged: 0,
      releasedEpoch: -1,
      lastEpoch: -1,
    });
  }
}

export function causeKey(cause: TurnCause | UpgradeCause): string {
  switch (cause.kind) {
    case 'call':
      return `${cause.session}:${cause.number}`;
    case 'letter':
      return `${cause.from}#${cause.fromBirth}:${cause.number}`;
    case 'timer':
      return `timer:${cause.number}.${cause.firing}`;
    case 'upgrade':
      return `upgrade:${cause.at}`;
  }
}

export function sameOutcome(left: Outcome, right: Outcome): boolean {
  if (left.ok !== right.ok) return false;
  if (left.ok && right.ok) return sameBytes(left.value, right.value);
  return !left.ok && !right.ok && left.failure.code === right.failure.code;
}

/** How often the letter that this turn is of has failed before: the same each time, as a cause is not. */
export function failedBefore(
  truth: Truth,
  { actor, cause }: { readonly actor: ActorId; readonly cause: TurnCause | UpgradeCause },
): number {
  if (cause.kind !== 'letter') return 0;
  const sender = `${cause.from}#${cause.fromBirth}`;
  return truth.actors.get(actor)?.memory.letters.attempts(sender, cause.number) ?? 0;
}
