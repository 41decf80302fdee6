/**
 * Expressions of a workflow: which references stand in them, and what they come to.
 *
 * R1  a path that leads nowhere is a coded failure that names the path, never a silent undefined;
 *     an optional one is null.
 * R2  a block that was skipped or that failed comes to null, and so does every path into it; so does
 *     the round before the first one. The failure is read by its name alone: `error`. So does what nobody
 *     knows that a block came to which is undone.
 * R3  a value in the object store is passed on as its handle, with the path into it; what would have
 *     to be read of it here is a coded failure that names it.
 */
import {
  type Expression,
  Handle,
  limits,
  type Reference,
  stepInto,
  type TroupeError,
  troupeError,
} from '@troupe/model';
import { assertReached, reached } from './reach.ts';

export type Path = readonly (string | number)[];

/** Where an expression's values come from; each is decoded only when asked for. */
export interface Sources {
  /** Whether any value may have a handle in it. */
  readonly holds: boolean;
  /** Is told what a condition takes, see `ask`. */
  spend?(work: number): void;
  input(): unknown;
  /** What a block came to; `open` when it has not settled. */
  block(id: string): Came | 'skipped' | 'open';
  /** The round or branch of the container named, or of the innermost. */
  around(id?: string): Turn | undefined;
  /** Where the block is undone: what it came to, or `unknown` when it was at work as the run ended. */
  done?(): { readonly value: unknown } | 'unknown';
}

/** A value, or the failure of a block that failed, as `{ error: { code, message } }`. */
export type Came = { readonly value: unknown } | { readonly failed: unknown };

/** One round or branch. */
export interface Turn {
  readonly index: number;
  /** Absent where there are no items. */
  item(): { readonly value: unknown } | undefined;
  /** What the round before came to; absent in the first one, and where its result was skipped or failed. */
  last(): { readonly value: unknown } | undefined;
}

/** Calls `visit` for each reference in the expression. */
export function visitReferences(expression: Expression, visit: (path: Path) => void): void {
  if (typeof expression !== 'object' || expression === null) return;
  if (isList(expression)) {
    for (const part of expression) visitReferences(part, visit);
    return;
  }
  const reference = referenceIn(expression);
  if (reference !== undefined) {
    visit(reference.$ref);
    if (reference.failed !== undefined) visitReferences(reference.failed, visit);
    return;
  }
  for (const part of Object.values(expression)) visitReferences(part, visit);
}

/** The value an expression comes to. Throws `WORKFLOW_INVALID` for a path that leads nowhere. */
export function evaluate(expression: Expression, sources: Sources): unknown {
  if (typeof expression !== 'object' || expression === null) return expression;
  if (isList(expression)) return expression.map((part) => evaluate(part, sources));
  const reference = referenceIn(expression);
  if (reference !== undefined) return follow(reference, sources);
  const parts = '$text' in expression ? expression.$text : undefined;
  if (parts !== undefined && isParts(parts)) return textOf(parts, sources);
  const choices = '$first' in expression ? expression.$first : undefined;
  if (choices !== undefined && isParts(choices)) return firstOf(choices, sources);
  const fields = Object.entries(expression);
  return Object.fromEntries(fields.map(([key, part]) => [key, evaluate(part, sources)]));
}

function follow({ $ref: path, optional = false, failed }: Reference, sources: Sources): unknown {
  const [head, second, third] = path;
  switch (head) {
    case 'input':
      return walk(sources.input(), { path, from: 1, optional });
    case 'blocks': {
      const came = sources.block(String(second));
      if (came === 'skipped') return null;
      if (came === 'open') return nowhere({ path, optional }, 2);
      if ('value' in came) return walk(came.value, { path, from: 2, optional });
      if (third === 'error') return walk(came.failed, { path, from: 2, optional });
      return third === undefined && failed !== undefined ? evaluate(failed, sources) : null;
    }
    case 'item':
    case 'index':
      return inTurn(sources.around(), head, { path, from: 1, optional });
    case 'around': {
      const turn = sources.around(String(second));
      if (third === 'last') {
        const last = turn?.last();
        return last === undefined ? null : walk(last.value, { path, from: 3, optional });
      }
      if (third !== 'item' && third !== 'index') return nowhere({ path, optional }, 3);
      return inTurn(turn, third, { path, from: 3, optional });
    }
    case 'done': {
      const done = sources.done?.();
      if (done === undefined) return nowhere({ path, optional }, 2);
      return done === 'unknown' ? null : walk(done.value, { path, from: 2, optional });
    }
    default:
      return nowhere({ path, optional }, 1);
  }
}

interface Way {
  readonly path: Path;
  readonly from: number;
  readonly optional: boolean;
}

function inTurn(turn: Turn | undefined, part: 'item' | 'index', way: Way): unknown {
  if (turn === undefined) return nowhere(way, way.from);
  if (part === 'index') return walk(turn.index, way);
  const item = turn.item();
  return item === undefined ? nowhere(way, way.from) : walk(item.value, way);
}

function walk(start: unknown, { path, from, optional }: Way): unknown {
  let value = start;
  for (const [i, part] of path.entries()) {
    if (i < from) continue;
    if (value instanceof Handle) return handleAt(value, { path, from: i, optional });
    const step = stepInto(value, part);
    if (step === undefined) return nowhere({ path, optional }, i + 1);
    value = step.value;
  }
  if (!(value instanceof Handle)) return value;
  return handleAt(value, { path, from: path.length, optional });
}

function handleAt(handle: Handle, { path, from, optional }: Way): Handle {
  return handle.at(path.slice(from), optional, path.slice(0, from).join('.'));
}

function nowhere({ path, optional }: Omit<Way, 'from'>, length: number): null {
  if (optional) return null;
  throw missing(path, length);
}

function missing(path: Path, length: number): TroupeError {
  const place = path.slice(0, length).join('.');
  return troupeError('WORKFLOW_INVALID', `"${place}" is not there`, { path: path.join('.') });
}

/** The parts one after the other; null is nothing, and what is no text is written as JSON. */
function textOf(parts: readonly Expression[], sources: Sources): string {
  let text = '';
  for (const part of parts) {
    const value = reached(evaluate(part, sources));
    if (value === null || value === undefined) continue;
    if (sources.holds) assertReached(value);
    text += typeof value === 'string' ? value : JSON.stringify(value, plain);
    if (text.length <= limits.payloadBytesMax) continue;
    throw troupeError('TOO_LARGE', `a text has more than ${limits.payloadBytesMax} characters`);
  }
  return text;
}

/** The first part that is not null; those behind it are not looked at. */
function firstOf(parts: readonly Expression[], sources: Sources): unknown {
  for (const part of parts) {
    const value = evaluate(part, sources);
    // What lies deeper in it may be null.
    if (value instanceof Handle && value.path.length > 0) return reached(value);
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function referenceIn(expression: object): Reference | undefined {
  return isReference(expression) ? expression : undefined;
}

function isReference(expression: object): expression is Reference {
  return '$ref' in expression && Array.isArray(expression.$ref);
}

function isList(expression: Expression): expression is readonly Expression[] {
  return Array.isArray(expression);
}

function isParts(parts: unknown): parts is readonly Expression[] {
  return Array.isArray(parts);
}
