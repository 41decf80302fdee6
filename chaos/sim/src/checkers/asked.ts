/** What clients have asked for, in their own words: whatever happens on the way to a leader. */
import type { PriorityName, RequestBody, TaskId } from '@troupe/model';
import type { ClientMessage } from '@troupe/virtual';

export type AskedTask = Extract<RequestBody, { kind: 'submit-task' }>;
export type AskedGang = Extract<RequestBody, { kind: 'submit-gang' }>;
export type AskedReservation = Extract<RequestBody, { kind: 'put-reservation' }>;
export type AskedTenant = Extract<RequestBody, { kind: 'put-tenant' }>;

export class Asked {
  readonly tasks = new Map<TaskId, AskedTask>();
  readonly gangs = new Map<string, AskedGang>();
  /** By member. */
  readonly gangOf = new Map<TaskId, AskedGang>();
  readonly tenants: AskedTenant[] = [];
  readonly reservations: AskedReservation[] = [];
  readonly #bodies = new Set<RequestBody>();

  sent(message: object): void {
    if (!('kind' in message) || message.kind !== 'client-request') return;
    const { body } = message as Extract<ClientMessage, { kind: 'client-request' }>;
    if (this.#bodies.has(body)) return;
    this.#bodies.add(body);
    if (body.kind === 'submit-task') this.tasks.set(body.task, body);
    else if (body.kind === 'put-tenant') this.tenants.push(body);
    else if (body.kind === 'put-reservation') this.reservations.push(body);
    else if (body.kind === 'submit-gang') {
      this.gangs.set(body.gang, body);
      for (const { task } of body.members) this.gangOf.set(task, body);
    }
  }

  priorityOf(task: TaskId): PriorityName {
    return this.gangOf.get(task)?.priority ?? this.tasks.get(task)?.priority ?? 'normal';
  }
}
