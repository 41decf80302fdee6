/**
 * The mark of a cell's data: a number that NATS and etcd both hold, and that the leader raises about
 * each second, in NATS first. Data that was put back to an older state holds a lower number than
 * the other one: whoever is about to lead on it refuses, since what was acknowledged is missing.
 *
 * D1  what NATS holds is what etcd holds, or one more.
 * D2  the journal ends no earlier than etcd says that it did.
 * D3  a refusal is certain: where copies may be read that lag, it takes a look that lasts longer
 *     than a lagging copy is believed.
 * D4  whoever comes back to NATS uses it only once it was seen to hold what etcd has seen. So nobody believes
 *     what older data acknowledges while it is there by mistake, and all go on with the newest.
 */
import { type LogName, type TroupeError, troupeError } from '@troupe/model';
import { StorageType } from 'nats';
import { z } from 'zod';
import type { Coordination, Held } from './coordination.ts';
import type { Logger } from './logger.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isStreamGone, jetStreamCode, textOf } from './nats-errors.ts';
import { untilAnswered } from './nats-retry.ts';
import type { Logs } from './ports.ts';
import { pause } from './real-clock.ts';

export interface MarkStart {
  readonly link: NatsLink;
  readonly coordination: Coordination;
  readonly names: Names;
  readonly logs: Logs;
  readonly replicas: number;
}

/** The journal, and how far it is durable. */
export interface JournalEnd {
  readonly log: LogName;
  readonly position: number;
}

const raiseMs = 1_000;
const lookMs = 1_000;
const soonMs = 100;
/** A NATS server that lost the others goes on answering for about ten seconds. */
const lagMsMax = 15_000;

const marked = z.object({
  mark: z.number().int(),
  journal: z.string().optional(),
  position: z.number().int().optional(),
});
type Marked = z.infer<typeof marked>;

export class Mark {
  readonly #start: MarkStart;
  readonly #logger: Logger;
  /** Resolves with why, once it is certain that a link came back to older data. */
  readonly behind: Promise<TroupeError>;
  #sayBehind: (reason: TroupeError) => void = () => {};

  constructor(start: MarkStart) {
    this.#start = start;
    this.#logger = start.link.logger;
    this.behind = new Promise((resolve) => {
      this.#sayBehind = resolve;
    });
  }

  /** Throws `DATA_BEHIND` when NATS or etcd holds older data than the other one has seen. */
  async check(journal?: LogName): Promise<void> {
    const { replicas, link } = this.#start;
    const until = link.clock.now() + (replicas === 1 ? 0 : lagMsMax);
    for (;;) {
      const behind = await this.#behind(journal);
      if (behind === undefined) return;
      if (link.clock.now() >= until) throw troupeError('DATA_BEHIND', behind, {});
      this.#logger.warn({ behind }, 'data seems to be older than it was; looking again');
      await pause(link.clock, lookMs);
    }
  }

  /** D4: resolves once what this link leads to is not older than etcd has seen. */
  async isCurrent(link: NatsLink, isOver: () => boolean): Promise<void> {
    const { names, replicas } = this.#start;
    let since: number | undefined;
    while (!isOver()) {
      let waitMs = soonMs;
      try {
        const { mark } = markedIn(await this.#held());
        const stored = mark === 0 ? 0 : await this.#storedAt(link);
        if (stored >= mark) return;
        waitMs = lookMs;
        const what = olderNats(names, stored, mark);
        const now = link.clock.now();
        if (since === undefined) {
          const fields = { link: link.name, code: 'DATA_BEHIND', reason: what };
          this.#logger.error(fields, 'nothing is done with older data');
        }
        since ??= now;
        // D3
        if (replicas === 1 || now - since >= lagMsMax) {
          this.#sayBehind(troupeError('DATA_BEHIND', what, {}));
        }
      } catch {
        // Nobody answers yet, or has not for a while: what was seen before may be over.
        since = undefined;
      }
      await pause(link.clock, waitMs);
    }
  }

  /** Raises the mark at once and about each second, until stopped; a last time then, if it can. */
  keep(end: () => JournalEnd): { stop(): Promise<void> } {
    let stopped = false;
    let cancel = () => {};
    const raise = () =>
      this.#raise(end()).catch((cause: unknown) => {
        this.#logger.warn({ cause: textOf(cause) }, 'the mark of the data was not raised');
      });
    const again = async (): Promise<void> => {
      await raise();
      if (!stopped) cancel = this.#start.link.clock.after(raiseMs, () => void again());
    };
    const first = again();
    return {
      stop: async () => {
        stopped = true;
        cancel();
        await Promise.race([first.then(raise), pause(this.#start.link.clock, raiseMs)]);
      },
    };
  }

  /** D1, D2. etcd is read before NATS and after it, since another one may be raising the mark. */
  async #behind(journal: LogName | undefined): Promise<string | undefined> {
    const { names, logs } = this.#start;
    const before = markedIn(await this.#held());
    const stored = await this.#stored();
    const after = markedIn(await this.#held());
    const cell = `of cell "${names.cell}"`;
    if (stored < before.mark) return olderNats(names, stored, before.mark);
    if (stored > after.mark + 1) {
      const text = `the data of etcd ${cell} is older than NATS has seen it`;
      return `${text} (mark ${after.mark}, not ${stored}); ${wayOn(names, stored)}`;
    }
    const { position = 0 } = before;
    if (journal === undefined || before.journal !== journal) return undefined;
    const end = await logs.end(journal);
    if (end >= position) return undefined;
    return `${journal} ${cell} ends at ${end}, and has ended at ${position}; ${wayOn(names, stored)}`;
  }

  /** One step: what came of an earlier one whose answer was lost is found by looking. */
  async #raise(end: JournalEnd): Promise<void> {
    const { coordination, names } = this.#start;
    const held = await this.#held();
    const { mark, journal, position = 0 } = markedIn(held);
    let stored = await this.#stored();
    if (stored === mark) stored = await this.#publish(stored);
    // Further apart: the next check says so.
    if (stored !== mark + 1) return;
    // One that leads no longer may know less than its successor has said.
    const known = journal === end.log ? Math.max(position, end.position) : end.position;
    const value = JSON.stringify({ mark: stored, journal: end.log, position: known });
    const key = names.keys.mark;
    if (held === undefined) await coordination.create(key, value);
    else await coordination.replace(key, held.value, value);
  }

  #held(): Promise<Held | undefined> {
    return this.#start.coordination.get(this.#start.names.keys.mark);
  }

  #stored(): Promise<number> {
    const { link } = this.#start;
    return untilAnswered(link, 'looking at the mark', () => this.#storedAt(link));
  }

  /** 0 while nothing was ever marked. Also while the link is not in use yet. */
  async #storedAt(link: NatsLink): Promise<number> {
    try {
      const { state } = await link.jsm.streams.info(this.#start.names.markStream);
      return state.last_seq;
    } catch (cause) {
      if (isStreamGone(cause)) return 0;
      throw cause;
    }
  }

  async #publish(last: number): Promise<number> {
    const { link, names } = this.#start;
    if (last === 0) await this.#make();
    const expect = { streamName: names.markStream, lastSequence: last };
    const ack = await link.whileConnected(() => link.js.publish(names.mark, '', { expect }));
    return ack.seq;
  }

  async #make(): Promise<void> {
    const { link, names, replicas } = this.#start;
    try {
      await link.jsm.streams.add({
        name: names.markStream,
        subjects: [names.mark],
        storage: StorageType.File,
        max_msgs: 1,
        num_replicas: replicas,
        // A copy that lags would say that the data is old.
        allow_direct: false,
      });
    } catch (cause) {
      if (apiCode(cause) !== jetStreamCode.nameInUse) throw cause;
    }
  }
}

function olderNats(names: Names, stored: number, mark: number): string {
  const text = `the data of NATS of cell "${names.cell}" is older than etcd has seen it`;
  return `${text} (mark ${stored}, not ${mark}); ${wayOn(names, stored)}`;
}

function wayOn(names: Names, mark: number): string {
  return (
    `to accept that what came later is lost, stop every process of the cell and let etcd's key ` +
    `${names.keys.mark} hold {"mark":${mark}}`
  );
}

function markedIn(held: Held | undefined): Marked {
  return held === undefined ? { mark: 0 } : marked.parse(JSON.parse(held.value));
}
