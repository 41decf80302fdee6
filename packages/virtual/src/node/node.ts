/**
 * One node incarnation from its first word to its last: joins, turns the machine by the loop, and
 * ends fenced, drained or dead.
 *
 * H1  the end is decided once.
 * H2  a fenced incarnation says nothing but its last words, which are about itself only.
 */
import { Loop } from '@troupe/fabric/loop';
import type { Clock } from '@troupe/fabric/ports';
import {
  type Heartbeat,
  type Incarnation,
  type Join,
  limits,
  type Term,
  type ToNode,
  TroupeError,
  termIsOlder,
  unreachable,
  version,
  type Welcome,
} from '@troupe/model';
import {
  type NodeEvent,
  type NodeFact,
  NodeMachine,
  type NodeReply,
  type NodeSend,
  type NodeWork,
} from '@troupe/worker-node-core';
import { LogAccess } from '../store/log-access.ts';
import { VirtualLogWriter } from '../store/log-writer.ts';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { CheckpointStore } from './checkpoint-store.ts';
import { putObject, readObjects } from './objects.ts';
import { readPast, readVersion } from './past.ts';
import { Restorer } from './restorer.ts';
import { RunnerPool } from './runner-pool.ts';

export type NodeEnd = 'fenced' | 'left' | 'drained too slowly' | 'a bug';

type NodeLoop = Loop<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork>;
type Happening = NodeEvent extends infer E
  ? E extends NodeEvent
    ? Omit<E, 'wall'>
    : never
  : never;

const joinMs = 500;

export interface NodeStart {
  readonly world: World;
  readonly process: Process;
  readonly incarnation: Incarnation;
  ended(end: NodeEnd): void;
}

export class Node {
  readonly incarnation: Incarnation;
  readonly process: Process;
  readonly #start: NodeStart;
  readonly #world: World;
  readonly #pool: RunnerPool;
  readonly #restorer: Restorer;
  readonly #checkpoints: CheckpointStore;
  readonly #access: LogAccess;
  #machine: NodeMachine | undefined;
  #loop: NodeLoop | undefined;
  #highest: Term | undefined;
  #welcomed = false;
  #leftSaid = false;
  #leaving = false;
  #draining = false;
  #ended = false;
  #beats = 0;
  #durable: number | undefined;

  constructor(start: NodeStart) {
    this.#start = start;
    const { world, process, incarnation } = start;
    this.#world = world;
    this.process = process;
    this.incarnation = incarnation;
    this.#access = new LogAccess(world, process);
    this.#pool = new RunnerPool(world, process, (event) => this.#post(event));
    this.#restorer = new Restorer(world, process, incarnation, (event) => this.#post(event));
    this.#checkpoints = new CheckpointStore(world, process, (event) => this.#post(event));
    world.network.listen(process, `node:${incarnation}`, (message: ToNode) => this.#hear(message));
    world.network.listen(process, 'nodes', (message: ToNode) => this.#hear(message));
    this.#testify();
    this.#join();
  }

  get machine(): NodeMachine | undefined {
    return this.#machine;
  }

  /** Welcomed and not at its end. */
  get serving(): boolean {
    return this.#machine !== undefined && !this.#ended;
  }

  get pool(): RunnerPool {
    return this.#pool;
  }

  /** SIGTERM: hand everything over, for a bounded time. */
  leave(): void {
    if (this.#leaving || this.#ended) return;
    this.#leaving = true;
    if (this.#machine === undefined) return this.#end('left');
    this.#post({ kind: 'leave' });
    this.process.after(this.#world.timings.drainMs, () => this.#end('drained too slowly'));
  }

  /** Dies without a word. */
  crash(): void {
    this.#ended = true;
    this.#loop?.stop();
    this.#pool.end();
    this.process.end();
  }

  #join(): void {
    if (this.#welcomed || this.#ended) return;
    const { incarnation, process } = this.#start;
    const join: Join = {
      kind: 'join',
      incarnation,
      name: process.host.name as Join['name'],
      ...this.#world.site(process.host.name),
      version,
    };
    this.#world.network.send(process, 'leader', join);
    process.after(joinMs, () => this.#join());
  }

  #hear(message: ToNode): void {
    if (this.#ended || !this.#admits(message)) return;
    if ('term' in message) this.#world.checks.obeyed(this.process.name, message.term);
    switch (message.kind) {
      case 'welcome':
        if (!this.#welcomed) this.#serve(message);
        return;
      case 'join-refused':
        this.#world.checks.bug(this.process.name, new Error(message.failure.message));
        return;
      case 'probe':
        return this.#beat();
      case 'die':
      case 'node-gone':
        if (message.incarnation === this.incarnation) return this.#onDie();
        if (message.kind === 'node-gone') this.#post({ kind: 'message', message });
        return;
      default:
        if (message.kind === 'drain') this.#draining = true;
        this.#post({ kind: 'message', message: this.#heard(message) });
    }
  }

  #heard(message: ToNode): ToNode {
    const draining = this.#draining;
    const hearing = { process: this.process, machine: this.#machine, draining };
    return this.#world.passage.toNode(hearing, message);
  }

  #admits(message: ToNode): boolean {
    if (!('term' in message)) return true;
    const old = this.#highest !== undefined && termIsOlder(message.term, this.#highest);
    if (old && this.#world.mutant !== 'older-terms-obeyed') {
      this.#world.coverage.reach('a message of an older term is refused');
      return false;
    }
    this.#highest = message.term;
    return true;
  }

  #serve({ log, heartbeatMs }: Welcome): void {
    this.#welcomed = true;
    this.#access.writable(log, (end) => {
      if (this.#ended) return;
      if (end === undefined) return this.#end('fenced');
      this.#begin(log, end);
      this.#beatEvery(heartbeatMs);
    });
  }

  #begin(log: Welcome['log'], end: number): void {
    const { world, process, incarnation } = this.#start;
    const { resendMs, checkpointTurns, checkpointMs, idleMs, rebaseMs, runners } = world.timings;
    const { incrementBytesMin, wholeClockMax } = world.timings;
    const machine = new NodeMachine({
      incarnation,
      log,
      resendMs,
      checkpointTurns,
      checkpointMs,
      idleMs,
      runnersIdleMs: idleMs,
      rebaseMs,
      runners,
      logBytesBeyondCheckpointsMax: 32 * 1024 * 1024,
      logBytesKeptMax: 8 * 1024 * 1024,
      ...(incrementBytesMin === undefined ? {} : { incrementBytesMin }),
      ...(wholeClockMax === undefined ? {} : { wholeClockMax }),
      versions: {
        count: limits.checkpointsKept,
        ms: world.timings.versionsMs ?? limits.checkpointsKeptMs,
      },
    });
    this.#machine = machine;
    const rim = {
      work: (order: NodeWork) => this.#work(order),
      send: (message: NodeSend) => this.#send(message),
      reply: (answer: NodeReply) => this.#reply(answer),
      durable: (_facts: readonly NodeFact[], position: number) => {
        this.#durable = position;
      },
      released: () => this.#released(),
      dropped: (reason: Error) => this.#dropped(reason),
    };
    this.#loop = new Loop({
      machine: world.passage.machine(world.passage.nodeMachine(machine), rim),
      writer: new VirtualLogWriter(world, process, log, end),
      rim,
      clock: this.#clock(machine),
      nextFact: 0,
      tick: () => ({ kind: 'tick', wall: process.wall() }),
      name: 'node',
    });
    this.#post({ kind: 'tick' });
  }

  /** The looks of a machine at rest are routine. */
  #clock(machine: NodeMachine): Clock {
    const { process } = this;
    return {
      now: () => process.now(),
      wall: () => process.wall(),
      soon: (run) => process.soon(run),
      after: (ms, fire) => (machine.atRest ? process.routine(ms, fire) : process.after(ms, fire)),
    };
  }

  #post(event: Happening): void {
    if (this.#ended) return;
    this.#loop?.post({ ...event, wall: this.process.wall() } as NodeEvent);
  }

  /** Says that the process runs to whoever asks, also while its loop stands still. */
  #testify(): void {
    const { network } = this.#world;
    const { incarnation, process } = this.#start;
    const thread = process.thread();
    network.listen(thread, `witness:${incarnation}`, ({ replyTo }: { readonly replyTo: string }) =>
      network.send(thread, replyTo, { kind: 'runs', incarnation }),
    );
  }

  #beatEvery(ms: number): void {
    if (this.#ended) return;
    this.#beat();
    this.process.routine(ms, () => this.#beatEvery(ms));
  }

  #beat(): void {
    const counts = this.#machine?.counts();
    if (counts === undefined || this.#ended) return;
    this.#beats += 1;
    const { incarnation } = this;
    const cpu = this.#world.cpuShare?.(counts) ?? 0;
    const load = { cpu, memory: 0, ...counts };
    const counter = this.#beats;
    const beat: Heartbeat = { kind: 'heartbeat', incarnation, counter, load, witness: true };
    this.#world.network.send(this.process, 'leader', beat);
  }

  #work(order: NodeWork): void {
    switch (order.kind) {
      case 'to-runner':
        return this.#pool.send(order.runner, order.frame);
      case 'start-runner':
        return this.#pool.start(order.bundle);
      case 'kill-runner':
        return this.#pool.kill(order.runner, 'killed beyond its limit');
      case 'end-runner':
        return this.#pool.kill(order.runner, 'nothing is at it any more');
      case 'restore':
        return this.#restore(order);
      case 'read-ahead': {
        const { actor, epoch } = order;
        return this.#restorer.readAhead(actor, (checkpoint) => {
          const event = { kind: 'read-ahead', actor, epoch } as const;
          this.#post(checkpoint === undefined ? event : { ...event, checkpoint });
        });
      }
      case 'read-objects':
        return readObjects(this.#world, this.process, order, (event) => this.#post(event));
      case 'read-past':
        return readPast(this.#world, this.process, order, (event) => this.#post(event));
      case 'read-version':
        return readVersion(this.#world, this.process, order, (event) => this.#post(event));
      case 'free-checkpoints': {
        const { requests, checkpoints } = this.#world;
        const free = () => checkpoints.freeBefore(order.actor, order.before);
        return requests.ask(this.process, 'store', free, () => {});
      }
      case 'log':
        this.#world.trace?.say(this.process.name, `${order.level}: ${order.text}`);
        return;
      default:
        unreachable(order);
    }
  }

  #send(original: NodeSend): void {
    const message = this.#world.passage.fromNode(original, (event) => this.#post(event));
    if (message === undefined) return;
    const { network, coverage } = this.#world;
    switch (message.kind) {
      case 'to-leader':
        if (message.message.kind === 'left') this.#leftSaid = true;
        return network.send(this.process, 'leader', message.message);
      case 'to-node':
        if (message.node !== this.incarnation) {
          return network.send(this.process, `node:${message.node}`, message.message);
        }
        return this.#toSelf(message.message);
      case 'to-runner':
        return this.#pool.send(message.runner, message.frame);
      case 'put-checkpoint':
        return this.#checkpoints.put(message);
      case 'put-object':
        return putObject(this.#world, this.process, message, (event) => this.#post(event));
      case 'restore':
        return this.#restore(message);
      case 'trim-log':
        coverage.reach('a turn log is trimmed');
        return this.#access.trim(this.#log, message.before);
      case 'exit':
        return this.#end('left');
      default:
        return unreachable(message);
    }
  }

  #restore(order: Extract<NodeSend, { kind: 'restore' }>): void {
    if (this.#draining || this.#leaving) this.#world.coverage.reach('a restore during a drain');
    this.#restorer.restore(order);
  }

  get #log(): Welcome['log'] {
    return this.#restorer.ownLog;
  }

  #reply(answer: NodeReply): void {
    if (answer.to === `node:${this.incarnation}`) this.#toSelf(answer.message);
    else this.#world.network.send(this.process, answer.to, answer.message);
  }

  #toSelf(message: ToNode): void {
    this.#world.checks.sent(this.process.name, `node:${this.incarnation}`, message);
    this.#post({ kind: 'message', message: this.#heard(message) });
  }

  #released(): void {
    if (this.#durable === undefined) return;
    const position = this.#durable;
    this.#durable = undefined;
    const bytes = 1_000 * this.#world.timings.bytesFactor;
    this.#post({ kind: 'log-durable', position, bytes });
  }

  #onDie(): void {
    if (this.#leftSaid) {
      this.#world.coverage.reach('a node hands all over and leaves');
      return this.#end('left');
    }
    if (this.#leaving) this.#world.coverage.reach('a drain races a death');
    this.#sayLastWords();
    this.#end('fenced');
  }

  #dropped(reason: Error): void {
    if (this.#ended) return;
    if (!(reason instanceof TroupeError) || reason.code !== 'DEPOSED') {
      this.#world.checks.bug(this.process.name, reason);
      return this.#end('a bug');
    }
    if (!this.#leftSaid) this.#sayLastWords();
    this.#end(this.#leftSaid ? 'left' : 'fenced');
  }

  #sayLastWords(): void {
    const { incarnation } = this;
    this.#world.network.send(this.process, 'leader', {
      kind: 'deposed',
      incarnation,
      appendsRefused: 1,
      repliesWithheld: 0,
    });
  }

  #end(end: NodeEnd): void {
    if (this.#ended) return;
    this.#world.trace?.say(this.process.name, `ends: ${end}`);
    this.crash();
    this.#start.ended(end);
  }
}
