/** All runs, by the facts of the journal. */
import { decodeValue, type Workflow } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { Manifests } from '../../plan/bundles.ts';
import { expectedOf } from './expected.ts';
import { RunLedger } from './run-ledger.ts';
import { undoneBy } from './tree.ts';

export class Ledgers {
  readonly #runs = new Map<string, RunLedger>();
  readonly #tasks = new Map<string, { readonly run: string; readonly block: string }>();
  readonly #manifests: Manifests;

  constructor(manifests: Manifests) {
    this.#manifests = manifests;
  }

  get(run: string): RunLedger | undefined {
    return this.#runs.get(run);
  }

  all(): Iterable<RunLedger> {
    return this.#runs.values();
  }

  workflow(fact: Extract<SchedulerFact, { kind: 'run-moved' }>): Workflow | undefined {
    const name = this.#runs.get(fact.run)?.tree.workflow.name;
    return name === undefined ? undefined : this.#manifests.workflow(fact.bundle, name);
  }

  /** How long a context that begins to wait must wait, or may. */
  waitOf(run: string, block: string): number | undefined {
    const ledger = this.#runs.get(run);
    const where = ledger?.tree.find(block);
    if (ledger === undefined || where === undefined) return undefined;
    const expected = readable(() => expectedOf(ledger, where));
    if (expected?.kind === 'wait') return expected.ms;
    return expected?.kind === 'pause' ? expected.limitMs : undefined;
  }

  limitOf(fact: Extract<SchedulerFact, { kind: 'run-started' }>): number | undefined {
    return this.#manifests.workflow(fact.bundle, fact.workflow).limitMs;
  }

  apply(fact: SchedulerFact): void {
    switch (fact.kind) {
      case 'run-started':
        return this.#start(fact);
      case 'branches-expanded':
        return this.#runs.get(fact.run)?.expand(fact.block, fact.count);
      case 'round-decided':
        return this.#runs.get(fact.run)?.decide(fact.block, fact.more);
      case 'block-paused':
      case 'block-waiting': {
        this.#runs.get(fact.run)?.begin(fact.block);
        return;
      }
      case 'block-ended':
        return this.#runs.get(fact.run)?.settle(fact.block, fact.outcome);
      case 'task-submitted': {
        if (fact.run === undefined) return;
        const { run, block } = fact.run;
        this.#tasks.set(fact.task, fact.run);
        const ledger = this.#runs.get(run);
        const undone = undoneBy(block);
        if (undone === undefined) ledger?.begin(block);
        else ledger?.undone.add(undone);
        return;
      }
      case 'task-ended': {
        const block = this.#tasks.get(fact.task);
        this.#tasks.delete(fact.task);
        if (block !== undefined) this.#runs.get(block.run)?.settle(block.block, fact.outcome);
        return;
      }
      case 'block-not-undone':
        this.#runs.get(fact.run)?.undone.add(fact.block);
        return;
      case 'run-undoing': {
        const ledger = this.#runs.get(fact.run);
        if (ledger !== undefined) ledger.undoing = fact.failure;
        return;
      }
      case 'run-moved': {
        const workflow = this.workflow(fact);
        if (workflow !== undefined) this.#runs.get(fact.run)?.move(workflow, fact.bundle);
        return;
      }
      case 'run-ended': {
        const ledger = this.#runs.get(fact.run);
        if (ledger === undefined) return;
        ledger.ended = { state: fact.state, outcome: fact.outcome };
        const { parent } = ledger;
        if (parent !== undefined) this.#runs.get(parent.run)?.settle(parent.block, fact.outcome);
        return;
      }
      case 'runs-forgotten':
        for (const run of fact.runs) this.#runs.delete(run);
        return;
      default:
    }
  }

  #start(fact: Extract<SchedulerFact, { kind: 'run-started' }>): void {
    const { run, parent, from } = fact;
    const workflow = this.#manifests.workflow(fact.bundle, fact.workflow);
    const earlier = from === undefined ? undefined : this.#runs.get(from.run);
    const isSame = earlier !== undefined && fact.input.length === 0;
    const input = isSame ? earlier.input : decodeValue(fact.input);
    const { limitMs } = workflow;
    const ledger = new RunLedger(workflow, { run, bundle: fact.bundle, input, limitMs, parent });
    earlier?.carryInto(ledger, from ?? {});
    this.#runs.set(run, ledger);
    if (parent !== undefined) this.#runs.get(parent.run)?.begin(parent.block);
  }
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
