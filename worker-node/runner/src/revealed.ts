/**
 * The secrets that user code of this process was given. What would be recorded with one in it is
 * refused, and texts are told with the reference in its place. Secrets are of the whole process, as is
 * this: user code of one turn may hand them to another.
 */
import { limits, troupeError } from '@troupe/model';

class Revealed {
  /** References by value. */
  readonly #secrets = new Map<string, { readonly reference: string; readonly bytes: Buffer }>();

  add(reference: string, value: string): void {
    if (value.length < limits.secretLengthMin || this.#secrets.has(value)) return;
    this.#secrets.set(value, { reference, bytes: Buffer.from(value) });
  }

  /** Throws when one of them stands in what is about to be recorded; `what` names it. */
  check(recorded: Uint8Array, what: string): void {
    if (this.#secrets.size === 0) return;
    const buffer = Buffer.from(recorded.buffer, recorded.byteOffset, recorded.length);
    for (const { reference, bytes } of this.#secrets.values()) {
      if (!buffer.includes(bytes)) continue;
      throw troupeError('SECRET_EXPOSED', `${what} holds the secret ${reference}`, { reference });
    }
  }

  /** The text, with references in the place of secrets. */
  scrub(text: string): string {
    let scrubbed = text;
    for (const [value, { reference }] of this.#secrets) {
      scrubbed = scrubbed.replaceAll(value, reference);
    }
    return scrubbed;
  }
}

export const revealed = new Revealed();
