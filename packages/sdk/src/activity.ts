/** What goes on at actors, tasks and blocks, as the cluster says it. */
import type { ActorActivity, ProgressView } from '@troupe/model';
import type { ActorActivityMessage, ProgressMessage } from './wire/messages.ts';

export function progressField(message: ProgressMessage | null | undefined): {
  readonly progress?: ProgressView;
} {
  if (message === null || message === undefined) return {};
  const { share, text, agoMs } = message;
  return { progress: text === '' ? { share, agoMs } : { share, text, agoMs } };
}

export function activityField(message: ActorActivityMessage | null | undefined): {
  readonly activity?: ActorActivity;
} {
  if (message === null || message === undefined) return {};
  const { inMemory, queued, turn } = message;
  if (turn === null || turn === undefined) return { activity: { inMemory, queued } };
  const { method, forMs, progress } = turn;
  const since = forMs === null || forMs === undefined ? {} : { forMs };
  return { activity: { inMemory, queued, turn: { method, ...since, ...progressField(progress) } } };
}
