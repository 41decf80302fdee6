/** A workflow of the builder, compiled as the cluster compiles it and played without one. */
import { decodeValue } from '@troupe/model';
import { compile, type Played, play } from '../../../scheduler/core/src/dag/index.ts';
import type { TaskDefinition, WorkflowDefinition } from '../src/define.ts';

export class Failing {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** What the outcome was, and which blocks ended, in order. */
export interface Seen {
  readonly output?: unknown;
  readonly failed?: string;
  readonly ended: readonly string[];
}

export function played(
  { workflow }: WorkflowDefinition<never, unknown>,
  tasks: readonly TaskDefinition<never, unknown>[],
  input: unknown,
  does: (block: Played) => unknown = ({ input: given }) => given,
): Seen {
  const compiled = compile(workflow, { tasks });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  const { outcome, ended } = play(compiled, input, (block) => {
    const value = does(block);
    return value instanceof Failing
      ? { failure: { code: 'RETRIES_EXHAUSTED', message: value.message, details: {} } }
      : { value };
  });
  const ids = ended.map(({ id }) => id);
  return outcome.ok
    ? { output: decodeValue(outcome.value), ended: ids }
    : { failed: outcome.failure.message, ended: ids };
}
