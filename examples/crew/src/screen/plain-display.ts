/**
 * A pipe or a file: one line for each notable event, and now and then one that counts.
 *
 * L1  counting lines are at least `countLineMs` apart and never say the same twice.
 */
import { countText, type Progress, plural, secondsText } from '../job/progress.ts';
import type { Display } from './display.ts';

const countLineMs = 1_000;

export class PlainDisplay implements Display {
  readonly #write: (text: string) => void;
  #saidAt = Number.NEGATIVE_INFINITY;
  #said = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  event(line: string): void {
    this.#write(`${line}\n`);
  }

  show(progress: Progress): void {
    if (progress.elapsedMs - this.#saidAt < countLineMs) return;
    const line = countLine(progress);
    if (line === undefined || line === this.#said) return;
    this.#said = line;
    this.#saidAt = progress.elapsedMs;
    this.#write(`[${secondsText(progress.elapsedMs)}] ${line}\n`);
  }

  hold(): void {}

  release(): void {}
}

function countLine({ phase, documents, answers, index }: Progress): string | undefined {
  if (phase === 'reading' && documents.all > 0) {
    const passages = index === undefined ? '' : `, ${plural(index.passages, 'passage')} indexed`;
    return `read ${countText(documents, 'document')}${passages}`;
  }
  if (phase === 'answering' && answers.all > 0) {
    return `answered ${countText(answers, 'question')}`;
  }
  return undefined;
}
