/** A task that nobody has written yet: it fails, and says so. */
import { troupeError } from '@troupe/model';
import { type TaskDefinition, task } from '@troupe/sdk';

export function toWrite(name: string): TaskDefinition<unknown, never> {
  return task<unknown, never>(
    name,
    () => {
      const what = `the task "${name}" is not written: the import had no counterpart for this type`;
      throw troupeError('UNKNOWN_TASK', what, { task: name });
    },
    { retries: 0 },
  );
}
