/** The processes of one run: started, killed, stopped and started again, by host. */
import { type Incarnation, incarnation, type NodeName } from '@troupe/model';
import { type Host, Node, Process, Scheduler, schedulerConfig } from '@troupe/virtual';
import { Client } from '../client/client.ts';
import { spoiltConfig } from '../mutants/spoilt-config.ts';
import type { Fault } from '../plan/faults.ts';
import { lastOperations } from '../plan/load.ts';
import type { Plan } from '../plan/plan.ts';
import type { TenantWish } from '../plan/scene.ts';
import { isVault, lastVaultReads } from '../plan/vaults.ts';
import type { World } from '../world/world.ts';

const restartMsMin = 100;
const tendMs = 2_000;
/** How long an operator waits to hear that an actor has moved. */
const migrationMs = 2_000;

export class Cluster {
  readonly nodes = new Map<string, Node>();
  readonly schedulers = new Map<string, Scheduler>();
  readonly clients: Client[] = [];
  readonly #world: World;
  readonly #plan: Plan;
  readonly #hosts = new Map<string, Host>();
  /** Hosts whose process starts again by itself later. */
  readonly #down = new Set<string>();
  readonly #drained = new Set<string>();
  #starts = 0;
  #healed = false;

  constructor(world: World, plan: Plan) {
    this.#world = world;
    this.#plan = plan;
    const { nodes, schedulers, clients } = plan.places;
    for (const name of [...nodes, ...schedulers, ...clients]) {
      const { rate, offsetMs } = plan.clocks.get(name) ?? { rate: 1, offsetMs: 0 };
      this.#hosts.set(name, {
        name,
        rate,
        wallOffset: offsetMs,
        suspendedMs: 0,
        newer: plan.newer.has(name),
      });
    }
    for (const name of schedulers)
      this.#later(world.chance.next() * 100, () => this.#startScheduler(name));
    for (const name of nodes) this.#later(world.chance.next() * 500, () => this.startNode(name));
    for (const name of clients) {
      const operations = plan.operations.get(name) ?? [];
      const process = new Process(world, this.host(name), name);
      this.clients.push(new Client(world, process, { doors: schedulers, operations }));
    }
    this.deploy(0);
    const plain = [...plan.tenants].map(([name, weight]) => [name, { weight }] as const);
    const tenants = new Map<string, TenantWish>([...plain, ...(plan.scene?.tenants ?? [])]);
    for (const [name, wish] of tenants) this.clients[0]?.putTenant(name, wish);
    if (plan.scene?.reserved !== undefined) this.clients[0]?.reserve(plan.scene.reserved);
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  process(name: string): Process | undefined {
    return (this.nodes.get(name) ?? this.schedulers.get(name))?.process;
  }

  deploy(version: number): void {
    this.clients[0]?.deploy(version);
  }

  drain(name: string): void {
    this.#drained.add(name);
    this.clients[0]?.request({ kind: 'drain-node', node: name as NodeName });
  }

  cordon(name: string, cordoned: boolean): void {
    this.clients[0]?.request({ kind: 'cordon-node', node: name as NodeName, cordoned });
  }

  migrate({ count, lot, to }: Extract<Fault, { kind: 'migrate' }>): void {
    const ids = [...this.#world.checks.truth.actors.keys()];
    for (let step = 0; step < Math.min(count, ids.length); step++) {
      const actor = ids[(Math.floor(lot * ids.length) + step) % ids.length];
      if (actor === undefined) return;
      const body = { kind: 'migrate-actor', actor, waitMs: migrationMs } as const;
      this.clients[0]?.request(to === undefined ? body : { ...body, to: to as NodeName });
    }
  }

  startNode(name: string): void {
    this.#down.delete(name);
    this.#starts += 1;
    const id = incarnation(`${name}.${this.#starts.toString(36).padStart(8, 'a')}`);
    this.#world.trace?.say(id, 'starts');
    const process = new Process(this.#world, this.host(name), id);
    const node = new Node({
      world: this.#world,
      process,
      incarnation: id,
      ended: () => {
        if (this.nodes.get(name) !== node) return;
        const ms = restartMsMin + this.#world.chance.spread(1, 2_000);
        this.#startAgain(name, this.#healed ? restartMsMin : ms);
      },
    });
    this.nodes.set(name, node);
  }

  /** Dies at once, and starts again later; the broker may say that its connection is gone. */
  crash(name: string, fate: { readonly downMs: number; readonly notice: boolean }): void {
    const node = this.nodes.get(name);
    const scheduler = this.schedulers.get(name);
    const process = node?.process ?? scheduler?.process;
    if (process === undefined || !process.alive) return;
    this.#world.trace?.say(process.name, 'is killed');
    for (const { memory } of node?.machine?.actors.values() ?? []) {
      if (memory !== undefined) continue;
      this.#world.coverage.reach('a node dies before its actors are read back');
    }
    node?.crash();
    process.end();
    for (const client of this.clients) client.doorClosed(name);
    if (fate.notice) this.notice(node?.incarnation ?? name);
    this.#startAgain(name, fate.downMs);
  }

  /** The broker tells every scheduler that this connection has closed. */
  notice(name: Incarnation | string): void {
    for (const scheduler of this.schedulers.values()) {
      this.#later(this.#world.chance.spread(1, 30), () =>
        scheduler.process.run(() => scheduler.notice(name)),
      );
    }
  }

  /** A node that is asked to leave starts again when it has ended. */
  leave(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined || !node.process.alive) return;
    this.#world.trace?.say(node.process.name, 'is asked to leave');
    node.process.run(() => node.leave());
  }

  /** A second process of the same name, while the first one lives. */
  doubleStart(name: string): void {
    const first = this.nodes.get(name);
    if (first?.process.alive !== true) return;
    this.#world.coverage.reach('a node is replaced by its own name');
    this.startNode(name);
  }

  goOn(process: Process): void {
    process.goOn();
    const scheduler = this.schedulers.get(process.host.name);
    if (scheduler?.process === process) process.soon(() => scheduler.backAfterSilence());
  }

  /** Everything runs again, on every host. */
  heal(): void {
    this.#healed = true;
    for (const name of [...this.#down]) this.#start(name);
    for (const { process } of [...this.nodes.values(), ...this.schedulers.values()]) {
      process.spare();
      if (process.still) this.goOn(process);
    }
    // What an operator drained serves again only as a new incarnation.
    for (const name of this.#drained) this.leave(name);
    this.#tend();
  }

  /** When nothing is wrong any more, whoever asks is served. */
  askLast(): void {
    const { truth } = this.#world.checks;
    const { clients } = this.#plan.places;
    const { now } = this.#world.timeline;
    const actors = [...truth.actors.keys()];
    const asked = lastOperations(
      clients,
      actors.filter((actor) => !isVault(actor)),
      now,
    );
    for (const [index, name] of clients.entries()) {
      this.clients[index]?.askMore(asked.get(name) ?? []);
    }
    this.clients[0]?.askMore(lastVaultReads(actors, now));
  }

  /** An operator's order may come through long after it was given, and after the one that took it back. */
  #tend(): void {
    const { cordoned, draining } = this.#world.checks.truth.grounds;
    for (const node of cordoned) this.cordon(node.split('.')[0] ?? '', false);
    for (const [name, { incarnation: id }] of this.nodes) if (draining.has(id)) this.leave(name);
    this.#makeRoom();
    this.#later(tendMs, () => this.#tend());
  }

  /** Else what fails there would wait for ever. */
  #makeRoom(): void {
    const [client] = this.clients;
    for (const { id, memory, endedAt } of this.#world.checks.truth.actors.values()) {
      if (endedAt !== undefined || memory.letters.hasRoom(1, 0)) continue;
      client?.askMore([{ kind: 'letters', at: 0, actor: id, manner: 'discard' }]);
    }
  }

  #startAgain(name: string, ms: number): void {
    this.#down.add(name);
    this.#later(ms, () => {
      if (this.#down.has(name)) this.#start(name);
    });
  }

  #start(name: string): void {
    if (this.#plan.places.nodes.includes(name)) this.startNode(name);
    else this.#startScheduler(name);
  }

  #startScheduler(name: string): void {
    this.#down.delete(name);
    this.#starts += 1;
    const process = new Process(this.#world, this.host(name), `${name}~${this.#starts}`);
    this.#world.trace?.say(process.name, 'starts');
    const config = spoiltConfig(this.#world.mutant, schedulerConfig(this.#world));
    this.schedulers.set(name, new Scheduler(this.#world, process, config));
  }

  #later(ms: number, run: () => void): void {
    this.#world.timeline.after(ms, run);
  }
}
