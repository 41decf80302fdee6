/**
 * Parameters of blocks as expressions. Sim's texts are templates: `<block.path>` in them stands for
 * a value, `{{NAME}}` for a variable of the environment.
 *
 * X1  `{{NAME}}` whose value was not given is read by the task on its node, so that a secret never
 *     stands in a fact; only where the document says so, never where a value has such a text.
 */
import type { Expression } from '@troupe/model';
import type { Meaning } from './condition/condition.ts';

export type Meanings = (reference: string) => Meaning | undefined;
export type Environment = { readonly [name: string]: string };

/** What stands for a text with variables of the environment: its parts, names in a list each. */
const environmentMark = '{{}}';

/** A parameter of a task, which reads variables of the environment itself (X1). */
export function taskTemplate(
  value: unknown,
  meanings: Meanings,
  environment: Environment,
): Expression {
  if (typeof value === 'string') {
    const pieces = withEnvironment(value, environment).split(environmentName);
    if (pieces.length === 1) return textTemplate(value, meanings, environment);
    const parts = pieces.map((piece, i): Expression => {
      return i % 2 === 1 ? [piece] : textTemplate(piece, meanings, {});
    });
    return { [environmentMark]: parts.filter((part) => part !== '') };
  }
  if (typeof value !== 'object' || value === null) return plain(value);
  if (Array.isArray(value)) return value.map((part) => taskTemplate(part, meanings, environment));
  const fields = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(
    fields.map(([name, part]) => [name, taskTemplate(part, meanings, environment)]),
  );
}

/** A parameter, with all texts in it. */
export function template(value: unknown, meanings: Meanings, environment: Environment): Expression {
  if (typeof value === 'string') return textTemplate(value, meanings, environment);
  if (typeof value !== 'object' || value === null) return plain(value);
  if (Array.isArray(value)) return value.map((part) => template(part, meanings, environment));
  const fields = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(
    fields.map(([name, part]) => [name, template(part, meanings, environment)]),
  );
}

export function textTemplate(
  text: string,
  meanings: Meanings,
  environment: Environment,
): Expression {
  const parts = partsOf(withEnvironment(text, environment), meanings);
  const isText = parts.every((part) => typeof part === 'string');
  return isText ? parts.join('') : { $text: parts };
}

/** A text that is one reference stands for the value itself; else it is read as JSON. */
export function valueTemplate(
  value: unknown,
  meanings: Meanings,
  environment: Environment,
): Expression {
  if (typeof value !== 'string') return deepValues(value, meanings, environment);
  const text = withEnvironment(value.trim(), environment);
  const [only, ...others] = partsOf(text, meanings);
  if (only === undefined) return '';
  if (others.length === 0 && typeof only !== 'string') return only;
  const read = jsonIn(text);
  return read === undefined
    ? textTemplate(value, meanings, environment)
    : deepValues(read, meanings, environment);
}

/** JSON, also with single quotes or with bare references; undefined when it is none. */
export function jsonIn(text: string): unknown {
  const bare = /([:[,]\s*)(<[^<>\n]+>)(?=\s*[,}\]])/g;
  for (const candidate of [text, text.replaceAll("'", '"'), text.replace(bare, '$1"$2"')]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The next reading, or none.
    }
  }
  return undefined;
}

function deepValues(value: unknown, meanings: Meanings, environment: Environment): Expression {
  if (typeof value === 'string') {
    const [only, ...others] = partsOf(value, meanings);
    const isValue = others.length === 0 && typeof only === 'object';
    return isValue ? only : textTemplate(value, meanings, environment);
  }
  if (typeof value !== 'object' || value === null) return plain(value);
  if (Array.isArray(value)) return value.map((part) => deepValues(part, meanings, environment));
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, deepValues(part, meanings, environment)]),
  );
}

function partsOf(text: string, meanings: Meanings): readonly Expression[] {
  const parts: Expression[] = [];
  let from = 0;
  for (const match of text.matchAll(/<([^<>\n]+)>/g)) {
    const meaning = meanings(match[1] ?? '');
    if (meaning === undefined) continue;
    if (match.index > from) parts.push(text.slice(from, match.index));
    parts.push(meaning.expression);
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

const environmentName = /\{\{\s*([^{}\s]+)\s*\}\}/;

function withEnvironment(text: string, environment: Environment): string {
  return text.replace(/\{\{\s*([^{}\s]+)\s*\}\}/g, (kept, name: string) =>
    Object.hasOwn(environment, name) ? (environment[name] ?? kept) : kept,
  );
}

function plain(value: unknown): Expression {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}

export interface Code {
  readonly code: string;
  readonly values: { readonly [name: string]: Expression };
}

/** JavaScript of a user: references become names, whose values are given with it. */
export function codeTemplate(text: string, meanings: Meanings): Code {
  const values: { [name: string]: Expression } = {};
  const names = new Map<string, string>();
  const written = text.replace(/(["'`]?)<([^<>\n]+)>\1/g, (kept, quote: string, inside: string) => {
    const meaning = meanings(inside);
    if (meaning === undefined) return kept;
    const known = names.get(inside);
    const name = known ?? freeName(inside, values);
    names.set(inside, name);
    values[name] = meaning.expression;
    return quote === '`' ? `\`\${${name}}\`` : name;
  });
  const code = written.replace(
    /(["']?)\{\{\s*([^{}\s]+)\s*\}\}\1/g,
    (_kept, _quote, name: string) => `environment[${JSON.stringify(name)}]`,
  );
  return { code, values };
}

function freeName(reference: string, values: object): string {
  const wish = `$${reference.replace(/[^A-Za-z0-9]+/g, '_').replace(/_+$/, '')}`;
  let name = wish;
  for (let number = 2; Object.hasOwn(values, name); number++) name = `${wish}_${number}`;
  return name;
}
