/**
 * A workflow of Sim as one of ours. Whatever cannot be carried over is a refusal with its place; what
 * is carried over in another shape is told as a note.
 *
 * I1  a workflow is made only when nothing was refused.
 * I2  references make no edges, as in Sim: the document's connections are all there are.
 */
import type { Block, Edge, Expression, Workflow } from '@troupe/model';
import { type BlockType, type BlockTypes, builtInTypes } from './block-types.ts';
import { BlockWriter, type NeededTask } from './blocks.ts';
import { checkDocument, type SimBlock, type SimDocument } from './document.ts';
import { edgesOf } from './edges.ts';
import { idsOf, slugOf } from './names.ts';
import { depthsOf, isTrigger, type Reached, reach } from './reach.ts';
import { Refused, Scope } from './scope.ts';
import type { Environment } from './templates.ts';
import { Variables } from './variables.ts';

export interface ImportOptions {
  /** Name of the workflow. */
  readonly name: string;
  /** Id or name of the block to start with; the first trigger unless given. */
  readonly trigger?: string;
  /** Id or name of a block after which the workflow ends: what follows it is left out. */
  readonly until?: string;
  /** Beside those that come along, and instead of them where the name is the same. */
  readonly types?: BlockTypes;
  /** What becomes of types that are not known: refused, unless they shall be tasks of that name. */
  readonly otherTypes?: 'refused' | 'tasks';
  /** Values for `{{NAME}}`, which then stand in the workflow; others are read by tasks. */
  readonly environment?: Environment;
}

export interface Imported {
  /** Absent when something was refused (I1). */
  readonly workflow: Workflow | undefined;
  readonly blocks: readonly ImportedBlock[];
  /** What the workflow runs, by name. */
  readonly tasks: readonly NeededTask[];
  readonly notes: readonly Remark[];
  readonly refusals: readonly Remark[];
}

export interface ImportedBlock {
  /** Sim's id, and ours. */
  readonly simId: string;
  readonly id: string;
  readonly type: string;
  /** What it became: `task agent`, `choice`; undefined when it is not a part of the run. */
  readonly became: string | undefined;
}

export interface Remark {
  /** The block, or what else it is said of. */
  readonly place: string;
  readonly what: string;
}

/** Throws `WORKFLOW_INVALID` when the document is none of Sim's or has no such trigger. */
export function importSim(data: unknown, options: ImportOptions): Imported {
  return new Importer(checkDocument(data), options).run();
}

class Importer {
  readonly #document: SimDocument;
  readonly #options: ImportOptions;
  readonly #types: BlockTypes;
  readonly #reached: Reached;
  readonly #ids: ReadonlyMap<string, string>;
  readonly #notes: Remark[] = [];
  readonly #refusals: Remark[] = [];
  readonly #blocks: Block[] = [];
  readonly #edges: Edge[] = [];

  constructor(document: SimDocument, options: ImportOptions) {
    this.#document = document;
    this.#options = options;
    this.#types = { ...builtInTypes, ...options.types };
    this.#reached = reach(document, this.#types, options);
    this.#ids = idsOf(document.blocks);
  }

  run(): Imported {
    const { blocks, dropped, trigger } = this.#reached;
    const { trigger: wanted } = this.#options;
    for (const { source, target } of dropped) {
      this.#note(
        `${this.#idOf(source)} -> ${this.#idOf(target)}`,
        'this edge crosses the border of a container and is left out, as Sim leaves it out',
      );
    }
    if (wanted !== undefined && trigger?.enabled === true && !this.#isNamed(trigger, wanted)) {
      this.#note(wanted, `it is disabled: the run starts with "${this.#idOf(trigger.id)}"`);
    }
    const writer = this.#writer();
    const became = new Map<string, string>();
    for (const block of blocks) {
      const type = this.#typeOf(block);
      if (type === undefined) this.#refuse(block, this.#unknownType(block));
      else this.#add(block, type, writer, became);
    }
    return {
      workflow: this.#refusals.length === 0 ? this.#workflow() : undefined,
      blocks: this.#document.blocks.map(({ id, metadata }) => {
        return { simId: id, id: this.#idOf(id), type: metadata.id, became: became.get(id) };
      }),
      tasks: writer.tasks(),
      notes: this.#notes,
      refusals: this.#refusals,
    };
  }

  #writer(): BlockWriter {
    const writers = this.#reached.blocks.filter((one) => this.#typeOf(one)?.kind === 'variables');
    const ids = this.#ids;
    const variables = new Variables(this.#document, this.#reached, { ids, writers });
    const scope: Scope = new Scope({
      document: this.#document,
      reached: this.#reached,
      types: this.#types,
      ids,
      variable: (name, place) => variables.at(name, place),
      itemsOf: (container) => writer.itemsOf(container),
    });
    const writer: BlockWriter = new BlockWriter({
      document: this.#document,
      reached: this.#reached,
      ids,
      scope,
      environment: this.#options.environment ?? {},
      note: (block, what) => this.#note(this.#idOf(block.id), what),
    });
    return writer;
  }

  #add(block: SimBlock, type: BlockType, writer: BlockWriter, became: Map<string, string>): void {
    try {
      const body = writer.bodyOf(block, type);
      const { after, edges } = edgesOf(block, {
        reached: this.#reached,
        typeOf: (id) => this.#typeOfId(id),
        ids: this.#ids,
      });
      const container = this.#reached.containerOf.get(block.id);
      const place = { id: this.#idOf(block.id), after };
      const inside = container === undefined ? {} : { in: this.#idOf(container) };
      this.#blocks.push({ ...place, ...inside, ...body });
      this.#edges.push(...edges);
      became.set(block.id, describe(body));
      const isTried = body.kind === 'task' || body.kind === 'route';
      if (block.retry?.enabled === true && !isTried)
        this.#note(place.id, 'it is not tried again, though it says so: only tasks are');
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      this.#refuse(block, thrown.message);
    }
  }

  #workflow(): Workflow {
    return {
      name: slugOf(this.#options.name),
      blocks: this.#blocks,
      ...(this.#edges.length === 0 ? {} : { edges: this.#edges }),
      referencesAreEdges: false,
      output: this.#output(),
    };
  }

  /** What the last block came to that leads no further; of several that ran, the furthest. */
  #output(): Expression {
    const { blocks, edges, containerOf } = this.#reached;
    const depths = depthsOf(this.#reached);
    const sources = new Set(edges.map(({ source }) => source));
    const last = blocks
      .filter((block) => !sources.has(block.id) && !containerOf.has(block.id))
      .filter((block) => this.#typeOf(block)?.kind !== 'answer')
      .map(({ id }, number) => ({ id, number, depth: depths.get(id) ?? 0 }))
      .sort((one, other) => other.depth - one.depth || other.number - one.number);
    const references = last.map(({ id }): Expression => ({ $ref: ['blocks', this.#idOf(id)] }));
    const [only, ...others] = references;
    if (only === undefined) return {};
    return others.length === 0 ? only : { $first: references };
  }

  #typeOf(block: SimBlock): BlockType | undefined {
    const isFirst = block.id === this.#reached.trigger?.id;
    if (isFirst && isTrigger(block)) return { kind: 'trigger' };
    const known = Object.hasOwn(this.#types, block.metadata.id)
      ? this.#types[block.metadata.id]
      : undefined;
    if (known !== undefined) return known;
    if (isTrigger(block)) return { kind: 'trigger' };
    return this.#options.otherTypes === 'tasks' ? { kind: 'task' } : undefined;
  }

  #typeOfId(id: string): BlockType | undefined {
    const block = this.#reached.byId.get(id);
    return block === undefined ? undefined : this.#typeOf(block);
  }

  #unknownType({ metadata }: SimBlock): string {
    const known = Object.keys(this.#types).sort().join(', ');
    return `it is of the type "${metadata.id}", which is not known; known are ${known}`;
  }

  #isNamed({ id, metadata }: SimBlock, wanted: string): boolean {
    const bare = wanted.replace(/__trigger$/, '');
    return [id, metadata.name].some((name) => name === wanted || name === bare);
  }

  #note(place: string, what: string): void {
    this.#notes.push({ place, what });
  }

  #refuse(block: SimBlock, what: string): void {
    this.#refusals.push({ place: this.#idOf(block.id), what });
  }

  #idOf(id: string): string {
    return this.#ids.get(id) ?? id;
  }
}

type Body = ReturnType<BlockWriter['bodyOf']>;

function describe(body: Body): string {
  switch (body.kind) {
    case 'task':
    case 'route':
      return `${body.kind} ${body.task}`;
    case 'call':
      return `call ${body.type}.${body.method}`;
    case 'run':
      return `run ${body.workflow}`;
    default:
      return body.kind;
  }
}
