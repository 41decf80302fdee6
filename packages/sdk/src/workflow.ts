/**
 * `workflow(name, build)`: a graph of blocks, written as a function that is run once, when the
 * module loads. What it calls becomes blocks; what it returns becomes the run's output.
 *
 * W1  block ids are unique in their workflow and fit to stand in a context id.
 * W2  a block comes after every block that its expressions refer to, and after those it names.
 * W3  every ref and every name in `after` means a block that stands before it: no cycle can be said.
 */
import { type Block, isTypeName, version, type Workflow } from '@troupe/model';
import type { AnyActorDefinition, Called } from './actor.ts';
import { checkName, type Definition, definitionBrand } from './definition.ts';
import {
  insideRef,
  invalid,
  makeRef,
  type Ref,
  type Refs,
  type Resolved,
  toExpression,
} from './ref.ts';
import type { TaskDefinition } from './task.ts';

export interface WorkflowDefinition<I = never, O = unknown> extends Definition<'workflow'> {
  readonly workflow: Workflow;
  /** Holds the types only. */
  readonly types?: { readonly input: (input: I) => void; readonly output: O };
}

export interface BlockOptions {
  /** Blocks that must have settled before, beside those whose results are used: ids or results. */
  readonly after?: readonly (string | Ref<unknown>)[];
}

export interface EachOptions extends BlockOptions {
  /** Branches in flight at once. */
  readonly inFlightMax?: number;
}

type MethodsOf<A extends AnyActorDefinition> = A['methods'] & A['reads'];
type ArgsOf<F> = Called<F> extends (...args: infer P) => unknown ? P : never;
type ReplyOf<F> = Called<F> extends (...args: never[]) => Promise<infer T> ? T : never;

/** What the building function is given. */
export interface WorkflowBuilder {
  /** Runs a task. */
  task<I, O>(
    id: string,
    task: TaskDefinition<I, O>,
    input: Refs<I>,
    options?: BlockOptions,
  ): Ref<O>;
  /** Runs a task for each item, in branches; the result holds theirs in the order of the items. */
  each<E, I, O>(
    id: string,
    items: Ref<readonly E[]> | Ref<E[]> | readonly Refs<E>[],
    task: TaskDefinition<I, O>,
    input: (item: Ref<E>, index: Ref<number>) => Refs<I>,
    options?: EachOptions,
  ): Ref<O[]>;
  /** Calls a method of an actor. */
  call<A extends AnyActorDefinition, K extends keyof MethodsOf<A> & string>(
    id: string,
    actor: A,
    key: Refs<string>,
    method: K,
    args: { readonly [P in keyof ArgsOf<MethodsOf<A>[K]>]: Refs<ArgsOf<MethodsOf<A>[K]>[P]> },
    options?: BlockOptions,
  ): Ref<ReplyOf<MethodsOf<A>[K]>>;
  /** Waits for a person; the result is what the person answers. */
  pause<T = unknown>(id: string, prompt: unknown, options?: BlockOptions): Ref<T>;
}

/** Defines a workflow. Annotate the input: `(w, input: Ref<{ folder: string }>) => …`. */
export function workflow<I, X>(
  name: string,
  build: (w: WorkflowBuilder, input: Ref<I>) => X,
): WorkflowDefinition<I, Resolved<X>> {
  checkName('workflow', name);
  const graph = new Graph(name);
  const returned = build(builder(graph), makeRef<I>(graph, ['input']));
  if (returned instanceof Promise) {
    throw invalid(`workflow ${name}`, 'is built by an async function; it must be a plain one');
  }
  const definition: WorkflowDefinition<I, Resolved<X>> = {
    [definitionBrand]: 'workflow',
    name,
    sdk: version,
    workflow: graph.finish(returned),
  };
  return Object.freeze(definition);
}

function builder(graph: Graph): WorkflowBuilder {
  return {
    task(id, task, input, options) {
      const place = graph.place(id, options);
      const block = { kind: 'task', task: task.name, input: place.write('input', input) } as const;
      return graph.add(place, block);
    },
    each(id, items, task, input, options) {
      const place = graph.place(id, options);
      const each = place.write('items', items);
      const branch = input(makeRef(graph, ['item']), makeRef(graph, ['index']));
      const written = place.write('input', branch, true);
      const inFlightMax = options?.inFlightMax;
      if (inFlightMax !== undefined && (!Number.isSafeInteger(inFlightMax) || inFlightMax < 1)) {
        throw invalid(place.name, `has inFlightMax ${inFlightMax}, not a whole number from 1 on`);
      }
      return graph.add(place, {
        kind: 'task',
        task: task.name,
        input: written,
        each,
        ...(inFlightMax === undefined ? {} : { inFlightMax }),
      });
    },
    call(id, actor, key, method, args, options) {
      const place = graph.place(id, options);
      if (!Object.hasOwn(actor.methods, method) && !Object.hasOwn(actor.reads, method)) {
        throw invalid(place.name, `calls ${actor.name}.${method}, which does not exist`);
      }
      return graph.add(place, {
        kind: 'call',
        type: actor.name,
        key: place.write('key', key),
        method,
        args: Object.values(args).map((argument, index) => place.write(`args[${index}]`, argument)),
      });
    },
    pause(id, prompt, options) {
      const place = graph.place(id, options);
      return graph.add(place, { kind: 'pause', prompt: place.write('prompt', prompt) });
    },
  };
}

/** Of every kind of block what is its own. */
type BlockBody = Block extends infer B
  ? B extends Block
    ? Omit<B, 'id' | 'after'>
    : never
  : never;

/** A block on its way: gathers what it must come after while its expressions are written. */
interface BlockPlace {
  readonly id: string;
  readonly name: string;
  readonly after: Set<string>;
  write(part: string, value: unknown, inBranch?: boolean): ReturnType<typeof toExpression>;
}

class Graph {
  readonly #name: string;
  readonly #blocks = new Map<string, Block>();

  constructor(name: string) {
    this.#name = name;
  }

  place(id: string, options: BlockOptions | undefined): BlockPlace {
    const name = `workflow ${this.#name}, block ${id}`;
    if (typeof id !== 'string' || !isTypeName(id)) throw invalid(name, 'has no fit id (W1)');
    if (this.#blocks.has(id)) throw invalid(name, 'stands there twice (W1)');
    const after = new Set<string>();
    for (const earlier of options?.after ?? []) after.add(this.#blockOf(earlier, name));
    const write = (part: string, value: unknown, inBranch = false) =>
      // A task without input gets null: JSON knows no undefined.
      toExpression(value === undefined ? null : value, {
        owner: this,
        name: `${name}, ${part}`,
        onRef: (path) => {
          if (path[0] === 'blocks') after.add(String(path[1]));
          if ((path[0] === 'item' || path[0] === 'index') && !inBranch) {
            throw invalid(`${name}, ${part}`, `uses the ${path[0]} of another block`);
          }
        },
      });
    return { id, name, after, write };
  }

  add<T>(place: BlockPlace, body: BlockBody): Ref<T> {
    const block = { id: place.id, after: [...place.after], ...body } as Block;
    this.#blocks.set(place.id, block);
    return makeRef<T>(this, ['blocks', place.id]);
  }

  finish(returned: unknown): Workflow {
    const name = `workflow ${this.#name}, output`;
    const output = toExpression(returned ?? null, {
      owner: this,
      name,
      onRef: (path) => {
        if (path[0] === 'item' || path[0] === 'index') throw invalid(name, 'uses an item');
      },
    });
    if (this.#blocks.size === 0) throw invalid(`workflow ${this.#name}`, 'has no block');
    return { name: this.#name, blocks: [...this.#blocks.values()], output };
  }

  /** The id that an entry of `after` means (W3). */
  #blockOf(earlier: unknown, place: string): string {
    const inside = insideRef(earlier);
    const id = inside === undefined ? earlier : inside.path[1];
    const known = typeof id === 'string' && this.#blocks.has(id);
    if (!known || (inside !== undefined && inside.owner !== this)) {
      throw invalid(place, `comes after ${String(id)}, which is no block before it (W3)`);
    }
    return id;
  }
}
