/** Where restores are, told of those that take long: of thousands that are done at once nobody asks. */
import type { Clock } from '@troupe/fabric';
import type { ActorId } from '@troupe/model';

const toldAfterMs = 1_000;

export interface RestoreStagesStart {
  readonly clock: Clock;
  isAt(actor: ActorId, epoch: number, at: string): void;
}

/** Of one restore. */
export interface Stages {
  is(at: string): void;
  end(): void;
}

interface Open {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly since: number;
  at: string;
  told: string;
}

export class RestoreStages {
  readonly #start: RestoreStagesStart;
  /** The oldest first. */
  readonly #open = new Set<Open>();
  #looking = false;

  constructor(start: RestoreStagesStart) {
    this.#start = start;
  }

  begin(actor: ActorId, epoch: number): Stages {
    const open: Open = { actor, epoch, since: this.#start.clock.now(), at: '', told: '' };
    this.#open.add(open);
    this.#lookLater();
    return {
      is: (at) => {
        open.at = at;
      },
      end: () => {
        this.#open.delete(open);
      },
    };
  }

  #lookLater(): void {
    if (this.#looking || this.#open.size === 0) return;
    this.#looking = true;
    this.#start.clock.after(toldAfterMs, () => {
      this.#looking = false;
      this.#tell();
      this.#lookLater();
    });
  }

  #tell(): void {
    const long = this.#start.clock.now() - toldAfterMs;
    for (const open of this.#open) {
      if (open.since > long) return;
      if (open.at === open.told) continue;
      open.told = open.at;
      this.#start.isAt(open.actor, open.epoch, open.at);
    }
  }
}
