/** The weighted mean of numbers that come, go and change. Rounding leaves dust, which is swept out
 *  whenever nobody is left. */
const dust = 1e-9;

export class Mean {
  /** Who sets it moves all that come later, not what is there. */
  value = 0;
  weight = 0;

  add(weight: number, value: number): void {
    this.weight += weight;
    this.value += (weight * (value - this.value)) / this.weight;
  }

  drop(weight: number, value: number): void {
    const ahead = value - this.value;
    this.weight -= weight;
    if (this.weight > dust * weight) this.value -= (weight * ahead) / this.weight;
    else {
      this.weight = 0;
      this.value += ahead;
    }
  }

  /** One of this weight has changed by so much. */
  move(weight: number, by: number): void {
    this.value += (weight * by) / this.weight;
  }

  /** One of this value has another weight by so much. */
  weigh(change: number, value: number): void {
    this.weight += change;
    this.value += (change * (value - this.value)) / this.weight;
  }
}
