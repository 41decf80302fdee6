/**
 * The only source of chance. Streams made by `fork` are independent: what one part of the world
 * draws does not move what another part draws.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = mix(seed ^ 0x9e3779b9);
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let drawn = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    drawn = (drawn + Math.imul(drawn ^ (drawn >>> 7), 61 | drawn)) ^ drawn;
    return ((drawn ^ (drawn >>> 14)) >>> 0) / 4294967296;
  }

  chance(share: number): boolean {
    return share > 0 && this.next() < share;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** A number in between; small ones are as likely as large ones on a logarithmic scale. */
  spread(least: number, most: number): number {
    return least * (most / least) ** this.next();
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.next() * list.length)];
    if (picked === undefined) throw new Error('there is nothing to pick from');
    return picked;
  }

  fork(name: string): Random {
    let hash = this.#state;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    return new Random(hash);
  }
}

export function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
