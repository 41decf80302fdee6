/**
 * The journal as one scheduler has read it: the machine with every fact applied, and how far.
 *
 * H1  facts are applied in the order of their numbers, without gaps, each once.
 */
import { type Batch, BatchReader } from '@troupe/fabric/loop';
import { assert, type Bytes, decode } from '@troupe/model';
import { type SchedulerConfig, type SchedulerFact, SchedulerMachine } from '@troupe/scheduler-core';
import type { Stored } from '../store/log-server.ts';

export type ImageFact = Extract<SchedulerFact, { kind: 'image-stored' }>;

/** Facts that became durable together; `first` is the number of the first. */
export interface AppliedFacts {
  readonly facts: readonly SchedulerFact[];
  readonly first: number;
}

export class History {
  readonly machine: SchedulerMachine;
  readonly #reader: BatchReader<SchedulerFact>;
  /** Position of the last record read. */
  position: number;
  #closed: number;
  #nextFact: number;
  /** Images named in what was read, oldest first. */
  readonly images: ImageFact[] = [];

  readonly #remembered: (fact: SchedulerFact) => SchedulerFact;

  /** `remembered`: what is made of each fact that is read. */
  constructor(
    config: SchedulerConfig,
    from: { readonly fact: ImageFact; readonly body: Bytes } | undefined,
    remembered: (fact: SchedulerFact) => SchedulerFact = (fact) => fact,
  ) {
    this.#remembered = remembered;
    this.machine =
      from === undefined
        ? new SchedulerMachine(config)
        : SchedulerMachine.restore(config, from.body);
    this.#nextFact = from?.fact.facts ?? 0;
    this.#reader = new BatchReader(this.#nextFact);
    this.position = (from?.fact.position ?? 1) - 1;
    this.#closed = this.position;
  }

  get nextFact(): number {
    return this.#nextFact;
  }

  /** Facts since the last image. */
  get behindImage(): number {
    return this.#nextFact - (this.images.at(-1)?.facts ?? 0);
  }

  /** Position up to which an image of the machine as it is now allows trimming. */
  get imagePosition(): number {
    return this.#closed + 1;
  }

  apply(record: Stored): AppliedFacts | undefined {
    if (record.position <= this.position) return undefined;
    this.position = record.position;
    if (record.kind !== 'rec') return undefined;
    const first = this.#nextFact;
    const facts = this.#reader.push(decode<Batch<SchedulerFact>>(record.body));
    this.#nextFact = this.#reader.nextFact;
    if (facts.length === 0) return undefined;
    this.#closed = record.position;
    for (const fact of facts) this.machine.apply(this.#remembered(fact));
    assert(this.machine.factCount === this.#nextFact, 'H1: facts are counted alike everywhere');
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

  /** All but the last two images that were named; each is handed out once. */
  takeOldImages(): readonly ImageFact[] {
    const old = this.images.splice(0, Math.max(0, this.images.length - 2));
    return old.filter(({ object }) => !this.images.some((kept) => kept.object === object));
  }

  #note(facts: readonly SchedulerFact[]): void {
    for (const fact of facts) if (fact.kind === 'image-stored') this.images.push(fact);
  }
}

/** The last image that these records name. */
export function latestImage(records: readonly Stored[]): ImageFact | undefined {
  const reader = new BatchReader<SchedulerFact>();
  let latest: ImageFact | undefined;
  for (const record of records) {
    if (record.kind !== 'rec') continue;
    for (const fact of reader.push(decode<Batch<SchedulerFact>>(record.body))) {
      if (fact.kind === 'image-stored') latest = fact;
    }
  }
  return latest;
}
