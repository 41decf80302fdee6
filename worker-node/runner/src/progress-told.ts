/**
 * How far a turn or an attempt says that it has come, on its way to the node.
 *
 * F1  it is told at most once in `everyMs`, and the last word is told at last, unless the work has ended.
 */
import { limits, type Progress, troupeError } from '@troupe/model';
import type { Emit } from './departures.ts';
import { revealed } from './revealed.ts';
import type { Work } from './work.ts';

const everyMs = 100;

export class ProgressTold {
  readonly #work: Work;
  readonly #emit: Emit;
  /** It was told not long ago. */
  #resting = false;
  #next: Progress | undefined;

  constructor(work: Work, emit: Emit) {
    this.#work = work;
    this.#emit = emit;
  }

  tell(share: number, text: string | undefined): void {
    this.#next = progressOf(this.#work.name, share, text);
    if (!this.#resting) this.#say();
  }

  #say(): void {
    const progress = this.#next;
    if (progress === undefined || this.#work.ended) return;
    this.#next = undefined;
    this.#resting = true;
    this.#emit({ kind: 'progress', work: this.#work.id, progress });
    this.#work.after(everyMs, () => {
      this.#resting = false;
      this.#say();
    });
  }
}

function progressOf(name: string, share: number, text: string | undefined): Progress {
  if (typeof share !== 'number' || !(share >= 0 && share <= 1)) {
    const what = `the progress of ${name} is ${String(share)}, not a number from 0 to 1`;
    throw troupeError('INVALID_ARGUMENT', what);
  }
  if (text === undefined) return { share };
  return { share, text: shortened(revealed.scrub(String(text))).toWellFormed() };
}

/** A turn does not fail for a long title; but whoever looks sees that there was more. */
function shortened(text: string): string {
  const most = limits.progressTextMax;
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(halfAtEnd, '')}…`;
}

/** What is left of a character that was cut in two. */
const halfAtEnd = /[\uD800-\uDBFF]$/;
