/** Facts that became durable together: looked at as a whole once the first fact of the next record has
 *  come, or when all has come to rest. */
export class Together<T> {
  readonly #look: (facts: readonly T[]) => void;
  #record = '';
  #facts: T[] = [];

  constructor(look: (facts: readonly T[]) => void) {
    this.#look = look;
  }

  /** The fact of this record comes next. */
  next(record: string): void {
    if (record === this.#record) return;
    this.end();
    this.#record = record;
  }

  add(fact: T): void {
    this.#facts.push(fact);
  }

  end(): void {
    if (this.#facts.length === 0) return;
    const facts = this.#facts;
    this.#facts = [];
    this.#look(facts);
  }
}
