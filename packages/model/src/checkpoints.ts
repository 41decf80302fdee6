/**
 * Checkpoints as things with names: what a stored one says of itself, to whoever lists, shows or copies it.
 * The whole of it is the business of the node; see `worker-node/core/src/checkpoint.ts`.
 */
import type { Abandoned } from './abandoned.ts';
import type { VectorClock } from './clock.ts';
import { decode, decodeValue, encode, undefinedBytes } from './codec.ts';
import { type Failure, troupeError } from './errors.ts';
import type { ActorId, Bytes } from './ids.ts';
import { applyDelta, type Change } from './state-change.ts';
import type { CodeVersion } from './upgrades.ts';

/** Why it was written. */
export type CheckpointCause =
  /** After so many turns. */
  | 'turns'
  /** It was dirty for so long. */
  | 'time'
  /** The turn log held too much beyond its checkpoints. */
  | 'log'
  /** Its actor left memory. */
  | 'idle'
  /** The first one after another node had the actor. */
  | 'takeover'
  /** Its actor was about to leave its node. */
  | 'handover'
  /** A turn waits for long. */
  | 'wait'
  /** Its scope went back in time. */
  | 'rewind'
  /** The actor was made from another checkpoint. */
  | 'fork'
  /** The last one was damaged. */
  | 'repair';

/** What stands in it, for people. */
export interface CheckpointMade {
  readonly cause: CheckpointCause;
  /** From asking the runner for the state to handing it to the store. */
  readonly tookMs: number;
  /** The code that the state is of. */
  readonly code: CodeVersion;
}

export interface CheckpointContents {
  readonly actor: ActorId;
  readonly birth: number;
  readonly epoch: number;
  /** Number of the last turn in it. */
  readonly turn: number;
  /** Wall-clock ms. */
  readonly at: number;
  readonly clock: VectorClock;
  /** Absent from what older nodes wrote. */
  readonly made?: CheckpointMade;
  /** The code that the state is of; absent where an older node wrote it that had upgraded nothing. */
  readonly codeVersion?: CodeVersion;
  /** Turns of the actor that its scope had gone back behind when it was written. */
  readonly abandoned: Abandoned;
  /** The state is this value and then these changes, oldest first. No bytes are `undefined`. */
  readonly state: Bytes;
  readonly deltas: readonly Bytes[];
}

/** One version of an actor that is kept. */
export interface CheckpointView {
  /** Unique in the cell. */
  readonly id: number;
  readonly bytes: number;
  readonly pinned: boolean;
  /** Its turn is one that the scope of its actor went back behind. */
  readonly abandoned?: true;
  /** What it says; a failure when it cannot be read, which names it. */
  readonly contents: Omit<CheckpointContents, 'state' | 'deltas'> | Failure;
}

interface Body {
  readonly format: number;
  readonly actor: ActorId;
  readonly birth: number;
  readonly epoch: number;
  readonly seq: number;
  readonly at: number;
  readonly memory: { readonly clock: VectorClock; readonly madeBy?: CodeVersion };
  readonly made?: CheckpointMade;
  readonly abandoned?: Abandoned;
  readonly state?: Bytes;
  readonly deltas?: readonly Bytes[];
}

const wholeFormat = 2;
const restFormat = 3;

/** `base` is what it lies on. Throws `LOG_CORRUPT` for what cannot be read here. */
export function checkpointContents(bytes: Bytes, base?: Bytes): CheckpointContents {
  const { actor, birth, epoch, seq: turn, at, memory, made, ...body } = bodyOf(bytes);
  const { abandoned = [] } = body;
  const whole = body.state ?? (base === undefined ? undefined : bodyOf(base).state);
  if (whole === undefined) {
    const text = `the checkpoint of ${actor} at turn ${turn} lies on one that is not there`;
    throw troupeError('LOG_CORRUPT', text, { actor });
  }
  const of = made?.code ?? memory.madeBy;
  const code = of === undefined ? {} : { codeVersion: codeOf(of) };
  const known = { actor, birth, epoch, turn, at, clock: memory.clock, abandoned, ...code };
  const contents = { ...known, state: whole, deltas: body.deltas ?? [] };
  return made === undefined ? contents : { ...contents, made };
}

/** A state for a new actor, and from where it is. */
export interface Seed {
  readonly format: 1;
  readonly of: Pick<CheckpointContents, 'actor' | 'turn' | 'at'>;
  readonly code?: CodeVersion;
  readonly state: Bytes;
}

const seedFormat = 1;

/** Of a checkpoint: what another actor may begin with. What it has received, sent and been asked stays its own. */
export function seedOf(contents: CheckpointContents): Seed {
  const { actor, turn, at, codeVersion: code } = contents;
  const seed = { format: seedFormat, of: { actor, turn, at }, state: stateOf(contents) } as const;
  return code === undefined ? seed : { ...seed, code };
}

export function encodeSeed(seed: Seed): Bytes {
  return encode(seed);
}

/** Throws `LOG_CORRUPT` for what is none. */
export function decodeSeed(bytes: Bytes): Seed {
  let seed: Partial<Seed> | undefined;
  try {
    seed = decode<Partial<Seed>>(bytes);
  } catch (cause) {
    throw troupeError('LOG_CORRUPT', 'a seed of an actor could not be decoded', {}, cause);
  }
  if (seed?.format === seedFormat && seed.of !== undefined && seed.state instanceof Uint8Array) {
    return seed as Seed;
  }
  throw troupeError('LOG_CORRUPT', `a seed of an actor has format ${String(seed?.format)}`);
}

/** The state that it holds, as one value. */
export function stateOf({ state, deltas }: Pick<CheckpointContents, 'state' | 'deltas'>): Bytes {
  if (deltas.length === 0) return state;
  let value = decodeValue(state);
  for (const delta of deltas) value = applyDelta(value, decode<Change[]>(delta));
  return value === undefined ? undefinedBytes : encode(value);
}

function codeOf({ bundle, version }: CodeVersion): CodeVersion {
  return { bundle, version };
}

function bodyOf(bytes: Bytes): Body {
  let body: Body;
  try {
    body = decode<Body>(bytes);
  } catch (cause) {
    throw troupeError('LOG_CORRUPT', 'a checkpoint could not be decoded', {}, cause);
  }
  if (body.format === wholeFormat || body.format === restFormat) return body;
  const text = `a checkpoint of ${body.actor} has format ${String(body.format)}`;
  throw troupeError('LOG_CORRUPT', `${text}, which is not known here`);
}
