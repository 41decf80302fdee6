/**
 * The rim of the leader's loop: messages over the bus, answers to gateways (to the one in this
 * process without the bus), and I/O on logs, whose results come back as events.
 *
 * L1  I/O is retried until it succeeds or the term ends; after the end nothing is done any more.
 */
import type {
  Bus,
  Checkpoints,
  Clock,
  Logger,
  Logs,
  LoopRim,
  Names,
  OutputStore,
} from '@troupe/fabric';
import {
  type Address,
  type Answer,
  encode,
  failure,
  failureOf,
  type Incarnation,
  type LogName,
  TroupeError,
  turnLogName,
  unreachable,
} from '@troupe/model';
import type {
  SchedulerEvent,
  SchedulerFact,
  SchedulerReply,
  SchedulerSend,
} from '@troupe/scheduler-core';

/** An event without the wall time that its poster adds. */
export type EventBody = SchedulerEvent extends infer E
  ? E extends { readonly wall: number }
    ? Omit<E, 'wall'>
    : never
  : never;

export interface LeaderRimStart {
  readonly cell: string;
  readonly names: Names;
  readonly bus: Bus;
  readonly logs: Logs;
  readonly outputs: OutputStore;
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: LogName;
  readonly ownAddress: Address;
  readonly deliver: (message: SchedulerReply['message']) => void;
  readonly post: (event: EventBody) => void;
  /** Throws `DEPOSED` when this process may not speak as leader any more. */
  readonly guard: () => void;
  readonly durable: (facts: readonly SchedulerFact[], position: number) => void;
  readonly sealed: (incarnation: Incarnation) => Promise<void>;
  readonly dropped: (reason: Error, withheld: number) => void;
}

/** Requests to delete that are under way at once, of one order. */
const deletesAtOnce = 8;

/** How long the witness of a node may take to answer; the machine asks several times. */
const witnessMs = 1_000;

const pauseMsMin = 50;
const pauseMsMax = 2_000;

export class LeaderRim implements LoopRim<SchedulerFact, SchedulerSend, SchedulerReply, never> {
  readonly #start: LeaderRimStart;
  #ended = false;
  /** I/O under way by name: the machine may ask for the same again. */
  readonly #underway = new Set<string>();

  constructor(start: LeaderRimStart) {
    this.#start = start;
  }

  work(order: never): void {
    unreachable(order);
  }

  durable(facts: readonly SchedulerFact[], position: number): void {
    this.#start.guard();
    this.#start.durable(facts, position);
    for (const fact of facts) {
      if (fact.kind === 'node-dying') {
        const { incarnation: node, reason } = fact;
        this.#start.logger.warn({ node, reason }, 'a node is taken out for good');
      }
      if (fact.kind === 'actor-migrating' && fact.why !== undefined) {
        const { actor, to, why } = fact;
        this.#start.logger.info({ actor, to, why }, 'an actor is moved to even out the load');
      }
      if (fact.kind === 'place-let-go' && fact.why !== undefined) {
        this.#start.logger.warn(
          { why: fact.why },
          'a reserved place is let go: others wait for it',
        );
      }
      if (fact.kind !== 'node-sealed') continue;
      const { incarnation } = fact;
      this.io(`release ${incarnation}`, () => this.#start.sealed(incarnation));
    }
  }

  send(message: SchedulerSend): void {
    const { bus, names, logs, outputs, checkpoints, journal, cell } = this.#start;
    switch (message.kind) {
      case 'to-node':
        return this.#speak(names.node(message.node), message.message);
      case 'to-all-nodes':
        return this.#speak(names.allNodes, message.message);
      case 'ask-witness':
        return this.#askWitness(message.incarnation);
      case 'create-log': {
        const { incarnation } = message;
        const opening = encode({ cell, incarnation });
        return this.io(`create ${incarnation}`, async () => {
          await logs.create(turnLogName(incarnation), opening);
          return { kind: 'log-created', incarnation };
        });
      }
      case 'seal-log': {
        const { incarnation } = message;
        return this.io(`seal ${incarnation}`, async () => {
          const by = encode({ cell, by: names.leader });
          const position = await logs.seal(turnLogName(incarnation), by);
          return { kind: 'log-sealed', incarnation, position };
        });
      }
      case 'delete-log': {
        const { log } = message;
        return this.io(`delete ${log}`, async () => {
          await logs.delete(log);
          return { kind: 'log-deleted', log };
        });
      }
      case 'trim-journal': {
        const { before } = message;
        return this.io(`trim ${before}`, () => logs.trim(journal, before));
      }
      case 'drop-checkpoints': {
        const { of } = message;
        return this.io(`drop checkpoint of ${of[0]?.actor}`, () =>
          this.#freeAll([...of], ({ actor, revision }) => checkpoints.dropUpTo(actor, revision)),
        );
      }
      case 'list-objects':
        return this.io('list objects', async () => {
          return { kind: 'objects-listed', objects: await outputs.list() };
        });
      case 'delete-objects': {
        const { objects } = message;
        return this.io(`delete objects ${objects[0]}`, () =>
          this.#freeAll([...objects], (object) => outputs.delete(object)),
        );
      }
      default:
        bus.flush();
        unreachable(message);
    }
  }

  reply(answer: SchedulerReply): void {
    const { ownAddress, names, deliver } = this.#start;
    if (answer.to === ownAddress) deliver(answer.message);
    else this.#answer(names.inbox(answer.to), answer.message);
  }

  released(): void {}

  dropped(reason: Error, withheld: number): void {
    this.#ended = true;
    this.#start.dropped(reason, withheld);
  }

  /** The term is over: I/O is not retried any more. */
  end(): void {
    this.#ended = true;
  }

  /** No answer is none: nobody listens there, it is lost, or the link is. */
  #askWitness(incarnation: Incarnation): void {
    const { bus, names, logger } = this.#start;
    bus.ask(names.witness(incarnation), {}, witnessMs).then(
      () => {
        if (!this.#ended) this.#start.post({ kind: 'witness-answered', incarnation });
      },
      (thrown: unknown) => {
        const { message } = failureOf(thrown);
        logger.debug({ node: incarnation, reason: message }, 'a witness did not answer');
      },
    );
  }

  /** Outputs that fail are found by the next search of the store; a tombstone stays behind. */
  async #freeAll<T>(left: T[], free: (one: T) => Promise<void>): Promise<void> {
    const { logger } = this.#start;
    const worker = async (): Promise<void> => {
      for (let one = left.pop(); one !== undefined && !this.#ended; one = left.pop()) {
        try {
          await free(one);
        } catch (thrown) {
          const { code, message } = failureOf(thrown);
          logger.warn({ one, code, reason: message }, 'something was not freed in the store');
        }
      }
    };
    await Promise.all(Array.from({ length: deletesAtOnce }, worker));
  }

  #speak(subject: string, message: object): void {
    try {
      this.#start.bus.send(subject, message);
    } catch (thrown) {
      // Too large for the bus; resending it would not help, and it must not end the term.
      this.#start.logger.error({ subject, thrown: String(thrown) }, 'a message was not sent');
      if (!(thrown instanceof TroupeError)) throw thrown;
    }
  }

  #answer(subject: string, message: SchedulerReply['message']): void {
    try {
      this.#start.bus.send(subject, message);
    } catch (thrown) {
      if (!(thrown instanceof TroupeError) || message.kind !== 'answered') throw thrown;
      this.#start.bus.send(subject, { ...message, answer: tooLarge(message.answer) });
    }
  }

  io(name: string, run: () => Promise<EventBody> | Promise<void>): void {
    if (this.#underway.has(name)) return;
    this.#underway.add(name);
    void this.#untilDone(name, run).finally(() => this.#underway.delete(name));
  }

  async #untilDone(name: string, run: () => Promise<EventBody> | Promise<void>): Promise<void> {
    let pauseMs = pauseMsMin;
    while (!this.#ended) {
      try {
        const event = await run();
        if (event !== undefined && !this.#ended) this.#start.post(event);
        return;
      } catch (thrown) {
        const { code, message } = failureOf(thrown);
        this.#start.logger.warn({ io: name, code, reason: message }, 'I/O failed, trying again');
      }
      await new Promise<void>((resolve) => this.#start.clock.after(pauseMs, resolve));
      pauseMs = Math.min(pauseMs * 2, pauseMsMax);
    }
  }
}

/** For an answer that does not fit into a message. Lists were only looked at; a run may have been changed. */
function tooLarge(answer: Answer): Answer {
  if (answer.kind === 'run') {
    const { run } = answer.run;
    const what = `run "${run}" is as was asked for, but too large for one message to show`;
    return { kind: 'failed', failure: failure('OUTCOME_UNKNOWN', what, { run }) };
  }
  const what = 'the answer is too large for one message, ask for less (limit)';
  return { kind: 'failed', failure: failure('TOO_LARGE', what) };
}
