/**
 * The values that a run's expressions refer to, decoded when first asked for and kept while the
 * run lasts. Volatile: a new leader decodes them again.
 */
import { type Block, decodeValue, limits, troupeError } from '@troupe/model';
import { evaluate, type Sources } from './dag/references.ts';
import { type Place, placeOf, type RunRecord } from './run-table.ts';

export class RunValues {
  readonly #run: RunRecord;
  readonly #blocks = new Map<string, unknown>();
  readonly #items = new Map<string, readonly unknown[]>();
  #input: { readonly value: unknown } | undefined;

  constructor(run: RunRecord) {
    this.#run = run;
  }

  /** What a context of this place sees. */
  sources({ vertex, branch }: Pick<Place, 'vertex' | 'branch'>): Sources {
    const whole = this.whole();
    if (branch === undefined) return whole;
    const item = this.items(vertex.block)[branch];
    return { ...whole, around: () => ({ index: branch, item: () => ({ value: item }) }) };
  }

  /** What the output and `each` see. */
  whole(): Sources {
    return {
      input: () => this.#inputValue(),
      block: (id) => ({ value: this.#block(id) }),
      around: () => undefined,
    };
  }

  /** Items of a block with `each`. Throws `WORKFLOW_INVALID` unless they are a bounded array. */
  items(block: Block): readonly unknown[] {
    const known = this.#items.get(block.id);
    if (known !== undefined) return known;
    const items = evaluate(block.each ?? [], this.whole());
    if (!Array.isArray(items)) {
      throw troupeError('WORKFLOW_INVALID', `\`each\` is ${typeof items}, not an array`);
    }
    if (items.length > limits.runBlocksMax) {
      const what = `\`each\` has ${items.length} items, ${limits.runBlocksMax} are allowed`;
      throw troupeError('TOO_LARGE', what);
    }
    this.#items.set(block.id, items);
    return items;
  }

  #inputValue(): unknown {
    this.#input ??= { value: decodeValue(this.#run.input) };
    return this.#input.value;
  }

  #block(id: string): unknown {
    if (this.#blocks.has(id)) return this.#blocks.get(id);
    const { block } = placeOf(this.#run, id);
    const value =
      block.branches === undefined
        ? decodeOutput(block.value)
        : block.branches.map((branch) => decodeOutput(branch.value));
    this.#blocks.set(id, value);
    return value;
  }
}

function decodeOutput(value: Uint8Array | undefined): unknown {
  return value === undefined ? undefined : decodeValue(value);
}
