/** What a client does to take a scope back in time: it makes a savepoint, and goes back to there, or to before. */
import {
  type Answer,
  encodeValue,
  type LineTarget,
  type Outcome,
  type RequestBody,
  tenantName,
} from '@troupe/model';
import { tenant } from '../node/program.ts';
import type { Operation } from '../plan/load.ts';
import { vaultOf } from '../plan/vaults.ts';
import type { InterestingState } from '../world/coverage.ts';
import { outcomeOf } from './gang-errand.ts';

type RewindOperation = Extract<Operation, { kind: 'rewind' }>;

interface Ways {
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  reach(state: InterestingState): void;
  end(outcome: Outcome): void;
}

const done: Outcome = { ok: true, value: encodeValue(null) };

export function beginRewind({ scope, savepoint, later, to }: RewindOperation, ways: Ways): void {
  const named = { tenant: tenantName(tenant), scope } as const;
  const rewind = (target: LineTarget): void => {
    ways.ask({ kind: 'rewind', ...named, to: target, by: savepoint }, (answer) => {
      if (answer.kind === 'rewound') ways.reach('a scope goes back in time');
      ways.end(outcomeOf(answer) ?? done);
    });
  };
  ways.ask({ kind: 'make-savepoint', ...named, savepoint }, (answer) => {
    // Nobody is in it yet, or it goes back now.
    if (answer.kind !== 'savepoint') return ways.end(outcomeOf(answer) ?? done);
    const { line } = answer.savepoint;
    ways.after(later, () => {
      if (to === undefined) return rewind({ savepoint });
      const actor = vaultOf(to.vault);
      rewind({ actor, turn: Math.max(0, (line[actor] ?? 0) - to.turnsBefore) });
    });
  });
}
