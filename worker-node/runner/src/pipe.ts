/**
 * Frames over a duplex pipe: each message is 4 bytes of length, then an encoded array of frames.
 * What is written in one turn of the event loop travels as one message.
 */
import type { Duplex } from 'node:stream';
import { decode, encode } from '@troupe/model';

const headBytes = 4;
/** A longer message is cut in two where it can be: the node refuses what is much too long. */
const wishedBytesMax = 8 * 1024 * 1024;

export class FramePipe<In, Out> {
  readonly #stream: Duplex;
  #out: Out[] = [];
  #scheduled = false;

  constructor(stream: Duplex, onFrame: (frame: In) => void) {
    this.#stream = stream;
    const reader = new MessageReader((message) => {
      for (const frame of decode<readonly In[]>(message)) onFrame(frame);
    });
    stream.on('data', (chunk: Buffer) => reader.push(chunk));
  }

  readonly send = (frame: Out): void => {
    this.#out.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  };

  /** Writes what is left and ends the stream. */
  end(onEnded: () => void): void {
    this.#flush();
    this.#stream.end(onEnded);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    const frames = this.#out;
    this.#out = [];
    if (frames.length > 0) this.#write(frames);
  };

  #write(frames: readonly Out[]): void {
    const body = encode(frames);
    if (body.length > wishedBytesMax && frames.length > 1) {
      const half = frames.length >> 1;
      this.#write(frames.slice(0, half));
      return this.#write(frames.slice(half));
    }
    const message = Buffer.allocUnsafe(headBytes + body.length);
    message.writeUInt32BE(body.length, 0);
    message.set(body, headBytes);
    this.#stream.write(message);
  }
}

/** Cuts a stream of bytes into messages. */
class MessageReader {
  readonly #onMessage: (message: Uint8Array) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes that are there when the next message, or its length, is whole. */
  #wanted = headBytes;

  constructor(onMessage: (message: Uint8Array) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return;
    let buffer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    for (;;) {
      this.#wanted = headBytes;
      if (buffer.length < headBytes) break;
      const end = headBytes + buffer.readUInt32BE(0);
      this.#wanted = end;
      if (buffer.length < end) break;
      this.#onMessage(buffer.subarray(headBytes, end));
      buffer = buffer.subarray(end);
    }
    this.#bytes = buffer.length;
    this.#chunks = buffer.length === 0 ? [] : [buffer];
  }
}
