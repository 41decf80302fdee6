/**
 * One term of this process as leader: the loop that turns the machine, what it hears, and its end.
 * The first append (the term's opening) is the fence: whoever led before is refused from then on.
 *
 * T1  nothing is appended, sent or answered once the lease is not surely held any more.
 * T2  a term that ended is over: its machine is dropped, the state is rebuilt from the journal.
 */

import type { Leadership } from '@troupe/fabric';
import { type Fabric, type LogWriter, Loop, releaseMember } from '@troupe/fabric';
import {
  type Bytes,
  type Incarnation,
  type LogName,
  type NodeToLeader,
  nodeNameOf,
  type Request,
  type TroupeError,
  troupeError,
} from '@troupe/model';
import type {
  SchedulerEvent,
  SchedulerFact,
  SchedulerReply,
  SchedulerSend,
} from '@troupe/scheduler-core';
import type { Gateway } from './gateway/gateway.ts';
import type { AppliedFacts, History } from './history.ts';
import { ImageStore } from './image-store.ts';
import type { WrittenImage } from './images.ts';
import { type EventBody, LeaderRim } from './leader-rim.ts';
import { schedulerSubjects } from './subjects.ts';

export interface LeaderTermStart {
  readonly fabric: Fabric;
  readonly gateway: Gateway;
  readonly cell: string;
  readonly name: string;
  readonly generation: number;
  readonly journal: LogName;
  readonly history: History;
  readonly leadership: Leadership;
  readonly durable: (applied: AppliedFacts) => void;
}

export class LeaderTerm {
  readonly #start: LeaderTermStart;
  readonly #loop: Loop<SchedulerEvent, SchedulerFact, SchedulerSend, SchedulerReply, never>;
  readonly #rim: LeaderRim;
  readonly #subscriptions: { stop(): void }[];
  /** Resolves with the reason when the term is over. */
  readonly over: Promise<Error>;
  #sayOver: (reason: Error) => void = () => {};
  #ended = false;

  constructor(start: LeaderTermStart) {
    this.#start = start;
    this.over = new Promise((resolve) => {
      this.#sayOver = resolve;
    });
    const { fabric, history, journal, leadership, generation, name } = start;
    this.#rim = this.#makeRim();
    this.#loop = new Loop({
      machine: history.machine,
      writer: new GuardedWriter(fabric.logs.writerAt(journal, history.position), start),
      rim: this.#rim,
      clock: fabric.clock,
      nextFact: history.nextFact,
      tick: () => ({ kind: 'tick', wall: fabric.clock.wall() }),
      name: 'scheduler',
    });
    this.post({ kind: 'lead', scheduler: name, generation });
    this.#subscriptions = this.#listen();
    void leadership.lost.then((reason) => this.end(reason));
  }

  post(body: EventBody): void {
    this.#loop.post({ ...body, wall: this.#start.fabric.clock.wall() });
  }

  hear(message: NodeToLeader | Request): void {
    const wall = this.#start.fabric.clock.wall();
    if (message.kind === 'request') this.#loop.post({ kind: 'request', request: message, wall });
    else this.#loop.post({ kind: 'from-node', message, wall });
  }

  end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#loop.stop();
    this.#rim.end();
    for (const subscription of this.#subscriptions) subscription.stop();
    this.#sayOver(reason);
  }

  #makeRim(): LeaderRim {
    const { fabric, gateway, cell, journal, history, durable } = this.#start;
    return new LeaderRim({
      cell,
      names: fabric.names,
      bus: fabric.bus,
      logs: fabric.logs,
      outputs: fabric.outputs,
      checkpoints: fabric.checkpoints,
      clock: fabric.clock,
      logger: fabric.logger,
      journal,
      ownAddress: gateway.address,
      deliver: (message) => gateway.deliver(message),
      post: (event) => this.post(event),
      guard: () => {
        if (!this.#start.leadership.stillLeading()) throw deposed(this.#start);
      },
      durable: (facts, position) => {
        durable(history.appended(facts, position));
        this.#dropOldImages();
      },
      sealed: (incarnation) => this.#release(incarnation),
      dropped: (reason, withheld) => {
        fabric.logger.warn({ reason: reason.message, withheld }, 'the term is over');
        this.end(reason);
      },
    });
  }

  #listen(): { stop(): void }[] {
    const { bus, beats, names } = this.#start.fabric;
    return [
      bus.listen(names.leader, (message: NodeToLeader | Request) => this.hear(message)),
      beats.listen(names.beats, (message: NodeToLeader) => this.hear(message)),
      bus.listen(schedulerSubjects(names).images, (image: WrittenImage) => {
        this.post({ kind: 'image-written', ...image });
      }),
    ];
  }

  async #release(incarnation: Incarnation): Promise<void> {
    const { coordination, names } = this.#start.fabric;
    await releaseMember(coordination, names, nodeNameOf(incarnation), incarnation);
  }

  #dropOldImages(): void {
    const { history, fabric } = this.#start;
    const images = new ImageStore(fabric.objects);
    for (const { object } of history.takeOldImages()) {
      if (history.images.some((kept) => kept.object === object)) continue;
      this.#rim.io(`delete image ${object}`, () => images.delete(object));
    }
  }
}

/** T1: refuses to append when the lease is not surely held any more. */
class GuardedWriter implements LogWriter {
  readonly #writer: LogWriter;
  readonly #start: LeaderTermStart;

  constructor(writer: LogWriter, start: LeaderTermStart) {
    this.#writer = writer;
    this.#start = start;
  }

  get log(): LogName {
    return this.#writer.log;
  }

  get last(): number {
    return this.#writer.last;
  }

  async append(records: readonly Bytes[]): Promise<number> {
    if (!this.#start.leadership.stillLeading()) throw deposed(this.#start);
    const position = await this.#writer.append(records);
    for (const record of records) this.#start.history.appendedBytes(record.length);
    return position;
  }
}

function deposed({ name }: LeaderTermStart): TroupeError {
  return troupeError('DEPOSED', `scheduler "${name}" leads no longer: its lease is not sure`);
}
