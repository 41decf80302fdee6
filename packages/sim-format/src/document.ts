/**
 * Sim's serialized workflow as it stands in a file, checked once, at the border.
 *
 * F1  what is not of this shape is refused with the path into it; nothing is guessed.
 */
import { pathToProto, troupeError } from '@troupe/model';
import { z } from 'zod';

const block = z.looseObject({
  id: z.string().min(1),
  enabled: z.boolean().default(true),
  config: z.looseObject({ params: z.record(z.string(), z.unknown()).default({}) }),
  outputs: z.record(z.string(), z.unknown()).default({}),
  metadata: z.looseObject({
    /** Type of the block. */
    id: z.string().min(1),
    name: z.string().optional(),
    category: z.string().optional(),
  }),
  retry: z
    .looseObject({
      enabled: z.boolean().default(false),
      maxTries: z.number().int().min(1).default(3),
      waitBetweenTriesMs: z.number().min(0).default(1_000),
    })
    .optional(),
});

const connection = z.looseObject({
  source: z.string(),
  target: z.string(),
  sourceHandle: z.string().nullish(),
});

const items = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown()), z.string()]);
/** The editor writes counts as text at times. */
const count = z.union([z.number(), z.string()]).nullish();

const loop = z.looseObject({
  nodes: z.array(z.string()).default([]),
  iterations: count,
  loopType: z.enum(['for', 'forEach', 'while', 'doWhile']).default('for'),
  forEachItems: items.nullish(),
  whileCondition: z.string().nullish(),
  doWhileCondition: z.string().nullish(),
});

const parallel = z.looseObject({
  nodes: z.array(z.string()).default([]),
  distribution: items.nullish(),
  count,
  parallelType: z.enum(['count', 'collection']).optional(),
  batchSize: z.number().nullish(),
});

const variable = z.looseObject({
  name: z.string(),
  type: z.string().default('string'),
  value: z.unknown(),
});

const document = z.looseObject({
  version: z.string().optional(),
  blocks: z.array(block),
  connections: z.array(connection),
  loops: z.record(z.string(), loop).default({}),
  parallels: z.record(z.string(), parallel).default({}),
  variables: z.union([z.array(variable), z.record(z.string(), variable)]).optional(),
});

export type SimDocument = z.infer<typeof document>;
export type SimBlock = z.infer<typeof block>;
export type SimConnection = z.infer<typeof connection>;
export type SimVariable = z.infer<typeof variable>;

/** Checks a document (F1). Throws `WORKFLOW_INVALID` with every wrong place. */
export function checkDocument(data: unknown): SimDocument {
  if (isEditorExport(data)) {
    throw refused(
      'it is an export of the editor (`state.blocks`), not a serialized workflow ' +
        '(`blocks`, `connections`)',
    );
  }
  const proto = pathToProto(data);
  if (proto !== undefined) throw refused(`${proto}: no value can carry a property of that name`);
  const parsed = document.safeParse(data);
  if (!parsed.success) {
    const places = parsed.error.issues.map(({ path, message }) => {
      const place = path.length === 0 ? 'the document' : path.map(String).join('.');
      return `${place}: ${message}`;
    });
    throw refused(places.join('; '));
  }
  const ids = new Set<string>();
  for (const { id } of parsed.data.blocks) {
    if (ids.has(id)) throw refused(`two blocks have the id "${id}"`);
    ids.add(id);
  }
  for (const { source, target } of parsed.data.connections) {
    const lost = [source, target].find((id) => !ids.has(id));
    if (lost === undefined) continue;
    throw refused(
      `the connection from "${source}" to "${target}" names "${lost}", which is not there`,
    );
  }
  return parsed.data;
}

export function variablesIn({ variables = [] }: SimDocument): readonly SimVariable[] {
  return Array.isArray(variables) ? variables : Object.values(variables);
}

/** What an object says itself by a name; not what every object has, such as `constructor`. */
export function own<T>(held: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(held, name) ? held[name] : undefined;
}

function isEditorExport(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'state' in data && !('blocks' in data);
}

function refused(what: string) {
  return troupeError('WORKFLOW_INVALID', `the file is no workflow of Sim: ${what}`);
}
