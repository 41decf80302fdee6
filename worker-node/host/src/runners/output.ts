/**
 * What a runner prints, line by line, into the log of the node: bounded in length, so that user
 * code cannot fill the memory of the node with one endless line. What is cut says so.
 */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Longest line kept, in UTF-16 units; the rest of the line is counted and dropped. */
export const lineLengthMax = 8_192;

/** Calls `line` for every line of `stream`; `last` is the latest one that was not blank. */
export class LineTap {
  readonly #line: (text: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #open = '';
  #cut = 0;
  #last = '';

  constructor(stream: Readable, line: (text: string) => void) {
    this.#line = line;
    stream.on('data', (chunk: Buffer) => this.#take(this.#decoder.write(chunk)));
    stream.on('end', () => this.#close());
    // A pipe that breaks ends with its process, whose exit is reported.
    stream.on('error', () => this.#close());
  }

  get last(): string {
    return this.#open.trim() === '' ? this.#last : this.#open;
  }

  #take(text: string): void {
    let from = 0;
    for (;;) {
      const to = text.indexOf('\n', from);
      this.#grow(text.slice(from, to < 0 ? text.length : to));
      if (to < 0) return;
      this.#close();
      from = to + 1;
    }
  }

  #grow(text: string): void {
    const room = lineLengthMax - this.#open.length;
    this.#open += text.slice(0, room);
    this.#cut += Math.max(0, text.length - room);
  }

  #close(): void {
    const text = this.#cut > 0 ? `${this.#open} … (${this.#cut} more cut)` : this.#open;
    this.#open = '';
    this.#cut = 0;
    if (text.trim() === '') return;
    this.#last = text;
    this.#line(text);
  }
}
