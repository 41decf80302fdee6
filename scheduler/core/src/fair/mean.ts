/**
 * The weighted mean of numbers that come, go and change. Of two of them one may weigh a million million times
 * as much as the other: so what the sum of the weights cannot hold is kept beside it, and who is left when the
 * heavy one has gone weighs what it did.
 *
 * M1  the weight is nought while nobody is there, and above nought while somebody is.
 */
import { assert } from '@troupe/model';

export class Mean {
  /** Who sets it moves all that come later, not what is there. */
  value = 0;
  /** Changed here only: a field, since it is read at every decision. */
  weight = 0;
  /** By how much the weights are more than their sum could hold. */
  #rest = 0;
  #count = 0;

  add(weight: number, value: number): void {
    this.#sum(weight);
    if (++this.#count === 1) this.value = value;
    else this.value += (weight * (value - this.value)) / this.weight;
  }

  drop(weight: number, value: number): void {
    if (--this.#count > 0) {
      this.#sum(-weight);
      this.value -= (weight * (value - this.value)) / this.weight;
    } else {
      this.weight = 0;
      this.#rest = 0;
      this.value = value;
    }
  }

  /** One of this weight has changed by so much. */
  move(weight: number, by: number): void {
    this.value += (weight * by) / this.weight;
  }

  /** One of this value weighs something else than before. */
  weigh(before: number, weight: number, value: number): void {
    this.#sum(weight);
    this.#sum(-before);
    this.value += ((weight - before) * (value - this.value)) / this.weight;
  }

  #sum(weight: number): void {
    const sum = this.weight + weight;
    const taken = sum - this.weight;
    const rest = this.#rest + (this.weight - (sum - taken)) + (weight - taken);
    this.weight = sum + rest;
    this.#rest = rest - (this.weight - sum);
    assert(this.weight > 0, 'M1: while somebody is there the weight is above nought');
  }
}
