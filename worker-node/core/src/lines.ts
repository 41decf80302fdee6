/**
 * The part of a node in lines through scopes: says which turns its actors have reached, keeps their
 * past, and shows how an actor was after one of its turns.
 *
 * Y6  a turn that is named is durable: the word leaves after everything before it.
 * Y7  how an actor was after a turn is shown from what is durable, beside the actor as it is.
 */
import {
  type ActorId,
  type AskBeyond,
  type AskTurns,
  type Beyond,
  type BlockBeyond,
  type Bytes,
  blocksAmong,
  type Failure,
  type FoundTurn,
  type FromRunner,
  failure,
  failureOf,
  formerActor,
  isFailure,
  type Line,
  lastWithin,
  type Outcome,
  type Recorded,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import { type CheckpointHead, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { NodeEvent, NodeSend, RunnerId } from './events.ts';
import type { NodeFact } from './facts.ts';
import { FormerActors } from './former-actors.ts';
import { freshMemory, type Memory } from './memory.ts';
import { answerUnderWay, outsideEffects, stepsUnderWay } from './outside-effects.ts';
import {
  earliestOf,
  endSegment,
  expire,
  isKept,
  lastTurnOf,
  notePast,
  type Past,
  type PastKept,
  pastFrom,
  pastKeptDefault,
  type Segment,
  type StoredPast,
  startsAtBirth,
  storePast,
  strandOf,
} from './past.ts';
import { type IsKnown, type Rolled, rollForward } from './roll-forward.ts';
import { servingCode } from './state-code.ts';

type Put = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type PastEvent = Extract<NodeEvent, { kind: 'past-read' | 'past-failed' }>;
type Decoded = ReturnType<typeof decodeCheckpoint>;
/** What an actor is read back from, before the facts after that. */
interface Began {
  readonly memory: Memory;
  readonly stored?: Pick<Decoded, 'past' | 'isRest' | 'facts'>;
}
type Reader = (bodies: readonly (Bytes | undefined)[] | Failure) => void;

interface Question {
  readonly ask: number;
  readonly line: Line | undefined;
}

/** Found turns in one message. */
const foundMax = 256;
/** Effects of one actor that are named. */
const effectsMax = 200;
/** Blocks of runs that are named for one actor, and what their ids may take; they must fit into a message. */
const blocksMax = 1_000;
const blocksLengthMax = 100_000;

export class Lines {
  readonly #core: Core;
  readonly #kept: PastKept;
  readonly #former: FormerActors;
  /** Asked of actors that are not live yet. */
  readonly #waiting = new Map<Activation, Question>();
  readonly #readers = new Map<number, Reader>();
  #reads = 0;
  /** By number, how often an activation has written a segment. */
  readonly #written = new WeakMap<Activation, Map<number, number>>();

  constructor(core: Core) {
    this.#core = core;
    this.#kept = core.config.past ?? pastKeptDefault;
    this.#former = new FormerActors(core);
  }

  /** A fact of a live actor. */
  onFact({ past }: Activation, fact: NodeFact): void {
    if (past !== undefined) notePast(past, fact, this.#kept);
  }

  /** The past of an actor that is read back. */
  pastOf(
    activation: Activation,
    { memory, stored }: Began,
    facts: readonly NodeFact[],
  ): NonNullable<Activation['past']> {
    const past = pastFrom(activation, stored?.past, memory, this.#core.now);
    // Of the next one of a name the first turn is not 1.
    if (stored === undefined) past.from = memory.seq;
    // What a rest lies on has no segment behind it, only facts.
    if (stored?.isRest === true && past.from !== undefined) past.facts = [...stored.facts];
    for (const fact of facts) notePast(past, fact, this.#kept);
    if (isKept(past, this.#kept)) past.strays = this.#straysOf(activation, past);
    return past;
  }

  /** What a checkpoint of the last turn lists, and what is to be stored before and dropped after it. */
  capture(
    activation: Activation,
    head: CheckpointHead,
    state: Bytes,
  ): { readonly listed: { past?: StoredPast }; readonly order: Pick<Put, 'segment' | 'dropped'> } {
    const { past, memory } = activation;
    if (past === undefined || memory === undefined) return { listed: {}, order: {} };
    const { now } = this.#core;
    const begun = memory.begun !== undefined;
    if (!isKept(past, this.#kept)) {
      return { listed: past.shared ? { past: storePast(past, now, begun) } : {}, order: {} };
    }
    const isLast = past.facts.length === 0 && past.from === head.seq;
    if (isLast && past.segments.length > 0 && !past.anew) {
      return { listed: { past: storePast(past, now, begun) }, order: {} };
    }
    const { facts } = past;
    const more = { facts, past: storePast(past, now, begun) };
    const body = encodeCheckpoint(head, memory, state, this.#core, more);
    const by = this.#nameOf(activation, past.next);
    const segment = endSegment(past, { by, to: head.seq, bytes: body.length }, now);
    past.pending = { number: segment.number, body };
    const gone = [...past.abandoned, ...expire(past, this.#kept, now)];
    const dropped = gone.map((one) => keyOf(activation, one));
    if (this.#core.checkpointing.isRebased(activation)) {
      dropped.push(...past.strays);
      past.strays = [];
    }
    const order = { segment: { key: keyOf(activation, segment), body } };
    return {
      listed: { past: storePast(past, now, begun) },
      order: dropped.length === 0 ? order : { ...order, dropped },
    };
  }

  /** What the tombstone lists, and what goes with the actor: all that was kept of it, and what may
   *  have been stored and not been listed. */
  remains(activation: Activation): {
    readonly listed: { past?: StoredPast };
    readonly dropped: readonly string[];
  } {
    const { past } = activation;
    if (past === undefined || (past.segments.length === 0 && !isKept(past, this.#kept))) {
      return { listed: {}, dropped: [] };
    }
    const listed = past.segments.map((segment) => keyOf(activation, segment));
    return {
      listed: { past: storePast(past, this.#core.now, false) },
      dropped: [...listed, ...this.#unlisted(activation, past.next), ...past.strays],
    };
  }

  /** Whether its past is kept. */
  keeps(past: Past): boolean {
    return isKept(past, this.#kept);
  }

  /** The last checkpoint is stored, and what it lists. */
  onStored({ past }: Activation): void {
    if (past === undefined) return;
    past.pending = undefined;
    past.abandoned.length = 0;
  }

  /** What a rest has to hold for the past to go on behind it. */
  rest({ past, memory }: Activation): { past?: StoredPast; facts?: readonly NodeFact[] } {
    if (past === undefined) return {};
    const stored = storePast(past, this.#core.now, memory?.begun !== undefined);
    if (!isKept(past, this.#kept)) return past.shared ? { past: stored } : {};
    if (past.from === undefined) return { past: stored };
    return { past: { ...stored, from: past.from }, facts: past.facts };
  }

  onAsk({ ask, actors, line }: AskTurns): void {
    const found: FoundTurn[] = [];
    for (const { actor, epoch } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch) continue;
      const question = { ask, line };
      if (activation.past === undefined) {
        this.#waiting.set(activation, question);
        this.#core.hosting.wake(activation);
      } else this.#answer(activation, question, found);
    }
    this.#tell(ask, found);
  }

  onLive(activation: Activation): void {
    const question = this.#waiting.get(activation);
    if (question === undefined) return;
    this.#waiting.delete(activation);
    const found: FoundTurn[] = [];
    this.#answer(activation, question, found);
    this.#tell(question.ask, found);
  }

  onFailed(activation: Activation, turn: Failure): void {
    const question = this.#waiting.get(activation);
    if (question === undefined) return;
    this.#waiting.delete(activation);
    const { id: actor, epoch } = activation;
    this.#tell(question.ask, [{ actor, epoch, turn }]);
  }

  /** What of these actors lies beyond a line; whoever is not in memory is brought back, and asked again. */
  onAskBeyond({ ask, actors, line }: AskBeyond): void {
    for (const { actor, epoch } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch) continue;
      if (activation.past === undefined) this.#core.hosting.wake(activation);
      else {
        this.#beyond(activation, line, (beyond) => {
          const { incarnation } = this.#core.config;
          const found = { kind: 'beyond-found', incarnation, ask, actor, epoch, beyond } as const;
          this.#core.out.send({ kind: 'to-leader', message: found });
        });
      }
    }
  }

  /** Runs a read on the actor as it was after a turn. */
  read(
    activation: Activation,
    wish: { readonly seq: number; readonly method: string; readonly args: Bytes },
    done: (outcome: Outcome) => void,
  ): void {
    this.former(activation, wish.seq, (former) => {
      if (isFailure(former)) return done({ ok: false, failure: former });
      const { id } = activation;
      const { bundle } = servingCode(activation, former.memory.madeBy);
      const { method, args } = wish;
      // Two reads share nothing, also of the same turn.
      const actor = formerActor(id, this.#core.turns.nextWork());
      this.#former.read({ actor, bundle, former, method, args }, done);
    });
  }

  /** How an actor was after a turn, with the signals that `isKnown` names; a failure when that is further
   *  back than is kept. */
  former(
    activation: Activation,
    seq: number,
    found: (former: Rolled | Failure) => void,
    isKnown: IsKnown = () => false,
  ): void {
    const { past, id } = activation;
    if (past === undefined) return found(failure('UNAVAILABLE', `actor ${id} is not in memory`));
    const earliest = earliestOf(past, this.#kept);
    const last = lastTurnOf(past);
    if (earliest === undefined || seq < earliest || seq > last) {
      const version = this.versionAt(activation, seq);
      if (version === undefined) return found(tooFarBack(id, seq, earliest, last));
      return this.#fromVersion(activation, version, { seq, isKnown }, found);
    }
    const after = past.segments.findIndex((one) => one.to > seq);
    const at = after < 0 ? past.segments.length - 1 : after - 1;
    const [base, following] = [past.segments[at], past.segments[at + 1]];
    // What is not in a segment yet is at hand.
    const rest = following === undefined ? [...past.facts] : [];
    this.readPast(activation, [base, following].filter(isThere), (bodies) => {
      if (isFailure(bodies)) return found(bodies);
      try {
        const from = following?.from ?? past.from ?? 0;
        const kept = { bodies, fromBirth: base === undefined, from, rest };
        found(rollForward(id, kept, { seq, now: this.#core.now, isKnown }));
      } catch (thrown) {
        found(failureOf(thrown, 'LOG_CORRUPT'));
      }
    });
  }

  /** Revision of a checkpoint that is kept and ends with this turn. */
  versionAt({ checkpoint }: Activation, seq: number): number | undefined {
    return checkpoint.versions.findLast(([, , turn]) => turn === seq)?.[0];
  }

  /** Of a line that is its own alone, what is kept of it is all that counts. */
  #isVersionAt(activation: Activation, line: Line): boolean {
    const { id } = activation;
    const seq = line[id];
    const isAlone = Object.keys(line).length === 1;
    return seq !== undefined && isAlone && this.versionAt(activation, seq) !== undefined;
  }

  #fromVersion(
    { id }: Activation,
    revision: number,
    { seq, isKnown }: { readonly seq: number; readonly isKnown: IsKnown },
    found: (former: Rolled | Failure) => void,
  ): void {
    this.#reads += 1;
    this.#readers.set(this.#reads, (bodies) => {
      if (isFailure(bodies)) return found(bodies);
      const [body, base] = bodies;
      const lies = base === undefined ? {} : { base };
      const kept = { bodies: [body], ...lies, fromBirth: false, from: 0, rest: [] };
      try {
        found(rollForward(id, kept, { seq, now: this.#core.now, isKnown }));
      } catch (thrown) {
        found(failureOf(thrown, 'LOG_CORRUPT'));
      }
    });
    this.#core.out.work({ kind: 'read-version', ask: this.#reads, actor: id, revision });
  }

  onPast(event: PastEvent): void {
    const reader = this.#readers.get(event.ask);
    this.#readers.delete(event.ask);
    reader?.(event.kind === 'past-read' ? event.bodies : event.failure);
  }

  /** True when the frame is about an actor as it was. */
  onFrame(frame: FromRunner, runner: RunnerId): boolean {
    return this.#former.onFrame(frame, runner);
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#former.killOverdue();
  }

  onRunnerExited(runner: RunnerId, reason: string): void {
    this.#former.onRunnerExited(runner, reason);
  }

  #answer(activation: Activation, { ask, line }: Question, found: FoundTurn[]): void {
    const { id: actor, epoch, past } = activation;
    if (past === undefined) return;
    const turn = line === undefined ? lastTurnOf(past) : lastWithin(strandOf(actor, past), line);
    if (turn !== undefined) found.push({ actor, epoch, turn });
    else if (line !== undefined && this.#isVersionAt(activation, line)) {
      found.push({ actor, epoch, turn: line[actor] ?? 0 });
    } else if (line !== undefined) {
      this.#search(activation, line, past.segments.length, (older) =>
        this.#tell(ask, [{ actor, epoch, turn: older }]),
      );
    }
  }

  /** Looks further back than what is at hand: first behind the last of so many segments, then behind
   *  the one before it, until a turn is found. */
  #search(
    activation: Activation,
    line: Line,
    count: number,
    found: (turn: number | Failure) => void,
  ): void {
    const { id, past } = activation;
    if (past === undefined) return found(failure('UNAVAILABLE', `actor ${id} is not in memory`));
    const [base, of] = [past.segments[count - 1], past.segments[count]];
    const isKnown = count === past.segments.length ? past.from !== undefined : of !== undefined;
    const begins = of?.from ?? past.from;
    const isBirth = of === undefined ? past.next === 1 : startsAtBirth(of);
    if (!isKnown || !isKept(past, this.#kept) || (base === undefined && !isBirth)) {
      return found(failure('TOO_FAR_BACK', `turns of ${id} before the line are not kept`));
    }
    const rest = of === undefined ? [...past.facts] : undefined;
    this.readPast(activation, [base, of].filter(isThere), (bodies) => {
      if (isFailure(bodies)) return found(bodies);
      const read = bodies.map((body) =>
        body === undefined ? undefined : decodeCheckpoint(body, this.#core.now),
      );
      if (read.includes(undefined)) {
        return found(failure('TOO_FAR_BACK', `a segment of ${id} is not there any more`));
      }
      const before = base === undefined ? undefined : read[0];
      const began =
        before === undefined
          ? { memory: { ...freshMemory(), seq: begins ?? 0 } }
          : { memory: before.memory, stored: before };
      const strand = this.pastOf(activation, began, []);
      const facts = rest ?? read[base === undefined ? 0 : 1]?.facts ?? [];
      for (const fact of facts) notePast(strand, fact, this.#kept, true);
      const turn = lastWithin(strandOf(id, strand), line);
      if (turn !== undefined) return found(turn);
      this.#search(activation, line, count - 1, found);
    });
  }

  #beyond(activation: Activation, line: Line, found: (beyond: Beyond | Failure) => void): void {
    const { id, birth, past, memory } = activation;
    if (past === undefined) return;
    const seq = line[id] ?? 0;
    const last = lastTurnOf(past);
    const earliest = earliestOf(past, this.#kept);
    if (seq < last && (earliest === undefined || seq < earliest)) {
      return found(tooFarBack(id, seq, earliest, last));
    }
    const begun = memory?.begun;
    const recorded = begun?.recorded ?? [];
    const rest = earliest === undefined ? begunFacts(activation, recorded) : [...past.facts];
    const failed = begun === undefined ? 0 : this.#core.deadLetters.failedBefore(activation, begun);
    const underWay = stepsUnderWay(activation, line, failed);
    const owed = answerUnderWay(activation, line);
    const segments = past.segments.filter(({ to }) => to > seq);
    this.readPast(activation, segments, (bodies) => {
      if (isFailure(bodies)) return found(bodies);
      const facts = bodies.flatMap((body) =>
        body === undefined ? [] : decodeCheckpoint(body, this.#core.now).facts,
      );
      const done = outsideEffects({ actor: id, birth }, [...facts, ...rest], line);
      const effects = [...done, ...underWay];
      const blocks = blocksAmong(owed === undefined ? done : [...done, owed]);
      const some = {
        last,
        effects: effects.slice(0, effectsMax),
        count: effects.length,
        blocks: firstOf(blocks),
        blockCount: blocks.length,
      };
      found(earliest === undefined ? some : { ...some, earliest });
    });
  }

  /** A segment that is on its way to the store is taken from memory. */
  readPast(activation: Activation, segments: readonly Segment[], reader: Reader): void {
    const pending = activation.past?.pending;
    const stored = segments.filter(({ number }) => number !== pending?.number);
    const whole: Reader = (bodies) => {
      if (isFailure(bodies)) return reader(bodies);
      const left = [...bodies];
      reader(
        segments.map(({ number }) => (number === pending?.number ? pending.body : left.shift())),
      );
    };
    if (stored.length === 0) return whole([]);
    this.#reads += 1;
    this.#readers.set(this.#reads, whole);
    const keys = stored.map((one) => keyOf(activation, one));
    this.#core.out.work({ kind: 'read-past', ask: this.#reads, keys });
  }

  /** By whom the segment of this number is written that is stored now. */
  #nameOf(activation: Activation, number: number): string {
    const written = this.#written.get(activation) ?? new Map<number, number>();
    const times = (written.get(number) ?? 0) + 1;
    this.#written.set(activation, written.set(number, times));
    return byOf(activation.epoch, times);
  }

  /** What this activation has stored under a number that its past does not know: it was read back from a
   *  checkpoint before that. */
  #unlisted(activation: Activation, number: number): string[] {
    const times = this.#written.get(activation)?.get(number) ?? 0;
    return Array.from({ length: times }, (_, time) => {
      return keyOf(activation, { number, by: byOf(activation.epoch, time + 1) });
    });
  }

  /** Those who had the actor before may have stored a segment and no checkpoint that lists it, or one over
   *  which another is put: they went on from this checkpoint or from the one before. */
  #straysOf(activation: Activation, past: Past): readonly string[] {
    const listed = new Set(past.segments.map((segment) => keyOf(activation, segment)));
    const keys = new Set([...past.strays, ...this.#unlisted(activation, past.next)]);
    for (const { epoch } of activation.chain) {
      if (epoch === undefined) continue;
      for (const number of [past.next - 1, past.next]) {
        if (number > 0) keys.add(keyOf(activation, { number, by: byOf(epoch, 1) }));
      }
    }
    return [...keys].filter((key) => !listed.has(key));
  }

  #tell(ask: number, found: readonly FoundTurn[]): void {
    const { incarnation } = this.#core.config;
    for (let from = 0; from < found.length; from += foundMax) {
      const some = found.slice(from, from + foundMax);
      const message = { kind: 'turns-found', incarnation, ask, found: some } as const;
      this.#core.out.send({ kind: 'to-leader', message });
    }
  }
}

function keyOf({ id, birth }: Activation, { number, by }: Pick<Segment, 'number' | 'by'>): string {
  const key = `past ${id}#${birth}/${number}`;
  return by === undefined ? key : `${key} ${by}`;
}

function byOf(epoch: number, times: number): string {
  return times === 1 ? `${epoch}` : `${epoch}.${times}`;
}

/** Of an actor whose past is not kept: what the turn under way has done. */
function begunFacts(
  { id, epoch, memory }: Activation,
  recorded: readonly Recorded[],
): readonly NodeFact[] {
  const begun = memory?.begun;
  if (begun === undefined) return [];
  const { seq, cause, method, args, path, yielded } = begun;
  const head = { actor: id, epoch, seq } as const;
  const streamed = yielded === undefined ? {} : ({ streamed: true } as const);
  return [
    { kind: 'turn-begun', ...head, cause, method, args, path, clock: {}, ...streamed },
    ...recorded.map((one) => ({ kind: 'turn-recorded', ...head, recorded: one }) as const),
  ];
}

/** As many as an answer may name. */
function firstOf(blocks: readonly BlockBeyond[]): readonly BlockBeyond[] {
  let length = 0;
  const fits = ({ actor, task, call }: BlockBeyond) => {
    length += actor.length + task.length + call.length;
    return length <= blocksLengthMax;
  };
  const end = blocks.slice(0, blocksMax).findIndex((block) => !fits(block));
  return blocks.slice(0, end < 0 ? blocksMax : end);
}

function isThere(segment: Segment | undefined): segment is Segment {
  return segment !== undefined;
}

function tooFarBack(
  actor: ActorId,
  seq: number,
  earliest: number | undefined,
  last: number,
): Failure {
  const kept =
    earliest === undefined ? 'none of its past is kept' : `turns ${earliest} to ${last} are kept`;
  return failure('TOO_FAR_BACK', `turn ${seq} of ${actor} cannot be had: ${kept}`, { actor });
}
