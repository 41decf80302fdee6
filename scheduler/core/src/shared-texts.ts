/**
 * Texts that many records have, such as the node or the bundle of an actor: each that was read from a journal or
 * an image is a copy of its own, and a million records need one.
 *
 * ST1 at most `textsMax` are remembered: beyond that it is begun anew, and what is shared stays so.
 */
import { ownText } from '@troupe/model';

const textsMax = 1_000;

export class SharedTexts {
  readonly #texts = new Map<string, string>();

  /** The same text, of which others have the very same copy. */
  one<Text extends string>(text: Text): Text {
    const known = this.#texts.get(text);
    if (known !== undefined) return known as Text;
    if (this.#texts.size >= textsMax) this.#texts.clear();
    const own = ownText(text);
    this.#texts.set(own, own);
    return own;
  }
}
