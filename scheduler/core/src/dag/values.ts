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
import { containersOf, namedBy, type Vertex } from './graph.ts';
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
  readonly round?: Round;
  /** What it stands in, where that may be a round that is over; else where its container stands now. */
  readonly outside?: Stand;
}

/** A round that is over. */
interface Round {
  readonly results: readonly Result[];
  readonly index: number;
}

export class RunValues {
  readonly #compiled: CompiledWorkflow;
  readonly #state: RunState;
  readonly #input: Bytes;
  readonly #holds: Holds;
  readonly #kept = new Map<Bytes | Instance, unknown>();
  /** By container; by its body at work where it may stand in a round that is over. */
  readonly #items = new Map<Context | Instance, readonly unknown[]>();
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

  /**
   * What the undo of a context sees, wherever it stood: in a branch, or in a round that may be over. What the
   * context came to is among it, unless `isDone` is false.
   */
  undone(id: string, isDone: boolean): Sources | undefined {
    const named = namedBy(this.#compiled.graph, id);
    if (named === undefined) return undefined;
    const { vertex, indices } = named;
    let stand: Stand | undefined = { instance: this.#state.root, frame: 0 };
    for (const container of containersOf(vertex)) {
      stand = this.#within(stand, container, indices[container.body.depth] ?? 0);
      if (stand === undefined) return undefined;
    }
    const own = stand;
    const done = () => {
      const result = isDone ? this.#resultIn(own, vertex) : undefined;
      return result === undefined ? 'unknown' : { value: this.#valueOf(result) };
    };
    return { ...this.#sources(stand), done };
  }

  /** Where the round or branch of this index of a container stands. */
  #within(outside: Stand, container: Vertex, index: number): Stand | undefined {
    const slot = outside.frame * outside.instance.size + container.local;
    const inner =
      outside.round === undefined
        ? outside.instance.inner.get(slot)
        : this.#resultIn(outside, container)?.inner;
    if (inner === undefined) return undefined;
    if (inner.body.kind !== 'loop') return { instance: inner, frame: index, outside };
    const results = inner.earlier[index];
    const present = { instance: inner, frame: 0, outside };
    return results === undefined ? present : { ...present, round: { results, index } };
  }

  #resultIn({ instance, frame, round }: Stand, vertex: Vertex): Result | undefined {
    if (round !== undefined) return round.results.find((one) => one.vertex === vertex);
    const slot = frame * instance.size + vertex.local;
    return settledWell(instance.state[slot] ?? 0) ? instance.resultAt(slot) : undefined;
  }

  /** Items of a container, or of a block with `each`. Throws unless they are some. */
  items(context: Context): readonly unknown[] {
    return this.#itemsOf(context, context, () => this.sources(context));
  }

  #itemsOf(
    { instance, slot }: Context,
    key: Context | Instance,
    sources: () => Sources,
  ): readonly unknown[] {
    const known = this.#items.get(key);
    if (known !== undefined) return known;
    const { block } = this.#stepOf(instance.vertexAt(slot));
    const items = listOf(block, evaluate(itemsOf(block) ?? [], sources()));
    if (this.#items.size >= keptItemsMax) this.#items.clear();
    this.#items.set(key, items);
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
    let at = stand;
    while (at.instance.body !== vertex.body) {
      const outside = outsideOf(at);
      if (outside === undefined) return 'open';
      at = outside;
    }
    const result = this.#resultIn(at, vertex);
    if (result !== undefined) return this.#came(result);
    if (at.round !== undefined) return 'skipped';
    const slot = at.frame * at.instance.size + vertex.local;
    return slotStates[at.instance.state[slot] ?? 0] === 'skipped' ? 'skipped' : 'open';
  }

  #around(id: string | undefined, stand: Stand): Turn | undefined {
    let at = stand;
    for (let outside = outsideOf(at); outside !== undefined; outside = outsideOf(at)) {
      const { instance, frame, round } = at;
      const container = instance.parent;
      if (container === undefined) return undefined;
      if (id === undefined || container.instance.vertexAt(container.slot).id === id) {
        const index = round?.index ?? (instance.body.kind === 'loop' ? instance.round : frame);
        const within = at;
        return {
          index,
          item: () => this.#item(container, within, index),
          last: () => this.#last(within.instance, index - 1),
        };
      }
      at = outside;
    }
    return undefined;
  }

  #item(
    container: Context,
    { instance, outside }: Stand,
    index: number,
  ): { readonly value: unknown } | undefined {
    const { block } = this.#stepOf(container.instance.vertexAt(container.slot));
    if (itemsOf(block) === undefined) return undefined;
    const items =
      outside === undefined
        ? this.items(container)
        : this.#itemsOf(container, instance, () => this.#sources(outside));
    return index < items.length ? { value: items[index] } : undefined;
  }

  /** What a round that has ended came to. */
  #last({ parent, earlier }: Instance, round: number): { readonly value: unknown } | undefined {
    if (parent === undefined) return undefined;
    const { block } = this.#stepOf(parent.instance.vertexAt(parent.slot));
    if (block.kind !== 'loop' || block.result === undefined) return undefined;
    const result = earlier[round]?.find(({ vertex }) => vertex.id === block.result);
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

/** The body around, at the moment at which it was left for this one. */
function outsideOf({ instance: { parent }, outside }: Stand): Stand | undefined {
  if (outside !== undefined || parent === undefined) return outside;
  const { instance, slot } = parent;
  return { instance, frame: instance.frameOf(slot) };
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
