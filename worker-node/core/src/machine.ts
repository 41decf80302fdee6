/**
 * The node machine: routes each event to the noun that owns it. See `hosting.ts` for the life of an
 * activation, `turns.ts` for gated turns, `memory.ts` for what is durable.
 */
import {
  type ActorId,
  assert,
  type FromRunner,
  isFailure,
  type Machine,
  type Output,
  OutputDraft,
  type ToNode,
  unreachable,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import { Activities } from './activities.ts';
import { Ailing } from './ailing.ts';
import { Alarms } from './alarms.ts';
import { Arrivals } from './arrivals.ts';
import { BuiltIns, builtInRunner } from './built-ins.ts';
import { Checkpointing } from './checkpointing.ts';
import { Configs } from './configs.ts';
import type { Core } from './core.ts';
import { DeadLetters } from './dead-letters.ts';
import { Decisions } from './decisions.ts';
import { Departures } from './departures.ts';
import type { NodeConfig, NodeEvent, NodeReply, NodeSend, NodeWork, RunnerId } from './events.ts';
import type { NodeFact } from './facts.ts';
import { GivenUp } from './given-up.ts';
import { Groups } from './groups.ts';
import { Handover } from './handover.ts';
import { Health } from './health.ts';
import { Hosting } from './hosting.ts';
import { Lines } from './lines.ts';
import { Locations } from './locations.ts';
import { Mailboxes } from './mailboxes.ts';
import { OutgoingCalls } from './outgoing-calls.ts';
import { Passivation } from './passivation.ts';
import { PeerClocks } from './peer-clocks.ts';
import { Post } from './post.ts';
import { Pruning } from './pruning.ts';
import { Quarantine } from './quarantine.ts';
import { Rewinds } from './rewinds.ts';
import { Runners } from './runners.ts';
import { SenderClocks } from './sender-clocks.ts';
import { Starts } from './starts.ts';
import { Streams } from './streams.ts';
import { Tasks } from './tasks.ts';
import { Timers } from './timers.ts';
import { Trials } from './trials.ts';
import { Turns } from './turns.ts';
import { Upgrades } from './upgrades.ts';
import { Uses } from './uses.ts';
import { Waits } from './waits.ts';
import { Wishes } from './wishes.ts';

/** Counts for heartbeats and status. */
export interface NodeCounts {
  readonly actors: number;
  readonly inMemory: number;
  /** Turns ended since the start. */
  readonly turns: number;
  readonly tasks: number;
}

export class NodeMachine
  implements Machine<NodeEvent, NodeFact, NodeSend, NodeReply, NodeWork>, Core
{
  readonly config: NodeConfig;
  readonly out = new OutputDraft<NodeFact, NodeSend, NodeReply, NodeWork>();
  readonly alarms = new Alarms();
  readonly #actors = new Map<ActorId, Activation>();
  readonly actors: ReadonlyMap<ActorId, Activation> = this.#actors;
  readonly hosting: Hosting;
  readonly senderClocks = new SenderClocks();
  readonly peerClocks = new PeerClocks(this);
  readonly pruning = new Pruning(this);
  readonly mailboxes: Mailboxes;
  readonly turns: Turns;
  readonly waits: Waits;
  readonly decisions: Decisions;
  readonly deadLetters: DeadLetters;
  readonly starts: Starts;
  readonly streams: Streams;
  readonly outgoing: OutgoingCalls;
  readonly post: Post;
  readonly timers: Timers;
  readonly locations: Locations;
  readonly runners: Runners;
  readonly builtIns: BuiltIns;
  readonly trials: Trials;
  readonly tasks: Tasks;
  readonly checkpointing: Checkpointing;
  readonly passivation: Passivation;
  readonly departures: Departures;
  readonly arrivals: Arrivals;
  readonly handover: Handover;
  readonly lines: Lines;
  readonly quarantine: Quarantine;
  readonly rewinds: Rewinds;
  readonly wishes: Wishes;
  readonly ailing: Ailing;
  readonly givenUp: GivenUp;
  readonly activities: Activities;
  readonly configs: Configs;
  readonly uses: Uses;
  readonly groups: Groups;
  readonly health: Health;
  readonly upgrades: Upgrades;
  #now = Number.NEGATIVE_INFINITY;
  #wall = 0;
  #durableAt = 0;

  constructor(config: NodeConfig) {
    this.config = config;
    this.hosting = new Hosting(this, this.#actors);
    this.mailboxes = new Mailboxes(this);
    this.turns = new Turns(this);
    this.waits = new Waits(this);
    this.decisions = new Decisions(this);
    this.deadLetters = new DeadLetters(this);
    this.starts = new Starts(this);
    this.streams = new Streams(this);
    this.outgoing = new OutgoingCalls(this);
    this.post = new Post(this);
    this.timers = new Timers(this);
    this.locations = new Locations(this);
    this.runners = new Runners(this);
    this.builtIns = new BuiltIns(this);
    this.trials = new Trials(this);
    this.tasks = new Tasks(this);
    this.checkpointing = new Checkpointing(this);
    this.passivation = new Passivation(this);
    this.departures = new Departures(this);
    this.arrivals = new Arrivals(this);
    this.handover = new Handover(this);
    this.lines = new Lines(this);
    this.quarantine = new Quarantine(this);
    this.rewinds = new Rewinds(this);
    this.wishes = new Wishes(this);
    this.ailing = new Ailing(this);
    this.givenUp = new GivenUp(this);
    this.activities = new Activities(this);
    this.configs = new Configs(this);
    this.uses = new Uses(this);
    this.groups = new Groups(this);
    this.health = new Health(this);
    this.upgrades = new Upgrades(this);
    this.alarms.set(0, () => this.#everyResend());
  }

  get now(): number {
    return this.#now;
  }
  get wall(): number {
    return this.#wall;
  }
  get durableAt(): number {
    return this.#durableAt;
  }

  counts(): NodeCounts {
    const { inMemory } = this.passivation;
    return {
      actors: this.#actors.size,
      inMemory,
      turns: this.turns.total,
      tasks: this.tasks.count,
    };
  }

  /** Nothing is in memory, and nothing under way: until it hears something it has nothing to do. */
  get atRest(): boolean {
    // One alarm is always set: the look at what to say again.
    if (this.tasks.count > 0 || this.alarms.size > 1) return false;
    for (const { phase, waiting } of this.#actors.values()) {
      if (phase !== 'cold' || waiting.length > 0) return false;
    }
    return true;
  }

  wakeAt(): number | undefined {
    return this.alarms.next();
  }

  handle(now: number, event: NodeEvent): Output<NodeFact, NodeSend, NodeReply, NodeWork> {
    assert(now >= this.#now, 'N1: time never goes back');
    this.#now = now;
    this.#wall = event.wall;
    for (let alarm = this.alarms.due(now); alarm !== undefined; alarm = this.alarms.due(now)) {
      alarm.ring();
    }
    this.#route(event);
    this.builtIns.run((frame) => this.#onFrame(builtInRunner, frame));
    return this.out.take();
  }

  #route(event: NodeEvent): void {
    switch (event.kind) {
      case 'tick':
        return;
      case 'message':
        return this.#onMessage(event.message);
      case 'from-runner':
        return this.#onFrame(event.runner, event.frame);
      case 'runner-ready':
        return this.runners.onReady(event.runner, event.bundle, event.manifest);
      case 'bundle-failed':
        return this.runners.onBundleFailed(event.bundle, event.failure);
      case 'runner-exited':
        return this.#onRunnerExited(event.runner, event.reason);
      case 'restored':
        return this.hosting.onRestored(event);
      case 'restore-failed':
        return this.hosting.onRestoreFailed(event.actor, event.epoch, event.failure);
      case 'restore-is-at':
        return this.hosting.onRestoreIsAt(event.actor, event.epoch, event.at);
      case 'checkpoint-stored':
        return this.checkpointing.onStored(event);
      case 'read-ahead':
        return this.arrivals.onReadAhead(event.actor, event.epoch, event.checkpoint);
      case 'object-stored':
        return this.tasks.onStored(event);
      case 'objects-read':
        return this.tasks.onObjects(event);
      case 'objects-failed':
        return this.tasks.onObjectsFailed(event);
      case 'log-durable':
        this.#durableAt = event.position;
        return this.checkpointing.onDurable(event.position, event.bytes);
      case 'past-read':
      case 'past-failed':
        return this.lines.onPast(event);
      case 'leave':
        return this.handover.leave();
      default:
        return unreachable(event);
    }
  }

  #onMessage(message: ToNode): void {
    switch (message.kind) {
      case 'call':
        return this.mailboxes.onCall(message);
      case 'cancel-call':
        return this.mailboxes.onCancel(message);
      case 'call-result':
        return this.outgoing.onResult(message);
      case 'not-here':
        return this.outgoing.onNotHere(message);
      case 'letter':
        return this.mailboxes.onLetter(message);
      case 'letter-ack':
        return this.post.onAck(message);
      case 'letter-not-here':
        return this.post.onNotHere(message);
      case 'located':
        // Nodes ask for the letters of what is ending, and for nothing else that is gone.
        if (isFailure(message.location) && message.location.code === 'GONE') {
          return this.wishes.onGone(message.actor, message.look);
        }
        return this.locations.onLocated(message);
      case 'place':
        return this.hosting.onPlace(message);
      case 'ask-turns':
        return this.lines.onAsk(message);
      case 'ask-beyond':
        return this.lines.onAskBeyond(message);
      case 'ended-found':
        return this.pruning.onFound(message);
      case 'ask-dead-letters':
        return this.deadLetters.onAsk(message);
      case 'config-news':
        return this.configs.onNews(message);
      case 'config-told':
        return this.configs.onTold(message);
      case 'ask-activity':
        return this.activities.onAsk(message);
      case 'hold-actors':
        return this.rewinds.onHold(message);
      case 'ask-passage':
        return this.rewinds.onAskPassage(message);
      case 'take-back':
        return this.rewinds.onTakeBack(message);
      case 'prepare':
        return this.arrivals.onPrepare(message);
      case 'prepared':
        return this.departures.onPrepared(message);
      case 'handed-over':
        return this.arrivals.onHandedOver(message);
      case 'rebased-seen':
        return this.checkpointing.onRebasedSeen(message.actors);
      case 'node-gone':
        return this.#onNodeGone(message.incarnation);
      case 'drain':
        return this.handover.onDrain();
      case 'release-seen':
        return this.handover.onReleaseSeen(message.actors);
      case 'settled-seen':
        return this.wishes.onSeen(message.actors);
      case 'upgraded-seen':
        return this.upgrades.onSeen(message);
      case 'stop-actor':
        return this.passivation.stop(message.actor, message.epoch);
      case 'run-task':
        return this.tasks.onRun(message);
      case 'task-result-seen':
        return this.tasks.onResultSeen(message);
      case 'cancel-task':
        return this.tasks.onCancel(message);
      case 'timers-due':
        return this.timers.onDue(message);
      case 'timer-news-seen':
        return this.timers.onSeen(message);
      case 'die':
        return this.handover.onDie();
      // The process deals with these before there is a machine, or beside it.
      case 'welcome':
      case 'join-refused':
      case 'probe':
        return;
      default:
        // Of a later version: whoever sent it lives with silence.
        message satisfies never;
    }
  }

  #onFrame(runner: RunnerId, frame: FromRunner): void {
    if (this.lines.onFrame(frame, runner) || this.health.onFrame(frame)) return;
    switch (frame.kind) {
      case 'activated':
        return this.hosting.onActivated(frame, runner);
      case 'activate-failed':
        return this.hosting.onActivateFailed(frame.actor, runner, frame.failure);
      case 'built-ahead':
        return this.arrivals.onBuilt(frame, runner);
      case 'turn-done':
        return this.turns.onDone(frame);
      case 'task-done':
        return this.tasks.onDone(frame.work, frame.outcome, frame.used);
      case 'step-begin':
        return this.turns.onStepBegin(frame);
      case 'step-done':
        return this.turns.onStepDone(frame);
      case 'call-out':
        if (!this.tasks.onCallOut(frame, runner)) this.outgoing.onTurnCall(frame, runner);
        return;
      case 'wait-begin':
        return this.waits.onBegin(frame);
      case 'turn-waits':
        return this.waits.onWaits(frame);
      case 'recalled':
        return this.turns.onRecalled(frame, runner);
      case 'decided':
        return this.decisions.onDecided(frame);
      case 'yielded':
        return this.streams.onYielded(frame);
      case 'progress':
        return this.activities.onProgress(frame);
      case 'captured':
        return this.checkpointing.onCaptured(frame);
      case 'log':
        this.out.work({ kind: 'log', level: frame.level, text: frame.text });
        return;
      // The process reads these before the runner is ready.
      case 'loaded':
      case 'load-failed':
        return;
      default:
        return unreachable(frame);
    }
  }

  #onRunnerExited(runner: RunnerId, reason: string): void {
    this.configs.runnerGone(runner);
    this.health.onRunnerExited(runner);
    this.starts.onRunnerExited(runner);
    this.arrivals.onRunnerExited(runner);
    const gone = this.runners.onExited(runner);
    if (gone === undefined) return;
    const lost = this.hosting.onRunnerExited(runner);
    for (const activation of lost) this.checkpointing.onRunnerLost(activation);
    this.lines.onRunnerExited(runner, reason);
    this.tasks.onRunnerExited(runner, reason);
    this.trials.onRunnerExited(runner, gone.bundle);
    this.turns.onRunnerExited(lost, reason, gone.held === 1);
  }

  #onNodeGone(incarnation: NodeConfig['incarnation']): void {
    this.locations.onNodeGone(incarnation);
    this.departures.onNodeGone(incarnation);
    this.outgoing.onNodeGone(incarnation);
    this.post.tick();
  }

  #everyResend(): void {
    this.alarms.set(this.#now + this.config.resendMs, () => this.#everyResend());
    this.outgoing.tick();
    this.post.tick();
    this.timers.tick();
    this.tasks.tick();
    this.turns.killOverdue();
    this.starts.tick();
    this.hosting.tick();
    this.lines.tick();
    this.pruning.tick();
    this.quarantine.tick();
    this.checkpointing.tick();
    this.passivation.tick();
    this.arrivals.tick();
    this.runners.tick();
    this.handover.tick();
    this.wishes.tick();
    this.ailing.tick();
    this.configs.tick();
    this.health.tick();
    this.upgrades.tick();
  }
}
