/** An operator who rolls a bundle out, and waits until that is over or another one has taken its place. */
import {
  type Answer,
  bundleHash,
  encodeValue,
  type Outcome,
  type RequestBody,
  tenantName,
} from '@troupe/model';
import { actorType, tenant } from '../node/program.ts';
import { bundles } from '../plan/bundles.ts';
import type { Operation } from '../plan/load.ts';
import type { InterestingState } from '../world/coverage.ts';

interface Ways {
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  deploy(version: number): void;
  reach(state: InterestingState): void;
  end(outcome: Outcome): void;
}

const againMs = 500;
const done: Outcome = { ok: true, value: encodeValue(null) };

export function beginRollout(
  { by, to, atOnce, pauseMs }: Extract<Operation, { kind: 'rollout' }>,
  ways: Ways,
): void {
  const named = { tenant: tenantName(tenant), type: actorType } as const;
  const bundle = bundles[to] ?? bundleHash('');
  const wait = (at: number): void => {
    ways.ask({ kind: 'list-rollouts', tenant: named.tenant }, (answer) => {
      const [rollout] = answer.kind === 'rollouts' ? answer.rollouts : [];
      const isOver = rollout !== undefined && (rollout.at !== at || rollout.state !== 'running');
      if (!isOver) return ways.after(againMs, () => wait(at));
      if (rollout.at === at) ways.reach('a rollout is done');
      ways.end(done);
    });
  };
  const start = (): void => {
    const pace = { atOnce, pauseMs: Math.floor(pauseMs), failuresMax: 1_000 };
    ways.ask({ kind: 'start-rollout', by, ...named, bundle, ...pace }, (answer) => {
      if (answer.kind === 'rollout') return wait(answer.rollout.at);
      // It is not deployed yet.
      ways.deploy(to);
      ways.after(againMs, start);
    });
  };
  start();
}
