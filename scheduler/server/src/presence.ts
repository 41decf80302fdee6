/**
 * Which scheduler processes are there: each says so every second on the bus. A hint only; it
 * decides who writes images, never who leads.
 */
import type { Bus, Clock } from '@troupe/fabric';

interface Here {
  readonly name: string;
  /** Made anew at each start: two processes under one name are told apart. */
  readonly instance: string;
  readonly leading: boolean;
}

export interface PresenceStart {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly subject: string;
  readonly name: string;
  readonly instance: string;
  readonly leading: () => boolean;
  /** Called after each own announcement. */
  readonly tick: () => void;
  /** Somebody else said that it leads. */
  readonly leaderHeard: () => void;
}

const everyMs = 1_000;
const silentMsMax = 3_500;

export class Presence {
  readonly #start: PresenceStart;
  readonly #heard = new Map<string, Here & { readonly at: number }>();
  readonly #subscription: { stop(): void };
  #cancel: (() => void) | undefined;

  constructor(start: PresenceStart) {
    this.#start = start;
    this.#subscription = start.bus.listen(start.subject, (here: Here) => {
      if (here.instance === start.instance) return;
      this.#heard.set(here.instance, { ...here, at: start.clock.now() });
      if (here.leading) start.leaderHeard();
    });
    this.#announce();
  }

  /** Names of the other schedulers heard of lately that follow the journal. */
  standbys(): readonly string[] {
    const since = this.#start.clock.now() - silentMsMax;
    const names: string[] = [];
    for (const [instance, here] of this.#heard) {
      if (here.at < since) this.#heard.delete(instance);
      else if (!here.leading) names.push(here.name);
    }
    return names;
  }

  /** At once, when who leads has changed. */
  announce(): void {
    const { bus, subject, name, instance, leading } = this.#start;
    bus.send(subject, { name, instance, leading: leading() } satisfies Here);
  }

  stop(): void {
    this.#cancel?.();
    this.#subscription.stop();
  }

  #announce(): void {
    this.announce();
    this.#start.tick();
    this.#cancel = this.#start.clock.after(everyMs, () => this.#announce());
  }
}
