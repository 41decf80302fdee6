/**
 * What the expressions of a workflow come to, found naively from what a run's blocks came to. A path
 * that leads nowhere throws, unless it is optional.
 */
import { decodeValue, type Expression } from '@troupe/model';
import type { RunLedger, Spot } from './run-ledger.ts';
import { isContainer, isLoop, itemsOf, type Place, type Where } from './tree.ts';

class Nowhere extends Error {}

/** Where something is asked: at the place itself, or in it, by the condition of a loop. */
export interface Stand extends Where {
  /** The round that the condition is about. */
  readonly round?: number;
}

type Path = readonly (string | number)[];

export function valueAt(ledger: RunLedger, expression: Expression, stand?: Stand): unknown {
  const inner = (part: Expression): unknown => valueAt(ledger, part, stand);
  if (typeof expression !== 'object' || expression === null) return expression;
  if (Array.isArray(expression)) return (expression as readonly Expression[]).map(inner);
  const { $ref, $text, $first, optional, ...rest } = expression as {
    readonly [name: string]: Expression;
  };
  if (Array.isArray($ref)) return follow(ledger, $ref as Path, optional === true, stand);
  if (Array.isArray($first)) {
    for (const part of $first) {
      const value = inner(part);
      if (value !== null && value !== undefined) return value;
    }
    return null;
  }
  if (Array.isArray($text)) {
    const values = ($text as readonly Expression[]).map(inner);
    const texts = values.map((value) =>
      typeof value === 'string' ? value : JSON.stringify(value),
    );
    return texts.filter((text) => text !== 'null' && text !== undefined).join('');
  }
  const fields = optional === undefined ? rest : { ...rest, optional };
  return Object.fromEntries(Object.entries(fields).map(([name, part]) => [name, inner(part)]));
}

/** The conditions that are drawn: `name > 1.0`, `name == 2.0` … */
export function holds(when: string, values: { readonly [name: string]: unknown }): boolean {
  const [name = '', operator, number = ''] = when.split(' ');
  const value = values[name];
  if (typeof value !== 'number') throw new Nowhere(`${name} in "${when}" is no number`);
  const other = Number(number);
  if (operator === '<') return value < other;
  if (operator === '>') return value > other;
  if (operator === '>=') return value >= other;
  if (operator === '==') return value === other;
  throw new Error(`"${when}" is not of those that are drawn`);
}

/** The items of a container, as the place itself sees them. */
export function itemsAt(ledger: RunLedger, where: Where): readonly unknown[] {
  const expression = itemsOf(where.place);
  const items = expression === undefined ? [] : valueAt(ledger, expression, where);
  if (Array.isArray(items)) return items;
  const isRecord = typeof items === 'object' && items !== null && where.place.part === 'whole';
  if (isRecord) return Object.entries(items);
  throw new Nowhere('the items are none');
}

function follow(
  ledger: RunLedger,
  path: Path,
  optional: boolean,
  stand: Stand | undefined,
): unknown {
  const start = startOf(ledger, path, stand);
  let value: unknown = start.value;
  for (const key of path.slice(start.taken)) {
    if (start.isNull === true) return null;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
      if (optional) return null;
      throw new Nowhere(`${path.join('.')} is not there`);
    }
    value = (value as Record<string | number, unknown>)[key];
  }
  if (value !== undefined) return value;
  if (optional) return null;
  throw new Nowhere(`${path.join('.')} is not there`);
}

interface Start {
  readonly value: unknown;
  /** Parts of the path that lead to it. */
  readonly taken: number;
  /** Every path into it is null. */
  readonly isNull?: boolean;
}

function startOf(ledger: RunLedger, path: Path, stand: Stand | undefined): Start {
  const [head, name, part] = path;
  if (head === 'input') return { value: ledger.input, taken: 1 };
  if (head === 'blocks') return blockAt(ledger, String(name), { stand, asked: part });
  if (stand === undefined) return { value: undefined, taken: path.length };
  const around = turnsAround(ledger, stand);
  const isNamed = head === 'around';
  const turn = isNamed ? around.find(({ key }) => key === name) : around.at(-1);
  const taken = isNamed ? 3 : 1;
  if (turn === undefined) return { value: undefined, taken };
  if ((isNamed ? part : head) === 'index') return { value: turn.index, taken };
  return { value: itemsAt(ledger, turn.where)[turn.index], taken };
}

/** The rounds and branches around a stand, the outermost first. */
function turnsAround(ledger: RunLedger, { place, indices, round }: Stand) {
  const around = ledger.tree.around(place).map((container, depth) => ({
    key: container.key,
    index: indices[depth] ?? -1,
    where: { place: container, indices: indices.slice(0, depth) },
  }));
  if (round === undefined) return around;
  return [...around, { key: place.key, index: round, where: { place, indices } }];
}

/** `asked`: the field of it that is. Of a block that failed there is but one. */
function blockAt(
  ledger: RunLedger,
  id: string,
  { stand, asked }: { readonly stand: Stand | undefined; readonly asked: unknown },
): Start {
  const place = ledger.tree.place(id);
  if (place === undefined) return { value: undefined, taken: 2 };
  const depth = ledger.tree.around(place).length;
  const indices = stand?.indices.slice(0, depth) ?? [];
  const settled = ledger.settled(id, indices);
  if (settled === 'skipped') return { value: null, taken: 2, isNull: true };
  const spot = ledger.spot(id, indices);
  if (settled === undefined || spot === undefined) return { value: undefined, taken: 2 };
  const failure = failureOf(spot);
  if (failure === undefined) return { value: resultOf(ledger, spot), taken: 2 };
  return asked === 'error' ? { value: failure, taken: 3 } : { value: null, taken: 2, isNull: true };
}

function failureOf({
  came,
}: Spot): { readonly code: string; readonly message: string } | undefined {
  if (came?.outcome === undefined || came.outcome.ok) return undefined;
  const { code, message } = came.outcome.failure;
  return { code, message: message.toWellFormed() };
}

/** What a spot that has settled came to, as others see it. */
function resultOf(ledger: RunLedger, { came, where, turns }: Spot): unknown {
  const { place, indices } = where;
  if (came?.outcome?.ok === true) return decodeValue(came.outcome.value);
  if (!isContainer(place)) return undefined;
  const members = ledger.tree.members(place.key);
  const all = isLoop(place) ? (turns?.over.size ?? 0) : (turns?.all ?? 0);
  const results = Array.from({ length: all }, (_, index) =>
    turnOf(ledger, members, [...indices, index]),
  );
  if (place.part === 'each') return results.map(([only]) => onlyIn(ledger, only));
  const listed = (spot: Spot) => {
    const failure = failureOf(spot);
    return failure === undefined ? resultOf(ledger, spot) : { error: failure.message };
  };
  return { results: results.map((turn) => turn.map(listed)) };
}

function onlyIn(ledger: RunLedger, only: Spot | undefined): unknown {
  return only === undefined || failureOf(only) !== undefined ? null : resultOf(ledger, only);
}

/** The blocks of one round or branch that came to something, in the order in which they did. */
function turnOf(ledger: RunLedger, members: readonly Place[], indices: readonly number[]): Spot[] {
  return members
    .flatMap(({ key }) => {
      const spot = ledger.spot(key, indices);
      return spot?.came === undefined ? [] : [{ spot, order: spot.came.order }];
    })
    .sort((left, right) => left.order - right.order)
    .map(({ spot }) => spot);
}
