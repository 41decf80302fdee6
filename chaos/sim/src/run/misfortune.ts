/** Does to a cluster what a plan says, and undoes it when its time is over. */
import { unreachable } from '@troupe/model';
import type { Cut, Weather } from '@troupe/virtual';
import { shown } from '@troupe/virtual';
import type { Deed, Fault, FaultKind } from '../plan/faults.ts';
import type { Plan } from '../plan/plan.ts';
import type { World } from '../world/world.ts';
import type { Cluster } from './cluster.ts';

const servers: ReadonlySet<string> = new Set(['store', 'etcd']);
/** A night in which every host is suspended: longer than actors remember a session. */
const nightMs = 16 * 60_000;
const eveningMs = 1_500;
const brokerAwayMs = 250;
/** Of these it shows only later whether they befall anybody. */
const later: ReadonlySet<FaultKind> = new Set([
  'ambush',
  'cut',
  'deaf',
  'forsake',
  'island',
  'partition',
]);

/** How long, and of which fault. */
interface Span {
  readonly kind?: FaultKind;
  readonly ms: number;
}

export class Misfortune {
  /** Faults that befell somebody. */
  readonly counts = new Map<FaultKind, number>();
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #plan: Plan;
  #over = false;
  readonly #lives = (host: string): boolean => this.#cluster.process(host)?.alive === true;

  constructor(world: World, cluster: Cluster, plan: Plan) {
    this.#world = world;
    this.#cluster = cluster;
    this.#plan = plan;
    for (const fault of plan.faults) world.timeline.at(fault.at, () => this.#strike(fault));
  }

  /** Everything is mended, and stays so. */
  end(): void {
    this.#over = true;
    const { network, requests } = this.#world;
    network.healAll();
    requests.goOn();
    const mended = { loss: 0, storeLoss: 0, double: 0, reorder: 0, unread: 0 };
    network.weather = { ...this.#plan.weather, ...mended };
    this.#cluster.heal();
  }

  #strike(fault: Fault): void {
    if (this.#over) return;
    const befalls = this.#befalls(fault);
    if (befalls === 'somebody') this.#count(fault.kind);
    this.#world.trace?.say(
      '*',
      `fault${befalls === 'nobody' ? ' to nobody' : ''}: ${shown(fault)}`,
    );
    const { coverage } = this.#world;
    switch (fault.kind) {
      case 'crash':
        return this.#crash(fault);
      case 'stand-still':
        return this.#standStill(fault.host, fault.ms);
      case 'stall':
        return this.#standStill(fault.host, fault.ms, 'loop');
      case 'crash-runner':
        this.#cluster.nodes.get(fault.host)?.pool.crashOne();
        return;
      case 'partition':
        return this.#partition(fault);
      case 'forsake':
        return this.#forsake(fault.host, fault);
      case 'island':
        return this.#island(fault);
      case 'deaf':
        return this.#deafen(fault);
      case 'cut':
        return this.#cut((from, to) => from === fault.from && to === fault.to, fault);
      case 'weather':
        return this.#weather(fault.weather, fault.ms);
      case 'server-still':
        if (fault.server === 'store') coverage.reach('the store stands still');
        return this.#world.requests.standStill(fault.server, fault.ms);
      case 'clock-jump':
        if (fault.ms < 0) coverage.reach('a wall clock jumps back');
        this.#cluster.host(fault.host).wallOffset += fault.ms;
        return;
      case 'night':
        return this.#night();
      case 'drain':
        return this.#cluster.drain(fault.host);
      case 'cordon':
        return this.#cordon(fault);
      case 'migrate':
        return this.#cluster.migrate(fault);
      case 'leave':
        return this.#cluster.leave(fault.host);
      case 'double-start':
        return this.#cluster.doubleStart(fault.host);
      case 'resign':
        return this.#resign();
      case 'false-notice': {
        const node = this.#cluster.nodes.get(fault.host);
        if (node !== undefined) this.#cluster.notice(node.incarnation);
        return;
      }
      case 'broker-restart':
        return this.#restartBroker();
      case 'rolling-upgrade':
        this.#cluster.deploy(1);
        return this.#change(true, fault.gapMs);
      case 'rolling-downgrade':
        return this.#change(false, fault.gapMs);
      case 'machine-dies':
        if (fault.hosts.every(this.#lives))
          coverage.reach('a machine dies with a scheduler and nodes');
        return this.#dieTogether(fault);
      case 'half-dies':
        if (fault.hosts.filter(this.#lives).length * 2 >= this.#plan.places.nodes.length)
          coverage.reach('half of the nodes die at once');
        return this.#dieTogether(fault);
      case 'store-full':
        return this.#world.requests.fill(fault.ms);
      case 'ambush':
        return this.#lieInWait(fault);
    }
  }

  #count(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** Whether there is somebody to do it to; `later` it shows of an ambush, whose moment may come, and of
   *  what cuts links, through which something may be to go. */
  #befalls(fault: Fault): 'somebody' | 'nobody' | 'later' {
    if (later.has(fault.kind)) return 'later';
    return this.#isThere(fault) ? 'somebody' : 'nobody';
  }

  #isThere(fault: Fault): boolean {
    if (fault.kind === 'resign') {
      return [...this.#cluster.schedulers.values()].some(({ leading }) => leading);
    }
    if (fault.kind === 'crash-runner') {
      return (this.#cluster.nodes.get(fault.host)?.pool.size ?? 0) > 0;
    }
    if (fault.kind === 'machine-dies' || fault.kind === 'half-dies') {
      return fault.hosts.some(this.#lives);
    }
    // Actors are what is moved.
    if (fault.kind === 'migrate') return this.#world.checks.truth.actors.size > 0;
    // The clock of a machine jumps whatever runs there.
    return fault.kind === 'clock-jump' || !('host' in fault) || this.#lives(fault.host);
  }

  #crash({ host, downMs, events, notice }: Extract<Fault, { kind: 'crash' }>): void {
    const process = this.#cluster.process(host);
    if (events === undefined) return this.#cluster.crash(host, { downMs, notice });
    process?.crashAfter(events, () => {
      this.#world.coverage.reach('a process dies at a chosen event');
      // One that was started beside it goes on.
      if (this.#cluster.process(host) !== process) process.end();
      else this.#cluster.crash(host, { downMs, notice });
    });
  }

  /** Twice at once it may be that the first to end ends both: nodes are cordoned, not counted. */
  #cordon({ host, ms }: Extract<Fault, { kind: 'cordon' }>): void {
    this.#cluster.cordon(host, true);
    this.#world.timeline.after(ms, () => {
      if (!this.#over) this.#cluster.cordon(host, false);
    });
  }

  /** The whole process, or its loop alone. */
  #standStill(host: string, ms: number, what: 'process' | 'loop' = 'process'): void {
    const process = this.#cluster.process(host);
    if (process === undefined) return;
    if (what === 'process') process.stop();
    else process.stall();
    this.#world.timeline.after(ms, () => {
      this.#world.trace?.say(process.name, 'goes on');
      this.#cluster.goOn(process);
    });
  }

  #partition(fault: Extract<Fault, { kind: 'partition' }>): void {
    const inside = new Set(fault.hosts);
    this.#cut((from, to) => inside.has(from) !== inside.has(to), fault);
  }

  #forsake(host: string, span: Span): void {
    const heard = new Set<string>(servers);
    this.#cut(
      (from, to) => (from === host && !heard.has(to)) || (to === host && !heard.has(from)),
      span,
    );
  }

  #island(fault: Extract<Fault, { kind: 'island' }>): void {
    const { node, scheduler } = fault;
    const { nodes, schedulers } = this.#plan.places;
    const inside = new Set([node, scheduler]);
    const outside = new Set([...nodes, ...schedulers].filter((name) => !inside.has(name)));
    const away = (one: string, other: string): boolean =>
      (inside.has(one) && outside.has(other)) || (one === scheduler && servers.has(other));
    this.#cut((from, to) => away(from, to) || away(to, from), fault);
  }

  #deafen(fault: Extract<Fault, { kind: 'deaf' }>): void {
    const nodes = new Set(this.#plan.places.nodes);
    this.#cut((from, to) => to === fault.scheduler && nodes.has(from), fault);
  }

  /** One of a kind is counted when something was to go through it; none of an ambush is a fault more. */
  #cut(between: Cut, { kind, ms }: Span): void {
    const { network, timeline } = this.#world;
    let met = false;
    const onMet = (): void => {
      if (kind !== undefined && !met) this.#count(kind);
      met = true;
    };
    timeline.after(ms, network.cut(between, onMet));
  }

  #weather(worse: Partial<Weather>, ms: number): void {
    const { network, timeline } = this.#world;
    network.weather = { ...network.weather, ...worse };
    timeline.after(ms, () => {
      if (!this.#over) network.weather = { ...this.#plan.weather };
    });
  }

  /** Much is lost in the evening; in the morning whoever was not answered asks again. */
  #night(): void {
    this.#weather({ loss: 0.6 }, eveningMs);
    this.#world.timeline.after(eveningMs, () => {
      if (this.#over) return;
      this.#world.checks.truth.night();
      for (const name of this.#everyone()) this.#cluster.host(name).suspendedMs += nightMs;
    });
  }

  #restartBroker(): void {
    const { coverage, network } = this.#world;
    coverage.reach('the broker restarts');
    network.dropAll();
    this.#weather({ loss: 1, storeLoss: 1 }, brokerAwayMs);
    for (const node of this.#cluster.nodes.values()) this.#cluster.notice(node.incarnation);
  }

  /** Process by process, schedulers first; nodes hand their actors over. */
  #change(newer: boolean, gapMs: number): void {
    const { timeline } = this.#world;
    const { schedulers, nodes } = this.#plan.places;
    for (const [index, name] of [...schedulers, ...nodes].entries()) {
      timeline.after(index * gapMs, () => {
        if (this.#over) return;
        this.#cluster.host(name).newer = newer;
        if (schedulers.includes(name)) this.#cluster.crash(name, { downMs: 200, notice: true });
        else this.#cluster.leave(name);
      });
    }
  }

  #dieTogether({ hosts, downMs, notice }: Extract<Fault, { hosts: unknown; downMs: unknown }>) {
    for (const host of hosts) this.#cluster.crash(host, { downMs, notice });
  }

  #lieInWait({ moment, deed, waitMs, ms }: Extract<Fault, { kind: 'ambush' }>): void {
    const { timeline, coverage, moments, trace } = this.#world;
    moments.await(moment, (host) => {
      // Never in the middle of the event that brought the moment.
      timeline.after(waitMs, () => {
        if (this.#over) return;
        this.#count('ambush');
        trace?.say('*', `ambush at "${moment}" on ${host}: ${deed}`);
        coverage.reach('a fault strikes at a chosen moment');
        this.#do(deed, host, ms);
      });
    });
  }

  #do(deed: Deed, host: string, ms: number): void {
    const { nodes } = this.#plan.places;
    const downMs = ms / 3;
    switch (deed) {
      case 'kill-it':
        return this.#cluster.crash(host, { downMs, notice: true });
      case 'stop-it':
        return this.#standStill(host, ms);
      case 'forsake-it':
        return this.#forsake(host, { ms });
      case 'cut-it-from-the-store':
        return this.#cut((from, to) => from === host && to === 'store', { ms });
      case 'drain-it':
        return nodes.includes(host) ? this.#cluster.drain(host) : undefined;
      case 'ask-it-to-leave':
        return this.#cluster.leave(host);
      case 'kill-another-node': {
        const others = nodes.filter((name) => name !== host);
        return this.#cluster.crash(this.#world.chance.pick(others), { downMs, notice: true });
      }
      case 'drain-it-and-kill-the-leader':
        if (nodes.includes(host)) this.#cluster.drain(host);
        this.#world.timeline.after(20, () => this.#cluster.crash(host, { downMs, notice: true }));
        return this.#leaders((name) => this.#cluster.crash(name, { downMs, notice: true }));
      case 'kill-a-node-and-the-leaders':
        this.#cluster.crash(this.#world.chance.pick(nodes), { downMs, notice: true });
        this.#leaders((name) => this.#cluster.crash(name, { downMs, notice: true }));
        return this.#killNextLeaders(2, downMs);
      case 'kill-the-leader':
        return this.#leaders((name) => this.#cluster.crash(name, { downMs, notice: true }));
      case 'stop-the-leader':
        return this.#leaders((name) => this.#standStill(name, ms));
      case 'resign':
        return this.#resign();
      default:
        return unreachable(deed);
    }
  }

  /** Each as soon as it leads. */
  #killNextLeaders(count: number, downMs: number): void {
    if (count === 0) return;
    const { moments, timeline, chance } = this.#world;
    moments.await('takeover', (host) => {
      timeline.after(chance.spread(0.1, 30), () => {
        if (this.#over) return;
        this.#cluster.crash(host, { downMs, notice: true });
        this.#killNextLeaders(count - 1, downMs);
      });
    });
  }

  #resign(): void {
    for (const scheduler of this.#cluster.schedulers.values()) {
      if (scheduler.leading) scheduler.process.run(() => scheduler.resign());
    }
  }

  #leaders(deed: (name: string) => void): void {
    for (const [name, scheduler] of this.#cluster.schedulers) if (scheduler.leading) deed(name);
  }

  #everyone(): readonly string[] {
    const { nodes, schedulers, clients } = this.#plan.places;
    return [...nodes, ...schedulers, ...clients];
  }
}
