/**
 * The graph of a workflow while it is built.
 *
 * W1  block ids are unique in their workflow and fit to stand in a context id.
 * W2  a block comes after every block that its expressions refer to, and after those it names.
 * W3  every ref and every name in `after` means a block that stands before it: no cycle can be said.
 * W4  what stands in the body of a container is seen in this body only; the container itself comes
 *     after what its body refers to.
 */
import { type Block, type Edge, type Expression, isTypeName, type Workflow } from '@troupe/model';
import { insideRef, invalid, makeRef, type Ref, toExpression } from '../ref.ts';
import type { BlockOptions } from './options.ts';
import { Place } from './place.ts';
import { Port } from './port.ts';

/** Of every kind of block what is its own. */
export type BlockBody = Block extends infer B
  ? B extends Block
    ? Omit<B, 'id' | 'after' | 'in'>
    : never
  : never;

/** From where an expression is seen. */
export type Seen = 'outside' | 'in-branch' | 'in-body' | 'in-undo' | 'in-undo-of-branch';

export class Graph {
  readonly #name: string;
  /** In the order in which they were begun. */
  readonly #blocks = new Map<string, Block | undefined>();
  /** By block, the container in whose body it stands. */
  readonly #bodies = new Map<string, string | undefined>();
  /** Containers whose body is being built, the innermost last. */
  readonly #open: Place[] = [];
  readonly #edges: Edge[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  place(id: string, options: BlockOptions | undefined): Place {
    const name = `workflow ${this.#name}, block ${id}`;
    if (typeof id !== 'string' || !isTypeName(id)) throw invalid(name, 'has no fit id (W1)');
    if (this.#bodies.has(id)) throw invalid(name, 'stands there twice (W1)');
    const place = new Place(id, name, this.#open.at(-1)?.id);
    for (const earlier of options?.after ?? []) this.#comeAfter(place, earlier);
    return place;
  }

  /** What a part of a block is, with its refs noted as what the block comes after. */
  write(place: Place, part: string, value: unknown, seen: Seen = 'outside'): Expression {
    const name = `${place.name}, ${part}`;
    // A task without input gets null: JSON knows no undefined.
    return toExpression(value === undefined ? null : value, {
      owner: this,
      name,
      onRef: (path, port) => this.#refer({ path, port, place, name, seen }),
    });
  }

  add<T>(place: Place, body: BlockBody): Ref<T> {
    const around = place.body === undefined ? {} : { in: place.body };
    const block = { id: place.id, after: place.after(), ...around, ...body } as Block;
    this.#bodies.set(place.id, place.body);
    this.#blocks.set(place.id, block);
    this.#edges.push(...place.edges());
    return makeRef<T>(this, ['blocks', place.id]);
  }

  /** Builds the body of a container; answers the block whose output is that of a round or branch. */
  body<X>(place: Place, build: () => X): { readonly returned: X; readonly result: string } {
    this.#bodies.set(place.id, place.body);
    this.#blocks.set(place.id, undefined);
    this.#open.push(place);
    const before = this.#blocks.size;
    const returned = build();
    if (returned instanceof Promise) {
      throw invalid(place.name, 'has a body that is an async function; it must be a plain one');
    }
    if (this.#blocks.size === before) throw invalid(place.name, 'has no block in its body');
    const result = this.#resultOf(place, returned);
    this.#open.pop();
    return { returned, result };
  }

  /** The block that is meant as a whole. `what` says of whom an error tells. */
  blockOf(earlier: unknown, what: string): string {
    const inside = insideRef(earlier);
    const id = inside === undefined ? earlier : inside.path[1];
    const isBlock = inside === undefined || inside.path[0] === 'blocks';
    const known = isBlock && typeof id === 'string' && this.#blocks.get(id) !== undefined;
    if (!known || (inside !== undefined && inside.owner !== this)) {
      throw invalid(what, `comes after ${String(id)}, which is no block before it (W3)`);
    }
    return id;
  }

  get name(): string {
    return `workflow ${this.#name}`;
  }

  finish(
    returned: unknown,
    options: Pick<Workflow, 'onFailure' | 'limitMs' | 'segmentLimitMs'>,
  ): Workflow {
    const name = `workflow ${this.#name}, output`;
    const output = toExpression(returned ?? null, {
      owner: this,
      name,
      onRef: (path) => {
        if (path[0] === 'item' || path[0] === 'index') throw invalid(name, 'uses an item');
        if (path[0] === 'done') throw invalid(name, `uses what ${path[1]} has done`);
        if (path[0] === 'around') throw invalid(name, `uses the ${path[2]} of ${path[1]} (W4)`);
        const body = path[0] === 'blocks' ? this.#bodies.get(String(path[1])) : undefined;
        if (body !== undefined) throw invalid(name, outOf(String(path[1]), body));
      },
    });
    const blocks = [...this.#blocks.values()].filter((block) => block !== undefined);
    if (blocks.length === 0) throw invalid(`workflow ${this.#name}`, 'has no block');
    const edges = this.#edges.length === 0 ? {} : { edges: this.#edges };
    return { name: this.#name, blocks, ...edges, ...options, output };
  }

  #comeAfter(place: Place, earlier: unknown): void {
    const ref = insideRef(earlier);
    const port = earlier instanceof Port ? earlier : undefined;
    if (port !== undefined && port.owner !== this) {
      throw invalid(place.name, 'comes after a port of another workflow');
    }
    const block = this.blockOf(port === undefined ? earlier : port.block, place.name);
    const body = this.#bodies.get(block);
    if (body !== place.body) {
      const beside = body === undefined ? 'stands outside of this body' : `stands in ${body}`;
      throw invalid(place.name, `comes after ${block}, which ${beside} (W4)`);
    }
    const ports = port?.ports ?? asPorts(ref?.port);
    if (ports.length === 0) place.comesAfter(block);
    for (const one of ports) place.comesAfterPort(block, one);
  }

  #refer(one: {
    readonly path: readonly (string | number)[];
    readonly port: string | undefined;
    readonly place: Place;
    readonly name: string;
    readonly seen: Seen;
  }): void {
    const { path, port, place, name, seen } = one;
    const [head, second] = path;
    if (head === 'item' || head === 'index') {
      if (seen !== 'in-branch' && seen !== 'in-undo-of-branch')
        throw invalid(name, `uses the ${head} of another block`);
    } else if (head === 'done') {
      const undoes = seen === 'in-undo' || seen === 'in-undo-of-branch';
      if (undoes && place.id === second) return;
      throw invalid(name, `uses what ${second} has done, which only what undoes that block can`);
    } else if (head === 'around') {
      const isIn = seen === 'in-body' && place.id === second;
      if (!isIn && !this.#open.some(({ id }) => id === second)) {
        throw invalid(name, `uses the ${path[2]} of ${second}, whose body ends before it (W4)`);
      }
    } else if (head === 'blocks') {
      const block = String(second);
      const body = this.#bodies.get(block);
      if (seen === 'in-body' && body === place.id) return;
      const beside = [place, ...this.#open].find((around) => around.body === body);
      if (beside === undefined) throw invalid(name, outOf(block, body));
      if (port === undefined) beside.refersTo(block);
      else beside.comesAfterPort(block, port);
    }
  }

  /** What a body returns: a block of it as it is, else a value of its own. */
  #resultOf(place: Place, returned: unknown): string {
    const inside = insideRef(returned);
    const [head, block = ''] = inside?.path ?? [];
    const isWhole = head === 'blocks' && inside?.path.length === 2 && inside.owner === this;
    if (isWhole && this.#bodies.get(String(block)) === place.id) return String(block);
    const own = new Place(`${place.id}.result`, `${place.name}, result`, place.id);
    if (this.#bodies.has(own.id))
      throw invalid(own.name, `is "${own.id}", which stands there (W1)`);
    this.add(own, { kind: 'value', value: this.write(own, 'value', returned) });
    return own.id;
  }
}

function asPorts(port: string | undefined): readonly string[] {
  return port === undefined ? [] : [port];
}

function outOf(block: string, body: string | undefined): string {
  return `uses ${block}, which stands in the body of ${body}: use what ${body} comes to (W4)`;
}
