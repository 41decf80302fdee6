/**
 * Expressions of a workflow: which references stand in them, and what they come to.
 *
 * R1  a path that leads nowhere is a coded failure that names the path, never a silent undefined.
 */
import { type Expression, type TroupeError, troupeError } from '@troupe/model';

export type Path = readonly (string | number)[];

/** Where an expression's values come from; each is decoded only when asked for. */
export interface Sources {
  input(): unknown;
  /** Output of a block that is done. */
  block(id: string): unknown;
  /** Present inside a block with `each`. */
  readonly branch?: { readonly item: unknown; readonly index: number };
}

/** Calls `visit` for each reference in the expression. */
export function visitReferences(expression: Expression, visit: (path: Path) => void): void {
  if (typeof expression !== 'object' || expression === null) return;
  if (isList(expression)) {
    for (const part of expression) visitReferences(part, visit);
    return;
  }
  const path = referenceOf(expression);
  if (path !== undefined) {
    visit(path);
    return;
  }
  for (const part of Object.values(expression)) visitReferences(part, visit);
}

/** The value an expression comes to. Throws `WORKFLOW_INVALID` for a path that leads nowhere. */
export function evaluate(expression: Expression, sources: Sources): unknown {
  if (typeof expression !== 'object' || expression === null) return expression;
  if (isList(expression)) return expression.map((part) => evaluate(part, sources));
  const path = referenceOf(expression);
  if (path !== undefined) return follow(path, sources);
  const value: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(expression)) value[key] = evaluate(part, sources);
  return value;
}

function follow(path: Path, sources: Sources): unknown {
  const [head, second] = path;
  switch (head) {
    case 'input':
      return walk(sources.input(), path, 1);
    case 'blocks':
      return walk(sources.block(String(second)), path, 2);
    case 'item':
    case 'index':
      if (sources.branch === undefined) throw missing(path, 1);
      return walk(sources.branch[head], path, 1);
    default:
      throw missing(path, 1);
  }
}

function walk(start: unknown, path: Path, from: number): unknown {
  let value = start;
  for (let i = from; i < path.length; i++) {
    const key = path[i];
    if (key === undefined || !has(value, key)) throw missing(path, i + 1);
    value = value[key];
  }
  return value;
}

function has(value: unknown, key: string | number): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

function missing(path: Path, length: number): TroupeError {
  const place = path.slice(0, length).join('.');
  return troupeError('WORKFLOW_INVALID', `"${place}" is not there`, { path: path.join('.') });
}

function referenceOf(expression: object): Path | undefined {
  const reference = '$ref' in expression ? expression.$ref : undefined;
  return Array.isArray(reference) ? reference : undefined;
}

function isList(expression: Expression): expression is readonly Expression[] {
  return Array.isArray(expression);
}
