/**
 * A leadership: the nouns that act, put together, and the routes of what they hear. Everything in
 * here is volatile; whoever leads next builds it anew from the durable state.
 */
import {
  type Address,
  type Incarnation,
  incarnation,
  isReadOnly,
  type NodeToLeader,
  type Request,
  type RequestBody,
  type TaskId,
  unreachable,
} from '@troupe/model';
import { Activities } from './activities.ts';
import { Ailing } from './ailing.ts';
import { Configs } from './configs.ts';
import { DeadLetterLists } from './dead-letter-lists.ts';
import type { Due } from './deadlines.ts';
import { Deploying } from './deploying.ts';
import type { Desk } from './desk.ts';
import { Directory } from './directory.ts';
import { tellEnded } from './ended-actors.ts';
import type { SchedulerEvent } from './events.ts';
import { Lifecycle } from './lifecycle.ts';
import { LineViews } from './line-views.ts';
import { Membership } from './membership.ts';
import { Migrations } from './migrations.ts';
import { NodeGroups } from './node-groups.ts';
import { isPresent } from './nodes.ts';
import { Objects } from './objects.ts';
import { OwningSessions } from './owning-sessions.ts';
import { Pressure } from './pressure.ts';
import { Quarantines } from './quarantines.ts';
import { Questions } from './questions.ts';
import { Rebalancing } from './rebalancing.ts';
import { Reserving } from './reserving.ts';
import { Rewinds } from './rewinds.ts';
import { Rollouts } from './rollouts.ts';
import { Runs } from './runs.ts';
import { Savepoints } from './savepoints.ts';
import { deadlineSizes, type Size } from './sizes.ts';
import { Submissions } from './submissions.ts';
import { Supervision } from './supervision.ts';
import { Surveys } from './surveys.ts';
import { Tasks } from './tasks.ts';
import { TellingLives } from './telling-lives.ts';
import { Timers } from './timers.ts';
import type { Asker } from './waiting.ts';

type Cordon = Extract<RequestBody, { kind: 'cordon-node' }>;

const retentionMs = 1_000;

export class Leader {
  readonly #desk: Desk;
  readonly #membership: Membership;
  readonly #directory: Directory;
  readonly #migrations: Migrations;
  readonly #pressure: Pressure;
  readonly #groups: NodeGroups;
  readonly #rebalancing: Rebalancing;
  readonly #ailing: Ailing;
  readonly #lifecycle: Lifecycle;
  readonly #tasks: Tasks;
  readonly #timers: Timers;
  readonly #submissions: Submissions;
  readonly #runs: Runs;
  readonly #deploying: Deploying;
  readonly #reserving: Reserving;
  readonly #questions: Questions;
  readonly #objects: Objects;
  readonly #surveys: Surveys;
  readonly #savepoints: Savepoints;
  readonly #lineViews: LineViews;
  readonly #rewinds: Rewinds;
  readonly #quarantines: Quarantines;
  readonly #deadLetters: DeadLetterLists;
  readonly #activities: Activities;
  readonly #configs: Configs;
  readonly #rollouts: Rollouts;
  readonly #owningSessions: OwningSessions;
  readonly #supervision: Supervision;
  readonly #tellingLives: TellingLives;

  /** Takes over: orders and sends again all that the durable state calls for. */
  constructor(desk: Desk) {
    this.#desk = desk;
    this.#membership = new Membership(desk, {
      nodeJoined: () => {
        this.#directory.placeWaiting();
        this.#tasks.nodesChanged();
      },
      nodeLost: (node, silentMs) => {
        this.#directory.nodeLost(node);
        this.#migrations.nodeLost(node);
        this.#rebalancing.nodeLost(node);
        this.#ailing.nodeLost(node);
        this.#activities.nodeLost(node);
        this.#configs.nodeLost(node);
        this.#rollouts.nodeLost(node);
        this.#tasks.nodeLost(node, silentMs);
        this.#timers.nodeLost(node);
      },
      nodeSealed: (node) => this.#directory.placeFrom(node),
      nodeDrains: () => this.#tasks.nodesChanged(),
    });
    this.#timers = new Timers(desk, () => this.#groups.firingWaits());
    this.#directory = new Directory(desk, {
      chainChanged: (chain) => {
        for (const { log } of chain) this.#membership.reviewLog(log);
      },
      placed: (actor, node, left) => {
        if (left !== undefined) this.#migrations.placed(actor, left);
        this.#timers.placed(actor, node);
        this.#rollouts.placed(actor, node, left);
      },
      movedInTime: (actor, node) => this.#rollouts.placed(actor, node, undefined),
      back: (actor) => this.#rewinds.back(actor),
      noNodes: () => this.#groups.noNodes(),
    });
    this.#migrations = new Migrations(desk, this.#membership.detection, (node, actor) =>
      this.#directory.leaving(node, actor),
    );
    this.#rollouts = new Rollouts(desk, {
      place: (node, actor) => this.#directory.place(node, actor),
      tryAnew: (actor) => this.#lifecycle.tryAnew(actor),
    });
    const { detection } = this.#membership;
    this.#pressure = new Pressure(desk, detection);
    this.#groups = new NodeGroups(desk, {
      mayForecast: () => !this.#pressure.isGivenUp('prewarming'),
      loadOf: (node) => detection.load(node),
      roomOf: (tenant) => this.#tasks.roomOf(tenant),
    });
    this.#rebalancing = new Rebalancing(desk, this.#migrations, () => {
      return !this.#pressure.isGivenUp('rebalancing');
    });
    this.#ailing = new Ailing();
    this.#supervision = new Supervision(desk, (actor, why) => this.#lifecycle.giveUp(actor, why));
    this.#tellingLives = new TellingLives(desk);
    this.#activities = new Activities(desk);
    this.#configs = new Configs(desk);
    this.#lifecycle = new Lifecycle(desk, this.#directory, {
      ailments: this.#ailing,
      timers: this.#timers,
      migrations: this.#migrations,
      rollouts: this.#rollouts,
      owned: (owner) => this.#owningSessions.owns(owner),
    });
    this.#owningSessions = new OwningSessions(desk, (owner) => this.#lifecycle.sessionOver(owner));
    this.#objects = new Objects(desk);
    this.#tasks = new Tasks(desk, this.#objects, {
      arrived: (task) => this.#groups.arrived(task),
      landed: (task, tookMs) => this.#groups.ended(task, tookMs),
      blockEnded: ({ run }) => {
        if (run !== undefined) this.#runs.blockEnded(run.run);
      },
      attemptOver: (task, attempt) => this.#runs.attemptOver(task, attempt),
    });
    this.#submissions = new Submissions(desk, this.#tasks, this.#pressure);
    this.#runs = new Runs(desk, this.#tasks, this.#activities, (run) =>
      this.#lifecycle.runEnded(run),
    );
    this.#deploying = new Deploying(desk, (tenant) => this.#tasks.tenantPut(tenant));
    this.#reserving = new Reserving(desk, this.#tasks);
    this.#surveys = new Surveys(desk);
    this.#savepoints = new Savepoints(desk, this.#surveys);
    this.#lineViews = new LineViews(desk, this.#surveys);
    this.#rewinds = new Rewinds(desk, this.#directory, {
      surveys: this.#surveys,
      lineViews: this.#lineViews,
    });
    this.#quarantines = new Quarantines(desk);
    this.#deadLetters = new DeadLetterLists(desk, this.#surveys);
    this.#questions = new Questions(desk, this.#membership.detection, this.#tasks, {
      quarantines: this.#quarantines,
      ailments: this.#ailing,
      rebalancing: this.#rebalancing,
      groups: this.#groups,
      pressure: this.#pressure,
    });
    this.#takeOver();
  }

  handle(event: Exclude<SchedulerEvent, { kind: 'lead' | 'tick' }>): void {
    this.#route(event);
    this.#tellingLives.goOn();
    this.#objects.deleteDropped();
  }

  #route(event: Exclude<SchedulerEvent, { kind: 'lead' | 'tick' }>): void {
    switch (event.kind) {
      case 'from-node':
        return this.#fromNode(event.message);
      case 'request':
        return this.#request(event.request);
      case 'disconnect-notice':
        return this.#membership.detection.notice(event.incarnation);
      case 'witness-answered':
        return this.#membership.detection.testify(event.incarnation);
      case 'back-after-silence':
        return this.startAnew();
      case 'memory':
        this.#desk.isShortOfMemory = event.short;
        return;
      case 'log-created':
        return this.#membership.logCreated(event.incarnation);
      case 'log-sealed':
        return this.#membership.logSealed(event.incarnation, event.position);
      case 'log-deleted':
        return this.#membership.logDeleted(event.log);
      case 'objects-listed':
        return this.#objects.found(event.objects);
      case 'image-written':
        return this.#imageWritten(event);
      default:
        return unreachable(event);
    }
  }

  /** A silence that was ours: nobody is judged by it. */
  startAnew(): void {
    this.#membership.detection.startAnew();
  }

  check(): void {
    this.#tasks.check();
  }

  /** Z1: all that is kept beside caches, which have bounds of their own. */
  sizes(): readonly Size[] {
    const nouns = [
      this.#membership,
      this.#directory,
      this.#migrations,
      this.#rebalancing,
      this.#groups,
      this.#lifecycle,
      this.#tasks,
      this.#runs,
      this.#timers,
      this.#surveys,
      this.#lineViews,
      this.#deadLetters,
      this.#activities,
      this.#configs,
      this.#rewinds,
      this.#rollouts,
      this.#tellingLives,
    ];
    return [...nouns.flatMap((noun) => noun.sizes()), ...deadlineSizes(this.#desk)];
  }

  due(due: Due): void {
    this.#do(due);
    this.#tellingLives.goOn();
    this.#objects.deleteDropped();
  }

  #do(due: Due): void {
    switch (due.kind) {
      case 'pulse':
        for (const node of this.#membership.detection.pulse()) this.#membership.end(node, 'silent');
        return;
      case 'probe':
        if (!this.#membership.detection.isUnanswered(due.node)) return;
        return this.#membership.end(due.node, 'disconnected');
      case 'drain':
        return this.#membership.drainDue(due.node);
      case 'places':
        return this.#directory.resend(due.node);
      case 'attempts':
        return this.#tasks.resend(due.node);
      case 'configs':
        return this.#configs.resend(due.node);
      case 'upgrades':
        return this.#rollouts.resend(due.node);
      case 'rollout':
        return this.#rollouts.due(due.tenant, due.type);
      case 'leaves':
        return this.#migrations.resend(due.node);
      case 'migration':
        return this.#migrations.waitedLongEnough(due.actor, due.asker);
      case 'retry':
        return this.#tasks.retry(due.task);
      case 'starts':
        return this.#tasks.dispatch();
      case 'kept-room':
        return this.#tasks.lookAtRoom();
      case 'limit':
        return this.#tasks.limitPassed(due.task, due.attempt);
      case 'runs':
        return this.#runs.goOn();
      case 'run-time':
        return this.#runs.timeCame(due.run, due.block);
      case 'survey':
        this.#surveys.due(due.ask);
        this.#lineViews.due(due.ask);
        this.#rewinds.due(due.ask);
        return this.#deadLetters.due(due.ask);
      case 'activity':
        return this.#activities.due(due.ask);
      case 'tell-time':
        return this.#runs.tellTime();
      case 'wait':
        return this.#runs.waitedLongEnough(due.asker);
      case 'timers':
        return this.#timers.due();
      case 'timer-lane':
        return this.#timers.resend(due.node);
      case 'lives':
        return this.#tellingLives.due();
      case 'sizing':
        return this.#groups.look();
      case 'pressure':
        return this.#pressure.look();
      case 'rebalance':
        return this.#rebalancing.look();
      case 'retention':
        return this.#forget();
      case 'sweep':
        return this.#objects.sweep();
      default:
        return unreachable(due);
    }
  }

  #takeOver(): void {
    this.#deploying.putDefaultTenant();
    this.#trimJournal();
    this.#pressure.takeOver();
    this.#groups.takeOver();
    this.#membership.takeOver();
    this.#directory.takeOver();
    this.#migrations.takeOver();
    this.#lifecycle.takeOver();
    this.#owningSessions.takeOver();
    this.#rewinds.takeOver();
    this.#rollouts.takeOver();
    this.#tasks.takeOver();
    this.#runs.takeOver();
    this.#tasks.dispatch();
    this.#timers.takeOver();
    this.#tellingLives.takeOver();
    this.#forget();
    this.#objects.takeOver();
  }

  #fromNode(message: NodeToLeader): void {
    switch (message.kind) {
      case 'join':
        return this.#membership.join(message);
      case 'deposed':
        this.#questions.deposed(message.incarnation, message);
        // Fenced by something else than the journal: its log is gone or was sealed by hand.
        return this.#membership.end(message.incarnation, 'deposed');
      case 'call-result':
      case 'not-here':
        return this.#tellingLives.heard(message);
      case 'resolve': {
        const node = nodeOf(message.replyTo);
        if (node === undefined || this.#speaks(node)) this.#directory.resolve(message);
        return;
      }
      default:
        if (this.#speaks(message.incarnation)) this.#fromPresentNode(message);
    }
  }

  #fromPresentNode(
    message: Exclude<
      NodeToLeader,
      { kind: 'join' | 'deposed' | 'resolve' | 'call-result' | 'not-here' }
    >,
  ): void {
    const { incarnation: node } = message;
    switch (message.kind) {
      case 'heartbeat':
        this.#rebalancing.heard(node, message.load);
        return this.#membership.detection.beat(message);
      case 'place-seen':
        for (const seen of message.placed) {
          this.#directory.placeSeen(node, seen);
          if (seen.upgradeAt !== undefined) this.#rollouts.seen(node, seen.actor, seen.upgradeAt);
        }
        return;
      case 'upgraded':
        return this.#rollouts.upgraded(message);
      case 'settled':
        return this.#lifecycle.settled(message);
      case 'ailing':
        this.#supervision.ailing(message);
        return this.#ailing.said(message, this.#desk.state.actors.givenUp);
      case 'rebased':
        return this.#directory.rebased(message);
      case 'turns-found':
        return this.#surveys.found(message);
      case 'quarantined':
        return this.#quarantines.hear(message);
      case 'passage-found':
        return this.#rewinds.found(message);
      case 'beyond-found':
        return this.#lineViews.found(message);
      case 'ask-ended':
        return tellEnded(this.#desk, message);
      case 'dead-letters-found':
        return this.#deadLetters.found(message);
      case 'activity-found':
        return this.#activities.found(message);
      case 'ask-config':
        return this.#configs.asked(message);
      case 'config-seen':
        return this.#configs.seen(message);
      case 'leaving':
        return this.#membership.drain(node);
      case 'released':
        return this.#directory.released(message);
      case 'left':
        return this.#membership.leave(node);
      case 'task-seen':
        for (const { task, attempt } of message.attempts) this.#tasks.seen(node, task, attempt);
        return;
      case 'task-result':
        return this.#tasks.result(message);
      case 'timer-news':
        return this.#timers.told(message);
      default:
        return unreachable(message);
    }
  }

  /** True when this incarnation has a say; otherwise it is told to die (M5). */
  #speaks(node: Incarnation): boolean {
    const known = this.#desk.state.nodes.get(node);
    if (known !== undefined && isPresent(known)) {
      this.#membership.detection.hear(node);
      return true;
    }
    if (known !== undefined || this.#membership.detection.isStranger(node)) {
      this.#membership.sendDie(node);
    }
    return false;
  }

  /** A copy for another term is left to that one: its gateway sends it anew. */
  #request(request: Request): void {
    if (request.forTerm !== this.#desk.term.number) return;
    const { number, replyTo: to, body } = request;
    const found = this.#desk.told.find(request, (asked) => this.#isKnown(asked));
    if (found === 'settled') return;
    const asker = { to, number };
    if (found !== undefined) return this.#desk.answer(asker, found);
    this.#serve(asker, body);
  }

  #isKnown(body: RequestBody): boolean {
    const { tasks, runs } = this.#desk.state;
    const isTask = (id: TaskId) => tasks.get(id) !== undefined || tasks.ended(id) !== undefined;
    if (body.kind === 'submit-task') return isTask(body.task);
    if (body.kind === 'submit-gang') return body.members.some(({ task }) => isTask(task));
    if (body.kind === 'start-run') return runs.get(body.run) !== undefined;
    return isReadOnly(body.kind);
  }

  #serve(asker: Asker, body: RequestBody): void {
    switch (body.kind) {
      case 'submit-task':
        return this.#submissions.submit(asker, body);
      case 'submit-gang':
        return this.#submissions.submitGang(asker, body);
      case 'cancel-task-request':
        return this.#submissions.cancel(asker, body.task);
      case 'start-run':
        return this.#runs.start(asker, body);
      case 'wait-run':
        return this.#runs.wait(asker, body);
      case 'resume-run':
        return this.#runs.resume(asker, body);
      case 'cancel-run':
        return this.#runs.cancel(asker, body);
      case 'move-run':
        return this.#runs.move(asker, body);
      case 'list-runs':
        return this.#questions.listRuns(asker, body);
      case 'deploy':
        return this.#deploying.deploy(asker, body);
      case 'put-tenant':
        return this.#deploying.putTenant(asker, body);
      case 'get-config':
        return this.#configs.get(asker, body);
      case 'put-config':
        return this.#configs.put(asker, body);
      case 'list-supervision':
        return this.#supervision.list(asker, body);
      case 'keep-session':
      case 'end-session':
        return this.#owningSessions.serve(asker, body);
      case 'start-rollout':
      case 'change-rollout':
      case 'list-rollouts':
        return this.#rollouts.serve(asker, body);
      case 'put-reservation':
        return this.#reserving.put(asker, body);
      case 'drop-reservation':
        return this.#reserving.drop(asker, body);
      case 'rewind':
        return this.#rewinds.serve(asker, body);
      case 'find-rewind':
        return this.#rewinds.find(asker, body);
      case 'show-line':
        return this.#lineViews.show(asker, body);
      case 'make-savepoint':
      case 'list-savepoints':
      case 'drop-savepoint':
        return this.#savepoints.serve(asker, body);
      case 'status':
        return this.#questions.status(asker);
      case 'list-actors':
        return this.#questions.listActors(asker, body);
      case 'list-timers':
        return this.#questions.listTimers(asker, body);
      case 'list-dead-letters':
        return this.#deadLetters.list(asker, body);
      case 'list-demands':
        return this.#questions.listDemands(asker, body);
      case 'migrate-actor':
        return this.#migrations.migrate(asker, body);
      case 'create-actor':
        return this.#lifecycle.create(asker, body);
      case 'get-actor':
        return this.#lifecycle.get(asker, body, this.#activities);
      case 'wish-actor':
        return this.#lifecycle.wish(asker, body);
      case 'stop-actor-request':
        return this.#lifecycle.stop(asker, body);
      case 'drain-node': {
        const node = this.#desk.state.nodes.named(body.node);
        if (node === undefined) {
          const what = `there is no node "${body.node}"`;
          return this.#desk.refuse(asker, 'UNKNOWN_NODE', what, { node: body.node });
        }
        this.#membership.drain(node.incarnation);
        return this.#desk.answer(asker, { kind: 'done' });
      }
      case 'cordon-node':
        return this.#cordon(asker, body);
      case 'list-tasks':
        return this.#questions.listTasks(asker, body, this.#activities);
      default:
        return unreachable(body);
    }
  }

  #cordon(asker: Asker, { node: name, cordoned }: Cordon): void {
    const node = this.#desk.state.nodes.named(name);
    if (node === undefined) {
      const what = `there is no node "${name}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_NODE', what, { node: name });
    }
    if (node.cordoned !== cordoned) {
      this.#desk.decide({ kind: 'node-cordoned', incarnation: node.incarnation, cordoned });
      this.#directory.placeWaiting();
      this.#tasks.nodesChanged();
    }
    this.#desk.answer(asker, { kind: 'done' });
  }

  #imageWritten(event: Extract<SchedulerEvent, { kind: 'image-written' }>): void {
    const { object, facts, position, bytes } = event;
    const stored = this.#desk.state.stored;
    if (facts > this.#desk.state.factCount) return;
    if (stored !== undefined && facts <= stored.facts) return;
    const size = bytes === undefined ? {} : { bytes };
    this.#desk.decide({ kind: 'image-stored', object, facts, position, ...size });
    this.#trimJournal();
  }

  /** What follows the image before the last one is kept: the last one may be damaged. */
  #trimJournal(): void {
    const { storedBefore: kept } = this.#desk.state;
    if (kept !== undefined) this.#desk.order({ kind: 'trim-journal', before: kept.position });
  }

  #forget(): void {
    this.#tasks.tellTime();
    this.#timers.look();
    const tasksLeft = this.#tasks.forget();
    const runsLeft = this.#runs.forget();
    this.#owningSessions.look();
    const stonesLeft = this.#lifecycle.forget();
    const orphansLeft = this.#lifecycle.endOrphans();
    const left = tasksLeft || runsLeft || stonesLeft || orphansLeft;
    const again = left ? 0 : retentionMs;
    this.#desk.deadlines.set(this.#desk.now + again, { kind: 'retention' });
  }
}

function nodeOf(address: Address): Incarnation | undefined {
  return address.startsWith('node:') ? incarnation(address.slice('node:'.length)) : undefined;
}
