/**
 * What the expressions of a run see, from where they stand: outputs are decoded when first asked
 * for and kept within a bound. Volatile: a new leader decodes them again, and finds the items of a
 * container again by the same expression.
 *
 * V1  the same state gives the same values, whoever asks and whatever is still kept.
 */
import {
  type Block,
  type Bytes,
  decodeForeign,
  type Expression,
  stepInto,
  troupeError,
  unnamedObject,
} from '@troupe/model';
import type { CompiledWorkflow, Step } from './compile.ts';
import type { Vertex } from './graph.ts';
import { type Context, type Instance, type Result, settledWell, slotStates } from './instance.ts';
import { reached } from './reach.ts';
import { type Came, evaluate, type Sources, type Turn } from './references.ts';
import type { RunState } from './run-state.ts';

/** Bytes that decoded values were decoded from; all are let go of beyond. */
const keptBytesMax = 8 * 1024 * 1024;
/** Lists of items that are kept. */
const keptItemsMax = 1_000;

/** What a run keeps in the object store, by number. */
export type Holds = ReadonlyMap<number, unknown>;

const holdsNothing: Holds = new Map();

/** A body at a moment: what stands in it sees its frame. */
interface Stand {
  readonly instance: Instance;
  readonly frame: number;
  /** The round that has just ended, where a loop is asked whether there is another. */
  readonly round?: { readonly results: readonly Result[]; readonly index: number };
}

export class RunValues {
  readonly #compiled: CompiledWorkflow;
  readonly #state: RunState;
  readonly #input: Bytes;
  readonly #holds: Holds;
  readonly #kept = new Map<Bytes | Instance, unknown>();
  readonly #items = new Map<Context, readonly unknown[]>();
  #keptBytes = 0;
  #work = 0;

  constructor(
    compiled: CompiledWorkflow,
    state: RunState,
    input: Bytes,
    holds: Holds = holdsNothing,
  ) {
    this.#compiled = compiled;
    this.#state = state;
    this.#input = input;
    this.#holds = holds;
  }

  /** What conditions and decoding took since this was last asked, where 1 is to look at a number in a list. */
  takeWork(): number {
    const work = this.#work;
    this.#work = 0;
    return work;
  }

  /** What the output of the workflow sees. */
  whole(): Sources {
    return this.#sources({ instance: this.#state.root, frame: 0 });
  }

  /** What a context sees. */
  sources({ instance, slot }: Context): Sources {
    return this.#sources({ instance, frame: instance.frameOf(slot) });
  }

  /** What the condition of a loop sees: its body as the last round left it, if there was one. Asked
   *  before a round, the index is that of the round to come; asked after it, that round's. */
  inside(loop: Context): Sources {
    const inner = loop.instance.inner.get(loop.slot);
    if (inner === undefined) return this.#beforeRounds(loop);
    const last = inner.round - 1;
    const { block } = this.#stepOf(loop.instance.vertexAt(loop.slot));
    const isAhead = block.kind === 'loop' && 'while' in block.rounds;
    const round = { results: inner.earlier[last] ?? [], index: isAhead ? last + 1 : last };
    return this.#sources({ instance: inner, frame: 0, round });
  }

  /** Items of a container, or of a block with `each`. Throws unless they are some. */
  items(context: Context): readonly unknown[] {
    const known = this.#items.get(context);
    if (known !== undefined) return known;
    const { block } = this.#stepOf(context.instance.vertexAt(context.slot));
    const items = listOf(block, evaluate(itemsOf(block) ?? [], this.sources(context)));
    if (this.#items.size >= keptItemsMax) this.#items.clear();
    this.#items.set(context, items);
    return items;
  }

  #beforeRounds(loop: Context): Sources {
    const body = loop.instance.vertexAt(loop.slot).inner;
    const outside = this.sources(loop);
    const turn: Turn = { index: 0, item: () => undefined, last: () => undefined };
    const { id: own } = loop.instance.vertexAt(loop.slot);
    return {
      ...outside,
      block: (id) => (this.#vertex(id)?.body === body ? 'skipped' : outside.block(id)),
      around: (id) => (id === undefined || id === own ? turn : outside.around(id)),
    };
  }

  #sources(stand: Stand): Sources {
    return {
      holds: this.#holds.size > 0,
      spend: (work) => {
        this.#work += work;
      },
      input: () => this.#decoded(this.#input),
      block: (id) => this.#block(id, stand),
      around: (id) => this.#around(id, stand),
    };
  }

  /** Outwards until the body that the block stands in. */
  #block(id: string, stand: Stand): ReturnType<Sources['block']> {
    const vertex = this.#vertex(id);
    if (vertex === undefined) return 'open';
    let { instance, frame } = stand;
    if (stand.round !== undefined && instance.body === vertex.body) {
      const result = stand.round.results.find((one) => one.vertex === vertex);
      return result === undefined ? 'skipped' : this.#came(result);
    }
    while (instance.body !== vertex.body) {
      const { parent } = instance;
      if (parent === undefined) return 'open';
      frame = parent.instance.frameOf(parent.slot);
      instance = parent.instance;
    }
    const slot = frame * instance.size + vertex.local;
    const state = instance.state[slot] ?? 0;
    if (slotStates[state] === 'skipped') return 'skipped';
    if (!settledWell(state)) return 'open';
    return this.#came(instance.resultAt(slot));
  }

  #around(id: string | undefined, stand: Stand): Turn | undefined {
    let { instance, frame } = stand;
    let at = stand.round?.index;
    for (let { parent } = instance; parent !== undefined; parent = instance.parent) {
      const container = parent;
      if (id === undefined || container.instance.vertexAt(container.slot).id === id) {
        const index = at ?? (instance.body.kind === 'loop' ? instance.round : frame);
        return {
          index,
          item: () => this.#item(container, index),
          last: () => this.#last(container, index - 1),
        };
      }
      at = undefined;
      frame = container.instance.frameOf(container.slot);
      instance = container.instance;
    }
    return undefined;
  }

  #item(container: Context, index: number): { readonly value: unknown } | undefined {
    const { block } = this.#stepOf(container.instance.vertexAt(container.slot));
    if (itemsOf(block) === undefined) return undefined;
    const items = this.items(container);
    return index < items.length ? { value: items[index] } : undefined;
  }

  /** What a round that has ended came to. */
  #last({ instance, slot }: Context, round: number): { readonly value: unknown } | undefined {
    const { block } = this.#stepOf(instance.vertexAt(slot));
    if (block.kind !== 'loop' || block.result === undefined) return undefined;
    const results = instance.inner.get(slot)?.earlier[round];
    const result = results?.find(({ vertex }) => vertex.id === block.result);
    return result === undefined || result.failed ? undefined : { value: this.#valueOf(result) };
  }

  #came(result: Result): Came {
    const value = this.#valueOf(result);
    return result.failed ? { failed: value } : { value };
  }

  #valueOf({ vertex, output, inner }: Result): unknown {
    // A container that failed came to its failure.
    if (output !== undefined) return this.#decoded(output);
    if (inner === undefined) return undefined;
    const known = this.#kept.get(inner);
    if (known !== undefined) return known;
    const before = this.#keptBytes;
    const value = this.#valueOfTurns(this.#stepOf(vertex), inner.results());
    this.#keep(inner, value, Math.max(this.#keptBytes - before, 0));
    return value;
  }

  #valueOfTurns({ block, part }: Step, turns: readonly (readonly Result[])[]): unknown {
    const one = part === 'each' ? block.id : 'result' in block ? block.result : undefined;
    if (one === undefined) {
      return { results: turns.map((turn) => turn.map((result) => this.#listed(result))) };
    }
    return turns.map((turn) => {
      const result = turn.find(({ vertex }) => part === 'each' || vertex.id === one);
      return result === undefined || result.failed ? null : this.#valueOf(result);
    });
  }

  /** Among all that the blocks of a body came to; a failure as Sim lists it. */
  #listed(result: Result): unknown {
    const value = this.#valueOf(result);
    return result.failed ? { error: messageIn(value) } : value;
  }

  #decoded(bytes: Bytes): unknown {
    const known = this.#kept.get(bytes);
    if (known !== undefined) return known;
    this.#work += bytes.length;
    // A handle that the run does not hold was made by nobody who may.
    const value = decodeForeign(bytes, (handle) => {
      if (this.#holds.has(handle.stored.object)) return handle;
      throw unnamedObject(handle.stored.object);
    });
    this.#keep(bytes, value, bytes.length);
    return value;
  }

  #keep(key: Bytes | Instance, value: unknown, bytes: number): void {
    if (this.#keptBytes + bytes > keptBytesMax) {
      this.#kept.clear();
      this.#keptBytes = 0;
    }
    this.#keptBytes += bytes;
    this.#kept.set(key, value);
  }

  #vertex(id: string): Vertex | undefined {
    return this.#compiled.graph.byId.get(id);
  }

  #stepOf(vertex: Vertex): CompiledWorkflow['steps'][number] {
    const step = this.#compiled.steps[vertex.number];
    if (step === undefined) throw new RangeError(`no step has number ${vertex.number}`);
    return step;
  }
}

/** Of what `failureOutput` makes. */
function messageIn(failed: unknown): unknown {
  return stepInto(stepInto(failed, 'error')?.value, 'message')?.value ?? null;
}

function itemsOf(block: Block): Expression | undefined {
  if (block.each !== undefined) return block.each;
  if (block.kind === 'loop') return 'items' in block.rounds ? block.rounds.items : undefined;
  if (block.kind !== 'parallel') return undefined;
  return 'items' in block.branches ? block.branches.items : undefined;
}

/** An array; a container also takes an object, for pairs of its names and values. */
function listOf(block: Block, given: unknown): readonly unknown[] {
  const items = reached(given);
  if (Array.isArray(items)) return items;
  const name = block.each === undefined ? 'items' : 'each';
  const isRecord = typeof items === 'object' && items !== null && name === 'items';
  if (isRecord && Object.getPrototypeOf(items) === Object.prototype) return Object.entries(items);
  const what = items === null ? 'null' : typeof items;
  throw troupeError('WORKFLOW_INVALID', `\`${name}\` is ${what}, not an array`, {
    block: block.id,
  });
}
