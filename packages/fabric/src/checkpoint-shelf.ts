/**
 * Checkpoints of actors by name: listed, read and pinned. What is pinned is copied under a key of its own, which
 * neither time nor number takes away; a list of these lies beside them.
 *
 * S1  a checkpoint is listed as pinned before it is copied, so that whoever drops an actor finds all copies.
 * S2  what is read is checked: bytes that are not those that were stored are named, and never shown.
 * S3  what holds a turn that its scope went back behind is neither read nor pinned; the last one of an actor says which
 *     turns these are.
 */
import {
  type Abandoned,
  type ActorId,
  actorParts,
  type Bytes,
  type CheckpointContents,
  type CheckpointView,
  checkpointContents,
  decode,
  decodeSeed,
  encode,
  failureOf,
  isAbandoned,
  isFailure,
  limits,
  type Seed,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { sha256 } from './hash.ts';
import type { Checkpoints, KeptVersion, StoredCheckpoint } from './ports.ts';

export interface ActorBorn {
  readonly actor: ActorId;
  readonly birth: number;
}

export interface ReadCheckpoint {
  readonly view: CheckpointView;
  readonly contents: CheckpointContents;
}

interface Pinned {
  readonly id: number;
  readonly bytes: number;
}

type Copy = Pick<StoredCheckpoint, 'body' | 'base'>;

/** Others that change the list of the same actor meanwhile. */
const triesMax = 16;

export class CheckpointShelf {
  readonly #checkpoints: Checkpoints;

  constructor(checkpoints: Checkpoints) {
    this.#checkpoints = checkpoints;
  }

  /** Those of this birth, the newest first. Each is read, and a damaged one says so. `all`: also those of turns that
   *  were abandoned. */
  async list(
    of: ActorBorn,
    { all }: { readonly all: boolean },
  ): Promise<readonly CheckpointView[]> {
    const pins = (await this.#pins(of)).pinned;
    const kept = await this.#checkpoints.versions(of.actor);
    const known = new Map<number, Pick<KeptVersion, 'bytes'>>(
      kept.map((one) => [one.revision, one]),
    );
    for (const { id, bytes } of pins) if (!known.has(id)) known.set(id, { bytes });
    const views: CheckpointView[] = [];
    for (const id of [...known.keys()].sort((left, right) => right - left)) {
      const pinned = pins.some((one) => one.id === id);
      const view = await this.#viewOf(of, { id, bytes: known.get(id)?.bytes ?? 0, pinned });
      if (view !== undefined) views.push(view);
    }
    // S3
    const sound = views.find(({ contents }) => !isFailure(contents))?.contents;
    const abandoned = sound === undefined || isFailure(sound) ? [] : sound.abandoned;
    return views.flatMap((view) => {
      const { contents } = view;
      if (isFailure(contents) || !isAbandoned(contents.turn, abandoned)) return [view];
      return all ? [{ ...view, abandoned: true }] : [];
    });
  }

  /** Throws `UNKNOWN_CHECKPOINT`, or `LOG_CORRUPT` when it is damaged. */
  async read(of: ActorBorn, id: number): Promise<ReadCheckpoint> {
    const { pinned } = await this.#pins(of);
    const { copy, contents } = await this.#found(of, id);
    const { state: _, deltas: __, ...shown } = contents;
    const isPinned = pinned.some((one) => one.id === id);
    return { contents, view: { id, bytes: copy.body.length, pinned: isPinned, contents: shown } };
  }

  /** Again and again is once. Throws `RESOURCE_EXHAUSTED` beyond `limits.checkpointPinsMax`. */
  async pin(of: ActorBorn, id: number): Promise<void> {
    const { copy } = await this.#found(of, id);
    // S1
    await this.#change(of, (pinned) => {
      if (pinned.some((one) => one.id === id)) return pinned;
      if (pinned.length >= limits.checkpointPinsMax) {
        const what = `${of.actor} has ${pinned.length} pinned checkpoints, which is the most`;
        throw troupeError('RESOURCE_EXHAUSTED', `${what}: unpin one first`, { actor: of.actor });
      }
      return [...pinned, { id, bytes: copy.body.length }];
    });
    const body = encode(copy satisfies Copy);
    // Undefined: it is there already.
    await this.#checkpoints.put(pinKey(of, id), body, 0);
  }

  async unpin(of: ActorBorn, id: number): Promise<void> {
    await this.#checkpoints.drop(pinKey(of, id));
    await this.#change(of, (pinned) => pinned.filter((one) => one.id !== id));
  }

  /** Lays the first state of an actor that is to be made: where it lies. The same `by` finds the same place. */
  async plant(actor: ActorId, by: string, seed: Bytes): Promise<string> {
    const key = `seed ${actor} ${by}`;
    // Undefined: it lies there already.
    await this.#checkpoints.put(key, seed, 0);
    return key;
  }

  /** It is not needed, if that is so: the actor is not made, or has a checkpoint of its own. */
  async clear(key: string, of?: ActorBorn): Promise<void> {
    const own = of === undefined ? undefined : await this.#checkpoints.get(of.actor);
    const isMade = own !== undefined && checkpointContents(own.body, own.base).birth === of?.birth;
    if (of === undefined || isMade) await this.#checkpoints.drop(key);
  }

  /** All copies of an actor that is no more. */
  async dropPins(of: ActorBorn): Promise<void> {
    const { pinned, revision } = await this.#pins(of);
    if (revision === 0) return;
    for (const { id } of pinned) await this.#checkpoints.drop(pinKey(of, id));
    await this.#checkpoints.drop(pinsKey(of));
  }

  async #viewOf(
    of: ActorBorn,
    known: Pick<CheckpointView, 'id' | 'bytes' | 'pinned'>,
  ): Promise<CheckpointView | undefined> {
    try {
      const found = await this.#copy(of, known.id);
      if (found === undefined) return undefined;
      const { state: _, deltas: __, ...contents } = contentsOf(of, known.id, found);
      return contents.birth === of.birth ? { ...known, contents } : undefined;
    } catch (thrown) {
      if (!(thrown instanceof TroupeError) || thrown.code !== 'LOG_CORRUPT') throw thrown;
      return { ...known, contents: failureOf(thrown) };
    }
  }

  /** Of this birth and sound (S2), or it throws. */
  async #found(of: ActorBorn, id: number): Promise<{ copy: Copy; contents: CheckpointContents }> {
    const copy = await this.#copy(of, id);
    if (copy === undefined) throw unknown(of, id);
    const contents = contentsOf(of, id, copy);
    if (contents.birth !== of.birth) throw unknown(of, id);
    const { turn } = contents;
    if (isAbandoned(turn, await this.#abandoned(of, { id, contents }))) {
      const { type, key } = actorParts(of.actor);
      const text = `checkpoint ${id} of ${of.actor} is of turn ${turn}, which its scope went back behind`;
      const next = `choose one of \`troupe checkpoints ${type}/${key}\``;
      const details = { actor: of.actor, checkpoint: id, turn };
      throw troupeError('UNKNOWN_CHECKPOINT', `${text}: ${next}`, details);
    }
    return { copy, contents };
  }

  /** S3. A damaged one says nothing of it: the one before it does. */
  async #abandoned(
    of: ActorBorn,
    found: { readonly id: number; readonly contents: CheckpointContents },
  ): Promise<Abandoned> {
    for (const { revision, bytes } of await this.#checkpoints.versions(of.actor)) {
      if (revision === found.id) return found.contents.abandoned;
      const last = await this.#viewOf(of, { id: revision, bytes, pinned: false });
      if (last !== undefined && !isFailure(last.contents)) return last.contents.abandoned;
    }
    return found.contents.abandoned;
  }

  /** As it stands among the last ones, else as it was pinned. */
  async #copy(of: ActorBorn, id: number): Promise<Copy | undefined> {
    let damage: unknown;
    try {
      const found = await this.#checkpoints.version(of.actor, id);
      if (found !== undefined) return found;
    } catch (thrown) {
      if (!(thrown instanceof TroupeError) || thrown.code !== 'LOG_CORRUPT') throw thrown;
      damage = thrown;
    }
    const pinned = await this.#checkpoints.get(pinKey(of, id));
    if (pinned !== undefined) return decode<Copy>(pinned.body);
    if (damage !== undefined) throw damage;
    return undefined;
  }

  async #pins(of: ActorBorn): Promise<{ pinned: readonly Pinned[]; revision: number }> {
    const found = await this.#checkpoints.get(pinsKey(of));
    if (found === undefined) return { pinned: [], revision: 0 };
    const { pinned } = decode<{ readonly pinned: readonly Pinned[] }>(found.body);
    return { pinned, revision: found.revision };
  }

  async #change(
    of: ActorBorn,
    change: (pinned: readonly Pinned[]) => readonly Pinned[],
  ): Promise<void> {
    for (let attempt = 0; attempt < triesMax; attempt++) {
      const { pinned, revision } = await this.#pins(of);
      const next = change(pinned);
      if (next === pinned || (next.length === 0 && revision === 0)) return;
      const body: Bytes = encode({ pinned: next });
      if ((await this.#checkpoints.put(pinsKey(of), body, revision)) !== undefined) return;
    }
    throw troupeError('UNAVAILABLE', `others pin checkpoints of ${of.actor} just now; ask again`);
  }
}

/** What to say of a checkpoint to which nobody can go back any more: its state can still be had. */
export function tooFarBack(thrown: unknown, actor: ActorId, id: number): unknown {
  if (!(thrown instanceof TroupeError) || thrown.code !== 'TOO_FAR_BACK') return thrown;
  const { type, key } = actorParts(actor);
  const fork = `troupe checkpoints fork ${type}/${key} ${id} NEW-KEY`;
  const message = `${thrown.message}; or \`${fork}\`, which makes a new actor with that state`;
  const details = { ...thrown.details, checkpoint: id };
  return new TroupeError({ code: thrown.code, message, details }, { cause: thrown });
}

function contentsOf({ actor }: ActorBorn, id: number, { body, base }: Copy): CheckpointContents {
  try {
    return checkpointContents(body, base);
  } catch (thrown) {
    const { message } = failureOf(thrown);
    throw troupeError('LOG_CORRUPT', `checkpoint ${id} of ${actor}: ${message}`, { actor }, thrown);
  }
}

function unknown({ actor }: ActorBorn, id: number): TroupeError {
  const text = `actor ${actor} has no checkpoint ${id} that is kept`;
  return troupeError('UNKNOWN_CHECKPOINT', text, { actor, checkpoint: id });
}

function pinKey({ actor, birth }: ActorBorn, id: number): string {
  return `pin ${actor}#${birth}/${id}`;
}

function pinsKey({ actor, birth }: ActorBorn): string {
  return `pins ${actor}#${birth}`;
}

/** What is written to a file: a seed, and the hash of its bytes. */
interface Exported {
  readonly troupe: 'checkpoint';
  readonly hash: string;
  readonly seed: Bytes;
}

export function exported(seed: Bytes): Bytes {
  return encode({ troupe: 'checkpoint', hash: sha256(seed), seed } satisfies Exported);
}

/** The seed in it. Throws `INVALID_ARGUMENT` for what is none, holds other bytes than were exported, or holds the
 *  state of another type than `actor` is of. */
export function imported(bytes: Bytes, actor: ActorId): Seed {
  let found: Partial<Exported> | undefined;
  try {
    found = decode<Partial<Exported>>(bytes);
  } catch (cause) {
    throw noExport(cause);
  }
  if (found?.troupe !== 'checkpoint' || !(found.seed instanceof Uint8Array)) {
    throw noExport();
  }
  if (sha256(found.seed) !== found.hash) {
    throw troupeError(
      'INVALID_ARGUMENT',
      'what is to be imported holds other bytes than were exported: export it again',
    );
  }
  const seed = seedIn(found.seed);
  const [from, to] = [actorParts(seed.of.actor).type, actorParts(actor).type];
  if (from === to) return seed;
  const text = `what is to be imported is the state of a ${from}, and ${actor} would be a ${to}`;
  throw troupeError('INVALID_ARGUMENT', `${text}: give it a key of type ${from}`, { actor });
}

function seedIn(bytes: Bytes): Seed {
  try {
    return decodeSeed(bytes);
  } catch (cause) {
    throw noExport(cause);
  }
}

function noExport(cause?: unknown): TroupeError {
  const text =
    'what is to be imported is no exported checkpoint: give what `troupe checkpoints export` has written';
  return troupeError('INVALID_ARGUMENT', text, {}, cause);
}
