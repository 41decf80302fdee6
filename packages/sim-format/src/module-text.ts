/**
 * An imported workflow as a TypeScript module that can be deployed: the workflow as data, the tasks
 * that come along, and a place for each task that is still to be written.
 */
import { isTypeName } from '@troupe/model';
import { builtInTasks } from './block-types.ts';
import type { Imported } from './import-sim.ts';

export interface ModuleOptions {
  /** Where it came from, for the reader. */
  readonly source: string;
}

export function moduleText(imported: Imported, { source }: ModuleOptions): string {
  const { workflow, tasks } = imported;
  if (workflow === undefined) return '';
  const bases = [...new Set(tasks.map(({ of }) => of))].sort();
  const own = bases.filter((name) => !Object.hasOwn(builtInTasks, name));
  const plain = new Set(tasks.filter(({ retries }) => retries === 0).map(({ name }) => name));
  const again = tasks.filter(({ retries }) => retries > 0);
  const names = new Names();
  const exported = bases.map((name) => ({ name, id: builtInTasks[name] ?? names.of(name) }));
  const idOf = new Map(exported.map(({ name, id }) => [name, id]));
  const imports = exported
    .filter(({ name }) => Object.hasOwn(builtInTasks, name))
    .map(({ id }) => id);
  if (again.length > 0) imports.push('retrying');
  if (own.length > 0) imports.push('toWrite');
  const parts = [`/** The workflow "${workflow.name}", imported from ${source} of Sim. */`];
  const from = ["import { workflowOf } from '@troupe/sdk';"];
  if (imports.length > 0) {
    from.push(`import { ${imports.sort().join(', ')} } from '@troupe/sim-format/tasks';`);
  }
  parts.push(from.join('\n'));
  const kept = exported
    .filter(({ name }) => plain.has(name))
    .filter(({ name }) => Object.hasOwn(builtInTasks, name))
    .map(({ id }) => id);
  if (kept.length > 0) parts.push(`export { ${kept.join(', ')} };`);
  if (own.length > 0) {
    const lines = own.map((name) => `export const ${idOf.get(name)} = toWrite('${name}');`);
    parts.push(
      [
        '// To be written: each fails until it is a `task` of yours with this name. What an input has of',
        '// the environment is read by `withEnvironment` of @troupe/sim-format/tasks.',
        ...lines,
      ].join('\n'),
    );
  }
  if (again.length > 0) {
    const lines = again.map(({ name, of, retries, backoffMs }) => {
      const options = `{ retries: ${retries}, backoffMs: ${backoffMs} }`;
      return `export const ${names.of(name)} = retrying(${idOf.get(of)}, '${name}', ${options});`;
    });
    parts.push(lines.join('\n'));
  }
  parts.push(`export const ${names.of(workflow.name)} = workflowOf(${literal(workflow, '')});`);
  return `${parts.join('\n\n')}\n`;
}

const widthMax = 96;

/** A value as TypeScript, on one line where it fits. */
function literal(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return plain(value);
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((part) => literal(part, inner))
    : Object.entries(value).map(([name, part]) => `${keyText(name)}: ${literal(part, inner)}`);
  if (parts.length === 0) return isList ? '[]' : '{}';
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  const pad = isList ? '' : ' ';
  const line = `${open}${pad}${parts.join(', ')}${pad}${close}`;
  if (indent.length + line.length <= widthMax && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

function plain(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const quoted = JSON.stringify(value);
  if (value.includes("'")) return quoted;
  return `'${quoted.slice(1, -1).replaceAll('\\"', '"')}'`;
}

/** `__proto__` as a name in quotes would set the prototype. */
function keyText(name: string): string {
  if (name === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : plain(name);
}

/** Names of constants, each once. */
class Names {
  readonly #taken = new Set<string>(Object.values(builtInTasks));

  of(name: string): string {
    const camel = name.replace(
      /[^A-Za-z0-9_$]+(.)?/g,
      (_all, next?: string) => next?.toUpperCase() ?? '',
    );
    const wish = isTypeName(camel) ? camel : `_${camel}`;
    let free = reserved.has(wish) ? `${wish}_` : wish;
    for (let number = 2; this.#taken.has(free); number++) free = `${wish}${number}`;
    this.#taken.add(free);
    return free;
  }
}

const reserved = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends ' +
    'false finally for function if implements import in instanceof interface let new null package ' +
    'private protected public return static super switch this throw true try typeof var void while ' +
    'with yield workflowOf retrying toWrite'
  ).split(' '),
);
