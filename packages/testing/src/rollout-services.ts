/** Unary calls about rollouts. */
import { bundleHash, type RolloutView, tenantName } from '@troupe/model';
import { errorOf, type Services, told } from './service.ts';

export const rolloutServices: Services = {
  async 'DeploymentsService/StartRollout'({ tenant, bundle, discard, ...asked }, ask) {
    const of = {
      ...asked,
      tenant: tenantName(tenant),
      ...(bundle === '' ? {} : { bundle: bundleHash(bundle) }),
      ...(discard ? { discard } : {}),
    } as const;
    return { rollout: messageOf(told('rollout', await ask({ kind: 'start-rollout', ...of }))) };
  },
  async 'DeploymentsService/ChangeRollout'({ tenant, type, state }, ask) {
    const to = state === 'paused' ? 'paused' : 'running';
    const body = { kind: 'change-rollout', tenant: tenantName(tenant), type, to } as const;
    return { rollout: messageOf(told('rollout', await ask(body))) };
  },
  async 'DeploymentsService/ListRollouts'({ tenant }, ask) {
    const answer = await ask({ kind: 'list-rollouts', tenant: tenantName(tenant) });
    const { rollouts } = told('rollouts', answer);
    return { rollouts: rollouts.map((rollout) => messageOf({ rollout })) };
  },
};

function messageOf({ rollout }: { readonly rollout: RolloutView }) {
  const { bundle, version, failures, ...view } = rollout;
  return {
    ...view,
    to: { bundle, version },
    failures: failures.map(({ actor, failure }) => ({ actor, error: errorOf(failure) })),
  };
}
