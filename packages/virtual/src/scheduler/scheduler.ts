/**
 * One scheduler process: it follows the journal, campaigns, leads when elected, and when a term is
 * over follows again from a clean rebuild.
 *
 * P1  the machine of a term is never followed or led with again.
 */
import {
  encode,
  type Incarnation,
  type LogName,
  logName,
  type Request,
  type Resolve,
  TroupeError,
} from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import { LogAccess } from '../store/log-access.ts';
import type { Stored } from '../store/log-server.ts';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { Election, type Leadership } from './election.ts';
import { Gateway } from './gateway.ts';
import { type AppliedFacts, History, latestImage } from './history.ts';
import { Images } from './images.ts';
import { LeaderTerm } from './leader-term.ts';

export const journal: LogName = logName('journal-1');

const startOverMs = 60;
const lookMs = 500;

export class Scheduler {
  readonly process: Process;
  readonly gateway: Gateway;
  readonly #world: World;
  readonly #name: string;
  readonly #config: SchedulerConfig;
  readonly #access: LogAccess;
  readonly #election: Election;
  readonly #images: Images;
  #history: History | undefined;
  #leadership: Leadership | undefined;
  #term: LeaderTerm | undefined;
  /** Counts rebuilds: whatever an older one asked for is not heard any more. */
  #round = 0;
  #reading = false;

  constructor(world: World, process: Process, config: SchedulerConfig) {
    this.#world = world;
    this.process = process;
    this.#name = process.host.name;
    this.#config = config;
    this.#access = new LogAccess(world, process);
    this.#election = new Election(world, process, this.#name);
    this.gateway = new Gateway(world, process, (message) => this.#toLeader(message));
    this.#images = new Images(world, process, (image) => {
      if (this.#term !== undefined) this.#term.post({ kind: 'image-written', ...image });
      else world.network.send(process, 'images', image);
    });
    this.#answerWhetherAlive();
    world.logs.watch(journal, () => this.#poked());
    // The same bytes from every scheduler, so that making the journal is safe.
    const opening = encode({ cell: world.cell, generation: 1 });
    this.#access.create(journal, opening, () => this.#restore());
    this.#lookLater();
    this.#images.begin(
      () => this.#history,
      () => this.leading,
    );
  }

  get leading(): boolean {
    return this.#term !== undefined;
  }

  /** Believes that it leads, rightly or not. */
  get believes(): boolean {
    return this.#term !== undefined && this.#leadership?.believes === true;
  }

  get history(): History | undefined {
    return this.#history;
  }

  /** When its machine has something to do beside its routine, while it leads. */
  get dueAt(): number | undefined {
    return this.#term?.dueAt;
  }

  /** Time in which nothing happened; what is due now is done at once. */
  leapt(ms: number): void {
    this.gateway.leapt(ms);
    this.#leadership?.leapt(ms);
    this.#term?.post({ kind: 'tick' });
  }

  /** The broker says that a connection was closed. */
  notice(name: string): void {
    if (name.includes('.')) {
      this.#term?.post({ kind: 'disconnect-notice', incarnation: name as Incarnation });
    } else if (!this.leading && name !== this.#name) this.#suspect(name);
  }

  /** Our own connection is back, or this process went on after it stood still. */
  backAfterSilence(): void {
    this.#term?.post({ kind: 'back-after-silence' });
  }

  /** Steps down so that another one leads at once. */
  resign(): void {
    const leadership = this.#leadership;
    leadership?.resign();
    this.#term?.end(new Error('this scheduler has stepped down'));
  }

  #toLeader(message: Request | Resolve): void {
    if (this.#term !== undefined) this.#term.hear(message);
    else this.#world.network.send(this.process, 'leader', message);
  }

  #restore(): void {
    this.#round += 1;
    this.#reading = false;
    this.#history = undefined;
    const round = this.#round;
    this.#access.read(journal, 1, undefined, (records) => {
      if (round !== this.#round || records === 'gone') return;
      const image = latestImage(records);
      if (image === undefined) return this.#restored(this.#historyFrom(undefined), records);
      const { requests, objects, coverage } = this.#world;
      requests.untilAnswered(
        this.process,
        'store',
        () => objects.get(image.object),
        (body) => {
          if (round !== this.#round) return;
          // Replaced by a later image meanwhile.
          if (body === undefined) return this.#startOver();
          coverage.reach('restart from an image');
          this.#restored(this.#historyFrom({ fact: image, body }), records);
        },
      );
    });
  }

  #historyFrom(from: ConstructorParameters<typeof History>[1]): History {
    return new History(this.#config, from, (fact) => this.#world.passage.fact(fact));
  }

  #restored(history: History, records: readonly Stored[]): void {
    try {
      for (const record of records) history.apply(record);
    } catch (thrown) {
      return this.#broken(thrown);
    }
    this.#history = history;
    this.#world.checks.followed(this.process.name, history.machine);
    this.gateway.seed(history.machine);
    if (this.#leadership?.stillLeading() === true) return this.#readToTheEnd(this.#leadership);
    this.#leadership = undefined;
    this.#election.campaign((leadership) => {
      this.#leadership = leadership;
      if (this.#history !== undefined) this.#readToTheEnd(leadership);
    });
  }

  /** Something was appended: the news travels like any message. */
  #poked(): void {
    const { network, timeline, chance } = this.#world;
    if (!this.process.alive || !network.reaches('store', this.process.host.name)) return;
    timeline.after(chance.spread(0.2, 5), () => this.process.run(() => this.#readOn()));
  }

  #lookLater(): void {
    this.process.routine(lookMs, () => {
      this.#readOn();
      this.#lookLater();
    });
  }

  #readOn(): void {
    const history = this.#history;
    if (history === undefined || this.leading || this.#reading) return;
    this.#reading = true;
    const round = this.#round;
    this.#access.read(journal, history.position + 1, undefined, (records) => {
      if (round !== this.#round) return;
      this.#reading = false;
      if (!this.leading && records !== 'gone') this.#apply(history, records);
    });
  }

  #readToTheEnd(leadership: Leadership): void {
    const history = this.#history;
    if (history === undefined) return;
    const round = this.#round;
    this.#access.read(journal, history.position + 1, undefined, (records) => {
      if (round !== this.#round || records === 'gone' || this.leading) return;
      if (!this.#apply(history, records)) return;
      if (!leadership.stillLeading()) return this.#startOver();
      this.#lead(history, leadership);
    });
  }

  #apply(history: History, records: readonly Stored[]): boolean {
    try {
      for (const record of records) {
        const applied = history.apply(record);
        if (applied !== undefined) this.gateway.durable(applied);
      }
      return true;
    } catch (thrown) {
      this.#broken(thrown);
      return false;
    }
  }

  /** What was read does not follow what is known: the journal was trimmed behind a slow reader. */
  #broken(thrown: unknown): void {
    if (thrown instanceof TroupeError) return this.#startOver();
    this.#world.checks.bug(this.process.name, thrown);
  }

  #lead(history: History, leadership: Leadership): void {
    const { coverage, moments, trace } = this.#world;
    coverage.reach('takeover');
    moments.tell('takeover', this.#name);
    if (this.#images.writing) coverage.reach('takeover during an image');
    trace?.say(this.process.name, `leads after ${history.nextFact} facts`);
    this.#term = new LeaderTerm({
      world: this.#world,
      process: this.process,
      name: this.#name,
      gateway: this.gateway,
      journal,
      history,
      leadership,
      durable: (applied: AppliedFacts) => this.gateway.durable(applied),
      over: (reason) => {
        trace?.say(this.process.name, `leads no longer: ${reason.message}`);
        this.#term = undefined;
        // Another one has written: it leads now, whatever our lease says.
        if (reason instanceof TroupeError && reason.code === 'DEPOSED') leadership.resign();
        this.#startOver();
      },
    });
  }

  #startOver(): void {
    this.#history = undefined;
    this.#round += 1;
    this.process.after(startOverMs, () => this.#restore());
  }

  #answerWhetherAlive(): void {
    const { network } = this.#world;
    network.listen(
      this.process,
      `alive:${this.#name}`,
      ({ replyTo }: { readonly replyTo: string }) => {
        const leading = this.#leadership?.stillLeading() === true;
        network.send(this.process, replyTo, { kind: 'alive', leading });
      },
    );
  }

  /** Asks a leader that seems gone whether it leads; without an answer its lease is revoked. */
  #suspect(name: string): void {
    const { network, timings, requests, lease } = this.#world;
    const replyTo = `watch:${this.process.name}`;
    let leads = false;
    const stop = network.listen(this.process, replyTo, (answer: { readonly leading: boolean }) => {
      leads = answer.leading;
    });
    network.send(this.process, `alive:${name}`, { kind: 'do-you-lead', replyTo });
    this.process.after(timings.probeMs, () => {
      stop();
      if (leads) return;
      requests.ask(
        this.process,
        'etcd',
        () => lease.revoke(name),
        () => undefined,
      );
    });
  }
}
