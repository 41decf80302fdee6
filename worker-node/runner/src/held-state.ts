/**
 * The state of one actor in this process: immutable between turns, a draft within one.
 *
 * H1  a turn that is not committed leaves the state as it was.
 * H2  what a commit gives as delta leads a copy of the state before to the state after.
 * H3  a state made by the user's constructor enters the record whole, with the first commit: the
 *     constructor may give something else when it is asked again.
 */
import {
  applyDelta,
  type Bytes,
  type Change,
  decode,
  decodeValue,
  encode,
  encodeValue,
  limits,
  type MigratedState,
  placeOf,
  troupeError,
} from '@troupe/model';
import { createDraft, finishDraft, freeze } from 'immer';
import { deltaOf } from './delta.ts';
import { Leaves, pathOfLeaf } from './leaves.ts';
import { revealed } from './revealed.ts';

/** Holds the state one level down, so that assigning a whole new state is a change like others. */
export interface Box {
  state: unknown;
}

/** What a checkpoint holds, decoded; for one `HeldState`, which makes it its own. */
export class BuiltState {
  readonly value: unknown;

  constructor(checkpoint: Bytes) {
    this.value = decodeValue(checkpoint);
  }
}

export class HeldState {
  #box: Box;
  readonly #leaves = new Leaves();
  /** Whether the record knows the state yet (H3). */
  #recorded: boolean;

  /** Builds the state: of a checkpoint, else of the constructor; then the deltas in order. */
  constructor(
    make: () => unknown,
    checkpoint: Bytes | BuiltState | undefined,
    deltas: readonly Bytes[],
  ) {
    this.#recorded = checkpoint !== undefined || deltas.length > 0;
    let state: unknown;
    if (checkpoint instanceof BuiltState) state = checkpoint.value;
    else if (checkpoint !== undefined) state = decodeValue(checkpoint);
    // The first delta of all holds the whole state: the constructor is not asked again (H3).
    else if (deltas.length === 0) state = decodeValue(encodeValue(make(), 'state'));
    for (const delta of deltas) state = applyDelta(state, decode<Change[]>(delta));
    this.#box = freeze({ state }, true);
    this.#leaves.reset(state);
  }

  /** The state as of the last commit, frozen. */
  get current(): unknown {
    return this.#box.state;
  }

  encoded(): Bytes {
    const { state } = this.#box;
    return state === undefined ? encodeValue(undefined) : encode(state);
  }

  /** Makes the state another one: what leads there. Undefined when there was none yet, but what the
   *  constructor makes. Throws like `commit`, with the state as it was. */
  migrate(make: (state: unknown) => unknown): MigratedState | undefined {
    if (!this.#recorded) return undefined;
    const former = this.encoded();
    const draft = this.begin();
    try {
      draft.state = make(draft.state);
      const delta = this.commit(draft);
      return delta === undefined ? { former } : { delta, former };
    } catch (thrown) {
      this.discard(draft);
      throw thrown;
    }
  }

  /** The state as it is, to be recorded whole: what was recorded before it led to another one. */
  recordAnew(): MigratedState {
    this.#recorded = false;
    const former = this.encoded();
    const delta = this.commit(undefined);
    return delta === undefined ? { former } : { delta, former };
  }

  begin(): Box {
    return createDraft(this.#box);
  }

  /** Ends a turn: the draft becomes the state, and what changed is returned. Throws, with the
   *  state as it was (H1), when the new state cannot be carried, or the change is over `bytesMax`. */
  commit(draft: Box | undefined, bytesMax: number = limits.deltaBytesMax): Bytes | undefined {
    if (draft === undefined && this.#recorded && this.#leaves.size === 0) return undefined;
    const next: Box = draft === undefined ? this.#box : finishDraft(draft);
    this.checkLeaves(next);
    const changes = this.#changesTo(next);
    if (changes.length === 0) return undefined;
    const delta = encode(changes);
    revealed.check(delta, 'the state');
    if (delta.length > bytesMax) {
      const what = `the turn changes ${delta.length} bytes of the state, ${bytesMax} are left for it`;
      throw troupeError('TOO_LARGE', what, { bytes: delta.length, bytesMax });
    }
    this.#box = next;
    this.#recorded = true;
    for (const change of changes) {
      if (change[0] !== 'cut') this.#leaves.add(change[0] === 'set' ? change[2] : change[4]);
    }
    if (this.#leaves.crowded) this.#leaves.reset(next.state);
    return delta;
  }

  /** Ends a turn that failed. */
  discard(draft: Box | undefined): void {
    this.#leaves.restore();
    if (draft === undefined) return;
    try {
      // Only to revoke the draft: whoever still holds it gets an error instead of a lost write.
      finishDraft(draft);
    } catch {
      // A draft that cannot be finished is out of use just the same.
    }
  }

  /** Puts leaves that were changed in place back, and throws when they are part of `box` (L1). */
  checkLeaves(box: Box = this.#box): void {
    const changed = this.#leaves.restore();
    if (changed.length === 0) return;
    const path = pathOfLeaf(box.state, changed);
    this.#leaves.reset(this.#box.state);
    if (path === undefined) return;
    const place = placeOf(path);
    throw troupeError(
      'UNCARRIABLE',
      `${place} was changed in place, which cannot be recorded: assign a new Date or Uint8Array`,
      { path: place },
    );
  }

  #changesTo(next: Box): Change[] {
    if (this.#recorded) return next === this.#box ? [] : deltaOf(this.#box.state, next.state);
    // Compared with nothing, so that the whole state is checked and recorded (H3).
    return deltaOf(unrecorded, next.state);
  }
}

const unrecorded: unique symbol = Symbol('unrecorded');
