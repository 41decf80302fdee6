/**
 * The scheduler machine. A follower is given every fact of the journal by `apply`; the event `lead`
 * makes it a leader, which decides facts, applies them itself and returns them to be appended.
 *
 * S2  time never goes back.
 * S3  only a leader acts: without `lead` no event changes or says anything.
 * S4  the facts a leader decides, applied to a fresh machine, give its durable state.
 */
import { assert, type Bytes, decode, encode, type Machine, type Output } from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import { Desk } from './desk.ts';
import type {
  SchedulerConfig,
  SchedulerEvent,
  SchedulerReply,
  SchedulerSend,
  SchedulerWork,
} from './events.ts';
import type { SchedulerFact } from './facts.ts';
import { Leader } from './leader.ts';
import type { Size } from './sizes.ts';
import { type DurableState, State } from './state.ts';

type SchedulerOutput = Output<SchedulerFact, SchedulerSend, SchedulerReply, SchedulerWork>;

const nothing: SchedulerOutput = { append: [], send: [], reply: [], work: [] };
/** Deadlines that one tick serves; the rest follow with the next, which is due at once. */
const dueMax = 5_000;
/** What is packed or unpacked of an image in one go: some thousand actors, some ten ms. */
const imagePartBytes = 512 * 1024;

/** For what has all of an image at once. */
interface WholeImage {
  readonly parts: readonly Bytes[];
}

/** A machine that is made of an image part by part, so that whoever does it can do something else between. */
export class RestoringMachine {
  readonly #config: SchedulerConfig;
  readonly #state = new State();

  constructor(config: SchedulerConfig) {
    this.#config = config;
  }

  /** In the order in which they were made. */
  part(part: Bytes): void {
    this.#state.restorePart(part);
  }

  /** When it was given all. */
  machine(): SchedulerMachine {
    return new SchedulerMachine(this.#config, this.#state);
  }
}

export interface KnownState extends Pick<DurableState, 'term' | 'nodes' | 'deployments'> {
  readonly actors: Iterable<Pick<ActorRecord, 'id' | 'node' | 'birth' | 'epoch'>>;
}

export class SchedulerMachine
  implements Machine<SchedulerEvent, SchedulerFact, SchedulerSend, SchedulerReply, SchedulerWork>
{
  readonly #config: SchedulerConfig;
  readonly #state: State;
  #leading: { readonly desk: Desk; readonly leader: Leader } | undefined;
  #now = Number.NEGATIVE_INFINITY;

  constructor(config: SchedulerConfig, state: State = new State()) {
    this.#config = config;
    this.#state = state;
  }

  /** A follower that has every fact below the image's. */
  static restore(config: SchedulerConfig, image: Bytes): SchedulerMachine {
    const restoring = new RestoringMachine(config);
    for (const part of decode<WholeImage>(image).parts) restoring.part(part);
    return restoring.machine();
  }

  /** Number that the next fact gets. */
  get factCount(): number {
    return this.#state.factCount;
  }

  get leading(): boolean {
    return this.#leading !== undefined;
  }

  /** A fact of the journal, for followers. */
  apply(fact: SchedulerFact): void {
    assert(this.#leading === undefined, 'S3: a leader is told no facts, it decides them');
    this.#state.apply(fact);
  }

  handle(now: number, event: SchedulerEvent): SchedulerOutput {
    assert(now >= this.#now, 'S2: time never goes back');
    this.#now = now;
    if (event.kind === 'lead') return this.#lead(now, event);
    if (this.#leading === undefined) return nothing;
    const { desk, leader } = this.#leading;
    desk.now = now;
    desk.wall = event.wall;
    const late = now - (desk.deadlines.next ?? now);
    if (late > this.#config.nodeSilenceMs / 2) leader.startAnew();
    if (event.kind === 'tick') this.#tick(desk, leader);
    else leader.handle(event);
    return desk.take();
  }

  wakeAt(): number | undefined {
    return this.#leading?.desk.deadlines.next;
  }

  /** `wakeAt` of a machine whose nodes are known to live: its routine, such as to look who is silent, may
   *  wait. */
  dueAt(): number | undefined {
    return this.#leading?.desk.deadlines.nextBesideRoutine;
  }

  /** What every fact so far has come to, in parts, each made when it is asked for: until all are,
   *  the machine is told nothing. */
  imageParts(): Iterable<Bytes> {
    return this.#state.imageParts(imagePartBytes);
  }

  /** The same in one piece. */
  image(): Bytes {
    return encode({ parts: [...this.imageParts()] } satisfies WholeImage);
  }

  /** Of the durable state what a gateway goes by. */
  get known(): KnownState {
    const { term, nodes, actors, deployments } = this.#state;
    const images = { nodes: nodes.image(), deployments: deployments.image() };
    return { ...(term === undefined ? {} : { term }), ...images, actors: actors.all() };
  }

  /** The durable state as plain data, for comparisons and for people. */
  durable(): DurableState {
    return this.#state.durable();
  }

  /** How much a leader keeps in memory, against what the durable state accounts for when all is at
   *  rest (Z1); looks at everything. Nothing of a follower. */
  sizes(): readonly Size[] {
    return this.#leading?.leader.sizes() ?? [];
  }

  /** Checks every numbered invariant, of a leader also those of what it keeps; looks at everything. */
  checkInvariants(): void {
    this.#state.check();
    this.#leading?.leader.check();
  }

  #lead(now: number, event: Extract<SchedulerEvent, { kind: 'lead' }>): SchedulerOutput {
    assert(this.#leading === undefined, 'S3: a machine leads once');
    const { wall, scheduler, generation } = event;
    const given = { config: this.#config, state: this.#state, now, wall };
    const desk = new Desk(given, { scheduler, generation });
    this.#leading = { desk, leader: new Leader(desk) };
    return desk.take();
  }

  #tick(desk: Desk, leader: Leader): void {
    for (let i = 0; i < dueMax; i++) {
      const due = desk.deadlines.take(desk.now);
      if (due === undefined) return;
      leader.due(due);
    }
  }
}
