/**
 * The body of a checkpoint: an actor's memory and its user state at one durable turn, addressed by
 * (actor, epoch, seq), and the place in a turn log from which its later facts may follow.
 */
import { type ActorId, type Bytes, decode, encode, type LogName, troupeError } from '@troupe/model';
import type { NodeFact } from './facts.ts';
import { type Memory, memoryFrom, type StoredMemory, storeMemory } from './memory.ts';
import type { StoredPast } from './past.ts';

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
}

/** 1 held times of day. */
const format = 2;

interface Body extends CheckpointHead {
  readonly format: typeof format;
  /** Wall-clock ms when it was made, for people. */
  readonly at: number;
  readonly memory: StoredMemory;
  readonly state: Bytes;
  /** Where the turns before it are; absent from older nodes. */
  readonly past?: StoredPast;
  /** Of a segment: how the actor came here from the segment before. */
  readonly facts?: readonly NodeFact[];
}

export function encodeCheckpoint(
  head: CheckpointHead,
  memory: Memory,
  state: Bytes,
  at: { readonly now: number; readonly wall: number },
  more: Pick<Body, 'past' | 'facts'> = {},
): Bytes {
  const stored = storeMemory(memory, at.now);
  const body: Body = { format, ...head, at: at.wall, memory: stored, state, ...more };
  return encode(body);
}

export function decodeCheckpoint(
  bytes: Bytes,
  now: number,
): {
  head: CheckpointHead;
  memory: Memory;
  state: Bytes;
  past: StoredPast | undefined;
  facts: readonly NodeFact[];
} {
  const body = decodeBody(bytes);
  const { state, past, facts = [] } = body;
  return { head: body, memory: memoryFrom(body.memory, now), state, past, facts };
}

/** Who, when and where: all that a store needs to choose between two checkpoints. */
export function checkpointHead(bytes: Bytes): CheckpointHead {
  const { actor, birth, epoch, seq, floor } = decodeBody(bytes);
  return { actor, birth, epoch, seq, floor };
}

export function checkpointFloor(bytes: Bytes): CheckpointFloor {
  return decodeBody(bytes).floor;
}

/** True when `left` stands for a later moment than `right`. */
export function checkpointIsNewer(left: CheckpointHead, right: CheckpointHead): boolean {
  return left.epoch > right.epoch || (left.epoch === right.epoch && left.seq > right.seq);
}

function decodeBody(bytes: Bytes): Body {
  let body: Body;
  try {
    body = decode<Body>(bytes);
  } catch (cause) {
    throw troupeError('LOG_CORRUPT', 'a checkpoint could not be decoded', {}, cause);
  }
  if (body.format !== format) {
    const text = `a checkpoint of ${body.actor} has format ${String(body.format)}, not ${format}`;
    throw troupeError('LOG_CORRUPT', `${text}: another version of Troupe wrote it`);
  }
  return body;
}
