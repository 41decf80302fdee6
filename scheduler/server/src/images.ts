/**
 * When an image of the scheduler's state is written, and by whom: by a thread beside the first standby by name, or
 * beside the leader where there is none. Neither pauses for it.
 */
import type { Clock, Logger } from '@troupe/fabric';
import { failureOf } from '@troupe/model';
import type { ServerConfig } from './config.ts';
import { mebibytes } from './heap-watch.ts';
import type { History } from './history.ts';
import { writeImageBeside } from './image-thread.ts';

export interface WrittenImage {
  readonly object: string;
  readonly facts: number;
  readonly position: number;
  readonly bytes: number;
}

type Every = Pick<ServerConfig['scheduler'], 'imageEveryFacts' | 'imageEveryBytes'>;

export interface ImagesStart {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names of the other schedulers that follow the journal. */
  readonly standbys: () => readonly string[];
  /** Tells the leader, here or elsewhere. */
  readonly tell: (image: WrittenImage) => void;
}

/** After a failure nothing is tried for so long. */
const restMs = 10_000;
/** Bytes of journal for each byte of the image before, of those beyond what is written in no time. */
const journalShareMin = 0.5;
const cheapBytes = 4 * 1024 * 1024;

export class Images {
  readonly #start: ImagesStart;
  #writing = false;
  #notBefore = 0;
  /** Told to the leader until the journal names it or a later one. */
  #written: WrittenImage | undefined;

  constructor(start: ImagesStart) {
    this.#start = start;
  }

  /** Looks whether an image is due, and whether it is this process that writes it. */
  tick(history: History, leading: boolean): void {
    const stored = history.latestImage?.facts ?? 0;
    if (this.#written !== undefined && this.#written.facts > stored) {
      this.#start.tell(this.#written);
      return;
    }
    this.#written = undefined;
    const { config, clock, standbys } = this.#start;
    if (this.#writing || clock.now() < this.#notBefore || !isDue(history, config.scheduler)) return;
    const { name } = config.scheduler;
    const others = standbys();
    const isOurs = leading ? others.length === 0 : others.every((other) => name <= other);
    if (isOurs) this.#run();
  }

  #run(): void {
    this.#writing = true;
    const begun = this.#start.clock.now();
    writeImageBeside(this.#start.config)
      .then(
        (image) => {
          const ms = Math.round(this.#start.clock.now() - begun);
          this.#start.logger.info({ ...image, ms, ...memoryMiB() }, 'image written');
          this.#written = image;
          this.#start.tell(image);
        },
        (thrown: unknown) => {
          this.#notBefore = this.#start.clock.now() + restMs;
          const { code, message } = failureOf(thrown);
          this.#start.logger.warn({ code, reason: message }, 'no image could be written');
        },
      )
      .finally(() => {
        this.#writing = false;
      });
  }
}

/** Whether so much of the journal is to be read after an image that another one is worth its while. One that is
 *  written of a large state costs much: it is due when the journal has grown by a share of the last one. */
function isDue(history: History, { imageEveryFacts, imageEveryBytes }: Every): boolean {
  const { facts, bytes } = history.behindImage;
  if (facts < imageEveryFacts && (facts === 0 || bytes < imageEveryBytes)) return false;
  return bytes >= ((history.latestImage?.bytes ?? 0) - cheapBytes) * journalShareMin;
}

/** What this process holds by now, for people: the heap, and what lies beside it. */
function memoryMiB(): { readonly heapMiB: number; readonly rssMiB: number } {
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMiB: mebibytes(heapUsed), rssMiB: mebibytes(rss) };
}
