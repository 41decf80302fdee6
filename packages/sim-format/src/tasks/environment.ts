/** `{{NAME}}` in what a task was given, read from the environment of its runner. */

/** What is not set stays in the text, as in Sim. */
export function withEnvironment<T>(given: T): T {
  return replaced(given) as T;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(
      /\{\{\s*([^{}\s]+)\s*\}\}/g,
      (kept, name: string) => process.env[name] ?? kept,
    );
  }
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, replaced(part)]));
}
