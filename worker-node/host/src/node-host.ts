/**
 * One node incarnation from its first word to its last: joins the cell, drives the machine by the
 * loop, and ends in exactly one of the ways that `exitCodes` names.
 *
 * H1  the end is decided once; whatever comes later changes neither code nor last words.
 * H2  a fenced incarnation says nothing but its last words, which are about itself only.
 * H3  no runner outlives its node.
 */
import { fileURLToPath } from 'node:url';
import { type Fabric, type Logger, Loop, within } from '@troupe/fabric';
import {
  type Failure,
  failureOf,
  type Incarnation,
  type InspectBundle,
  type Inspected,
  type Term,
  type ToNode,
  troupeError,
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
import { CheckpointStore } from './checkpoint-store.ts';
import type { NodeHostConfig } from './config.ts';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts';
import { Heart } from './heartbeat.ts';
import { Joining } from './join.ts';
import { ObjectShelf } from './object-shelf.ts';
import { isDeposed, OwnLog } from './own-log.ts';
import { PastReader } from './past-reader.ts';
import { Restorer } from './restore/restorer.ts';
import { NodeRim } from './rim.ts';
import { BundleFiles } from './runners/bundle-files.ts';
import { runnerEnvironment } from './runners/environment.ts';
import { RunnerPool } from './runners/pool.ts';
import { Secrets } from './runners/secrets.ts';
import { TermGate } from './terms.ts';

/** How long the last words may take to leave. */
const lastWordsMs = 500;
/** How long a dying incarnation waits for the store to refuse it. */
const refusalMs = 2_000;

type NodeLoop = Loop<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork>;
/** An event as it is made; the wall time is added when it is posted. */
type Happening = NodeEvent extends infer E
  ? E extends NodeEvent
    ? Omit<E, 'wall'>
    : never
  : never;

export interface NodeHostStart {
  readonly config: NodeHostConfig;
  readonly incarnation: Incarnation;
  readonly fabric: Fabric;
  readonly logger: Logger;
  /** Called when welcomed. */
  ready(): void;
  /** Whether a thread answers for this process while its loop stands still. */
  hasWitness(): boolean;
}

export interface End {
  readonly code: ExitCode;
  /** What made it end, unless that was wished. */
  readonly failure?: Failure;
}

function pastKept({ pastScopes, pastMs, pastSegmentsMax, pastBytesMax }: NodeHostConfig['node']) {
  const [segmentsMax, bytesMax] = [pastSegmentsMax, pastBytesMax];
  return { scopes: pastScopes, ms: pastMs, segmentsMax, bytesMax };
}

interface Running {
  readonly machine: NodeMachine;
  readonly loop: NodeLoop;
  readonly ownLog: OwnLog;
  readonly heart: Heart;
  readonly checkpoints: CheckpointStore;
}

export class NodeHost {
  readonly #start: NodeHostStart;
  readonly #terms = new TermGate();
  readonly #joining: Joining;
  readonly #pool: RunnerPool;
  #running: Running | undefined;
  #leftSaid = false;
  #leaving = false;
  #condemned = false;
  #withheld = 0;
  #end: ((end: End) => void) | undefined;
  /** Settles once everything that must leave has left. */
  readonly ended: Promise<End>;

  constructor(start: NodeHostStart) {
    this.#start = start;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { fabric, config, incarnation, logger } = start;
    const { name, resources, labels } = config.node;
    this.#joining = new Joining({
      bus: fabric.bus,
      leader: fabric.names.leader,
      clock: fabric.clock,
      join: { kind: 'join', incarnation, name, resources, labels, version },
    });
    this.#pool = new RunnerPool(
      {
        files: new BundleFiles(config.node.data, fabric.objects),
        program: fileURLToPath(new URL('../../runner/dist/main.js', import.meta.url)),
        memoryMb: config.node.runnerMemory,
        environment: runnerEnvironment(process.env, config.node.environment),
        secrets: new Secrets(config.node.secrets, process.env),
        logger,
      },
      {
        ready: (runner, bundle, manifest) =>
          this.#post({ kind: 'runner-ready', runner, bundle, manifest }),
        failed: (bundle, failure) => this.#post({ kind: 'bundle-failed', bundle, failure }),
        heard: (runner, frames) => {
          for (const frame of frames) this.#post({ kind: 'from-runner', runner, frame });
        },
        exited: (runner, reason) => {
          logger.warn({ runner, reason }, 'a runner has ended');
          this.#post({ kind: 'runner-exited', runner, reason });
        },
      },
    );
  }

  /** Joins and serves until the end. */
  run(): Promise<End> {
    const { fabric, incarnation } = this.#start;
    fabric.bus.listen(fabric.names.node(incarnation), (message: ToNode) => this.#hear(message));
    fabric.bus.listen(fabric.names.allNodes, (message: ToNode) => this.#hear(message));
    fabric.bus.answer(`${fabric.names.node(incarnation)}.inspect`, (question: InspectBundle) =>
      this.#inspect(question),
    );
    this.#joining.welcomed().then(
      (welcome) => this.#serve(welcome).catch((reason: unknown) => this.#fail(reason)),
      (reason: unknown) => this.#fail(reason),
    );
    return this.ended;
  }

  /** SIGTERM: hand everything over, for a bounded time. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const { fabric, config, logger, incarnation } = this.#start;
    if (this.#running === undefined) {
      this.#close(exitCodes.done);
      return;
    }
    logger.info({ incarnation }, 'leaving: actors are handed over');
    this.#post({ kind: 'leave' });
    fabric.clock.after(config.node.drainMs, () => {
      logger.warn(
        { incarnation, actors: this.#running?.machine.counts().actors },
        'not all was handed over in time; failover does the rest',
      );
      this.#close(exitCodes.done);
    });
  }

  /** A bug, or an end that nobody asked for. */
  crash(reason: unknown): void {
    this.#fail(reason);
  }

  /** Synchronous: nothing is left behind even when the process ends in the middle. */
  killRunners(): void {
    this.#pool.stop();
  }

  async #serve(welcome: Welcome): Promise<void> {
    const { fabric, config, incarnation, logger } = this.#start;
    const { clock, logs } = fabric;
    const ownLog = new OwnLog(await logs.writer(welcome.log));
    if (this.#end === undefined) return;
    const restorer = new Restorer({
      logs,
      checkpoints: fabric.checkpoints,
      clock,
      ownLog: welcome.log,
      logger,
      restored: (result) => this.#post({ kind: 'restored', ...result }),
      failed: (actor, epoch, failure) =>
        this.#post({ kind: 'restore-failed', actor, epoch, failure }),
      readAhead: (actor, epoch, checkpoint) => {
        const event = { kind: 'read-ahead', actor, epoch } as const;
        this.#post(checkpoint === undefined ? event : { ...event, checkpoint });
      },
      isAt: (actor, epoch, at) => this.#post({ kind: 'restore-is-at', actor, epoch, at }),
    });
    const checkpoints = new CheckpointStore({
      checkpoints: fabric.checkpoints,
      logger,
      stored: (actor, epoch, seq, fate) =>
        this.#post({ kind: 'checkpoint-stored', actor, epoch, seq, ...fate }),
    });
    const { resendMs, checkpointTurns, checkpointMs, idleMs, rebaseMs, runners } = config.node;
    const { runnersIdleMs } = config.node;
    const { logBytesBeyondCheckpointsMax, logBytesKeptMax } = config.node;
    const machine = new NodeMachine({
      incarnation,
      resendMs,
      checkpointTurns,
      checkpointMs,
      logBytesBeyondCheckpointsMax,
      logBytesKeptMax,
      idleMs,
      runnersIdleMs,
      rebaseMs,
      runners,
      log: welcome.log,
      past: pastKept(config.node),
      versions: { count: config.checkpointsKept, ms: config.node.checkpointsKeptMs },
      restoreMs: config.node.restoreMs,
      checkpointMsMax: config.node.checkpointMsMax,
    });
    const loop: NodeLoop = new Loop({
      machine,
      writer: ownLog,
      rim: this.#rim({ ownLog, restorer, checkpoints, shelf: this.#shelf() }),
      clock,
      nextFact: 0,
      tick: () => ({ kind: 'tick', wall: clock.wall() }),
      name: 'node',
    });
    const heart = new Heart({
      bus: fabric.beats,
      subject: fabric.names.beats,
      clock,
      incarnation,
      heartbeatMs: welcome.heartbeatMs,
      counts: () => machine.counts(),
      runnerPids: () => this.#pool.pids,
      hasWitness: () => this.#start.hasWitness(),
    });
    this.#running = { machine, loop, ownLog, heart, checkpoints };
    // The machine sets its first alarms when it hears something.
    this.#post({ kind: 'tick' });
    heart.begin();
    // A probe that went astray with a broken link is answered as soon as the link is back.
    for (const link of [fabric.bus, fabric.beats]) {
      link.onConnection((connected) => connected && heart.beat());
    }
    this.#start.ready();
  }

  #shelf(): ObjectShelf {
    const { fabric, config, logger } = this.#start;
    return new ObjectShelf({
      outputs: fabric.outputs,
      keptBytesMax: config.node.objectCacheBytesMax,
      logger,
      now: () => fabric.clock.now(),
      stored: (task, attempt, stored) =>
        this.#post({ kind: 'object-stored', task, attempt, stored }),
      read: (task, attempt, objects) =>
        this.#post({ kind: 'objects-read', task, attempt, objects }),
      failed: (task, attempt, failure) =>
        this.#post({ kind: 'objects-failed', task, attempt, failure }),
    });
  }

  #rim(parts: {
    ownLog: OwnLog;
    restorer: Restorer;
    checkpoints: CheckpointStore;
    shelf: ObjectShelf;
  }): NodeRim {
    const { fabric, incarnation, logger } = this.#start;
    const { ownLog } = parts;
    return new NodeRim({
      incarnation,
      bus: fabric.bus,
      names: fabric.names,
      pool: this.#pool,
      restorer: parts.restorer,
      checkpoints: parts.checkpoints,
      shelf: parts.shelf,
      past: new PastReader({
        checkpoints: fabric.checkpoints,
        read: (ask, bodies) => this.#post({ kind: 'past-read', ask, bodies }),
        failed: (ask, failure) => this.#post({ kind: 'past-failed', ask, failure }),
      }),
      toSelf: (message) => this.#post({ kind: 'message', message }),
      trimLog: (before) => {
        fabric.logs.trim(ownLog.log, before).catch((reason: unknown) => {
          // The next trim takes this one's share along.
          logger.warn({ log: ownLog.log, before, err: reason }, 'a turn log was not trimmed');
        });
      },
      log: (level, text) => logger[level]({ incarnation }, text),
      logDurable: (position) =>
        this.#post({ kind: 'log-durable', position, bytes: ownLog.takeBytes() }),
      left: () => {
        this.#leftSaid = true;
      },
      exit: () => this.#close(exitCodes.done),
      dropped: (reason, withheld) => this.#dropped(reason, withheld),
    });
  }

  #post(event: Happening): void {
    this.#running?.loop.post({ ...event, wall: this.#start.fabric.clock.wall() });
  }

  #hear(message: ToNode): void {
    if (!this.#terms.admits(message)) {
      this.#start.logger.warn(
        { kind: message.kind, refused: this.#terms.refused, highest: this.#terms.highest },
        'a message of an older term was refused',
      );
      return;
    }
    switch (message.kind) {
      case 'welcome':
      case 'join-refused':
        this.#joining.hear(message);
        return;
      case 'probe':
        this.#running?.heart.beat();
        return;
      case 'die':
      case 'node-gone':
        if (message.incarnation === this.#start.incarnation) this.#onDie(message.term);
        else if (message.kind === 'node-gone') this.#post({ kind: 'message', message });
        return;
      default:
        this.#post({ kind: 'message', message });
    }
  }

  #onDie(term: Term): void {
    if (this.#leftSaid) {
      this.#close(exitCodes.done);
      return;
    }
    if (this.#condemned) return;
    this.#condemned = true;
    const { incarnation, logger } = this.#start;
    logger.error({ incarnation, term }, 'this incarnation is dying by the journal: it is fenced');
    this.#letStoreRefuse().catch((reason: unknown) => this.#fail(reason));
  }

  /** Lets the store itself refuse this incarnation, so that the last words tell what happened. */
  async #letStoreRefuse(): Promise<void> {
    const { fabric, logger } = this.#start;
    const running = this.#running;
    if (running !== undefined) {
      // With an append in flight the loop goes on to count what it withholds.
      if (!running.ownLog.appending) running.loop.stop();
      const late = () => troupeError('UNAVAILABLE', 'the store did not answer a last append');
      await within(fabric.clock, running.ownLog.condemn(), refusalMs, late).catch(
        (reason: unknown) => logger.warn({ err: reason }, 'the last append stays unanswered'),
      );
      // The loop hears of its refused append in a later microtask than we do.
      await new Promise<void>((resolve) => fabric.clock.soon(resolve));
    }
    this.#sayLastWords();
  }

  #dropped(reason: Error, withheld: number): void {
    this.#withheld += withheld;
    if (this.#condemned) return;
    if (this.#leftSaid && isDeposed(reason)) {
      this.#close(exitCodes.done);
      return;
    }
    if (!isDeposed(reason)) {
      this.#fail(reason);
      return;
    }
    this.#condemned = true;
    this.#start.logger.error({ withheld, err: reason }, 'the turn log refuses us: fenced');
    this.#sayLastWords();
  }

  #sayLastWords(): void {
    const { fabric, incarnation } = this.#start;
    if (this.#end === undefined) return;
    fabric.bus.send(fabric.names.leader, {
      kind: 'deposed',
      incarnation,
      appendsRefused: this.#running?.ownLog.refused ?? 0,
      repliesWithheld: this.#withheld,
    });
    this.#close(exitCodes.fenced);
  }

  async #inspect(question: InspectBundle): Promise<Inspected> {
    try {
      return { manifest: await this.#pool.inspect(question.bundle) };
    } catch (reason) {
      const why: Failure = failureOf(reason, 'BUNDLE_LOAD_FAILED');
      return { failure: why };
    }
  }

  #fail(reason: unknown): void {
    const why = failureOf(reason);
    this.#start.logger.error({ err: reason, code: why.code }, 'the node ends');
    this.#close(exitCodeOf(why), why);
  }

  /** Stops everything, lets what was said leave for a bounded time, and ends (H1). */
  #close(code: ExitCode, why?: Failure): void {
    const end = this.#end;
    if (end === undefined) return;
    this.#end = undefined;
    this.#joining.stop();
    const running = this.#running;
    running?.loop.stop();
    running?.heart.stop();
    running?.checkpoints.stop();
    this.#pool.stop();
    const { fabric } = this.#start;
    const late = () => troupeError('UNAVAILABLE', 'the broker did not take the last messages');
    within(fabric.clock, fabric.bus.flush(), lastWordsMs, late)
      .catch((reason: unknown) => this.#start.logger.warn({ err: reason }, 'last words unsure'))
      .finally(() => end(why === undefined ? { code } : { code, failure: why }));
  }
}
