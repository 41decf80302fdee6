/**
 * What a run has done that something undoes, and how far it is with undoing that. Durable and plain: the
 * leader's part is in `run-progress.ts`.
 *
 * U1  a run that ends without its output first undoes what it did, one after the other, what ended last first.
 * U2  what is undone is undone once; what failed, or never began, is not.
 */
import { assert, type Failure, failure, type Incarnation, limits, type RunId } from '@troupe/model';

/** A context that has ended well, or that was at work when it was let go of. */
export interface Did {
  readonly block: string;
  /** It ended well; else it was let go of, and may have been done or not. */
  readonly isDone: boolean;
  /** The attempt that was let go of, and when, as `ledMs`. */
  readonly letGo?: LetGo;
  /** Once it was: `done`, or why it could not be undone. */
  undone?: 'done' | Failure;
}

export interface LetGo {
  readonly node: Incarnation;
  readonly attempt: number;
  readonly ledMs: number;
}

export interface UndoingImage {
  /** As what the run ends. */
  readonly state: 'failed' | 'cancelled';
  /** Why it did not come to its output. */
  readonly failure: Failure;
  /** When it must be over, as `ledMs`. */
  readonly until: number;
  /** How many are still to be undone; absent before the first is. */
  readonly left?: number;
  /** A task is at work that undoes the next. */
  readonly isAtWork: boolean;
  /** Blocks that are runs and could not undo what they had done, with why. */
  readonly within: readonly { readonly block: string; readonly failure: Failure }[];
}

/** A run that undoes what it did. */
export class Undoing {
  readonly state: UndoingImage['state'];
  readonly failure: Failure;
  readonly until: number;
  readonly #did: readonly Did[];
  readonly #within: { readonly block: string; readonly failure: Failure }[];
  #left: number | undefined;
  #isAtWork: boolean;

  constructor(
    did: readonly Did[],
    given: Pick<UndoingImage, 'state' | 'failure' | 'until'> & Partial<UndoingImage>,
  ) {
    this.#did = did;
    this.state = given.state;
    this.failure = given.failure;
    this.until = given.until;
    this.#within = [...(given.within ?? [])];
    this.#left = given.left;
    this.#isAtWork = given.isAtWork ?? false;
  }

  get isAtWork(): boolean {
    return this.#isAtWork;
  }

  /** The next to be undone (U1); nothing when all has been. */
  get next(): Did | undefined {
    return this.#did[this.left - 1];
  }

  /** What is let go of as the run ends joins what it did, before the first is undone. */
  get left(): number {
    return this.#left ?? this.#did.length;
  }

  begin(block: string): void {
    assert(this.next?.block === block && !this.#isAtWork, 'U1: what ended last is undone first');
    this.#left = this.left;
    this.#isAtWork = true;
  }

  /** U2 */
  end(block: string, undone: 'done' | Failure): void {
    const { next } = this;
    assert(next?.block === block && next.undone === undefined, 'U2: a block is undone once');
    next.undone = undone;
    this.#left = this.left - 1;
    this.#isAtWork = false;
  }

  /** A block that is a run could not undo what it had done. */
  failedWithin(block: string, reason: Failure): void {
    this.#within.push({ block, failure: reason });
  }

  image(): UndoingImage {
    const { state, failure: reason, until, isAtWork } = this;
    const left = this.#left === undefined ? {} : { left: this.#left };
    return { state, failure: reason, until, ...left, isAtWork, within: [...this.#within] };
  }

  /** What the run comes to, if nothing more is undone. */
  outcomeOf(run: RunId): Failure {
    const failures = [...this.#within];
    for (const { block, undone } of [...this.#did].reverse()) {
      if (undone === undefined) failures.push({ block, failure: notUndone(run, block) });
      else if (undone !== 'done') failures.push({ block, failure: undone });
    }
    return failures.length === 0 ? this.failure : this.#failed(run, failures);
  }

  #failed(
    run: RunId,
    failures: readonly { readonly block: string; readonly failure: Failure }[],
  ): Failure {
    const { code, message } = this.failure;
    const named = failures.slice(0, limits.undoNamedMax);
    const list = named.map(({ block, failure: why }) => `${block} (${why.code})`).join(', ');
    const more = failures.length - named.length;
    const rest = more === 0 ? '' : ` and ${more} more`;
    const blocks = named.map(({ block }) => block).join(', ');
    const details = { run, code, blocks, blocksCount: failures.length };
    const what = `run "${run}" failed with ${code}, and could not undo ${list}${rest}: ${message}`;
    return failure('COMPENSATION_FAILED', what, details);
  }
}

function notUndone(run: RunId, block: string): Failure {
  const what = `run "${run}" had no time left to undo block "${block}"`;
  return failure('TIME_LIMIT', what, { run, block });
}
