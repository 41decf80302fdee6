/**
 * What the broker's disconnect notices come to. A node's ends in a probe by the leader. A leading
 * scheduler's is looked at by the standbys: one that does not answer loses its lease at once, so
 * that the next election need not wait for it; if it lives after all, the journal fences it.
 */
import type { Bus, DisconnectNotice, Election, Logger } from '@troupe/fabric';
import { failureOf, type Incarnation, incarnation } from '@troupe/model';
import type { SchedulerSubjects } from './subjects.ts';

export interface LeaderWatchStart {
  readonly bus: Bus;
  readonly election: Election;
  readonly subjects: SchedulerSubjects;
  readonly name: string;
  readonly probeMs: number;
  readonly logger: Logger;
  /** Whether this process leads. */
  readonly leading: () => boolean;
  /** For the machine of a leader. */
  readonly nodeGone: (incarnation: Incarnation) => void;
}

interface Alive {
  readonly leading: boolean;
}

export class LeaderWatch {
  readonly #start: LeaderWatchStart;
  readonly #answering: { stop(): void };
  #looking = false;

  constructor(start: LeaderWatchStart) {
    this.#start = start;
    this.#answering = start.bus.answer(start.subjects.alive(start.name), async () => {
      return { leading: start.leading() } satisfies Alive;
    });
  }

  onNotice(notice: DisconnectNotice): void {
    const { leading, nodeGone, name } = this.#start;
    // Incarnations carry a dot, names of schedulers do not.
    if (notice.name.includes('.')) {
      if (leading()) nodeGone(incarnation(notice.name));
      return;
    }
    if (notice.name !== name && !leading()) void this.#look(notice.name);
  }

  stop(): void {
    this.#answering.stop();
  }

  async #look(suspect: string): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { election, logger } = this.#start;
    try {
      const leader = await election.currentLeader();
      if (leader?.id !== suspect || (await this.#leads(suspect))) return;
      if (await election.revokeLeader(suspect)) {
        logger.warn({ leader: suspect }, 'the leader is gone, its lease was revoked');
      }
    } catch (thrown) {
      // Its lease runs out by itself.
      const { code, message } = failureOf(thrown);
      logger.warn({ leader: suspect, code, reason: message }, 'the leader could not be looked at');
    } finally {
      this.#looking = false;
    }
  }

  async #leads(suspect: string): Promise<boolean> {
    const { bus, subjects, probeMs } = this.#start;
    try {
      const answer = await bus.ask(subjects.alive(suspect), {}, probeMs);
      return typeof answer === 'object' && answer !== null && 'leading' in answer
        ? answer.leading === true
        : false;
    } catch {
      // Nobody listens there, or nobody answers in time: as good as gone.
      return false;
    }
  }
}
