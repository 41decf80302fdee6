/**
 * Actors of the types that every node has: their turns run here, in the machine, by the frames that a
 * runner would be given. What they do is a function of what they are given and of their outbox, and so
 * short that nobody waits for them.
 *
 * BI1 a frame is answered behind the event that brought it, so that nobody hears of a turn before it has
 *     been handed over.
 * BI2 one event works off so many frames at most; the next follow at once, by an event of their own.
 */
import {
  type ActorId,
  actorParts,
  builtInBundle,
  type Call,
  encodeValue,
  type Failure,
  type FromRunner,
  failure,
  failureOf,
  type Letter,
  leaderSessionPrefix,
  limits,
  postboxType,
  type ToRunner,
  toldMethod,
  topicType,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';
import { fullPostbox, postboxState, runPostbox } from './postbox.ts';
import { type By, goOnMethod, hasRoom, type Outgoing, type Ran, Topic } from './topic.ts';

/** The runner that is none: those of the host are numbered from 1. */
export const builtInRunner: RunnerId = 0;

const framesAtOnceMax = 16;

type TurnFrame = Extract<ToRunner, { kind: 'turn' }>;

export class BuiltIns {
  readonly #core: Core;
  readonly #topics = new Map<ActorId, Topic>();
  readonly #frames: ToRunner[] = [];
  /** What a topic has written to itself, and takes when there is room. */
  readonly #heldBack = new Map<Activation, Letter>();
  #goesOn = false;

  constructor(core: Core) {
    this.#core = core;
  }

  take(frame: ToRunner): void {
    // What it asks for is behind it then.
    if (frame.kind === 'recall') this.#frames.unshift(frame);
    else this.#frames.push(frame);
  }

  /** Behind every event (BI1). */
  run(heard: (frame: FromRunner) => void): void {
    for (let done = 0; done < framesAtOnceMax; done++) {
      const frame = this.#frames.shift();
      if (frame === undefined) return;
      const answer = this.#answer(frame);
      if (answer !== undefined) heard(answer);
    }
    if (this.#frames.length === 0 || this.#goesOn) return;
    this.#goesOn = true;
    this.#core.alarms.set(this.#core.now, () => {
      this.#goesOn = false;
    });
  }

  /** Why the call has no room, if so: whoever publishes or sends is pushed back, everybody else is let in. */
  refusal(activation: Activation, call: Call): Failure | undefined {
    const { id } = activation;
    if (isPostbox(id)) return fullPostbox(activation, call);
    const { method } = call;
    const publishes = method === 'publish' || method === toldMethod;
    if (!publishes || this.#topics.get(id)?.isFull !== true) return undefined;
    const { key } = actorParts(id);
    const text = `topic "${key}" keeps all the messages that it may keep, until they are taken`;
    return failure('RESOURCE_EXHAUSTED', text, { retryAfterMs: limits.turnedAwayMs });
  }

  /** True when the letter is not taken now: it stays with its sender, and comes again. No receiver of a
   *  topic waits for one, so nobody waits in a circle. */
  holdsBack(activation: Activation, letter: Letter): boolean {
    if (activation.bundle !== builtInBundle || activation.memory === undefined) return false;
    if (letter.method === 'publish') return this.#topics.get(activation.id)?.isFull === true;
    if (letter.method !== goOnMethod || hasRoom(activation.memory.outbox)) return false;
    this.#heldBack.set(activation, letter);
    return true;
  }

  /** Letters of the actor were taken. */
  onTaken(activation: Activation): void {
    const letter = this.#heldBack.get(activation);
    if (letter === undefined || activation.memory === undefined) return;
    if (activation.phase !== 'live' || !hasRoom(activation.memory.outbox)) return;
    this.#heldBack.delete(activation);
    this.#core.mailboxes.accept(activation, letter);
  }

  /** It is not in memory any more. */
  forget(activation: Activation): void {
    this.#heldBack.delete(activation);
  }

  #answer(frame: ToRunner): FromRunner | undefined {
    switch (frame.kind) {
      case 'activate':
        return this.#activate(frame);
      case 'deactivate':
        this.#topics.delete(frame.actor);
        return undefined;
      case 'turn':
        return this.#turn(frame);
      case 'capture': {
        const { actor, request } = frame;
        const state = isPostbox(actor) ? postboxState : this.#topics.get(actor)?.store();
        return state === undefined ? undefined : { kind: 'captured', actor, request, state };
      }
      case 'recall':
        return { kind: 'recalled', actor: frame.actor, works: this.#takeBack(frame.actor) };
      default:
        // Of what leaves a turn before its end there is nothing here, and no turn lasts.
        return undefined;
    }
  }

  /** What it has not run is given back, to be put behind what is more urgent. */
  #takeBack(actor: ActorId): number[] {
    const left = this.#frames.splice(0);
    const given = left.filter((one) => isTurnOf(one, actor));
    this.#frames.push(...left.filter((one) => !isTurnOf(one, actor)));
    return given.map(({ work }) => work);
  }

  #activate({ actor, state, deltas }: Extract<ToRunner, { kind: 'activate' }>): FromRunner {
    const { type } = actorParts(actor);
    if (isPostbox(actor)) return { kind: 'activated', actor };
    try {
      if (type !== topicType) {
        const what = `this node knows no actors of the type ${type}: a newer one does`;
        return { kind: 'activate-failed', actor, failure: failure('UNKNOWN_TYPE', what) };
      }
      this.#topics.set(actor, new Topic(actor, state, deltas));
      return { kind: 'activated', actor };
    } catch (thrown) {
      return { kind: 'activate-failed', actor, failure: failureOf(thrown, 'LOG_CORRUPT') };
    }
  }

  #turn(frame: TurnFrame): FromRunner {
    const ended = { kind: 'turn-done', work: frame.work } as const;
    try {
      const { value, ...done } = isPostbox(frame.actor) ? runPostbox(frame) : this.#ofTopic(frame);
      return { ...ended, outcome: { ok: true, value: encodeValue(value, 'reply') }, ...done };
    } catch (thrown) {
      return { ...ended, outcome: { ok: false, failure: failureOf(thrown) }, sends: [] };
    }
  }

  #ofTopic({ work, actor, method, args }: TurnFrame): Ran {
    const topic = this.#topics.get(actor);
    if (topic === undefined) throw new Error(`${actor} is not active here`);
    const activation = this.#core.actors.get(actor);
    const by = { outgoing: outgoingOf(activation), ...this.#publisher(work, activation) };
    return topic.run(method, args, by);
  }

  /** The actor that has sent it, if one has; a former one of the topic's own name counts as none. */
  #publisher(work: number, activation: Activation | undefined): Omit<By, 'outgoing'> {
    const cause = this.#core.turns.turnOf(work)?.input.cause;
    if (cause?.kind === 'call') return { isLeader: isOfLeader(cause) };
    if (cause?.kind !== 'letter') return {};
    const { from, fromBirth } = cause;
    return from === activation?.id && fromBirth !== activation.birth ? {} : { from };
  }
}

/** No door lets the session of a leader in: it is one. */
export function isOfLeader({ session }: Pick<Call['caller'], 'session'>): boolean {
  return session.startsWith(leaderSessionPrefix);
}

function isPostbox(actor: ActorId): boolean {
  return actorParts(actor).type === postboxType;
}

function isTurnOf(frame: ToRunner, actor: ActorId): frame is TurnFrame {
  return frame.kind === 'turn' && frame.actor === actor && !frame.read;
}

function outgoingOf(activation: Activation | undefined): Outgoing {
  const outbox = activation?.memory?.outbox;
  const { size = 0, bytes = 0 } = outbox ?? {};
  return { size, bytes, waiting: (to) => outbox?.letters(to).length ?? 0 };
}
