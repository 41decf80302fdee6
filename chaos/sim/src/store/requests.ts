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

  constructor(world: World) {
    this.#world = world;
  }

  /** The server answers nothing until then, and does what was asked meanwhile afterwards. */
  standStill(server: ServerName, ms: number): void {
    this.#stillUntil.set(server, this.#world.timeline.now + ms);
  }

  goOn(): void {
    this.#stillUntil.clear();
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
        if (answered) return;
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
    const answer = act();
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
