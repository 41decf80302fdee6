/** Versions of actors that are kept: listed, shown, compared, pinned, gone back to, and copied. */
import {
  type CheckpointCause,
  type CodeVersion,
  decodeValue,
  type Failure,
  type VectorClock,
} from '@troupe/model';
import type { AnyActorDefinition } from './actor.ts';
import { checkWhole } from './definition.ts';
import { nameOf } from './handle.ts';
import type { Rewound } from './scopes.ts';
import { differences, type StateDifference } from './state-diff.ts';
import { failureOfMessage } from './wire/failures.ts';
import type { CheckpointMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

type Target = AnyActorDefinition | string;

export interface Checkpoint {
  /** Unique in the cell. */
  readonly id: number;
  readonly bytes: number;
  readonly pinned: boolean;
  /** Its scope went back behind it: it can be unpinned, and nothing else. */
  readonly abandoned?: true;
  /** Number of the last turn in it. */
  readonly turn: number;
  /** Of the placement that has written it. */
  readonly epoch: number;
  readonly at: Date;
  /** What the actor knew: turns of itself and of others in its scope. */
  readonly clock: VectorClock;
  /** Why it was written, and how long that took; absent where an older node wrote it. */
  readonly cause?: CheckpointCause;
  readonly tookMs?: number;
  /** What upgraded the state last, if anything has. */
  readonly code?: CodeVersion;
}

/** One that holds other bytes than were stored, or that cannot be read for another reason. */
export interface DamagedCheckpoint extends Pick<Checkpoint, 'id' | 'bytes' | 'pinned'> {
  readonly failure: Failure;
}

export interface ShownCheckpoint extends Checkpoint {
  readonly state: unknown;
}

export interface Checkpoints {
  /** The newest first. Each is read for it, and a damaged one says so. Those of turns that its scope went back
   *  behind are listed only on request; all else that is asked of them is `UNKNOWN_CHECKPOINT`. */
  list(
    actor: Target,
    key: string,
    options?: { readonly abandoned?: boolean },
  ): Promise<readonly (Checkpoint | DamagedCheckpoint)[]>;
  /** With the state that it holds. Fails with `UNKNOWN_CHECKPOINT` when it is not kept any more, and with
   *  `LOG_CORRUPT` when it is damaged. */
  show(actor: Target, key: string, checkpoint: number): Promise<ShownCheckpoint>;
  /** It stays until it is unpinned or its actor is destroyed; 32 of an actor at most. */
  pin(actor: Target, key: string, checkpoint: number): Promise<void>;
  unpin(actor: Target, key: string, checkpoint: number): Promise<void>;
  /** What leads from the state of one to that of another. */
  diff(
    actor: Target,
    key: string,
    checkpoints: readonly [from: number, to: number],
  ): Promise<readonly StateDifference[]>;
  /** Takes the actor back to it, and with it its whole scope to the line through that turn: see `Scope.rewind`.
   *  Of an actor that is a scope by itself its checkpoints are enough; others need what is kept of their past. */
  restore(actor: Target, key: string, checkpoint: number): Promise<Rewound>;
  /** Makes a new actor of the type under another key, with the state of this checkpoint. What the old one has
   *  received, sent, promised and set stays its own. */
  fork(actor: Target, key: string, checkpoint: number, to: PlantOptions): Promise<void>;
  /** Its state in bytes that carry their own hash, to be kept elsewhere. */
  export(actor: Target, key: string, checkpoint: number): Promise<Uint8Array>;
  /** Makes a new actor with the state that was exported, here or in another cluster. Refused with
   *  `INVALID_ARGUMENT` when these are not the bytes that were exported. */
  import(actor: Target, exported: Uint8Array, to: PlantOptions): Promise<void>;
}

export interface PlantOptions {
  readonly key: string;
  /** Its own unless given. */
  readonly scope?: string;
}

/** Large ones are read and checked. */
const readMs = 60_000;
/** Everybody of a scope is told, whatever dies meanwhile. */
const restoreMs = 180_000;
const nothing = new Uint8Array(0);

export function checkpointsOf(unary: Unary, tenant: string): Checkpoints {
  const named = (actor: Target, key: string, checkpoint: number) => {
    checkWhole('checkpoint', checkpoint, 1);
    return { tenant, type: nameOf(actor), key, checkpoint };
  };
  const pin = async (actor: Target, key: string, checkpoint: number, pinned: boolean) => {
    const asked = { ...named(actor, key, checkpoint), pinned };
    await unary.ask('CheckpointsService/PinVersion', asked, { waitMs: readMs });
  };
  const show = async (actor: Target, key: string, checkpoint: number) => {
    const asked = { ...named(actor, key, checkpoint), asJson: false };
    const found = await unary.ask('CheckpointsService/GetVersion', asked, { waitMs: readMs });
    return { ...soundOf(found.checkpoint), state: decodeValue(found.value) };
  };
  const plant = async (
    type: string,
    { key, scope = '' }: PlantOptions,
    from: { readonly fromKey: string; readonly checkpoint: number; readonly exported: Uint8Array },
  ) => {
    const asked = { tenant, type, key, scope, by: unary.newId(), ...from };
    await unary.ask('CheckpointsService/PlantActor', asked, { waitMs: readMs, begins: true });
  };
  return {
    async list(actor, key, { abandoned = false } = {}) {
      const asked = { tenant, type: nameOf(actor), key, abandoned };
      const method = 'CheckpointsService/ListVersions';
      const { checkpoints } = await unary.ask(method, asked, { waitMs: readMs });
      return checkpoints.map(checkpointOf);
    },
    show,
    async diff(actor, key, [from, to]) {
      const [before, after] = [await show(actor, key, from), await show(actor, key, to)];
      return differences(before.state, after.state);
    },
    async restore(actor, key, checkpoint) {
      const asked = { ...named(actor, key, checkpoint), by: unary.newId() };
      const method = 'CheckpointsService/RestoreVersion';
      const options = { waitMs: restoreMs, begins: true };
      const { line, incarnation } = await unary.ask(method, asked, options);
      return { line, incarnation };
    },
    async fork(actor, key, checkpoint, to) {
      const { type } = named(actor, key, checkpoint);
      await plant(type, to, { fromKey: key, checkpoint, exported: nothing });
    },
    async export(actor, key, checkpoint) {
      const asked = named(actor, key, checkpoint);
      const method = 'CheckpointsService/ExportVersion';
      return (await unary.ask(method, asked, { waitMs: readMs })).exported;
    },
    async import(actor, exported, to) {
      await plant(nameOf(actor), to, { fromKey: '', checkpoint: 0, exported });
    },
    pin: (actor, key, checkpoint) => pin(actor, key, checkpoint, true),
    unpin: (actor, key, checkpoint) => pin(actor, key, checkpoint, false),
  };
}

function checkpointOf(message: CheckpointMessage): Checkpoint | DamagedCheckpoint {
  const { id, bytes, pinned, failure } = message;
  if (failure === null || failure === undefined) return soundOf(message);
  return { id, bytes, pinned, failure: failureOfMessage(failure) };
}

function soundOf(message: CheckpointMessage): Checkpoint {
  const { id, bytes, pinned, turn, epoch, at, clock, cause, tookMs, code } = message;
  const made = cause === '' ? {} : { cause: cause as CheckpointCause, tookMs: tookMs ?? 0 };
  const by = code === null || code === undefined ? {} : { code: codeOf(code) };
  const known = { id, bytes, pinned, turn, epoch, at: new Date(at), clock, ...made, ...by };
  return message.abandoned ? { ...known, abandoned: true } : known;
}

function codeOf({ bundle, version }: { bundle: string; version: number }): CodeVersion {
  return { bundle, version } as CodeVersion;
}
