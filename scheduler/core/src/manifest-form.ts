/**
 * The form of a manifest: what is there and of which type, before anything looks at what it means.
 * A manifest comes from outside, and a field of the wrong type must never end a leader at work.
 * Fields that nobody knows are let through: a newer SDK may send them. Not so in what a task wishes of its
 * place: a wish that is not known would not be kept, and a misspelt one is found by nobody else.
 */
import { valueDepthMax } from '@troupe/model';
import { z } from 'zod';

const text = z.string();
const texts = z.array(text);
/** Any, since what the number means is judged where it is used, in better words. */
const number = z.custom<number>((value) => typeof value === 'number', 'a number');
const expression = z.custom((value) => isExpression(value, valueDepthMax), 'an expression');
const expressions = z.record(text, expression);

/** An object with these fields; whether it may have others is what they differ in. */
type FormOf = (fields: z.ZodRawShape) => z.ZodType;

/** With its own fields and no others. */
function closed(fields: z.ZodRawShape): z.ZodType {
  const known = Object.keys(fields).join(', ');
  const error = (issue: { readonly code?: string; readonly keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys'
      ? `without ${issue.keys?.map((key) => JSON.stringify(key)).join(', ')}; known are ${known}`
      : undefined;
  return z.strictObject(fields, { error });
}

function wishesOf(record: FormOf): z.ZodType {
  const selector = z.array(
    record({
      label: text,
      op: z.enum(['in', 'not-in', 'exists', 'absent']),
      values: texts.optional(),
    }),
  );
  const neighbour = { tasks: selector, across: text };
  const neighbours = record(neighbour);
  const preferred = (term: z.ZodType) => z.array(record({ weight: number, term })).optional();
  return record({
    strategy: text.optional(),
    labels: z.record(text, text).optional(),
    nodes: selector.optional(),
    nodesPreferred: preferred(selector),
    near: z.array(neighbours).optional(),
    apart: z.array(neighbours).optional(),
    nearPreferred: preferred(neighbours),
    apartPreferred: preferred(neighbours),
    spread: z.array(record({ ...neighbour, skewMax: number, required: z.boolean() })).optional(),
    gpuModels: texts.optional(),
    gpus: record({ count: number, milli: number }).optional(),
    isolation: text.optional(),
    preempts: z.boolean().optional(),
  });
}

/** As an earlier version let it into the journal. */
const placement = wishesOf(z.looseObject);

const letterTries = z.looseObject({ retries: number, backoffMs: z.array(number) });

const actor = z.looseObject({
  type: text,
  methods: texts,
  reads: texts,
  turnLimitMs: number.optional(),
  waitsMs: number.optional(),
  letters: letterTries.optional(),
  lettersOf: z.record(text, letterTries).optional(),
  healthMs: number.optional(),
  restart: z
    .looseObject({ backoffMs: number, backoffMsMax: number, failuresMax: number.optional() })
    .optional(),
  groups: z.array(z.looseObject({ name: text, most: number, reads: texts })).optional(),
  version: number.optional(),
});

const task = z.looseObject({
  name: text,
  resources: z.record(text, number),
  retries: number,
  backoffMs: z.array(number),
  limitMs: number,
  placement: placement.optional(),
});

const condition = z.looseObject({ when: text, values: expressions.optional() });

const rounds = oneOf({
  count: expression.optional(),
  items: expression.optional(),
  while: condition.optional(),
  until: condition.optional(),
});
const branches = oneOf({ count: expression.optional(), items: expression.optional() });

const tries = {
  retries: number.optional(),
  backoffMs: z.array(number).optional(),
  limitMs: number.optional(),
  priority: text.optional(),
};
const taskOf = { ...tries, task: text, input: expression };
const callOf = {
  ...tries,
  type: text,
  key: expression,
  method: text,
  args: z.array(expression),
};
const undo = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('task'), ...taskOf }),
  z.looseObject({ kind: z.literal('call'), ...callOf }),
]);
const ofBlock = {
  id: text,
  after: texts,
  in: text.optional(),
  each: expression.optional(),
  inFlightMax: number.optional(),
  undo: undo.optional(),
};

function kind<K extends string, F extends z.ZodRawShape>(name: K, fields: F) {
  return z.looseObject({ ...ofBlock, kind: z.literal(name), ...fields });
}

const block = z.discriminatedUnion('kind', [
  kind('task', taskOf),
  kind('route', taskOf),
  kind('call', callOf),
  kind('pause', { prompt: expression, limitMs: number.optional() }),
  kind('wait', { ms: expression }),
  kind('choice', {
    values: expressions.optional(),
    cases: z.array(z.looseObject({ port: text, when: text })),
    otherwise: text.optional(),
  }),
  kind('loop', { result: text.optional(), rounds, roundsMax: number.optional() }),
  kind('parallel', { result: text.optional(), branches }),
  kind('run', { workflow: text, input: expression }),
  kind('value', { value: expression }),
  kind('answer', { value: expression }),
]);

const workflow = z.looseObject({
  name: text,
  blocks: z.array(block),
  edges: z.array(z.looseObject({ from: text, to: text, port: text })).optional(),
  referencesAreEdges: z.boolean().optional(),
  onFailure: z.enum(['stop', 'go-on']).optional(),
  limitMs: number.optional(),
  segmentLimitMs: number.optional(),
  output: expression,
});

const manifestForm = z.looseObject({
  sdk: text,
  actors: z.array(actor),
  tasks: z.array(task.extend({ placement: wishesOf(closed).optional() })),
  workflows: z.array(workflow),
});

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
};

/** The first thing of a wrong form, with its place: `tasks[0].placement must be an object`. */
export function formFault(manifest: unknown): string | undefined {
  return faultOf(manifestForm, manifest, 'the manifest');
}

/** The same of one task. */
export function taskFormFault(given: unknown): string | undefined {
  return faultOf(task, given, 'it');
}

/** The same of what a task wishes of its place. */
export function wishesFormFault(given: unknown): string | undefined {
  return faultOf(placement, given, 'placement');
}

function faultOf(form: z.ZodType, given: unknown, whole: string): string | undefined {
  const issue = form.safeParse(given).error?.issues[0];
  if (issue === undefined) return undefined;
  return `${placeOf(issue.path) || whole} must be ${wordsOf(issue)}`;
}

function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return 'one that this version knows';
    default:
      return issue.message;
  }
}

function placeOf(path: readonly PropertyKey[]): string {
  let place = '';
  for (const part of path) {
    if (typeof part === 'number') place += `[${part}]`;
    else place += place === '' ? String(part) : `.${String(part)}`;
  }
  return place;
}

/** An object with exactly one of these fields. */
function oneOf<F extends z.ZodRawShape>(fields: F) {
  const names = Object.keys(fields);
  return z
    .looseObject(fields)
    .refine(
      (given: Readonly<Record<string, unknown>>) => isOneOf(given, names),
      `an object with one of ${names.join(', ')}`,
    );
}

function isOneOf(given: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  const [name, ...more] = names.filter((each) => each in given);
  return name !== undefined && more.length === 0 && given[name] !== undefined;
}

/** JSON of a bounded depth, since what reads expressions goes down into them. */
function isExpression(value: unknown, depth: number): boolean {
  if (value === undefined || depth < 0) return false;
  if (typeof value !== 'object' || value === null) return typeof value !== 'function';
  return Object.values(value).every((part) => isExpression(part, depth - 1));
}
