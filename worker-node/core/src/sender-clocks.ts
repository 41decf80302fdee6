/**
 * What time it is at the processes whose calls come here: how far each one's monotonic clock is ahead
 * of this node's, by its messages. The message that was quickest shows it best, and one that was
 * held up on its way is then known by comparison. No wall clock is asked.
 *
 * K1  a sender's time is never thought to be later than it is there, while the two clocks drift apart
 *     by no more than `driftMax`: a call is not refused before its deadline.
 * K2  nor is it thought to be earlier than it is by more than the quickest message took, and
 *     `driftMax` of the time since that one came.
 *
 * Only a sender not heard of before is taken at its word: its first call may be older than it says.
 * A sender whose clock stood still, as in a paused virtual machine, is thought to be ahead of itself;
 * it hears that its calls are late when to itself they are not, and counts a standstill.
 */
import { type Address, assert, type Call, limits } from '@troupe/model';

interface Sender {
  standstills: number;
  /** Its clock less ours, at `heardAt` of ours. */
  ahead: number;
  heardAt: number;
}

/** Two clocks that are each wrong by 3 % come apart no faster than this. */
const driftMax = 1 / 16;

export class SenderClocks {
  readonly #senders = new Map<Address, Sender>();

  get size(): number {
    return this.#senders.size;
  }

  /** A message of its sender has come; `now` is our monotonic clock. */
  hear({ replyTo, sentAt, standstills }: Call, now: number): void {
    const ahead = sentAt - now;
    const sender = this.#senders.get(replyTo);
    if (sender === undefined) {
      this.#makeRoom();
      this.#senders.set(replyTo, { standstills, ahead, heardAt: now });
    } else if (standstills === sender.standstills) {
      sender.ahead = Math.max(ahead, aheadAt(sender, now));
      sender.heardAt = now;
    } else if (standstills > sender.standstills) {
      sender.standstills = standstills;
      sender.ahead = ahead;
      sender.heardAt = now;
    }
  }

  /** How long its deadline is over, less than 0 while it is not. Its sender was heard before. */
  lateMs({ replyTo, sentAt, deadlineAt, standstills }: Call, now: number): number {
    const sender = this.#senders.get(replyTo);
    // Many others were heard since.
    if (sender === undefined) return sentAt - deadlineAt;
    // Its sender has given up whatever it had asked by then.
    if (standstills < sender.standstills) return Number.MAX_SAFE_INTEGER;
    return now + aheadAt(sender, now) - deadlineAt;
  }

  /** Forgets the sender that was silent for the longest. */
  #makeRoom(): void {
    if (this.#senders.size < limits.callSendersMax) return;
    let silent: Address | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [address, { heardAt }] of this.#senders) {
      if (heardAt >= least) continue;
      least = heardAt;
      silent = address;
    }
    if (silent !== undefined) this.#senders.delete(silent);
    assert(this.#senders.size < limits.callSendersMax, 'K: there is room for one more sender');
  }
}

/** At least so much, if no later message says more. */
function aheadAt({ ahead, heardAt }: Sender, now: number): number {
  return ahead - (now - heardAt) * driftMax;
}
