/** A workflow as whoever reads it sees it: places in bodies, and edges between them. Nothing of the
 *  engine is used here, so that both can only agree by being right. */
import type { Block, Expression, Workflow } from '@troupe/model';
import { undoSuffix } from '../../plan/nests.ts';

export interface Place {
  /** The block's id; `id/each` for a branch of a block with `each`. */
  readonly key: string;
  readonly block: Block;
  /** How it stands there: as the container of its branches, as one of them, or as it is. */
  readonly part: 'each' | 'branch' | 'whole';
  /** Key of the container that it stands in. */
  readonly in: string | undefined;
  readonly edges: readonly EdgeIn[];
  /** An edge leaves it by `error`. */
  readonly catches: boolean;
}

export interface EdgeIn {
  readonly from: string;
  readonly port: string;
}

/** A place in rounds and branches. */
export interface Where {
  readonly place: Place;
  readonly indices: readonly number[];
}

export class Tree {
  readonly workflow: Workflow;
  readonly #places = new Map<string, Place>();

  constructor(workflow: Workflow) {
    this.workflow = workflow;
    const edges = workflow.edges ?? [];
    for (const block of workflow.blocks) {
      const { id, after } = block;
      const into: EdgeIn[] = [
        ...after.map((from) => ({ from, port: 'done' })),
        ...edges.filter(({ to }) => to === id),
      ];
      const catches = edges.some(({ from, port }) => from === id && port === 'error');
      const part = block.each === undefined ? 'whole' : 'each';
      this.#places.set(id, { key: id, block, part, in: block.in, edges: into, catches });
      if (part === 'whole') continue;
      const key = `${id}/each`;
      this.#places.set(key, { key, block, part: 'branch', in: id, edges: [], catches: false });
    }
  }

  /** What a context id names. What undoes a block is no place of its own. */
  find(context: string): Where | undefined {
    if (context.endsWith(undoSuffix)) return undefined;
    const [id = context, ...rest] = context.split('[');
    const indices = rest.map((one) => Number.parseInt(one, 10));
    for (const place of [this.#places.get(id), this.#places.get(`${id}/each`)]) {
      if (place !== undefined && this.around(place).length === indices.length) {
        return { place, indices };
      }
    }
    return undefined;
  }

  all(): readonly Place[] {
    return [...this.#places.values()];
  }

  place(key: string): Place | undefined {
    return this.#places.get(key);
  }

  members(container: string | undefined): readonly Place[] {
    return [...this.#places.values()].filter((place) => place.in === container);
  }

  /** The containers around a place, the outermost first. */
  around(place: Place): readonly Place[] {
    const around: Place[] = [];
    for (let at = this.#places.get(place.in ?? ''); at !== undefined; ) {
      around.unshift(at);
      at = this.#places.get(at.in ?? '');
    }
    return around;
  }
}

export function isContainer({ part, block }: Place): boolean {
  return part === 'each' || block.kind === 'loop' || block.kind === 'parallel';
}

/** Its rounds follow each other; else its branches run side by side. */
export function isLoop({ part, block }: Place): boolean {
  return part === 'whole' && block.kind === 'loop';
}

/** What the items of a container are, where it has some. */
export function itemsOf({ part, block }: Place): Expression | undefined {
  if (part === 'each') return block.each;
  if (block.kind === 'loop') return 'items' in block.rounds ? block.rounds.items : undefined;
  if (block.kind !== 'parallel') return undefined;
  return 'items' in block.branches ? block.branches.items : undefined;
}

export function nameOf({ place, indices }: Where): string {
  return `${place.block.id}${indices.map((index) => `[${index}]`).join('')}`;
}

/** What a context undoes, if that is what it is for. */
export function undoneBy(context: string): string | undefined {
  return context.endsWith(undoSuffix) ? context.slice(0, -undoSuffix.length) : undefined;
}
