/**
 * Questions to the servers that hold the durable bytes. A question or its answer may be lost or late,
 * so who asks never knows by silence whether it was done.
 */
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

export type ServerName = 'store' | 'etcd';

const tryAgainMs = 400;

export class Requests {
  readonly #world: World;
  readonly #stillUntil = new Map<ServerName, number>();
  #fullUntil = 0;
  /** Whose request is being served. */
  asker: Process | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** The server answers nothing until then, and does what was asked meanwhile afterwards. */
  standStill(server: ServerName, ms: number): void {
    this.#stillUntil.set(server, this.#world.timeline.now + ms);
  }

  goOn(): void {
    this.#stillUntil.clear();
    this.#fullUntil = 0;
  }

  /** The disk of the store is full: whatever would be written is refused until then. */
  fill(ms: number): void {
    this.#fullUntil = this.#world.timeline.now + ms;
  }

  get full(): boolean {
    return this.#world.timeline.now < this.#fullUntil;
  }

  /** Asks once. `heard` may never be called, though `act` was done. */
  ask<T>(process: Process, server: ServerName, act: () => T, heard: (answer: T) => void): void {
    if (!process.alive) return;
    const { timeline } = this.#world;
    if (this.#lost(process.host.name, server)) return;
    timeline.after(this.#delay(), () => this.#serve(process, server, act, heard));
  }

  /** Asks until answered; `act` may be done more than once. */
  untilAnswered<T>(
    process: Process,
    server: ServerName,
    act: () => T,
    heard: (answer: T) => void,
  ): void {
    let answered = false;
    let cancel = (): void => {};
    const again = (): void => {
      this.ask(process, server, act, (answer) => {
        // A full disk refuses: it is asked again like one that says nothing.
        if (answered || answer === 'full') return;
        answered = true;
        cancel();
        heard(answer);
      });
      cancel = process.after(tryAgainMs, again);
    };
    again();
  }

  #serve<T>(process: Process, server: ServerName, act: () => T, heard: (answer: T) => void): void {
    const { timeline } = this.#world;
    const still = (this.#stillUntil.get(server) ?? 0) - timeline.now;
    if (still > 0) {
      timeline.after(still, () => this.#serve(process, server, act, heard));
      return;
    }
    this.asker = process;
    const answer = act();
    this.asker = undefined;
    if (answer === 'full') this.#world.coverage.reach('the store is full');
    if (this.#lost(server, process.host.name)) return;
    timeline.after(this.#delay(), () => process.run(() => heard(answer)));
  }

  #lost(from: string, to: string): boolean {
    const { network, chance } = this.#world;
    return !network.reaches(from, to) || chance.chance(network.weather.storeLoss);
  }

  #delay(): number {
    const { network, chance } = this.#world;
    return chance.spread(0.2, network.weather.storeMsMax);
  }
}
