/**
 * The body of a checkpoint: an actor's memory and its user state at one durable turn, addressed by
 * (actor, epoch, seq), and the place in a turn log from which its later facts may follow.
 *
 * A **rest** holds the state as deltas on top of the whole checkpoint before it in the store. It is
 * written when an actor is handed over, and never on top of another rest.
 */
import {
  type Abandoned,
  type ActorId,
  type Bytes,
  type ChainLink,
  type CheckpointMade,
  decode,
  encode,
  type LogName,
  troupeError,
} from '@troupe/model';
import type { NodeFact } from './facts.ts';
import { type Memory, memoryFrom, type StoredMemory, storeMemory } from './memory.ts';
import type { StoredPast } from './past.ts';
import type { Versions } from './versions.ts';

/** Facts of the actor at or before `position` of `log` are in the checkpoint. */
export interface CheckpointFloor {
  readonly log: LogName;
  readonly position: number;
}

export interface CheckpointHead {
  readonly actor: ActorId;
  readonly birth: number;
  readonly epoch: number;
  readonly seq: number;
  readonly floor: CheckpointFloor;
  /** The past of earlier epochs than this one was given up: its scope went back in time, or it was destroyed.
   *  Absent where it never was, and from older nodes. */
  readonly backAt?: number;
}

/** 1 held times of day. */
const wholeFormat = 2 as const;
/** A version that knows no rests must not take one for a checkpoint without a state. */
const restFormat = 3 as const;

interface Body extends CheckpointHead {
  /** Wall-clock ms when it was made, for people. */
  readonly at: number;
  readonly memory: StoredMemory;
  /** Where the turns before it are; absent from older nodes. */
  readonly past?: StoredPast;
  /** Of a segment, and of a rest: how the actor came here from the segment before. */
  readonly facts?: readonly NodeFact[];
  /** For people; absent from older nodes, and from segments. */
  readonly made?: CheckpointMade;
  /** Those that were kept when it was written. */
  readonly versions?: Versions;
  /** Turns that its scope went back behind; none of older nodes. */
  readonly abandoned?: Abandoned;
}

type More = Pick<Body, 'past' | 'facts' | 'made' | 'versions' | 'abandoned'>;

interface WholeBody extends Body {
  readonly format: typeof wholeFormat;
  readonly state: Bytes;
}

interface RestBody extends Body {
  readonly format: typeof restFormat;
  readonly deltas: readonly Bytes[];
}

interface At {
  readonly now: number;
  readonly wall: number;
}

export function encodeCheckpoint(
  head: CheckpointHead,
  memory: Memory,
  state: Bytes,
  at: At,
  more: More = {},
): Bytes {
  const stored = storeMemory(memory, at.now);
  const body = { format: wholeFormat, ...head, at: at.wall, memory: stored, state, ...more };
  return encode(body satisfies WholeBody);
}

/** `deltas` lead from the whole checkpoint in the store to the state at this turn. */
export function encodeRest(
  head: CheckpointHead,
  memory: Memory,
  deltas: readonly Bytes[],
  at: At,
  more: More = {},
): Bytes {
  const stored = storeMemory(memory, at.now);
  const body = { format: restFormat, ...head, at: at.wall, memory: stored, deltas, ...more };
  return encode(body satisfies RestBody);
}

/** The state is `state` and then `deltas`. `base` is what a rest lies on. */
export function decodeCheckpoint(
  bytes: Bytes,
  now: number,
  base?: Bytes,
): {
  head: CheckpointHead;
  memory: Memory;
  state: Bytes;
  deltas: readonly Bytes[];
  past: StoredPast | undefined;
  facts: readonly NodeFact[];
  versions: Versions;
  abandoned: Abandoned;
  at: number;
  isRest: boolean;
} {
  const body = decodeBody(bytes);
  const memory = memoryFrom(body.memory, now);
  const { past, facts = [], versions = [], abandoned = [], at } = body;
  const isRest = body.format !== wholeFormat;
  const more = { head: body, memory, past, facts, versions, abandoned, at, isRest };
  if (body.format === wholeFormat) return { ...more, state: body.state, deltas: [] };
  const whole = base === undefined ? undefined : decodeBody(base);
  if (whole?.format !== wholeFormat || whole.actor !== body.actor || whole.seq > body.seq) {
    const text = `the checkpoint of ${body.actor} at turn ${body.seq} lies on one that is not there`;
    throw troupeError('LOG_CORRUPT', text, { actor: body.actor });
  }
  return { ...more, state: whole.state, deltas: body.deltas };
}

/** Who, when and where: all that a store needs to choose between two checkpoints. */
export function checkpointHead(bytes: Bytes): CheckpointHead {
  const { actor, birth, epoch, seq, floor, backAt } = decodeBody(bytes);
  const head = { actor, birth, epoch, seq, floor };
  return backAt === undefined ? head : { ...head, backAt };
}

/** The state of a whole checkpoint; none of what is damaged, a rest, or holds none. */
export function wholeStateOf(bytes: Bytes): Bytes | undefined {
  try {
    const body = decodeBody(bytes);
    return body.format === wholeFormat && body.state.length > 0 ? body.state : undefined;
  } catch {
    // Whoever is brought back by it will be told so.
    return undefined;
  }
}

/** From where its own log is read on: after `after`, or after what a checkpoint of this placement holds. */
export function readOnFrom(after: number, own: CheckpointHead | undefined): number {
  return Math.max(own?.floor.position ?? 0, after) + 1;
}

/** What of a chain lies beyond the checkpoint. An actor that came back to a node has facts of two
 *  placements in one log, and those of another one between them: its epoch tells what it covers. */
export function stretchesOf(
  chain: readonly ChainLink[],
  head: CheckpointHead | undefined,
): readonly ChainLink[] {
  if (head === undefined) return chain;
  const { epoch, floor } = head;
  const first = chain.findIndex((link) =>
    link.epoch === undefined ? link.log === floor.log : link.epoch >= epoch,
  );
  // Of a chain without epochs, which older leaders wrote, nothing is known to be covered.
  const covered = first < 0 && chain.every((link) => link.epoch !== undefined);
  if (covered) return [];
  return chain
    .slice(Math.max(first, 0))
    .map((link) =>
      link.log === floor.log ? { ...link, from: Math.max(link.from, floor.position + 1) } : link,
    )
    .filter((link) => link.from <= link.to);
}

/** Whether an older version leads to all that the actor has done: its facts follow on the chain, or it was written
 *  under this placement. What lies between an epoch and a chain that begins later, nobody can tell; and no fact
 *  says that the actor went back in time. */
export function reaches(
  order: {
    readonly epoch: number;
    readonly chain: readonly ChainLink[];
    readonly backAt?: number;
  },
  head: CheckpointHead,
): boolean {
  if (head.epoch < (order.backAt ?? 0)) return false;
  return head.epoch === order.epoch || order.chain.some((link) => link.epoch === head.epoch);
}

/** True when `left` stands for a later moment than `right`. */
export function checkpointIsNewer(left: CheckpointHead, right: CheckpointHead): boolean {
  return left.epoch > right.epoch || (left.epoch === right.epoch && left.seq > right.seq);
}

/** Whether no actor can have come by both: a checkpoint is of durable turns, and whoever has an actor under a later
 *  epoch has read all that was durable under the earlier ones. Its turn numbers fall only where its past was given up. */
export function claimOnePast(one: CheckpointHead, other: CheckpointHead): boolean {
  const [earlier, later] = one.epoch < other.epoch ? [one, other] : [other, one];
  if (earlier.epoch === later.epoch || earlier.birth !== later.birth) return false;
  return earlier.seq > later.seq && earlier.epoch >= (later.backAt ?? 0);
}

function decodeBody(bytes: Bytes): WholeBody | RestBody {
  let body: WholeBody | RestBody;
  try {
    body = decode<WholeBody | RestBody>(bytes);
  } catch (cause) {
    throw troupeError('LOG_CORRUPT', 'a checkpoint could not be decoded', {}, cause);
  }
  if (body.format === wholeFormat || body.format === restFormat) return body;
  const { actor, format } = body as { actor: ActorId; format: unknown };
  const text = `a checkpoint of ${actor} has format ${String(format)}, which is not known here`;
  throw troupeError('LOG_CORRUPT', `${text}: another version of Troupe wrote it`);
}
