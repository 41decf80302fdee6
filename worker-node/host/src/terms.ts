/**
 * Which leader to believe. Everything a leader says carries its term.
 *
 * T1  a message of a term lower than the highest one seen is refused, and counted.
 */
import { type Term, type ToNode, termIsOlder } from '@troupe/model';

export class TermGate {
  #highest: Term | undefined;
  #refused = 0;

  /** Messages of deposed leaders that were refused. */
  get refused(): number {
    return this.#refused;
  }

  get highest(): Term | undefined {
    return this.#highest;
  }

  /** True when the message may be heard; messages without a term always may. */
  admits(message: ToNode): boolean {
    if (!('term' in message)) return true;
    if (this.#highest !== undefined && termIsOlder(message.term, this.#highest)) {
      this.#refused += 1;
      return false;
    }
    this.#highest = message.term;
    return true;
  }
}
