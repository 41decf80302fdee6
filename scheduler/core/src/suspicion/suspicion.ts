/**
 * Who is suspected, and who is dead. Beats and other words of a node tell phi; a node whose phi is too
 * high is **suspected**, and its **witness** is asked: something outside the node's process that
 * knows whether it still runs (its machine's kernel, which answers a connection for a process that
 * is paused and refuses it for one that has ended; or the broker that holds its connection).
 * Silence alone cannot tell a pause of five seconds from a death within five seconds; a witness can.
 *
 *   trusted --phi--> suspected --gone, or no witness in time--> dead
 *      ^                 |  runs
 *      +-----a word------+---> excused for a while, then asked again --pauseMsMax--> dead
 *
 * U1  a node is dead only after its own silence: after a stall of ours every node is heard anew, and
 *     no gap in which we were stalled is learnt from.
 * U2  a node that a witness saw running is not dead before it was silent for `pauseMsMax`.
 * U3  a suspected node is trusted again by any word of it; a dead one only when it is watched anew.
 * U4  when more than a third of the nodes, and more than one, fall silent within one beat, the link is
 *     suspected and not they: they are asked about with patience, all `crowdShare` times as long.
 * U5  the work of a tick grows with the nodes that are due, not with those that are watched.
 */
import { assert } from '@troupe/model';
import { Heap } from '../heap.ts';
import { Phi } from './phi.ts';

export interface SuspicionTerms {
  readonly beatMs: number;
  /** Deviations above the mean gap at which a node is suspected: 5.61 is phi = 8. */
  readonly deviations: number;
  /** Silence beyond the mean that is no reason to suspect: beats lost or late. */
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
  /** Our ticks may come so much late before we call it a stall. */
  readonly stallMs: number;
}

export const suspicionTerms: SuspicionTerms = {
  beatMs: 1_000,
  deviations: 5.61,
  pauseMsAccepted: 1_500,
  silenceMsMin: 2_500,
  silenceMsMax: 3_500,
  witnessMs: 1_000,
  pauseMsMax: 30_000,
  samplesMax: 200,
  deviationMsMin: 100,
  stallMs: 500,
};

export type Testimony = 'runs' | 'gone';

export type Verdict =
  /** Ask its witness, some times within `witnessMs` since an answer may be lost; what it says is told by
   *  `testify`. */
  | { readonly kind: 'suspected'; readonly node: string; readonly reason: string }
  | { readonly kind: 'dead'; readonly node: string; readonly reason: string };

interface Watched {
  readonly node: string;
  readonly phi: Phi;
  state: 'trusted' | 'suspected' | 'excused' | 'dead';
  /** When it is looked at again. */
  dueAt: number;
  slot: number;
}

const crowdShare = 3;
const crowdNodeShare = 1 / 3;

export class Suspicion {
  readonly #terms: SuspicionTerms;
  readonly #watched = new Map<string, Watched>();
  readonly #due = new Heap<Watched>(
    (left, right) =>
      left.dueAt < right.dueAt || (left.dueAt === right.dueAt && left.node < right.node),
  );
  #tickedAt: number;
  #suspectedAt: number[] = [];

  constructor(now: number, terms: SuspicionTerms = suspicionTerms) {
    assert(terms.silenceMsMin <= terms.silenceMsMax, 'U1: the bounds of a silence rise');
    this.#terms = terms;
    this.#tickedAt = now;
  }

  watch(now: number, node: string): void {
    this.forget(node);
    const phi = new Phi(now, this.#terms);
    const watched: Watched = { node, phi, state: 'trusted', dueAt: now, slot: -1 };
    this.#watched.set(node, watched);
    watched.dueAt = now + this.#silenceMs(watched);
    this.#due.push(watched);
  }

  forget(node: string): void {
    const watched = this.#watched.get(node);
    if (watched === undefined) return;
    if (watched.slot >= 0) this.#due.remove(watched);
    this.#watched.delete(node);
  }

  /** Any word of the node. */
  beat(now: number, node: string): void {
    const watched = this.#watched.get(node);
    if (watched === undefined || watched.state === 'dead') return;
    if (this.#isStalled(now)) this.startAnew(now);
    watched.phi.beat(now);
    watched.state = 'trusted';
    this.#lookAt(watched, now + this.#silenceMs(watched));
  }

  /** What a witness says about a node, asked or not. */
  testify(now: number, node: string, testimony: Testimony): readonly Verdict[] {
    const watched = this.#watched.get(node);
    if (watched === undefined || watched.state === 'dead') return [];
    if (testimony === 'gone') return [this.#bury(watched, 'its witness says that it is gone')];
    if (watched.state !== 'suspected') return [];
    watched.state = 'excused';
    const { beatMs, pauseMsMax } = this.#terms;
    const leftMs = pauseMsMax - watched.phi.silentMs(now);
    this.#lookAt(watched, now + Math.max(0, Math.min(beatMs, leftMs)));
    return [];
  }

  /** What follows from the time that has passed; at least every `stallMs`. */
  tick(now: number): readonly Verdict[] {
    if (this.#isStalled(now)) this.startAnew(now);
    this.#tickedAt = now;
    const verdicts: Verdict[] = [];
    for (let next = this.#due.first; next !== undefined && next.dueAt <= now; ) {
      verdicts.push(this.#judge(now, next));
      next = this.#due.first;
    }
    return verdicts;
  }

  /** U1: what was silent, was silent because of us. */
  startAnew(now: number): void {
    this.#tickedAt = now;
    for (const watched of this.#watched.values()) {
      if (watched.state === 'dead') continue;
      watched.phi.excuse(now);
      watched.state = 'trusted';
      this.#lookAt(watched, now + this.#silenceMs(watched));
    }
  }

  phi(now: number, node: string): number | undefined {
    return this.#watched.get(node)?.phi.phi(now);
  }

  state(node: string): Watched['state'] | undefined {
    return this.#watched.get(node)?.state;
  }

  get nextAt(): number | undefined {
    return this.#due.first?.dueAt;
  }

  #judge(now: number, watched: Watched): Verdict {
    const silent = `it was silent for ${Math.round(watched.phi.silentMs(now))} ms`;
    if (watched.state === 'suspected')
      return this.#bury(watched, `${silent} and no witness answered`);
    if (watched.phi.silentMs(now) >= this.#terms.pauseMsMax)
      return this.#bury(watched, `${silent}, longer than any pause may be`);
    watched.state = 'suspected';
    const within = this.#terms.witnessMs * (this.#isCrowd(now) ? crowdShare : 1);
    this.#lookAt(watched, now + within);
    const phi = watched.phi.phi(now).toFixed(1);
    return { kind: 'suspected', node: watched.node, reason: `${silent}, phi ${phi}` };
  }

  #bury(watched: Watched, reason: string): Verdict {
    watched.state = 'dead';
    if (watched.slot >= 0) this.#due.remove(watched);
    return { kind: 'dead', node: watched.node, reason };
  }

  /** U4. */
  #isCrowd(now: number): boolean {
    this.#suspectedAt.push(now);
    const since = now - this.#terms.beatMs;
    const first = this.#suspectedAt.findIndex((at) => at > since);
    if (first > 0) this.#suspectedAt = this.#suspectedAt.slice(first);
    return this.#suspectedAt.length > Math.max(1, this.#watched.size * crowdNodeShare);
  }

  #isStalled(now: number): boolean {
    return now - this.#tickedAt > this.#terms.stallMs;
  }

  #silenceMs({ phi }: Watched): number {
    const { deviations, pauseMsAccepted, silenceMsMin, silenceMsMax } = this.#terms;
    const silence = phi.silenceMs(deviations) + pauseMsAccepted;
    return Math.min(silenceMsMax, Math.max(silenceMsMin, silence));
  }

  #lookAt(watched: Watched, at: number): void {
    watched.dueAt = at;
    this.#due.moved(watched);
  }
}
