/**
 * Deliberate faults. A simulation that does not notice them proves nothing. Each is a switch at the
 * rim of the machines or in the virtual stores; the cores are not touched.
 */
export const mutants = {
  'released-without-waiting': 'an append counts as done when it is sent',
  'sent-before-append': 'what a machine says leaves before its facts are appended',
  'no-fence-in-the-log': 'the store ignores the expected position',
  'fence-is-trimmed': 'a seal at the end of a log goes with trimming',
  'unconditional-append': 'writers append without an expectation',
  'refused-append-is-retried': 'a refused append is tried again behind the new end',
  'refused-append-is-skipped':
    'after a refused append the writer goes on with the next position, as pipelined appends do',
  'silence-is-success': 'an append without an answer counts as stored',
  'seal-is-not-read-back': 'a seal is said to stand where it was expected',
  'placed-without-a-seal': 'actors of a lost node are placed anew without sealing its log',
  'chain-forgets-a-log': 'a placement names only the last log of a chain',
  'log-deleted-too-early': 'a log is deleted as soon as it is sealed',
  'last-written-checkpoint-wins': 'a checkpoint replaces whatever stands there',
  'checkpoint-not-stored': 'a checkpoint counts as stored and is not',
  'dedupe-not-in-the-checkpoint': 'a checkpoint forgets which calls were answered',
  'letters-not-in-the-checkpoint': 'a checkpoint forgets which letters were received',
  'outbox-not-in-the-checkpoint': 'a checkpoint forgets the letters that wait',
  'begun-turn-not-in-the-checkpoint': 'a checkpoint forgets a turn that has begun',
  'acknowledged-on-receipt': 'a letter is acknowledged when it arrives',
  'begun-turns-not-recorded': 'a turn that leaves its actor is not recorded before',
  'steps-not-gated': 'a step begins before its turn is durable',
  'reads-not-barred': 'a read is answered without an append after it',
  'image-forgets-facts': 'an image is older than it says',
  'journal-trimmed-too-far': 'the journal is trimmed beyond its image',
  'old-attempt-accepted': 'a result of an old attempt of a task counts',
  'resend-after-a-forgotten-session': 'a gateway gives a call a new deadline each time it sends it',
  'lost-edge-in-a-join': 'a block forgets one of its predecessors',
  'rounds-at-once': 'a round begins before the last one has ended',
  'branch-counted-twice': 'the result of a branch counts for another branch too',
  'wait-ends-early': 'a block that waits goes on after half of its time',
  'pause-without-its-limit': 'a pause that nobody answers in time waits on',
  'answer-to-another-iteration': 'an answer goes to another open pause of the run',
  'error-edge-not-taken': 'a failure does not leave by the error edge of its block',
  'both-ways-of-a-choice': 'what stands behind the port that was not chosen runs too',
  'answer-ends-nothing': 'a run goes on after its answer',
  'branches-without-bound': 'more branches run at once than their block allows',
  'child-end-told-twice': 'the end of a child run is journaled twice',
  'moved-whatever-differs': 'a run goes on by a version in which what has begun is another',
  'reserved-beyond-a-node': 'a node is given more than it has room for',
  'tenant-not-charged': 'what the tasks of some tenants take is not charged to them',
  'charged-without-weight':
    'a tenant is charged by its weight, which leaves it no more than others',
  'charged-twice': 'what the tasks of some tenants take is charged to them twice',
  'timers-by-another-clock': 'the timers of a leader run by a clock that is three times too fast',
  'unknown-told-as-refused': 'a call that was sent and not answered is told to have done nothing',
  'result-told-to-another': 'who asks for a task is told the result of the one before',
  'letters-by-arrival': 'a receiver takes letters in the order in which they arrive',
  'letters-sent-once': 'a letter that is not acknowledged is not sent again',
  'clock-forgets-the-sender': 'the clock of a turn does not say what it knows of others',
  'restored-without-its-log': 'an actor is read back from its checkpoint alone',
  'older-checkpoint-read': 'an actor is read back from the checkpoint before the last',
  'attempt-sent-twice': 'a leader that took over sends a running attempt to another node too',
  'older-terms-obeyed': 'a node obeys leaders of older terms',
  'answered-calls-are-kept': 'a gateway goes on with calls that it has answered',
  'letters-lost-in-a-drain': 'a node that leaves hands its actors over without their letters',
  'placements-not-heard-of': 'a leader does not hear that what it placed has arrived',
  'given-up-before-its-limit': 'an attempt is given up by its time limit when it has hardly begun',
  'first-place-is-kept': 'a gateway goes on sending to the first place that it knew of an actor',
} as const;

export type MutantName = keyof typeof mutants;

export function mutantNamed(name: string): MutantName | undefined {
  return Object.hasOwn(mutants, name) ? (name as MutantName) : undefined;
}
