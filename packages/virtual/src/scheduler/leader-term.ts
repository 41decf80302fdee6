/**
 * One term of one scheduler: the loop that turns the machine, what it hears, its I/O, and its end.
 * The first append (the term's opening) is the fence: whoever led before is refused from then on.
 */
import { Loop } from '@troupe/fabric/loop';
import type { Clock, LogWriter } from '@troupe/fabric/ports';
import {
  type Bytes,
  encode,
  type Incarnation,
  type LogName,
  type NodeToLeader,
  type Request,
  TroupeError,
  troupeError,
  turnLogName,
  unreachable,
} from '@troupe/model';
import type {
  SchedulerEvent,
  SchedulerFact,
  SchedulerReply,
  SchedulerSend,
} from '@troupe/scheduler-core';
import { LogAccess } from '../store/log-access.ts';
import { VirtualLogWriter } from '../store/log-writer.ts';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Leadership } from './election.ts';
import type { Gateway } from './gateway.ts';
import type { AppliedFacts, History } from './history.ts';

/** An event without the wall time that its poster adds. */
export type EventBody = SchedulerEvent extends infer E
  ? E extends { readonly wall: number }
    ? Omit<E, 'wall'>
    : never
  : never;

export interface TermStart {
  readonly world: World;
  readonly process: Process;
  readonly name: string;
  readonly gateway: Gateway;
  readonly journal: LogName;
  readonly history: History;
  readonly leadership: Leadership;
  readonly durable: (applied: AppliedFacts) => void;
  readonly over: (reason: Error) => void;
}

export class LeaderTerm {
  readonly #start: TermStart;
  readonly #loop: Loop<SchedulerEvent, SchedulerFact, SchedulerSend, SchedulerReply, never>;
  readonly #access: LogAccess;
  readonly #underway = new Set<string>();
  readonly #subscriptions: (() => void)[];
  #ended = false;

  constructor(start: TermStart) {
    this.#start = start;
    const { world, process, history, journal, leadership } = start;
    this.#access = new LogAccess(world, process);
    const rim = {
      leads: true,
      work: (order: never) => unreachable(order),
      send: (message: SchedulerSend) => this.#send(message),
      reply: (answer: SchedulerReply) => this.#reply(answer),
      durable: (facts: readonly SchedulerFact[], position: number) =>
        this.#durable(facts, position),
      released: () => {},
      dropped: (reason: Error) => this.#dropped(reason),
    };
    this.#loop = new Loop({
      machine: world.passage.machine(history.machine, rim),
      writer: new GuardedWriter(new VirtualLogWriter(world, process, journal, history.position), {
        world,
        leadership,
      }),
      rim,
      clock: this.#clock(),
      nextFact: history.nextFact,
      tick: () => ({ kind: 'tick', wall: process.wall() }),
      name: 'scheduler',
    });
    leadership.lost = (reason) => this.end(reason);
    world.checks.leads(process);
    this.post({ kind: 'lead', scheduler: start.name, generation: 1 });
    this.#subscriptions = [
      world.network.listen(process, 'leader', (message: NodeToLeader | Request) =>
        this.hear(message),
      ),
      world.network.listen(process, witnessed(process), ({ incarnation }: Testimony) => {
        world.checks.testified(process.name, incarnation);
        if (world.mutant === 'witness-not-believed') return;
        this.post({ kind: 'witness-answered', incarnation });
      }),
      world.network.listen(process, 'images', (image: never) =>
        this.post({ kind: 'image-written', ...(image as object) } as EventBody),
      ),
    ];
  }

  /** When the machine has something to do beside its routine. */
  get dueAt(): number | undefined {
    return this.#start.history.machine.dueAt();
  }

  /** The machine's routine is that of the world. */
  #clock(): Clock {
    const { process } = this.#start;
    return {
      now: () => process.now(),
      wall: () => process.wall(),
      soon: (run) => process.soon(run),
      after: (ms, fire) => {
        const due = this.dueAt ?? Number.POSITIVE_INFINITY;
        return process.now() + ms < due ? process.routine(ms, fire) : process.after(ms, fire);
      },
    };
  }

  post(body: EventBody): void {
    this.#loop.post({ ...body, wall: this.#start.process.wall() });
  }

  hear(message: NodeToLeader | Request): void {
    const { world } = this.#start;
    if (message.kind === 'request') {
      return this.post({ kind: 'request', request: world.passage.requested(message) });
    }
    for (const heard of world.passage.toLeader(message)) {
      this.post({ kind: 'from-node', message: heard });
    }
  }

  end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#loop.stop();
    for (const stop of this.#subscriptions) stop();
    this.#start.over(reason);
  }

  #durable(facts: readonly SchedulerFact[], position: number): void {
    const { leadership, history, durable, world, process } = this.#start;
    if (!leadership.stillLeading()) throw deposed(process.name);
    durable(history.appended(facts, position));
    for (const { object } of history.takeOldImages()) {
      world.requests.untilAnswered(
        process,
        'store',
        () => world.objects.delete(object),
        () => undefined,
      );
    }
  }

  #send(original: SchedulerSend): void {
    const { world, process, journal } = this.#start;
    const message = world.passage.fromLeader(process, original);
    switch (message.kind) {
      case 'to-node':
        return world.network.send(process, `node:${message.node}`, message.message);
      case 'to-all-nodes':
        return world.network.send(process, 'nodes', message.message);
      case 'ask-witness':
        return world.network.send(process, `witness:${message.incarnation}`, {
          kind: 'ask-witness',
          replyTo: witnessed(process),
        });
      case 'create-log': {
        const { incarnation } = message;
        return this.#io(`create ${incarnation}`, (done) =>
          this.#access.create(
            turnLogName(incarnation),
            encode({ cell: world.cell, incarnation }),
            () => done({ kind: 'log-created', incarnation }),
          ),
        );
      }
      case 'seal-log': {
        const { incarnation } = message;
        return this.#io(`seal ${incarnation}`, (done) =>
          this.#access.seal(turnLogName(incarnation), encode({ by: process.name }), (position) => {
            world.trace?.say(process.name, `sealed ${incarnation} at ${position}`);
            if (world.mutant === 'log-deleted-too-early') {
              this.#access.delete(turnLogName(incarnation), () => undefined);
            }
            done({ kind: 'log-sealed', incarnation, position });
          }),
        );
      }
      case 'delete-log': {
        const { log } = message;
        world.coverage.reach('a log is deleted');
        return this.#io(`delete ${log}`, (done) =>
          this.#access.delete(log, () => done({ kind: 'log-deleted', log })),
        );
      }
      case 'list-objects':
        return this.#io('list objects', (done) =>
          world.requests.untilAnswered(
            process,
            'store',
            () => [...world.objects.outputs.keys()],
            (objects) => done({ kind: 'objects-listed', objects }),
          ),
        );
      case 'delete-objects':
        world.coverage.reach('an object is deleted');
        return world.requests.untilAnswered(
          process,
          'store',
          () => {
            for (const object of message.objects) world.objects.outputs.delete(object);
          },
          () => undefined,
        );
      case 'drop-checkpoints':
        return world.requests.untilAnswered(
          process,
          'store',
          () => {
            for (const { actor, revision } of message.of)
              world.checkpoints.dropUpTo(actor, revision);
          },
          () => undefined,
        );
      case 'trim-journal':
        world.coverage.reach('a journal is trimmed');
        return this.#access.trim(journal, message.before);
      default:
        return unreachable(message);
    }
  }

  #reply(original: SchedulerReply): void {
    const { world, process, gateway } = this.#start;
    const answer = world.passage.replied(original);
    if (answer.to === gateway.address) gateway.hear(answer.message);
    else world.network.send(process, answer.to, answer.message);
  }

  #io(name: string, run: (done: (event: EventBody) => void) => void): void {
    if (this.#underway.has(name)) return;
    this.#underway.add(name);
    run((event) => {
      this.#underway.delete(name);
      if (!this.#ended) this.post(event);
    });
  }

  #dropped(reason: Error): void {
    const { world, process } = this.#start;
    if (!(reason instanceof TroupeError) || reason.code !== 'DEPOSED') {
      world.checks.bug(process.name, reason);
    }
    this.end(reason);
  }
}

interface Testimony {
  readonly incarnation: Incarnation;
}

/** Where witnesses answer this process. */
function witnessed(process: Process): string {
  return `witnessed:${process.name}`;
}

interface Guard {
  readonly world: World;
  readonly leadership: Leadership;
}

/** Refuses to append when the lease is not surely held any more. */
class GuardedWriter implements LogWriter {
  readonly log: LogName;
  readonly #writer: LogWriter;
  readonly #guard: Guard;

  constructor(writer: LogWriter, guard: Guard) {
    this.log = writer.log;
    this.#writer = writer;
    this.#guard = guard;
  }

  get last(): number {
    return this.#writer.last;
  }

  append(records: readonly Bytes[]): Promise<number> {
    if (this.#guard.leadership.stillLeading()) return this.#writer.append(records);
    this.#guard.world.timeline.settles();
    return Promise.reject(deposed('this scheduler'));
  }
}

function deposed(name: string): TroupeError {
  return troupeError('DEPOSED', `${name} leads no longer: its lease is not sure`);
}
