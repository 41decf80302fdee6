/**
 * What a log must not say, of each process once.
 *
 * B1  a follower that starts over is no alarm: the journal may have been trimmed behind an image
 *     while it was read, and whoever starts over for ever never leads and is never whole.
 * B2  while older data is in the place of the newest, processes have to say that it is corrupt.
 * B3  a process that ends by itself says its code last. Nobody else hears of the ends of nodes that
 *     are kept running on machines, so any code is an alarm but those of an outage, of a fence and of
 *     a name that another one has; so is the last cry of its engine.
 * B4  of what is damaged on purpose processes have to say that it is corrupt: they name it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, isErrorCode } from '@troupe/sdk';

const bugs = /invariant broken|this is a bug/i;
const died = /^FATAL ERROR: |^# Fatal error in /;
const ended = /^([A-Z][A-Z_]+): /;
/** B3 */
const mayEndBy: ReadonlySet<string> = new Set<ErrorCode>([
  'ETCD_UNREACHABLE',
  'NATS_UNREACHABLE',
  'NATS_UNSUITABLE',
  'DEPOSED',
  'DATA_BEHIND',
  'NODE_NAME_TAKEN',
]);
const corrupt = /LOG_CORRUPT/;
/** What keys of actors begin with whose checkpoints are damaged. */
export const damagedPrefix = 'flipped-';
const startsOver = /"msg":"starting over"/;

export class BadWords {
  readonly #dir: string;
  readonly #said = new Set<string>();
  /** B2: set before older data is put back. */
  olderData = false;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** What was not told before; of each log the first line. */
  look(): readonly string[] {
    return readdirSync(this.#dir).flatMap((file) => {
      const lines = readFileSync(join(this.#dir, file), 'utf8').split('\n');
      const bad = lines.find((line) => this.#isBad(line) && !this.#said.has(line));
      if (bad === undefined) return [];
      this.#said.add(bad);
      return [`${file} says: ${bad.slice(0, 400)}`];
    });
  }

  #isBad(line: string): boolean {
    if (corrupt.test(line)) {
      const isOnPurpose = this.olderData || line.includes(`/${damagedPrefix}`);
      return !isOnPurpose && !startsOver.test(line);
    }
    const [, code = ''] = ended.exec(line) ?? [];
    return bugs.test(line) || died.test(line) || (isErrorCode(code) && !mayEndBy.has(code));
  }
}
