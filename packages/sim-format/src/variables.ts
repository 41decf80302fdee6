/**
 * Sim's variables can be assigned while a run goes on; here nothing changes once it is there. A
 * reference to a variable becomes one to the assignment that is in force where it stands.
 *
 * V1  which one that is must be known from the edges alone; else the reference is refused.
 */
import type { Expression } from '@troupe/model';
import { type SimBlock, type SimDocument, variablesIn } from './document.ts';
import { normalName } from './names.ts';
import type { Reached } from './reach.ts';
import { type Place, Refused } from './scope.ts';
import { jsonIn } from './templates.ts';

export interface Assignment {
  readonly name: string;
  readonly type: string;
  readonly value: unknown;
}

/** What a block of the kind `variables` assigns. Rows without a name assign nothing. */
export function assignmentsOf(block: SimBlock): readonly Assignment[] {
  const list = listOf(block);
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { variableName, type, value } = one as Record<string, unknown>;
    if (typeof variableName !== 'string' || variableName === '') return [];
    return [{ name: variableName, type: typeof type === 'string' ? type : 'string', value }];
  });
}

/** Why it cannot be known what such a block assigns. */
export function assignmentsFault(block: SimBlock): string | undefined {
  const list = listOf(block);
  if (list === undefined || list === null || list === '') return undefined;
  if (!Array.isArray(list)) return 'its parameter `variables` is no list of assignments';
  const odd = list.findIndex((one) => typeof one !== 'object' || one === null);
  return odd < 0 ? undefined : `entry ${odd} of its parameter \`variables\` is no assignment`;
}

function listOf({ config }: SimBlock): unknown {
  const { variables } = config.params;
  return typeof variables === 'string' && variables !== ''
    ? (jsonIn(variables) ?? variables)
    : variables;
}

/** A value as its declared type; numbers and the like often stand there as text. */
export function typedValue(type: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (type === 'number' && value.trim() !== '' && !Number.isNaN(Number(value)))
    return Number(value);
  if (type === 'boolean' && /^(true|false)$/.test(value)) return value === 'true';
  if (type === 'object' || type === 'array') return jsonIn(value) ?? value;
  return value;
}

export class Variables {
  readonly #initial = new Map<string, Expression>();
  /** By name of a variable, the blocks that assign it, and under which field of their output. */
  readonly #writers = new Map<string, { readonly block: SimBlock; readonly field: string }[]>();
  readonly #reached: Reached;
  readonly #ids: ReadonlyMap<string, string>;
  readonly #before = new Map<string, ReadonlySet<string>>();

  constructor(
    document: SimDocument,
    reached: Reached,
    given: { readonly ids: ReadonlyMap<string, string>; readonly writers: readonly SimBlock[] },
  ) {
    this.#reached = reached;
    this.#ids = given.ids;
    for (const { name, type, value } of variablesIn(document)) {
      this.#initial.set(normalName(name), (typedValue(type, value) ?? null) as Expression);
    }
    for (const block of given.writers) {
      for (const { name } of assignmentsOf(block)) {
        const writers = this.#writers.get(normalName(name)) ?? [];
        writers.push({ block, field: name });
        this.#writers.set(normalName(name), writers);
      }
    }
  }

  /** Undefined for a name that is no variable. */
  at(name: string, place: Place): Expression | undefined {
    const initial = this.#initial.get(name);
    const writers = this.#writers.get(name);
    if (writers === undefined) return initial;
    const before = writers.filter(({ block }) => this.#isBefore(name, block, place));
    before.sort((one, other) => (this.#comesAfter(one.block.id, other.block.id) ? -1 : 1));
    const assigned = before.map(({ block, field }): Expression => {
      return { $ref: ['blocks', this.#idOf(block.id), field], optional: true };
    });
    const all = [...assigned, initial ?? null];
    return all.length === 1 ? (initial ?? null) : { $first: all };
  }

  #isBefore(name: string, writer: SimBlock, place: Place): boolean {
    const { containerOf } = this.#reached;
    const body = containerOf.get(writer.id);
    let beside: string | undefined = place.block.id;
    if (place.asked !== undefined && body === place.block.id) throw this.#unclear(name, writer);
    while (beside !== undefined && containerOf.get(beside) !== body) {
      beside = containerOf.get(beside);
    }
    if (beside === undefined) throw this.#unclear(name, writer);
    if (this.#comesAfter(beside, writer.id)) return true;
    const isLater = beside === writer.id || this.#comesAfter(writer.id, beside);
    if (isLater && body === undefined) return false;
    throw this.#unclear(name, writer);
  }

  #unclear(name: string, writer: SimBlock): Refused {
    return new Refused(
      `the variable "${name}" is assigned by "${this.#idOf(writer.id)}" in a round, in a branch or ` +
        'at any time, so that its value here is not known from the edges; keep it in an actor',
    );
  }

  #comesAfter(block: string, other: string): boolean {
    return this.#allBefore(block).has(other);
  }

  #allBefore(block: string): ReadonlySet<string> {
    const known = this.#before.get(block);
    if (known !== undefined) return known;
    const before = new Set<string>();
    const open = [block];
    for (const at of open) {
      for (const { source } of this.#reached.into.get(at) ?? []) {
        if (before.has(source)) continue;
        before.add(source);
        open.push(source);
      }
    }
    this.#before.set(block, before);
    return before;
  }

  #idOf(id: string): string {
    return this.#ids.get(id) ?? id;
  }
}
