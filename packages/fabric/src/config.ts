/**
 * The configuration file of a process: YAML or JSON, one file for all processes of a cell. The part
 * that all share stands here; each process adds its own section to `sharedConfig`.
 * An unknown key is refused, with the nearest key that exists.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isShortName, limits, TroupeError, troupeError } from '@troupe/model';
import { parse } from 'yaml';
import { z } from 'zod';
import { textOf } from './nats-errors.ts';

const cellLengthMax = 32;

const natsConfig = z.strictObject({
  servers: z.array(z.string().min(1)).min(1).default(['nats://127.0.0.1:4222']),
  user: z.string().optional(),
  password: z.string().optional(),
  /** A user of the system account: brings disconnect notices and the check of durability. */
  systemUser: z.string().optional(),
  systemPassword: z.string().optional(),
  /** True: refuse to start against a server that does not surely sync every write. */
  requireSync: z.boolean().default(false),
});

/** Shape of what every process reads; spread it into a `z.strictObject` with one's own section. */
export const sharedConfig = {
  cell: z
    .string()
    .max(cellLengthMax)
    .refine(isShortName, 'must be lower-case letters, digits and inner hyphens')
    .default('default'),
  etcd: z.array(z.url()).min(1).default(['http://127.0.0.1:2379']),
  nats: natsConfig.prefault({}),
  /** Replicas of every stream. */
  replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
  /** Checkpoints of one actor that are kept, the last one among them. */
  checkpointsKept: z.int().min(2).max(64).default(limits.checkpointsKept),
  /** Off while nodes of a version are there that cannot read compressed ones. */
  compressCheckpoints: z.boolean().default(true),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Sections of other processes; each process puts its own shape in the place of its own. */
  scheduler: z.unknown().optional(),
  node: z.unknown().optional(),
};

const sharedSchema = z.strictObject(sharedConfig);
export type SharedConfig = z.infer<typeof sharedSchema>;
export type NatsConfig = z.infer<typeof natsConfig>;

/** The file that a process was started with: `--config FILE`, and nothing else. */
export function configFileArgument(args: readonly string[] = process.argv.slice(2)): string {
  const usage = 'start it with `--config FILE`';
  let file: string | undefined;
  try {
    file = parseArgs({ args: [...args], options: { config: { type: 'string' } } }).values.config;
  } catch (cause) {
    throw new TroupeError(
      { code: 'CONFIG_INVALID', message: `${firstLine(textOf(cause))}; ${usage}` },
      { cause },
    );
  }
  if (file !== undefined) return file;
  throw new TroupeError({
    code: 'CONFIG_INVALID',
    message: `no configuration was named; ${usage}`,
  });
}

/** Reads and checks a file; whatever is wrong becomes `CONFIG_INVALID` naming file and key. */
export function loadConfig<S extends z.ZodType>(file: string, schema: S): z.infer<S> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw troupeError('CONFIG_INVALID', `${file} cannot be read (${textOf(cause)})`, {}, cause);
  }
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (cause) {
    throw troupeError(
      'CONFIG_INVALID',
      `${file} is not YAML (${firstLine(textOf(cause))})`,
      {},
      cause,
    );
  }
  return checkConfig(raw ?? {}, schema, file);
}

/** Checks what is already in memory. `source` says in errors where it came from. */
export function checkConfig<S extends z.ZodType>(
  raw: unknown,
  schema: S,
  source = 'the configuration',
): z.infer<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describe(issue, schema));
  const first = result.error.issues[0];
  const key = first === undefined ? '' : pathText(first.path);
  throw troupeError('CONFIG_INVALID', `${source}: ${problems.join('; ')}`, { key });
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType): string[] {
  if (issue.code !== 'unrecognized_keys') {
    return [`${pathText(issue.path) || 'the whole of it'}: ${issue.message}`];
  }
  const known = keysAt(schema, issue.path);
  return issue.keys.map((key) => {
    const name = pathText([...issue.path, key]);
    const near = nearest(key, known);
    if (near === undefined) return `unknown key "${name}"`;
    return `unknown key "${name}", did you mean "${pathText([...issue.path, near])}"?`;
  });
}

/** The parser shows the place below its first line; an error of ours is one line. */
function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replace(/:$/, '');
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

/** The keys that the object schema at `path` knows. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = bare(schema);
  for (const step of path) {
    if (!(at instanceof z.ZodObject)) return [];
    at = bare(at.shape[String(step)]);
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** Every key that a schema knows, with dots: what a page about the configuration has to name. */
export function configKeys(schema: z.ZodType, path = ''): string[] {
  const at = bare(schema);
  if (!(at instanceof z.ZodObject)) return [path];
  return Object.entries(at.shape).flatMap(([key, inner]) =>
    inner instanceof z.ZodType ? configKeys(inner, path === '' ? key : `${path}.${key}`) : [],
  );
}

/** Without the wrappers that say what happens when a value is absent. */
function bare(schema: unknown): unknown {
  let at = schema;
  while (
    at instanceof z.ZodOptional ||
    at instanceof z.ZodDefault ||
    at instanceof z.ZodPrefault ||
    at instanceof z.ZodNullable
  ) {
    at = at.unwrap();
  }
  return at;
}

function nearest(key: string, known: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(key.toLowerCase(), name.toLowerCase());
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  return best?.name;
}

/** Insertions, deletions and substitutions between two words (Levenshtein). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 0; i < left.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < right.length; j++) {
      const substituted = (row[j] ?? 0) + (left[i] === right[j] ? 0 : 1);
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
