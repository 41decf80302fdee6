/** When an image of the scheduler's state is written, and by whom: the first standby by name, else
 *  the leader, out of a second reading of the journal. */
import type { Bytes } from '@troupe/model';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { History } from './history.ts';

export interface WrittenImage {
  readonly object: string;
  readonly facts: number;
  readonly position: number;
}

interface Here {
  readonly name: string;
  readonly leading: boolean;
}

const everyMs = 1_000;
const silentMsMax = 3_500;

export class Images {
  readonly #world: World;
  readonly #process: Process;
  readonly #tell: (image: WrittenImage) => void;
  readonly #heard = new Map<string, Here & { readonly at: number }>();
  #written: WrittenImage | undefined;
  writing = false;

  constructor(world: World, process: Process, tell: (image: WrittenImage) => void) {
    this.#world = world;
    this.#process = process;
    this.#tell = tell;
    world.network.listen(process, 'presence', (here: Here) => {
      if (here.name !== process.host.name) {
        this.#heard.set(here.name, { ...here, at: process.now() });
      }
    });
  }

  begin(history: () => History | undefined, leading: () => boolean): void {
    const { network } = this.#world;
    const { name } = this.#process.host;
    network.send(this.#process, 'presence', { kind: 'here', name, leading: leading() });
    const known = history();
    if (known !== undefined) this.#look(known, leading());
    this.#process.routine(everyMs, () => this.begin(history, leading));
  }

  #look(history: History, leading: boolean): void {
    const stored = history.images.at(-1)?.facts ?? 0;
    if (this.#written !== undefined && this.#written.facts > stored) {
      this.#tell(this.#written);
      return;
    }
    this.#written = undefined;
    const due = history.behindImage >= this.#world.timings.imageEveryFacts;
    // A leader has facts in its machine that are not durable yet; only a follower is an image.
    if (!due || this.writing || leading) return;
    const { name } = this.#process.host;
    if (this.#standbys().some((other) => other < name)) return;
    this.#write(history);
  }

  #write(history: History): void {
    const { requests, objects, mutant, chance, timeline } = this.#world;
    const body = history.machine.image();
    const forgets = mutant === 'image-forgets-facts';
    const { nextFact: facts, imagePosition: position } = history;
    this.writing = true;
    this.#world.moments.tell('image', this.#process.host.name);
    timeline.after(chance.spread(1, 400), () =>
      this.#process.run(() => {
        const later = forgets ? history : undefined;
        const image = {
          object: objectName(body),
          facts: later?.nextFact ?? facts,
          position: later?.imagePosition ?? position,
        };
        requests.untilAnswered(
          this.#process,
          'store',
          () => objects.put(image.object, body),
          () => {
            this.writing = false;
            this.#written = image;
            this.#tell(image);
          },
        );
      }),
    );
  }

  #standbys(): string[] {
    const since = this.#process.now() - silentMsMax;
    const names: string[] = [];
    for (const here of this.#heard.values()) {
      if (here.at >= since && !here.leading) names.push(here.name);
    }
    return names;
  }
}

/** By content, as the object store names things. */
function objectName(body: Bytes): string {
  let first = 0x811c9dc5;
  let second = 0x1234567;
  for (const byte of body) {
    first = Math.imul(first ^ byte, 0x01000193);
    second = Math.imul(second + byte, 0x85ebca6b) ^ (second >>> 13);
  }
  return `${(first >>> 0).toString(16)}${(second >>> 0).toString(16)}-${body.length}`;
}
