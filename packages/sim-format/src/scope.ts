/**
 * What the references of a document mean, from where they stand.
 *
 * S1  a reference to a block that does not run is null, as in Sim; so is every optional path that
 *     leads nowhere. A field that the block is known not to have fails the block that asks for it.
 *     A block that failed is `{ error }` as a whole, with the message, and has no other field.
 * S2  what Sim takes for no reference stays text.
 * S3  a reference that has no meaning here is refused, with its place.
 */
import type { Expression } from '@troupe/model';
import type { BlockTypes } from './block-types.ts';
import type { Meaning } from './condition/condition.ts';
import { own, type SimBlock, type SimDocument } from './document.ts';
import { normalName } from './names.ts';
import type { Reached } from './reach.ts';

/** Where an expression stands. */
export interface Place {
  readonly block: SimBlock;
  /** It is a container, and the expression is asked inside its body: before a round, or after. */
  readonly asked?: 'before-round' | 'after-round';
}

export interface ScopeParts {
  readonly document: SimDocument;
  readonly reached: Reached;
  readonly types: BlockTypes;
  /** By Sim's id, ours. */
  readonly ids: ReadonlyMap<string, string>;
  /** What the variables are at a place. */
  readonly variable: (name: string, place: Place) => Expression | undefined;
  /** What a container goes through. */
  readonly itemsOf: (container: string) => Expression | undefined;
}

type Path = readonly (string | number)[];

export class Scope {
  readonly #parts: ScopeParts;
  readonly #byName = new Map<string, SimBlock>();

  constructor(parts: ScopeParts) {
    this.#parts = parts;
    for (const block of [...parts.document.blocks].reverse()) {
      this.#byName.set(normalName(block.id), block);
    }
    for (const block of [...parts.document.blocks].reverse()) {
      this.#byName.set(normalName(block.metadata.name ?? block.id), block);
    }
  }

  /** What stands between `<` and `>`; undefined when it is no reference (S2). */
  meaning(reference: string, place: Place): Meaning | undefined {
    const path = pathOf(reference);
    if (path === undefined) return undefined;
    const [head, ...rest] = path;
    const name = normalName(String(head));
    if (name === 'loop' || name === 'parallel') return this.#around(name, rest, place);
    if (name === 'variable') return this.#variable(rest, place);
    const block = this.#byName.get(name);
    if (block === undefined) return undefined;
    const container = this.#containersAt(place).find((one) => one === block.id);
    if (container !== undefined) return this.#turn(container, rest, place);
    return this.#block(block, rest, place);
  }

  /** `<loop.index>`: of the innermost container of that kind. */
  #around(kind: 'loop' | 'parallel', path: Path, place: Place): Meaning | undefined {
    const held = kind === 'loop' ? this.#parts.document.loops : this.#parts.document.parallels;
    const container = this.#containersAt(place).find((id) => Object.hasOwn(held, id));
    return container === undefined ? undefined : this.#turn(container, path, place);
  }

  #turn(container: string, [field, ...path]: Path, place: Place): Meaning | undefined {
    const id = this.#idOf(container);
    switch (field) {
      case 'index': {
        const expression = { $ref: ['around', id, 'index'] };
        const isAhead = place.asked === 'after-round' && place.block.id === container;
        return { expression, isNumber: true, ...(isAhead ? { plus: 1 } : {}) };
      }
      case 'currentItem':
        return { expression: { $ref: ['around', id, 'item', ...path], optional: true } };
      case 'items': {
        const items = this.#parts.itemsOf(container) ?? null;
        return { expression: stepInto(items, path) };
      }
      default:
        throw new Refused(
          `it refers to \`${String(field)}\` of the container "${id}" that it stands in, which has ` +
            '`index`, `currentItem` and `items`',
        );
    }
  }

  #variable([name, ...path]: Path, place: Place): Meaning | undefined {
    if (name === undefined) return undefined;
    const value = this.#parts.variable(normalName(String(name)), place);
    return value === undefined ? undefined : { expression: stepInto(value, path) };
  }

  #block(block: SimBlock, path: Path, place: Place): Meaning {
    if (!this.#parts.reached.byId.has(block.id)) return { expression: null };
    const { containerOf } = this.#parts.reached;
    const body = containerOf.get(block.id);
    const bodies: (string | undefined)[] = [...this.#containersAt(place), undefined];
    if (!bodies.includes(body)) {
      const [id, holder] = [this.#idOf(block.id), this.#idOf(body ?? '')];
      throw new Refused(
        `it refers to the block "${id}" inside the container "${holder}", of which there are many; ` +
          `take \`<${holder}.results>\``,
      );
    }
    return { expression: this.#output(block, path) };
  }

  #output(block: SimBlock, path: Path): Expression {
    const inside = this.#fieldOf(block, path);
    const $ref = ['blocks', this.#idOf(block.id), ...inside];
    const [field] = path;
    const fields = this.#fieldsOf(block);
    const isUnknown = fields !== undefined && field !== undefined && !fields.has(String(field));
    if (field === undefined && this.#parts.reached.catching.has(block.id)) {
      const message = { $ref: [...$ref, 'error', 'message'] };
      return { $ref, optional: true, failed: { error: message } };
    }
    return isUnknown && field !== 'error' ? { $ref } : { $ref, optional: true };
  }

  /** Where our output has another shape than Sim's. */
  #fieldOf(block: SimBlock, path: Path): Path {
    const [field, ...rest] = path;
    const kind = own(this.#parts.types, block.metadata.id)?.kind;
    if (kind === 'condition' && field === 'selectedOption') return ['port', ...rest];
    if (kind === 'route' && field === 'selectedRoute') return ['port', ...rest];
    if (field === 'error' && rest.length === 0 && this.#parts.reached.catching.has(block.id)) {
      return ['error', 'message'];
    }
    return path;
  }

  /** The fields that a block can have; undefined when it may have any. */
  #fieldsOf({ metadata, outputs, config }: SimBlock): ReadonlySet<string> | undefined {
    const type = own(this.#parts.types, metadata.id);
    if (type?.kind !== 'task' || config.params.responseFormat) return undefined;
    const declared = Object.keys(outputs);
    if (declared.length > 0) return new Set(declared);
    return type.outputs === undefined ? undefined : new Set(type.outputs);
  }

  /** Containers around a place, the innermost first. */
  #containersAt({ block, asked }: Place): readonly string[] {
    const { containerOf } = this.#parts.reached;
    const around = asked === undefined ? [] : [block.id];
    let at = containerOf.get(block.id);
    while (at !== undefined && !around.includes(at)) {
      around.push(at);
      at = containerOf.get(at);
    }
    return around;
  }

  #idOf(id: string): string {
    return this.#parts.ids.get(id) ?? id;
  }
}

/** Why something cannot be imported. */
export class Refused extends Error {}

/** `a.b[0].c` as its parts; undefined for what is no path. */
function pathOf(reference: string): Path | undefined {
  const match =
    /^([\p{L}\p{N}_$-][\p{L}\p{N}_$ -]*)((?:\.[\p{L}\p{N}_$-][\p{L}\p{N}_$ -]*|\[[^[\]]+\])*)$/u.exec(
      reference,
    );
  if (match === null) return undefined;
  const [, head = '', rest = ''] = match;
  if (/ (?:$|[.[])/.test(reference)) return undefined;
  const parts = [...rest.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)].map(([, field, index]) =>
    partOf(field ?? index ?? ''),
  );
  return [head, ...parts];
}

function partOf(text: string): string | number {
  const bare = text.replace(/^(["'])(.*)\1$/, '$2');
  return /^\d+$/.test(bare) ? Number(bare) : bare;
}

/** A path into what a reference or a literal comes to. */
function stepInto(value: Expression, path: Path): Expression {
  if (path.length === 0) return value;
  if (typeof value !== 'object' || value === null) return null;
  if ('$ref' in value && Array.isArray(value.$ref)) {
    return { $ref: [...value.$ref, ...path], optional: true };
  }
  if ('$first' in value && Array.isArray(value.$first)) {
    return { $first: value.$first.map((part: Expression) => stepInto(part, path)) };
  }
  const [field = '', ...rest] = path;
  const part: unknown = Object.entries(value).find(([name]) => name === String(field))?.[1];
  return part === undefined ? null : stepInto(part as Expression, rest);
}
