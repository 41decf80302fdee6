/**
 * Attempts of blocks that were at work when their run ended: what they do must not come after what undoes
 * it, so each gets a while to end on its node. Volatile: a new leader asks their nodes anew.
 */
import { limits, type RunId, type TaskId } from '@troupe/model';
import type { LetGo } from './dag/undoing.ts';
import type { Desk } from './desk.ts';
import type { RunClock } from './run-clock.ts';
import { runTaskId } from './run-table.ts';

/** Among the blocks of a run, when one of these is not waited for any longer; no context id begins so. */
const stopped = ' stopped ';

export class StoppingAttempts {
  readonly #desk: Desk;
  readonly #clock: RunClock;
  readonly #attempts = new Map<TaskId, LetGo & { readonly run: RunId }>();

  constructor(desk: Desk, clock: RunClock) {
    this.#desk = desk;
    this.#clock = clock;
  }

  /** `anew`: its node is told once more that it is over. */
  add(run: RunId, block: string, letGo: LetGo, anew: boolean): void {
    const { node, attempt, ledMs } = letGo;
    const until = ledMs + limits.undoGraceMs;
    const phase = this.#desk.state.nodes.get(node)?.phase.kind;
    const isThere = phase === 'alive' || phase === 'draining';
    if (until <= this.#desk.ledMs || !isThere) return;
    const task = runTaskId(run, block);
    this.#attempts.set(task, { ...letGo, run });
    this.#clock.set(run, `${stopped}${block}`, until);
    const { term } = this.#desk;
    if (anew) this.#desk.toNode(node, { kind: 'cancel-task', term, task, attempt });
  }

  /** Whether the attempt of the block may still be at work. */
  has(run: RunId, block: string): boolean {
    const task = runTaskId(run, block);
    const attempt = this.#attempts.get(task);
    if (attempt === undefined) return false;
    if (attempt.ledMs + limits.undoGraceMs > this.#desk.ledMs) return true;
    this.#attempts.delete(task);
    return false;
  }

  /** The run that may go on, if that was one of these. */
  over(task: TaskId, attempt: number): RunId | undefined {
    const known = this.#attempts.get(task);
    if (known === undefined || known.attempt !== attempt) return undefined;
    this.#attempts.delete(task);
    return known.run;
  }

  drop(run: RunId, block: string): void {
    this.#attempts.delete(runTaskId(run, block));
  }

  runs(): readonly RunId[] {
    return Array.from(this.#attempts.values(), ({ run }) => run);
  }
}
