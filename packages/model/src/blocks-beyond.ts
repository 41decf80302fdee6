/**
 * Blocks of runs that have to do with turns beyond a line. A block calls actors by its task, and so under
 * a session that names the task: `task:run:RUN:BLOCK:PRINT`, where the print is that of the call.
 *
 * Y15 of what turns beyond a line have answered, every block of a run is named once for each actor, however
 *     many effects are named.
 */
import type { ActorId, TaskId } from './ids.ts';
import type { OutsideEffect } from './line.ts';

/** A block for which turns of an actor beyond a line have worked. */
export interface BlockBeyond {
  readonly actor: ActorId;
  /** Its task, `run:RUN:BLOCK`. */
  readonly task: TaskId;
  /** The first of these turns, and the id of the call that it was. */
  readonly turn: number;
  readonly call: string;
  /** How many calls of it there are beyond the line. */
  readonly calls: number;
}

const sessionPrefix = 'task:';
const blockPrefix = `${sessionPrefix}run:`;

/** Of what turns of one actor have done, in the order of the turns. */
export function blocksAmong(effects: readonly OutsideEffect[]): BlockBeyond[] {
  const blocks = new Map<TaskId, BlockBeyond>();
  for (const { actor, turn, kind, what: call } of effects) {
    if (kind !== 'answer' || !call.startsWith(blockPrefix)) continue;
    const task = taskOfCall(call);
    const known = blocks.get(task);
    if (known === undefined) blocks.set(task, { actor, task, turn, call, calls: 1 });
    else blocks.set(task, { ...known, calls: known.calls + 1 });
  }
  return [...blocks.values()];
}

/** Without the print of the call and its number, which have no colons. */
function taskOfCall(call: string): TaskId {
  const end = call.lastIndexOf(':', call.lastIndexOf(':') - 1);
  return call.slice(sessionPrefix.length, end) as TaskId;
}
