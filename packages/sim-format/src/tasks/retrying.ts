/** A task under another name, tried again as a block of Sim says. */
import { type TaskDefinition, type TaskOptions, task } from '@troupe/sdk';

export function retrying<I, O>(
  of: TaskDefinition<I, O>,
  name: string,
  options: Pick<TaskOptions, 'retries' | 'backoffMs'>,
): TaskDefinition<I, O> {
  const { resources, limitMs } = of;
  return task<I, O>(name, of.run, { resources, limitMs, ...options });
}
