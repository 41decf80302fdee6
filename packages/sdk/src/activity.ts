/** What goes on at actors, tasks and blocks, as the cluster says it. */
import type { ActorActivity, ActorUse, ProgressView, TurnUse } from '@troupe/model';
import type { ActorActivityMessage, ActorUseMessage, ProgressMessage } from './wire/messages.ts';

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
  const { inMemory, queued, turn, use, restoring } = message;
  const back =
    restoring === null || restoring === undefined
      ? {}
      : { restoring: { forMs: restoring.forMs, at: restoring.at } };
  const known = { inMemory, queued, ...back, ...useField(use) };
  if (turn === null || turn === undefined) return { activity: known };
  const { method, forMs, progress } = turn;
  const since = forMs === null || forMs === undefined ? {} : { forMs };
  return { activity: { ...known, turn: { method, ...since, ...progressField(progress) } } };
}

/** Field by field: the reader adds names of its own for what may be absent. */
function useField(message: ActorUseMessage | null | undefined): { readonly use?: ActorUse } {
  if (message === null || message === undefined) return {};
  const { turns, reads, cpuMs, unmeasured, inBytes, outBytes, deltaBytes } = message;
  const { stateBytes, last } = message;
  return {
    use: {
      turns,
      reads,
      cpuMs,
      unmeasured,
      inBytes,
      outBytes,
      deltaBytes,
      ...(stateBytes === null || stateBytes === undefined ? {} : { stateBytes }),
      ...(last === null || last === undefined ? {} : { last: lastOf(last) }),
    },
  };
}

function lastOf(message: NonNullable<ActorUseMessage['last']>): TurnUse {
  const { method, tookMs, cpuMs, inBytes, outBytes, deltaBytes } = message;
  const measured = cpuMs === null || cpuMs === undefined ? {} : { cpuMs };
  return { method, tookMs, ...measured, inBytes, outBytes, deltaBytes };
}
