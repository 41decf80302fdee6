/** What tasks declare and use, as operators see it. */
import { bundleHash, type DemandView, type ResourceDemand } from '@troupe/model';
import type { DemandMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

export async function listDemands(
  unary: Unary,
  asked: { readonly tenant: string; readonly limit: number },
): Promise<{ readonly demands: readonly DemandView[]; readonly total: number }> {
  const { demands, total } = await unary.ask('ClusterService/ListDemands', asked);
  return { demands: demands.map(viewOf), total };
}

/** Field by field: the reader adds names of its own for what may be absent. */
function viewOf(message: DemandMessage): DemandView {
  const { bundle, task, attempts, expectedMs, judged, errorShare, biasShare } = message;
  const resources = message.resources.map(resourceOf);
  const durations = { attempts, expectedMs, judged, errorShare, biasShare };
  return { bundle: bundleHash(bundle), task, ...durations, resources };
}

function resourceOf(message: DemandMessage['resources'][number]): ResourceDemand {
  const { resource, declared, samples, p50, p95, proposed, fault } = message;
  return {
    resource,
    declared,
    samples,
    p50,
    p95,
    ...(proposed === undefined ? {} : { proposed }),
    ...(fault === 'over-declared' || fault === 'under-declared' ? { fault } : {}),
  };
}
