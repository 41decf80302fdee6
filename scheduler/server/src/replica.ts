/**
 * One scheduler replica: it follows the journal warm, campaigns, leads when elected, and when a
 * term is over follows again from a clean rebuild.
 *
 *     rebuild ──▶ follow ──won──▶ read to the end ──▶ lead
 *        ▲           │ journal broken                  │ lost, refused
 *        └───────────┴─────────────────────────────────┘
 *
 * P1  the machine of a term is never followed or led with again.
 * P2  the gateway hears durable facts only, in the order of the journal.
 * P3  nobody leads on data that was put back to an older state.
 * P4  nothing of a round is held when it is over: two machines are in memory at most while one is rebuilt.
 */
import { Election, type Fabric, type Leadership, pause, within } from '@troupe/fabric';
import {
  failureOf,
  type LogName,
  type Request,
  type Resolve,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { ServerConfig } from './config.ts';
import { Gateway, type LeaderDoor } from './gateway/gateway.ts';
import { seedGateway } from './gateway/seed.ts';
import { HeapWatch } from './heap-watch.ts';
import { type AppliedFacts, History } from './history.ts';
import { ImageStore } from './image-store.ts';
import { Images } from './images.ts';
import type { Journal } from './journal.ts';
import { LeaderTerm } from './leader-term.ts';
import { LeaderWatch } from './leader-watch.ts';
import { watchPauses } from './pause-monitor.ts';
import { Presence } from './presence.ts';
import { schedulerSubjects } from './subjects.ts';

export interface ReplicaStart {
  readonly config: ServerConfig;
  readonly machineConfig: SchedulerConfig;
  readonly fabric: Fabric;
  readonly journal: Journal;
  /** Made anew at each start of the process. */
  readonly instance: string;
  /** Where clients reach this process. */
  readonly address: string;
}

interface Waiter {
  readonly position: number;
  readonly resolve: () => void;
}

const pauseMsMin = 50;
const pauseMsMax = 2_000;
const freshMsMax = 5_000;
/** Behind the opening record. */
const firstTermPosition = 2;

export class Replica implements LeaderDoor {
  readonly #start: ReplicaStart;
  readonly gateway: Gateway;
  readonly #election: Election;
  readonly #images: Images;
  readonly #heap: HeapWatch;
  readonly #stop = new AbortController();
  readonly #running: { stop(): void }[] = [];
  #presence: Presence | undefined;
  #history: History | undefined;
  #leadership: Leadership | undefined;
  #campaign: Promise<Leadership> | undefined;
  #term: LeaderTerm | undefined;
  #marking: { stop(): Promise<void> } | undefined;
  #waiters: Waiter[] = [];
  #terms = 0;

  constructor(start: ReplicaStart) {
    this.#start = start;
    const { config, fabric, instance, address } = start;
    const { name, leaseMs, resendMs } = config.scheduler;
    const { clock, logger, bus, names, objects, outputs, checkpoints, coordination } = fabric;
    this.gateway = new Gateway({
      id: `${name}-${instance}`,
      cell: config.cell,
      names,
      bus,
      clock,
      objects,
      outputs,
      checkpoints,
      leader: this,
      resendMs,
      logger,
    });
    this.#election = new Election({
      coordination,
      names,
      id: name,
      address,
      leaseMs,
      clock,
      logger,
    });
    this.#heap = new HeapWatch((isShort, level) => {
      const text = isShort
        ? 'short of memory: no new actors, tasks or runs are taken in; give it a higher heap limit'
        : 'there is memory again: new actors, tasks and runs are taken in';
      logger.warn({ ...level }, text);
      this.#term?.post({ kind: 'memory', short: isShort });
    });
    this.#images = new Images({
      config,
      clock,
      logger,
      standbys: () => this.#presence?.standbys() ?? [],
      tell: (image) => {
        if (this.#term !== undefined) this.#term.post({ kind: 'image-written', ...image });
        else bus.send(schedulerSubjects(names).images, image);
      },
    });
  }

  get leading(): boolean {
    return this.#term !== undefined;
  }

  /** Facts of the journal known here. */
  get facts(): number {
    return this.#history?.nextFact ?? 0;
  }

  /** Terms that this process has led. */
  get terms(): number {
    return this.#terms;
  }

  post(message: Request | Resolve): void {
    if (this.#term !== undefined) this.#term.hear(message);
    else this.#start.fabric.bus.send(this.#start.fabric.names.leader, message);
  }

  async fresh(): Promise<void> {
    if (this.#term !== undefined && this.#leadership?.stillLeading() === true) return;
    const { clock, logs } = this.#start.fabric;
    const late = () => troupeError('UNAVAILABLE', 'the end of the journal was not reached in time');
    const reached = async (): Promise<void> => {
      const end = await logs.end(this.#journal);
      // A journal in which nobody has led yet does not even hold the default tenant.
      await this.#reached(Math.max(end, firstTermPosition));
    };
    await within(clock, reached(), freshMsMax, late);
  }

  /** Reads the journal; the gateway may serve when this resolves. Then `run` goes on. */
  async begin(): Promise<void> {
    this.#history = await this.#restore();
    this.#watch();
  }

  /** Follows and leads until stopped. Rejects when something is broken beyond repair. */
  async run(): Promise<void> {
    const { clock, logger } = this.#start.fabric;
    let pauseMs = pauseMsMin;
    while (!this.#stop.signal.aborted) {
      try {
        const begun = clock.now();
        await this.#round(this.#history ?? (await this.#restore()));
        if (clock.now() - begun > pauseMsMax) pauseMs = pauseMsMin;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        // A bug, and whatever is in memory cannot be trusted; or data that nobody may lead on (P3).
        if (!(thrown instanceof TroupeError) || thrown.code === 'DATA_BEHIND') throw thrown;
        logger.warn({ code: thrown.code, reason: thrown.message }, 'starting over');
      }
      this.#history = undefined;
      await pause(clock, pauseMs);
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    }
  }

  /** Steps down so that another one leads at once. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#term?.end(troupeError('DEPOSED', 'this scheduler is stopping'));
    await this.#marking?.stop();
    await this.#leadership?.resign();
    this.#presence?.stop();
    this.#heap.stop();
    for (const running of this.#running) running.stop();
  }

  get #journal(): LogName {
    return this.#start.journal.log;
  }

  async #restore(): Promise<History> {
    const { fabric, machineConfig, journal } = this.#start;
    const { logs, objects } = fabric;
    const history = await History.restore({
      ...journal,
      logs,
      images: new ImageStore(objects),
      config: machineConfig,
      damaged: (image, { message }) =>
        this.#start.fabric.logger.error({ ...image, reason: message }, 'an image is damaged'),
    });
    await seedGateway(this.gateway, history.machine);
    this.#settleWaiters(history);
    return history;
  }

  async #round(history: History): Promise<void> {
    this.#history = history;
    const leadership = await this.#followUntilElected(history);
    if (leadership === undefined) return;
    this.#leadership = leadership;
    const { logs, logger, mark } = this.#start.fabric;
    await history.readOn(logs, this.#journal, (applied) => this.#durable(applied));
    await mark.check(this.#journal);
    if (this.#stop.signal.aborted || !leadership.stillLeading()) return;
    logger.info({ token: leadership.token, facts: history.nextFact }, 'leading');
    const reason = await this.#lead(history, leadership);
    // Only what the fabric says by its codes is an expected end of a term.
    if (reason instanceof TroupeError) {
      // Another one has written: it leads now, whatever our lease says. Who takes its place back by
      // that lease fences the one that holds the key, and neither may notice.
      if (reason.code === 'DEPOSED') void leadership.resign();
      return;
    }
    await leadership.resign();
    throw reason;
  }

  /** Undefined when this process stops. Rejects when the journal cannot be followed. */
  async #followUntilElected(history: History): Promise<Leadership | undefined> {
    let fail: (reason: Error) => void = () => {};
    const broken = new Promise<never>((_, reject) => {
      fail = reject;
    });
    // It may break before anybody waits for that: records come while the feed is being opened.
    broken.catch(() => {});
    const feed = await this.#start.fabric.logs.follow(this.#journal, history.position + 1, {
      record: (record) => {
        const applied = history.apply(record);
        if (applied !== undefined) this.#durable(applied);
        this.#settleWaiters(history);
      },
      caughtUp: () => {},
      broken: (reason) => fail(reason),
    });
    const { signal } = this.#stop;
    let stopped = (): void => {};
    const stopping = new Promise<undefined>((resolve) => {
      stopped = () => resolve(undefined);
      signal.addEventListener('abort', stopped);
    });
    try {
      return await Promise.race([this.#elected(), broken, stopping]);
    } finally {
      // The signal lives as long as the process, and would hold all that is seen from here (P4).
      signal.removeEventListener('abort', stopped);
      await feed.stop();
    }
  }

  #elected(): Promise<Leadership> {
    if (this.#leadership?.stillLeading() === true) return Promise.resolve(this.#leadership);
    this.#leadership = undefined;
    // Kept over rounds: a term won while the journal is being read again is not lost.
    this.#campaign ??= this.#election
      .campaign(this.#stop.signal)
      .then((won) => {
        this.#leadership = won;
        return won;
      })
      .finally(() => {
        this.#campaign = undefined;
      });
    return this.#campaign;
  }

  async #lead(history: History, leadership: Leadership): Promise<Error> {
    const { fabric, config, journal } = this.#start;
    const term = new LeaderTerm({
      fabric,
      gateway: this.gateway,
      cell: config.cell,
      name: config.scheduler.name,
      generation: journal.generation,
      journal: journal.log,
      history,
      leadership,
      durable: (applied) => this.#durable(applied),
    });
    this.#marking = fabric.mark.keep(() => ({ log: journal.log, position: history.position }));
    this.#term = term;
    this.#terms++;
    if (this.#heap.isShort) term.post({ kind: 'memory', short: true });
    this.#settleWaiters(history);
    this.#presence?.announce();
    try {
      return await term.over;
    } finally {
      this.#term = undefined;
      this.#history = undefined;
      void this.#marking.stop();
      this.#marking = undefined;
    }
  }

  #durable(applied: AppliedFacts): void {
    this.gateway.durable(applied.facts, applied.first);
  }

  #reached(position: number): Promise<void> {
    const at = this.#history?.position ?? -1;
    if (at >= position) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ position, resolve }));
  }

  #settleWaiters(history: History): void {
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters.filter((waiter) => waiter.position > history.position);
    for (const waiter of this.#waiters) if (waiter.position <= history.position) waiter.resolve();
    this.#waiters = waiting;
  }

  #watch(): void {
    const { fabric, config, instance } = this.#start;
    const { name, nodeSilenceMs, probeMs } = config.scheduler;
    const { bus, beats, clock, logger, names, notices } = fabric;
    const subjects = schedulerSubjects(names);
    this.#presence = new Presence({
      bus,
      clock,
      subject: subjects.presence,
      name,
      instance,
      leading: () => this.leading,
      tick: () => this.#tickImages(),
      leaderHeard: () => this.gateway.requests.onLeaderHeard(),
    });
    const leaderWatch = new LeaderWatch({
      bus,
      election: this.#election,
      subjects,
      name,
      probeMs,
      logger,
      leading: () => this.#leadership?.stillLeading() === true,
      nodeGone: (incarnation) => this.#term?.post({ kind: 'disconnect-notice', incarnation }),
    });
    this.#running.push(leaderWatch);
    const watching = notices?.watch((notice) => leaderWatch.onNotice(notice));
    if (watching !== undefined) this.#running.push(watching);
    const back = (): void => this.#term?.post({ kind: 'back-after-silence' });
    this.#running.push(
      watchPauses(clock, nodeSilenceMs / 2, (delayMs) => {
        logger.warn({ delayMs: Math.round(delayMs) }, 'this process stood still');
        back();
      }),
    );
    for (const link of [bus, beats]) link.onConnection((connected) => connected && back());
  }

  #tickImages(): void {
    const history = this.#history;
    if (history === undefined) return;
    try {
      this.#images.tick(history, this.leading);
    } catch (thrown) {
      this.#start.fabric.logger.error({ ...failureOf(thrown) }, 'images could not be looked at');
    }
  }
}
