/** What was refused as surely not done has no effect, neither before nor after the refusal. */
import { type ActorId, actorId, errorTable, type Outcome, type TaskId } from '@troupe/model';
import { tenant } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';
import { causeKey } from './truth.ts';

export const refusedDidNothing: MakeChecker = (truth, violate) => {
  const refused = new Map<string, string>();
  /** Turns that changed something, or left their actor before they failed. */
  const did = new Set<string>();
  const refuse = (actor: ActorId, cause: string, outcome: Outcome, who: string): void => {
    if (outcome.ok || errorTable[outcome.failure.code].outcome !== 'none') return;
    refused.set(`${actor} ${cause}`, outcome.failure.code);
    if (!did.has(`${actor} ${cause}`)) return;
    violate(`${who} was told ${outcome.failure.code} for ${cause} at ${actor}, which took effect`);
  };
  /** Sessions of tasks that changed an actor, and those that were told that nothing was done. */
  const calledBy = new Map<string, ActorId>();
  const refusedTasks = new Map<string, string>();
  const refuseTask = (task: string, outcome: Outcome, who: string): void => {
    if (outcome.ok || errorTable[outcome.failure.code].outcome !== 'none') return;
    refusedTasks.set(`task:${task}`, outcome.failure.code);
    const called = calledBy.get(`task:${task}`);
    if (called === undefined) return;
    violate(`${who} was told ${outcome.failure.code} for ${task}, which had called ${called}`);
  };
  const tookEffect = (session: string, actor: ActorId): void => {
    if (!session.startsWith('task:')) return;
    calledBy.set(session, actor);
    const code = refusedTasks.get(session);
    if (code !== undefined) violate(`${session} took effect at ${actor} after ${code}`);
  };
  /** Tasks that were not taken. */
  const turnedAway = new Map<TaskId, string>();
  const turnAway = (task: TaskId, outcome: Outcome, who: string): void => {
    if (outcome.ok || errorTable[outcome.failure.code].outcome !== 'none') return;
    turnedAway.set(task, outcome.failure.code);
    if (!truth.tasks.has(task)) return;
    violate(`${who} was told ${outcome.failure.code} for ${task}, which was taken`);
  };
  return {
    journalFact(fact) {
      if (fact.kind !== 'task-submitted') return;
      const code = turnedAway.get(fact.task);
      if (code !== undefined) violate(`${fact.task} was taken after ${code}`);
    },
    answered({ operation, session, number, outcome, refused = false }) {
      if (operation.kind === 'task') {
        refuseTask(operation.id, outcome, session);
        if (refused) turnAway(operation.id, outcome, session);
      }
      if (operation.kind === 'gang' && refused) {
        for (const { id } of operation.members) turnAway(id, outcome, session);
      }
      const { kind } = operation;
      if (kind !== 'call' && kind !== 'topic' && kind !== 'send' && kind !== 'stream') return;
      refuse(operation.actor, `${session}:${number}`, outcome, session);
    },
    turnFact(fact) {
      if (fact.kind === 'turn-begun' || (fact.kind === 'turn' && fact.outcome.ok)) {
        const cause = causeKey(fact.cause);
        did.add(`${fact.actor} ${cause}`);
        if (fact.cause.kind === 'call') tookEffect(fact.cause.session, fact.actor);
        const code = refused.get(`${fact.actor} ${cause}`);
        if (code !== undefined) violate(`${cause} took effect at ${fact.actor} after ${code}`);
      } else if (fact.kind === 'turn-recorded' && fact.recorded.kind === 'call') {
        const { outcome, name, ordinal } = fact.recorded;
        const caller = truth.actors.get(fact.actor);
        if (outcome === undefined || caller === undefined) return;
        const type = name.slice(0, name.indexOf('/'));
        const key = name.slice(name.indexOf('/') + 1, name.lastIndexOf('.'));
        const cause = `actor:${caller.id}#${caller.birth}:${fact.seq * 65_536 + ordinal}`;
        refuse(actorId(tenant, type, key), cause, outcome, caller.id);
      }
    },
  };
};
