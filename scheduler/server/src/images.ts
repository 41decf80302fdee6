/**
 * When an image of the scheduler's state is written, and by whom: the first standby by name, out of
 * its own machine; without a standby a thread beside the leader, which never pauses for it.
 */
import type { Clock, Logger, ObjectStore } from '@troupe/fabric';
import { failureOf } from '@troupe/model';
import type { ServerConfig } from './config.ts';
import type { History } from './history.ts';
import { writeImageBeside } from './image-thread.ts';

export interface WrittenImage {
  readonly object: string;
  readonly facts: number;
  readonly position: number;
}

export interface ImagesStart {
  readonly config: ServerConfig;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names of the other schedulers that follow the journal. */
  readonly standbys: () => readonly string[];
  /** Tells the leader, here or elsewhere. */
  readonly tell: (image: WrittenImage) => void;
}

/** After a failure nothing is tried for so long. */
const restMs = 10_000;

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
    const { imageEveryFacts, imageEveryBytes, name } = this.#start.config.scheduler;
    const { facts, bytes } = history.behindImage;
    const due = facts >= imageEveryFacts || (facts > 0 && bytes >= imageEveryBytes);
    if (!due || this.#writing || this.#start.clock.now() < this.#notBefore) return;
    const standbys = this.#start.standbys();
    if (leading && standbys.length === 0) this.#run(() => writeImageBeside(this.#start.config));
    if (!leading && standbys.every((other) => name <= other)) {
      this.#run(() => writeImage(history, this.#start.objects));
    }
  }

  #run(write: () => Promise<WrittenImage>): void {
    this.#writing = true;
    const begun = this.#start.clock.now();
    write()
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

/** Stores the state of a history as it is now. */
export async function writeImage(history: History, objects: ObjectStore): Promise<WrittenImage> {
  const { nextFact: facts, imagePosition: position } = history;
  const object = await objects.put(history.machine.image());
  return { object, facts, position };
}

/** What this process holds by now, for people: the heap, and what lies beside it. */
function memoryMiB(): { readonly heapMiB: number; readonly rssMiB: number } {
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMiB: Math.round(heapUsed / 1_048_576), rssMiB: Math.round(rss / 1_048_576) };
}
