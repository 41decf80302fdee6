/**
 * Who is suspected, and who is dead. The beats of a node tell how long a silence of it is unlikely; a node
 * that is silent for longer is **suspected**, and its **witness** is asked: something in its process that
 * speaks for it while its loop stands still, on a connection of its own. Silence alone cannot tell a
 * pause of five seconds from a death within five seconds; a witness can. A node without one is dead when
 * it would be suspected.
 *
 *   trusted --silence--> suspected --no witness in time--> dead
 *      ^                    |  runs
 *      +----- a word -------+---> excused for a beat, then asked again --pauseMsMax--> dead
 *
 * U1  a node is dead only after its own silence: after a stall of ours every node is heard anew, and
 *     no gap in which we were stalled is learnt from.
 * U2  a node that a witness saw running is not dead before it was silent for `pauseMsMax`.
 * U3  a suspected node is trusted again by any word of it; a dead one only when it is watched anew.
 * U4  when more than a third of the nodes, and more than one, are suspected within one beat, the link is
 *     the suspect and not they: their witnesses get `crowdShare` times as long.
 * U5  the work of a tick grows with the nodes that are due, not with those that are watched.
 * U6  the time of a witness is judged when it is over or asked anew: when we come late to its end, its answer
 *     may lie in our inbox.
 */
import { assert, type Incarnation } from '@troupe/model';
import { Heap } from '../heap.ts';
import { Phi } from './phi.ts';

export interface SuspicionTerms {
  readonly beatMs: number;
  /** Deviations above the mean gap at which a node is suspected: 5.61 is phi = 8. */
  readonly deviations: number;
  /** Silence beyond that is no reason to suspect: beats lost or late. */
  readonly pauseMsAccepted: number;
  /** Bounds of the silence that makes suspicious. */
  readonly silenceMsMin: number;
  readonly silenceMsMax: number;
  /** How long a witness may take to answer. */
  readonly witnessMs: number;
  /** How long a node that a witness saw running may be silent. */
  readonly pauseMsMax: number;
  readonly samplesMax: number;
  readonly deviationMsMin: number;
}

export type Verdict =
  /** Ask its witness; what it says is told by `testify`. */
  | { readonly kind: 'suspected'; readonly node: Incarnation }
  | { readonly kind: 'dead'; readonly node: Incarnation };

interface Watched {
  readonly node: Incarnation;
  readonly phi: Phi;
  state: 'trusted' | 'suspected' | 'excused' | 'dead';
  hasWitness: boolean;
  /** When it is looked at again, at the latest. */
  dueAt: number;
  /** Until when the witness of a suspected one may answer. */
  untilAt: number;
  slot: number;
}

const crowdShare = 3;
const crowdNodeShare = 1 / 3;
/** A question or its answer may be lost, so that a witness is asked so often in its time. */
const askedTimes = 5;
/** Share of its time by which we may come late to judge a witness (U6). */
const lateShare = 1 / 4;

/** For nodes that beat so often and are silent for so long at least before anything is thought of it. */
export function suspicionTerms(beatMs: number, silenceMs: number): SuspicionTerms {
  return {
    beatMs,
    deviations: 5.61,
    pauseMsAccepted: silenceMs / 2,
    silenceMsMin: silenceMs,
    silenceMsMax: (silenceMs * 7) / 6,
    witnessMs: silenceMs / 3,
    pauseMsMax: silenceMs * 10,
    samplesMax: 200,
    deviationMsMin: beatMs / 10,
  };
}

export class Suspicion {
  readonly #terms: SuspicionTerms;
  readonly #watched = new Map<Incarnation, Watched>();
  readonly #due = new Heap<Watched>(
    (left, right) =>
      left.dueAt < right.dueAt || (left.dueAt === right.dueAt && left.node < right.node),
  );
  #suspectedAt: number[] = [];

  constructor(terms: SuspicionTerms) {
    assert(terms.silenceMsMin <= terms.silenceMsMax, 'U1: the bounds of a silence rise');
    this.#terms = terms;
  }

  watch(now: number, node: Incarnation): void {
    this.forget(node);
    const watched: Watched = {
      node,
      phi: new Phi(now, this.#terms),
      state: 'trusted',
      hasWitness: false,
      dueAt: now,
      untilAt: now,
      slot: -1,
    };
    this.#watched.set(node, watched);
    watched.dueAt = now + this.#silenceMs(watched);
    this.#due.push(watched);
  }

  forget(node: Incarnation): void {
    const watched = this.#watched.get(node);
    if (watched === undefined) return;
    if (watched.slot >= 0) this.#due.remove(watched);
    this.#watched.delete(node);
  }

  /** A beat, which says whether the node has a witness. */
  beat(now: number, node: Incarnation, hasWitness: boolean): void {
    const watched = this.#watched.get(node);
    if (watched === undefined || watched.state === 'dead') return;
    watched.phi.beat(now);
    watched.hasWitness = hasWitness;
    this.#trust(now, watched);
  }

  /** Any other word of the node. */
  hear(now: number, node: Incarnation): void {
    const watched = this.#watched.get(node);
    if (watched === undefined || watched.state === 'dead') return;
    watched.phi.hear(now);
    this.#trust(now, watched);
  }

  /** Its witness says that the node runs. */
  testify(now: number, node: Incarnation): void {
    const watched = this.#watched.get(node);
    if (watched?.state !== 'suspected') return;
    watched.state = 'excused';
    const { beatMs, pauseMsMax } = this.#terms;
    const leftMs = pauseMsMax - watched.phi.silentMs(now);
    this.#lookAt(watched, now + Math.max(0, Math.min(beatMs, leftMs)));
  }

  /** What follows from the time that has passed. */
  tick(now: number): readonly Verdict[] {
    const verdicts: Verdict[] = [];
    for (let next = this.#due.first; next !== undefined && next.dueAt <= now; ) {
      const verdict = this.#judge(now, next);
      if (verdict !== undefined) verdicts.push(verdict);
      next = this.#due.first;
    }
    return verdicts;
  }

  /** U1: what was silent, was silent because of us. */
  startAnew(now: number): void {
    for (const watched of this.#watched.values()) {
      if (watched.state === 'dead') continue;
      watched.phi.excuse(now);
      watched.state = 'trusted';
      this.#lookAt(watched, now + this.#silenceMs(watched));
    }
  }

  silentMs(now: number, node: Incarnation): number | undefined {
    return this.#watched.get(node)?.phi.silentMs(now);
  }

  state(node: Incarnation): Watched['state'] | undefined {
    return this.#watched.get(node)?.state;
  }

  /** When somebody is to be looked at, at the earliest. */
  get nextAt(): number | undefined {
    return this.#due.first?.dueAt;
  }

  /** One who was heard meanwhile is looked at later. */
  #trust(now: number, watched: Watched): void {
    if (watched.state === 'trusted') return;
    watched.state = 'trusted';
    this.#lookAt(watched, now + this.#silenceMs(watched));
  }

  #judge(now: number, watched: Watched): Verdict | undefined {
    const { phi, node } = watched;
    switch (watched.state) {
      case 'trusted': {
        const dueAt = now - phi.silentMs(now) + this.#silenceMs(watched);
        if (dueAt > now) return this.#lookAt(watched, dueAt);
        return watched.hasWitness ? this.#suspect(now, watched) : this.#bury(watched);
      }
      case 'excused':
        if (phi.silentMs(now) >= this.#terms.pauseMsMax) return this.#bury(watched);
        return this.#suspect(now, watched);
      case 'suspected': {
        const lateMs = now - watched.dueAt;
        if (lateMs > this.#terms.witnessMs * lateShare) return this.#ask(now, watched, 1);
        if (now >= watched.untilAt) return this.#bury(watched);
        this.#lookAt(watched, Math.min(watched.untilAt, now + this.#askMs));
        return { kind: 'suspected', node };
      }
      case 'dead':
        return undefined;
    }
  }

  #suspect(now: number, watched: Watched): Verdict {
    return this.#ask(now, watched, this.#isCrowd(now) ? crowdShare : 1);
  }

  #ask(now: number, watched: Watched, share: number): Verdict {
    watched.state = 'suspected';
    watched.untilAt = now + this.#terms.witnessMs * share;
    this.#lookAt(watched, now + this.#askMs);
    return { kind: 'suspected', node: watched.node };
  }

  #bury(watched: Watched): Verdict {
    watched.state = 'dead';
    this.#due.remove(watched);
    return { kind: 'dead', node: watched.node };
  }

  get #askMs(): number {
    return this.#terms.witnessMs / askedTimes;
  }

  /** U4. */
  #isCrowd(now: number): boolean {
    this.#suspectedAt.push(now);
    const since = now - this.#terms.beatMs;
    const first = this.#suspectedAt.findIndex((at) => at > since);
    if (first > 0) this.#suspectedAt = this.#suspectedAt.slice(first);
    return this.#suspectedAt.length > Math.max(1, this.#watched.size * crowdNodeShare);
  }

  #silenceMs({ phi }: Watched): number {
    const { deviations, pauseMsAccepted, silenceMsMin, silenceMsMax } = this.#terms;
    const silence = phi.silenceMs(deviations) + pauseMsAccepted;
    return Math.min(silenceMsMax, Math.max(silenceMsMin, silence));
  }

  #lookAt(watched: Watched, at: number): undefined {
    watched.dueAt = at;
    this.#due.moved(watched);
  }
}
