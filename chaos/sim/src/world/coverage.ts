/** States worth reaching. A batch that never reaches one of them has not looked there. */
export const interestingStates = [
  'takeover',
  'takeover during an image',
  'restart from an image',
  'two leaders believe at once',
  'a deposed leader is refused by the journal',
  'a fenced node is refused by its log',
  'a seal races an append',
  'an append without an answer was stored',
  'an append without an answer was lost',
  'a late twin of an append is refused',
  'a checkpoint put is refused for a newer one',
  'a checkpoint put without an answer',
  'a twin of a call after its failover',
  'a call is resent to another node',
  'a call is answered from the record',
  'a begun turn runs again',
  'a recorded step is not repeated',
  'an awaited call comes back after a failover',
  'a checkpoint is stored during a restore',
  'a chain of two',
  'a chain of three',
  'a rebase shortens a chain',
  'a log is deleted',
  'a turn log is trimmed',
  'a journal is trimmed',
  'a drain races a death',
  'a drain races a placement',
  'a node hands all over and leaves',
  'a placement arrives twice',
  'a node is replaced by its own name',
  'a letter is resent',
  'a letter out of order waits',
  'a cycle of calls is refused',
  'a call past its deadline is refused',
  'a call of a forgotten session is refused',
  'a runner crashes under a turn',
  'a turn fails after three crashes',
  'a task is tried again after its node is lost',
  'a result of an old attempt is refused',
  'a run goes on after a takeover',
  'a pause is answered',
  'a branch of each runs',
  'a process dies at a chosen event',
  'a process stands still beyond its lease',
  'a wall clock jumps back',
  'an actor is read back on the node it lives on',
  'a message of an older term is refused',
  'a client moves to another gateway',
  'a read waits for its barrier',
  'the broker restarts',
  'the store stands still',
] as const;

export type InterestingState = (typeof interestingStates)[number];

export class Coverage {
  readonly counts = new Map<InterestingState, number>();

  reach(state: InterestingState): void {
    this.counts.set(state, (this.counts.get(state) ?? 0) + 1);
  }
}
