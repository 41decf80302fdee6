/**
 * What a run of the suite leaves behind: JSON lines, from which everything can be checked again
 * without the cluster. Times are milliseconds since the run began, by this process's clock.
 *
 * H1  every operation has one line, with one outcome: `ok`, `failed` (it surely had no effect) or
 *     `unknown` (it may have had its effect once, or not).
 * H2  a history that has no `end` line was cut short, and proves nothing.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';

const outcome = z.enum(['ok', 'failed', 'unknown']);

const begin = z.object({
  kind: z.literal('begin'),
  seed: z.string(),
  at: z.string(),
  forMs: z.number(),
  nodes: z.number(),
  schedulers: z.number(),
  /** What the cluster was, and where it stood. */
  where: z.string(),
  /** The kinds of faults that could come. */
  kinds: z.array(z.string()),
  leftOut: z.array(z.string()),
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

const end = z.object({ kind: z.literal('end'), at: z.number() });

const line = z.discriminatedUnion('kind', [begin, operation, fault, final, alarm, sample, end]);

export type Outcome = z.infer<typeof outcome>;
export type Begin = z.infer<typeof begin>;
export type Operation = z.infer<typeof operation>;
export type FaultLine = z.infer<typeof fault>;
export type Final = z.infer<typeof final>;
export type Alarm = z.infer<typeof alarm>;
export type Sample = z.infer<typeof sample>;
export type Line = z.infer<typeof line>;

export interface History {
  readonly begin: Begin | undefined;
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultLine[];
  readonly finals: readonly Final[];
  readonly alarms: readonly Alarm[];
  readonly samples: readonly Sample[];
  /** When it ended; undefined when it was cut short (H2). */
  readonly endedAt: number | undefined;
}

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
    endedAt: of('end')[0]?.at,
  };
}

/** Reads a file of lines; whatever is no line of a history is an error that names its number. */
export function readHistory(file: string): History {
  const texts = readFileSync(file, 'utf8').split('\n');
  const lines = texts.flatMap((text, index) => (text === '' ? [] : [parseLine(text, index + 1)]));
  return historyOf(lines);
}

function parseLine(text: string, number: number): Line {
  try {
    return line.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`line ${number} is no line of a history: ${text.slice(0, 100)}`, { cause });
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
