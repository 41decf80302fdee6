/**
 * An actor placed on this node, whether or not it is in memory, and the turns it is about to run.
 */
import {
  type Abandoned,
  type ActorId,
  type ActorWish,
  type Address,
  actorParts,
  type BundleHash,
  type Bytes,
  type Call,
  type ChainLink,
  type CheckpointCause,
  type ConfigVersion,
  type FromRunner,
  type Letter,
  type LetterTries,
  type Place,
  type PriorityName,
  type Recorded,
  type SessionId,
  type TenantName,
  type VectorClock,
} from '@troupe/model';
import type { Alarm } from './alarms.ts';
import type { RunnerId } from './events.ts';
import type { TurnCause } from './facts.ts';
import type { DeadSummary } from './letter-book.ts';
import { type Memory, unheard } from './memory.ts';
import type { Past } from './past.ts';
import { SparseMap, SparseSet } from './sparse.ts';
import type { Placed } from './state-code.ts';
import type { Trial } from './trials.ts';
import type { Versions } from './versions.ts';

/** Something the actor shall do. */
export interface Input {
  readonly cause: TurnCause;
  readonly method: string;
  readonly read: boolean;
  readonly args: Bytes;
  readonly path: readonly ActorId[];
  readonly clock: VectorClock | undefined;
  /** Monotonic ms of this node until which a call may begin its turn, once its actor is paused. */
  readonly until?: number;
  /** Of a letter, when its sender said so. */
  readonly tries?: LetterTries;
  /** Number of the dead letter that it delivers anew. */
  readonly redelivers?: number;
  /** Of its letter. */
  readonly idempotencyKey?: string;
  /** Normal when absent. A letter before a more urgent one of its sender becomes as urgent. */
  priority?: PriorityName | undefined;
  /** How many have been put before it. */
  overtaken?: number;
  /** Where the answer goes; a resend may change it. Undefined: nobody waits any more. */
  replyTo: Address | undefined;
  /** Runners that crashed under it while it was alone. */
  crashes: number;
  cancelled: boolean;
  /** Who waits for what it yields, from which position on; absent when nobody takes any. */
  takers?: Map<Address, number>;
}

type StepBegun = Pick<Extract<FromRunner, { kind: 'step-begin' }>, 'ordinal' | 'name' | 'undo'>;

/** An input that its runner has. */
export interface Turn {
  readonly work: number;
  readonly activation: Activation;
  readonly input: Input;
  readonly read: boolean;
  recorded: Recorded[];
  /** Steps that have begun there and have not ended, by ordinal; undefined where nobody knows: of a turn that runs again,
   *  until it begins one. */
  atWork: Map<number, StepBegun> | undefined;
  /** Monotonic ms at which it was first in line at its runner. */
  startedAt: number;
  limitMs: number;
  /** Its runner was killed since it went on beyond its limit. */
  overdue: boolean;
  /** What it sees. */
  readonly config: ConfigVersion;
}

/**
 * cold: known, not in memory. restoring: being read back. starting: its runner builds the state.
 * live: takes turns. releasing: finishes what the runner has, then goes elsewhere. ending: was destroyed,
 * its letters are on their way, or its tombstone. held, returning: its scope goes back in time (rewinds.ts).
 */
export type Phase =
  | 'cold'
  | 'restoring'
  | 'starting'
  | 'live'
  | 'held'
  | 'returning'
  | 'releasing'
  | 'released'
  | 'ending';

export interface Activation {
  readonly id: ActorId;
  readonly tenant: TenantName;
  readonly birth: number;
  readonly epoch: number;
  readonly scope: string;
  /** Its code: what its state was made by, see state-code.ts. */
  bundle: BundleHash;
  readonly placed: Placed;
  /** What stands in the store may be the tombstone of the one before it. */
  readonly heir: boolean;
  /** Epoch under which its former node released it, when nothing can have been written of it since. */
  readonly follows: number | undefined;
  /** Key of its first state, for as long as it has no checkpoint of its own. */
  seed: string | undefined;
  /** Version of the configuration that it must see at least. */
  readonly config: number;
  /** What its begun turn sees: that version, or the latest where it is not kept. */
  begunConfig: (ConfigVersion & { readonly asked: number }) | undefined;
  /** The latest that was heard of. */
  wish: ActorWish;
  /** Likewise, about going back in time. `back`: it is to go back under this epoch; or a checkpoint of
   *  what it was is stored, and the leader does not know. */
  rewind: {
    at: number;
    held: boolean;
    readonly incarnation: number;
    back: 'due' | 'stored' | undefined;
  };
  /** Emptied once a checkpoint of this epoch is stored. */
  chain: readonly ChainLink[];
  phase: Phase;
  runner: RunnerId | undefined;
  /** Its runner was given its state, and has not said that it has it. */
  starts: boolean;
  /** The runner that it is not to be at again, if there is another one. */
  avoids: RunnerId | undefined;
  /** Undefined until it was restored for the first time. */
  memory: Memory | undefined;
  /** Its turns, as far as they are kept: there when its memory is. */
  past: Past | undefined;
  /** User state to build: that of the whole checkpoint of revision `of`, then deltas. Dropped when the runner
   *  has it. */
  building:
    | { readonly state: Bytes | undefined; readonly deltas: readonly Bytes[]; readonly of?: number }
    | undefined;
  /** Arrived before it was live; taken in order when it is. */
  readonly waiting: (Call | Letter)[];
  readonly mailbox: Input[];
  /** There may be reads in the mailbox. */
  readsWait: boolean;
  /** Calls under way here, queued or running, by session and number. */
  readonly open: SparseMap<SessionId, Map<number, Input>>;
  readonly dispatched: Turn[];
  /** Its runner was asked for the turns that have not begun. */
  recalling: boolean;
  /** The begun turn, when it waits for a signal and no runner has it. */
  parked: Input | undefined;
  /** Since when the waits of a begun turn last, while the actor is not in memory. */
  left: { readonly seq: number; readonly since: ReadonlyMap<number, number> } | undefined;
  readonly reads: SparseSet<Turn>;
  /** What is set for the waits of its begun turn, by purpose and ordinal. */
  readonly waitAlarms: SparseMap<string, Alarm>;
  /** Calls refused for want of room, by `session|number`, until when: the oldest first. */
  readonly turnedAway: SparseMap<string, number>;
  /** Highest letter number taken into the mailbox, by `sender#birth`. */
  readonly queuedLetters: SparseMap<string, number>;
  /** What of it is tried apart, since its runner crashed. */
  trial: Trial | undefined;
  /** Crashes since then that it was under and that nobody could be blamed for. */
  suspected: number;
  /** Runners that crashed while they did nothing but bring it into memory. */
  startCrashes: number;
  /** Firings taken into the mailbox, by the number of their timer. */
  readonly queuedTimers: SparseMap<number, number>;
  /** Firings that are due and wait until it is live, likewise. */
  readonly dueTimers: SparseMap<number, number>;
  checkpoint: {
    /** Revision in the store that the next put must expect. */
    revision: number;
    underWay: 'capture' | 'put' | undefined;
    turnsBehind: number;
    bytesBehind: number;
    /** Position of the own log before which no fact is missing in the checkpoint. */
    dirtyFrom: number | undefined;
    dirtySince: number;
    /** What `dirtyFrom` was for the put under way. */
    putFrom: number | undefined;
    /** Letters that it holds, or that were read back. */
    letters: number;
    /** Whether it says that the begun turn is parked. */
    parked: boolean;
    /** Of the one that was put or read back last. */
    bytes: number;
    /** What stands in the store is a rest, on top of a whole one. */
    isRest: boolean;
    /** The put under way is one. */
    putIsRest: boolean;
    /** Of the rest that was put last while the actor is about to leave, and what that lies on. */
    rest: { readonly body: Bytes; readonly on: number } | undefined;
    /** The actor is about to leave: what it changes beyond the checkpoint is kept at hand. */
    collecting: boolean;
    /** Why the one under way is written, and since when: monotonic ms. */
    cause: CheckpointCause;
    begunAt: number;
    /** Wall-clock ms of the put under way, and its turn. */
    putAt: number;
    putTurn: number;
    /** Those that are kept. */
    versions: Versions;
    /** Turns that its scope went back behind. */
    abandoned: Abandoned;
    /** The one that stands in the store cannot be read: another one is to be written. */
    damaged: boolean;
    /** Deltas beyond the whole checkpoint that was captured last; undefined: not all are at hand. */
    since: { readonly deltas: Bytes[]; bytes: number } | undefined;
  };
  /** Position of the own log before which this actor has no facts. */
  ownFrom: number;
  /** It was live here: there may be facts of it in the own log. */
  lived: boolean;
  /** Revision of the checkpoint that was known when it was last asked to be read back. */
  restoredFrom: number;
  /** While it is read back: since when, in monotonic ms and in those that its node was awake, and where that is. */
  restoring: { readonly since: number; readonly awakeAt: number; at: string };
  /** It left memory with nothing to do, here or where it was released, and was not in it since. */
  asleep: boolean;
  /** It is read back for no other reason than that its node has died: to see whether it has anything to do. */
  isLookedAt: boolean;
  /** Its dead letters, when it has left memory here; undefined when that is not known. */
  deadWhenLeft: DeadSummary | undefined;
}

/** What its messages to others of its scope carry. */
export function incarnationOf({ rewind }: Activation): { readonly incarnation?: number } {
  return rewind.incarnation === 0 ? {} : { incarnation: rewind.incarnation };
}

export function activationOf(place: Place, ownFrom: number, now: number): Activation {
  return {
    id: place.actor,
    tenant: actorParts(place.actor).tenant,
    birth: place.birth,
    epoch: place.epoch,
    scope: place.scope,
    bundle: place.bundle,
    placed: { version: 1, at: 0, ...place.code, bundle: place.bundle },
    heir: place.heir === true,
    follows: place.follows,
    seed: place.seed,
    config: place.config ?? 0,
    begunConfig: undefined,
    wish: place.wish ?? { kind: 'live', at: 0 },
    rewind: {
      at: place.rewind?.at ?? 0,
      held: place.rewind?.held === true,
      incarnation: place.rewind?.incarnation ?? 0,
      back: place.rewind?.back === true ? 'due' : undefined,
    },
    chain: place.chain,
    phase: 'cold',
    runner: undefined,
    starts: false,
    avoids: undefined,
    memory: undefined,
    past: undefined,
    building: undefined,
    waiting: [],
    mailbox: [],
    readsWait: false,
    open: new SparseMap(),
    dispatched: [],
    recalling: false,
    parked: undefined,
    left: undefined,
    reads: new SparseSet(),
    waitAlarms: new SparseMap(),
    turnedAway: new SparseMap(),
    queuedLetters: new SparseMap(),
    trial: undefined,
    suspected: 0,
    startCrashes: 0,
    queuedTimers: new SparseMap(),
    dueTimers: new SparseMap(),
    checkpoint: {
      revision: 0,
      underWay: undefined,
      turnsBehind: 0,
      bytesBehind: 0,
      dirtyFrom: undefined,
      dirtySince: now,
      putFrom: undefined,
      letters: 0,
      parked: false,
      bytes: 0,
      isRest: false,
      putIsRest: false,
      rest: undefined,
      collecting: false,
      cause: 'turns',
      begunAt: now,
      putAt: 0,
      putTurn: 0,
      versions: [],
      abandoned: [],
      damaged: false,
      since: undefined,
    },
    ownFrom,
    lived: false,
    restoredFrom: 0,
    restoring: { since: now, awakeAt: 0, at: '' },
    asleep: sleeps(place),
    isLookedAt: false,
    deadWhenLeft: undefined,
  };
}

/** Nobody wants anything of it where it is placed, and it wanted nothing when it was released. */
function sleeps({ asleep, chain, seed, wish, rewind, upgrade, leave }: Place): boolean {
  if (asleep !== true || chain.length > 0 || seed !== undefined) return false;
  return [wish, rewind, upgrade, leave].every((one) => one === undefined);
}

/** Whether it may have something to do that nobody asks it for. */
export function mayHaveToDo({ asleep, memory, waiting, dueTimers, wish }: Activation): boolean {
  if (waiting.length > 0 || dueTimers.size > 0 || wish.kind === 'ending') return true;
  if (memory === undefined) return !asleep;
  return memory.begun !== undefined || unheard(memory) > 0;
}

/** It is idle, and takes as little room as it can. */
export function rest(activation: Activation): void {
  const { open, reads, waitAlarms, turnedAway, dueTimers } = activation;
  for (const each of [open, reads, waitAlarms, turnedAway, dueTimers]) each.rest();
  activation.queuedLetters.clear();
  activation.queuedTimers.clear();
  // An array that was emptied one by one keeps its room.
  for (const each of [activation.mailbox, activation.waiting, activation.dispatched]) {
    if (each.length === 0) each.length = 0;
  }
}

/** Actors in one message to the leader: the bus carries it however long their names are. */
const toldMax = 256;

/** Actors and their epochs, as many to a message as it may hold. */
export function inMessages(
  activations: readonly Activation[],
): readonly (readonly { readonly actor: ActorId; readonly epoch: number }[])[] {
  const messages = [];
  for (let from = 0; from < activations.length; from += toldMax) {
    const some = activations.slice(from, from + toldMax);
    messages.push(some.map(({ id, epoch }) => ({ actor: id, epoch })));
  }
  return messages;
}

/** Stable over failovers: prefix of effect ids. A letter that has failed before is another effect, since what
 *  it did was undone, or stands. */
export function callIdOf(actor: ActorId, birth: number, cause: TurnCause, failed = 0): string {
  switch (cause.kind) {
    case 'call':
      return `${actor}#${birth}/${cause.session}:${cause.number}`;
    case 'letter':
      return `${actor}#${birth}/${letterKey(cause)}${failed === 0 ? '' : `~${failed}`}`;
    case 'timer':
      return `${actor}#${birth}/timer:${cause.number}.${cause.firing}`;
  }
}

function letterKey({ from, fromBirth, number }: Extract<TurnCause, { kind: 'letter' }>): string {
  return `${from}#${fromBirth}:${number}`;
}
