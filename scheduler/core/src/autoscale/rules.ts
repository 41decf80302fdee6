/**
 * What one rule alone would make of a group. A rule never decides: the group takes the largest wish,
 * so that no rule takes away what another one asks for.
 */
export interface GroupView {
  /** Members that can take tasks now. */
  readonly ready: number;
  readonly starting: number;
  /** Members that have a task, or the share of them in use, summed. */
  readonly busy: number;
  /** Tasks that run, where a member may have several. */
  readonly running?: number;
  readonly queued: number;
  /** Actors that its members hold in memory. */
  readonly live?: number;
  /** An actor is asked for, and no node is there to take it. */
  readonly asked?: boolean;
}

export interface Wish {
  readonly size: number;
  /** For people. */
  readonly reason: string;
}

export interface ThresholdTerms {
  /** Shares in use above which it grows and below which it shrinks. */
  readonly upShare: number;
  readonly downShare: number;
  readonly upRestMs: number;
  readonly downRestMs: number;
  /** How much of the size is added or taken at once; at least one. */
  readonly stepShare: number;
}

export const thresholdTerms: ThresholdTerms = {
  upShare: 0.8,
  downShare: 0.3,
  upRestMs: 60_000,
  downRestMs: 300_000,
  stepShare: 0.25,
};

/** Grows above one threshold and shrinks below another, and rests after each change. It begins with
 *  a rest before it shrinks: it has seen nothing yet. */
export class ThresholdRule {
  readonly #terms: ThresholdTerms;
  #grewAt: number;
  #changedAt: number;

  /** With when it grew last, when it is taken over. */
  constructor(now: number, terms: ThresholdTerms, grewAt: number = Number.NEGATIVE_INFINITY) {
    const { upShare, downShare } = terms;
    if (!(downShare >= 0 && downShare < upShare && upShare <= 1))
      throw new RangeError(`thresholds ${downShare} and ${upShare} must rise from 0 to 1`);
    this.#terms = terms;
    this.#grewAt = grewAt;
    this.#changedAt = now;
  }

  wish(now: number, size: number, { ready, busy, queued }: GroupView): Wish {
    const { upShare, downShare, upRestMs, downRestMs, stepShare } = this.#terms;
    const used = ready > 0 ? busy / ready : queued > 0 ? 1 : 0;
    const step = Math.max(1, Math.round(size * stepShare));
    const state = `${percent(used)} in use`;
    if (used > upShare) {
      const restMs = this.#grewAt + upRestMs - now;
      if (restMs > 0) return { size, reason: `${state}, but it grew just now: ${rest(restMs)}` };
      return { size: size + step, reason: `${state}, above ${percent(upShare)}` };
    }
    if (used >= downShare) return { size, reason: `${state}, between the thresholds` };
    const restMs = this.#changedAt + downRestMs - now;
    if (restMs > 0) return { size, reason: `${state}, but it changed just now: ${rest(restMs)}` };
    return { size: Math.max(0, size - step), reason: `${state}, below ${percent(downShare)}` };
  }

  /** The group has changed its size, whoever asked for it. */
  changed(now: number, grew: boolean): void {
    this.#changedAt = now;
    if (grew) this.#grewAt = now;
  }
}

export interface QueueTerms {
  /** Tasks that may wait or run for each member. */
  readonly perMember: number;
}

export function queueWish({ perMember }: QueueTerms, view: GroupView): Wish {
  const { queued, busy, running = busy } = view;
  return {
    size: Math.ceil((queued + running) / perMember),
    reason: `${queued} tasks wait and ${Math.ceil(running)} run, ${perMember} for each member`,
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function rest(ms: number): string {
  return `it rests for ${Math.ceil(ms / 1_000)} s more`;
}
