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

function viewOf(message: DemandMessage): DemandView {
  const resources = message.resources.map(({ fault, ...figures }): ResourceDemand => {
    return fault === 'over-declared' || fault === 'under-declared'
      ? { ...figures, fault }
      : figures;
  });
  return { ...message, bundle: bundleHash(message.bundle), resources };
}
