/** Looks on like a checker and notes which interesting states were reached. */
import type { Call, CallResult, Letter, TaskResult } from '@troupe/model';
import { decodeCheckpoint, type Memory, type NodeFact } from '@troupe/worker-node-core';
import type { Coverage } from '../world/coverage.ts';
import type { Checker, Restored } from './checker.ts';
import { Phases } from './phases.ts';
import type { Truth } from './truth.ts';

type RecordedFact = Extract<NodeFact, { kind: 'turn-recorded' }>;

/** Epoch of the actor when a turn began to wait. */
const waitedAt = new WeakMap<object, number>();

export function sights(truth: Truth, coverage: Coverage): Checker {
  const answered = new Set<string>();
  const letters = new Set<string>();
  const termOfRun = new Map<string, number>();
  const phases = new Phases(truth, coverage);
  let terms = 0;
  return {
    journalFact(fact) {
      phases.journalFact(fact);
      switch (fact.kind) {
        case 'term-opened':
          terms += 1;
          return;
        case 'actor-migrating':
          if (fact.why !== undefined) coverage.reach('an actor is moved to even out the load');
          return;
        case 'group-sized':
          if (terms > 1) coverage.reach('a group of nodes is sized after a takeover');
          return;
        case 'actor-rebased':
          return coverage.reach('a rebase shortens a chain');
        case 'task-retried': {
          const lost = !fact.reason.ok && fact.reason.failure.code === 'OUTCOME_UNKNOWN';
          if (lost) coverage.reach('a task is tried again after its node is lost');
          return;
        }
        case 'run-started':
          termOfRun.set(fact.run, terms);
          return;
        case 'task-submitted': {
          if (fact.run === undefined) return;
          if (fact.run.block.includes('[')) coverage.reach('a branch of each runs');
          const begun = termOfRun.get(fact.run.run) ?? terms;
          if (begun < terms) coverage.reach('a run goes on after a takeover');
          return;
        }
        default:
      }
    },
    testified() {
      coverage.reach('a witness speaks for a node whose loop stands still');
    },
    turnFact(fact) {
      if (fact.kind === 'turn-recorded') seeRecorded(truth, coverage, fact);
      if (fact.kind === 'clock-pruned') coverage.reach('a clock forgets who has ended');
      if (fact.kind === 'barrier') coverage.reach('a read waits for its barrier');
      if (fact.kind !== 'turn' || fact.outcome.ok) return;
      const { code } = fact.outcome.failure;
      if (code === 'RUNNER_CRASHED') coverage.reach('a turn fails after three crashes');
    },
    sent(_from, _subject, message) {
      switch ('kind' in message ? message.kind : undefined) {
        case 'call':
          return seeCall(truth, coverage, message as Call);
        case 'call-result':
          return seeResult(truth, coverage, answered, message as CallResult);
        case 'letter': {
          const { from, to, number, birth } = message as Letter;
          const cut = 'a letter leaves out of its clock what its receiver knows';
          if (birth !== undefined) coverage.reach(cut);
          const receiver = truth.actors.get(to);
          if (receiver !== undefined && receiver.releasedEpoch === receiver.epoch) {
            coverage.reach('a letter to an actor that moves');
          }
          const once = `${from} ${to} ${number}`;
          if (letters.has(once)) coverage.reach('a letter is resent');
          letters.add(once);
          return;
        }
        case 'task-result': {
          const { task, attempt } = message as TaskResult;
          const present = truth.tasks.get(task);
          const old = present?.ended === undefined && attempt < (present?.attempt ?? 0);
          if (old) coverage.reach('a result of an old attempt is refused');
          return;
        }
        default:
      }
    },
    restored({ actor: id, epoch, checkpoint }) {
      if (checkpoint !== undefined && heldIn(checkpoint)?.begun?.parked === true) {
        coverage.reach('a turn that waits is read back as it waits');
      }
      const actor = truth.actors.get(id);
      const here = actor?.epoch === epoch && actor.lastEpoch === epoch;
      if (here) coverage.reach('an actor is read back on the node it lives on');
    },
  };
}

function seeRecorded(truth: Truth, coverage: Coverage, fact: RecordedFact): void {
  const { recorded, epoch } = fact;
  const actor = truth.actors.get(fact.actor);
  const begun = actor?.memory.begun;
  if (actor === undefined || begun === undefined) return;
  if (recorded.kind === 'wait' && recorded.signal !== undefined) {
    if (epoch > (waitedAt.get(begun) ?? epoch))
      coverage.reach('a wait has its signal after a failover');
  }
  if (recorded.kind === 'wait' && recorded.outcome?.ok === false) {
    if (recorded.outcome.failure.code === 'NO_SIGNAL') coverage.reach('a wait ends by its limit');
  }
  if (recorded.kind === 'wait' && recorded.outcome === undefined) {
    waitedAt.set(begun, epoch);
    if (actor.memory.signals.first(recorded.name) !== undefined) {
      coverage.reach('a signal comes before its wait');
    }
  }
  if (!('lost' in recorded)) return;
  const isKept = begun.recorded.some(
    (one) => one.kind === 'wait' && one.signal !== undefined && recorded.lost.includes(one.ordinal),
  );
  if (isKept) coverage.reach('a signal of a wait that lost is kept');
}

/** One that cannot be read is another promise. */
function heldIn({ body, base }: NonNullable<Restored['checkpoint']>): Memory | undefined {
  try {
    return decodeCheckpoint(body, 0, base).memory;
  } catch {
    return undefined;
  }
}

function seeCall(truth: Truth, coverage: Coverage, { actor: id, caller }: Call): void {
  const actor = truth.actors.get(id);
  const turn = actor?.turns.get(`${caller.session}:${caller.number}`);
  if (actor === undefined || turn === undefined) return;
  if (turn.epoch < actor.epoch) coverage.reach('a twin of a call after its failover');
}

function seeResult(
  truth: Truth,
  coverage: Coverage,
  answered: Set<string>,
  result: CallResult,
): void {
  const { actor, session, number, outcome, mark, clock = {} } = result;
  const { memory } = truth.actors.get(actor) ?? {};
  const whole = Object.keys(memory?.clock ?? {}).length;
  if (mark !== undefined && Object.keys(clock).length < whole) {
    coverage.reach('an answer leaves out of its clock what its caller knows');
  }
  const once = `${actor} ${session} ${number}`;
  if (result.taking === true) return;
  if (outcome.ok && answered.has(once)) coverage.reach('a call is answered from the record');
  answered.add(once);
  if (outcome.ok) return;
  switch (outcome.failure.code) {
    case 'DEADLOCK':
      return coverage.reach('a cycle of calls is refused');
    case 'DEADLINE_EXCEEDED':
      return coverage.reach('a call past its deadline is refused');
    case 'RESOURCE_EXHAUSTED':
      return coverage.reach('a mailbox is full');
    case 'SESSION_FORGOTTEN':
      return coverage.reach('a call of a forgotten session is refused');
    default:
  }
}
