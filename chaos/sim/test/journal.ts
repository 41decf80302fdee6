/** A checker that is told a journal which somebody wrote by hand. */
import { incarnation, type NodeName, type PriorityName, taskId, tenantName } from '@troupe/model';
import type { SchedulerConfig, SchedulerFact } from '@troupe/scheduler-core';
import { schedulerConfig } from '@troupe/virtual';
import type { Answered, Checker, MakeChecker } from '../src/checkers/checker.ts';
import { Truth } from '../src/checkers/truth.ts';
import { bundles, Manifests } from '../src/plan/bundles.ts';

const timings = { heartbeatMs: 500, nodeSilenceMs: 1_500, probeMs: 300, resendMs: 300 };
export const node = incarnation('node-1.aaaaaaaa');

export class Journal {
  readonly said: string[] = [];
  readonly truth: Truth;
  readonly #checker: Checker;
  /** Of the last fact. */
  position = -1;

  constructor(make: MakeChecker, more: Partial<SchedulerConfig> = {}) {
    const config = { ...schedulerConfig({ cell: 'sim', timings: timings as never }), ...more };
    this.truth = new Truth(config, () => 0, new Manifests([]));
    this.#checker = make(this.truth, (text) => this.said.push(text));
    this.opens();
    const name = 'node-1' as NodeName;
    const site = { resources: { cpu: 4 }, labels: {} };
    this.tell({ kind: 'node-joining', incarnation: node, name, ...site, at: 0 });
    this.tell({ kind: 'node-joined', incarnation: node });
  }

  opens(): void {
    this.tell({ kind: 'term-opened', scheduler: 'sched-1', generation: 1, at: 0 });
  }

  /** Together in one record. */
  tell(...facts: readonly SchedulerFact[]): void {
    const record = this.position + 1;
    const stored = { kind: 'rec', id: `sched-1~1|${record}`, position: record } as never;
    for (const fact of facts) {
      this.position += 1;
      this.#checker.journalFact?.(fact, this.position, stored);
      this.truth.journal(fact, this.position);
    }
  }

  /** Of a fact without which the journal makes no sense only the checker is told. */
  hears(fact: SchedulerFact): void {
    this.#checker.journalFact?.(fact, this.position + 1, {} as never);
  }

  answered(answer: Pick<Answered, 'operation' | 'outcome' | 'refused'>): void {
    this.#checker.answered?.(answer as Answered);
  }

  /** Each is asked for by its client before. */
  submitted(
    id: string,
    given: { readonly tenant?: string; priority?: PriorityName; readonly ledMs: number },
  ): SchedulerFact {
    const { ledMs, priority = 'normal' } = given;
    const task = taskId(id);
    const tenant = tenantName(given.tenant ?? 'lab');
    const input = new Uint8Array();
    const body = { kind: 'submit-task', task, tenant, name: 'work', input, priority };
    this.truth.asked.sent({ kind: 'client-request', body });
    const bundle = bundles[0];
    const declared = { name: 'work', resources: { cpu: 1 }, retries: 3, backoffMs: [], limitMs: 9 };
    return {
      ...declared,
      kind: 'task-submitted',
      task,
      tenant,
      bundle,
      input,
      priority,
      at: 0,
      ledMs,
    } as never;
  }

  started(id: string, place?: number): SchedulerFact {
    const fact = { kind: 'task-started', task: taskId(id), attempt: 1, node };
    return (place === undefined ? fact : { ...fact, place }) as SchedulerFact;
  }
}
