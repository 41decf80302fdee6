/** How a scheduler comes to lead and ceases to. The lease says who may try; the journal fences. */
import { type TroupeError, troupeError } from '@troupe/model';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

const pollMs = 300;
const guardMs = 120;
const remainShareMin = 0.25;

export class Election {
  readonly #world: World;
  readonly #process: Process;
  readonly #name: string;
  #wins = 0;
  #campaigning = false;

  constructor(world: World, process: Process, name: string) {
    this.#world = world;
    this.#process = process;
    this.#name = name;
  }

  /** Calls `won` once, with a leadership that has just begun. */
  campaign(won: (leadership: Leadership) => void): void {
    if (this.#campaigning) return;
    this.#campaigning = true;
    this.#poll(won);
  }

  #poll(won: (leadership: Leadership) => void): void {
    const { requests, lease, timings } = this.#world;
    this.#wins += 1;
    const value = `${this.#process.name}:${this.#wins}`;
    const sentAt = this.#process.now();
    let settled = false;
    requests.ask(
      this.#process,
      'etcd',
      () => lease.take(this.#name, value, timings.leaseMs),
      (taken) => {
        const left = sentAt + timings.leaseMs - this.#process.now();
        if (settled || !taken || left < timings.leaseMs / 2) return;
        settled = true;
        this.#campaigning = false;
        won(new Leadership(this.#world, this.#process, { value, until: sentAt + timings.leaseMs }));
      },
    );
    this.#process.routine(pollMs, () => {
      if (!settled) this.#poll(won);
      settled = true;
    });
  }
}

export class Leadership {
  /** Called once when the term is lost. */
  lost: (reason: TroupeError) => void = () => {};
  readonly #world: World;
  readonly #process: Process;
  readonly #value: string;
  #until: number;
  #over = false;

  constructor(world: World, process: Process, won: { value: string; until: number }) {
    this.#world = world;
    this.#process = process;
    this.#value = won.value;
    this.#until = won.until;
    this.#renew();
    if (world.timings.leaderLooksAtLease) this.#guard();
  }

  /** What this process believes. */
  get believes(): boolean {
    return !this.#over;
  }

  stillLeading(): boolean {
    const { timings, coverage } = this.#world;
    const left = this.#until - this.#process.now();
    if (left < 0 && !this.#over) coverage.reach('a process stands still beyond its lease');
    const enough = left >= timings.leaseMs * remainShareMin;
    if (!this.#over && !enough && timings.leaderLooksAtLease) this.#stepDown('it was not renewed');
    return !this.#over;
  }

  /** Time in which nothing happened, at the server neither. */
  leapt(ms: number): void {
    this.#until += ms;
  }

  resign(): void {
    if (this.#over) return;
    this.#over = true;
    const { requests, lease } = this.#world;
    requests.ask(
      this.#process,
      'etcd',
      () => lease.give(this.#value),
      () => undefined,
    );
  }

  #guard(): void {
    this.#process.routine(guardMs, () => {
      if (this.stillLeading()) this.#guard();
    });
  }

  #renew(): void {
    const { requests, lease, timings } = this.#world;
    this.#process.routine(timings.leaseMs / 5, () => {
      if (this.#over) return;
      const sentAt = this.#process.now();
      requests.ask(
        this.#process,
        'etcd',
        () => lease.renew(this.#value, timings.leaseMs),
        (held) => {
          if (held) this.#until = Math.max(this.#until, sentAt + timings.leaseMs);
          else this.#stepDown('its lease is gone');
        },
      );
      this.#renew();
    });
  }

  #stepDown(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.lost(troupeError('DEPOSED', `${this.#process.name} leads no longer: ${why}`));
  }
}
