/**
 * `{{NAME}}` in the parameters of a block, read from the environment of the runner. It stands there
 * as `{ '{{}}': ['Bearer ', ['NAME']] }`, so that no text which a block came to is ever taken for it.
 */

const mark = '{{}}';

/** What is not set stays in the text, as in Sim. */
export function withEnvironment<T>(given: T): T {
  return replaced(given) as T;
}

function replaced(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [[name, parts] = ['', undefined]] = entries;
  if (name === mark && Array.isArray(parts) && entries.length === 1) {
    return parts.map((part: unknown) => (Array.isArray(part) ? variable(part) : part)).join('');
  }
  return Object.fromEntries(entries.map(([name, part]) => [name, replaced(part)]));
}

function variable([name]: readonly unknown[]): string {
  return process.env[String(name)] ?? `{{${String(name)}}}`;
}
