/** What a client does about one gang: submits it, asks for the result of each member as for that of any
 *  task, and perhaps cancels its first member. */
import {
  type Answer,
  encodeValue,
  type Outcome,
  type RequestBody,
  tenantName,
} from '@troupe/model';
import type { GangOperation, Operation } from '../plan/load.ts';

type TaskOperation = Extract<Operation, { kind: 'task' }>;

/** What the client does for it. */
export interface GangHands {
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  /** What a member came to. */
  told(member: TaskOperation, outcome: Outcome): void;
  /** `refused`: it was not taken at all. */
  end(outcome: Outcome, refused: boolean): void;
}

export function beginGang(operation: GangOperation, hands: GangHands): void {
  const { at, gang, policy, priority, members, cancelAfterMs } = operation;
  const tenant = tenantName(operation.tenant);
  let left = members.length;
  const asked = members.map(({ id: task, name, parts }) => {
    return { task, name, input: encodeValue({ parts }) };
  });
  const waitFor = (index: number): void => {
    const member = members[index];
    const body = asked[index];
    if (member === undefined || body === undefined) return;
    hands.ask({ kind: 'submit-task', tenant, priority, ...body }, (answer) => {
      const outcome = outcomeOf(answer);
      if (outcome === undefined) return;
      hands.told({ kind: 'task', at, tenant, priority, ...member }, outcome);
      left -= 1;
      if (left === 0) hands.end(outcome, false);
    });
  };
  hands.ask({ kind: 'submit-gang', gang, tenant, policy, priority, members: asked }, (answer) => {
    if (answer.kind === 'failed') {
      return hands.end({ ok: false, failure: answer.failure }, true);
    }
    for (const index of members.keys()) waitFor(index);
  });
  const first = members[0]?.id;
  if (cancelAfterMs === undefined || first === undefined) return;
  hands.after(cancelAfterMs, () => {
    hands.ask({ kind: 'cancel-task-request', task: first }, () => undefined);
  });
}

export function outcomeOf(answer: Answer): Outcome | undefined {
  if (answer.kind === 'task-ended') return answer.outcome;
  return answer.kind === 'failed' ? { ok: false, failure: answer.failure } : undefined;
}
