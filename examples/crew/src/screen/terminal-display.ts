/** A terminal: events scroll, the frame below them is redrawn in place. */
import type { Progress } from '../job/progress.ts';
import type { Display } from './display.ts';
import { frameOf, styled } from './frame.ts';

/** The part of `process.stdout` that is used. */
export interface TerminalStream {
  readonly columns?: number;
  write(text: string): unknown;
}

const columnsDefault = 80;
const columnsMin = 20;

export class TerminalDisplay implements Display {
  readonly #stream: TerminalStream;
  readonly #color: boolean;
  #drawn: readonly string[] = [];
  #latest: Progress | undefined;
  #held = false;

  constructor(stream: TerminalStream, color: boolean) {
    this.#stream = stream;
    this.#color = color;
  }

  event(line: string): void {
    this.#stream.write(`${this.#erasure()}${styled('·', 'dim', this.#color)} ${line}\n`);
    if (this.#latest !== undefined) this.show(this.#latest);
  }

  show(progress: Progress): void {
    if (this.#held) return;
    this.#latest = progress;
    const width = Math.max(columnsMin, this.#stream.columns ?? columnsDefault);
    const lines = frameOf(progress, { width, color: this.#color });
    if (lines.join('\n') === this.#drawn.join('\n')) return;
    const erasure = this.#erasure();
    this.#stream.write(`${erasure}${lines.join('\n')}\n`);
    this.#drawn = lines;
  }

  hold(): void {
    this.#stream.write(this.#erasure());
    this.#latest = undefined;
    this.#held = true;
  }

  release(): void {
    this.#held = false;
  }

  #erasure(): string {
    const count = this.#drawn.length;
    this.#drawn = [];
    return count === 0 ? '' : `\u001b[${count}A\u001b[0J`;
  }
}

/** Colour unless the environment forbids it (`NO_COLOR`, a dumb terminal). */
export function wantsColor(environment: { readonly [name: string]: string | undefined }): boolean {
  return !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}
