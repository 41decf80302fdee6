/**
 * The journal as this process has read it: the machine with every fact applied, and how far.
 *
 * An image needs no pointer beside the journal: the `image-stored` fact lies behind the position up
 * to which it allows trimming, so whatever is left of a journal names the image it starts from.
 *
 * H1  facts are applied in the order of their numbers, without gaps, each once.
 * H2  only complete batches are applied.
 * H3  an image that cannot be read is named, and the one before it is taken with the journal after that.
 * H4  neither the journal nor an image is in memory as a whole, and reading them keeps nobody waiting: a process
 *     that is rebuilding its state answers, and holds or wins its lease, meanwhile.
 */
import { type Batch, BatchReader, type LogRecord, type Logs } from '@troupe/fabric';
import { assert, decode, type Failure, failureOf, type LogName, troupeError } from '@troupe/model';
import {
  keptFact,
  RestoringMachine,
  type SchedulerConfig,
  type SchedulerFact,
  SchedulerMachine,
} from '@troupe/scheduler-core';
import { Breath, breathed } from './breath.ts';
import type { ImageStore } from './image-store.ts';

export type ImageFact = Extract<SchedulerFact, { kind: 'image-stored' }>;

/** Facts that became durable together; `first` is the number of the first. */
export interface AppliedFacts {
  readonly facts: readonly SchedulerFact[];
  readonly first: number;
}

export interface HistoryStart {
  readonly log: LogName;
  readonly logs: Logs;
  readonly images: ImageStore;
  readonly config: SchedulerConfig;
  /** An image cannot be read. */
  readonly damaged?: (image: ImageFact, why: Failure) => void;
}

export class History {
  readonly machine: SchedulerMachine;
  readonly #reader: BatchReader<SchedulerFact>;
  /** Position of the last record read. */
  position: number;
  /** Position of the record that closed the last complete batch. */
  #closed: number;
  /** Bytes of journal read behind the last image. */
  #bytes = 0;
  /** Number of the next fact. */
  #nextFact: number;
  /** Images named in what was read, oldest first. */
  readonly images: ImageFact[] = [];
  /** Who opened the latest term. */
  leader: string | undefined;

  private constructor(machine: SchedulerMachine, image: ImageFact | undefined) {
    this.machine = machine;
    this.#nextFact = image?.facts ?? 0;
    this.#reader = new BatchReader(this.#nextFact);
    this.position = (image?.position ?? 1) - 1;
    this.#closed = this.position;
  }

  /** The state at the end of the journal as it is now. While it is read it may be trimmed behind an image that
   *  stands beyond where reading ends: then it begins elsewhere, and is read again. */
  static async restore(start: HistoryStart): Promise<History> {
    let before: number | undefined;
    for (;;) {
      const finder = new ImageFinder();
      try {
        return await History.#read(start, finder);
      } catch (thrown) {
        const { begins } = finder;
        if (failureOf(thrown).code !== 'LOG_CORRUPT' || before === begins) throw thrown;
        before = begins;
      }
    }
  }

  /** Twice over: first for the images that it names, then from the last one on (H4). */
  static async #read({ log, logs, ...start }: HistoryStart, finder: ImageFinder): Promise<History> {
    const breath = new Breath();
    for await (const record of logs.read(log, 1)) {
      finder.push(record);
      if (breath.due) await breath.taken();
    }
    const { image, machine } = await machineOf(start, finder.found);
    const history = new History(machine, image);
    // Those before it are still to be freed: what names them may lie before it, and is not read again.
    if (image !== undefined)
      history.images.push(...finder.found.slice(0, finder.found.indexOf(image)));
    for await (const record of logs.read(log, history.position + 1)) {
      history.apply(record);
      if (breath.due) await breath.taken();
    }
    return history;
  }

  /** Number of the next fact. */
  get nextFact(): number {
    return this.#nextFact;
  }

  get latestImage(): ImageFact | undefined {
    return this.images.at(-1);
  }

  /** What of the journal a new image would save. */
  get behindImage(): { facts: number; bytes: number } {
    return { facts: this.nextFact - (this.latestImage?.facts ?? 0), bytes: this.#bytes };
  }

  /** Position up to which an image of the machine as it is now allows trimming. */
  get imagePosition(): number {
    return this.#closed + 1;
  }

  /** Reads on to the end. Answers what was applied. */
  async readOn(logs: Logs, log: LogName, on: (applied: AppliedFacts) => void): Promise<void> {
    const breath = new Breath();
    for await (const record of logs.read(log, this.position + 1)) {
      const applied = this.apply(record);
      if (applied !== undefined) on(applied);
      if (breath.due) await breath.taken();
    }
  }

  /** Applies one record; answers the batch that it completed. */
  apply(record: LogRecord): AppliedFacts | undefined {
    if (record.position <= this.position) return undefined;
    this.position = record.position;
    if (record.kind === 'seal') {
      throw troupeError('LOG_CORRUPT', `a journal was sealed at ${record.position}`);
    }
    if (record.kind === 'open') return undefined;
    const first = this.#nextFact;
    const facts = this.#reader.push(decode<Batch<SchedulerFact>>(record.body)).map(keptFact);
    this.#nextFact = this.#reader.nextFact;
    this.#bytes += record.body.length;
    if (facts.length === 0) return undefined;
    this.#closed = record.position;
    for (const fact of facts) this.machine.apply(fact);
    assert(this.machine.factCount === this.nextFact, 'H1: facts are counted alike everywhere');
    this.#note(facts);
    return { facts, first };
  }

  /** What this process itself appended as leader; the machine has applied it already. */
  appended(facts: readonly SchedulerFact[], position: number): AppliedFacts {
    const first = this.#nextFact;
    this.position = position;
    this.#nextFact += facts.length;
    this.#note(facts);
    return { facts, first };
  }

  appendedBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /** All but the last two images that were named; each is handed out once. */
  takeOldImages(): readonly ImageFact[] {
    return this.images.splice(0, Math.max(0, this.images.length - 2));
  }

  #note(facts: readonly SchedulerFact[]): void {
    for (const fact of facts) {
      if (fact.kind === 'term-opened') this.leader = fact.scheduler;
      if (fact.kind !== 'image-stored') continue;
      if (!this.images.some(({ object }) => object === fact.object)) this.images.push(fact);
      this.#bytes = 0;
    }
  }
}

/** H3. Without any image the journal itself has to begin with its first fact. */
async function machineOf(
  start: Pick<HistoryStart, 'config' | 'images' | 'damaged'>,
  images: readonly ImageFact[],
): Promise<{ readonly machine: SchedulerMachine; readonly image: ImageFact | undefined }> {
  for (const image of [...images].reverse()) {
    try {
      const restoring = new RestoringMachine(start.config);
      for await (const part of start.images.read(image.object)) {
        restoring.part(part);
        await breathed();
      }
      return { image, machine: restoring.machine() };
    } catch (thrown) {
      const why = failureOf(thrown);
      if (why.code !== 'LOG_CORRUPT') throw thrown;
      start.damaged?.(image, why);
    }
  }
  return { image: undefined, machine: new SchedulerMachine(start.config) };
}

const imageKind = Buffer.from('image-stored' satisfies ImageFact['kind']);

/**
 * Finds the images named in a journal whose front may have been trimmed. What has not their word in it is not
 * decoded. One that is named by a batch without an end is an image all the same: whoever wrote it had read
 * what it holds.
 */
class ImageFinder {
  /** Oldest first. */
  readonly found: ImageFact[] = [];
  /** Position of the first record behind the opening. */
  begins: number | undefined;

  push({ kind, position, body }: LogRecord): void {
    if (kind !== 'open') this.begins ??= position;
    if (
      kind !== 'rec' ||
      !Buffer.from(body.buffer, body.byteOffset, body.length).includes(imageKind)
    )
      return;
    for (const fact of decode<Batch<SchedulerFact>>(body).facts) {
      if (fact.kind === 'image-stored') this.found.push(fact);
    }
  }
}
