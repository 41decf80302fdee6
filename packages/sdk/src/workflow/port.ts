/**
 * Ways out of a block that are no values: the cases of a choice or route, its failure, its end in
 * whatever way. They stand in `after`.
 */
import type { Ref } from '../ref.ts';

/** A way out of a block, to stand in `after`. */
export class Port {
  readonly owner: object;
  readonly block: string;
  /** An edge leaves by each of them. */
  readonly ports: readonly string[];

  constructor(owner: object, block: string, ports: readonly string[]) {
    this.owner = owner;
    this.block = block;
    this.ports = ports;
  }
}

/** A block that leaves by one of several ports. */
export interface Branching<P extends string, O> {
  /** What the block came to: which port it took, and whatever else a route answers. */
  readonly result: Ref<O>;
  /** A block `after` this port runs when it is the one that is taken. */
  port(name: P): Port;
}
