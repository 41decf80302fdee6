/**
 * What a run of the suite leaves behind: JSON lines, from which everything can be checked again
 * without the cluster. Times are milliseconds since the run began, by this process's clock.
 *
 * H1  every operation has one line, with one outcome: `ok`, `failed` (it surely had no effect) or
 *     `unknown` (it may have had its effect once, or not).
 * H2  a history that is not whole proves nothing: its first line is its only `begin` and its last
 *     its only `end`, no operation, fault, sample or final state is told twice, and nothing is later
 *     than the end.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { z } from 'zod';

const outcome = z.enum(['ok', 'failed', 'unknown']);

const begin = z.object({
  kind: z.literal('begin'),
  seed: z.string(),
  at: z.string(),
  forMs: z.number(),
  nodes: z.number(),
  schedulers: z.number(),
  /** How many servers there were; absent in older histories. */
  etcds: z.number().optional(),
  natsServers: z.number().optional(),
  /** What the cluster was, and where it stood. */
  where: z.string(),
  /** The kinds of faults that could come. */
  kinds: z.array(z.string()),
  leftOut: z.array(z.string()),
  /** Which were at work; absent in older histories. */
  workloads: z.array(z.string()).optional(),
});

const operation = z.object({
  kind: z.literal('operation'),
  workload: z.string(),
  id: z.string(),
  client: z.string(),
  key: z.string(),
  action: z.string(),
  input: z.unknown().optional(),
  from: z.number(),
  until: z.number(),
  outcome,
  output: z.unknown().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
});

const fault = z.object({
  kind: z.literal('fault'),
  fault: z.string(),
  round: z.number(),
  /** Which of its round, from 0 on; absent in older histories. */
  order: z.number().optional(),
  target: z.string(),
  from: z.number(),
  until: z.number(),
  /** From the fault's beginning until every counter had answered a call begun after it. */
  recoveredMs: z.number().optional(),
  /** How much it befell, such as packets. */
  befallen: z.number().optional(),
  skipped: z.string().optional(),
});

const final = z.object({
  kind: z.literal('final'),
  workload: z.string(),
  key: z.string(),
  value: z.unknown(),
});

/** Something that no operation shows: a process that ended by a bug, a cluster that never healed. */
const alarm = z.object({
  kind: z.literal('alarm'),
  at: z.number(),
  what: z.string(),
});

/** One measure of one thing at one moment: a process's memory, a log's bytes. */
const sample = z.object({
  kind: z.literal('sample'),
  at: z.number(),
  of: z.string(),
  measure: z.enum(['memory MB', 'handles', 'kilobytes', 'messages']),
  value: z.number(),
});

/** The share of the load that the clients kept to; absent in older histories. */
const pace = z.object({ kind: z.literal('pace'), at: z.number(), share: z.number() });

const end = z.object({ kind: z.literal('end'), at: z.number() });

const line = z.discriminatedUnion('kind', [
  begin,
  operation,
  fault,
  final,
  alarm,
  sample,
  pace,
  end,
]);

export type Outcome = z.infer<typeof outcome>;
export type Begin = z.infer<typeof begin>;
export type Operation = z.infer<typeof operation>;
export type FaultLine = z.infer<typeof fault>;
export type Final = z.infer<typeof final>;
export type Alarm = z.infer<typeof alarm>;
export type Sample = z.infer<typeof sample>;
export type Pace = z.infer<typeof pace>;
export type Line = z.infer<typeof line>;

export interface History {
  readonly begin: Begin | undefined;
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultLine[];
  readonly finals: readonly Final[];
  readonly alarms: readonly Alarm[];
  readonly samples: readonly Sample[];
  readonly paces: readonly Pace[];
  /** When it ended; undefined when it was cut short (H2). */
  readonly endedAt: number | undefined;
  /** Why it is not whole (H2). */
  readonly flaws: readonly string[];
}

const chunkBytes = 1_048_576;

/** The file is no history at all, and says nothing. */
export class NoHistoryError extends Error {}

export function historyOf(lines: Iterable<Line>): History {
  const all = [...lines];
  const of = <K extends Line['kind']>(kind: K) =>
    all.filter((one): one is Extract<Line, { kind: K }> => one.kind === kind);
  return {
    begin: of('begin')[0],
    operations: of('operation'),
    faults: of('fault'),
    finals: of('final'),
    alarms: of('alarm'),
    samples: of('sample'),
    paces: of('pace'),
    endedAt: of('end')[0]?.at,
    flaws: flawsOf(all),
  };
}

/** H2 */
function flawsOf(lines: readonly Line[]): readonly string[] {
  const count = (kind: Line['kind']) => lines.filter((one) => one.kind === kind).length;
  const [begins, ends] = [count('begin'), count('end')];
  const endedAt = lines.findLast((one) => one.kind === 'end')?.at ?? Number.POSITIVE_INFINITY;
  const twice = new Set<string>();
  const names = new Set<string>();
  let late = 0;
  let backwards = 0;
  for (const one of lines) {
    const name = nameOf(one);
    if (name !== undefined && names.has(name)) twice.add(name);
    if (name !== undefined) names.add(name);
    if ('at' in one && typeof one.at === 'number' && one.at > endedAt) late += 1;
    if (!('until' in one)) continue;
    if (one.until > endedAt) late += 1;
    if (one.until < one.from) backwards += 1;
  }
  const [first] = twice;
  return [
    ...(begins === 1 && lines[0]?.kind === 'begin' ? [] : ['the history has not one beginning']),
    ...(ends === 0 ? ['the history was cut short'] : []),
    ...(ends > 1 || (ends === 1 && lines.at(-1)?.kind !== 'end')
      ? ['the history goes on after its end']
      : []),
    ...(late > 0 ? [`${late} lines are of a time after the end`] : []),
    ...(backwards > 0 ? [`${backwards} lines end before they begin`] : []),
    ...missingOf(lines),
    ...(first === undefined ? [] : [`${first} is told twice, as are ${twice.size - 1} others`]),
  ];
}

/** How many numbers no operation has, of those up to the highest of each workload, and the least. */
function missingOf(lines: readonly Line[]): readonly string[] {
  const numbers = new Map<string, Set<number>>();
  for (const one of lines) {
    const number = one.kind === 'operation' ? numberOf(one) : undefined;
    if (one.kind !== 'operation' || number === undefined) continue;
    numbers.set(one.workload, (numbers.get(one.workload) ?? new Set()).add(number));
  }
  return [...numbers].flatMap(([workload, seen]) => {
    const most = [...seen].reduce((highest, number) => Math.max(highest, number), 0);
    let least = 1;
    while (seen.has(least)) least += 1;
    if (least > most) return [];
    return [`${most - seen.size} operations of ${workload} are missing, such as number ${least}`];
  });
}

/** As `Operations.nextId` counts them; what is asked for again has the number of what it repeats. */
function numberOf({ workload, client, id }: Operation): number | undefined {
  const start = `${workload}-${client}-`;
  const [, number] = /^(\d+)(?:-again)?$/.exec(id.slice(start.length)) ?? [];
  return number !== undefined && id.startsWith(start) ? Number(number) : undefined;
}

/** What is to be told once. */
function nameOf(one: Line): string | undefined {
  switch (one.kind) {
    case 'operation':
      return `operation ${one.id}`;
    case 'final':
      return `the final state of ${one.workload} ${one.key}`;
    case 'fault':
      return faultNameOf(one);
    case 'sample':
      return `the ${one.measure} of ${one.of} at ${one.at}`;
    default:
      return undefined;
  }
}

/** By its place in its round, where it has one: a kind may come twice in a round. */
function faultNameOf({ round, order, fault: kind, target, from }: FaultLine): string {
  if (order !== undefined) return `fault ${order} of round ${round}`;
  return `the fault ${kind} of round ${round} to "${target}" at ${from}`;
}

/**
 * Reads a file of lines; whatever is no line of a history is an error that names its number. A last
 * line that was cut in its middle is left out: the history then has no end (H2).
 */
export function readHistory(file: string): History {
  const lines: Line[] = [];
  let number = 0;
  for (const { text, isWhole } of textsOf(file)) {
    number += 1;
    if (text === '') continue;
    const read = lineOf(text);
    if (read !== undefined) lines.push(read);
    else if (isWhole || number === 1) {
      throw new NoHistoryError(`line ${number} is no line of a history: ${text.slice(0, 100)}`);
    }
  }
  return historyOf(lines);
}

/** Line by line: hours are more than fits into one string. The last one may be without its end. */
function* textsOf(file: string): Generator<{ readonly text: string; readonly isWhole: boolean }> {
  const handle = openSync(file, 'r');
  const chunk = Buffer.alloc(chunkBytes);
  let begun: Buffer[] = [];
  try {
    for (let count = readSync(handle, chunk); count > 0; count = readSync(handle, chunk)) {
      let from = 0;
      for (let to = chunk.indexOf(10); to >= 0 && to < count; to = chunk.indexOf(10, from)) {
        begun.push(chunk.subarray(from, to));
        yield { text: Buffer.concat(begun).toString('utf8'), isWhole: true };
        begun = [];
        from = to + 1;
      }
      begun.push(Buffer.from(chunk.subarray(from, count)));
    }
    yield { text: Buffer.concat(begun).toString('utf8'), isWhole: false };
  } finally {
    closeSync(handle);
  }
}

function lineOf(text: string): Line | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Writes a history as it happens, and keeps it. */
export class HistoryWriter {
  readonly #file: number;
  readonly #lines: Line[] = [];
  readonly #listeners = new Set<(operation: Operation) => void>();
  readonly #startedAt = performance.now();

  constructor(file: string) {
    this.#file = openSync(file, 'w');
  }

  now(): number {
    return Math.round((performance.now() - this.#startedAt) * 10) / 10;
  }

  write(one: Line): void {
    this.#lines.push(one);
    writeSync(this.#file, `${JSON.stringify(one)}\n`);
    if (one.kind === 'operation') for (const listener of this.#listeners) listener(one);
  }

  alarm(what: string): void {
    this.write({ kind: 'alarm', at: this.now(), what });
  }

  /** Called with every operation that ends, until the answer is called. */
  onOperation(listener: (operation: Operation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): History {
    this.write({ kind: 'end', at: this.now() });
    closeSync(this.#file);
    return historyOf(this.#lines);
  }
}
