/**
 * Frames on the pipe between the node and a runner: a 4-byte big-endian length, then one `encode`d
 * array of frames.
 *
 * R1  frames come out in the order in which they went in, however the bytes were cut.
 * R2  an announced length above `frameBytesMax` is refused before anything is kept for it.
 */
import { type Bytes, decode, encode } from '@troupe/model';

/** Longest array of frames on the pipe; a runner that announces more is killed. */
const frameBytesMax = 128 * 1024 * 1024;

const headBytes = 4;

/** An array longer than this is cut in two, as far as it can be. */
const wishedBytesMax = 8 * 1024 * 1024;

/** The bytes of one write: all `frames`, in one length-prefixed array or in a few. */
export function packFrames(frames: readonly object[]): Uint8Array {
  const body = encode(frames);
  if (body.length > wishedBytesMax && frames.length > 1) {
    const half = frames.length >> 1;
    return Buffer.concat([packFrames(frames.slice(0, half)), packFrames(frames.slice(half))]);
  }
  const packed = Buffer.allocUnsafe(headBytes + body.length);
  packed.writeUInt32BE(body.length, 0);
  packed.set(body, headBytes);
  return packed;
}

/** Puts frames back together from chunks. */
export class FrameReader<Frame> {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** The frames that became complete with this chunk. Throws on bytes that are no frames. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      const body = this.#takeBody();
      if (body === undefined) return frames;
      for (const frame of decode<Frame[]>(body)) frames.push(frame);
    }
  }

  #takeBody(): Bytes | undefined {
    if (this.#bytes < headBytes) return undefined;
    let head = this.#chunks[0];
    if (head === undefined || head.length < headBytes) head = this.#join();
    const length = head.readUInt32BE(0);
    if (length > frameBytesMax) throw new Error(`R2: a frame of ${length} bytes is too long`);
    if (this.#bytes < headBytes + length) return undefined;
    const whole = head.length >= headBytes + length ? head : this.#join();
    const rest = whole.subarray(headBytes + length);
    if (rest.length === 0) this.#chunks.shift();
    else this.#chunks[0] = rest;
    this.#bytes -= headBytes + length;
    return whole.subarray(headBytes, headBytes + length);
  }

  #join(): Buffer {
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }
}
